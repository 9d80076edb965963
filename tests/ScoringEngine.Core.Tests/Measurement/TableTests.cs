using System.Collections.Immutable;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class TableTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(10)]
    [InlineData(253)]
    public void CalibrationTable_AnyNumberOfRows_CountsEachOnceInOrderOfProbability(int rows)
    {
        SeededRandom random = new(1);
        float[] p = [.. Enumerable.Range(0, rows).Select(_ => (float)random.NextDouble())];
        float[] labels = [.. p.Select(v => random.NextDouble() < v ? 1f : 0f)];

        ImmutableArray<CalibrationBin> table = CalibrationTable.Of(labels, p);

        Assert.Equal(Math.Min(rows, 10), table.Length);
        Assert.Equal(rows, table.Sum(b => b.Rows));
        Assert.Equal(labels.Sum(), table.Sum(b => b.Rows * b.ObservedRate), 1e-9);
        Assert.Equal(p.Sum(v => (double)v), table.Sum(b => b.Rows * b.MeanPredicted), 1e-9);
        Assert.Equal(table.Select(b => b.MeanPredicted).Order(), table.Select(b => b.MeanPredicted));
        Assert.All(table, b => Assert.True(b.Low <= b.ObservedRate && b.ObservedRate <= b.High && b is { Low: >= 0, High: <= 1 }));
    }

    [Fact]
    public void CalibrationTable_OneOfTen_HasWilsonsInterval()
    {
        CalibrationBin bin = Assert.Single(CalibrationTable.Of([1, 0, 0, 0, 0, 0, 0, 0, 0, 0], new float[10], bins: 1));
        Assert.Equal((10, 0.1), (bin.Rows, bin.ObservedRate));
        Assert.Equal(0.017876, bin.Low, 1e-6); // Wilson (1927), as statsmodels' proportion_confint gives it
        Assert.Equal(0.404150, bin.High, 1e-6);
    }

    [Fact]
    public void CalibrationTable_PerfectProbabilities_CoverTheRateInMostBins()
    {
        SeededRandom random = new(2);
        float[] p = [.. Enumerable.Range(0, 50_000).Select(_ => (float)random.NextDouble())];
        float[] labels = [.. p.Select(v => random.NextDouble() < v ? 1f : 0f)];
        Assert.True(CalibrationTable.Of(labels, p, 100).Count(b => b.Low <= b.MeanPredicted && b.MeanPredicted <= b.High) >= 88);
    }

    [Fact]
    public void GainsTable_KnownRows_AddsUpFromTheBest()
    {
        ImmutableArray<GainsBin> table = GainsTable.Of([0, 8, 2, 0], [0.1f, 0.9f, 0.5f, 0.3f], bins: 2);
        Assert.Equal([new GainsBin(2, ((double)0.9f + 0.5f) / 2, 5, 1, 2), new GainsBin(2, ((double)0.3f + 0.1f) / 2, 0, 1, 1)], table);
        Assert.All(GainsTable.Of([-1, -2], [1, 2]), b => Assert.True(double.IsNaN(b.CumulativeShare) && double.IsNaN(b.Lift)));
        Assert.Empty(GainsTable.Of([], []));
    }

    [Fact]
    public void GainsTable_Ties_GoByRow()
        => Assert.Equal([1.0, 0.0], GainsTable.Of([1, 1, 0, 0], [5, 5, 5, 5], bins: 2).Select(b => b.MeanActual));

    [Fact]
    public void Tables_LengthsDiffer_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => CalibrationTable.Of([1], [0.5f, 0.5f]));
        Assert.Throws<ArgumentException>(() => GainsTable.Of([1], [0.5f, 0.5f]));
        Assert.Throws<ArgumentOutOfRangeException>(() => GainsTable.Of([1], [0.5f], bins: 0));
    }
}
