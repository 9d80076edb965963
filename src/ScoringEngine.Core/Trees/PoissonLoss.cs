using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// -log likelihood, up to what does not depend on the margin, of a count of at least 0 whose mean is exp(margin);
/// predicts the mean.
/// </summary>
public sealed class PoissonLoss : Loss
{
    // Keeps the margin of an all-zero training set finite.
    private const double MinMean = 1e-9;

    /// <inheritdoc/>
    public override string Name => "poisson";

    /// <inheritdoc/>
    public override string? Violation(float target) => CountViolation(target);

    /// <inheritdoc/>
    public override double InitialMargin(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights) => LogMean(targets, weights);

    /// <inheritdoc/>
    public override double Gradients(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins,
        Span<float> gradients, Span<float> hessians)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double w = Weight(weights, i);
            double mean = DeterministicMath.Exp(margins[i]);
            gradients[i] = (float)(w * (mean - targets[i]));
            hessians[i] = (float)(w * mean);
            sum += w * (mean - ((double)targets[i] * margins[i]));
        }
        return sum;
    }

    /// <inheritdoc/>
    public override double Sum(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            sum += Weight(weights, i) * (DeterministicMath.Exp(margins[i]) - ((double)targets[i] * margins[i]));
        }
        return sum;
    }

    /// <inheritdoc/>
    public override double Predict(double margin) => DeterministicMath.Exp(margin);

    /// <inheritdoc/>
    public override double LeafStep(double newton) => Damp(newton);

    /// <summary>
    /// log(1 + step), on both sides of 0: where the mean is exp(margin) a Newton step overshoots without bound. Upwards,
    /// for Poisson loss, this is the exact minimum.
    /// </summary>
    internal static double Damp(double newton) => Math.CopySign(DeterministicMath.Log1P(Math.Abs(newton)), newton);

    /// <summary>The best constant margin of every loss in the mean exp(margin).</summary>
    internal static double LogMean(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights)
        => DeterministicMath.Log(Math.Max(new SquaredLoss().InitialMargin(targets, weights), MinMean));

    internal static string? CountViolation(float target)
        => target >= 0 && float.IsFinite(target) ? null : FormattableString.Invariant($"{target}, expected a finite number of at least 0");
}
