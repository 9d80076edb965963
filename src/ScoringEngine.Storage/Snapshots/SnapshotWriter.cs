using System.Buffers.Binary;
using System.Globalization;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>
/// Writes a snapshot file: header, blocks, footer. The file counts only after <see cref="Finish"/> and once the manifest
/// names it. Not thread-safe.
/// </summary>
internal sealed class SnapshotWriter : ICustomerVisitor, IDisposable
{
    /// <summary>What the names of finished snapshots end with.</summary>
    public const string Extension = ".snapshot";

    private const int BlockBytes = 256 << 10;

    // Flushed on the way, so that the last flush does not hold up the journal's.
    private const long FlushBytes = 32 << 20;

    private readonly IStorageFile _file;
    private readonly SnapshotHeader _header;
    private byte[] _block = new byte[SnapshotBlockHeader.Bytes + BlockBytes];
    private int _used;
    private int _count;
    private long _blocks;
    private long _customers;
    private ulong _lastSequence;
    private long _offset;
    private long _flushed;
    private uint _checksum;

    /// <summary>Begins a file.</summary>
    /// <exception cref="IOException">It cannot be made, or exists.</exception>
    public SnapshotWriter(IStorageFiles files, string path, in SnapshotHeader header)
    {
        _file = files.Create(path);
        _header = header;
        Span<byte> bytes = stackalloc byte[SnapshotHeader.Bytes];
        header.Write(bytes);
        try
        {
            Append(bytes);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Adds a customer.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
    {
        ReadOnlySpan<byte> record = customer.Record;
        int bytes = 1 + id.Length + sizeof(uint) + record.Length;
        if (_used + bytes > BlockBytes)
        {
            EndCustomers();
        }
        if (_used + bytes > _block.Length - SnapshotBlockHeader.Bytes)
        {
            Array.Resize(ref _block, SnapshotBlockHeader.Bytes + bytes);
        }
        Span<byte> entry = _block.AsSpan(SnapshotBlockHeader.Bytes + _used, bytes);
        entry[0] = (byte)id.Length;
        id.CopyTo(entry[1..]);
        BinaryPrimitives.WriteInt32LittleEndian(entry[(1 + id.Length)..], record.Length);
        record.CopyTo(entry[(1 + id.Length + sizeof(uint))..]);
        _used += bytes;
        _count++;
        _customers++;
        _lastSequence = Math.Max(_lastSequence, customer.Sequence);
    }

    /// <summary>Adds a block that is no block of customers.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Add(SnapshotBlock type, int count, ReadOnlySpan<byte> payload)
    {
        EndCustomers();
        byte[] block = new byte[SnapshotBlockHeader.Bytes + payload.Length];
        payload.CopyTo(block.AsSpan(SnapshotBlockHeader.Bytes));
        Append(type, count, block);
    }

    /// <summary>Ends the file and makes it survive a crash.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public SnapshotInfo Finish()
    {
        EndCustomers();
        byte[] footer = new byte[SnapshotBlockHeader.Bytes + SnapshotTotals.Bytes];
        new SnapshotTotals(_customers, _blocks, _lastSequence).Write(footer.AsSpan(SnapshotBlockHeader.Bytes));
        Append(SnapshotBlock.Footer, 1, footer);
        _file.Flush();
        // It is read back next, and not from memory.
        _file.ForgetCached();
        return new SnapshotInfo(FileName(_header.FirstSequence), _offset, _checksum.ToString("x8", CultureInfo.InvariantCulture),
            _header.FirstSequence, _header.FirstContact, _customers, DateTimeOffset.FromUnixTimeMilliseconds(_header.CreatedUnixMs));
    }

    public void Dispose() => _file.Dispose();

    /// <summary>The name of the file with the writes before a number.</summary>
    public static string FileName(ulong firstSequence) => firstSequence.ToString("D20", CultureInfo.InvariantCulture) + Extension;

    private void EndCustomers()
    {
        if (_count > 0)
        {
            Append(SnapshotBlock.Customers, _count, _block.AsSpan(0, SnapshotBlockHeader.Bytes + _used));
            _used = 0;
            _count = 0;
        }
    }

    private void Append(SnapshotBlock type, int count, Span<byte> block)
    {
        ReadOnlySpan<byte> payload = block[SnapshotBlockHeader.Bytes..];
        if (payload.Length > SnapshotBlockHeader.MaxLength)
        {
            throw new InvalidOperationException($"a block of {payload.Length} bytes is longer than {SnapshotBlockHeader.MaxLength}");
        }
        new SnapshotBlockHeader(type, payload.Length, count, _blocks, Crc32C.Compute(payload)).Write(block);
        Append(block);
        _blocks++;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        _file.Write(bytes, _offset);
        _offset += bytes.Length;
        _checksum = Crc32C.Append(_checksum, bytes);
        if (_offset - _flushed >= FlushBytes)
        {
            _file.Flush();
            _flushed = _offset;
        }
    }
}
