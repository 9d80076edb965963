using System.Collections.Immutable;

namespace ScoringEngine.Core.Measurement;

/// <summary>Rows of like score, best first, and what they turned out to be.</summary>
/// <param name="Rows">Number of rows, 1 or more.</param>
/// <param name="MeanPredicted">Mean score.</param>
/// <param name="MeanActual">Mean of what was to be predicted, in its unit.</param>
/// <param name="CumulativeShare">Share of the total that these rows and all better ones hold; NaN where the total is not above 0.</param>
/// <param name="Lift">Mean over these rows and all better ones as a multiple of the mean over all; NaN likewise.</param>
public readonly record struct GainsBin(int Rows, double MeanPredicted, double MeanActual, double CumulativeShare, double Lift);

/// <summary>A cumulative gains table: how much of the total those hold who were predicted to be the best.</summary>
public static class GainsTable
{
    /// <summary>
    /// Rows sorted by score, the highest first (ties by row), and cut into at most <paramref name="bins"/> runs of equal
    /// numbers of rows; fewer bins where there are fewer rows.
    /// </summary>
    /// <param name="actual">What was to be predicted, such as profit or acceptance (0 or 1).</param>
    /// <param name="scores">One a row.</param>
    /// <param name="bins">1 or more.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static ImmutableArray<GainsBin> Of(ReadOnlySpan<float> actual, ReadOnlySpan<float> scores, int bins = 10)
    {
        Rows.Require(actual, scores, default);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bins);
        int[] order = Rows.Order(scores, descending: true);
        bins = Math.Min(bins, order.Length);
        double total = Rows.Sum(actual, order);
        double sum = 0;
        int count = 0;
        GainsBin[] table = new GainsBin[bins];
        for (int bin = 0; bin < bins; bin++)
        {
            ReadOnlySpan<int> run = Rows.Run(order, bin, bins);
            double own = Rows.Sum(actual, run);
            sum += own;
            count += run.Length;
            double share = total > 0 ? sum / total : double.NaN;
            table[bin] = new GainsBin(run.Length, Rows.Sum(scores, run) / run.Length, own / run.Length, share, share * order.Length / count);
        }
        return [.. table];
    }
}
