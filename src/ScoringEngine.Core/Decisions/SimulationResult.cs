using System.Collections.Immutable;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Decisions;

/// <summary>How a simulation decides; channel and role by name, as workspaces number them differently.</summary>
public sealed record SimulationOptions
{
    /// <summary>When it is decided, unix milliseconds.</summary>
    public required long TimeUnixMs { get; init; }

    /// <summary>Channel; empty when not told. A workspace that lacks it decides as if it were not told.</summary>
    public string Channel { get; init; } = "";

    /// <summary>Who starts the interactions.</summary>
    public Direction Direction { get; init; } = Direction.Unspecified;

    /// <summary>Role of the callers; empty for none. In a workspace that lacks it, it has no rights.</summary>
    public string Role { get; init; } = "";

    /// <summary>How many propositions to choose for a customer, 1 or more.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>Whether to tell what each rule costs.</summary>
    public bool DropOne { get; init; }

    /// <summary>Seed of the bootstrap.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Threads to use, 0 for all cores; no result depends on it.</summary>
    public int Threads { get; init; }
}

/// <summary>Offers of a proposition to customers of a segment and tier.</summary>
/// <param name="Proposition">Id in the catalogue.</param>
/// <param name="SegmentId">Segment id.</param>
/// <param name="Tier">Tier; null where no profit is known.</param>
/// <param name="Reach">Customers for whom it did not fall at any stage.</param>
/// <param name="Volume">Customers who get it.</param>
/// <param name="Score">Sum of the two-sided value of the offers, in currency.</param>
/// <param name="OrganisationValue">Sum of Vorg of the offers, in currency.</param>
/// <param name="CustomerValue">Sum of Vcust of the offers.</param>
/// <param name="Cost">What the offers may cost (contact and fulfilment), in currency.</param>
public sealed record SimulationCell(
    string Proposition, int SegmentId, Tier? Tier, long Reach, long Volume, double Score, double OrganisationValue, double CustomerValue, double Cost);

/// <summary>How many customers a proposition was lost for at each stage.</summary>
/// <param name="Proposition">Id in the catalogue.</param>
/// <param name="Stage">The stage.</param>
/// <param name="Customers">For how many it fell there first.</param>
public sealed record SimulationFall(string Proposition, Stage Stage, long Customers);

/// <summary>Customers of a segment and tier, and how many of them get nothing.</summary>
/// <param name="SegmentId">Segment id.</param>
/// <param name="Tier">Tier; null where no profit is known.</param>
/// <param name="Customers">Customers.</param>
/// <param name="HeldOut">Those in the hold-out.</param>
/// <param name="WithoutCandidate">Those, not in the hold-out, for whom every proposition fell.</param>
/// <param name="WithoutOffer">Those, not in the hold-out, who get no proposition: every one fell, or none is worth more than doing nothing.</param>
public sealed record SimulationGroup(int SegmentId, Tier? Tier, long Customers, long HeldOut, long WithoutCandidate, long WithoutOffer);

/// <summary>What a workspace makes of a customer base.</summary>
public sealed record SimulationSide
{
    /// <summary>By proposition, segment and tier in that order; those that nobody can get are left out.</summary>
    public required ImmutableArray<SimulationCell> Cells { get; init; }

    /// <summary>By proposition and stage in that order; zeros are left out.</summary>
    public required ImmutableArray<SimulationFall> Falls { get; init; }

    /// <summary>By segment and tier in that order; empty ones are left out.</summary>
    public required ImmutableArray<SimulationGroup> Groups { get; init; }

    /// <summary>Sum of the two-sided value of all offers, in currency.</summary>
    public double Score => Cells.Sum(c => c.Score);

    /// <summary>Sum of Vorg of all offers, in currency.</summary>
    public double OrganisationValue => Cells.Sum(c => c.OrganisationValue);

    /// <summary>Offers.</summary>
    public long Volume => Cells.Sum(c => c.Volume);

    /// <summary>Customers who get no proposition, those in the hold-out left out.</summary>
    public long WithoutOffer => Groups.Sum(g => g.WithoutOffer);
}

/// <summary>Customers whose first slot went from one proposition to another.</summary>
/// <param name="Before">Id of what they got; <see cref="PropositionValue.DoNothingId"/> for nothing.</param>
/// <param name="After">Id of what they get.</param>
/// <param name="Customers">How many.</param>
/// <param name="Gain">Two-sided value of what they get, less that of what they got, all slots, in currency.</param>
public sealed record SimulationMove(string Before, string After, long Customers, double Gain);

/// <summary>What a rule costs: the value that is gained when it alone is dropped.</summary>
/// <param name="Proposition">Id of the proposition that has the rule.</param>
/// <param name="Stage">Eligibility, applicability or suitability.</param>
/// <param name="Stopped">Customers for whom the proposition fell at it.</param>
/// <param name="Changed">Customers who would get something else without it.</param>
/// <param name="Cost">Two-sided value that it costs over all customers, in currency; negative where customers get something worse without it.</param>
/// <param name="Low">Lower end of the 95 % bootstrap interval of the cost.</param>
/// <param name="High">Its upper end.</param>
public sealed record RuleCost(string Proposition, Stage Stage, long Stopped, long Changed, double Cost, double Low, double High);

/// <summary>What a simulation found.</summary>
public sealed record SimulationResult
{
    /// <summary>Number of customers.</summary>
    public required long Customers { get; init; }

    /// <summary>With the old workspace; null when there was none.</summary>
    public SimulationSide? Before { get; init; }

    /// <summary>With the new workspace.</summary>
    public required SimulationSide After { get; init; }

    /// <summary>By before and after in that order, do nothing first; those who keep what they got included. Empty without an old workspace.</summary>
    public ImmutableArray<SimulationMove> Moves { get; init; } = [];

    /// <summary>Rules of the new workspace, dearest first. Empty unless asked for.</summary>
    public ImmutableArray<RuleCost> Rules { get; init; } = [];
}
