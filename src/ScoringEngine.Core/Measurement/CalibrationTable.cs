using System.Collections.Immutable;

namespace ScoringEngine.Core.Measurement;

/// <summary>Rows of like probability, and how many of them had the outcome.</summary>
/// <param name="Rows">Number of rows, 1 or more.</param>
/// <param name="MeanPredicted">Mean probability, 0..1.</param>
/// <param name="ObservedRate">Share of rows with label 1, 0..1.</param>
/// <param name="Low">Lower end of the 95 % interval of the rate (Wilson, 1927), 0..1.</param>
/// <param name="High">Upper end, 0..1.</param>
public readonly record struct CalibrationBin(int Rows, double MeanPredicted, double ObservedRate, double Low, double High);

/// <summary>A reliability table: whether of those given a probability of p a share p had the outcome.</summary>
public static class CalibrationTable
{
    /// <summary>
    /// Rows sorted by probability (ties by row) and cut into at most <paramref name="bins"/> runs of equal numbers of
    /// rows, the least probable first; fewer bins where there are fewer rows.
    /// </summary>
    /// <param name="labels">0 or 1.</param>
    /// <param name="probabilities">One a row, 0..1.</param>
    /// <param name="bins">1 or more.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static ImmutableArray<CalibrationBin> Of(ReadOnlySpan<float> labels, ReadOnlySpan<float> probabilities, int bins = 10)
    {
        Rows.Require(labels, probabilities, default);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bins);
        int[] order = Rows.Order(probabilities);
        bins = Math.Min(bins, order.Length);
        CalibrationBin[] table = new CalibrationBin[bins];
        for (int bin = 0; bin < bins; bin++)
        {
            ReadOnlySpan<int> run = Rows.Run(order, bin, bins);
            table[bin] = Bin(run.Length, Rows.Sum(probabilities, run), Rows.Sum(labels, run));
        }
        return [.. table];
    }

    private static CalibrationBin Bin(int rows, double probabilities, double positives)
    {
        (double low, double high) = Interval95.Wilson(positives, rows);
        return new CalibrationBin(rows, probabilities / rows, positives / rows, low, high);
    }
}
