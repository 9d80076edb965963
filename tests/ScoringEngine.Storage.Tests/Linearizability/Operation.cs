namespace ScoringEngine.Storage.Tests.Linearizability;

internal enum OperationKind : byte
{
    Upsert,
    Delete,
    Read,
}

/// <summary>A completed operation on a register, one for each key, that holds a value or <see cref="Absent"/>.</summary>
/// <param name="Key">The register, from 0.</param>
/// <param name="Slot">Who made it, 0 to 63; operations of a slot on a key follow each other.</param>
/// <param name="Kind">What it does.</param>
/// <param name="Value">Upsert: the value written, 1 or more. Read: the value read, or <see cref="Absent"/>. Delete: 0.</param>
/// <param name="Existed">Answer of an upsert or a delete: whether there was a value before.</param>
/// <param name="Invoked">Moment before the call, from a counter all threads share.</param>
/// <param name="Returned">Moment after it, from the same counter.</param>
internal readonly record struct Operation(int Key, int Slot, OperationKind Kind, int Value, bool Existed, int Invoked, int Returned)
{
    public const int Absent = 0;

    /// <summary>Whether the operation answers as it did when the register holds <paramref name="state"/>, and what it then leaves.</summary>
    public bool Applies(int state, out int next)
    {
        next = Kind == OperationKind.Read ? state : Value;
        return Kind == OperationKind.Read ? state == Value : Existed == (state != Absent);
    }
}
