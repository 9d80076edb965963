using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// -log likelihood, up to what does not depend on the margin, of a target of at least 0 whose mean is exp(margin) and
/// whose variance is proportional to mean^power (Jorgensen, 1987): many zeros and a long tail, such as spend. Predicts
/// the mean. <see cref="PoissonLoss"/> is its limit at power 1.
/// </summary>
public sealed class TweedieLoss : Loss
{
    /// <summary>The loss of a variance power, strictly between 1 (counts) and 2 (gamma); 1.5 is the usual choice.</summary>
    public TweedieLoss(double power = 1.5)
    {
        if (power is not (> 1 and < 2))
        {
            throw new ArgumentOutOfRangeException(nameof(power), power, "expected strictly between 1 and 2");
        }
        Power = power;
    }

    /// <summary>The power of the mean that the variance is proportional to.</summary>
    public double Power { get; }

    /// <inheritdoc/>
    public override string Name => "tweedie";

    /// <inheritdoc/>
    public override string? Violation(float target) => PoissonLoss.CountViolation(target);

    /// <inheritdoc/>
    public override double InitialMargin(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights)
        => PoissonLoss.LogMean(targets, weights);

    /// <inheritdoc/>
    public override double Gradients(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins,
        Span<float> gradients, Span<float> hessians)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double w = Weight(weights, i);
            (double one, double two) = Powers(margins[i]);
            gradients[i] = (float)(w * (two - (targets[i] * one)));
            hessians[i] = (float)(w * (((2 - Power) * two) + ((Power - 1) * targets[i] * one)));
            sum += w * Value(targets[i], one, two);
        }
        return sum;
    }

    /// <inheritdoc/>
    public override double Sum(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            (double one, double two) = Powers(margins[i]);
            sum += Weight(weights, i) * Value(targets[i], one, two);
        }
        return sum;
    }

    /// <inheritdoc/>
    public override double Predict(double margin) => DeterministicMath.Exp(margin);

    /// <inheritdoc/>
    public override double LeafStep(double newton) => PoissonLoss.Damp(newton);

    // mean^(1 - power) and mean^(2 - power).
    private (double One, double Two) Powers(double margin)
        => (DeterministicMath.Exp((1 - Power) * margin), DeterministicMath.Exp((2 - Power) * margin));

    private double Value(double target, double one, double two) => (two / (2 - Power)) + (target * one / (Power - 1));
}
