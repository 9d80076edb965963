using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class DistributionTests
{
    [Fact]
    public void OfNumbers_ManyValues_FallIntoTenths()
    {
        Distribution d = Distribution.OfNumbers([.. Normal(10_000, 1), float.NaN]);
        Assert.Equal((10_001, 9, 10), (d.Rows, d.Thresholds.Length, d.Shares.Length));
        Assert.All(d.Shares, s => Assert.Equal(0.1, s, 0.001));
        Assert.Equal(1, d.Missing + d.Shares.Sum(), 1e-12);
        Assert.Equal(1.0 / 10_001, d.Missing);
        Assert.False(d.IsConstant);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void OfNumbers_NearlyAllTheSame_TellsTheOthersApart(float most, float few)
    {
        Distribution d = Distribution.OfNumbers([.. Enumerable.Range(0, 100).Select(i => i < 3 ? few : most)]);
        Assert.Equal([0], d.Thresholds);
        Assert.Equal(most == 0 ? [0.97, 0.03] : [0.03, 0.97], d.Shares);
        Assert.False(d.IsConstant);
    }

    [Fact]
    public void OfNumbers_OneValueOrNone_IsConstantOrMissing()
    {
        Assert.True(Distribution.OfNumbers([7, 7, 7]).IsConstant);
        Assert.False(Distribution.OfNumbers([7, 7, float.NaN]).IsConstant);
        Distribution missing = Distribution.OfNumbers([float.NaN, float.NaN]);
        Assert.Equal((1, false), (missing.Missing, missing.IsConstant));
        Assert.True(double.IsNaN(Distribution.OfNumbers([]).StabilityIndex(missing)));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(1, 0)]
    [InlineData(1.5f, 1)]
    [InlineData(2, 1)]
    [InlineData(9, 2)]
    public void Bin_Value_IsTheNumberOfThresholdsBelowIt(float value, int bin) => Assert.Equal(bin, Distribution.Bin([1, 2], value));

    [Fact]
    public void StabilityIndex_KnownShares_IsTheFormulas()
    {
        // (.6 - .5) ln(.6 / .5) + (.4 - .5) ln(.4 / .5) = .1 (.182322 + .223144)
        Distribution then = Distribution.OfCategories([.. Enumerable.Range(0, 100_000).Select(i => (float)(i % 2))], ["a", "b"]);
        Distribution now = Distribution.OfCategories([.. Enumerable.Range(0, 100_000).Select(i => i % 5 < 3 ? 0f : 1)], ["a", "b"]);
        Assert.Equal(0.0405465, now.StabilityIndex(then), 1e-5);
        Assert.Equal(0, then.StabilityIndex(then));

        // Half a row more in each bin: 3 of 4 and 1 of 4 against 2 of 4 twice become 3.5, 1.5 and 2.5 of 5.
        Distribution few = Distribution.OfCategories([0, 0, 0, 1], ["a", "b"]);
        Assert.Equal((0.2 * Math.Log(3.5 / 2.5)) - (0.2 * Math.Log(1.5 / 2.5)), few.StabilityIndex(Distribution.OfCategories([0, 0, 1, 1], ["a", "b"])), 1e-12);
    }

    [Fact]
    public void StabilityIndex_CategoriesInAnotherOrderOrNew_AreMatchedByName()
    {
        Distribution then = Distribution.OfCategories([0, 0, 0, 1], ["a", "b"]);
        Assert.Equal(0, Distribution.OfCategories([2, 2, 2, 0], ["b", "c", "a"]).StabilityIndex(then));
        Assert.True(Distribution.OfCategories([0, 0, 0, 1], ["a", "c"]).StabilityIndex(then) > 0.25);
        Assert.True(double.IsNaN(Distribution.OfNumbers([1, 2]).StabilityIndex(then)));
    }

    [Fact]
    public void StabilityIndex_MissingOrShiftedValues_AreLarge()
    {
        Distribution then = Distribution.OfNumbers(Normal(5_000, 1));
        Assert.True(Now([.. Normal(5_000, 2).Select((v, i) => i % 3 == 0 ? float.NaN : v)]) > 0.25);
        Assert.True(Now([.. Normal(5_000, 2).Select(v => v + 1)]) > 0.25);
        Assert.InRange(Now(Normal(5_000, 2)), 0, 0.02);

        double Now(float[] values) => Distribution.OfNumbers(values, then.Thresholds).StabilityIndex(then);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(400)]
    public void StabilityNoise_SamplesOfOnePopulation_StayBelowIt(int rows)
    {
        int above = 0;
        for (int i = 0; i < 200; i++)
        {
            Distribution then = Distribution.OfNumbers(Normal(rows, 2 * i));
            Distribution now = Distribution.OfNumbers(Normal(rows, (2 * i) + 1), then.Thresholds);
            above += now.StabilityIndex(then) > now.StabilityNoise(then) ? 1 : 0;
        }
        Assert.InRange(above, 0, 20);
    }

    [Fact]
    public void Of_Feature_CountsByItsKind()
    {
        Feature plan = new() { Id = 1, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus"] };
        Assert.Equal(["basic", "plus"], Distribution.Of(plan, [0, 1, 1, float.NaN]).Categories);
        Feature app = new() { Id = 2, Name = "app", Kind = FeatureKind.Boolean };
        Assert.Equal([0.75, 0.25], Distribution.Of(app, [0, 0, 0, 1]).Shares);
    }

    private static float[] Normal(int count, long seed)
    {
        SeededRandom random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }
}
