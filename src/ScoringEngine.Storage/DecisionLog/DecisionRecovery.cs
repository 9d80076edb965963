using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>What a data directory has of the decision log.</summary>
/// <param name="State">What the records add up to.</param>
/// <param name="ValueKeys">Keys of the latest values.</param>
/// <param name="NextDecision">Number that the next record of the journal of decisions gets.</param>
/// <param name="NextValue">Number that the next record of the journal of values gets.</param>
/// <param name="HasSnapshot">Whether there is a file with the state.</param>
internal sealed record RecoveredDecisions(DecisionState State, RecentKeys ValueKeys, ulong NextDecision, ulong NextValue, bool HasSnapshot);

/// <summary>Reads the state of the decision log: the newest snapshot, then the journal from there. Changes nothing.</summary>
internal static class DecisionRecovery
{
    /// <summary>Reads it.</summary>
    /// <param name="directory">The data directory.</param>
    /// <param name="options">Bounds of the state.</param>
    /// <param name="repair">Told what is damaged; null to refuse it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StorageCorruptionException">Something that was committed is damaged or missing.</exception>
    /// <exception cref="InvalidDataException">A file is of another directory or makes no sense.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static RecoveredDecisions Run(DataDirectory directory, DecisionLogOptions options, RepairReport? repair, CancellationToken cancellation)
    {
        (DecisionState state, DecisionSnapshotHeader? header) = LoadSnapshot(directory, options, repair);
        ulong first = header?.NextDecision ?? (repair is null ? 1 : FirstOf(directory.Decisions));
        ulong nextDecision = Read(directory, directory.Decisions, JournalKind.Decisions, first, header?.NextDecision, new StateReplay(state, repair, cancellation), repair);

        RecentKeys keys = new(options.MaxValueKeys);
        List<(ulong First, string Path)> segments = JournalReader.Segments(directory.Values, directory.Files);
        // As many records as keys are kept, and those of the segment that is being written.
        ulong wanted = segments is [.., var last] && last.First > (ulong)options.MaxValueKeys ? last.First - (ulong)options.MaxValueKeys : 1;
        ulong firstValue = segments is [var oldest, ..] ? Math.Max(oldest.First, segments.LastOrDefault(segment => segment.First <= wanted).First) : 1;
        ulong nextValue = Read(directory, directory.Values, JournalKind.Values, firstValue, header?.NextValue, new ValueLog.Replay(keys), repair);
        return new RecoveredDecisions(state, keys, nextDecision, nextValue, header is not null);

        ulong FirstOf(string journal) => JournalReader.Segments(journal, directory.Files) is [var segment, ..] ? segment.First : 1;
    }

    /// <summary>What is known of the end of a journal: without a snapshot there may be none yet; with one it got at least so far.</summary>
    public static JournalPosition Committed(ulong? next) => next is { } sequence ? new JournalPosition(sequence, "committed", 0) : new JournalPosition(1, "", 0);

    private static (DecisionState State, DecisionSnapshotHeader? Header) LoadSnapshot(DataDirectory directory, DecisionLogOptions options, RepairReport? repair)
    {
        foreach (string path in DecisionSnapshot.List(directory.Files, directory.DecisionStates))
        {
            try
            {
                DecisionState state = new(options);
                return (state, DecisionSnapshot.Read(directory.Files, path, directory.Manifest.Lineage, state));
            }
            catch (StorageCorruptionException e) when (repair is not null)
            {
                repair.Found(e); // The older one and the journal give the same.
            }
        }
        return (new DecisionState(options), null);
    }

    /// <summary>Reads a journal; returns the number after its last record.</summary>
    private static ulong Read(DataDirectory directory, string journal, uint kind, ulong first, ulong? committed, IJournalHandler handler, RepairReport? repair)
    {
        try
        {
            JournalExtent extent = directory.ReadJournal(journal, kind, first, Committed(committed), handler, repair is not null);
            foreach (JournalDamage damage in extent.Damages)
            {
                // The segment stays where it is: what else is in it can still be read.
                repair!.Lost(null, new StorageCorruptionException(damage.File, damage.Offset, damage.Affected).Message);
            }
            return extent.NextSequence;
        }
        catch (StorageCorruptionException e) when (repair is not null)
        {
            repair.Lost(null, e.Message);
            return Math.Max(first, committed ?? 1);
        }
    }

    private sealed class StateReplay(DecisionState state, RepairReport? repair, CancellationToken cancellation) : IJournalHandler
    {
        public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                state.Apply(sequence, type, payload);
            }
            catch (InvalidDataException e) when (repair is not null)
            {
                repair.Lost(null, e.Message); // It depends on a record that is lost.
            }
        }
    }
}
