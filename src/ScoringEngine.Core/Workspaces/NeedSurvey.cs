using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// Learns how segments weigh their needs by asking a sample of customers: columns customer, one per need with its stated
/// weight (0 or more), and optionally words, the customer's own.
/// </summary>
public static class NeedSurvey
{
    /// <summary>Fewest answers for a segment to get weights of its own.</summary>
    public const int MinAnswers = 5;

    private const int MaxWords = 3;

    /// <summary>Aggregates a survey by segment.</summary>
    /// <param name="table">The file; disposed here.</param>
    /// <param name="needs">The needs, and the default weights that stay.</param>
    /// <param name="segmentOf">The segment id of a customer id, or null when the customer is not known.</param>
    /// <param name="rejected">Called with each answer that cannot be used.</param>
    /// <returns>
    /// The needs with surveyed weights: a segment's mean stated weights, scaled to sum 1, with 95 % half-widths (a weight is
    /// a ratio of two means: linearised variance, Cochran, "Sampling Techniques", 1977, ch. 6; normal approximation). A segment with fewer answers keeps what it had.
    /// </returns>
    /// <exception cref="InvalidDataException">A column is not there.</exception>
    public static Needs Read(CsvTable table, Needs needs, Func<string, int?> segmentOf, Action<RowRejection> rejected)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(needs);
        ArgumentNullException.ThrowIfNull(segmentOf);
        ArgumentNullException.ThrowIfNull(rejected);
        using CsvTable disposed = table;
        int customer = table.Require("customer");
        int[] columns = [.. needs.All.Select(n => table.Require(n.Id))];
        int words = table.IndexOf("words");
        SortedDictionary<int, Answers> bySegment = [];
        double[] stated = new double[columns.Length];
        while (table.Read())
        {
            if (table.RowViolation is { } violation)
            {
                Reject(customer, violation, whole: true);
                continue;
            }
            if (segmentOf(table.Text(customer)) is not { } segment)
            {
                Reject(customer, "not in the customer file");
                continue;
            }
            int bad = Array.FindIndex(columns, c => !double.TryParse(table[c], NumberStyles.Float, CultureInfo.InvariantCulture, out double w)
                || !double.IsFinite(w) || w < 0);
            if (bad >= 0)
            {
                Reject(columns[bad], "expected a weight of 0 or more");
                continue;
            }
            for (int n = 0; n < columns.Length; n++)
            {
                stated[n] = double.Parse(table[columns[n]], NumberStyles.Float, CultureInfo.InvariantCulture);
            }
            if (!bySegment.TryGetValue(segment, out Answers? answers))
            {
                bySegment[segment] = answers = new Answers(columns.Length);
            }
            answers.Add(stated, words < 0 ? "" : table.Text(words));
        }
        return needs with
        {
            BySegment = needs.BySegment.SetItems(bySegment.Where(s => s.Value.Count >= MinAnswers && s.Value.Total > 0)
                .Select(s => KeyValuePair.Create(s.Key, s.Value.Weights(needs.All, Path.GetFileName(table.Name))))),
        };

        void Reject(int column, string reason, bool whole = false)
            => rejected(whole ? new RowRejection(table.Name, table.Line, "", "", reason)
                : new RowRejection(table.Name, table.Line, table.Header[column], table.Text(column), reason));
    }

    private sealed class Answers(int needs)
    {
        private readonly double[] _sums = new double[needs];
        private readonly List<double[]> _stated = [];
        private readonly Dictionary<string, int> _words = new(StringComparer.Ordinal);

        public int Count => _stated.Count;

        public double Total => _sums.Sum();

        public void Add(ReadOnlySpan<double> stated, string words)
        {
            _stated.Add(stated.ToArray());
            for (int n = 0; n < needs; n++)
            {
                _sums[n] += stated[n];
            }
            if (words.Length > 0)
            {
                _words[words] = _words.GetValueOrDefault(words) + 1;
            }
        }

        public NeedWeights Weights(ImmutableArray<Need> all, string source)
        {
            ImmutableSortedDictionary<string, double>.Builder weights = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
            ImmutableSortedDictionary<string, double>.Builder halfWidths = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
            double total = Total;
            for (int n = 0; n < needs; n++)
            {
                double weight = _sums[n] / total;
                double squares = _stated.Sum(answer => Square(answer[n] - (weight * answer.Sum())));
                double error = Math.Sqrt(squares * Count / (Count - 1)) / total;
                weights[all[n].Id] = Math.Round(weight, 4, MidpointRounding.ToZero);
                halfWidths[all[n].Id] = Math.Min(1, Math.Round(1.96 * error, 4));
            }
            return new NeedWeights
            {
                Weights = weights.ToImmutable(),
                HalfWidths = halfWidths.ToImmutable(),
                Provenance = Provenance.Surveyed,
                Source = source,
                SampleSize = Count,
                Words = [.. _words.OrderByDescending(w => w.Value).ThenBy(w => w.Key, StringComparer.Ordinal).Take(MaxWords).Select(w => w.Key)],
            };
        }

        private static double Square(double x) => x * x;
    }
}
