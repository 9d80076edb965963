using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Rules;

/// <summary>What rules may ask of a customer besides the features.</summary>
/// <param name="SegmentId">Id of the segment: subject <c>segment</c>.</param>
/// <param name="Tier">The tier: subject <c>tier</c>; missing where the expected profit is.</param>
/// <param name="ExpectedProfit">Expected profit; NaN is missing.</param>
/// <param name="Potential">Potential; NaN is missing.</param>
public readonly record struct RuleScores(int SegmentId, Tier Tier, float ExpectedProfit, float Potential);
