namespace ScoringEngine.Storage.Files;

/// <summary>Whole files on the file layer.</summary>
internal static class StorageFiles
{
    /// <summary>What a file that is still being written has behind its name.</summary>
    public const string TemporarySuffix = ".new";

    /// <summary>All bytes of a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static byte[] ReadAll(this IStorageFiles files, string path)
    {
        using IStorageFile file = files.Open(path, write: false);
        byte[] bytes = new byte[file.Length];
        int read = file.Read(bytes, 0);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    /// <summary>Length of a file in bytes.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static long LengthOf(this IStorageFiles files, string path)
    {
        using IStorageFile file = files.Open(path, write: false);
        return file.Length;
    }

    /// <summary>Gives a file new content that survives a crash; at any moment it has the old or the new one, whole.</summary>
    /// <exception cref="IOException">It cannot be written; the file then has either content.</exception>
    public static void Replace(this IStorageFiles files, string path, ReadOnlySpan<byte> bytes)
    {
        string temporary = path + TemporarySuffix;
        files.Delete(temporary);
        using (IStorageFile file = files.Create(temporary))
        {
            file.Write(bytes, 0);
            file.Flush();
        }
        files.Move(temporary, path);
        files.FlushDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Copies a file so that it survives a crash once its folder is flushed; where there are only zeros the copy has a hole.</summary>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static void Copy(this IStorageFiles files, string source, string target)
    {
        using IStorageFile from = files.Open(source, write: false);
        using IStorageFile to = files.Create(target);
        byte[] buffer = new byte[1 << 20];
        long offset = 0;
        for (int read; (read = from.Read(buffer, offset)) > 0; offset += read)
        {
            int used = buffer.AsSpan(0, read).LastIndexOfAnyExcept((byte)0) + 1;
            if (used > 0)
            {
                to.Write(buffer.AsSpan(0, used), offset);
            }
        }
        to.SetLength(offset);
        to.Flush();
    }
}
