namespace ScoringEngine.Storage.Journals;

/// <summary>How a <see cref="Journal"/> writes.</summary>
internal sealed record JournalOptions
{
    /// <summary>What the records are about; a journal of one kind is not read as another.</summary>
    public uint Kind { get; init; } = 1;

    /// <summary>When a record is acknowledged.</summary>
    public Durability Durability { get; init; } = Durability.Commit;

    /// <summary>Longest time between a write and its fsync with <see cref="Durability.Interval"/>; above 0.</summary>
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Length at which a new segment is started, 4 KiB to 1 GiB. A segment has that length from the start, as a hole: an fsync then has less to do.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Bytes that may wait for the disk before <see cref="Journal.Append(uint, ReadOnlySpan{byte})"/> waits too, 4 KiB to 1 GiB.</summary>
    public long PendingBytes { get; init; } = 64 << 20;

    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(CommitInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(SegmentBytes, 4 << 10);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SegmentBytes, 1 << 30);
        ArgumentOutOfRangeException.ThrowIfLessThan(PendingBytes, 4 << 10);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(PendingBytes, 1 << 30);
    }
}
