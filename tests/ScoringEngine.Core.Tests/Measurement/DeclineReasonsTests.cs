using System.Collections.Immutable;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class DeclineReasonsTests
{
    private static readonly ImmutableArray<Need> All = [new Need("price", "Price"), new Need("service", "Service"), new Need("security", "Security")];

    private static Needs Assumed(double price, double service, double security) => new(All, Weights(price, service, security), ImmutableSortedDictionary<int, NeedWeights>.Empty)
    {
        DeclineReasons = ImmutableSortedDictionary<string, string>.Empty.Add("too_expensive", "price").Add("rude", "service"),
    };

    private static NeedWeights Weights(double price, double service, double security) => new()
    {
        Weights = ImmutableSortedDictionary<string, double>.Empty.Add("price", price).Add("service", service).Add("security", security),
    };

    private static void Add(DeclineReasons declines, int segment, string proposition, string reason, int count)
    {
        for (int i = 0; i < count; i++)
        {
            declines.Add(segment, proposition, reason);
        }
    }

    [Fact]
    public void Report_NeedNamedMoreOftenThanItWeighs_IsFlagged()
    {
        DeclineReasons declines = new(Assumed(0.4, 0.2, 0.2));
        Add(declines, 3, "discount", "too_expensive", 20);
        Add(declines, 3, "discount", "rude", 5);
        Add(declines, 3, "adviser", "service", 25);
        Add(declines, 3, "adviser", "", 7);
        Add(declines, 3, "adviser", "moving away", 2);
        Add(declines, 3, "adviser", "too_expensiv", 4);
        DeclineReport report = declines.Report();

        Assert.Equal(7, report.WithoutReason);
        Assert.Equal([KeyValuePair.Create("too_expensiv", 4L), KeyValuePair.Create("moving away", 2L)], report.Unmapped);
        Assert.Equal(
            [
                (null, "price", 20, 50, 0.5), (null, "security", 0, 50, 0.25), (null, "service", 30, 50, 0.25),
                ("adviser", "price", 0, 25, 0.5), ("adviser", "security", 0, 25, 0.25), ("adviser", "service", 25, 25, 0.25),
                ("discount", "price", 20, 25, 0.5), ("discount", "security", 0, 25, 0.25), ("discount", "service", 5, 25, 0.25),
            ], report.Needs.Select(n => (n.Proposition, n.Need, (int)n.Count, (int)n.Total, n.Weight)));
        Assert.Equal([(null, "service"), ("adviser", "service"), ("discount", "price")], report.Needs.Where(n => n.Flagged).Select(n => (n.Proposition, n.Need)));
        Assert.All(report.Needs, n => Assert.InRange(n.Share, n.Low, n.High));
    }

    [Fact]
    public void Report_FewDeclines_AreCountedButNotTested()
    {
        DeclineReasons declines = new(Assumed(0.4, 0.4, 0.2));
        Add(declines, 1, "discount", "rude", DeclineReasons.LeastDeclines - 1);
        Assert.All(declines.Report().Needs, n => Assert.True(double.IsNaN(n.P) && double.IsNaN(n.AdjustedP) && !n.Flagged));
    }

    [Fact]
    public void Report_SegmentWithoutWeights_IsCountedButNotTested()
    {
        DeclineReasons declines = new(Assumed(0, 0, 0));
        Add(declines, 1, "discount", "rude", 50);
        DeclinedNeed need = Assert.Single(declines.Report().Needs, n => n.Proposition is null);
        Assert.Equal((50, "service", double.NaN, double.NaN), ((int)need.Count, need.Need, need.Weight, need.P));
    }

    [Fact]
    public void Report_NoDeclines_IsEmpty() => Assert.Empty(new DeclineReasons(Assumed(1, 0, 0)).Report().Needs);

    // Binomial tails, by summing them: P(X >= 8 | 10, .5) = 56/1024; P(X >= 1 | 20, .1) = 1 - .9^20.
    [Fact]
    public void Tail_CertainWeights_IsTheBinomials()
    {
        Assert.Equal(56.0 / 1024, DeclineReasons.Tail(8, 10, 5e12, 5e12), 9);
        Assert.Equal(1 - Math.Pow(0.9, 20), DeclineReasons.Tail(1, 20, 1e12, 9e12), 9);
        Assert.Equal(1, DeclineReasons.Tail(0, 10, 1e9, 1e9), 12);
        Assert.Equal((0, 1), (DeclineReasons.Tail(1, 10, 0, 1e9), DeclineReasons.Tail(10, 10, 1e9, 0)));
        Assert.Equal(0.5, DeclineReasons.Tail(500_000, 1_000_000, 1e15, 1e15), 3);
    }

    // With a = b = 1 every count is equally likely; with a = 2, b = 1 a count of k has the probability 2 (k + 1) / ((n + 1) (n + 2)).
    [Fact]
    public void Tail_UncertainWeights_IsTheBetaBinomials()
    {
        Assert.Equal(3.0 / 11, DeclineReasons.Tail(8, 10, 1, 1), 12);
        Assert.Equal(2 * (9 + 10 + 11) / (11.0 * 12), DeclineReasons.Tail(8, 10, 2, 1), 12);
    }

    // Declines that name needs just as the customers weigh them, weights of a survey of 80: at most 5 % of the tests at 5 % reject.
    [Fact]
    public void P_WeightsThatAreSurveyedAndRight_RejectsNoMoreThanItClaims()
    {
        const int Worlds = 1000;
        const double Truth = 0.3;
        SeededRandom random = new(21);
        int rejected = 0;
        for (int world = 0; world < Worlds; world++)
        {
            double[] answers = new double[80];
            for (int i = 0; i < answers.Length; i++)
            {
                answers[i] = Math.Clamp(Truth + (0.2 * random.NextNormal()), 0, 2 * Truth);
            }
            double weight = answers.Average();
            double error = Math.Sqrt(answers.Sum(a => (a - weight) * (a - weight)) / 79 / 80);
            Needs needs = new([new Need("price", "Price"), new Need("service", "Service")], new NeedWeights
            {
                Weights = ImmutableSortedDictionary<string, double>.Empty.Add("price", weight).Add("service", 1 - weight),
                HalfWidths = ImmutableSortedDictionary<string, double>.Empty.Add("price", Interval95.StudentT(79) * error),
                SampleSize = 80,
                Provenance = Provenance.Surveyed,
            }, ImmutableSortedDictionary<int, NeedWeights>.Empty);
            DeclineReasons declines = new(needs);
            for (int d = 0; d < 400; d++)
            {
                declines.Add(1, "discount", random.NextDouble() < Truth ? "price" : "service");
            }
            rejected += declines.Report().Needs[0].P <= 0.05 ? 1 : 0;
        }
        Assert.InRange(rejected / (double)Worlds, 0.02, 0.06);
    }
}
