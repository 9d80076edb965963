using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Synthetic;

namespace ScoringEngine.Core.Tests.Synthetic;

public sealed class SyntheticWorldTests
{
    private static readonly SyntheticWorld World = new(11);

    [Fact]
    public void Definition_Always_IsConsistent()
    {
        Assert.Equal(1, World.Segments.Sum(s => s.Share), 1e-12);
        Assert.All(World.Segments, s => Assert.Equal(1, s.NeedWeights.Sum(), 1e-12));
        Assert.All(World.Segments, s => Assert.Equal(World.Needs.Length, s.NeedWeights.Length));
        Assert.All(World.Segments, s => Assert.Equal(World.SegmentScales.Length, s.Means.Length));
        Assert.All(World.Propositions, a =>
        {
            Assert.Equal(World.Needs.Length, a.Benefits.Length);
            Assert.Equal(World.Needs.Length, a.Sacrifices.Length);
            Assert.Equal(World.Channels.Length, a.ChannelShifts.Length);
            Assert.All([.. a.Benefits, .. a.Sacrifices], x => Assert.InRange(x, -1, 1));
            Assert.InRange(a.Incrementality, 0, 1);
        });
        Assert.Equal(World.Schema.Features.Index().Where(f => f.Item.Segments).Select(f => f.Index),
            World.SegmentScales.Select(s => s.Feature));
        Assert.Equal("channel", Assert.Single(World.Schema.Features, f => f.Context).Name);
        Assert.Equal("contact_centre", World.Channels[World.DefaultChannel]);
    }

    [Fact]
    public void Formulas_NeverReadProtectedFeaturesAndAmountsNeverMissingOnes()
    {
        IEnumerable<WorldFormula> formulas =
            [World.Revenue, World.Cost, .. World.Propositions.Select(a => a.Acceptance)];
        Assert.All(formulas.SelectMany(f => f.Terms).SelectMany(t => t.Factors),
            f => Assert.True(World.Schema.Features[f.Feature].IsModelInput));

        HashSet<int> missing = [];
        ForEach(5_000, customer => missing.UnionWith(
            Enumerable.Range(0, customer.Features.Length).Where(i => float.IsNaN(customer.Features[i]))));
        Assert.Equal(4, missing.Count);
        Assert.All(World.Propositions.SelectMany(a => a.Margin.Coefficients.Concat(a.Saving.Coefficients)),
            c => Assert.DoesNotContain(c.Feature, missing));
    }

    [Fact]
    public void Generate_AnyCustomer_FitsTheSchema()
        => ForEach(5_000, customer =>
        {
            RequireValid(customer.Features);
            Assert.True(customer.RevenueCents >= 0 && customer.CostCents >= 0);
            foreach (SyntheticOffer offer in customer.Offers.AsSpan(0, customer.OfferCount))
            {
                RequireValid(offer.Features);
                Assert.InRange(offer.SecondsAgo, 1, 365 * 86_400);
                Assert.InRange(offer.Features[World.Schema.IndexOf("tenure_months")], 0,
                    customer.Features[World.Schema.IndexOf("tenure_months")]);
                Assert.False(offer.Accepted && !offer.Presented);
            }
        });

    [Fact]
    public void Generate_SameIndexAfterAnother_IsTheSameCustomer()
    {
        SyntheticCustomer fresh = new();
        SyntheticCustomer reused = new();
        for (long index = 0; index < 50; index++)
        {
            World.Generate(49 - index, reused);
            World.Generate(index, reused);
            World.Generate(index, fresh);
            Assert.Equal(fresh.Features, reused.Features);
            Assert.Equal((fresh.Segment, fresh.RevenueCents, fresh.CostCents, fresh.OfferCount),
                (reused.Segment, reused.RevenueCents, reused.CostCents, reused.OfferCount));
        }
    }

    [Fact]
    public void Generate_RealisedProfit_DeviatesFromExpectedAsStated()
    {
        const int count = 40_000;
        double sum = 0;
        double squares = 0;
        ForEach(count, customer =>
        {
            double deviation = ((customer.RevenueCents - customer.CostCents) / 100.0) - customer.ExpectedProfit;
            double z = deviation / World.ProfitDeviation(customer.Features);
            sum += z;
            squares += z * z;
        });

        // t with 5 degrees of freedom, scaled to variance 1, has kurtosis 9: the mean square has variance 8 / n.
        Assert.InRange(sum / count, -5 / Math.Sqrt(count), 5 / Math.Sqrt(count));
        Assert.InRange(squares / count, 1 - (5 * Math.Sqrt(8.0 / count)), 1 + (5 * Math.Sqrt(8.0 / count)));
    }

    [Fact]
    public void Generate_Outcomes_AreAcceptedAsOftenAsPropensitySays()
    {
        const int bins = 5;
        double[] expected = new double[World.Propositions.Length * bins];
        double[] variance = new double[expected.Length];
        int[] accepted = new int[expected.Length];
        ForEach(40_000, customer =>
        {
            foreach (SyntheticOffer offer in customer.Offers.AsSpan(0, customer.OfferCount))
            {
                double p = World.Propensity(offer.Proposition, customer.Segment, offer.Features, offer.Channel);
                Assert.Equal(p, offer.Propensity);
                if (offer.Presented)
                {
                    int bin = (offer.Proposition * bins) + Math.Min(bins - 1, (int)(p * 10));
                    expected[bin] += p;
                    variance[bin] += p * (1 - p);
                    accepted[bin] += offer.Accepted ? 1 : 0;
                }
            }
        });
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.InRange(accepted[i] - expected[i], -2 - (4.5 * Math.Sqrt(variance[i])), 2 + (4.5 * Math.Sqrt(variance[i])));
        }
        for (int a = 0; a < World.Propositions.Length; a++)
        {
            Assert.True(accepted.AsSpan(a * bins, bins).ToArray().Sum() > 200);
        }
    }

    [Fact]
    public void LoggingPolicy_AnyRow_IsADistributionWithSupport()
    {
        int[] weights = new int[World.Propositions.Length];
        ForEach(200, customer =>
        {
            for (int rotation = 0; rotation < weights.Length; rotation++)
            {
                World.LoggingPolicy(customer.Features, rotation, weights);
                Assert.Equal(10_000, weights.Sum());
                Assert.All(weights, w => Assert.InRange(w, 400, 4_000));
            }
        });
    }

    [Fact]
    public void Generate_Outcomes_WeighUpToEachPropositionForEveryone()
    {
        // Inverse probability weighting of the constant 1 estimates 1 for "always offer a", whatever a is.
        double[] sum = new double[World.Propositions.Length];
        double[] squares = new double[sum.Length];
        int offers = 0;
        ForEach(40_000, customer =>
        {
            foreach (SyntheticOffer offer in customer.Offers.AsSpan(0, customer.OfferCount))
            {
                double weight = 10_000.0 / offer.ActionPerTenThousand;
                sum[offer.Proposition] += weight;
                squares[offer.Proposition] += weight * weight;
                offers++;
            }
        });
        Assert.InRange(offers, 1.9 * 40_000, 2.1 * 40_000);
        for (int a = 0; a < sum.Length; a++)
        {
            double standardError = Math.Sqrt(squares[a]) / offers;
            Assert.InRange(sum[a] / offers, 1 - (4.5 * standardError), 1 + (4.5 * standardError));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void MostProbableSegment_AgainstKMeans_LeavesLloydNearTheCeiling(long seed)
    {
        SyntheticWorld world = new(seed);
        const int count = 20_000;
        int k = world.Segments.Length;
        int[] segments = new int[count];
        int[] bayes = new int[count];
        double[][] points = new double[count][];
        SyntheticCustomer customer = new();
        for (int i = 0; i < count; i++)
        {
            world.Generate(i, customer);
            segments[i] = customer.Segment;
            bayes[i] = world.MostProbableSegment(customer.Features);
            points[i] = [.. world.SegmentScales.Select(s => world.Schema.Features[s.Feature].Log1P
                ? Math.Log(1 + customer.Features[s.Feature]) : customer.Features[s.Feature])];
        }
        Lloyd.Standardise(points);
        double ceiling = Lloyd.Ari(segments, bayes, k);

        double[][] truth = new double[k][];
        for (int s = 0; s < k; s++)
        {
            double[][] members = [.. points.Where((_, i) => segments[i] == s)];
            truth[s] = [.. Enumerable.Range(0, points[0].Length).Select(d => members.Average(x => x[d]))];
        }
        Assert.True(Lloyd.Ari(segments, Lloyd.Run(points, truth).Labels, k) >= 0.95 * ceiling);

        (int[] Labels, double Inertia) best = Enumerable.Range(0, 4)
            .Select(start => Lloyd.Run(points, Lloyd.PlusPlus(points, k, new SeededRandom(seed, start)))).MinBy(run => run.Inertia);
        Assert.True(Lloyd.Ari(segments, best.Labels, k) >= 0.95 * ceiling);
    }

    private static void ForEach(int count, Action<SyntheticCustomer> action)
    {
        SyntheticCustomer customer = new();
        for (int i = 0; i < count; i++)
        {
            World.Generate(i, customer);
            action(customer);
        }
    }

    private static void RequireValid(float[] row)
    {
        for (int i = 0; i < row.Length; i++)
        {
            Feature feature = World.Schema.Features[i];
            Assert.Null(FeatureSchema.Violation(feature, row[i]));
            Assert.False(feature.Kind == FeatureKind.Categorical && row[i] >= feature.Categories.Length);
        }
    }
}
