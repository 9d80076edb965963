using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>How ready something is for a strategy.</summary>
public enum Readiness
{
    /// <summary>Nothing was done.</summary>
    NotStarted,

    /// <summary>Work goes on.</summary>
    InProgress,

    /// <summary>In place.</summary>
    InPlace,
}

/// <summary>A segment strategy as <c>strategies.yaml</c> articulates it.</summary>
public sealed record Strategy
{
    /// <summary>Name of the file in a workspace.</summary>
    public const string FileName = "strategies.yaml";

    /// <summary>The seven elements without which a strategy is incomplete, as keys in the file.</summary>
    public static ImmutableArray<string> Elements { get; } =
    [
        "is_and_is_not",
        "difference_from_today",
        "segments_addressed",
        "path_to_value",
        "capabilities",
        "timeframe",
        "changed_expectations",
    ];

    /// <summary>Id in files and answers.</summary>
    public required string Id { get; init; }

    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary>Who answers for it; empty when nobody does yet.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Segment ids it addresses; empty for all.</summary>
    public ImmutableArray<int> Segments { get; init; } = [];

    /// <summary>Text of each element that is written, by the key in <see cref="Elements"/>.</summary>
    public ImmutableSortedDictionary<string, string> Articulation { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Tiers it addresses; empty for all.</summary>
    public ImmutableArray<Tier> Tiers { get; init; } = [];

    /// <summary>Treatments in words by name, such as service_level, pricing_posture and promotions.</summary>
    public ImmutableSortedDictionary<string, string> Treatments { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>What each role may grant to these customers; a role that is not named has what the policy says.</summary>
    public ImmutableSortedDictionary<string, DecisionRight> DecisionRights { get; init; } = ImmutableSortedDictionary<string, DecisionRight>.Empty;

    /// <summary>What each role is rewarded for, in words.</summary>
    public ImmutableSortedDictionary<string, string> Incentives { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The business case in words; empty when there is none.</summary>
    public string BusinessCase { get; init; } = "";

    /// <summary>Ids of the targets of plan.yaml that the business case promises.</summary>
    public ImmutableArray<string> Targets { get; init; } = [];

    /// <summary>How ready organisation, process and technology are.</summary>
    public ImmutableSortedDictionary<string, Readiness> Readiness { get; init; } = ImmutableSortedDictionary<string, Readiness>.Empty;

    /// <summary>Whether it addresses the customers of a segment and tier.</summary>
    public bool Addresses(int segmentId, Tier tier)
        => (Segments.IsEmpty || Segments.Contains(segmentId)) && (Tiers.IsEmpty || Tiers.Contains(tier));

    /// <summary>What is not articulated yet: elements by key, and "owner". Empty when complete.</summary>
    public IEnumerable<string> MissingElements
        => Elements.Where(e => string.IsNullOrWhiteSpace(Articulation.GetValueOrDefault(e)))
            .Concat(string.IsNullOrWhiteSpace(Owner) ? ["owner"] : []);
}
