using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Synthetic;

namespace ScoringEngine.Core.Tests.Synthetic;

public sealed class CeilingsTests
{
    private const int Segments = 3;
    private const int Propositions = 2;

    [Fact]
    public void Add_InBlocksOrAtOnce_AgreesWithPairCounting()
    {
        SeededRandom random = new(5);
        List<(int True, int Bayes)> labels = [];
        List<(int Proposition, double P, bool Accepted)> offers = [];
        Ceilings all = new(Segments, Propositions);
        Ceilings block = new(Segments, Propositions);
        SyntheticCustomer customer = new();
        for (int i = 0; i < 240; i++)
        {
            customer.Segment = random.Next(Segments);
            int bayes = random.NextDouble() < 0.7 ? customer.Segment : random.Next(Segments);
            labels.Add((customer.Segment, bayes));
            customer.OfferCount = random.Next(3);
            foreach (SyntheticOffer offer in customer.Offers.AsSpan(0, customer.OfferCount))
            {
                offer.Proposition = random.Next(Propositions);
                offer.Propensity = random.Next(64) / 64.0; // few values, so that ties occur
                offer.Presented = random.NextDouble() < 0.9;
                offer.Accepted = offer.Presented && random.NextDouble() < offer.Propensity;
                if (offer.Presented)
                {
                    offers.Add((offer.Proposition, offer.Propensity, offer.Accepted));
                }
            }
            block.Add(customer, bayes, [1, 2], [0.1, 0.2]);
            if (i % 50 == 49 || i == 239)
            {
                all.Add(block);
                block.Clear();
            }
        }

        Assert.Equal(NaiveAri(labels), all.SegmentAri(), 1e-12);
        Assert.Equal(NaiveAuc(offers, within: false), all.AcceptanceAuc(), 1e-12);
        Assert.Equal(NaiveAuc(offers, within: true), all.AcceptanceAucWithinProposition(), 1e-12);
    }

    [Fact]
    public void Add_HandMadeCustomers_GivesTheirMeans()
    {
        Ceilings ceilings = new(Segments, Propositions);
        SyntheticCustomer customer = new() { ExpectedProfit = 10, RevenueCents = 2000, CostCents = 500 };
        ceilings.Add(customer, 0, [4, -1], [0.1, 0.3]);
        customer.ExpectedProfit = -20;
        customer.RevenueCents = 0;
        customer.CostCents = 2500;
        ceilings.Add(customer, 0, [-3, -5], [0.4, 0.3]);

        Assert.Equal(2, ceilings.OracleValue); // 4, then doing nothing
        Assert.Equal(-2, ceilings.PropensityOnlyValue); // -1, then -3
        Assert.Equal(0.5, ceilings.SingleValue(0));
        Assert.Equal(-3, ceilings.SingleValue(1));
        Assert.Equal(0.5, ceilings.DestroyerShare);
        Assert.Equal(1 - ((25.0 + 25.0) / (400.0 + 400.0)), ceilings.ProfitR2, 1e-12);
    }

    /// <summary>The adjusted Rand index from its definition over pairs of customers.</summary>
    private static double NaiveAri(List<(int True, int Bayes)> labels)
    {
        double both = 0;
        double inTrue = 0;
        double inBayes = 0;
        double pairs = 0;
        for (int i = 0; i < labels.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                bool t = labels[i].True == labels[j].True;
                bool b = labels[i].Bayes == labels[j].Bayes;
                both += t && b ? 1 : 0;
                inTrue += t ? 1 : 0;
                inBayes += b ? 1 : 0;
                pairs++;
            }
        }
        double expected = inTrue * inBayes / pairs;
        return (both - expected) / ((0.5 * (inTrue + inBayes)) - expected);
    }

    private static double NaiveAuc(List<(int Proposition, double P, bool Accepted)> offers, bool within)
    {
        double ordered = 0;
        double pairs = 0;
        foreach ((int a, double p, _) in offers.Where(o => o.Accepted))
        {
            foreach ((_, double q, _) in offers.Where(o => !o.Accepted && (!within || o.Proposition == a)))
            {
                ordered += p > q ? 1 : p == q ? 0.5 : 0;
                pairs++;
            }
        }
        return ordered / pairs;
    }
}
