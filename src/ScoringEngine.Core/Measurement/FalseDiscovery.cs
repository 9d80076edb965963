namespace ScoringEngine.Core.Measurement;

/// <summary>Many tests at once: how much of what is flagged may be chance.</summary>
public static class FalseDiscovery
{
    /// <summary>
    /// Adjusts p values so that flagging those at or below q keeps the expected share of false ones among the flagged at or below q
    /// (Benjamini and Hochberg, 1995). It holds for independent and positively dependent tests.
    /// </summary>
    /// <param name="p">p values, 0..1, in any order.</param>
    /// <returns>The adjusted value of each, 0..1, in the same order; never below its p value.</returns>
    public static double[] Adjust(ReadOnlySpan<double> p)
    {
        double[] sorted = p.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        double[] adjusted = new double[sorted.Length];
        double least = 1;
        for (int rank = sorted.Length; rank > 0; rank--)
        {
            least = Math.Min(least, sorted[rank - 1] * sorted.Length / rank);
            adjusted[order[rank - 1]] = least;
        }
        return adjusted;
    }
}
