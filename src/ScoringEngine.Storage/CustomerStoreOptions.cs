namespace ScoringEngine.Storage;

/// <summary>Sizes and places of a <see cref="CustomerStore"/>; checked when the store is made.</summary>
public sealed record CustomerStoreOptions
{
    /// <summary>
    /// Folder of the files that take the records which memory cannot hold. The files are private to one store and gone
    /// with it, however its process ends: they are no durable state. Null, the default: the temp folder.
    /// </summary>
    public string? Directory { get; init; }

    /// <summary>
    /// Memory for records in bytes, 1 MiB to 1 TiB and at least four pages; rounded down to a power of two. The
    /// index comes on top. Older records beyond it are on disk. Default 1 GiB.
    /// </summary>
    public long MemoryBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Number of customers the index is sized for, 1 to 10 thousand million; it takes 12 to 24 bytes for each and
    /// does not grow. More customers than that make operations slower, never wrong. Default 1 million.
    /// </summary>
    public long ExpectedCustomers { get; init; } = 1_000_000;

    /// <summary>
    /// Bytes that move between memory and disk at a time, 64 KiB to 256 MiB; rounded down to a power of two. Default 4 MiB.
    /// </summary>
    public int PageBytes { get; init; } = 4 << 20;

    /// <summary>Most contact events kept for a customer, 1 to 4096; the oldest drop out. Default 64.</summary>
    public int MaxContactEvents { get; init; } = 64;

    /// <summary>Bytes of the index: a power of two, so that two customers of one bucket share a write lock (see <see cref="WriteLocks"/>).</summary>
    internal long IndexBytes => Math.Max(WriteLocks.Count * BytesPerBucket, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)ExpectedCustomers * IndexBytesPerCustomer));

    internal int PowerOfTwoPageBytes => 1 << int.Log2(PageBytes);

    /// <summary>FASTER can leave pages of a larger buffer empty, but fills it all the same when the disk is slower than the writes.</summary>
    internal long PowerOfTwoMemoryBytes => 1L << (int)long.Log2(MemoryBytes);

    internal const int IndexBytesPerCustomer = 12;
    internal const int MaxMaxContactEvents = 4096;
    private const int BytesPerBucket = 64;

    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    internal void Validate()
    {
        Check(MemoryBytes, 1L << 20, 1L << 40, nameof(MemoryBytes));
        Check(ExpectedCustomers, 1, 10_000_000_000, nameof(ExpectedCustomers));
        Check(PageBytes, 1 << 16, 1 << 28, nameof(PageBytes));
        Check(MaxContactEvents, 1, MaxMaxContactEvents, nameof(MaxContactEvents));
        if (MemoryBytes < 4L * PageBytes)
        {
            throw new ArgumentOutOfRangeException(nameof(MemoryBytes), MemoryBytes, $"expected at least four pages of {PageBytes} bytes");
        }
    }

    private static void Check(long value, long minimum, long maximum, string name)
    {
        if (value < minimum || value > maximum)
        {
            throw new ArgumentOutOfRangeException(name, value, $"expected {minimum} to {maximum}");
        }
    }
}
