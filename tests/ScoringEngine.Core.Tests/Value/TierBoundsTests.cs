using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Tests.Value;

public sealed class TierBoundsTests
{
    [Theory]
    [InlineData(double.NegativeInfinity, Tier.ValueDestroyer)]
    [InlineData(-50.000001, Tier.ValueDestroyer)]
    [InlineData(-50, Tier.Marginal)]
    [InlineData(0, Tier.Marginal)]
    [InlineData(50, Tier.Marginal)]
    [InlineData(50.000001, Tier.Sustainer)]
    [InlineData(499.999, Tier.Sustainer)]
    [InlineData(500, Tier.ValueCreator)]
    [InlineData(double.PositiveInfinity, Tier.ValueCreator)]
    public void Of_ExpectedProfit_IsTheBandThatContainsIt(double profit, Tier expected)
        => Assert.Equal(expected, new TierBounds(50, 500).Of(profit));

    [Fact]
    public void Of_BandOfZero_OnlyZeroIsMarginal()
    {
        TierBounds bounds = new(0, double.Epsilon);
        Assert.Equal([Tier.ValueDestroyer, Tier.Marginal, Tier.Marginal, Tier.ValueCreator],
            new[] { -double.Epsilon, -0.0, 0, double.Epsilon }.Select(bounds.Of));
    }

    [Fact]
    public void Of_NoCreators_StopsAtSustainer()
        => Assert.Equal(Tier.Sustainer, new TierBounds(1, double.PositiveInfinity).Of(double.MaxValue));
}
