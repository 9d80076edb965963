using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace ScoringEngine.Core.Synthetic;

/// <summary>Rows of comma-separated values (RFC 4180) in UTF-8, in a buffer that grows. Not thread-safe.</summary>
internal sealed class CsvBuffer
{
    private const int LongestNumber = 24;

    private static readonly long[] PowersOfTen = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
    private static readonly SearchValues<char> Special = SearchValues.Create(",\"\r\n");

    private byte[] _bytes = new byte[4096];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    /// <summary>A field's bytes: quoted where RFC 4180 asks for it.</summary>
    public static byte[] Encode(string text)
        => Encoding.UTF8.GetBytes(text.AsSpan().ContainsAny(Special) ? $"\"{text.Replace("\"", "\"\"")}\"" : text);

    /// <summary>A field from <see cref="Encode"/>; no bytes are a missing value.</summary>
    public void Encoded(ReadOnlySpan<byte> field)
    {
        Reserve(field.Length + 1);
        field.CopyTo(_bytes.AsSpan(_length));
        _length += field.Length;
        _bytes[_length++] = (byte)',';
    }

    /// <summary>A number with <paramref name="decimals"/> digits after the point, 0..6; a half goes to the even neighbour.</summary>
    public void Number(double value, int decimals) => Scaled((long)Math.Round(value * PowersOfTen[decimals]), decimals);

    /// <summary>A number given as a multiple of 10^-<paramref name="decimals"/>.</summary>
    public void Scaled(long value, int decimals)
    {
        Reserve(LongestNumber + 1);
        if (value < 0)
        {
            _bytes[_length++] = (byte)'-';
        }
        ulong rest = (ulong)Math.Abs(value);
        Span<byte> reversed = stackalloc byte[LongestNumber];
        int n = 0;
        do
        {
            ulong tenth = rest / 10;
            reversed[n++] = (byte)('0' + (rest - (10 * tenth)));
            rest = tenth;
        }
        while (rest != 0 || n <= decimals);
        for (int i = n - 1; i >= 0; i--)
        {
            _bytes[_length++] = reversed[i];
            if (i == decimals && i != 0)
            {
                _bytes[_length++] = (byte)'.';
            }
        }
        _bytes[_length++] = (byte)',';
    }

    /// <summary>A moment in UTC, ISO 8601 to the second.</summary>
    public void Moment(DateTime utc)
    {
        Reserve(LongestNumber);
        bool fits = utc.TryFormat(_bytes.AsSpan(_length), out int written, "s", CultureInfo.InvariantCulture);
        Debug.Assert(fits);
        _length += written;
        _bytes[_length++] = (byte)'Z';
        _bytes[_length++] = (byte)',';
    }

    /// <summary>Ends the row, which has at least one field.</summary>
    public void EndRow()
    {
        Reserve(1);
        _bytes[_length - 1] = (byte)'\r';
        _bytes[_length++] = (byte)'\n';
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - _length < count)
        {
            Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _length + count));
        }
    }
}
