using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class ClassificationMetricsTests
{
    [Fact]
    public void AreaUnderCurve_WithTiesAndWeights_EqualsCountingAllPairs()
    {
        SeededRandom random = new(1);
        for (int rows = 2; rows < 60; rows++)
        {
            float[] labels = [1, 0, .. Enumerable.Range(2, rows - 2).Select(_ => (float)random.Next(2))];
            float[] scores = [.. labels.Select(_ => (float)random.Next(5))];
            float[] weights = [.. labels.Select(_ => 0.5f + random.Next(3))];
            double won = 0;
            double pairs = 0;
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < rows; j++)
                {
                    double w = labels[i] == 1 && labels[j] == 0 ? weights[i] * weights[j] : 0;
                    pairs += w;
                    won += scores[i] > scores[j] ? w : scores[i] == scores[j] ? w / 2 : 0;
                }
            }

            Assert.Equal(won / pairs, ClassificationMetrics.AreaUnderCurve(labels, scores, weights), 1e-12);
        }
    }

    [Fact]
    public void AreaUnderCurve_OneLabelOnly_IsNaN()
    {
        Assert.True(double.IsNaN(ClassificationMetrics.AreaUnderCurve([1, 1], [0.1f, 0.2f])));
        Assert.True(double.IsNaN(ClassificationMetrics.AreaUnderCurve([], [])));
    }

    [Fact]
    public void LogLoss_KnownProbabilities_EqualsTheFormula()
    {
        Assert.Equal(-(Math.Log(0.75) + (3 * Math.Log(0.5))) / 4, ClassificationMetrics.LogLoss([1, 0], [0.75f, 0.5f], [1, 3]), 1e-12);
        Assert.Equal(-Math.Log(1e-15), ClassificationMetrics.LogLoss([1], [0]), 1e-9);
        Assert.Equal(0, ClassificationMetrics.LogLoss([1, 0], [1, 0]), 1e-12);
    }

    [Fact]
    public void BrierScore_KnownProbabilities_EqualsTheFormula()
        => Assert.Equal(((0.25 * 0.25) + (3 * 0.25)) / 4, ClassificationMetrics.BrierScore([1, 0], [0.75f, 0.5f], [1, 3]), 1e-12);

    [Fact]
    public void ExpectedCalibrationError_EqualMassBins_AveragesTheirGaps()
    {
        // Bins of two rows: mean probability .1, .5, .9 against mean label 0, .5, 1.
        float[] labels = [0, 1, 1, 0, 0, 1];
        float[] probabilities = [0.05f, 0.95f, 0.45f, 0.15f, 0.55f, 0.85f];

        Assert.Equal((0.1 + 0 + 0.1) / 3, ClassificationMetrics.ExpectedCalibrationError(labels, probabilities, bins: 3), 1e-6);
        Assert.Equal(0, ClassificationMetrics.ExpectedCalibrationError(labels, probabilities, bins: 1), 1e-6);
    }

    [Fact]
    public void ExpectedCalibrationError_CalibratedProbabilities_IsOfTheStatedSize()
    {
        SeededRandom random = new(2);
        float[] probabilities = [.. Enumerable.Range(0, 20_000).Select(_ => (float)(0.2 + (0.2 * random.NextDouble())))];
        float[] labels = [.. probabilities.Select(p => random.NextDouble() < p ? 1f : 0f)];
        double stated = 0.8 * Math.Sqrt(0.3 * 0.7 * 10 / 20_000);

        Assert.InRange(ClassificationMetrics.ExpectedCalibrationError(labels, probabilities), stated / 2, stated * 2);
    }

    [Fact]
    public void EveryMetric_InvalidArguments_Throws()
    {
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.AreaUnderCurve([1, 0], [1]));
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.AreaUnderCurve([1, 0], [1, float.NaN]));
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.LogLoss([1, 2], [1, 1]));
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.BrierScore([1, 0], [1, 1.1f]));
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.ExpectedCalibrationError([1, 0], [1, 1], [1]));
    }

    [Fact]
    public void LogLossDifference_OfTwo_IsTheirLogLossesDifferenceWithItsError()
    {
        SeededRandom random = new(9);
        float[] labels = [.. Enumerable.Range(0, 500).Select(_ => (float)random.Next(2))];
        float[] a = [.. labels.Select(_ => (float)random.NextDouble())];
        float[] b = [.. labels.Select(_ => (float)random.NextDouble())];
        float[] weights = [.. labels.Select(_ => 0.5f + random.Next(3))];

        (double difference, double error) = ClassificationMetrics.LogLossDifference(labels, a, b, weights);
        Assert.Equal(ClassificationMetrics.LogLoss(labels, a, weights) - ClassificationMetrics.LogLoss(labels, b, weights), difference, 1e-12);

        double[] rows = [.. labels.Select((y, i) => Loss(y, a[i]) - Loss(y, b[i]))];
        Assert.Equal(Math.Sqrt(rows.Sum(d => (d - rows.Average()) * (d - rows.Average()))) / rows.Length, ClassificationMetrics.LogLossDifference(labels, a, b).StandardError, 1e-12);
        Assert.True(error > 0);
        Assert.Equal((0.0, 0.0), ClassificationMetrics.LogLossDifference(labels, a, a));

        static double Loss(float label, float p) => -Math.Log(label == 1 ? p : 1 - (double)p);
    }
}
