namespace ScoringEngine.Core.Value;

/// <summary>A band of expected profit; disjoint, complete, worst to best.</summary>
public enum Tier
{
    /// <summary>Expected profit below minus the marginal band.</summary>
    ValueDestroyer,

    /// <summary>Expected profit within the marginal band around zero, bounds included.</summary>
    Marginal,

    /// <summary>Above the marginal band and below the creators' threshold.</summary>
    Sustainer,

    /// <summary>At or above the creators' threshold.</summary>
    ValueCreator,
}

/// <summary>Where the tiers begin.</summary>
/// <param name="MarginalBand">Half-width of the marginal band, in currency, 0 or more.</param>
/// <param name="CreatorsThreshold">Expected profit from which a customer is a value creator; above the band.</param>
public readonly record struct TierBounds(double MarginalBand, double CreatorsThreshold)
{
    /// <summary>The tier of an expected profit, which is not NaN.</summary>
    public Tier Of(double expectedProfit)
        => expectedProfit >= CreatorsThreshold ? Tier.ValueCreator
            : expectedProfit > MarginalBand ? Tier.Sustainer
            : expectedProfit >= -MarginalBand ? Tier.Marginal
            : Tier.ValueDestroyer;
}
