using System.Collections.Immutable;

namespace ScoringEngine.Core.Propensity;

/// <summary>
/// A rising curve without a set form (Zadrozny and Elkan, 2002): straight lines between knots, level outside them.
/// Follows any distortion of the margins, but needs more rows than <see cref="PlattCalibration"/>.
/// </summary>
public sealed record IsotonicCalibration : Calibration
{
    /// <summary>Rebuilds a calibration from its knots.</summary>
    /// <param name="margins">Finite, strictly ascending, at least one.</param>
    /// <param name="probabilities">As many, 0..1, never descending.</param>
    /// <exception cref="ArgumentException">The knots are not like that.</exception>
    public IsotonicCalibration(ImmutableArray<float> margins, ImmutableArray<float> probabilities)
    {
        if (margins.IsDefaultOrEmpty || probabilities.IsDefault || probabilities.Length != margins.Length)
        {
            throw new ArgumentException("expected at least one knot, and a probability for each");
        }
        for (int i = 0; i < margins.Length; i++)
        {
            if (!float.IsFinite(margins[i]) || (i > 0 && !(margins[i - 1] < margins[i])))
            {
                throw new ArgumentException($"margin of knot {i} is not finite or not above the one before it", nameof(margins));
            }
            if (probabilities[i] is not (>= 0 and <= 1) || (i > 0 && probabilities[i - 1] > probabilities[i]))
            {
                throw new ArgumentException($"probability of knot {i} is not in 0..1 or below the one before it", nameof(probabilities));
            }
        }
        Margins = margins;
        Probabilities = probabilities;
    }

    /// <summary>Margins of the knots, strictly ascending.</summary>
    public ImmutableArray<float> Margins { get; }

    /// <summary>Probabilities of the knots, never descending.</summary>
    public ImmutableArray<float> Probabilities { get; }

    /// <inheritdoc/>
    public override double Probability(float margin)
    {
        ReadOnlySpan<float> margins = Margins.AsSpan();
        int at = margins.BinarySearch(margin);
        if (at >= 0)
        {
            return Probabilities[at];
        }
        int above = ~at;
        if (above == 0 || above == margins.Length)
        {
            return Probabilities[above == 0 ? 0 : above - 1];
        }
        double low = Probabilities[above - 1];
        double high = Probabilities[above];
        double part = ((double)margin - margins[above - 1]) / ((double)margins[above] - margins[above - 1]);
        return Math.Min(low + (part * (high - low)), high);
    }

    /// <summary>
    /// Fits by pooling adjacent violators (Ayer et al., 1955). The knots are the first and the last margin of each pool.
    /// Probabilities are kept within 1 / (n0 + 2) and (n1 + 1) / (n1 + 2), with n0 and n1 as in
    /// <see cref="PlattCalibration.Fit"/>: a few rows of one kind at an end do not make certainty.
    /// </summary>
    /// <param name="labels">0 or 1.</param>
    /// <param name="margins">One finite margin a row.</param>
    /// <param name="weights">One weight a row, or empty for 1 each. Rows without weight count for nothing.</param>
    /// <exception cref="ArgumentException">Lengths differ or there is no weight.</exception>
    public static IsotonicCalibration Fit(ReadOnlySpan<float> labels, ReadOnlySpan<float> margins, ReadOnlySpan<float> weights = default)
    {
        if (margins.Length != labels.Length || (!weights.IsEmpty && weights.Length != labels.Length))
        {
            throw new ArgumentException($"expected {labels.Length} margins and as many or no weights");
        }
        Evidence evidence = Evidence.Of(labels, weights);
        if (evidence.Rows <= 0)
        {
            throw new ArgumentException("there is no row with a positive weight", nameof(weights));
        }
        float[] sorted = margins.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order); // equal margins go into one pool, so that their order is all one
        List<Pool> pools = [];
        for (int i = 0; i < order.Length;)
        {
            Pool pool = new(sorted[i], sorted[i], 0, 0);
            int first = i;
            for (; i < order.Length && sorted[i] == pool.First; i++)
            {
            }
            Array.Sort(order, first, i - first); // sums in the order of rows
            foreach (int row in order.AsSpan(first, i - first))
            {
                double w = weights.IsEmpty ? 1 : weights[row];
                pool = pool with { Weight = pool.Weight + w, Sum = pool.Sum + (w * labels[row]) };
            }
            if (!(pool.Weight > 0))
            {
                continue;
            }
            while (pools.Count > 0 && pools[^1].Mean >= pool.Mean)
            {
                pool = new Pool(pools[^1].First, pool.Last, pools[^1].Weight + pool.Weight, pools[^1].Sum + pool.Sum);
                pools.RemoveAt(pools.Count - 1);
            }
            pools.Add(pool);
        }
        double n1 = evidence.Rows * evidence.Rate;
        double n0 = evidence.Rows - n1;
        ImmutableArray<float>.Builder knots = ImmutableArray.CreateBuilder<float>();
        ImmutableArray<float>.Builder probabilities = ImmutableArray.CreateBuilder<float>();
        foreach (Pool pool in pools)
        {
            float p = (float)Math.Clamp(pool.Mean, 1 / (n0 + 2), (n1 + 1) / (n1 + 2));
            knots.Add(pool.First);
            probabilities.Add(p);
            if (pool.Last > pool.First)
            {
                knots.Add(pool.Last);
                probabilities.Add(p);
            }
        }
        return new IsotonicCalibration(knots.ToImmutable(), probabilities.ToImmutable());
    }

    private readonly record struct Pool(float First, float Last, double Weight, double Sum)
    {
        public double Mean => Sum / Weight;
    }
}
