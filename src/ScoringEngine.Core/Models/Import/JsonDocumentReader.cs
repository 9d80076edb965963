using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ScoringEngine.Core.Models.Import;

/// <summary>Reads JSON.</summary>
internal sealed class JsonDocumentReader : DocumentReader
{
    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = MaxDepth });
    private JsonTokenType _token;
    private string _text = "";
    private int _position;

    public JsonDocumentReader(ModelFile file)
        : base(file) => Advance();

    public override bool AtText => _token is JsonTokenType.String or JsonTokenType.Number;

    protected override string Position => $"byte {_position}";

    public override void BeginObject() => Expect(JsonTokenType.StartObject, "an object");

    public override void BeginArray() => Expect(JsonTokenType.StartArray, "an array");

    public override bool NextKey(out string key)
    {
        Advance();
        key = _text;
        if (_token == JsonTokenType.EndObject)
        {
            return false;
        }
        Advance();
        return true;
    }

    public override bool NextElement()
    {
        Advance();
        return _token != JsonTokenType.EndArray;
    }

    public override string Text() => AtText ? _text : throw Found("a text");

    public override int[] Int32s()
    {
        List<int> values = [];
        BeginArray();
        Utf8JsonReader reader = Continue();
        while (Read(ref reader) && reader.TokenType != JsonTokenType.EndArray)
        {
            values.Add(reader.TokenType switch
            {
                JsonTokenType.True => 1,
                JsonTokenType.False => 0,
                JsonTokenType.Number when reader.TryGetInt32(out int value) => value,
                _ => throw Found(ref reader, "a whole number"),
            });
        }
        Pause(ref reader);
        return [.. values];
    }

    public override float[] Singles()
    {
        List<float> values = [];
        BeginArray();
        Utf8JsonReader reader = Continue();
        while (Read(ref reader) && reader.TokenType != JsonTokenType.EndArray)
        {
            values.Add(reader.TokenType == JsonTokenType.Number && reader.TryGetSingle(out float value)
                ? value
                : throw Found(ref reader, "a number"));
        }
        Pause(ref reader);
        return [.. values];
    }

    public override void Skip()
    {
        Utf8JsonReader reader = Continue();
        try
        {
            reader.Skip();
        }
        catch (JsonException e)
        {
            throw Malformed(e);
        }
        Pause(ref reader);
    }

    public override void End()
    {
        Utf8JsonReader reader = Continue();
        try
        {
            reader.Read();
        }
        catch (JsonException e)
        {
            throw Malformed(e);
        }
    }

    private void Expect(JsonTokenType token, string expected)
    {
        if (_token != token)
        {
            throw Found(expected);
        }
    }

    private void Advance()
    {
        Utf8JsonReader reader = Continue();
        Read(ref reader);
        try
        {
            _text = reader.TokenType switch
            {
                JsonTokenType.PropertyName or JsonTokenType.String => reader.GetString()!,
                JsonTokenType.Number => Encoding.UTF8.GetString(reader.ValueSpan),
                _ => "",
            };
        }
        catch (InvalidOperationException e)
        {
            throw File.Error($"byte {_position + reader.TokenStartIndex}: a text is not valid UTF-8 ({e.Message})");
        }
        Pause(ref reader);
    }

    private Utf8JsonReader Continue() => new(File.Bytes.AsSpan(_position), isFinalBlock: true, _state);

    private void Pause(ref Utf8JsonReader reader)
    {
        _token = reader.TokenType;
        _state = reader.CurrentState;
        _position += (int)reader.BytesConsumed;
    }

    private bool Read(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.Read() ? true : throw File.Error($"byte {File.Bytes.Length}: the document ends too early");
        }
        catch (JsonException e)
        {
            throw Malformed(e);
        }
    }

    private InvalidDataException Malformed(JsonException e)
        => File.Error(string.Create(CultureInfo.InvariantCulture, $"line {e.LineNumber + 1}, byte {e.BytePositionInLine}: {e.Message}"));

    private InvalidDataException Found(string expected) => Error($"expected {expected}, found {_token}");

    private InvalidDataException Found(ref Utf8JsonReader reader, string expected)
        => File.Error($"byte {_position + reader.TokenStartIndex}: expected {expected}, found {reader.TokenType}");
}
