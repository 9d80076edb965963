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

    /// <summary>The smallest residual at which the weight up to and including it reaches alpha of the total.</summary>
    public override double RefitLeaf(Span<float> residuals, Span<float> weights)
    {
        if (weights.IsEmpty)
        {
            residuals.Sort();
            int rank = (int)Math.Ceiling(Alpha * residuals.Length) - 1;
            return residuals[Math.Clamp(rank, 0, residuals.Length - 1)];
        }
        residuals.Sort(weights);
        double total = 0;
        foreach (float w in weights)
        {
            total += w;
        }
        double reached = 0;
        for (int i = 0; i < residuals.Length; i++)
        {
            reached += weights[i];
            if (reached >= Alpha * total)
            {
                return residuals[i];
            }
        }
        return residuals[^1];
    }
}
