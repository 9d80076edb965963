using System.Collections.Immutable;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// One byte column made from one feature. Bin 0 is a missing value (NaN). A threshold column puts v into bin
/// 1 + (number of thresholds below v), so that "bin greater than k" says "v greater than threshold k - 1"; a category
/// column puts its own category into bin 2 and every other value into bin 1; a code column looks a category's bin up in a
/// table, where a code beyond the table is missing.
/// </summary>
public sealed record QuantisedColumn
{
    private QuantisedColumn(int feature, int? category, ImmutableArray<float> thresholds, ImmutableArray<byte> binOfCode, int binCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(feature);
        Feature = feature;
        Category = category;
        Thresholds = thresholds;
        BinOfCode = binOfCode;
        BinCount = binCount;
    }

    /// <summary>Position of the feature in a row.</summary>
    public int Feature { get; }

    /// <summary>Code of the category a category column stands for; null for another column.</summary>
    public int? Category { get; }

    /// <summary>Thresholds, strictly ascending and finite, at most 253; empty for columns of categories.</summary>
    public ImmutableArray<float> Thresholds { get; }

    /// <summary>Bin of each category by its code, 0..254; empty for another column than a code column.</summary>
    public ImmutableArray<byte> BinOfCode { get; }

    /// <summary>Whether the feature's values are codes of categories, in which thresholds mean nothing.</summary>
    public bool IsCategorical => Category is not null || !BinOfCode.IsEmpty;

    /// <summary>Number of bins, the bin of missing values included.</summary>
    public int BinCount { get; }

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
        return new QuantisedColumn(feature, null, thresholds, [], thresholds.Length + 2);
    }

    /// <summary>A column that tells one category from all others.</summary>
    public static QuantisedColumn OfCategory(int feature, int category)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(category);
        return new QuantisedColumn(feature, category, [], [], 3);
    }

    /// <summary>A column that puts categories into bins by their codes.</summary>
    /// <param name="feature">Position of the feature in a row.</param>
    /// <param name="binOfCode">Bin of each code from 0 on; bin 0 makes a category missing. Codes beyond the table are missing.</param>
    /// <exception cref="ArgumentException">The table is empty, or a bin is above 254.</exception>
    public static QuantisedColumn OfCodes(int feature, ImmutableArray<byte> binOfCode)
    {
        if (binOfCode.IsDefaultOrEmpty || binOfCode.Max() >= Quantiser.MaxBinCount)
        {
            throw new ArgumentException($"expected a table of bins up to {Quantiser.MaxBinCount - 1}", nameof(binOfCode));
        }
        return new QuantisedColumn(feature, null, [], binOfCode, binOfCode.Max() + 1);
    }
}
