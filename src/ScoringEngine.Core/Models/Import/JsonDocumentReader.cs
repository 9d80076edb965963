using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// Reads JSON, and the numbers <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c> that XGBoost writes although JSON has none.
/// </summary>
internal sealed class JsonDocumentReader : DocumentReader
{
    // For each open container whether it has had no member yet.
    private readonly Stack<bool> _open = new();
    private int _position;

    public JsonDocumentReader(ModelFile file)
        : base(file) => SkipSpace();

    public override bool AtText => !Rest.IsEmpty && (Rest[0] == '"' || Word().Length > 0);

    protected override string Position
    {
        get
        {
            ReadOnlySpan<byte> before = File.Bytes.AsSpan(0, _position);
            return $"line {before.Count((byte)'\n') + 1}, byte {_position}";
        }
    }

    private ReadOnlySpan<byte> Rest => File.Bytes.AsSpan(_position);

    public override void BeginObject() => Begin('{');

    public override void BeginArray() => Begin('[');

    public override bool NextKey(out string key)
    {
        key = "";
        if (!Next('}'))
        {
            return false;
        }
        key = QuotedText();
        Expect(':');
        return true;
    }

    public override bool NextElement() => Next(']');

    public override string Text()
    {
        if (!AtText)
        {
            throw Found("a text or number");
        }
        return Rest[0] == '"' ? QuotedText() : Encoding.UTF8.GetString(Take(Word()));
    }

    public override int[] Int32s()
    {
        List<int> values = [];
        BeginArray();
        while (NextElement())
        {
            ReadOnlySpan<byte> word = Word();
            values.Add(word switch
            {
                _ when word.SequenceEqual("true"u8) => 1,
                _ when word.SequenceEqual("false"u8) => 0,
                _ when Utf8Parser.TryParse(word, out int value, out int used) && used == word.Length => value,
                _ => throw Found("a whole number of 32 bits"),
            });
            Take(word);
        }
        return [.. values];
    }

    public override float[] Singles()
    {
        List<float> values = [];
        BeginArray();
        while (NextElement())
        {
            ReadOnlySpan<byte> word = Word();
            values.Add(Utf8Parser.TryParse(word, out float value, out int used) && used == word.Length ? value : throw Found("a number"));
            Take(word);
        }
        return [.. values];
    }

    public override void Skip()
    {
        switch (Rest.IsEmpty ? default : (char)Rest[0])
        {
            case '{':
                BeginObject();
                while (NextKey(out _))
                {
                    Skip();
                }
                break;
            case '[':
                BeginArray();
                while (NextElement())
                {
                    Skip();
                }
                break;
            case '"':
                SkipQuoted();
                break;
            default:
                ReadOnlySpan<byte> word = Word();
                if (word.IsEmpty)
                {
                    throw Found("a value");
                }
                Take(word);
                break;
        }
    }

    public override void End()
    {
        SkipSpace();
        if (!Rest.IsEmpty)
        {
            throw Found("the end of the file");
        }
    }

    private void Begin(char bracket)
    {
        Expect(bracket);
        if (_open.Count == MaxDepth)
        {
            throw Error($"nested deeper than {MaxDepth}");
        }
        _open.Push(true);
    }

    /// <summary>Goes behind the comma between members; false behind the closing bracket.</summary>
    private bool Next(char closing)
    {
        SkipSpace();
        bool first = _open.Pop();
        if (!Rest.IsEmpty && Rest[0] == closing)
        {
            _position++;
            return false;
        }
        if (!first)
        {
            Expect(',');
        }
        _open.Push(false);
        return true;
    }

    private void Expect(char mark)
    {
        SkipSpace();
        if (Rest.IsEmpty || Rest[0] != mark)
        {
            throw Found($"'{mark}'");
        }
        _position++;
        SkipSpace();
    }

    private string QuotedText()
    {
        int begin = _position;
        SkipQuoted();
        try
        {
            Utf8JsonReader reader = new(File.Bytes.AsSpan(begin.._position));
            reader.Read();
            return reader.GetString()!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Error($"a text is malformed ({e.Message})");
        }
    }

    private void SkipQuoted()
    {
        if (Rest.IsEmpty || Rest[0] != '"')
        {
            throw Found("a text");
        }
        for (int at = 1; at < Rest.Length; at += 2)
        {
            int next = Rest[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (next < 0)
            {
                break;
            }
            at += next;
            if (Rest[at] == '"')
            {
                _position += at + 1;
                return;
            }
        }
        throw Error("a text does not end");
    }

    /// <summary>The number or name at the cursor; empty at anything else.</summary>
    private ReadOnlySpan<byte> Word()
    {
        int length = 0;
        while (length < Rest.Length && (char.IsAsciiLetterOrDigit((char)Rest[length]) || Rest[length] is (byte)'+' or (byte)'-' or (byte)'.'))
        {
            length++;
        }
        return Rest[..length];
    }

    private ReadOnlySpan<byte> Take(ReadOnlySpan<byte> word)
    {
        _position += word.Length;
        return word;
    }

    private void SkipSpace()
    {
        int next = Rest.IndexOfAnyExcept(" \t\r\n"u8);
        _position += next < 0 ? Rest.Length : next;
    }

    private InvalidDataException Found(string expected)
        => Error($"expected {expected}, found {(Rest.IsEmpty ? "the end of the file" : $"'{LightGbmLines.Shorten(Encoding.UTF8.GetString(Rest[..Math.Min(Rest.Length, 12)]))}'")}");
}
