using ScoringEngine.Core.Features;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Models;

/// <summary>Expected profit, potential and tiers.</summary>
/// <param name="Expected">Expected profit over one period; the margin is the profit.</param>
/// <param name="Upper">Upper quantile of profit given the features; null where it is not known, and potential with it.</param>
/// <param name="Quantile">The quantile, .5 to .99.</param>
/// <param name="Tiers">Where the tiers begin.</param>
/// <param name="Target">What was trained on: period, and whether it is a proxy.</param>
public sealed record ProfitModel(IRowModel Expected, IRowModel? Upper, double Quantile, TierBounds Tiers, ProfitTarget Target)
{
    /// <summary>Potential: what the customer could be worth beyond what is expected, 0 or more.</summary>
    public static float Potential(float expected, float upper) => MathF.Max(0, upper - expected);
}
