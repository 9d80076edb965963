using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>The files of a decision log that nobody has open.</summary>
internal static class DecisionFiles
{
    // What a running log bounds for the sake of memory is not lost by a restore.
    private static DecisionLogOptions Unbounded { get; } = new() { MaxOpenDecisions = 100_000_000, MaxInteractions = 10_000_000 };

    /// <summary>Whether a directory has a decision log.</summary>
    public static bool Exist(DataDirectory directory)
        => JournalReader.Segments(directory.Decisions, directory.Files).Count > 0 || DecisionSnapshot.List(directory.Files, directory.DecisionStates).Count > 0;

    /// <summary>Makes the folders.</summary>
    public static void Begin(DataDirectory directory)
    {
        foreach (string folder in (string[])[directory.Decisions, directory.Values, directory.DecisionStates])
        {
            directory.Files.CreateDirectory(folder);
        }
        directory.Files.FlushDirectory(directory.Root);
    }

    /// <summary>Copies a closed log into another directory of the same lineage.</summary>
    public static void Copy(DataDirectory source, DataDirectory target)
    {
        IStorageFiles files = source.Files;
        foreach ((string from, string to) in ((string, string)[])[(source.Decisions, target.Decisions), (source.Values, target.Values)])
        {
            foreach ((_, string path) in JournalReader.Segments(from, files))
            {
                files.Copy(path, Path.Combine(to, Path.GetFileName(path)));
            }
            files.FlushDirectory(to);
        }
        CopyStates(source, target);
    }

    /// <summary>Copies the snapshots of the state.</summary>
    public static void CopyStates(DataDirectory source, DataDirectory target)
    {
        foreach (string path in DecisionSnapshot.List(source.Files, source.DecisionStates))
        {
            source.Files.Copy(path, Path.Combine(target.DecisionStates, Path.GetFileName(path)));
        }
        source.Files.FlushDirectory(target.DecisionStates);
    }

    /// <summary>Writes a log once more for a directory of another lineage; its numbers stay.</summary>
    /// <exception cref="StorageCorruptionException">It is damaged.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static void Rewrite(DataDirectory source, DataDirectory target, TimeProvider time, CancellationToken cancellation)
    {
        Begin(target);
        RecoveredDecisions recovered = DecisionRecovery.Run(source, Unbounded, repair: null, cancellation);
        Rewrite(source, source.Decisions, target, target.Decisions, JournalKind.Decisions, recovered.NextDecision, (uint)DecisionRecordType.Blank, time);
        Rewrite(source, source.Values, target, target.Values, JournalKind.Values, recovered.NextValue, ValueLog.BlankType, time);
        DecisionSnapshot.Write(target.Files, target.DecisionStates,
            new DecisionSnapshotHeader(target.Manifest.Lineage, recovered.NextDecision, recovered.NextValue, time.GetUtcNow().ToUnixTimeMilliseconds()), recovered.State.Capture());
    }

    private static void Rewrite(DataDirectory source, string from, DataDirectory target, string to, uint kind, ulong next, uint blank, TimeProvider time)
    {
        ulong first = JournalReader.Segments(from, source.Files) is [var segment, ..] ? segment.First : 1;
        // Without durability the journal writes no marks of its own, which would take numbers; closing it flushes all.
        using Journal journal = Journal.Open(to, target.Files, new JournalOptions { Kind = kind, Durability = Durability.None }, target.Manifest.Lineage, first, time);
        using JournalCursor cursor = new(from, source.Files, source.Manifest.Lineage, kind, first, next);
        while (cursor.Read(out ulong sequence, out uint type, out ReadOnlySpan<byte> payload))
        {
            FillTo(sequence);
            journal.Append(type, payload);
        }
        FillTo(next);
        journal.Close();

        void FillTo(ulong sequence)
        {
            while (journal.NextSequence < sequence)
            {
                journal.Append(blank, default);
            }
        }
    }
}
