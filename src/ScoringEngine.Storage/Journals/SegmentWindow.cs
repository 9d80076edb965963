using System.Buffers;
using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Journals;

/// <summary>A part of a segment file in memory, which moves with what is asked for.</summary>
internal sealed class SegmentWindow : IDisposable
{
    private const int WindowBytes = 1 << 20;

    private readonly IStorageFile _file;
    private byte[] _bytes;
    private long _start;
    private int _count;

    public SegmentWindow(IStorageFile file)
    {
        _file = file;
        Length = file.Length;
        _bytes = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(Length, JournalFormat.HeaderBytes, WindowBytes));
    }

    /// <summary>Length of the file.</summary>
    public long Length { get; }

    /// <summary>The bytes at an offset, fewer at the end of the file; valid until the next call.</summary>
    public ReadOnlySpan<byte> At(long offset, int count)
    {
        if (offset < _start || offset + count > _start + _count)
        {
            if (count > _bytes.Length)
            {
                ArrayPool<byte>.Shared.Return(_bytes);
                _bytes = ArrayPool<byte>.Shared.Rent(count);
            }
            _start = offset;
            _count = _file.Read(_bytes, offset);
        }
        int at = (int)(offset - _start);
        return _bytes.AsSpan(at, Math.Min(count, _count - at));
    }

    /// <summary>Offset after the last byte from an offset on that is not zero; the offset itself when there is none.</summary>
    public long EndOfData(long offset)
    {
        long end = offset;
        while (offset < Length)
        {
            ReadOnlySpan<byte> bytes = At(offset, (int)Math.Min(_bytes.Length, Length - offset));
            if (bytes.IsEmpty)
            {
                break;
            }
            int last = bytes.LastIndexOfAnyExcept((byte)0);
            end = last < 0 ? end : offset + last + 1;
            offset += bytes.Length;
        }
        return end;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _file.Dispose();
    }
}
