using System.Globalization;
using System.Text;
using ScoringEngine.Core.Synthetic;

namespace ScoringEngine.Core.Tests.Synthetic;

public sealed class CsvBufferTests
{
    [Theory]
    [InlineData(0, 0, "0")]
    [InlineData(7, 0, "7")]
    [InlineData(-120, 0, "-120")]
    [InlineData(0, 2, "0.00")]
    [InlineData(5, 2, "0.05")]
    [InlineData(-5, 2, "-0.05")]
    [InlineData(12345, 2, "123.45")]
    [InlineData(1_000_000, 6, "1.000000")]
    [InlineData(9_007_199_254_740_993, 4, "900719925474.0993")]
    public void Scaled_AnyDecimals_WritesTheDecimalNumber(long value, int decimals, string expected)
    {
        CsvBuffer buffer = new();
        buffer.Scaled(value, decimals);
        buffer.EndRow();
        Assert.Equal(expected + "\r\n", Encoding.UTF8.GetString(buffer.Written));
    }

    [Fact]
    public void Number_ManyValues_AgreesWithInvariantFormatting()
    {
        CsvBuffer buffer = new();
        StringBuilder expected = new();
        for (int i = -500; i < 5000; i++)
        {
            double value = i * 0.37;
            buffer.Number(value, 2);
            expected.Append((Math.Round(value * 100) / 100).ToString("F2", CultureInfo.InvariantCulture)).Append(',');
        }
        Assert.Equal(expected.ToString(), Encoding.UTF8.GetString(buffer.Written));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"x\"", "\"say \"\"x\"\"\"")]
    [InlineData("two\nlines", "\"two\nlines\"")]
    public void Encode_SpecialCharacters_Quotes(string text, string expected)
        => Assert.Equal(expected, Encoding.UTF8.GetString(CsvBuffer.Encode(text)));

    [Fact]
    public void EndRow_EmptyFields_KeepsTheirCommas()
    {
        CsvBuffer buffer = new();
        buffer.Encoded([]);
        buffer.Encoded("x"u8);
        buffer.Encoded([]);
        buffer.EndRow();
        Assert.Equal(",x,\r\n", Encoding.UTF8.GetString(buffer.Written));
    }

    [Fact]
    public void Moment_Utc_IsIso8601()
    {
        CsvBuffer buffer = new();
        buffer.Moment(new DateTime(2025, 3, 4, 5, 6, 7, DateTimeKind.Utc));
        Assert.Equal("2025-03-04T05:06:07Z,", Encoding.UTF8.GetString(buffer.Written));
    }
}
