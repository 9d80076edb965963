using System.Buffers.Binary;
using System.Numerics;

namespace ScoringEngine.Storage.Journals;

/// <summary>CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; as in RFC 3720, appendix B.4), by the processor's instruction where it has one.</summary>
internal static class Crc32C
{
    /// <summary>The checksum of bytes.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of what <paramref name="crc"/> is the checksum of, followed by bytes.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }
        return ~crc;
    }

    /// <summary>The same for the eight bytes of a little-endian number.</summary>
    public static uint Append(uint crc, ulong bytes) => ~BitOperations.Crc32C(~crc, bytes);
}
