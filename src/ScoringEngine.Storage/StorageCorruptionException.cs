namespace ScoringEngine.Storage;

/// <summary>A file of the data directory is not what was written, or is gone.</summary>
public sealed class StorageCorruptionException : IOException
{
    internal StorageCorruptionException(string file, long offset, string affected)
        : base($"{file} is damaged at byte {offset}. Affected: {affected}")
    {
        File = file;
        Offset = offset;
        Affected = affected;
    }

    /// <summary>Path of the file.</summary>
    public string File { get; }

    /// <summary>Where in the file, in bytes.</summary>
    public long Offset { get; }

    /// <summary>What is lost with it and why, for a person to read: "sequences 1203 to 1377: ...".</summary>
    public string Affected { get; }
}
