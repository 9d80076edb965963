using System.Text;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Tests.Journals;

public class Crc32CTests
{
    /// <summary>RFC 3720, appendix B.4, and the check value of the CRC catalogue.</summary>
    public static TheoryData<byte[], uint> Published => new()
    {
        { Encoding.ASCII.GetBytes("123456789"), 0xE3069283 },
        { new byte[32], 0x8A9136AA },
        { [.. Enumerable.Repeat((byte)0xFF, 32)], 0x62A8AB43 },
        { [.. Enumerable.Range(0, 32).Select(i => (byte)i)], 0x46DD794E },
        { [.. Enumerable.Range(0, 32).Select(i => (byte)(31 - i))], 0x113FDB5C },
        { [], 0 },
    };

    [Theory]
    [MemberData(nameof(Published))]
    public void Compute_PublishedVectors_Agree(byte[] bytes, uint expected)
    {
        Assert.Equal(expected, Crc32C.Compute(bytes));
        Assert.Equal(expected, Naive(bytes));
    }

    [Fact]
    public void Append_EveryLengthAndPart_IsThatOfTheWhole()
    {
        byte[] bytes = new byte[80];
        new Random(1).NextBytes(bytes);
        for (int length = 0; length <= bytes.Length; length++)
        {
            uint expected = Naive(bytes.AsSpan(0, length));
            for (int part = 0; part <= length; part++)
            {
                Assert.Equal(expected, Crc32C.Append(Crc32C.Compute(bytes.AsSpan(0, part)), bytes.AsSpan(part, length - part)));
            }
        }
    }

    [Fact]
    public void Append_Number_IsThatOfItsBytes()
        => Assert.Equal(Crc32C.Compute([9, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]), Crc32C.Append(Crc32C.Compute([9]), 0x1122334455667788));

    private static uint Naive(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
            }
        }
        return ~crc;
    }
}
