using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>A <see cref="CustomerDatabase"/> at one moment.</summary>
public sealed record CustomerDatabaseStatistics
{
    /// <summary>Sizes of the live store.</summary>
    public required CustomerStoreStatistics Store { get; init; }

    /// <summary>Number of the last write; 0 before the first.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>Number of the last write that is as durable as it is to be.</summary>
    public required ulong CommittedSequence { get; init; }

    /// <summary>Number of the last contact; 0 before the first.</summary>
    public required ulong ContactSequence { get; init; }

    /// <summary>Bytes of writes since the newest snapshot: what recovery would replay.</summary>
    public required long JournalBytes { get; init; }

    /// <summary>The snapshots, newest first, at most two.</summary>
    public required IReadOnlyList<SnapshotInfo> Snapshots { get; init; }

    /// <summary>Age of the newest snapshot; null when there is none.</summary>
    public required TimeSpan? SnapshotAge { get; init; }

    /// <summary>Why the journal refuses writes at the moment, or null.</summary>
    public required JournalUnavailableException? JournalFault { get; init; }

    /// <summary>Why the live store refuses writes at the moment, or null.</summary>
    public required IOException? StoreFault { get; init; }

    /// <summary>Why the last try to take a snapshot failed, or null.</summary>
    public required Exception? SnapshotFault { get; init; }

    /// <summary>Time that opening the database took.</summary>
    public required TimeSpan RecoveryTime { get; init; }
}

/// <summary>A backup that was written, flushed and read back.</summary>
/// <param name="Directory">Its folder: a data directory of its own.</param>
/// <param name="Bytes">Length of its files together.</param>
/// <param name="Customers">Number of customers in its snapshot.</param>
/// <param name="Sequence">Number of the last write in it.</param>
public sealed record BackupInfo(string Directory, long Bytes, long Customers, ulong Sequence);
