namespace ScoringEngine.Storage.Files;

/// <summary>
/// The file layer under everything that has to survive: few operations, each of which either is done or throws. A seam, so
/// that tests can let any of them fail and lose what was not flushed. Thread-safe.
/// </summary>
internal interface IStorageFiles
{
    /// <summary>Makes a file for reading and writing.</summary>
    /// <exception cref="IOException">It cannot be made, or exists.</exception>
    IStorageFile Create(string path);

    /// <summary>Opens a file.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    IStorageFile Open(string path, bool write);

    /// <summary>Whether there is a file.</summary>
    bool Exists(string path);

    /// <summary>Names of the files in a folder, in ordinal order; none when there is no folder.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    IReadOnlyList<string> List(string directory);

    /// <summary>Names of the folders in a folder, in ordinal order; none when there is no folder.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    IReadOnlyList<string> ListFolders(string directory);

    /// <summary>Makes a folder and those above it; it may exist.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    void CreateDirectory(string path);

    /// <summary>Bytes that may still be written to the disk of a folder, by this user; null when that has no bound.</summary>
    /// <exception cref="IOException">It cannot be told.</exception>
    long? FreeSpaceOf(string directory);

    /// <summary>Gives a file another name, in place of the file that has it. Survives a crash after <see cref="FlushDirectory"/>.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    void Move(string source, string target);

    /// <summary>Removes a file; it may be gone already.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    void Delete(string path);

    /// <summary>Makes the creations, moves and deletions in a folder survive a crash.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    void FlushDirectory(string path);
}

/// <summary>An open file. Reads and writes of different places may run at once.</summary>
internal interface IStorageFile : IDisposable
{
    /// <summary>Its path.</summary>
    string Path { get; }

    /// <summary>Its length in bytes.</summary>
    long Length { get; }

    /// <summary>Writes all bytes at an offset.</summary>
    /// <exception cref="IOException">Not all could be written; some may have been.</exception>
    void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>Reads up to as many bytes as fit, fewer only at the end of the file; returns how many.</summary>
    /// <exception cref="IOException">They cannot be read.</exception>
    int Read(Span<byte> bytes, long offset);

    /// <summary>Cuts the file, or extends it with zeros.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    void SetLength(long bytes);

    /// <summary>Lets go of what is kept of the file in memory and was flushed, where the system can be told so: what is read from here on comes from the device.</summary>
    void ForgetCached();

    /// <summary>Makes what was written survive a crash (fsync). After a failure the file must not be relied on again: a second flush may report success for data that are lost.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    void Flush();
}
