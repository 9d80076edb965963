using FsCheck;
using FsCheck.Fluent;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Tests.Value;

public sealed class WhaleCurveTests
{
    /// <summary>Profits in quarters, so that every sum is exact and ties are common.</summary>
    private static readonly Arbitrary<float[]> Profits
        = Gen.Choose(-40, 40).Select(quarters => quarters * 0.25f).NonEmptyListOf().Select(list => list.ToArray()).ToArbitrary();

    [Fact]
    public void Curve_AnyProfits_AgreesWithTheNaiveSums()
    {
        Prop.ForAll(Profits, profits =>
        {
            WhaleCurve curve = new(profits);
            double[] best = [.. profits.Select(p => (double)p).OrderDescending()];
            double[] cumulative = [.. Enumerable.Range(0, best.Length + 1).Select(n => best.Take(n).Sum())];
            Assert.Equal(profits.Length, curve.Customers);
            Assert.Equal(cumulative[^1], curve.Total);
            Assert.Equal(cumulative.Max(), curve.Peak);
            Assert.Equal(best.Count(p => p > 0), curve.PeakCustomers);
            for (int n = 0; n <= best.Length; n++)
            {
                Assert.Equal(cumulative[n], curve.At((double)n / best.Length));
            }
        }).Check(Config.QuickThrowOnFailure.WithReplay(2, 1));
    }

    [Fact]
    public void Bounds_AnyProfits_CreatorsAreTheFewestWhoReachTheShareOfThePeak()
    {
        Prop.ForAll(Profits, Gen.Choose(0, 100).Select(percent => percent / 100.0).ToArbitrary(), (profits, share) =>
        {
            WhaleCurve curve = new(profits);
            TierBounds bounds = curve.Bounds(share, 0.1);
            Assert.Equal(0.1 * profits.Average(p => Math.Abs((double)p)), bounds.MarginalBand, 1e-12);
            Assert.True(bounds.CreatorsThreshold > bounds.MarginalBand);
            double[] creators = [.. profits.Where(p => bounds.Of(p) == Tier.ValueCreator).Select(p => (double)p)];
            if (curve.Peak == 0)
            {
                Assert.Empty(creators);
                return;
            }
            double[] ordered = [.. profits.Select(p => (double)p).OrderDescending()];
            int fewest = Enumerable.Range(1, ordered.Length).First(n => ordered.Take(n).Sum() >= share * curve.Peak);
            // Customers whose profit ties with the last creator's are creators too; those within the band never are.
            Assert.Equal(profits.Count(p => p >= ordered[fewest - 1] && p > bounds.MarginalBand), creators.Length);
        }).Check(Config.QuickThrowOnFailure.WithReplay(3, 1));
    }

    [Fact]
    public void Curve_NobodyProfitable_HasNoPeakAndNoCreators()
    {
        WhaleCurve curve = new([-3, 0, -1]);
        Assert.Equal((0, 0, -4), (curve.Peak, curve.PeakCustomers, curve.Total));
        Assert.Equal([0, 0, -1, -4], new[] { 0, 1 / 3.0, 2 / 3.0, 1 }.Select(curve.At));
        TierBounds bounds = curve.Bounds(0.5, 0.1);
        Assert.Equal(double.PositiveInfinity, bounds.CreatorsThreshold);
        Assert.Equal(0.4 / 3, bounds.MarginalBand, 1e-12);
    }

    [Fact]
    public void Curve_EverybodyTheSame_MakesAllCreators()
    {
        WhaleCurve curve = new([2, 2, 2, 2]);
        Assert.Equal((8, 4, 8), (curve.Peak, curve.PeakCustomers, curve.Total));
        Assert.Equal(new TierBounds(0.2, 2), curve.Bounds(0.5, 0.1));
    }

    [Fact]
    public void Bounds_ThresholdWithinTheBand_StartsJustAboveIt()
    {
        TierBounds bounds = new WhaleCurve([1, -9]).Bounds(0.5, 0.5);
        Assert.Equal(2.5, bounds.MarginalBand);
        Assert.Equal(Math.BitIncrement(2.5), bounds.CreatorsThreshold);
    }

    [Fact]
    public void Curve_OneCustomer_IsAllOfIt()
    {
        WhaleCurve curve = new([5]);
        Assert.Equal((5, 1, 5, 1), (curve.Peak, curve.PeakCustomers, curve.Total, curve.Customers));
        Assert.Equal(new TierBounds(0.5, 5), curve.Bounds(1, 0.1));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 0)]
    [InlineData(0.24, 0)]
    [InlineData(0.26, 3)]
    [InlineData(2, 2)]
    public void At_ShareBetweenCustomers_RoundsToWholeOnes(double share, double expected)
        => Assert.Equal(expected, new WhaleCurve([-1, 3]).At(share));

    [Fact]
    public void Constructor_NothingOrNotFinite_IsRefused()
    {
        Assert.StartsWith("expected at least one customer", Assert.Throws<ArgumentException>(() => new WhaleCurve([])).Message);
        Assert.StartsWith("profit 1 is not finite", Assert.Throws<ArgumentException>(() => new WhaleCurve([1, float.NaN])).Message);
        Assert.StartsWith("profit 0 is not finite", Assert.Throws<ArgumentException>(() => new WhaleCurve([float.NegativeInfinity])).Message);
    }

    [Theory]
    [InlineData(-0.01, 0.1)]
    [InlineData(1.01, 0.1)]
    [InlineData(double.NaN, 0.1)]
    [InlineData(0.5, -0.1)]
    [InlineData(0.5, double.NaN)]
    public void Bounds_ShareOutOfRange_IsRefused(double creatorsShare, double bandShare)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new WhaleCurve([1]).Bounds(creatorsShare, bandShare));
}
