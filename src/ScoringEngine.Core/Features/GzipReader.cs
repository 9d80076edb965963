using System.IO.Compression;

namespace ScoringEngine.Core.Features;

/// <summary>
/// Unpacks gzip and notices when the input ends early, which <see cref="GZipStream"/> takes for the end of the data: a
/// small member is appended to the input, and only if it comes out at the end have all members before it been complete.
/// Forward-only.
/// </summary>
internal sealed class GzipReader : Stream
{
    private static readonly byte[] Marker = "end-of-gzip-input"u8.ToArray();
    private static readonly byte[] MarkerMember = Pack(Marker);

    private readonly GZipStream _unpacked;

    // Always holds back the last bytes unpacked, which are the marker at the end.
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _finished;

    /// <summary>Reads gzip from <paramref name="packed"/>, which is disposed with this stream.</summary>
    public GzipReader(Stream packed) => _unpacked = new GZipStream(new Appended(packed), CompressionMode.Decompress);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The input is not gzip, is damaged, or ends early.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (!_finished && _end - _start <= Marker.Length)
        {
            Fill();
        }
        int available = _end - _start - (_finished ? 0 : Marker.Length);
        int count = Math.Min(available, buffer.Length);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unpacked.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        int read = _unpacked.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        if (read > 0)
        {
            return;
        }
        if (!_buffer.AsSpan(0, _end).EndsWith(Marker))
        {
            throw new InvalidDataException("the gzip data ends early, or something stands after its end");
        }
        _end -= Marker.Length;
        _finished = true;
    }

    private static byte[] Pack(byte[] data)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(data);
        }
        return packed.ToArray();
    }

    /// <summary>The input, and then the marker's member.</summary>
    private sealed class Appended(Stream input) : Stream
    {
        private int _appended;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            int read = input.Read(buffer);
            if (read == 0 && buffer.Length > 0)
            {
                read = Math.Min(buffer.Length, MarkerMember.Length - _appended);
                MarkerMember.AsSpan(_appended, read).CopyTo(buffer);
                _appended += read;
            }
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                input.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
