namespace ScoringEngine.Storage.Journals;

/// <summary>What a journal was found to contain.</summary>
/// <param name="NextSequence">Sequence after the last record.</param>
/// <param name="Records">Number of records that were delivered.</param>
/// <param name="TornBytes">Bytes at the end that a crash left unfinished; nobody was told that they were committed.</param>
/// <param name="Damages">What was lost, when a repair was asked for; else none.</param>
internal sealed record JournalExtent(ulong NextSequence, long Records, long TornBytes, IReadOnlyList<JournalDamage> Damages);

/// <summary>A place where a journal is not what was written.</summary>
/// <param name="File">Path of the segment.</param>
/// <param name="Offset">Where in the file, in bytes.</param>
/// <param name="FirstSequence">First sequence that is lost.</param>
/// <param name="EndSequence">First sequence after it that is not; the same when no record is lost.</param>
/// <param name="Problem">What is wrong there.</param>
internal sealed record JournalDamage(string File, long Offset, ulong FirstSequence, ulong EndSequence, string Problem)
{
    /// <summary>What is lost and why, for a person to read.</summary>
    public string Affected => (EndSequence - FirstSequence) switch
    {
        0 => $"no sequence: {Problem}",
        1 => $"sequence {FirstSequence}: {Problem}",
        _ => $"sequences {FirstSequence} to {EndSequence - 1}: {Problem}",
    };
}
