using System.Buffers.Binary;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>
/// Reads a snapshot file block by block and checks every byte of it. Not thread-safe.
/// </summary>
internal sealed class SnapshotReader : IDisposable
{
    private readonly IStorageFile _file;
    private readonly SnapshotInfo? _expected;
    private uint _checksum;
    private long _index;
    private long _customers;
    private bool _ended;
    private bool _skipped;

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="files">Where it is.</param>
    /// <param name="path">Its path.</param>
    /// <param name="lineage">That of its directory; null for any.</param>
    /// <param name="expected">What the manifest says of it; null when that is not known.</param>
    /// <exception cref="StorageCorruptionException">It is missing, damaged, or of another directory.</exception>
    /// <exception cref="DataDirectoryException">A newer program has written it.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public SnapshotReader(IStorageFiles files, string path, Guid? lineage, SnapshotInfo? expected)
    {
        Path = path;
        _expected = expected;
        if (!files.Exists(path))
        {
            throw new StorageCorruptionException(path, 0, "the whole snapshot: the file is missing");
        }
        _file = files.Open(path, write: false);
        try
        {
            Length = _file.Length;
            Span<byte> bytes = stackalloc byte[SnapshotHeader.Bytes];
            Header = SnapshotHeader.Read(bytes[.._file.Read(bytes, 0)], path);
            if (lineage is Guid own && Header.Lineage != own)
            {
                throw new StorageCorruptionException(path, 0, "the whole snapshot: it belongs to another data directory");
            }
            if (expected is not null && (Header.FirstSequence != expected.FirstSequence || Header.FirstContact != expected.FirstContact))
            {
                throw new StorageCorruptionException(path, 0, "the whole snapshot: it is not the one the manifest names");
            }
            _checksum = Crc32C.Append(0, bytes);
            Offset = SnapshotHeader.Bytes;
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its length in bytes.</summary>
    public long Length { get; }

    /// <summary>Where the next block begins.</summary>
    public long Offset { get; private set; }

    /// <summary>Its header.</summary>
    public SnapshotHeader Header { get; }

    /// <summary>What the footer says, once it was read.</summary>
    public SnapshotTotals Totals { get; private set; }

    /// <summary>Reads the next block; false behind the footer.</summary>
    /// <param name="buffer">Receives the payload; made longer when it is too short.</param>
    /// <param name="block">Says what the payload is.</param>
    /// <exception cref="StorageCorruptionException">The file is not what was written; <see cref="SkipDamage"/> goes on behind.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public bool Read(ref byte[] buffer, out SnapshotBlockHeader block)
    {
        block = default;
        if (_ended)
        {
            return false;
        }
        Span<byte> bytes = stackalloc byte[SnapshotBlockHeader.Bytes];
        if (!SnapshotBlockHeader.TryRead(bytes[.._file.Read(bytes, Offset)], out block))
        {
            throw Damaged("the customers of one block or more: no block begins here");
        }
        if (buffer.Length < block.Length)
        {
            buffer = new byte[block.Length];
        }
        Span<byte> payload = buffer.AsSpan(0, block.Length);
        if (_file.Read(payload, Offset + bytes.Length) < block.Length || Crc32C.Compute(payload) != block.Checksum)
        {
            throw Damaged(block.Type == SnapshotBlock.Customers ? Invariant($"{block.Count} customers") : Invariant($"the block of {block.Type.ToString().ToLowerInvariant()}"));
        }
        if (!_skipped && block.Index != _index)
        {
            throw Damaged(Invariant($"blocks {_index} to {block.Index}: they are not in their order"));
        }
        _checksum = Crc32C.Append(Crc32C.Append(_checksum, bytes), payload);
        Offset += bytes.Length + block.Length;
        _index = block.Index + 1;
        switch (block.Type)
        {
            case SnapshotBlock.Customers:
                _customers += block.Count;
                break;
            case SnapshotBlock.Footer:
                End(payload);
                break;
            case SnapshotBlock.Schemas or SnapshotBlock.Requests:
                break;
            default:
                throw Damaged(Invariant($"a block of unknown type {(uint)block.Type}"));
        }
        return block.Type != SnapshotBlock.Footer;
    }

    /// <summary>After damage was met: goes to the next block that has a header; false when there is none.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public bool SkipDamage()
    {
        _skipped = true;
        byte[] window = new byte[1 << 16];
        for (long from = Offset + 1; from < Length; from += window.Length - SnapshotBlockHeader.Bytes + 1)
        {
            int length = _file.Read(window, from);
            for (int i = 0; i + SnapshotBlockHeader.Bytes <= length; i++)
            {
                if (SnapshotBlockHeader.TryRead(window.AsSpan(i, SnapshotBlockHeader.Bytes), out _))
                {
                    Offset = from + i;
                    return true;
                }
            }
        }
        return false;
    }

    /// <summary>Reads the whole file and says of it what the manifest would; of a damaged one, what can be known.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public SnapshotInfo Describe()
    {
        try
        {
            byte[] buffer = [];
            while (Read(ref buffer, out _))
            {
            }
        }
        catch (StorageCorruptionException)
        {
            _checksum = 0; // Whoever loads it meets the damage again, and reports it.
        }
        return new SnapshotInfo(System.IO.Path.GetFileName(Path), Length, _checksum.ToString("x8", CultureInfo.InvariantCulture), Header.FirstSequence, Header.FirstContact,
            _customers, DateTimeOffset.FromUnixTimeMilliseconds(Header.CreatedUnixMs));
    }

    /// <summary>Takes the first customer off the payload of a block; false when there is none left.</summary>
    /// <exception cref="InvalidDataException">The payload is no list of customers.</exception>
    public static bool TakeCustomer(ref ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> id, out ReadOnlySpan<byte> record)
    {
        id = record = default;
        if (payload.IsEmpty)
        {
            return false;
        }
        int idLength = payload[0];
        int start = 1 + idLength + sizeof(uint);
        int recordLength = idLength is 0 or > FeatureSchema.MaxIdBytes || payload.Length < start ? -1 : BinaryPrimitives.ReadInt32LittleEndian(payload[(1 + idLength)..]);
        if (recordLength < CustomerRecord.HeaderBytes || recordLength > payload.Length - start)
        {
            throw new InvalidDataException("a block of customers ends within a customer");
        }
        id = payload.Slice(1, idLength);
        record = payload.Slice(start, recordLength);
        payload = payload[(start + recordLength)..];
        return true;
    }

    public void Dispose() => _file.Dispose();

    private void End(ReadOnlySpan<byte> payload)
    {
        _ended = true;
        if (payload.Length != SnapshotTotals.Bytes)
        {
            throw Damaged("the footer");
        }
        Totals = SnapshotTotals.Read(payload);
        if (_skipped)
        {
            return; // What is missing was reported where it was.
        }
        if (Offset != Length || Totals.Customers != _customers || Totals.Blocks != _index - 1
            || (_expected is not null && (_expected.Bytes != Length || _expected.Customers != _customers
                || _expected.Checksum != _checksum.ToString("x8", CultureInfo.InvariantCulture))))
        {
            throw Damaged("the whole snapshot: its totals do not match");
        }
    }

    private StorageCorruptionException Damaged(string affected) => new(Path, Offset, affected);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
