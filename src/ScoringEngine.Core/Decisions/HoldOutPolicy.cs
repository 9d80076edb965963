namespace ScoringEngine.Core.Decisions;

/// <summary>The persistent control group: a customer is in it for ever, new customers enrol at the same rate.</summary>
/// <param name="Share">Share of the customers, 0..0.5; 0 for none.</param>
/// <param name="Salt">Salt of the hash; another one makes another group.</param>
/// <param name="StandardTreatment">Id of the proposition that held-out customers get; null for doing nothing.</param>
public sealed record HoldOutPolicy(double Share = 0, long Salt = 0, string? StandardTreatment = null);
