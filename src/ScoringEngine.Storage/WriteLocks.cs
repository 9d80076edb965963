namespace ScoringEngine.Storage;

/// <summary>
/// One spin lock for each group of index buckets, held around every write. FASTER locks the bucket as well, but only
/// after it has looked up the chain; when two writers meet there, the loser abandons a half-written record in the log
/// whose length field is wrong, and a log scan loses its way. With these locks they never meet.
/// </summary>
internal sealed class WriteLocks
{
    /// <summary>A power of two, at most the number of index buckets: keys of one bucket share a lock.</summary>
    public const int Count = 1024;

    // One lock a cache line.
    private const int Stride = 16;

    private readonly int[] _held = new int[Count * Stride];

    /// <summary>Takes the lock of a key's hash; returns what to release.</summary>
    public ref int Acquire(long hash)
    {
        ref int held = ref _held[(int)(hash & (Count - 1)) * Stride];
        SpinWait spin = default;
        while (held != 0 || Interlocked.CompareExchange(ref held, 1, 0) != 0)
        {
            spin.SpinOnce();
        }
        return ref held;
    }

    public static void Release(ref int held) => Volatile.Write(ref held, 0);
}
