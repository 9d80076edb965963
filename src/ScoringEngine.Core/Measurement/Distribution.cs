using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Measurement;

/// <summary>
/// How values spread over bins: what a later training needs of an earlier one to see whether its customers have changed.
/// </summary>
/// <param name="Rows">Rows counted, missing ones included.</param>
/// <param name="Missing">Share of rows without a value, 0..1; NaN without rows.</param>
/// <param name="Thresholds">Strictly ascending bounds of a number: bin b holds values above bound b - 1 and up to bound b. Empty for categories.</param>
/// <param name="Categories">Names of a categorical feature's bins; empty for numbers.</param>
/// <param name="Shares">Share of all rows in each bin, 0..1: one more than thresholds, or as many as categories; with <paramref name="Missing"/> they add up to 1.</param>
public sealed record Distribution(
    int Rows, double Missing, ImmutableArray<float> Thresholds, ImmutableArray<string> Categories, ImmutableArray<double> Shares)
{
    private const int NumberBins = 10;

    /// <summary>Counts numbers.</summary>
    /// <param name="values">NaN is missing.</param>
    /// <param name="thresholds">Bounds of the bins; those between the values' own tenths where not given.</param>
    public static Distribution OfNumbers(ReadOnlySpan<float> values, ImmutableArray<float> thresholds = default)
    {
        thresholds = thresholds.IsDefault ? Tenths(values) : thresholds;
        return Count(values, thresholds.Length + 1, thresholds, [], value => Bin(thresholds, value));
    }

    /// <summary>Counts category codes.</summary>
    /// <param name="codes">Indexes into <paramref name="categories"/>; NaN is missing.</param>
    /// <param name="categories">Their names.</param>
    public static Distribution OfCategories(ReadOnlySpan<float> codes, ImmutableArray<string> categories)
        => Count(codes, categories.Length, [], categories, code => (int)code);

    /// <summary>Counts a feature's values, in the bins of an earlier distribution of it where that is of the same kind.</summary>
    public static Distribution Of(Feature feature, ReadOnlySpan<float> values, Distribution? earlier = null)
    {
        ArgumentNullException.ThrowIfNull(feature);
        return feature.Kind == FeatureKind.Categorical
            ? OfCategories(values, feature.Categories)
            : OfNumbers(values, earlier is { Categories.IsEmpty: true } ? earlier.Thresholds : default);
    }

    /// <summary>Whether every row has one and the same value.</summary>
    [JsonIgnore]
    public bool IsConstant => Missing == 0 && Shares.Count(s => s > 0) == 1;

    /// <summary>The bin of a value: the number of thresholds below it. Missing values have none.</summary>
    public static int Bin(ImmutableArray<float> thresholds, float value)
    {
        int at = thresholds.BinarySearch(value);
        return at >= 0 ? at : ~at;
    }

    /// <summary>
    /// The population stability index of this distribution against an earlier one: the sum over bins, missing ones
    /// included, of (now - then) * ln(now / then), with half a row added to each bin so that an empty one stays finite.
    /// 0 is no change; by custom above 0.1 is worth a look and above 0.25 a large change. NaN where either has no rows or
    /// the bins differ; categories are matched by name.
    /// </summary>
    public double StabilityIndex(Distribution earlier) => Compare(earlier).Index;

    /// <summary>
    /// What the index stays below about 19 times of 20 where nothing has changed but the sample: it is about (1 / rows now +
    /// 1 / rows then) times a chi-squared number (Yurdakul, 2018), here taken two standard deviations above its mean.
    /// </summary>
    public double StabilityNoise(Distribution earlier)
    {
        (_, int bins) = Compare(earlier);
        int freedom = Math.Max(bins - 1, 1);
        return ((1.0 / Rows) + (1.0 / earlier.Rows)) * (freedom + (2 * Math.Sqrt(2.0 * freedom)));
    }

    private (double Index, int Bins) Compare(Distribution earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        if (Rows == 0 || earlier.Rows == 0 || Categories.IsEmpty != earlier.Categories.IsEmpty || !Thresholds.SequenceEqual(earlier.Thresholds))
        {
            return (double.NaN, 0);
        }
        (double Now, double Then)[] shares =
        [
            .. ((IEnumerable<(double Now, double Then)>)[
                (Missing, earlier.Missing),
                .. Categories.IsEmpty ? Shares.Zip(earlier.Shares) : Categories.Union(earlier.Categories).Select(c => (ShareOf(c), earlier.ShareOf(c))),
            ]).Where(s => s.Now > 0 || s.Then > 0),
        ];
        double index = 0;
        foreach ((double now, double then) in shares)
        {
            double n = ((now * Rows) + 0.5) / (Rows + (0.5 * shares.Length));
            double t = ((then * earlier.Rows) + 0.5) / (earlier.Rows + (0.5 * shares.Length));
            index += (n - t) * DeterministicMath.Log(n / t);
        }
        return (index, shares.Length);
    }

    private double ShareOf(string category) => Categories.IndexOf(category) is >= 0 and int c ? Shares[c] : 0;

    private static Distribution Count(
        ReadOnlySpan<float> values, int bins, ImmutableArray<float> thresholds, ImmutableArray<string> categories, Func<float, int> binOf)
    {
        int[] counts = new int[bins];
        int missing = 0;
        foreach (float value in values)
        {
            if (float.IsNaN(value))
            {
                missing++;
            }
            else
            {
                counts[binOf(value)]++;
            }
        }
        double rows = values.Length;
        return new Distribution(values.Length, missing / rows, thresholds, categories, [.. counts.Select(c => c / rows)]);
    }

    private static ImmutableArray<float> Tenths(ReadOnlySpan<float> values)
    {
        float[] sorted = [.. values.ToArray().Where(v => !float.IsNaN(v)).Order()];
        if (sorted.Length == 0)
        {
            return [];
        }
        // The largest value bounds nothing. Where nine tenths of the rows hold it, the smallest tells the others from them.
        return [.. Enumerable.Range(0, NumberBins).Select(b => sorted[(int)((long)sorted.Length * b / NumberBins)])
            .Skip(sorted[sorted.Length / NumberBins] < sorted[^1] ? 1 : 0).Where(t => t < sorted[^1]).Distinct()];
    }
}
