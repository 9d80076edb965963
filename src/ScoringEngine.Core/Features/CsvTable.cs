using System.IO.Compression;
using System.Text;
using CsvHelper;

namespace ScoringEngine.Core.Features;

/// <summary>
/// A CSV file with a header, plain or gzip, read row by row as UTF-8: RFC 4180; the separator (comma, semicolon, tab or
/// bar) is found from the first lines; invariant numbers.
/// </summary>
public sealed class CsvTable : IDisposable
{
    /// <summary>Longest row in bytes; more than that is an unclosed quote or no CSV.</summary>
    public const int MaxRowBytes = 1 << 20;

    private readonly Stream _source;
    private readonly CsvReader _reader;
    private readonly Dictionary<string, int> _columns = new(StringComparer.Ordinal);
    private CsvMalformedReason? _malformed;

    private CsvTable(string name, Stream source, Stream content)
    {
        Name = name;
        _source = source;
        _reader = CsvReader.Create(content, new CsvReaderOptions
        {
            TrackLineNumbers = true,
            MaxRecordSize = MaxRowBytes,
            OnMalformedRecord = record => _malformed = record.Reason,
        }, leaveOpen: false);
        try
        {
            Header = [.. _reader.Headers.Select(h => h.Trim())];
        }
        catch (CsvFormatException e)
        {
            throw new InvalidDataException($"{name}:1: {e.Message}", e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{name}: not a valid gzip file: {e.Message}", e);
        }
        if (QuoteViolation is { } violation)
        {
            throw new InvalidDataException($"{name}:1: {violation}");
        }
        if (Header.Count == 0)
        {
            throw new InvalidDataException($"{name}: empty, expected a header line");
        }
        for (int i = 0; i < Header.Count; i++)
        {
            if (!_columns.TryAdd(Header[i], i))
            {
                throw new InvalidDataException($"{name}:1: column '{Header[i]}' comes twice");
            }
        }
    }

    /// <summary>The file's path, or "(stdin)".</summary>
    public string Name { get; }

    /// <summary>The column names, trimmed.</summary>
    public IReadOnlyList<string> Header { get; }

    /// <summary>The line on which the current row starts, from 1 (the header).</summary>
    public long Line => _reader.LineNumber;

    /// <summary>Why the current row is not a row of the table, or null when it is.</summary>
    public string? RowViolation
        => QuoteViolation ?? (_reader.FieldCount == Header.Count ? null : $"{_reader.FieldCount} fields, expected {Header.Count}");

    /// <summary>The share of the file that is read, 0..1; NaN when its length is not known.</summary>
    public double Progress => _source.CanSeek && _source.Length > 0 ? (double)_source.Position / _source.Length : double.NaN;

    /// <summary>A field of the current row as UTF-8, spaces around it removed; valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> this[int column] => _reader.GetSpan(column).Trim(" \t"u8);

    /// <summary>A field of the current row as text.</summary>
    public string Text(int column) => Encoding.UTF8.GetString(this[column]);

    // A quote inside an unquoted field is no violation: it stands for itself.
    private string? QuoteViolation => _malformed switch
    {
        CsvMalformedReason.UnterminatedQuote => "a quoted field is never closed; everything after it was taken into it",
        CsvMalformedReason.TextAfterClosingQuote => "text after a closing quote",
        _ => null,
    };

    /// <summary>Opens a file; "-" reads <paramref name="standardInput"/>. A name that ends in .gz is unpacked.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It has no header, or one with a name twice, or cannot be unpacked.</exception>
    public static CsvTable Open(string path, Stream? standardInput = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path == "-")
        {
            Stream input = standardInput ?? throw new ArgumentNullException(nameof(standardInput));
            return new CsvTable("(stdin)", input, input);
        }
        FileStream file = new(path, new FileStreamOptions
        {
            Access = FileAccess.Read,
            Share = FileShare.Read,
            BufferSize = 1 << 16,
            Options = FileOptions.SequentialScan,
        });
        try
        {
            Stream content = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
                ? new GZipStream(file, CompressionMode.Decompress)
                : file;
            return new CsvTable(path, file, content);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The index of a column, or -1.</summary>
    public int IndexOf(string column) => _columns.GetValueOrDefault(column, -1);

    /// <summary>The index of a column.</summary>
    /// <exception cref="InvalidDataException">There is none; the message has the nearest name.</exception>
    public int Require(string column)
        => _columns.TryGetValue(column, out int index) ? index
            : throw new InvalidDataException($"{Name}:1: no column '{column}'{NearestName.Hint(column, Header)}; found {string.Join(", ", Header)}");

    /// <summary>Goes to the next row; false at the end. Empty lines are no rows.</summary>
    /// <exception cref="InvalidDataException">
    /// A row is longer than <see cref="MaxRowBytes"/>, a quoted field is never closed, or the file cannot be unpacked to its end.
    /// </exception>
    public bool Read()
    {
        _malformed = null;
        bool read;
        try
        {
            read = _reader.Read();
        }
        catch (CsvFormatException e)
        {
            throw new InvalidDataException($"{Name}:{e.LineNumber}: {e.Message}", e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{Name}: after line {Line}: not a valid gzip file: {e.Message}", e);
        }
        if (_malformed == CsvMalformedReason.UnterminatedQuote)
        {
            // Not one bad row but all that follow: no number of allowed rejects covers that.
            throw new InvalidDataException($"{Name}:{Line}: {QuoteViolation}");
        }
        return read;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _source.Dispose();
    }
}
