using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage;

/// <summary>Where and how a <see cref="CustomerDatabase"/> keeps customers; checked when it is opened.</summary>
public sealed record CustomerDatabaseOptions
{
    /// <summary>The data directory; made when it is not there or empty. Null, the default: nothing survives this process.</summary>
    public string? Directory { get; init; }

    /// <summary>What has happened to a write when <see cref="CustomerDatabase.CommittedAsync(ulong, CancellationToken)"/> completes. Default <see cref="Durability.Commit"/>.</summary>
    public Durability Durability { get; init; }

    /// <summary>Longest time that a write waits for its fsync with <see cref="Durability.Interval"/>, 1 ms to 1 h. Default 100 ms.</summary>
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Sizes of the live store. Its folder, when it is null, is one in <see cref="Directory"/>.</summary>
    public CustomerStoreOptions Store { get; init; } = new();

    /// <summary>Time after which a snapshot is taken when more than 1 KiB was written since the last, 1 s or more. Default 1 h.</summary>
    public TimeSpan SnapshotInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Bytes of writes since the last snapshot after which one is taken, 64 KiB or more: they bound the disk that the journal takes
    /// (about three times that) and the time of recovery. Default 1 GiB.
    /// </summary>
    public long SnapshotJournalBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Whether to open a directory that is damaged with what can be proven of it. What was lost, if anything, is written to a
    /// file <c>repair-TIME.txt</c> in the directory, and the damaged files are kept in its folder <c>damaged</c>. Default false: damage
    /// is refused.
    /// </summary>
    public bool Repair { get; init; }

    /// <summary>
    /// Whether this is the first load of an empty directory: without a journal, so nothing survives until
    /// <see cref="CustomerDatabase.SnapshotAsync"/> has completed. Default false.
    /// </summary>
    public bool BulkLoad { get; init; }

    /// <summary>Threads that apply what recovery reads, 1 to 256; 0, the default, for one a processor.</summary>
    public int RecoveryThreads { get; init; }

    /// <summary>Number of latest requests whose receipts are kept, 0 to 2 million; 60 to 100 bytes each. Default 1 million.</summary>
    public int RecentRequests { get; init; } = 1_000_000;

    /// <summary>Told of what happens in the background, on a thread of the pool; must not throw. Default null.</summary>
    public Action<StorageNotice>? Notify { get; init; }

    /// <summary>Length of a journal's segments; a seam for tests, where 64 MiB of nothing take long to look through.</summary>
    internal long JournalSegmentBytes { get; init; } = new JournalOptions().SegmentBytes;

    /// <summary>Makes what is behind the live store's log; a seam for tests, where it fails.</summary>
    internal Func<string, LogDevice> CreateDevice { get; init; } = static directory => new LogDevice(directory);

    internal int EffectiveRecoveryThreads => RecoveryThreads == 0 ? Environment.ProcessorCount : RecoveryThreads;

    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    /// <exception cref="ArgumentException">Options exclude each other.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(CommitInterval, TimeSpan.FromMilliseconds(1), nameof(CommitInterval));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(CommitInterval, TimeSpan.FromHours(1), nameof(CommitInterval));
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotInterval, TimeSpan.FromSeconds(1), nameof(SnapshotInterval));
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotJournalBytes, 64 << 10, nameof(SnapshotJournalBytes));
        ArgumentOutOfRangeException.ThrowIfNegative(RecoveryThreads, nameof(RecoveryThreads));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(RecoveryThreads, 256, nameof(RecoveryThreads));
        ArgumentOutOfRangeException.ThrowIfNegative(RecentRequests, nameof(RecentRequests));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(RecentRequests, 2_000_000, nameof(RecentRequests));
        if (BulkLoad && (Directory is null || Repair))
        {
            throw new ArgumentException("a bulk load needs a directory, and one that needs no repair", nameof(BulkLoad));
        }
    }
}

/// <summary>What a <see cref="StorageNotice"/> is about.</summary>
public enum StorageNoticeKind
{
    /// <summary>A snapshot was taken.</summary>
    SnapshotTaken,

    /// <summary>A snapshot could not be taken; the journal has all writes, and it is tried again.</summary>
    SnapshotFailed,

    /// <summary>A journal cannot be written: writes are refused until it can.</summary>
    JournalFailed,

    /// <summary>The journal can be written again; all writes that were under way are durable.</summary>
    JournalResumed,

    /// <summary>The live store refuses writes, see <see cref="CustomerStore.Fault"/>.</summary>
    StoreFailed,

    /// <summary>The live store takes writes again.</summary>
    StoreResumed,

    /// <summary>What superseded versions take in the live store could not be given back.</summary>
    CompactionFailed,

    /// <summary>Damage was repaired when the database was opened.</summary>
    Repaired,
}

/// <summary>Something that happened in the background of a database.</summary>
/// <param name="Kind">What.</param>
/// <param name="Message">For a person to read.</param>
/// <param name="Error">The failure, if it is one.</param>
public readonly record struct StorageNotice(StorageNoticeKind Kind, string Message, Exception? Error);
