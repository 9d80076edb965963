namespace ScoringEngine.Core.Measurement;

/// <summary>
/// How good predictions of a number are. An empty span of weights means that each row weighs 1; a NaN among targets or
/// predictions makes the result NaN, as do no rows. Sums run in row order in double precision. Thread-safe.
/// </summary>
public static class RegressionMetrics
{
    /// <summary>
    /// R^2 = 1 - squared error / squared deviation from the targets' mean; 1 is perfect, 0 is as good as the mean,
    /// negative is worse. NaN when all targets are equal.
    /// </summary>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static double RSquared(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> predictions, ReadOnlySpan<float> weights = default)
    {
        Rows.Require(targets, predictions, weights);
        double sum = 0;
        double total = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            sum += (double)Rows.Weight(weights, i) * targets[i];
            total += Rows.Weight(weights, i);
        }
        double mean = sum / total;
        double deviation = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            deviation += Rows.Weight(weights, i) * (targets[i] - mean) * (targets[i] - mean);
        }
        return deviation > 0 ? 1 - (MeanSquaredError(targets, predictions, weights) * total / deviation) : double.NaN;
    }

    /// <summary>Root of the mean squared error, in the targets' unit.</summary>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static double RootMeanSquaredError(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> predictions, ReadOnlySpan<float> weights = default)
    {
        Rows.Require(targets, predictions, weights);
        return Math.Sqrt(MeanSquaredError(targets, predictions, weights));
    }

    /// <summary>Mean absolute error, in the targets' unit.</summary>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static double MeanAbsoluteError(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> predictions, ReadOnlySpan<float> weights = default)
        => 2 * PinballLoss(targets, predictions, 0.5, weights);

    /// <summary>
    /// Mean pinball loss of predictions of the <paramref name="alpha"/>-quantile: alpha times what the target lies
    /// above the prediction, 1 - alpha times what it lies below; in the targets' unit.
    /// </summary>
    /// <exception cref="ArgumentException">Lengths differ, or alpha is not strictly between 0 and 1.</exception>
    public static double PinballLoss(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> predictions, double alpha, ReadOnlySpan<float> weights = default)
    {
        Rows.Require(targets, predictions, weights);
        if (alpha is not (> 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "expected strictly between 0 and 1");
        }
        double sum = 0;
        double total = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double w = Rows.Weight(weights, i);
            double residual = (double)targets[i] - predictions[i];
            sum += w * (residual > 0 ? alpha * residual : (alpha - 1) * residual);
            total += w;
        }
        return sum / total;
    }

    private static double MeanSquaredError(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> predictions, ReadOnlySpan<float> weights)
    {
        double sum = 0;
        double total = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double w = Rows.Weight(weights, i);
            double residual = (double)targets[i] - predictions[i];
            sum += w * residual * residual;
            total += w;
        }
        return sum / total;
    }
}
