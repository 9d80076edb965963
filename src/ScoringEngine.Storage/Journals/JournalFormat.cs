using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;

namespace ScoringEngine.Storage.Journals;

/// <summary>The bytes of a journal; FORMAT.md describes them.</summary>
internal static class JournalFormat
{
    public const uint Version = 1;
    public const int HeaderBytes = 64;
    public const int RecordHeaderBytes = 20;
    public const int MaximumPayloadBytes = 16 << 20;

    /// <summary>Type of a record that says nothing but that all before it was committed. Types of the journal's user start at 1.</summary>
    public const uint Mark = 0;

    /// <summary>Bit of the type field: all records before this one were on the device when this one was written.</summary>
    public const uint AfterFlush = 1u << 31;

    private const string Extension = ".journal";
    private const int FileNameDigits = 20;

    private static ReadOnlySpan<byte> Magic => "SEJRNL\r\n"u8;

    public static string FileName(ulong firstSequence) => firstSequence.ToString("D20", CultureInfo.InvariantCulture) + Extension;

    public static bool TryParseFileName(string name, out ulong firstSequence)
    {
        firstSequence = 0;
        return name.Length == FileNameDigits + Extension.Length && name.EndsWith(Extension, StringComparison.Ordinal)
            && ulong.TryParse(name.AsSpan(0, FileNameDigits), NumberStyles.None, CultureInfo.InvariantCulture, out firstSequence);
    }

    public static void WriteHeader(Span<byte> header, Guid lineage, uint kind, ulong firstSequence)
    {
        header.Clear();
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], kind);
        WriteLineage(header[16..], lineage);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], firstSequence);
        BinaryPrimitives.WriteUInt32LittleEndian(header[60..], Crc32C.Compute(header[..60]));
    }

    /// <summary>Whether this is a header of any version, unharmed.</summary>
    public static bool IsHeader(ReadOnlySpan<byte> header) => header.Length >= HeaderBytes && header.StartsWith(Magic)
        && BinaryPrimitives.ReadUInt32LittleEndian(header[60..]) == Crc32C.Compute(header[..60]);

    public static (uint Version, uint Kind, Guid Lineage, ulong FirstSequence) ReadHeader(ReadOnlySpan<byte> header)
        => (BinaryPrimitives.ReadUInt32LittleEndian(header[8..]), BinaryPrimitives.ReadUInt32LittleEndian(header[12..]),
            new Guid(header.Slice(16, 16), bigEndian: true), BinaryPrimitives.ReadUInt64LittleEndian(header[32..]));

    /// <summary>What the checksum of each record starts from: records of another journal do not pass, nor do any that somebody puts into a payload.</summary>
    public static uint Seed(Guid lineage, uint kind)
    {
        Span<byte> bytes = stackalloc byte[20];
        WriteLineage(bytes, lineage);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], kind);
        return Crc32C.Compute(bytes);
    }

    /// <summary>The checksum of a record from that of seed and payload, which needs no lock.</summary>
    public static uint Seal(uint crc, int length, ulong sequence, uint type)
        => Crc32C.Append(Crc32C.Append(crc, sequence), (uint)length | ((ulong)type << 32));

    public static void WriteRecordHeader(Span<byte> record, int length, uint crc, ulong sequence, uint type)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record, length);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], crc);
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(record[16..], type);
    }

    /// <summary>Fields of a record's header, unchecked.</summary>
    public static (uint Length, uint Crc, ulong Sequence, uint Type) ReadRecordHeader(ReadOnlySpan<byte> record)
        => (BinaryPrimitives.ReadUInt32LittleEndian(record), BinaryPrimitives.ReadUInt32LittleEndian(record[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(record[8..]), BinaryPrimitives.ReadUInt32LittleEndian(record[16..]));

    private static void WriteLineage(Span<byte> bytes, Guid lineage)
    {
        bool written = lineage.TryWriteBytes(bytes, bigEndian: true, out _);
        Debug.Assert(written);
    }
}
