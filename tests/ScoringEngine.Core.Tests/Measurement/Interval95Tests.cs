using ScoringEngine.Core.Measurement;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class Interval95Tests
{
    // Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    [InlineData(29, 29, 0.8830, 1)]
    public void Wilson_PublishedExamples_AreReproduced(double successes, double trials, double low, double high)
    {
        (double Low, double High) interval = Interval95.Wilson(successes, trials);
        Assert.Equal((low, high), (Math.Round(interval.Low, 4), Math.Round(interval.High, 4)));
    }

    [Theory]
    [InlineData(1, 12.706205)]
    [InlineData(3, 3.182446)]
    [InlineData(4, 2.776445)]
    [InlineData(5, 2.570582)]
    [InlineData(9, 2.262157)]
    [InlineData(30, 2.042272)]
    [InlineData(1_000_000, 1.959966)]
    public void StudentT_TabulatedQuantiles_AreReproduced(int degrees, double quantile) => Assert.InRange(Interval95.StudentT(degrees), quantile - 1e-3, quantile + 1e-3);

    [Fact]
    public void StudentT_MoreDegrees_IsNeverWider()
        => Assert.All(Enumerable.Range(1, 200), degrees => Assert.True(Interval95.StudentT(degrees + 1) < Interval95.StudentT(degrees)));
}
