namespace ScoringEngine.Core.Decisions;

/// <summary>For whom a proposition creates value.</summary>
public enum Label
{
    /// <summary>The organisation gains and the customer's perceived value reaches the policy's minimum.</summary>
    BothWin,

    /// <summary>Only the organisation gains.</summary>
    OrganisationOnly,

    /// <summary>Only the customer gains.</summary>
    CustomerOnly,

    /// <summary>Nobody gains.</summary>
    Neither,
}

/// <summary>
/// What one candidate is worth for one customer, every term apart. Money is present value in the workspace's currency.
/// </summary>
public readonly record struct PropositionValue
{
    /// <summary>Index in the catalogue; <see cref="DoNothing"/> for the candidate that offers nothing.</summary>
    public int Proposition { get; init; }

    /// <summary>The <see cref="Proposition"/> of "do nothing".</summary>
    public const int DoNothing = -1;

    /// <summary>The id that "do nothing" has in files and answers; no proposition may take it.</summary>
    public const string DoNothingId = "do_nothing";

    /// <summary>The value of "do nothing": nothing is gained, nothing can fail.</summary>
    public static PropositionValue OfDoingNothing { get; } = new()
    {
        Proposition = DoNothing,
        Propensity = 1,
        Label = Label.Neither,
        BreakEvenPropensity = double.NaN,
    };

    /// <summary>A proposition whose value was not asked for: every figure is NaN.</summary>
    public static PropositionValue NotEvaluated(int proposition) => new()
    {
        Proposition = proposition,
        Propensity = double.NaN,
        IncrementalPropensity = double.NaN,
        Revenue = double.NaN,
        Saving = double.NaN,
        FulfilmentCost = double.NaN,
        ContactCost = double.NaN,
        Differentiation = double.NaN,
        OrganisationValue = double.NaN,
        CustomerValue = double.NaN,
        Score = double.NaN,
        Label = Label.Neither,
        BreakEvenPropensity = double.NaN,
    };

    /// <summary>p: calibrated probability of acceptance, 0..1.</summary>
    public double Propensity { get; init; }

    /// <summary>dp: the part of it that would not have happened anyway, 0..1.</summary>
    public double IncrementalPropensity { get; init; }

    /// <summary>dp times margin.</summary>
    public double Revenue { get; init; }

    /// <summary>dp times saving.</summary>
    public double Saving { get; init; }

    /// <summary>p times fulfilment, 0 or more: everybody who accepts gets the incentive.</summary>
    public double FulfilmentCost { get; init; }

    /// <summary>Cost of making the offer, 0 or more.</summary>
    public double ContactCost { get; init; }

    /// <summary>Estimated worth of being different; never counted as captured.</summary>
    public double Differentiation { get; init; }

    /// <summary>Vorg: what the organisation can expect.</summary>
    public double OrganisationValue { get; init; }

    /// <summary>Vcust: perceived benefits minus perceived sacrifices, -1..1.</summary>
    public double CustomerValue { get; init; }

    /// <summary>What the ranking is by: Vorg + customer weight * p * Vcust.</summary>
    public double Score { get; init; }

    /// <summary>For whom it creates value.</summary>
    public Label Label { get; init; }

    /// <summary>The propensity at which Vorg would be 0; NaN where no propensity in 0..1 does that.</summary>
    public double BreakEvenPropensity { get; init; }
}
