namespace ScoringEngine.Core.Synthetic;

/// <summary>A customer of the synthetic world with past offers. Reused between customers: the arrays are overwritten.</summary>
public sealed class SyntheticCustomer
{
    /// <summary>Most past offers of a customer.</summary>
    public const int MaxOffers = 4;

    /// <summary>A customer that <see cref="SyntheticWorld.Generate"/> fills.</summary>
    public SyntheticCustomer()
    {
        for (int i = 0; i < MaxOffers; i++)
        {
            Offers[i] = new SyntheticOffer();
        }
    }

    /// <summary>Number of the customer, from 0; the id counts from C0000001.</summary>
    public long Index { get; internal set; }

    /// <summary>True segment.</summary>
    public int Segment { get; internal set; }

    /// <summary>Customer features in schema order, as written to the file; NaN is missing.</summary>
    public float[] Features { get; } = new float[WorldSchema.Schema.CustomerCount];

    /// <summary>Realised revenue of the year, cents, at least 0.</summary>
    public long RevenueCents { get; internal set; }

    /// <summary>Realised cost of the year, cents, at least 0.</summary>
    public long CostCents { get; internal set; }

    /// <summary>Expected profit of the year given the features, EUR.</summary>
    public double ExpectedProfit { get; internal set; }

    /// <summary>Past offers, oldest first; the first <see cref="OfferCount"/> are in use.</summary>
    public SyntheticOffer[] Offers { get; } = new SyntheticOffer[MaxOffers];

    /// <summary>Number of past offers, 0..<see cref="MaxOffers"/>.</summary>
    public int OfferCount { get; internal set; }
}

/// <summary>One past randomised offer and its outcome.</summary>
public sealed class SyntheticOffer
{
    /// <summary>Index of the proposition.</summary>
    public int Proposition { get; internal set; }

    /// <summary>Index of the channel, drawn independently of the customer.</summary>
    public int Channel { get; internal set; }

    /// <summary>Seconds before <see cref="SyntheticWorld.AsOf"/> at which it was decided.</summary>
    public int SecondsAgo { get; internal set; }

    /// <summary>10,000 x the probability with which the logging policy chose the proposition.</summary>
    public int ActionPerTenThousand { get; internal set; }

    /// <summary>True probability of acceptance, given that it was presented.</summary>
    public double Propensity { get; internal set; }

    /// <summary>Whether the customer saw it; an offer that was not presented is not accepted.</summary>
    public bool Presented { get; internal set; }

    /// <summary>Whether the customer accepted.</summary>
    public bool Accepted { get; internal set; }

    /// <summary>Realised revenue of the acceptance, cents.</summary>
    public long RevenueCents { get; internal set; }

    /// <summary>Contact cost where presented and fulfilment where accepted, cents.</summary>
    public long CostCents { get; internal set; }

    /// <summary>Customer features as of the decision, in schema order; NaN is missing.</summary>
    public float[] Features { get; } = new float[WorldSchema.Schema.CustomerCount];
}
