namespace ScoringEngine.Storage.Journals;

/// <summary>Takes the records of a journal in their order.</summary>
internal interface IJournalHandler
{
    /// <summary>Takes a record.</summary>
    /// <param name="sequence">One more than that of the record before, but for marks and, after a repair, what was lost.</param>
    /// <param name="type">As it was appended.</param>
    /// <param name="payload">As it was appended; valid only during the call.</param>
    void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload);
}
