namespace ScoringEngine.Core.Trees;

/// <summary>How <see cref="Quantiser.Fit"/> chooses columns and thresholds.</summary>
public sealed record QuantiserOptions
{
    /// <summary>Most bins of a numeric column, the bin of missing values included; 3..255, default 255.</summary>
    public int MaxBins { get; init; } = 255;

    /// <summary>Most columns of a categorical feature, one for each of its most frequent categories; 1..255, default 32.</summary>
    public int MaxCategories { get; init; } = 32;

    /// <summary>Whether context features get columns too. Only propensities may use them. Default false.</summary>
    public bool IncludeContext { get; init; }

    /// <summary>
    /// Most rows from which the thresholds of a numeric feature are taken, evenly spaced over the data; 1,000 or more,
    /// default 200,000.
    /// </summary>
    public int SampleRows { get; init; } = 200_000;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBins, 3);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxBins, Quantiser.MaxBinCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxCategories, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxCategories, 255);
        ArgumentOutOfRangeException.ThrowIfLessThan(SampleRows, 1000);
    }
}
