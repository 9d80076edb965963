namespace ScoringEngine.Core.Measurement;

/// <summary>What all metrics ask of their spans of rows, and how tables cut them into runs.</summary>
internal static class Rows
{
    public static void Require(ReadOnlySpan<float> targets, ReadOnlySpan<float> predictions, ReadOnlySpan<float> weights)
    {
        if (predictions.Length != targets.Length || (!weights.IsEmpty && weights.Length != targets.Length))
        {
            throw new ArgumentException(
                $"expected as many predictions as targets ({targets.Length}) and as many or no weights, "
                + $"found {predictions.Length} and {weights.Length}");
        }
    }

    public static float Weight(ReadOnlySpan<float> weights, int row) => weights.IsEmpty ? 1 : weights[row];

    /// <summary>The rows by rising or falling score; ties, and NaN first or last, by row.</summary>
    public static int[] Order(ReadOnlySpan<float> scores, bool descending = false)
    {
        float[] keys = scores.ToArray();
        int[] order = [.. Enumerable.Range(0, keys.Length)];
        Array.Sort(order, (a, b) => (descending ? keys[b].CompareTo(keys[a]) : keys[a].CompareTo(keys[b])) is not 0 and int by ? by : a - b);
        return order;
    }

    /// <summary>One of <paramref name="bins"/> runs of equal length (which differ by at most one).</summary>
    public static ReadOnlySpan<int> Run(int[] order, int bin, int bins)
        => order.AsSpan((int)((long)order.Length * bin / bins)..(int)((long)order.Length * (bin + 1) / bins));

    /// <summary>The sum over some rows, in their order.</summary>
    public static double Sum(ReadOnlySpan<float> values, ReadOnlySpan<int> rows)
    {
        double sum = 0;
        foreach (int row in rows)
        {
            sum += values[row];
        }
        return sum;
    }
}
