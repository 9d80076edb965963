using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

public sealed class CsvTableTests
{
    [Theory]
    [InlineData("id,a\n1,x\n2,y\n", "2: 1/x|3: 2/y")]
    [InlineData("id,a\r\n1,x\r\n2,y", "2: 1/x|3: 2/y")]
    [InlineData("id,a\n1,\"x, y\"\n2,\"say \"\"x\"\"\"\n", "2: 1/x, y|3: 2/say \"x\"")]
    [InlineData("id,a\n1,\"x\ny\r\nz\"\n2,b\n", "2: 1/x\ny\r\nz|5: 2/b")]
    [InlineData("id,a\n\n1,x\n\r\n\n2,y\n\n", "3: 1/x|6: 2/y")]
    [InlineData("id,a\n 1 ,\t x y \t\n", "2: 1/x y")]
    [InlineData("id,a\n,\n1,\n", "2: /|3: 1/")]
    [InlineData("\"id\",\"a\"\n1,2\n", "2: 1/2")]
    [InlineData("sep=;\nid;a\n1;2,5\n", "3: 1/2,5")]
    [InlineData("id,a\n1,5\" pipe\n", "2: 1/5\" pipe")]
    public void Read_WellFormedTable_GivesEveryRowWithItsLine(string text, string expected)
    {
        using CsvTable table = Csv.Of(text);
        Assert.Equal(["id", "a"], table.Header);
        Assert.Equal(expected.Split('|'), Csv.Rows(table));
    }

    [Theory]
    [InlineData(',')]
    [InlineData(';')]
    [InlineData('\t')]
    [InlineData('|')]
    public void Read_AnySeparator_IsFound(char separator)
    {
        using CsvTable table = Csv.Of("id,name,x\n1,Zoë,0.5\n2,東京,-1e3\n".Replace(',', separator));
        Assert.Equal(["2: 1/Zoë/0.5", "3: 2/東京/-1e3"], Csv.Rows(table));
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public void Read_ByteOrderMark_IsNoPartOfTheFirstName(string encoding)
    {
        Encoding with = Encoding.GetEncoding(encoding);
        using CsvTable table = Csv.Of([.. with.GetPreamble(), .. with.GetBytes("id;a\n1;é\n")]);
        Assert.Equal(["id", "a"], table.Header);
        Assert.Equal(["2: 1/é"], Csv.Rows(table));
    }

    [Fact]
    public void Read_MalformedRows_SaysWhyAtTheirLineAndGoesOn()
    {
        using CsvTable table = Csv.Of("id,a\n1,x\n2\n3,x,y\n4,\"b\"c\n5,\"two\nlines\"\n   \n6,x\n");
        Assert.Equal(
            [
                "2: 1/x",
                "3! 1 fields, expected 2",
                "4! 3 fields, expected 2",
                "5! text after a closing quote",
                "6: 5/two\nlines",
                "8! 1 fields, expected 2",
                "9: 6/x",
            ], Csv.Rows(table));
    }

    [Fact]
    public void Read_QuoteNeverClosed_FailsBecauseAllFurtherRowsAreInIt()
    {
        using CsvTable table = Csv.Of("id,a\n1,x\n2,\"never\n3,y\n");
        Assert.True(table.Read());
        Assert.Equal("(stdin):3: a quoted field is never closed; everything after it was taken into it",
            Assert.Throws<InvalidDataException>(() => table.Read()).Message);
    }

    [Theory]
    [InlineData("", "(stdin): empty, expected a header line")]
    [InlineData("\n\n", "(stdin): empty, expected a header line")]
    [InlineData("id,a, id \n1,2,3\n", "(stdin):1: column 'id' comes twice")]
    [InlineData("id,,\n1,2,3\n", "(stdin):1: column '' comes twice")]
    [InlineData("id,\"a\n1,2\n", "(stdin):1: a quoted field is never closed; everything after it was taken into it")]
    [InlineData("id,\"a\"b\n1,2\n", "(stdin):1: text after a closing quote")]
    public void Open_NoUsableHeader_IsRefused(string text, string message)
        => Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Csv.Of(text)).Message);

    [Fact]
    public void Open_OnlyAHeader_HasNoRows()
    {
        using CsvTable table = Csv.Of("id,a");
        Assert.False(table.Read());
        Assert.False(table.Read());
    }

    [Fact]
    public void Read_RowLongerThanTheLimit_IsRefusedWithItsLine()
    {
        using CsvTable table = Csv.Of("id,a\n1,x\n2,\"" + new string('y', 4 * CsvTable.MaxRowBytes));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => Csv.Rows(table));
        Assert.StartsWith("(stdin):3: ", error.Message);
    }

    [Fact]
    public void Require_UnknownColumn_NamesTheNearestAndAll()
    {
        using CsvTable table = Csv.Of("id,tenure\n");
        Assert.Equal(1, table.Require("tenure"));
        Assert.Equal(-1, table.IndexOf("Tenure"));
        Assert.Equal("(stdin):1: no column 'tenur' (did you mean 'tenure'?); found id, tenure",
            Assert.Throws<InvalidDataException>(() => table.Require("tenur")).Message);
    }

    [Fact]
    public void Open_MissingFile_IsAnIOException()
    {
        using TemporaryFolder folder = new();
        Assert.Throws<FileNotFoundException>(() => CsvTable.Open(folder["none.csv"]));
        Assert.Throws<ArgumentNullException>(() => CsvTable.Open("-"));
    }

    [Fact]
    public void Progress_WhileReading_RisesToOne()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("a.csv", "id,a\n" + string.Concat(Enumerable.Range(0, 50_000).Select(i => $"{i},{i}\n")));
        using CsvTable table = CsvTable.Open(path);
        double before = table.Progress;
        Assert.InRange(before, 0, 0.9);
        while (table.Read())
        {
            Assert.InRange(table.Progress, before, 1);
            before = table.Progress;
        }
        Assert.Equal(1, table.Progress);
    }

    [Fact]
    public void Open_Gzip_ReadsTheSameRows()
    {
        using TemporaryFolder folder = new();
        byte[] half = Gzip("id,a\n1,x\n");
        File.WriteAllBytes(folder["a.csv.GZ"], [.. half, .. Gzip("2,y\n")]); // two members, as cat a.gz b.gz makes
        using CsvTable table = CsvTable.Open(folder["a.csv.GZ"]);
        Assert.Equal(["2: 1/x", "3: 2/y"], Csv.Rows(table));
    }

    [Fact]
    public void Read_TruncatedGzip_IsRefusedWhereverItIsCut()
    {
        using TemporaryFolder folder = new();
        string path = folder["a.csv.gz"];
        byte[] whole = Gzip("id,a\n" + string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i},{i * 7919 % 1000}\n")));
        foreach (int cut in new[] { 1, 4, 7, 8, 9, 20, whole.Length / 2, whole.Length - 30, whole.Length - 12, whole.Length - 1 })
        {
            File.WriteAllBytes(path, whole[..^cut]);
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => ReadAll(path));
            Assert.StartsWith(path + ": ", error.Message);
            Assert.Contains("not a valid gzip file: ", error.Message);
        }
    }

    [Fact]
    public void Read_CorruptGzip_IsRefusedWhicheverBitIsFlipped()
    {
        using TemporaryFolder folder = new();
        string path = folder["a.csv.gz"];
        byte[] whole = Gzip("id,a\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"{i},{i * 7919 % 1000}\n")));
        for (int at = 10; at < whole.Length; at += 7) // past the gzip header, whose time and system are free
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(path, flipped);
            Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => ReadAll(path)).Message);
        }
        File.WriteAllText(path, "id,a\n1,x\n");
        Assert.StartsWith(path + ": not a valid gzip file: ", Assert.Throws<InvalidDataException>(() => ReadAll(path)).Message);
    }

    [Fact]
    public void Read_AnyTableWritten_IsReadBack()
    {
        Gen<char> character = Gen.Frequency(
            (6, Gen.Choose('a', 'e').Select(c => (char)c)),
            (6, Gen.Elements(',', ';', '"', '\n', '\r', ' ', '\t', '|', '#', '\'', 'ü', '漢', '0')));
        Gen<string> field = character.ArrayOf().Select(c => new string(c));
        Gen<string[][]> tables =
            from columns in Gen.Choose(2, 5)
            from rows in field.ArrayOf(columns).ArrayOf()
            select rows;
        Prop.ForAll(tables.ToArbitrary(), Gen.Elements("\n", "\r\n").ToArbitrary(), (rows, newline) =>
        {
            int columns = rows.Length == 0 ? 2 : rows[0].Length;
            StringBuilder text = new(string.Join(',', Enumerable.Range(0, columns).Select(c => $"c{c}")) + newline);
            List<string> expected = [];
            int line = 2;
            foreach (string[] row in rows)
            {
                text.AppendJoin(',', row.Select(Quote)).Append(newline);
                expected.Add($"{line}: {string.Join('/', row.Select(f => f.Trim(' ', '\t')))}");
                line += 1 + row.Sum(LineBreaks);
            }
            using CsvTable table = Csv.Of(text.ToString());
            Assert.Equal(expected, Csv.Rows(table));
        }).Check(Config.QuickThrowOnFailure.WithReplay(1, 1));

        static string Quote(string field)
            => field.AsSpan().IndexOfAny(",;\"\n\r\t|") < 0 ? field : $"\"{field.Replace("\"", "\"\"")}\"";

        static int LineBreaks(string field) => field.Replace("\r\n", "\n").Count(c => c is '\n' or '\r');
    }

    private static void ReadAll(string path)
    {
        using CsvTable table = CsvTable.Open(path);
        while (table.Read())
        {
        }
    }

    private static byte[] Gzip(string text)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Optimal))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }
        return packed.ToArray();
    }
}
