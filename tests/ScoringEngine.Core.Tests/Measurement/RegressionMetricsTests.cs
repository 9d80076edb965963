using ScoringEngine.Core.Measurement;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class RegressionMetricsTests
{
    private static readonly float[] Targets = [3, -0.5f, 2, 7];
    private static readonly float[] Predictions = [2.5f, 0, 2, 8];

    [Fact]
    public void EveryMetric_KnownValues_EqualsTheFormula()
    {
        Assert.Equal(0.9486081370449679, RegressionMetrics.RSquared(Targets, Predictions), 1e-12);
        Assert.Equal(Math.Sqrt(0.375), RegressionMetrics.RootMeanSquaredError(Targets, Predictions), 1e-12);
        Assert.Equal(0.5, RegressionMetrics.MeanAbsoluteError(Targets, Predictions), 1e-12);
        Assert.Equal(((0.9 * 0.5) + (0.1 * 0.5) + (0.1 * 1)) / 4, RegressionMetrics.PinballLoss(Targets, Predictions, 0.9), 1e-12);
    }

    [Fact]
    public void EveryMetric_WholeWeights_ActLikeRepeatedRows()
    {
        float[] weights = [1, 2, 0, 1];
        float[] targets = [3, -0.5f, -0.5f, 7];
        float[] predictions = [2.5f, 0, 0, 8];

        Assert.Equal(RegressionMetrics.RSquared(targets, predictions), RegressionMetrics.RSquared(Targets, Predictions, weights), 1e-12);
        Assert.Equal(RegressionMetrics.RootMeanSquaredError(targets, predictions), RegressionMetrics.RootMeanSquaredError(Targets, Predictions, weights), 1e-12);
        Assert.Equal(RegressionMetrics.PinballLoss(targets, predictions, 0.2), RegressionMetrics.PinballLoss(Targets, Predictions, 0.2, weights), 1e-12);
    }

    [Fact]
    public void RSquared_EqualTargets_IsNaN() => Assert.True(double.IsNaN(RegressionMetrics.RSquared([1, 1], [1, 1])));

    [Fact]
    public void EveryMetric_InvalidArguments_Throws()
    {
        Assert.Throws<ArgumentException>(() => RegressionMetrics.RSquared([1, 0], [1]));
        Assert.Throws<ArgumentException>(() => RegressionMetrics.MeanAbsoluteError([1, 0], [1, 1], [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RegressionMetrics.PinballLoss([1], [1], 1));
    }
}
