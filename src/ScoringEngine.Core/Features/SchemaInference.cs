using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ScoringEngine.Core.Features;

/// <summary>A schema guessed from a file, with what a person should know about each column.</summary>
/// <param name="Features">The features.</param>
/// <param name="Comments">Remark by column name: what was observed, or why the column was left out.</param>
/// <param name="Rows">Rows read.</param>
/// <param name="MeanAbsoluteTarget">Mean absolute value of the target over rows that have one; NaN without a target.</param>
public sealed record InferredSchema(FeatureSchema Features, IReadOnlyDictionary<string, string> Comments, long Rows, double MeanAbsoluteTarget);

/// <summary>
/// Guesses a feature schema from a customer file in one pass and bounded memory. Deterministic.
/// </summary>
public static partial class SchemaInference
{
    /// <summary>Most distinct texts of a categorical feature.</summary>
    public const int MaxCategories = 200;

    // Distinct texts remembered for a column.
    private const int MaxDistinct = 5000;
    private static readonly string[] ProtectedWords = ["gender", "sex", "age", "ageband", "race", "ethnicity", "religion", "nationality", "disability", "senior", "seniorcitizen"];
    private static readonly string[] PersonalWords = ["name", "firstname", "lastname", "surname", "email", "phonenumber", "address", "birth", "birthdate", "iban", "ssn", "postcode", "zip", "zipcode"];

    /// <summary>Reads the file and guesses.</summary>
    /// <param name="table">The file; not disposed.</param>
    /// <param name="idColumn">The id column.</param>
    /// <param name="target">Columns of the target, which are no features; may be empty.</param>
    /// <param name="rejected">Called with each row that is no row of the table.</param>
    /// <param name="progress">Told the share read, 0..1.</param>
    /// <param name="cancellation">Ends the pass.</param>
    /// <exception cref="InvalidDataException">A named column is missing, a target column is not numeric, or nothing is left to learn from.</exception>
    public static InferredSchema Infer(CsvTable table, string idColumn, ImmutableArray<(string Column, int Sign)> target, Action<RowRejection> rejected,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(table);
        int id = table.Require(idColumn);
        (int Column, int Sign)[] terms = [.. target.Select(t => (table.Require(t.Column), t.Sign))];
        Column[] columns = [.. table.Header.Select(name => new Column(name))];
        long rows = 0;
        double absolute = 0;
        long targets = 0;
        while (table.Read())
        {
            if (table.RowViolation is { } violation)
            {
                rejected(new RowRejection(table.Name, table.Line, "", "", violation));
                continue;
            }
            rows++;
            double sum = 0;
            for (int c = 0; c < columns.Length; c++)
            {
                columns[c].Add(table[c], table.Line);
            }
            foreach ((int column, int sign) in terms)
            {
                sum += double.TryParse(table[column], NumberStyles.Float, CultureInfo.InvariantCulture, out double term) ? sign * term : double.NaN;
            }
            if (double.IsFinite(sum))
            {
                absolute += Math.Abs(sum);
                targets++;
            }
            if (rows % 10_000 == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(table.Progress);
            }
        }
        if (rows == 0)
        {
            throw new InvalidDataException($"{table.Name}: no rows after the header");
        }
        foreach ((int column, _) in terms)
        {
            if (!columns[column].MostlyNumbers)
            {
                throw new InvalidDataException(columns[column].FirstTextLine is > 0 and long line
                    ? $"{table.Name}:{line}: target column '{columns[column].Name}' is not numeric"
                    : $"{table.Name}: target column '{columns[column].Name}' is always missing");
            }
        }
        List<Feature> features = [];
        Dictionary<string, string> comments = new(StringComparer.Ordinal);
        for (int c = 0; c < columns.Length; c++)
        {
            if (c != id && !Array.Exists(terms, t => t.Column == c))
            {
                Feature? feature = columns[c].ToFeature(features.Count + 1, out string comment);
                if (feature is not null)
                {
                    features.Add(feature);
                }
                if (comment.Length > 0)
                {
                    comments[columns[c].Name] = comment;
                }
            }
        }
        if (features.Count == 0)
        {
            throw new InvalidDataException($"{table.Name}: no column to learn from besides the id and the target");
        }
        return new InferredSchema(new FeatureSchema(features), comments, rows, terms.Length == 0 ? double.NaN : absolute / targets);
    }

    // Day, month and four-digit year in any usual order, a time of day allowed. DateTime.TryParse would also take ranges
    // such as "10-12" for dates, and depends on the year in which it runs.
    [GeneratedRegex(@"^(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/. ])(\d{1,2}|[A-Za-z]{3,9})\3\d{4})([T ].*)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Date();

    private sealed class Column(string name)
    {
        private readonly Dictionary<string, long> _texts = new(StringComparer.Ordinal);
        private long _present;
        private long _missing;
        private long _numbers;
        private long _integers;
        private long _booleans;
        private long _dates;
        private bool _tooManyTexts;
        private string _firstText = "";
        private double _minimum = double.PositiveInfinity;
        private double _maximum = double.NegativeInfinity;
        private double _mean;
        private double _m2;
        private double _m3;

        public string Name => name;

        public long FirstTextLine { get; private set; }

        public bool MostlyNumbers => _numbers > 0 && _numbers >= 0.95 * _present;

        public void Add(ReadOnlySpan<byte> text, long line)
        {
            if (text.IsEmpty)
            {
                _missing++;
                return;
            }
            _present++;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value))
            {
                AddNumber(value);
            }
            else
            {
                if (FirstTextLine == 0)
                {
                    FirstTextLine = line;
                    _firstText = Encoding.UTF8.GetString(text);
                }
                if (Date().IsMatch(Encoding.UTF8.GetString(text)))
                {
                    _dates++;
                }
            }
            if (CustomerFile.TryParseBoolean(text, out _))
            {
                _booleans++;
            }
            if (!_tooManyTexts)
            {
                string key = Encoding.UTF8.GetString(text);
                _texts[key] = _texts.GetValueOrDefault(key) + 1;
                _tooManyTexts = _texts.Count > MaxDistinct;
            }
        }

        public Feature? ToFeature(int id, out string comment)
        {
            comment = LeftOutBecause();
            if (comment.Length > 0)
            {
                return null;
            }
            List<string> remarks = [];
            if (_missing > 0)
            {
                remarks.Add($"{_missing} missing");
            }
            FeatureKind kind = _booleans == _present && _texts.Count == 2 ? FeatureKind.Boolean
                : MostlyNumbers ? FeatureKind.Numeric : FeatureKind.Categorical;
            if (kind == FeatureKind.Numeric)
            {
                remarks.Insert(0, string.Create(CultureInfo.InvariantCulture, $"observed {_minimum:G6} .. {_maximum:G6}"));
                if (_numbers < _present)
                {
                    remarks.Add($"{_present - _numbers} rows have no number here and will be rejected (first: '{_firstText}', line {FirstTextLine})");
                }
            }
            bool isProtected = HasWord(ProtectedWords);
            bool personal = HasWord(PersonalWords);
            if (isProtected || personal)
            {
                remarks.Add($"{(isProtected ? "protected" : "personal")} by its name, please check");
            }
            double skewness = _m2 > 0 ? Math.Sqrt(_numbers) * _m3 / (_m2 * Math.Sqrt(_m2)) : 0;
            comment = string.Join("; ", remarks);
            return new Feature
            {
                Id = id,
                Name = Name,
                Kind = kind,
                Minimum = kind == FeatureKind.Numeric && _minimum >= 0 ? 0 : null,
                Log1P = kind == FeatureKind.Numeric && _minimum >= 0 && skewness > 2,
                Segments = !isProtected && (kind != FeatureKind.Categorical || _texts.Count <= 20),
                Protected = isProtected,
                Personal = personal,
                Categories = kind == FeatureKind.Categorical
                    ? [.. _texts.OrderByDescending(t => t.Value).ThenBy(t => t.Key, StringComparer.Ordinal).Select(t => t.Key)]
                    : [],
            };
        }

        private void AddNumber(double value)
        {
            // One-pass central moments (Pébay, 2008).
            _numbers++;
            double delta = value - _mean;
            double step = delta / _numbers;
            double term = delta * step * (_numbers - 1);
            _mean += step;
            _m3 += (term * step * (_numbers - 2)) - (3 * step * _m2);
            _m2 += term;
            _minimum = Math.Min(_minimum, value);
            _maximum = Math.Max(_maximum, value);
            if (value == Math.Floor(value))
            {
                _integers++;
            }
        }

        private string LeftOutBecause()
        {
            long rows = _present + _missing;
            if (name.Length == 0)
            {
                return "has no name";
            }
            if (_present == 0)
            {
                return "always missing";
            }
            if (_texts.Count == 1 && !_tooManyTexts)
            {
                return _missing == 0 ? "constant" : $"constant ('{_texts.Keys.Single()}') or missing";
            }
            if (MostlyNumbers)
            {
                bool eachOnce = _tooManyTexts ? _maximum - _minimum >= 0.9 * rows : _texts.Count == _present;
                return _integers == _present && eachOnce && rows > 50 && (HasWord(["id", "number", "no", "key"]) || _maximum - _minimum + 1 == _present)
                    ? "looks like an id: a different whole number in every row" : "";
            }
            if (_dates >= 0.95 * _present)
            {
                return "a date; derive a number from it (days since, say) to use it";
            }
            if (_tooManyTexts || _texts.Count > MaxCategories || (_texts.Count > 20 && _texts.Count > 0.5 * _present))
            {
                return $"looks like an id or free text: {(_tooManyTexts ? "over " : "")}{_texts.Count} different texts in {_present} rows";
            }
            return "";
        }

        // Whether one of the words stands in the name as a word of its own: "customer_age" and "CustomerAge", not "usage".
        private bool HasWord(string[] words)
        {
            StringBuilder spaced = new();
            for (int i = 0; i < name.Length; i++)
            {
                bool boundary = !char.IsLetterOrDigit(name[i]);
                if (!boundary && i > 0 && char.IsUpper(name[i]) && char.IsLower(name[i - 1]))
                {
                    spaced.Append(' ');
                }
                spaced.Append(boundary ? ' ' : char.ToLowerInvariant(name[i]));
            }
            string[] parts = spaced.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string whole = string.Concat(parts);
            return words.Any(w => w == whole || parts.Contains(w));
        }
    }
}
