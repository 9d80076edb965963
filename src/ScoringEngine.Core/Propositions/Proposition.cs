using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Propositions;

/// <summary>What a proposition is for.</summary>
public enum PropositionKind
{
    /// <summary>Something to sell or to keep a customer with.</summary>
    Commercial,

    /// <summary>A service message or treatment.</summary>
    Service,

    /// <summary>Must be made, by law or contract.</summary>
    Mandatory,
}

/// <summary>What a proposition pulls to create value.</summary>
public enum Lever
{
    /// <summary>Win a customer.</summary>
    Acquire,

    /// <summary>Keep a customer.</summary>
    Retain,

    /// <summary>Sell another product.</summary>
    CrossSell,

    /// <summary>Sell more of a product.</summary>
    UpSell,

    /// <summary>Price.</summary>
    Price,

    /// <summary>Lower the cost to serve.</summary>
    CostToServe,

    /// <summary>Lower the cost of risk.</summary>
    RiskCost,
}

/// <summary>How often an amount recurs.</summary>
public enum Frequency
{
    /// <summary>Once, now.</summary>
    Once,

    /// <summary>At the end of each month of the policy's horizon.</summary>
    Month,

    /// <summary>At the end of each year of the policy's horizon.</summary>
    Year,
}

/// <summary>
/// An amount of money that may depend on the customer: a base plus so much per unit of a feature. A missing feature
/// adds nothing.
/// </summary>
/// <param name="Base">Amount for every customer, in currency.</param>
/// <param name="PerFeature">Currency per unit of a numeric or boolean feature, by feature name.</param>
/// <param name="Every">How often it recurs; recurring amounts become present values over the policy's horizon.</param>
public sealed record Amount(double Base, ImmutableSortedDictionary<string, double> PerFeature, Frequency Every = Frequency.Once)
{
    /// <summary>Nothing.</summary>
    public static Amount Zero { get; } = new(0, ImmutableSortedDictionary<string, double>.Empty);
}

/// <summary>A value proposition as the catalogue states it.</summary>
public sealed record Proposition
{
    /// <summary>Id in files, outcomes and answers.</summary>
    public required string Id { get; init; }

    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary>What the agent says, by language tag.</summary>
    public ImmutableSortedDictionary<string, string> Wording { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>What it is for.</summary>
    public PropositionKind Kind { get; init; } = PropositionKind.Commercial;

    /// <summary>What it pulls to create value.</summary>
    public Lever Lever { get; init; } = Lever.Retain;

    /// <summary>Product, price, place, promotion, service, convenience, information, recognition, relationship...</summary>
    public string Category { get; init; } = "";

    /// <summary>Whether only some customers get it, because it costs more than the standard.</summary>
    public bool Differentiated { get; init; }

    /// <summary>Whether the customer has to accept it; where not, its propensity is 1.</summary>
    public bool NeedsAcceptance { get; init; } = true;

    /// <summary>Margin it brings when accepted.</summary>
    public Amount Margin { get; init; } = Amount.Zero;

    /// <summary>Cost it saves when accepted.</summary>
    public Amount Saving { get; init; } = Amount.Zero;

    /// <summary>Estimated worth of being different from competitors, per offer; never counted as captured value.</summary>
    public double Differentiation { get; init; }

    /// <summary>Cost of fulfilling it for one who accepts, incentive included, 0 or more.</summary>
    public double Fulfilment { get; init; }

    /// <summary>Cost of making the offer by channel, 0 or more; <see cref="DefaultContact"/> for a channel not named.</summary>
    public ImmutableSortedDictionary<string, double> Contact { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Cost of making the offer where <see cref="Contact"/> does not name the channel, 0 or more.</summary>
    public double DefaultContact { get; init; }

    /// <summary>Share of acceptance that would not have happened anyway, 0..1; null for the policy's default.</summary>
    public double? Incrementality { get; init; }

    /// <summary>Acceptance rate believed before there is evidence, 0..1.</summary>
    public double PriorPropensity { get; init; } = 0.05;

    /// <summary>Where the amounts come from.</summary>
    public Provenance Provenance { get; init; } = Provenance.Assumed;

    /// <summary>How far it serves a need, -1..1, by need id.</summary>
    public ImmutableSortedDictionary<string, double> Benefits { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>How far it costs the customer (price, effort, lock-in) in a need, -1..1, by need id.</summary>
    public ImmutableSortedDictionary<string, double> Sacrifices { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Area of value for people, such as "connectivity"; empty for none.</summary>
    public string ValueArea { get; init; } = "";

    /// <summary>Group whose contacts are counted together; empty for none.</summary>
    public string Group { get; init; } = "";

    /// <summary>Who may have it; null for everybody.</summary>
    public Rule? Eligibility { get; init; }

    /// <summary>When it is relevant; null for always.</summary>
    public Rule? Applicability { get; init; }

    /// <summary>For whom it is good; null for everybody.</summary>
    public Rule? Suitability { get; init; }

    /// <summary>Customer value below which it is not offered, -1..1; null for any.</summary>
    public double? MinimumCustomerValue { get; init; }

    /// <summary>Channels in which it is offered; empty for all.</summary>
    public ImmutableArray<string> Channels { get; init; } = [];

    /// <summary>First day on which it is offered, in the policy's time zone; null for no limit.</summary>
    public DateOnly? ValidFrom { get; init; }

    /// <summary>Last day on which it is offered, in the policy's time zone; null for no limit.</summary>
    public DateOnly? ValidUntil { get; init; }

    /// <summary>Most it may cost in all (contact of each offer, fulfilment of each acceptance), in currency; null for no limit.</summary>
    public double? Budget { get; init; }

    /// <summary>Most offers in all; null for no limit.</summary>
    public long? Volume { get; init; }

    /// <summary>Caps of its own contacts; their scope is this proposition.</summary>
    public ImmutableArray<ContactCap> Caps { get; init; } = [];

    /// <summary>Days until an unanswered offer counts as declined, 1 or more; a later answer corrects it.</summary>
    public int MaturityDays { get; init; } = 30;

    /// <summary>What it concedes, against the limits of decision rights, in currency, 0 or more; null: <see cref="Fulfilment"/>.</summary>
    public double? Concession { get; init; }
}
