using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Columns for categorical features with more categories than have columns of their own: categories in the order of the
/// mean of a target (ordered target statistics: Prokhorenkova et al., CatBoost, 2018). Needed in training only; models
/// read what <see cref="Quantiser"/> makes. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// The statistic of a category is (sum of its targets + s * mean of all targets) / (number of its rows + s). Later rows
/// are binned by the statistics of all fitting rows. A training row binned like that would meet its own target, and trees
/// would trust a category of one row blindly; so it gets the statistic of only those rows that come before it in a
/// random order, binned at the same thresholds.
/// </remarks>
public sealed class TargetStatistics
{
    /// <summary>
    /// The default of s, in rows. More serves weak effects a little better; but the statistics of rows with few before
    /// them lie nearer to the mean than those of later rows, and the more so the greater s: strong effects lose by it.
    /// </summary>
    public const double DefaultPriorStrength = 3;

    // Apart from the streams that trees draw from the same seed.
    private const long OrderStream = -1;

    private readonly StatisticColumn[] _columns;
    private readonly double _mean;
    private readonly double _priorStrength;

    private TargetStatistics(Quantiser quantiser, StatisticColumn[] columns, double mean, double priorStrength)
    {
        Quantiser = quantiser;
        _columns = columns;
        _mean = mean;
        _priorStrength = priorStrength;
    }

    /// <summary>The columns of the quantiser that was given, then a code column for each feature with too many categories.</summary>
    public Quantiser Quantiser { get; }

    /// <summary>Fits the statistics of later rows.</summary>
    /// <param name="schema">The meaning of the columns of <paramref name="rows"/>: says how many categories there are.</param>
    /// <param name="quantiser">Whose category columns say which features take part.</param>
    /// <param name="rows">[rows x quantiser.RowLength].</param>
    /// <param name="targets">One target a row; NaN for a row that is not to count.</param>
    /// <param name="priorStrength">How many rows the mean of all targets counts for in each category, above 0.</param>
    /// <param name="threads">Threads to use, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">Lengths differ, a target is infinite, or the strength is not above 0.</exception>
    public static TargetStatistics Fit(
        FeatureSchema schema, Quantiser quantiser, FeatureMatrix rows, ReadOnlyMemory<float> targets,
        double priorStrength = DefaultPriorStrength, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(quantiser);
        RequireTargets(quantiser, rows, targets.Span);
        if (!(priorStrength > 0 && double.IsFinite(priorStrength)))
        {
            throw new ArgumentOutOfRangeException(nameof(priorStrength), priorStrength, "expected above 0");
        }
        History all = new();
        foreach (float target in targets.Span)
        {
            all = all.And(target);
        }
        double mean = all.Rows > 0 ? all.Sum / all.Rows : 0;
        IGrouping<int, QuantisedColumn>[] features = [.. quantiser.Columns.Where(c => c.Category is not null).GroupBy(c => c.Feature)];
        (StatisticColumn Statistic, QuantisedColumn Codes)?[] found = new (StatisticColumn, QuantisedColumn)?[features.Length];
        new Workers(threads, CancellationToken.None).For(features.Length, f =>
        {
            int feature = features[f].Key;
            History[] histories = new History[schema.Features[feature].Categories.Length];
            for (int r = 0; r < rows.Rows; r++)
            {
                if (Code(rows[r, feature], histories.Length) is >= 0 and int code)
                {
                    histories[code] = histories[code].And(targets.Span[r]);
                }
            }
            if (histories.Count(h => h.Rows > 0) <= features[f].Count())
            {
                return;
            }

            // A value for each row, so that bins have nearly equal mass.
            float[] sorted = [.. histories.SelectMany(h => Enumerable.Repeat(h.Statistic(mean, priorStrength), h.Rows))];
            Array.Sort(sorted);
            ImmutableArray<float> thresholds = Quantiser.Thresholds(sorted, Quantiser.MaxBinCount - 1);
            if (thresholds.IsEmpty)
            {
                return;
            }
            SearchColumn bins = new(QuantisedColumn.OfThresholds(feature, thresholds));

            // A category without rows stands at the mean, as a category's first row does in training.
            found[f] = (new StatisticColumn(feature, histories.Length, bins),
                QuantisedColumn.OfCodes(feature, [.. histories.Select(h => bins.Bin(h.Statistic(mean, priorStrength)))]));
        });
        (StatisticColumn Statistic, QuantisedColumn Codes)[] columns = [.. found.Where(c => c is not null).Select(c => c!.Value)];
        return new TargetStatistics(
            columns.Length == 0 ? quantiser : new Quantiser(quantiser.RowLength, [.. quantiser.Columns, .. columns.Select(c => c.Codes)]),
            [.. columns.Select(c => c.Statistic)], mean, priorStrength);
    }

    /// <summary>Quantises the rows to train on: each row's statistics are those of the rows before it in a random order.</summary>
    /// <param name="rows">[rows x quantiser.RowLength].</param>
    /// <param name="targets">One target a row; NaN for a row that is not to count in others' statistics.</param>
    /// <param name="seed">Chooses the order.</param>
    /// <param name="threads">Threads to use, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">Lengths differ, or a target is infinite.</exception>
    public QuantisedMatrix QuantiseForTraining(FeatureMatrix rows, ReadOnlyMemory<float> targets, long seed, int threads = 0)
    {
        RequireTargets(Quantiser, rows, targets.Span);
        if (_columns.Length == 0)
        {
            return Quantiser.Quantise(rows, threads);
        }
        int[] order = [.. Enumerable.Range(0, rows.Rows)];
        new SeededRandom(seed, OrderStream).Shuffle<int>(order);
        byte[][] bins = new byte[_columns.Length][];
        new Workers(threads, CancellationToken.None).For(_columns.Length, c => bins[c] = OrderedBins(_columns[c], rows, targets.Span, order));
        int first = Quantiser.Columns.Length - _columns.Length;
        return QuantisedMatrix.From(Quantiser, rows, threads, Enumerable.Range(0, bins.Length).ToDictionary(c => first + c, c => bins[c]));
    }

    private byte[] OrderedBins(StatisticColumn column, FeatureMatrix rows, ReadOnlySpan<float> targets, int[] order)
    {
        byte[] bins = new byte[rows.Rows];
        History[] histories = new History[column.Categories];
        foreach (int row in order)
        {
            if (Code(rows[row, column.Feature], column.Categories) is >= 0 and int code)
            {
                bins[row] = column.Bins.Bin(histories[code].Statistic(_mean, _priorStrength));
                histories[code] = histories[code].And(targets[row]);
            }
        }
        return bins;
    }

    /// <summary>The code of a category; -1 for a missing or unknown one.</summary>
    private static int Code(float value, int categories) => value >= 0 && value < categories ? (int)value : -1;

    private static void RequireTargets(Quantiser quantiser, FeatureMatrix rows, ReadOnlySpan<float> targets)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Columns != quantiser.RowLength || targets.Length != rows.Rows)
        {
            throw new ArgumentException($"expected {rows.Rows} rows of {quantiser.RowLength} and as many targets, found rows of {rows.Columns} and {targets.Length}");
        }
        foreach (float target in targets)
        {
            if (float.IsInfinity(target))
            {
                throw new ArgumentException("infinite target, expected a finite one or NaN", nameof(targets));
            }
        }
    }

    /// <summary>What bins a statistic of a feature.</summary>
    private sealed record StatisticColumn(int Feature, int Categories, SearchColumn Bins);

    /// <summary>Targets of a category met so far.</summary>
    private readonly record struct History(double Sum, int Rows)
    {
        public History And(float target) => float.IsNaN(target) ? this : new History(Sum + target, Rows + 1);

        public float Statistic(double mean, double strength) => (float)((Sum + (strength * mean)) / (Rows + strength));
    }
}
