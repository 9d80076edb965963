using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Journals;

/// <summary>The file a journal is writing. After an exception of any method it must be left as it is and disposed.</summary>
internal sealed class JournalSegment : IDisposable
{
    /// <summary>What follows the name of a segment that is being made.</summary>
    public const string TemporaryExtension = ".new";

    private readonly IStorageFile _file;
    private bool _unflushed;

    private JournalSegment(IStorageFile file, ulong firstSequence)
    {
        _file = file;
        FirstSequence = firstSequence;
        End = JournalFormat.HeaderBytes;
    }

    public ulong FirstSequence { get; }

    /// <summary>Where the next record goes, in bytes.</summary>
    public long End { get; private set; }

    public bool IsEmpty => End == JournalFormat.HeaderBytes;

    /// <summary>Makes a segment that is on the device with its name when this returns. A file of its name is replaced: it holds nothing that was committed.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static JournalSegment Create(string directory, IStorageFiles files, JournalOptions options, Guid lineage, ulong firstSequence)
    {
        string path = Path.Combine(directory, JournalFormat.FileName(firstSequence));
        // Under another name first: at no moment is the segment of that name gone, which would look like a loss.
        string temporary = path + TemporaryExtension;
        if (files.Exists(temporary))
        {
            files.Delete(temporary);
        }
        IStorageFile file = files.Create(temporary);
        try
        {
            Span<byte> header = stackalloc byte[JournalFormat.HeaderBytes];
            JournalFormat.WriteHeader(header, lineage, options.Kind, firstSequence);
            file.Write(header, 0);
            file.SetLength(options.SegmentBytes);
            file.Flush();
            files.Move(temporary, path);
            files.FlushDirectory(directory);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        return new JournalSegment(file, firstSequence);
    }

    /// <summary>Writes a segment once more, so that all of it is on the device when this returns, whatever became of earlier writes and flushes.</summary>
    /// <exception cref="IOException">It cannot be read or written; it is as it was.</exception>
    public static void Rewrite(string directory, IStorageFiles files, string path)
    {
        string temporary = path + TemporaryExtension;
        files.Copy(path, temporary);
        files.Move(temporary, path);
        files.FlushDirectory(directory);
    }

    /// <summary>Writes a group at the end, after a flush when the group says that there was one.</summary>
    public void Write(PendingGroup group)
    {
        if (group.AfterFlush)
        {
            Flush();
        }
        _unflushed = true;
        group.WriteTo(_file, End);
        End += group.Bytes;
    }

    public void Flush()
    {
        if (_unflushed)
        {
            _file.Flush();
            _unflushed = false;
        }
    }

    /// <summary>Cuts the file to what was written, and flushes it.</summary>
    public void Complete()
    {
        _file.SetLength(End);
        _file.Flush();
        _unflushed = false;
    }

    public void Dispose() => _file.Dispose();
}
