using System.Collections.Immutable;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// One byte column made from one feature. Bin 0 is a missing value (NaN). A threshold column puts v into bin
/// 1 + (number of thresholds below v), so that "bin greater than k" says "v greater than threshold k - 1"; a category
/// column puts its own category into bin 2 and every other value into bin 1.
/// </summary>
public sealed record QuantisedColumn
{
    private QuantisedColumn(int feature, int? category, ImmutableArray<float> thresholds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(feature);
        Feature = feature;
        Category = category;
        Thresholds = thresholds;
    }

    /// <summary>Position of the feature in a row.</summary>
    public int Feature { get; }

    /// <summary>Code of the category a category column stands for; null for a threshold column.</summary>
    public int? Category { get; }

    /// <summary>Thresholds, strictly ascending and finite, at most 253; empty for a category column.</summary>
    public ImmutableArray<float> Thresholds { get; }

    /// <summary>Number of bins, the bin of missing values included.</summary>
    public int BinCount => Category is null ? Thresholds.Length + 2 : 3;

    /// <summary>A column of a numeric or boolean feature.</summary>
    /// <exception cref="ArgumentException">The thresholds are too many, not finite or not strictly ascending.</exception>
    public static QuantisedColumn OfThresholds(int feature, ImmutableArray<float> thresholds)
    {
        if (thresholds.Length > Quantiser.MaxBinCount - 2)
        {
            throw new ArgumentException(
                $"{thresholds.Length} thresholds, expected at most {Quantiser.MaxBinCount - 2}", nameof(thresholds));
        }
        for (int i = 0; i < thresholds.Length; i++)
        {
            if (!float.IsFinite(thresholds[i]) || (i > 0 && !(thresholds[i - 1] < thresholds[i])))
            {
                throw new ArgumentException($"threshold {i} is not finite or not above the one before it", nameof(thresholds));
            }
        }
        return new QuantisedColumn(feature, null, thresholds);
    }

    /// <summary>A column that tells one category from all others.</summary>
    public static QuantisedColumn OfCategory(int feature, int category)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(category);
        return new QuantisedColumn(feature, category, []);
    }
}
