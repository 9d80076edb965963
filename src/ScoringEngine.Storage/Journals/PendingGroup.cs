using System.Buffers;
using System.Diagnostics;
using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Journals;

/// <summary>Consecutive records on their way to the disk, as bytes of the segment. Filled under the journal's lock, then written by the committer alone.</summary>
internal sealed class PendingGroup
{
    private const int ChunkBytes = 256 << 10;

    private readonly List<byte[]> _chunks = [];
    private int _used = ChunkBytes;

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

    /// <summary>Makes a new group of this one.</summary>
    public void Start(ulong firstSequence)
    {
        foreach (byte[] chunk in _chunks)
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
        _chunks.Clear();
        _used = ChunkBytes;
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
            int bytes = (int)Math.Min(left, ChunkBytes);
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
            if (_used == ChunkBytes)
            {
                _chunks.Add(ArrayPool<byte>.Shared.Rent(ChunkBytes));
                _used = 0;
            }
            int part = Math.Min(bytes.Length, ChunkBytes - _used);
            bytes[..part].CopyTo(_chunks[^1].AsSpan(_used));
            _used += part;
            bytes = bytes[part..];
        }
    }
}
