using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>A strategy with what it refers to.</summary>
/// <param name="Strategy">As articulated.</param>
/// <param name="Targets">The targets of the plan that its business case promises.</param>
/// <param name="DecisionRights">What each role may grant: the strategy's word, and the policy's on roles that it does not name.</param>
public sealed record StrategyArticle(Strategy Strategy, ImmutableArray<PlanTarget> Targets, ImmutableSortedDictionary<string, DecisionRight> DecisionRights)
{
    /// <summary>Joins a strategy of a workspace with plan and policy.</summary>
    public static StrategyArticle Of(Workspace workspace, Strategy strategy)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(strategy);
        return new StrategyArticle(strategy,
            [.. workspace.Plan.Targets.Where(t => strategy.Targets.Contains(t.Id))],
            workspace.Policy.Roles.SetItems(strategy.DecisionRights));
    }
}

/// <summary>A proposition as customers of a segment meet it.</summary>
/// <param name="Proposition">The proposition.</param>
/// <param name="CustomerValue">What the segment perceives in it, -1..1.</param>
/// <param name="Unreachable">Why no customer of the segment (and tier) can get it, provably; null where one may.</param>
public sealed record SegmentProposition(Proposition Proposition, double CustomerValue, string? Unreachable);

/// <summary>The articulated strategy of a segment: for people, on the command line as over the API.</summary>
public sealed record StrategyView
{
    /// <summary>Id of the segment.</summary>
    public required int SegmentId { get; init; }

    /// <summary>The segment as a version knows it; null without one.</summary>
    public Segment? Segment { get; init; }

    /// <summary>The strategies that address it, in file order; one for each tier, or one for all.</summary>
    public required ImmutableArray<StrategyArticle> Strategies { get; init; }

    /// <summary>What its customers need.</summary>
    public required NeedWeights Needs { get; init; }

    /// <summary>Every proposition, by id.</summary>
    public required ImmutableArray<SegmentProposition> Propositions { get; init; }

    /// <summary>Gathers what a workspace says of a segment.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="models">The version that has the segment; null for none.</param>
    /// <param name="segmentId">The segment.</param>
    /// <param name="tier">Only what addresses this tier; null for all.</param>
    /// <param name="asOf">The day on which propositions are to be valid.</param>
    public static StrategyView Of(Workspace workspace, ModelSet? models, int segmentId, Tier? tier, DateOnly asOf)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        NeedWeights needs = workspace.Needs.Of(segmentId);
        RuleReach reach = new RuleReach(workspace.Schema.Features).Among(segmentId, tier);
        return new StrategyView
        {
            SegmentId = segmentId,
            Segment = models?.Segments.Segments.FirstOrDefault(s => s.Id == segmentId),
            Strategies =
            [
                .. workspace.Strategies
                    .Where(s => tier is { } only ? s.Addresses(segmentId, only) : s.Segments.IsEmpty || s.Segments.Contains(segmentId))
                    .Select(s => StrategyArticle.Of(workspace, s)),
            ],
            Needs = needs,
            Propositions =
            [
                .. workspace.Propositions.Select(p => new SegmentProposition(p, ValueModel.PerceivedValue(needs, p), StrategyCheck.Unreachable(p, asOf, reach))),
            ],
        };
    }
}
