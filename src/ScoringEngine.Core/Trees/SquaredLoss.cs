namespace ScoringEngine.Core.Trees;

/// <summary>(margin - target)^2 / 2; predicts the mean.</summary>
public sealed class SquaredLoss : Loss
{
    /// <inheritdoc/>
    public override string Name => "squared";

    /// <inheritdoc/>
    public override double InitialMargin(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights)
    {
        double sum = 0;
        double weight = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double w = Weight(weights, i);
            sum += w * targets[i];
            weight += w;
        }
        return sum / weight;
    }

    /// <inheritdoc/>
    public override double Gradients(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins,
        Span<float> gradients, Span<float> hessians)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            float w = Weight(weights, i);
            float error = margins[i] - targets[i];
            gradients[i] = w * error;
            hessians[i] = w;
            sum += (double)w * error * error;
        }
        return sum / 2;
    }

    /// <inheritdoc/>
    public override double Sum(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            float error = margins[i] - targets[i];
            sum += (double)Weight(weights, i) * error * error;
        }
        return sum / 2;
    }

    /// <inheritdoc/>
    public override double Predict(double margin) => margin;
}
