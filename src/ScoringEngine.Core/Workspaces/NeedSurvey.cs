using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>How customers say what they need.</summary>
public enum SurveyMethod
{
    /// <summary>Weights as they are stated, 0 or more; a column for each need.</summary>
    Weights,

    /// <summary>Ratings in whole numbers from 1, not important at all; a column for each need.</summary>
    Ratings,

    /// <summary>
    /// How often a need was shown, and chosen as the most and as the least important one of those shown together; columns
    /// NEED_best, NEED_worst and NEED_shown.
    /// </summary>
    BestWorst,
}

/// <summary>How a survey is read.</summary>
public sealed record NeedSurveyOptions
{
    /// <summary>What the answers are.</summary>
    public SurveyMethod Method { get; init; } = SurveyMethod.Weights;

    /// <summary>The highest rating, 2..100.</summary>
    public int Scale { get; init; } = 5;

    /// <summary>Fewest answers for a segment to get weights of its own; at least <see cref="NeedSurvey.MinAnswers"/>.</summary>
    public int MinAnswers { get; init; } = NeedSurvey.MinAnswers;

    /// <summary>Name of the survey; null for the file's.</summary>
    public string? Source { get; init; }

    /// <summary>The segment id of a customer id, or null when the customer is not known. Null reads the file's column segment.</summary>
    public Func<string, int?>? SegmentOf { get; init; }

    /// <summary>The segments there are; empty when any may be.</summary>
    public ImmutableArray<int> Segments { get; init; } = [];
}

/// <summary>What a survey says of one segment.</summary>
/// <param name="SegmentId">The segment.</param>
/// <param name="Asked">Customers in the file, those who did not answer included.</param>
/// <param name="Answers">Customers who answered.</param>
/// <param name="Obstacle">Why the segment keeps the weights it had; null when it got new ones.</param>
public sealed record SurveyedSegment(int SegmentId, int Asked, int Answers, string? Obstacle);

/// <summary>What a survey says.</summary>
/// <param name="Needs">The needs with surveyed weights.</param>
/// <param name="Segments">Every segment that was asked or could have been, by id.</param>
public sealed record SurveyedNeeds(Needs Needs, ImmutableArray<SurveyedSegment> Segments);

/// <summary>
/// Learns how segments weigh their needs by asking a sample of customers: columns customer, those of the method, and optionally
/// segment and words, the customer's own. A row in which none of the method's columns is filled in is a customer who did not answer.
/// </summary>
public static class NeedSurvey
{
    /// <summary>Fewest answers of which an interval can be made.</summary>
    public const int MinAnswers = 5;

    /// <summary>Aggregates a survey by segment.</summary>
    /// <param name="table">The file; disposed here.</param>
    /// <param name="needs">The needs, and the weights of segments that are not surveyed.</param>
    /// <param name="options">How to read it.</param>
    /// <param name="rejected">Called with each answer that cannot be used.</param>
    /// <returns>
    /// The needs with surveyed weights, which sum to 1: a segment's mean stated weights, mean ratings above 1, or best-worst scores
    /// s = (best - worst) / shown as choice shares (1 + s) / (1 - s) (Lipovetsky and Conklin, "Best-worst scaling in analytical
    /// closed-form solution", 2014; one choice more of each kind keeps it finite), each scaled to their sum. 95 % half-widths
    /// by the delta method over customers with Student's t (Cochran, "Sampling Techniques", 1977, ch. 6). A segment with fewer
    /// answers keeps what it had.
    /// </returns>
    /// <exception cref="InvalidDataException">A column is not there.</exception>
    public static SurveyedNeeds Read(CsvTable table, Needs needs, NeedSurveyOptions options, Action<RowRejection> rejected)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(needs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(rejected);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MinAnswers, MinAnswers);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Scale, 2);
        using CsvTable disposed = table;
        SurveyReader reader = new(table, needs, options, rejected);
        SortedDictionary<int, SurveyAnswers> bySegment = [];
        foreach (int segment in options.Segments)
        {
            bySegment[segment] = new SurveyAnswers(options.Method, needs.All.Length);
        }
        while (table.Read())
        {
            if (reader.TryRead(out int segment, out SurveyAnswer? answer))
            {
                if (!bySegment.TryGetValue(segment, out SurveyAnswers? answers))
                {
                    bySegment[segment] = answers = new SurveyAnswers(options.Method, needs.All.Length);
                }
                answers.Add(answer);
            }
        }
        string source = options.Source ?? Path.GetFileName(table.Name);
        source += options.Method switch
        {
            SurveyMethod.Ratings => string.Create(CultureInfo.InvariantCulture, $" (ratings 1 to {options.Scale})"),
            SurveyMethod.BestWorst => " (best-worst counts)",
            _ => "",
        };
        SurveyedSegment[] segments = [.. bySegment.Select(s => new SurveyedSegment(s.Key, s.Value.Asked, s.Value.Count, s.Value.Obstacle(options.MinAnswers)))];
        return new SurveyedNeeds(
            needs with
            {
                BySegment = needs.BySegment.SetItems(segments.Where(s => s.Obstacle is null)
                    .Select(s => KeyValuePair.Create(s.SegmentId, bySegment[s.SegmentId].Weights(needs.All, source)))),
            },
            [.. segments]);
    }

    /// <summary>The ids of those who are asked in a file, for a lookup of their segments; bad rows are left for <see cref="Read"/>.</summary>
    /// <param name="table">The file; disposed here.</param>
    /// <exception cref="InvalidDataException">There is no column customer.</exception>
    public static HashSet<string> Customers(CsvTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        using CsvTable disposed = table;
        int column = table.Require("customer");
        HashSet<string> ids = new(StringComparer.Ordinal);
        while (table.Read())
        {
            if (table.RowViolation is null)
            {
                ids.Add(table.Text(column));
            }
        }
        return ids;
    }
}

/// <summary>One customer's answer.</summary>
/// <param name="Values">By need: what was stated, or chosen best minus chosen worst. Null when the customer did not answer.</param>
/// <param name="Shown">By need, how often it was shown; empty where the method does not ask.</param>
/// <param name="Words">The customer's own; empty for none.</param>
internal sealed record SurveyAnswer(double[]? Values, double[] Shown, string Words);

/// <summary>Reads answers row by row.</summary>
internal sealed class SurveyReader
{
    private readonly CsvTable _table;
    private readonly NeedSurveyOptions _options;
    private readonly Action<RowRejection> _rejected;
    private readonly int _customer;
    private readonly int _segment;
    private readonly int _words;
    private readonly int[] _columns;
    private readonly int _perNeed;
    private readonly double[] _numbers;
    private readonly Dictionary<string, long> _lineOf = new(StringComparer.Ordinal);

    public SurveyReader(CsvTable table, Needs needs, NeedSurveyOptions options, Action<RowRejection> rejected)
    {
        (_table, _options, _rejected) = (table, options, rejected);
        _customer = table.Require("customer");
        _segment = options.SegmentOf is null ? table.Require("segment") : -1;
        string[] kinds = options.Method == SurveyMethod.BestWorst ? ["_best", "_worst", "_shown"] : [""];
        _perNeed = kinds.Length;
        _columns = [.. needs.All.SelectMany(n => kinds.Select(kind => table.Require(n.Id + kind)))];
        _words = table.IndexOf("words");
        _numbers = new double[_columns.Length];
    }

    /// <summary>Reads the current row; false when it is rejected.</summary>
    public bool TryRead(out int segment, out SurveyAnswer answer)
    {
        segment = 0;
        answer = null!;
        if (_table.RowViolation is { } violation)
        {
            _rejected(new RowRejection(_table.Name, _table.Line, "", "", violation));
            return false;
        }
        string id = _table.Text(_customer);
        if (!_lineOf.TryAdd(id, _table.Line))
        {
            return Reject(_customer, $"answered in line {_lineOf[id]} already");
        }
        if (!TrySegment(id, out segment))
        {
            return false;
        }
        string words = _words < 0 ? "" : _table.Text(_words);
        if (Array.TrueForAll(_columns, c => _table[c].IsEmpty))
        {
            answer = new SurveyAnswer(null, [], words);
            return true;
        }
        for (int c = 0; c < _columns.Length; c++)
        {
            if (!TryNumber(_columns[c], out _numbers[c]))
            {
                return Reject(_columns[c], _options.Method switch
                {
                    SurveyMethod.Ratings => $"expected a rating of 1 to {_options.Scale}",
                    SurveyMethod.BestWorst => "expected a count of 0 or more",
                    _ => "expected a weight of 0 or more",
                });
            }
        }
        if (_options.Method != SurveyMethod.BestWorst)
        {
            double least = _options.Method == SurveyMethod.Ratings ? 1 : 0;
            answer = new SurveyAnswer([.. _numbers.Select(n => n - least)], [], words);
            return true;
        }
        return TryCounts(words, out answer);
    }

    private bool TrySegment(string id, out int segment)
    {
        if (_options.SegmentOf is { } segmentOf)
        {
            segment = segmentOf(id) ?? 0;
            return segment > 0 || Reject(_customer, "not in the customer file");
        }
        if (!int.TryParse(_table[_segment], NumberStyles.None, CultureInfo.InvariantCulture, out segment) || segment == 0)
        {
            return Reject(_segment, "expected a segment id");
        }
        return _options.Segments.IsEmpty || _options.Segments.Contains(segment)
            || Reject(_segment, $"no such segment, expected one of {string.Join(", ", _options.Segments)}");
    }

    private bool TryNumber(int column, out double number)
        => double.TryParse(_table[column], NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number) && number >= 0
            && (_options.Method == SurveyMethod.Weights || number == Math.Floor(number))
            && (_options.Method != SurveyMethod.Ratings || (number >= 1 && number <= _options.Scale));

    private bool TryCounts(string words, out SurveyAnswer answer)
    {
        double[] values = new double[_columns.Length / _perNeed];
        double[] shown = new double[values.Length];
        double best = 0;
        double worst = 0;
        answer = null!;
        for (int n = 0; n < values.Length; n++)
        {
            int at = n * _perNeed;
            values[n] = _numbers[at] - _numbers[at + 1];
            shown[n] = _numbers[at + 2];
            best += _numbers[at];
            worst += _numbers[at + 1];
            if (_numbers[at] + _numbers[at + 1] > shown[n])
            {
                return Reject(_columns[at + 2], "was chosen more often than shown");
            }
        }
        if (best != worst || best == 0)
        {
            _rejected(new RowRejection(_table.Name, _table.Line, "", "",
                string.Create(CultureInfo.InvariantCulture, $"{best} times a best and {worst} times a worst one was chosen, expected as many of each and at least one")));
            return false;
        }
        answer = new SurveyAnswer(values, shown, words);
        return true;
    }

    private bool Reject(int column, string reason)
    {
        _rejected(new RowRejection(_table.Name, _table.Line, _table.Header[column], _table.Text(column), reason));
        return false;
    }
}

/// <summary>The answers of one segment.</summary>
internal sealed class SurveyAnswers(SurveyMethod method, int needs)
{
    private const int MaxWords = 3;

    // Weights are written with four decimals.
    private const int Units = 10_000;

    private readonly List<SurveyAnswer> _answers = [];
    private readonly double[] _values = new double[needs];
    private readonly double[] _shown = new double[needs];
    private readonly Dictionary<string, int> _words = new(StringComparer.Ordinal);

    public int Asked { get; private set; }

    public int Count => _answers.Count;

    public void Add(SurveyAnswer answer)
    {
        Asked++;
        if (answer.Words.Length > 0)
        {
            _words[answer.Words] = _words.GetValueOrDefault(answer.Words) + 1;
        }
        if (answer.Values is not { } values)
        {
            return;
        }
        _answers.Add(answer);
        for (int n = 0; n < needs; n++)
        {
            _values[n] += values[n];
            _shown[n] += method == SurveyMethod.BestWorst ? answer.Shown[n] : 0;
        }
    }

    /// <summary>Why there can be no weights, or null.</summary>
    public string? Obstacle(int minAnswers)
        => Count < minAnswers ? $"{Count} answers, {minAnswers} are needed"
            : method == SurveyMethod.BestWorst && Array.IndexOf(_shown, 0) >= 0 ? "not every need was shown"
            : method != SurveyMethod.BestWorst && _values.Sum() == 0 ? "no need was given any weight" : null;

    public NeedWeights Weights(ImmutableArray<Need> all, string source)
    {
        double[] strengths = [.. Enumerable.Range(0, needs).Select(Strength)];
        double total = strengths.Sum();
        double[] weights = [.. strengths.Select(s => s / total)];
        double[] halfWidths = HalfWidths(weights);
        int[] units = Round(weights);
        return new NeedWeights
        {
            Weights = all.Select((n, i) => KeyValuePair.Create(n.Id, (double)units[i] / Units)).ToImmutableSortedDictionary(StringComparer.Ordinal),
            HalfWidths = all.Select((n, i) => KeyValuePair.Create(n.Id, halfWidths[i])).ToImmutableSortedDictionary(StringComparer.Ordinal),
            Provenance = Provenance.Surveyed,
            Source = source,
            SampleSize = Count,
            Words = [.. _words.OrderByDescending(w => w.Value).ThenBy(w => w.Key, StringComparer.Ordinal).Take(MaxWords).Select(w => w.Key)],
        };
    }

    // Weights are strengths scaled to their sum.
    private double Strength(int n) => method == SurveyMethod.BestWorst ? More(n) / Less(n) : _values[n];

    private double More(int n) => _shown[n] + _values[n] + 1;

    private double Less(int n) => _shown[n] - _values[n] + 1;

    // By how much an answer moves the logarithm of a strength.
    private double Influence(SurveyAnswer answer, int n)
        => method == SurveyMethod.BestWorst
            ? ((answer.Shown[n] + answer.Values![n]) / More(n)) - ((answer.Shown[n] - answer.Values[n]) / Less(n))
            : _values[n] > 0 ? answer.Values![n] / _values[n] : 0;

    private double[] HalfWidths(double[] weights)
    {
        double[] sums = new double[needs];
        double[] squares = new double[needs];
        double[] influences = new double[needs];
        foreach (SurveyAnswer answer in _answers)
        {
            double mean = 0;
            for (int n = 0; n < needs; n++)
            {
                influences[n] = Influence(answer, n);
                mean += weights[n] * influences[n];
            }
            for (int n = 0; n < needs; n++)
            {
                double moved = weights[n] * (influences[n] - mean);
                sums[n] += moved;
                squares[n] += moved * moved;
            }
        }
        double t = Interval95.StudentT(Count - 1);
        return [.. Enumerable.Range(0, needs).Select(n =>
        {
            double variance = Math.Max(0, squares[n] - (sums[n] * sums[n] / Count)) * Count / (Count - 1);
            return Math.Min(1, Math.Round(t * Math.Sqrt(variance), 4));
        })];
    }

    // To units that sum to exactly 1: those with the largest remainders are rounded up.
    private static int[] Round(double[] weights)
    {
        int[] units = [.. weights.Select(w => (int)(w * Units))];
        foreach (int n in Enumerable.Range(0, weights.Length).OrderByDescending(n => (weights[n] * Units) - units[n]).Take(Units - units.Sum()))
        {
            units[n]++;
        }
        return units;
    }
}
