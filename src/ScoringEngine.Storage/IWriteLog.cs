namespace ScoringEngine.Storage;

/// <summary>
/// Numbers the writes of a store, and keeps them where they are to survive. Called once for each write, before it is
/// applied and while its key is locked: a customer's writes have ascending numbers in the order they are applied.
/// </summary>
internal interface IWriteLog
{
    /// <summary>Takes a write of a whole customer.</summary>
    /// <returns>Its sequence number, 1 or more.</returns>
    /// <exception cref="IOException">It cannot be kept; the store is left as it is.</exception>
    ulong Upsert(ReadOnlySpan<byte> id, in CustomerAttributes attributes, ReadOnlySpan<float> features, RequestKey request);

    /// <summary>Takes the removal of a customer that is stored.</summary>
    /// <returns>Its sequence number, 1 or more.</returns>
    /// <exception cref="IOException">It cannot be kept; the store is left as it is.</exception>
    ulong Delete(ReadOnlySpan<byte> id, RequestKey request);

    /// <summary>Takes the secret that a customer gets with its first contact.</summary>
    /// <returns>Its sequence number, 1 or more.</returns>
    /// <exception cref="IOException">It cannot be kept; the store is left as it is.</exception>
    ulong ContactSecret(ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret);
}

/// <summary>Numbers writes and keeps nothing.</summary>
internal sealed class MemoryWriteLog : IWriteLog
{
    private ulong _sequence;

    public ulong Upsert(ReadOnlySpan<byte> id, in CustomerAttributes attributes, ReadOnlySpan<float> features, RequestKey request)
        => Interlocked.Increment(ref _sequence);

    public ulong Delete(ReadOnlySpan<byte> id, RequestKey request) => Interlocked.Increment(ref _sequence);

    public ulong ContactSecret(ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret) => Interlocked.Increment(ref _sequence);
}
