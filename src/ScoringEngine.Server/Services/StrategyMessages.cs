using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using PlanTarget = ScoringEngine.Core.Workspaces.PlanTarget;
using Readiness = ScoringEngine.Core.Workspaces.Readiness;

namespace ScoringEngine.Server.Services;

/// <summary>What people wrote into the workspace's files, as messages of scoring.v1.</summary>
internal static class StrategyMessages
{
    /// <summary>A strategy with what it takes from policy and plan.</summary>
    public static StrategyDefinition Of(StrategyArticle article)
    {
        Strategy strategy = article.Strategy;
        StrategyDefinition message = new()
        {
            Id = strategy.Id,
            Name = strategy.Name,
            Owner = strategy.Owner,
            Articulation = ArticulationOf(strategy.Articulation),
            BusinessCase = strategy.BusinessCase,
        };
        message.SegmentIds.AddRange(strategy.Segments.Select(s => (uint)s));
        message.Tiers.AddRange(strategy.Tiers.Select(Messages.Of));
        message.MissingElements.AddRange(strategy.MissingElements);
        message.Treatments.Add(strategy.Treatments);
        message.DecisionRights.AddRange(article.DecisionRights.Select(right => Of(right.Key, right.Value)));
        message.Incentives.Add(strategy.Incentives);
        message.Targets.AddRange(article.Targets.Select(Of));
        foreach ((string what, Readiness readiness) in strategy.Readiness)
        {
            message.Readiness.Add(what, readiness switch
            {
                Readiness.NotStarted => Protocol.V1.Readiness.NotStarted,
                Readiness.InProgress => Protocol.V1.Readiness.InProgress,
                Readiness.InPlace => Protocol.V1.Readiness.InPlace,
                _ => throw new InvalidOperationException($"no message for {readiness}"),
            });
        }
        return message;
    }

    /// <summary>What customers of a segment need, heaviest first.</summary>
    public static SegmentNeeds Of(Needs needs, NeedWeights weights)
    {
        SegmentNeeds message = new()
        {
            Provenance = Messages.Of(weights.Provenance),
            Source = weights.Source ?? "",
            SampleSize = (uint)weights.SampleSize,
        };
        message.Words.AddRange(weights.Words);
        foreach (Need need in needs.All.OrderByDescending(n => weights.Weights.GetValueOrDefault(n.Id)))
        {
            Protocol.V1.NeedWeight weight = new() { NeedId = need.Id, Name = need.Name, Weight = weights.Weights.GetValueOrDefault(need.Id) };
            if (weights.HalfWidths.TryGetValue(need.Id, out double halfWidth))
            {
                weight.HalfWidth = halfWidth;
            }
            message.Weights.Add(weight);
        }
        return message;
    }

    /// <summary>A proposition as the catalogue states it.</summary>
    public static PropositionDefinition Of(Proposition proposition)
    {
        PropositionDefinition message = new()
        {
            Id = proposition.Id,
            Name = proposition.Name,
            Kind = Of(proposition.Kind),
            Lever = Of(proposition.Lever),
            ValueArea = proposition.ValueArea,
            Category = proposition.Category,
            Group = proposition.Group,
            Differentiated = proposition.Differentiated,
            NeedsAcceptance = proposition.NeedsAcceptance,
            ValidFrom = Of(proposition.ValidFrom),
            ValidUntil = Of(proposition.ValidUntil),
            MaturityDays = (uint)proposition.MaturityDays,
            PriorPropensity = proposition.PriorPropensity,
            Provenance = Messages.Of(proposition.Provenance),
            Eligibility = Of(proposition.Eligibility),
            Applicability = Of(proposition.Applicability),
            Suitability = Of(proposition.Suitability),
        };
        message.Wording.Add(proposition.Wording);
        message.Channels.AddRange(proposition.Channels);
        message.Benefits.Add(proposition.Benefits);
        message.Sacrifices.Add(proposition.Sacrifices);
        if (proposition.Budget is { } budget)
        {
            message.Budget = budget;
        }
        if (proposition.Volume is { } volume)
        {
            message.Volume = volume;
        }
        return message;
    }

    /// <summary>The kind of a proposition.</summary>
    public static Protocol.V1.PropositionKind Of(Core.Propositions.PropositionKind kind) => kind switch
    {
        Core.Propositions.PropositionKind.Commercial => Protocol.V1.PropositionKind.Commercial,
        Core.Propositions.PropositionKind.Service => Protocol.V1.PropositionKind.Service,
        Core.Propositions.PropositionKind.Mandatory => Protocol.V1.PropositionKind.Mandatory,
        _ => throw new InvalidOperationException($"no message for {kind}"),
    };

    private static Articulation ArticulationOf(ImmutableSortedDictionary<string, string> elements) => new()
    {
        IsAndIsNot = elements.GetValueOrDefault("is_and_is_not", ""),
        DifferenceFromToday = elements.GetValueOrDefault("difference_from_today", ""),
        SegmentsAddressed = elements.GetValueOrDefault("segments_addressed", ""),
        PathToValue = elements.GetValueOrDefault("path_to_value", ""),
        Capabilities = elements.GetValueOrDefault("capabilities", ""),
        Timeframe = elements.GetValueOrDefault("timeframe", ""),
        ChangedExpectations = elements.GetValueOrDefault("changed_expectations", ""),
    };

    private static RoleRight Of(string role, DecisionRight right)
    {
        RoleRight message = new() { Role = role };
        if (double.IsFinite(right.MaximumConcession))
        {
            message.MaxConcession = right.MaximumConcession;
        }
        message.PropositionIds.AddRange(right.Propositions);
        return message;
    }

    private static Protocol.V1.PlanTarget Of(PlanTarget target) => new()
    {
        Id = target.Id,
        Metric = target.Metric,
        Baseline = target.Baseline,
        Target = target.Target,
        By = Of(target.By),
        Dated = Of(target.Dated),
        Lever = Of(target.Lever),
        Owner = target.Owner,
    };

    private static string Of(Rule? rule) => rule is null ? "" : RuleText.Sentence(rule);

    private static string Of(DateOnly? day) => day is { } d ? d.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : "";

    private static Protocol.V1.Lever Of(Core.Propositions.Lever lever) => lever switch
    {
        Core.Propositions.Lever.Acquire => Protocol.V1.Lever.Acquire,
        Core.Propositions.Lever.Retain => Protocol.V1.Lever.Retain,
        Core.Propositions.Lever.CrossSell => Protocol.V1.Lever.CrossSell,
        Core.Propositions.Lever.UpSell => Protocol.V1.Lever.UpSell,
        Core.Propositions.Lever.Price => Protocol.V1.Lever.Price,
        Core.Propositions.Lever.CostToServe => Protocol.V1.Lever.CostToServe,
        Core.Propositions.Lever.RiskCost => Protocol.V1.Lever.RiskCost,
        _ => throw new InvalidOperationException($"no message for {lever}"),
    };
}
