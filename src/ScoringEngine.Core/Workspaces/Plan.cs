using System.Collections.Immutable;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Workspaces;

/// <summary>A promise of the value-capture plan: real, measurable, time-bound.</summary>
public sealed record PlanTarget
{
    /// <summary>Id in files and answers.</summary>
    public required string Id { get; init; }

    /// <summary>What is measured, in words or as a name such as <c>incremental_value</c>.</summary>
    public required string Metric { get; init; }

    /// <summary>Where it stood when the plan was made.</summary>
    public double Baseline { get; init; }

    /// <summary>Where it shall stand.</summary>
    public double Target { get; init; }

    /// <summary>By when.</summary>
    public DateOnly By { get; init; }

    /// <summary>When it was promised: before the launch.</summary>
    public DateOnly Dated { get; init; }

    /// <summary>What is pulled.</summary>
    public Lever Lever { get; init; }

    /// <summary>Who answers for it.</summary>
    public string Owner { get; init; } = "";
}

/// <summary>What <c>plan.yaml</c> says; without the file there are no targets.</summary>
/// <param name="Targets">In file order.</param>
public sealed record Plan(ImmutableArray<PlanTarget> Targets)
{
    /// <summary>Name of the file in a workspace.</summary>
    public const string FileName = "plan.yaml";

    /// <summary>A plan without targets.</summary>
    public static Plan None { get; } = new([]);
}
