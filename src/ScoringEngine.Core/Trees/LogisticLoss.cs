using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>-log likelihood of a target in 0..1 under probability sigmoid(margin).</summary>
public sealed class LogisticLoss : Loss
{
    // Keeps the margin of an all-accepted or never-accepted training set finite.
    private const double MinRate = 1e-6;

    /// <inheritdoc/>
    public override string Name => "logistic";

    /// <inheritdoc/>
    public override string? Violation(float target)
        => target is >= 0 and <= 1 ? null : FormattableString.Invariant($"{target}, expected 0..1");

    /// <inheritdoc/>
    public override double InitialMargin(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights)
        => DeterministicMath.Logit(Math.Clamp(new SquaredLoss().InitialMargin(targets, weights), MinRate, 1 - MinRate));

    /// <inheritdoc/>
    public override double Gradients(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins,
        Span<float> gradients, Span<float> hessians)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double w = Weight(weights, i);
            double margin = margins[i];
            double e = DeterministicMath.Exp(-Math.Abs(margin));
            double small = e / (1 + e); // the probability of the less likely side
            double p = margin >= 0 ? 1 - small : small;
            gradients[i] = (float)(w * (p - targets[i]));
            hessians[i] = (float)(w * small * (1 - small));
            sum += w * (DeterministicMath.Log(1 + e) + Math.Max(margin, 0) - (targets[i] * margin));
        }
        return sum;
    }

    /// <inheritdoc/>
    public override double Sum(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double margin = margins[i];
            double e = DeterministicMath.Exp(-Math.Abs(margin));
            sum += Weight(weights, i) * (DeterministicMath.Log(1 + e) + Math.Max(margin, 0) - (targets[i] * margin));
        }
        return sum;
    }

    /// <inheritdoc/>
    public override double Predict(double margin) => DeterministicMath.Sigmoid(margin);
}
