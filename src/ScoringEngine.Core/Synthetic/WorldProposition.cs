using System.Collections.Immutable;

namespace ScoringEngine.Core.Synthetic;

/// <summary>A proposition of the synthetic world: its economics, and the truth about its acceptance.</summary>
public sealed record WorldProposition
{
    /// <summary>Id as in the files, such as <c>loyalty_bonus</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary><c>service</c> or <c>commercial</c>.</summary>
    public required string Kind { get; init; }

    /// <summary><c>acquire</c>, <c>retain</c>, <c>cross_sell</c>, <c>up_sell</c>, <c>price</c>, <c>cost_to_serve</c> or <c>risk_cost</c>.</summary>
    public required string Lever { get; init; }

    /// <summary>Category, such as <c>product</c> or <c>recognition</c>.</summary>
    public required string Category { get; init; }

    /// <summary>Whether it differentiates (else it is standard).</summary>
    public bool Differentiated { get; init; }

    /// <summary>Margin gained where acceptance is incremental, EUR.</summary>
    public required WorldAmount Margin { get; init; }

    /// <summary>Cost saved where acceptance is incremental, EUR.</summary>
    public WorldAmount Saving { get; init; } = new(0, []);

    /// <summary>Value of differentiation, EUR per offer.</summary>
    public double Differentiation { get; init; }

    /// <summary>Cost of every acceptance, EUR.</summary>
    public required double Fulfilment { get; init; }

    /// <summary>Share of acceptances that would not have happened anyway, 0..1.</summary>
    public required double Incrementality { get; init; }

    /// <summary>Perceived benefit by need, -1..1, in the order of <see cref="SyntheticWorld.Needs"/>.</summary>
    public required ImmutableArray<double> Benefits { get; init; }

    /// <summary>Perceived sacrifice by need, -1..1, in the order of <see cref="SyntheticWorld.Needs"/>.</summary>
    public required ImmutableArray<double> Sacrifices { get; init; }

    /// <summary>Log-odds of acceptance from the customer's features, before affinity and channel.</summary>
    public required WorldFormula Acceptance { get; init; }

    /// <summary>Shift of the log-odds by channel, in the order of <see cref="SyntheticWorld.Channels"/>.</summary>
    public required ImmutableArray<double> ChannelShifts { get; init; }
}
