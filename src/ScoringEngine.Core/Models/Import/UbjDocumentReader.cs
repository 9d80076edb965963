using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// Reads Universal Binary JSON (draft 12, https://ubjson.org): big-endian values behind one-letter type markers, with
/// optionally counted and typed arrays. High-precision numbers, which no model uses, are refused.
/// </summary>
internal sealed class UbjDocumentReader : DocumentReader
{
    private readonly Stack<Container> _open = new();
    private int _position;

    // Marker of the value at the cursor, whose contents begin at _position.
    private char _marker;

    public UbjDocumentReader(ModelFile file)
        : base(file) => _marker = Marker();

    public override bool AtText => _marker is not ('{' or '[' or 'Z');

    protected override string Position => $"byte {_position}";

    private ReadOnlySpan<byte> Rest => File.Bytes.AsSpan(_position);

    public override void BeginObject() => Begin('{', "an object");

    public override void BeginArray() => Begin('[', "an array");

    public override bool NextKey(out string key)
    {
        key = "";
        if (AtEnd('}'))
        {
            return false;
        }
        key = TextBehind(Marker());
        _marker = TypeOfNext();
        return true;
    }

    public override bool NextElement()
    {
        if (AtEnd(']'))
        {
            return false;
        }
        _marker = TypeOfNext();
        return true;
    }

    public override string Text() => _marker switch
    {
        'S' => TextBehind(Marker()),
        'C' => ((char)Take(1)[0]).ToString(),
        'd' or 'D' => Number().ToString("R", CultureInfo.InvariantCulture),
        _ => Whole().ToString(CultureInfo.InvariantCulture),
    };

    public override int[] Int32s()
    {
        BeginArray();
        if (_open.Peek() is { Type: 'l', Remaining: { } count })
        {
            int[] counted = new int[count];
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, int>(Take(count * sizeof(int))), counted);
            _open.Pop();
            return counted;
        }
        List<int> values = [];
        while (NextElement())
        {
            long value = _marker is 'd' or 'D' ? throw Found("a whole number") : Whole();
            values.Add(value is >= int.MinValue and <= int.MaxValue ? (int)value : throw Error($"expected 32 bits, found {value}"));
        }
        return [.. values];
    }

    public override float[] Singles()
    {
        BeginArray();
        if (_open.Peek() is { Type: 'd', Remaining: { } count })
        {
            float[] counted = new float[count];
            Span<int> bits = MemoryMarshal.Cast<float, int>(counted.AsSpan());
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, int>(Take(count * sizeof(float))), bits);
            _open.Pop();
            return counted;
        }
        List<float> values = [];
        while (NextElement())
        {
            values.Add(_marker is 'd' or 'D' ? (float)Number() : Whole());
        }
        return [.. values];
    }

    public override void Skip()
    {
        switch (_marker)
        {
            case 'S':
                TextBehind(Marker());
                break;
            case 'Z':
                break;
            case '{':
                BeginObject();
                while (NextKey(out _))
                {
                    Skip();
                }
                break;
            case '[':
                BeginArray();
                if (_open.Peek() is { Type: { } type, Remaining: { } count } && SizeOf(type) is { } size and > 0)
                {
                    Take(count * size);
                    _open.Pop();
                    break;
                }
                while (NextElement())
                {
                    Skip();
                }
                break;
            default:
                Take(SizeOf(_marker) ?? throw Found("a value"));
                break;
        }
    }

    public override void End()
    {
        if (!Rest.IsEmpty)
        {
            throw Error($"{Rest.Length} bytes follow the document");
        }
    }

    /// <summary>Enters a container and its optional type and count. A count is refused if the file cannot hold that many.</summary>
    private void Begin(char marker, string expected)
    {
        if (_marker != marker)
        {
            throw Found(expected);
        }
        if (_open.Count == MaxDepth)
        {
            throw Error($"nested deeper than {MaxDepth}");
        }
        char? type = null;
        if (NextIs('$'))
        {
            type = (char)Take(1)[0];
            if (!(type is '{' or '[' or 'S' || SizeOf(type.Value) > 0))
            {
                throw Error($"type '{Printable(type.Value)}' of a container is not supported");
            }
            if (marker == '{' || Rest.IsEmpty || Rest[0] != '#')
            {
                throw Error("expected a count after a container's type");
            }
        }
        int? remaining = null;
        if (NextIs('#'))
        {
            long count = WholeBehind(Marker());
            long least = type is { } t && SizeOf(t) is { } size ? size : 1;
            if (count < 0 || count > Rest.Length / least)
            {
                throw Error($"a count is {count}, but only {Rest.Length} bytes follow");
            }
            remaining = (int)count;
        }
        _open.Push(new Container(type, remaining));
    }

    private bool AtEnd(char marker)
    {
        Container container = _open.Peek();
        bool ends = container.Remaining is { } remaining ? remaining == 0 : NextIs(marker);
        if (ends)
        {
            _open.Pop();
        }
        else if (container.Remaining is { } left)
        {
            _open.Pop();
            _open.Push(container with { Remaining = left - 1 });
        }
        return ends;
    }

    private char TypeOfNext() => _open.Peek().Type ?? Marker();

    private char Marker()
    {
        char marker;
        do
        {
            marker = (char)Take(1)[0];
        }
        while (marker == 'N');
        return marker;
    }

    private bool NextIs(char marker)
    {
        if (Rest.IsEmpty || Rest[0] != marker)
        {
            return false;
        }
        _position++;
        return true;
    }

    private string TextBehind(char lengthMarker)
    {
        long length = WholeBehind(lengthMarker);
        return length >= 0 && length <= Rest.Length
            ? Encoding.UTF8.GetString(Take((int)length))
            : throw Error($"a text has length {length}, but {Rest.Length} bytes follow");
    }

    private long WholeBehind(char marker)
    {
        _marker = marker;
        return Whole();
    }

    private long Whole() => _marker switch
    {
        'F' => 0,
        'T' => 1,
        'i' => (sbyte)Take(1)[0],
        'U' => Take(1)[0],
        'I' => BinaryPrimitives.ReadInt16BigEndian(Take(2)),
        'l' => BinaryPrimitives.ReadInt32BigEndian(Take(4)),
        'L' => BinaryPrimitives.ReadInt64BigEndian(Take(8)),
        _ => throw Found("a whole number"),
    };

    private double Number() => _marker == 'd'
        ? BinaryPrimitives.ReadSingleBigEndian(Take(4))
        : BinaryPrimitives.ReadDoubleBigEndian(Take(8));

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Rest.Length)
        {
            throw Error($"expected {count} bytes, but the file ends after {Rest.Length}");
        }
        ReadOnlySpan<byte> taken = Rest[..count];
        _position += count;
        return taken;
    }

    // Bytes of a value's contents; null where that depends on the value or the marker is unknown.
    private static int? SizeOf(char marker) => marker switch
    {
        'T' or 'F' => 0,
        'i' or 'U' or 'C' => 1,
        'I' => 2,
        'l' or 'd' => 4,
        'L' or 'D' => 8,
        _ => null,
    };

    private InvalidDataException Found(string expected) => Error($"expected {expected}, found type '{Printable(_marker)}'");

    private static string Printable(char marker) => char.IsAsciiLetterOrDigit(marker) || char.IsPunctuation(marker) ? marker.ToString() : $"0x{(int)marker:X2}";

    private readonly record struct Container(char? Type, int? Remaining);
}
