using System.Runtime.InteropServices;

namespace ScoringEngine.Core.Measurement;

/// <summary>Agreement of two partitions of the same rows, corrected for chance (Hubert and Arabie, 1985).</summary>
public static class AdjustedRandIndex
{
    /// <summary>
    /// 1 for equal partitions whatever their labels, 0 on average for independent ones, negative below chance. Two
    /// partitions that both put all rows together, or both keep all apart, are equal.
    /// </summary>
    /// <param name="a">A label for each row; any integers.</param>
    /// <param name="b">The other partition's labels of the same rows.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Compute(ReadOnlySpan<int> a, ReadOnlySpan<int> b)
    {
        if (a.Length != b.Length)
        {
            throw new ArgumentException($"expected {a.Length} labels, found {b.Length}", nameof(b));
        }
        Dictionary<(int, int), long> cells = [];
        Dictionary<int, long> rows = [];
        Dictionary<int, long> columns = [];
        for (int i = 0; i < a.Length; i++)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(cells, (a[i], b[i]), out _)++;
            CollectionsMarshal.GetValueRefOrAddDefault(rows, a[i], out _)++;
            CollectionsMarshal.GetValueRefOrAddDefault(columns, b[i], out _)++;
        }
        // Pair counts are whole numbers below 2^62: exact, so no order of addition matters.
        long together = cells.Values.Sum(Pairs);
        long inA = rows.Values.Sum(Pairs);
        long inB = columns.Values.Sum(Pairs);
        long all = Pairs(a.Length);
        double expected = all == 0 ? 0 : (double)inA * inB / all;
        double maximum = (inA + inB) / 2.0;
        return maximum == expected ? 1 : (together - expected) / (maximum - expected);
    }

    private static long Pairs(long n) => n * (n - 1) / 2;
}
