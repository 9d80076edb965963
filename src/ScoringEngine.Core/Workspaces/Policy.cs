using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Workspaces;

/// <summary>What <c>policy.yaml</c> says: how value is counted, tiers are drawn, and decisions are made.</summary>
public sealed record Policy
{
    /// <summary>Name of the file in a workspace.</summary>
    public const string FileName = "policy.yaml";

    /// <summary>The one currency of the workspace, ISO 4217.</summary>
    public string Currency { get; init; } = "EUR";

    /// <summary>Months over which recurring amounts are counted, 1..600.</summary>
    public int HorizonMonths { get; init; } = 12;

    /// <summary>Yearly discount rate for recurring amounts, 0..1.</summary>
    public double DiscountRate { get; init; } = 0.08;

    /// <summary>Half-width of the marginal tier in currency; null: a tenth of the mean absolute profit.</summary>
    public double? MarginalBand { get; init; }

    /// <summary>Expected profit of a value creator; null: from the whale curve by <see cref="CreatorsShare"/>.</summary>
    public double? CreatorsThreshold { get; init; }

    /// <summary>Creators are the best customers that together reach this share of peak cumulative profit, 0..1.</summary>
    public double CreatorsShare { get; init; } = 0.5;

    /// <summary>Quantile of profit given the features that marks what a customer could be worth, .5 to .99.</summary>
    public double PotentialQuantile { get; init; } = 0.9;

    /// <summary>Currency per unit of perceived customer value in the ranking, 0 or more.</summary>
    public double CustomerWeight { get; init; } = 20;

    /// <summary>Perceived value from which a customer is said to win, -1..1.</summary>
    public double MinimumCustomerValue { get; init; }

    /// <summary>Share of acceptance that is incremental where the catalogue does not say, 0..1.</summary>
    public double DefaultIncrementality { get; init; } = 0.5;

    /// <summary>Whom to contact how often.</summary>
    public ContactPolicy Contact { get; init; } = new();

    /// <summary>When customers of little value get something differentiated.</summary>
    public GatePolicy Gate { get; init; } = new();

    /// <summary>The control group.</summary>
    public HoldOutPolicy HoldOut { get; init; } = new();

    /// <summary>How decisions explore.</summary>
    public ExplorationPolicy Exploration { get; init; } = new();

    /// <summary>How propensities with little evidence are smoothed.</summary>
    public SmoothingPolicy Smoothing { get; init; } = new();

    /// <summary>What each calling role may grant without approval; a segment's strategy may say otherwise.</summary>
    public ImmutableSortedDictionary<string, DecisionRight> Roles { get; init; } = ImmutableSortedDictionary<string, DecisionRight>.Empty;

    /// <summary>What happens to a decision that cannot be logged.</summary>
    public LogFailure OnLogFailure { get; init; }

    /// <summary>How long decisions and outcomes are kept.</summary>
    public TimeSpan DecisionRetention { get; init; } = TimeSpan.FromDays(730);

    /// <summary>How long the value feed is kept.</summary>
    public TimeSpan ValueRetention { get; init; } = TimeSpan.FromDays(1825);

    /// <summary>
    /// What an amount that recurs is worth now: the annuity of end-of-period payments over the horizon at the discount
    /// rate; 1 for <see cref="Frequency.Once"/>.
    /// </summary>
    public double PresentValueFactor(Frequency every)
    {
        if (every == Frequency.Once)
        {
            return 1;
        }
        int step = every == Frequency.Month ? 1 : 12;
        double monthly = Numerics.DeterministicMath.Log(1 + DiscountRate) / 12;
        double factor = 0;
        for (int month = step; month <= HorizonMonths; month += step)
        {
            factor += Numerics.DeterministicMath.Exp(-monthly * month);
        }
        return factor;
    }
}
