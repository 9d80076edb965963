namespace ScoringEngine.Core.Trees;

/// <summary>
/// Makes the leaf values of an oblivious tree monotone in some of its answers: the weighted least-squares projection of
/// the values onto the tables that never fall (or never rise) along these bits, by Dykstra's algorithm (1983), whose
/// single projections pool pairs of leaves.
/// </summary>
internal static class MonotoneLeaves
{
    private const int MaxRounds = 200;
    private const double Tolerance = 1e-9;

    /// <summary>Projects <paramref name="values"/> in place.</summary>
    /// <param name="values">2^depth leaf values.</param>
    /// <param name="weights">As many weights, above 0.</param>
    /// <param name="directions">
    /// For each level, outermost (highest bit) first: 1 where the value may not fall when the answer turns to yes, -1
    /// where it may not rise, 0 where it may do both.
    /// </param>
    public static void Project(Span<double> values, ReadOnlySpan<double> weights, ReadOnlySpan<int> directions)
    {
        int constrained = directions.Length - directions.Count(0);
        if (constrained == 0)
        {
            return;
        }
        if (constrained > 1)
        {
            Approach(values, weights, directions);
            weights = []; // Equal weights keep what earlier levels have reached: averages of ordered pairs are ordered.
        }
        for (int level = 0; level < directions.Length; level++)
        {
            Pool(values, weights, directions, level);
        }
    }

    /// <summary>Comes near the projection; single levels may still be violated by rounding.</summary>
    private static void Approach(Span<double> values, ReadOnlySpan<double> weights, ReadOnlySpan<int> directions)
    {
        double[][] corrections = new double[directions.Length][];
        double[] before = new double[values.Length];
        for (int round = 0; round < MaxRounds; round++)
        {
            double change = 0;
            double size = 0;
            for (int level = 0; level < directions.Length; level++)
            {
                if (directions[level] == 0)
                {
                    continue;
                }
                double[] correction = corrections[level] ??= new double[values.Length];
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] += correction[i];
                    before[i] = values[i];
                }
                Pool(values, weights, directions, level);
                for (int i = 0; i < values.Length; i++)
                {
                    double next = before[i] - values[i];
                    change = Math.Max(change, Math.Abs(next - correction[i]));
                    size = Math.Max(size, Math.Abs(values[i]));
                    correction[i] = next;
                }
            }
            if (change <= Tolerance * size)
            {
                return;
            }
        }
    }

    /// <summary>Gives both leaves of a pair that violates a level their mean.</summary>
    private static void Pool(Span<double> values, ReadOnlySpan<double> weights, ReadOnlySpan<int> directions, int level)
    {
        int bit = 1 << (directions.Length - 1 - level);
        for (int no = 0; no < values.Length; no++)
        {
            int yes = no | bit;
            if (yes != no && directions[level] * (values[yes] - values[no]) < 0)
            {
                double a = weights.IsEmpty ? 1 : weights[no];
                double b = weights.IsEmpty ? 1 : weights[yes];
                values[no] = ((a * values[no]) + (b * values[yes])) / (a + b);
                values[yes] = values[no];
            }
        }
    }
}
