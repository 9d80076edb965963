namespace ScoringEngine.Storage.Snapshots;

/// <summary>Why a data directory is refused.</summary>
public enum DataDirectoryProblem
{
    /// <summary>Another process, or another database of this one, has it open.</summary>
    InUse,

    /// <summary>It cannot be written: no permission, a read-only disk, no such disk.</summary>
    NotWritable,

    /// <summary>It holds things that are no data directory's, or holds one where an empty folder was asked for.</summary>
    OtherContent,

    /// <summary>A newer program has written it.</summary>
    NewerFormat,

    /// <summary>There is none.</summary>
    Missing,
}

/// <summary>A folder that cannot be used as a data directory. Nothing in it was changed.</summary>
/// <param name="problem">Why.</param>
/// <param name="message">Names the folder and what to do.</param>
/// <param name="inner">What the system said, if anything.</param>
public sealed class DataDirectoryException(DataDirectoryProblem problem, string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Why it is refused.</summary>
    public DataDirectoryProblem Problem { get; } = problem;
}
