namespace ScoringEngine.Storage;

/// <summary>Names a request, so that its repetition is known: 128 bits of a hash of the client's request id; zero for none.</summary>
/// <param name="Value">The bits.</param>
public readonly record struct RequestKey(UInt128 Value)
{
    /// <summary>Whether there is no request id.</summary>
    public bool IsNone => Value == UInt128.Zero;
}

/// <summary>What <see cref="CustomerStore.Upsert"/> did.</summary>
/// <param name="Sequence">Number of the write, 1 or more; later writes of a store have higher numbers.</param>
/// <param name="Created">Whether no customer had the id before.</param>
public readonly record struct WriteReceipt(ulong Sequence, bool Created);

/// <summary>What <see cref="CustomerStore.UpsertMany"/> did.</summary>
/// <param name="Sequence">Number of the last write of the block; 0 when the block is empty.</param>
/// <param name="Created">How many customers were not stored before.</param>
public readonly record struct BlockReceipt(ulong Sequence, int Created);
