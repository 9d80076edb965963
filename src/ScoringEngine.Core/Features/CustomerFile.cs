using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace ScoringEngine.Core.Features;

/// <summary>
/// Reads customers from a CSV file by a feature schema. A row that cannot be read is handed to the caller's
/// <c>rejected</c> callback and skipped; nothing is dropped silently.
/// </summary>
public sealed class CustomerFile : IDisposable
{
    private readonly CsvTable _table;
    private readonly CategoryDictionary _categories;
    private readonly Action<RowRejection> _rejected;
    private readonly int _idColumn;
    private readonly (int Column, int Feature)[] _features;
    private readonly (int Column, int Sign)[] _target;
    private readonly float[] _values;

    private CustomerFile(CsvTable table, CategoryDictionary categories, string idColumn, ProfitTarget? target,
        bool withContext, Action<RowRejection> rejected)
    {
        _table = table;
        _categories = categories;
        _rejected = rejected;
        FeatureSchema schema = categories.Schema;
        _idColumn = table.Require(idColumn);
        int count = withContext ? schema.Count : schema.CustomerCount;
        _values = new float[count];
        List<(int, int)> found = [];
        List<string> absent = [];
        for (int f = 0; f < count; f++)
        {
            Feature feature = schema.Features[f];
            int column = table.IndexOf(feature.Name);
            if (column >= 0)
            {
                found.Add((column, f));
            }
            else if (!feature.Context)
            {
                absent.Add($"'{feature.Name}'{NearestName.Hint(feature.Name, table.Header)}");
            }
        }
        if (absent.Count > 0)
        {
            throw new InvalidDataException($"{table.Name}:1: the schema's column(s) {string.Join(", ", absent)} not found");
        }
        _features = [.. found];
        _target = target is null ? [] : [.. target.Terms.Select(t => (table.Require(t.Column), t.Sign))];
    }

    /// <summary>Id of the current customer, UTF-8, valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> Id => _table[_idColumn];

    /// <summary>
    /// Values of the current customer, valid until the next <see cref="Read"/>: the schema's customer features, or all
    /// features where context was asked for. Missing is NaN; an absent context column is its default.
    /// </summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>The profit target of the current customer; NaN without a target.</summary>
    public float Target { get; private set; } = float.NaN;

    /// <summary>Rows rejected so far.</summary>
    public long RejectedCount { get; private set; }

    /// <summary>The share of the file that is read, 0..1; NaN when unknown.</summary>
    public double Progress => _table.Progress;

    /// <summary>The schema by which rows are read.</summary>
    public FeatureSchema Schema => _categories.Schema;

    /// <summary>The table, for columns beyond the schema.</summary>
    public CsvTable Table => _table;

    /// <summary>Opens a file of customers.</summary>
    /// <param name="table">The file; disposed with this reader.</param>
    /// <param name="categories">Dictionary of the schema; categories it lacks are added.</param>
    /// <param name="idColumn">The column that holds the customer's id.</param>
    /// <param name="target">The profit target to compute, or null.</param>
    /// <param name="rejected">Called with each row that cannot be read.</param>
    /// <param name="withContext">Whether rows include the context features.</param>
    /// <exception cref="InvalidDataException">A column of the schema, the id or the target is not there.</exception>
    public static CustomerFile Open(CsvTable table, CategoryDictionary categories, string idColumn, ProfitTarget? target,
        Action<RowRejection> rejected, bool withContext = false)
    {
        ArgumentNullException.ThrowIfNull(table);
        try
        {
            return new CustomerFile(table, categories, idColumn, target, withContext, rejected);
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }

    /// <summary>Goes to the next customer that can be read; false at the end.</summary>
    public bool Read()
    {
        while (_table.Read())
        {
            if (ReadRow())
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Rejects the current row for a reason that only the caller knows.</summary>
    public void Reject(string column, string value, string reason)
    {
        RejectedCount++;
        _rejected(new RowRejection(_table.Name, _table.Line, column, value, reason));
    }

    /// <inheritdoc/>
    public void Dispose() => _table.Dispose();

    /// <summary>Reads one value of a feature from UTF-8 text (empty is missing), or says what was expected instead.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, int feature, CategoryDictionary categories, out float value, out string reason)
    {
        Feature definition = categories.Schema.Features[feature];
        reason = "";
        value = float.NaN;
        if (!text.IsEmpty)
        {
            switch (definition.Kind)
            {
                case FeatureKind.Categorical:
                    if (!Utf8.IsValid(text))
                    {
                        reason = NoUtf8;
                        return false;
                    }
                    value = categories.GetOrAdd(feature, text);
                    return true;
                case FeatureKind.Boolean:
                    if (!TryParseBoolean(text, out bool flag))
                    {
                        reason = "expected yes/no, true/false or 1/0";
                        return false;
                    }
                    value = flag ? 1 : 0;
                    return true;
                default:
                    if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) || float.IsNaN(value))
                    {
                        reason = "expected a number";
                        return false;
                    }
                    break;
            }
        }
        if (FeatureSchema.Violation(definition, value) is { } violation)
        {
            reason = violation;
            return false;
        }
        return true;
    }

    /// <summary>Reads yes/no, true/false, y/n, t/f and 1/0 (1.0/0.0) in any case.</summary>
    public static bool TryParseBoolean(ReadOnlySpan<byte> text, out bool value)
    {
        value = IsOneOf(text, TrueWords);
        return value || IsOneOf(text, FalseWords);
    }

    /// <summary>Why an id is not one, or null when it is.</summary>
    public static string? IdViolation(ReadOnlySpan<byte> id)
        => id.IsEmpty ? "empty, expected a customer id"
            : id.Length > FeatureSchema.MaxIdBytes ? $"{id.Length} bytes long, expected at most {FeatureSchema.MaxIdBytes}"
            : Utf8.IsValid(id) ? null : NoUtf8;

    private static bool IsOneOf(ReadOnlySpan<byte> text, string[] words)
    {
        foreach (string word in words)
        {
            if (Ascii.EqualsIgnoreCase(text, word))
            {
                return true;
            }
        }
        return false;
    }

    private const string NoUtf8 = "not valid UTF-8";

    private static readonly string[] TrueWords = ["1", "yes", "true", "y", "t", "1.0"];
    private static readonly string[] FalseWords = ["0", "no", "false", "n", "f", "0.0"];

    private bool ReadRow()
    {
        if (_table.RowViolation is { } rowViolation)
        {
            Reject("", "", rowViolation);
            return false;
        }
        if (IdViolation(Id) is { } idViolation)
        {
            Reject(_table.Header[_idColumn], _table.Text(_idColumn), idViolation);
            return false;
        }
        for (int f = _categories.Schema.CustomerCount; f < _values.Length; f++)
        {
            _values[f] = _categories.Schema.Features[f].Default;
        }
        foreach ((int column, int feature) in _features)
        {
            if (!TryParse(_table[column], feature, _categories, out float value, out string reason))
            {
                Reject(_table.Header[column], _table.Text(column), reason);
                return false;
            }
            _values[feature] = value;
        }
        double sum = _target.Length == 0 ? double.NaN : 0;
        foreach ((int column, int sign) in _target)
        {
            if (!double.TryParse(_table[column], NumberStyles.Float, CultureInfo.InvariantCulture, out double term)
                || !float.IsFinite((float)term))
            {
                Reject(_table.Header[column], _table.Text(column), "the target needs a finite number");
                return false;
            }
            sum += sign * term;
            if (!float.IsFinite((float)sum))
            {
                Reject(_table.Header[column], _table.Text(column), "the target's sum does not fit a float32");
                return false;
            }
        }
        Target = (float)sum;
        return true;
    }
}
