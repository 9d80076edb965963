namespace ScoringEngine.Storage.Journals;

/// <summary>What has happened to a write when it is acknowledged.</summary>
public enum Durability
{
    /// <summary>It is on the device (fsync): it survives the machine. Writes that arrive meanwhile share the next fsync.</summary>
    Commit,

    /// <summary>
    /// It is on its way: an fsync follows within the commit interval. A crash of the process or the machine loses at most the
    /// writes of the last interval and of the fsync under way, always the newest ones.
    /// </summary>
    Interval,

    /// <summary>
    /// It was given to the operating system, which writes it when it likes. A crash of the process loses nothing; one of the machine
    /// may lose everything since the start of the current segment.
    /// </summary>
    None,
}
