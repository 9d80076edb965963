using System.Collections.Immutable;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>One customer's answer.</summary>
/// <param name="Values">By need: what was stated, or chosen best minus chosen worst. Null when the customer did not answer.</param>
/// <param name="Shown">By need, how often it was shown; empty where the method does not ask.</param>
/// <param name="Words">The customer's own; empty for none.</param>
internal sealed record SurveyAnswer(double[]? Values, double[] Shown, string Words);

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
