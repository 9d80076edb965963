using System.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Pinball loss: alpha * (target - margin) above the margin, (1 - alpha) * (margin - target) below; predicts the
/// alpha-quantile. Splits follow the gradients' signs; a leaf's value is the quantile of its residuals (Friedman, 2001).
/// </summary>
public sealed class QuantileLoss : Loss
{
    /// <summary>The loss of the <paramref name="alpha"/>-quantile, strictly between 0 and 1.</summary>
    public QuantileLoss(double alpha)
    {
        if (alpha is not (> 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "expected strictly between 0 and 1");
        }
        Alpha = alpha;
    }

    /// <summary>The share of targets that should lie below the prediction.</summary>
    public double Alpha { get; }

    /// <inheritdoc/>
    public override string Name => "quantile";

    /// <inheritdoc/>
    public override bool RefitsLeaves => true;

    /// <inheritdoc/>
    public override double InitialMargin(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights)
        => RefitLeaf(targets.ToArray(), weights.ToArray());

    /// <inheritdoc/>
    public override double Gradients(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins,
        Span<float> gradients, Span<float> hessians)
    {
        for (int i = 0; i < targets.Length; i++)
        {
            float w = Weight(weights, i);
            gradients[i] = (float)(w * (targets[i] > margins[i] ? -Alpha : 1 - Alpha));
            hessians[i] = w;
        }
        return Sum(targets, weights, margins);
    }

    /// <inheritdoc/>
    public override double Sum(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double residual = (double)targets[i] - margins[i];
            sum += Weight(weights, i) * (residual > 0 ? Alpha * residual : (Alpha - 1) * residual);
        }
        return sum;
    }

    /// <inheritdoc/>
    public override double Predict(double margin) => margin;

    /// <summary>
    /// The smallest residual at which the weight up to and including it reaches alpha of the total. Quickselect (Hoare,
    /// 1961) on three-way partitions; where pivots are so bad that it would take long, the rest is sorted.
    /// </summary>
    public override double RefitLeaf(Span<float> residuals, Span<float> weights)
    {
        double total = weights.IsEmpty ? residuals.Length : 0;
        foreach (float w in weights)
        {
            total += w;
        }
        double missing = Alpha * total;
        int rounds = 4 * BitOperations.Log2((uint)residuals.Length + 1);
        while (residuals.Length > 1)
        {
            if (rounds-- == 0)
            {
                return RefitSorted(residuals, weights, missing);
            }
            float pivot = Median(residuals[0], residuals[residuals.Length / 2], residuals[^1]);
            (int below, int upTo, double weightBelow, double weightAt) = Partition(residuals, weights, pivot);
            if (below > 0 && weightBelow >= missing)
            {
                residuals = residuals[..below];
                weights = weights.IsEmpty ? weights : weights[..below];
            }
            else if (upTo == residuals.Length || weightBelow + weightAt >= missing)
            {
                return pivot;
            }
            else
            {
                missing -= weightBelow + weightAt;
                residuals = residuals[upTo..];
                weights = weights.IsEmpty ? weights : weights[upTo..];
            }
        }
        return residuals[0];
    }

    /// <summary>Sorts into below, at and above the pivot, which must be among the residuals.</summary>
    private static (int Below, int UpTo, double WeightBelow, double WeightAt) Partition(
        Span<float> residuals, Span<float> weights, float pivot)
    {
        int below = 0;
        int above = residuals.Length;
        double weightBelow = 0;
        double weightAt = 0;
        for (int i = 0; i < above;)
        {
            float value = residuals[i];
            if (value > pivot)
            {
                Swap(residuals, weights, i, --above);
                continue;
            }
            double weight = Weight(weights, i);
            if (value < pivot)
            {
                weightBelow += weight;
                Swap(residuals, weights, i, below++);
            }
            else
            {
                weightAt += weight;
            }
            i++;
        }
        return (below, above, weightBelow, weightAt);
    }

    private static void Swap(Span<float> residuals, Span<float> weights, int i, int j)
    {
        (residuals[i], residuals[j]) = (residuals[j], residuals[i]);
        if (!weights.IsEmpty)
        {
            (weights[i], weights[j]) = (weights[j], weights[i]);
        }
    }

    private static float Median(float a, float b, float c) => Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));

    private static double RefitSorted(Span<float> residuals, Span<float> weights, double missing)
    {
        if (weights.IsEmpty)
        {
            residuals.Sort();
        }
        else
        {
            residuals.Sort(weights);
        }
        double reached = 0;
        for (int i = 0; i < residuals.Length; i++)
        {
            reached += Weight(weights, i);
            if (reached >= missing)
            {
                return residuals[i];
            }
        }
        return residuals[^1];
    }
}
