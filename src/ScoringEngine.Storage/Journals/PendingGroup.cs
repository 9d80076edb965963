using System.Buffers;
using System.Diagnostics;
using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Journals;

/// <summary>Consecutive records on their way to the disk, as bytes of the segment. Filled under the journal's lock, then written by the committer alone.</summary>
internal sealed class PendingGroup
{
    // A group has a few records or a bulk load's: chunks start small, for many small groups may wait for a flush together.
    private const int FirstChunkBytes = 4 << 10;
    private const int LargestChunkBytes = 256 << 10;

    private readonly List<byte[]> _chunks = [];
    private int _used; // of the last chunk

    /// <summary>Sequence of the first record, or the one it will have.</summary>
    public ulong FirstSequence { get; private set; }

    /// <summary>Sequence after the last record.</summary>
    public ulong EndSequence { get; private set; }

    /// <summary>Length of all records.</summary>
    public long Bytes { get; private set; }

    /// <summary>The first record says that all before it is on the device, which must be so when it is written.</summary>
    public bool AfterFlush { get; set; }

    /// <summary>Handed to the current segment.</summary>
    public bool Written { get; set; }

    /// <summary>Who waits for the group, or null when nobody does.</summary>
    public TaskCompletionSource? Completion { get; set; }

    public bool IsEmpty => Bytes == 0;

    /// <summary>Memory it takes: a few KiB, or not much more than twice its bytes.</summary>
    public long MemoryBytes => _chunks.Sum(chunk => (long)chunk.Length);

    /// <summary>Makes a new group of this one.</summary>
    public void Start(ulong firstSequence)
    {
        foreach (byte[] chunk in _chunks)
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
        _chunks.Clear();
        _used = 0;
        FirstSequence = firstSequence;
        EndSequence = firstSequence;
        Bytes = 0;
        AfterFlush = false;
        Written = false;
        Completion = null;
    }

    /// <summary>Adds a record; <paramref name="crc"/> is that of seed and payload.</summary>
    public void Add(uint type, uint crc, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        int length = head.Length + tail.Length;
        if (IsEmpty && AfterFlush)
        {
            type |= JournalFormat.AfterFlush;
        }
        Span<byte> header = stackalloc byte[JournalFormat.RecordHeaderBytes];
        JournalFormat.WriteRecordHeader(header, length, JournalFormat.Seal(crc, length, EndSequence, type), EndSequence, type);
        Copy(header);
        Copy(head);
        Copy(tail);
        Bytes += header.Length + length;
        EndSequence++;
    }

    public void WriteTo(IStorageFile file, long offset)
    {
        long left = Bytes;
        foreach (byte[] chunk in _chunks)
        {
            int bytes = (int)Math.Min(left, chunk.Length);
            file.Write(chunk.AsSpan(0, bytes), offset);
            offset += bytes;
            left -= bytes;
        }
        Debug.Assert(left == 0);
    }

    private void Copy(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_chunks.Count == 0 || _used == _chunks[^1].Length)
            {
                int size = _chunks.Count == 0 ? FirstChunkBytes : Math.Min(2 * _chunks[^1].Length, LargestChunkBytes);
                _chunks.Add(ArrayPool<byte>.Shared.Rent(size));
                _used = 0;
            }
            byte[] chunk = _chunks[^1];
            int part = Math.Min(bytes.Length, chunk.Length - _used);
            bytes[..part].CopyTo(chunk.AsSpan(_used));
            _used += part;
            bytes = bytes[part..];
        }
    }
}
