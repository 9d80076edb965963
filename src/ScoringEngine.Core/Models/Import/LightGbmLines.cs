using System.Buffers.Text;
using System.Text;

namespace ScoringEngine.Core.Models.Import;

/// <summary>A cursor over the lines of LightGBM's text format, and over its sections of <c>key=value</c> lines.</summary>
internal sealed class LightGbmLines(ModelFile file)
{
    private const int LongestQuote = 40;

    private int _next;
    private Range _line;

    /// <summary>Number of the current line, from 1.</summary>
    public int Number { get; private set; }

    /// <summary>Whether the current line begins a tree.</summary>
    public bool AtTree => Bytes.StartsWith("Tree="u8);

    /// <summary>Whether the current line follows the last tree.</summary>
    public bool AtEndOfTrees => Bytes.SequenceEqual("end of trees"u8) || Bytes.StartsWith("feature importances"u8) || Bytes.StartsWith("feature_importances"u8);

    /// <summary>The current line.</summary>
    public string Text => Encoding.UTF8.GetString(Bytes);

    private ReadOnlySpan<byte> Bytes => file.Bytes.AsSpan(_line);

    public static string Shorten(string text) => text.Length <= LongestQuote ? text : text[..LongestQuote] + "...";

    /// <summary>Goes to the next line that is not blank; at the end of the file the line is empty.</summary>
    public bool Next()
    {
        while (_next < file.Bytes.Length)
        {
            int begin = _next;
            int length = file.Bytes.AsSpan(begin).IndexOf((byte)'\n');
            _next = length < 0 ? file.Bytes.Length : begin + length + 1;
            Number++;
            int end = length < 0 ? file.Bytes.Length : begin + length;
            if (end > begin && file.Bytes[end - 1] == '\r')
            {
                end--;
            }
            if (end > begin)
            {
                _line = begin..end;
                return true;
            }
        }
        _line = _next.._next;
        return false;
    }

    /// <summary>Reads the lines after the current one, up to a line that begins or ends the trees.</summary>
    public LightGbmSection Section()
    {
        LightGbmSection section = new(file, Number);
        while (Next() && !AtTree && !AtEndOfTrees)
        {
            int equals = Bytes.IndexOf((byte)'=');
            string key = Encoding.UTF8.GetString(equals < 0 ? Bytes : Bytes[..equals]);
            int begin = equals < 0 ? _line.End.Value : _line.Start.Value + equals + 1;
            if (!section.TryAdd(key, Number, begin.._line.End.Value))
            {
                throw Error($"'{Shorten(key)}' occurs twice");
            }
        }
        return section;
    }

    public InvalidDataException Error(string message) => file.Error($"line {Number}: {message}");
}

/// <summary>The values of a section by key; where a value lies is remembered for errors.</summary>
internal sealed class LightGbmSection(ModelFile file, int line)
{
    private delegate bool Parser<T>(ReadOnlySpan<byte> text, out T value, out int used, char format = default);

    private readonly Dictionary<string, (int Line, Range Value)> _values = [];

    /// <summary>The line before the section.</summary>
    public int Line => line;

    public bool TryAdd(string key, int number, Range value) => _values.TryAdd(key, (number, value));

    public bool Has(string key) => _values.ContainsKey(key);

    public string Text(string key) => Encoding.UTF8.GetString(Bytes(key));

    public int Int32(string key, int least, int greatest)
    {
        int value = Parse<int>(key, 1, Utf8Parser.TryParse)[0];
        return value >= least && value <= greatest ? value : throw Error(key, $"expected {least}..{greatest}, found {value}");
    }

    public int[] Int32s(string key, int? count = null) => Parse<int>(key, count, Utf8Parser.TryParse);

    public uint[] UInt32s(string key) => Parse<uint>(key, null, Utf8Parser.TryParse);

    public double[] Doubles(string key, int count) => Parse<double>(key, count, Utf8Parser.TryParse);

    public InvalidDataException Error(string key, string message) => file.Error($"line {_values[key].Line}, {key}: {message}");

    private ReadOnlySpan<byte> Bytes(string key) => _values.TryGetValue(key, out (int Line, Range Value) found)
        ? file.Bytes.AsSpan(found.Value)
        : throw file.Error($"line {line}: '{key}' is missing from the section that begins here");

    // The values are counted before anything is allocated for them.
    private T[] Parse<T>(string key, int? count, Parser<T> parser)
    {
        ReadOnlySpan<byte> rest = Bytes(key).Trim((byte)' ');
        int found = 0;
        foreach (Range word in rest.Split((byte)' '))
        {
            found += word.Start.Value == word.End.Value ? 0 : 1;
        }
        if (found != (count ?? found))
        {
            throw Error(key, $"expected {count} values, found {found}");
        }
        T[] values = new T[found];
        int next = 0;
        foreach (Range word in rest.Split((byte)' '))
        {
            ReadOnlySpan<byte> text = rest[word];
            if (text.IsEmpty)
            {
                continue;
            }
            if (!parser(text, out values[next++], out int used) || used != text.Length)
            {
                throw Error(key, $"expected a number, found '{LightGbmLines.Shorten(Encoding.UTF8.GetString(text))}'");
            }
        }
        return values;
    }
}
