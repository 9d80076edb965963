using System.Buffers.Binary;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>What a block of a snapshot holds.</summary>
internal enum SnapshotBlock : uint
{
    /// <summary>Customers: id length u8, id, record length u32, record as in the live store.</summary>
    Customers = 1,

    /// <summary>Schema versions and category dictionaries, as <c>StoredSchemas</c> writes them.</summary>
    Schemas = 2,

    /// <summary>Recent requests, oldest first: see <see cref="RecentRequests"/>.</summary>
    Requests = 3,

    /// <summary>Totals; the last block.</summary>
    Footer = 4,
}

/// <summary>Begin of a snapshot file: 64 bytes, see FORMAT.md.</summary>
/// <param name="Lineage">Of the data directory.</param>
/// <param name="FirstSequence">The first write that is not certain to be in it.</param>
/// <param name="FirstContact">The first record of the contacts journal that is not certain to be in it.</param>
/// <param name="CreatedUnixMs">When it was begun.</param>
internal readonly record struct SnapshotHeader(Guid Lineage, ulong FirstSequence, ulong FirstContact, long CreatedUnixMs)
{
    public const int Bytes = 64;
    public const uint CurrentFormat = 1;

    private const int ChecksumOffset = Bytes - sizeof(uint);
    private static ReadOnlySpan<byte> Magic => "SESNAP\0\x01"u8;

    public void Write(Span<byte> bytes)
    {
        bytes[..Bytes].Clear();
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], CurrentFormat);
        Lineage.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], FirstSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], FirstContact);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[48..], CreatedUnixMs);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ChecksumOffset..], Crc32C.Compute(bytes[..ChecksumOffset]));
    }

    /// <exception cref="StorageCorruptionException">The bytes are not what was written.</exception>
    /// <exception cref="DataDirectoryException">A newer program has written them.</exception>
    public static SnapshotHeader Read(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.Length < Bytes || !bytes.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumOffset..]) != Crc32C.Compute(bytes[..ChecksumOffset]))
        {
            throw new StorageCorruptionException(path, 0, "the whole snapshot: its header is damaged");
        }
        uint format = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (format > CurrentFormat)
        {
            throw new DataDirectoryException(DataDirectoryProblem.NewerFormat,
                $"{path} has format {format}; this program reads up to {CurrentFormat}: use the version that has written it, or a later one");
        }
        return new SnapshotHeader(new Guid(bytes.Slice(16, 16), bigEndian: true), BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]));
    }
}

/// <summary>
/// Begin of a block: 32 bytes. It has a checksum of its own, so that the blocks behind a damaged one can be found.
/// </summary>
/// <param name="Type">What it holds.</param>
/// <param name="Length">Bytes of the payload that follows.</param>
/// <param name="Count">Number of entries in it.</param>
/// <param name="Index">Number of the block in the file, from 0.</param>
/// <param name="Checksum">CRC32C of the payload.</param>
internal readonly record struct SnapshotBlockHeader(SnapshotBlock Type, int Length, int Count, long Index, uint Checksum)
{
    public const int Bytes = 32;

    /// <summary>Most bytes of a payload.</summary>
    public const int MaxLength = 64 << 20;

    private const int ChecksumOffset = Bytes - sizeof(uint);
    private static ReadOnlySpan<byte> Magic => "BLCK"u8;

    public void Write(Span<byte> bytes)
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], (uint)Type);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], Index);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[24..], Checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ChecksumOffset..], Crc32C.Compute(bytes[..ChecksumOffset]));
    }

    /// <summary>Reads a header; false when the bytes are none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out SnapshotBlockHeader header)
    {
        header = default;
        if (bytes.Length < Bytes || !bytes.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumOffset..]) != Crc32C.Compute(bytes[..ChecksumOffset]))
        {
            return false;
        }
        header = new SnapshotBlockHeader((SnapshotBlock)BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]));
        return header.Length is >= 0 and <= MaxLength && header.Count >= 0;
    }
}

/// <summary>What the last block says of the others.</summary>
/// <param name="Customers">Number of customers.</param>
/// <param name="Blocks">Number of blocks before it.</param>
/// <param name="LastSequence">The highest number of a write in it; 0 without customers.</param>
internal readonly record struct SnapshotTotals(long Customers, long Blocks, ulong LastSequence)
{
    public const int Bytes = 24;

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Customers);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], Blocks);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], LastSequence);
    }

    public static SnapshotTotals Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadInt64LittleEndian(bytes),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
}
