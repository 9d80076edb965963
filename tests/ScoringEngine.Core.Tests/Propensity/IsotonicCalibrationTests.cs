using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;

namespace ScoringEngine.Core.Tests.Propensity;

public sealed class IsotonicCalibrationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Fit_RandomRowsWithTies_EqualsTheMinimaxFormula(long seed)
    {
        SeededRandom random = new(seed);
        float[] margins = [.. Enumerable.Range(0, 60).Select(_ => (float)random.Next(25) - 12)];
        float[] labels = [.. margins.Select(m => random.NextDouble() < DeterministicMath.Sigmoid(m / 6) ? 1f : 0f)];
        float[] weights = [.. margins.Select(_ => (float)random.Next(4))];
        float[] levels = [.. margins.Where((_, i) => weights[i] > 0).Distinct().Order()];

        IsotonicCalibration calibration = IsotonicCalibration.Fit(labels, margins, weights);

        // max over starts at or below of the min over ends at or above of the mean label in between.
        double sum = weights.Sum();
        double rows = sum * sum / weights.Sum(w => w * w);
        double n1 = rows * weights.Zip(labels).Sum(p => p.First * p.Second) / sum;
        foreach (float level in levels)
        {
            double expected = levels.Where(a => a <= level).Max(a => levels.Where(b => b >= level).Min(b =>
            {
                int[] inside = [.. Enumerable.Range(0, 60).Where(i => margins[i] >= a && margins[i] <= b)];
                return inside.Sum(i => (double)weights[i] * labels[i]) / inside.Sum(i => (double)weights[i]);
            }));
            expected = Math.Clamp(expected, 1 / (rows - n1 + 2), (n1 + 1) / (n1 + 2));
            Assert.Equal(expected, calibration.Probability(level), 1e-6);
        }
        double last = 0;
        for (float m = -14; m < 14; m += 0.03f)
        {
            Assert.True(calibration.Probability(m) >= last);
            last = calibration.Probability(m);
        }
    }

    [Fact]
    public void Fit_CurveThatIsNotASigmoid_CalibratesBetterThanPlatt()
    {
        SeededRandom random = new(4);
        float[] margins = [.. Enumerable.Range(0, 20_000).Select(_ => (float)random.NextNormal())];
        float[] labels = [.. margins.Select(m => random.NextDouble() < (m < 0 ? 0.1 : m < 1 ? 0.4 : 0.45) ? 1f : 0f)];

        double isotonic = Error(IsotonicCalibration.Fit(labels[..10_000], margins[..10_000]));
        double platt = Error(PlattCalibration.Fit(labels[..10_000], margins[..10_000]));

        Assert.True(isotonic < 0.02 && isotonic < platt / 2, $"{isotonic} against {platt}");
        double Error(Calibration calibration) => ClassificationMetrics.ExpectedCalibrationError(
            labels[10_000..], [.. margins[10_000..].Select(m => (float)calibration.Probability(m))]);
    }

    [Fact]
    public void Fit_OneKindOrNoWeight_StaysBetweenZeroAndOneOrThrows()
    {
        IsotonicCalibration calibration = IsotonicCalibration.Fit([1, 1, 1], [1, 2, 3]);

        Assert.Equal(0.8, calibration.Probability(2), 1e-6);
        Assert.Throws<ArgumentException>(() => IsotonicCalibration.Fit([1], [1], [0]));
        Assert.Throws<ArgumentException>(() => IsotonicCalibration.Fit([1], []));
        Assert.Throws<ArgumentException>(() => new IsotonicCalibration([], []));
        Assert.Throws<ArgumentException>(() => new IsotonicCalibration([1, 1], [0, 1]));
        Assert.Throws<ArgumentException>(() => new IsotonicCalibration([1, 2], [1, 0]));
    }
}
