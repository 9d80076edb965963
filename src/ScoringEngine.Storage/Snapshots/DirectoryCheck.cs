using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>Reads every file of a data directory and checks every byte that counts; changes nothing.</summary>
internal sealed class DirectoryCheck(DataDirectory directory, IProgress<RecoveryProgress>? progress, CancellationToken cancellation)
{
    private long _total;
    private long _done;

    /// <summary>Checks everything; returns the bytes that were read.</summary>
    /// <param name="damaged">Told of each damaged file and what is wrong; null to throw.</param>
    /// <exception cref="StorageCorruptionException">Something is damaged, and nobody is to be told.</exception>
    /// <exception cref="InvalidDataException">A file is of another directory or a newer format, and nobody is to be told.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public long Run(Action<string, string>? damaged = null)
    {
        IStorageFiles files = directory.Files;
        Manifest manifest = directory.Manifest;
        _total = TotalBytes(directory);
        foreach (SnapshotInfo snapshot in manifest.Generations)
        {
            string path = directory.PathOf(snapshot);
            Try(path, () => Read(files, path, manifest.Lineage, snapshot, cancellation));
            Advance(files.Exists(path) ? files.LengthOf(path) : 0);
        }
        ReadJournal(directory.Journal, JournalKind.Customers, manifest.Generations is [.., SnapshotInfo oldest] ? oldest.FirstSequence : 1, manifest.Closed);
        ReadJournal(directory.Contacts, JournalKind.Contacts, manifest.Generations is [.., SnapshotInfo older] ? older.FirstContact : 1, manifest.ContactsClosed);
        CheckDecisions();
        Try(directory.Erasures, () => directory.ReadErasures());
        return _done;

        void CheckDecisions()
        {
            if (!DecisionFiles.Exist(directory))
            {
                return;
            }
            List<string> states = DecisionSnapshot.List(files, directory.DecisionStates);
            foreach (string path in states)
            {
                Try(path, () => DecisionSnapshot.Read(files, path, manifest.Lineage, state: null));
                Advance(files.LengthOf(path));
            }
            DecisionSnapshotHeader? header = null;
            if (states is [string newest, ..])
            {
                Try(newest, () => header = DecisionSnapshot.ReadHeader(files, newest));
            }
            ReadJournal(directory.Decisions, JournalKind.Decisions, FirstOf(directory.Decisions), DecisionRecovery.Committed(header?.NextDecision));
            ReadJournal(directory.Values, JournalKind.Values, FirstOf(directory.Values), DecisionRecovery.Committed(header?.NextValue));
        }

        ulong FirstOf(string journal) => JournalReader.Segments(journal, files) is [var segment, ..] ? segment.First : 1;

        void ReadJournal(string journal, uint kind, ulong first, JournalPosition? closed)
        {
            Try(journal, () =>
            {
                JournalExtent extent = directory.ReadJournal(journal, kind, first, closed, new Nobody(cancellation), repair: damaged is not null);
                foreach (JournalDamage damage in extent.Damages)
                {
                    damaged!(damage.File, new StorageCorruptionException(damage.File, damage.Offset, damage.Affected).Message);
                }
            });
            Advance(JournalReader.Segments(journal, files).Sum(segment => files.LengthOf(segment.Path)));
        }

        void Try(string path, Action check)
        {
            try
            {
                check();
            }
            catch (Exception e) when (damaged is not null && e is StorageCorruptionException or InvalidDataException)
            {
                damaged(path, e.Message);
            }
        }
    }

    /// <summary>Length of all files that count.</summary>
    public static long TotalBytes(DataDirectory directory)
        => directory.Manifest.Generations.Sum(g => g.Bytes)
            + ((string[])[directory.Journal, directory.Contacts, directory.Decisions, directory.Values])
                .SelectMany(journal => JournalReader.Segments(journal, directory.Files)).Select(segment => segment.Path)
                .Concat(DecisionSnapshot.List(directory.Files, directory.DecisionStates)).Sum(directory.Files.LengthOf);

    /// <summary>Reads a whole snapshot; returns what its footer says.</summary>
    /// <exception cref="StorageCorruptionException">It is not what was written.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SnapshotTotals Read(IStorageFiles files, string path, Guid lineage, SnapshotInfo? expected, CancellationToken cancellation)
    {
        using SnapshotReader reader = new(files, path, lineage, expected);
        byte[] buffer = [];
        while (reader.Read(ref buffer, out _))
        {
            cancellation.ThrowIfCancellationRequested();
        }
        return reader.Totals;
    }

    private void Advance(long bytes)
    {
        _done += bytes;
        progress?.Report(new RecoveryProgress(RecoveryStage.Verification, _done, _total, 0));
    }

    private sealed class Nobody(CancellationToken cancellation) : IJournalHandler
    {
        public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload) => cancellation.ThrowIfCancellationRequested();
    }
}
