using System.Collections.Immutable;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// When something differentiated may go to a customer of a tier with little value (VALUE_DESTROYER and MARGINAL): potential, evidence, or the test
/// that produces evidence.
/// </summary>
public sealed record GatePolicy
{
    /// <summary>Potential from which it may, in currency; positive infinity closes this door.</summary>
    public double PotentialThreshold { get; init; } = double.PositiveInfinity;

    /// <summary>What was measured.</summary>
    public ImmutableArray<GateEvidence> Evidence { get; init; } = [];

    /// <summary>The test; null for none.</summary>
    public GateTest? Test { get; init; }
}

/// <summary>A measured incremental value.</summary>
/// <param name="Proposition">Id in the catalogue.</param>
/// <param name="Tier">Tier of the customers.</param>
/// <param name="LowerBound">Lower confidence bound of the incremental value a customer, in currency.</param>
/// <param name="Source">Where it was measured.</param>
public sealed record GateEvidence(string Proposition, Tier Tier, double LowerBound, string Source);

/// <summary>A randomised share of the customers who get through the gate so that evidence comes to be.</summary>
/// <param name="Share">Share of the customers, 0..1, by hash: the same customers as long as the salt stays.</param>
/// <param name="Salt">Salt of the hash.</param>
/// <param name="From">First day.</param>
/// <param name="Until">Last day.</param>
/// <param name="Budget">Most that it may cost in all, in currency.</param>
public sealed record GateTest(double Share, long Salt, DateOnly From, DateOnly Until, double Budget);
