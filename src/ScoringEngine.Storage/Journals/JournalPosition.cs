namespace ScoringEngine.Storage.Journals;

/// <summary>Where a journal ended when it was closed.</summary>
/// <param name="Sequence">First sequence not contained.</param>
/// <param name="Segment">Name of the last segment file.</param>
/// <param name="Bytes">Length of that file.</param>
internal readonly record struct JournalPosition(ulong Sequence, string Segment, long Bytes);
