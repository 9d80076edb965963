using System.Globalization;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Workspaces;

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
