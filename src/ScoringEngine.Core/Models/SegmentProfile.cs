using System.Collections.Immutable;

namespace ScoringEngine.Core.Models;

/// <summary>What the customers of a segment were worth in training.</summary>
/// <param name="MeanProfit">Mean realised profit, in currency; NaN without a profit target.</param>
/// <param name="TierShares">Share of the segment's customers in each tier, worst to best; empty without a profit target.</param>
public sealed record SegmentProfile(double MeanProfit, ImmutableArray<double> TierShares);
