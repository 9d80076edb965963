using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// What could be read of a workspace's files, however much is wrong with them: every check goes as far as it can. Null is
/// a file of which nothing may be concluded.
/// </summary>
internal sealed record WorkspaceParts(WorkspaceSource Source, WorkspaceSchema? Schema, Policy? Policy, Needs? Needs,
    ImmutableArray<Proposition>? Propositions, ImmutableArray<Strategy>? Strategies, Plan? Plan)
{
    /// <summary>The files in the order in which problems are told.</summary>
    public static ImmutableArray<string> Files { get; } =
        [WorkspaceSchema.FileName, Policy.FileName, Needs.FileName, Catalogue.FileName, Strategy.FileName, Plan.FileName];

    /// <summary>Reads every file; each one may name what others define.</summary>
    public static WorkspaceParts Read(WorkspaceSource source, List<WorkspaceProblem> problems)
    {
        List<WorkspaceProblem> found = [];
        WorkspaceSchema? schema = WorkspaceSchema.Load(source, found);
        Needs? needs = Needs.Load(source, found);
        ImmutableArray<Proposition>? propositions = Catalogue.Load(source, schema?.Features, needs, found);
        Policy? policy = PolicyFile.Load(source, schema?.Features, propositions, found);
        Plan? plan = PlanFile.Load(source, found);
        ImmutableArray<Strategy>? strategies = StrategyFile.Load(source, policy, propositions, plan, found);
        problems.AddRange(InFileOrder(found));
        return new WorkspaceParts(source, schema, policy, needs, propositions, strategies, plan);
    }

    /// <summary>Problems by file; within a file as they were found.</summary>
    public static IEnumerable<WorkspaceProblem> InFileOrder(IEnumerable<WorkspaceProblem> problems)
        => problems.OrderBy(p => Files.IndexOf(Path.GetFileName(p.File)));

    /// <summary>The channels that there are: those of the schema's feature; null without one, for then every name is a channel.</summary>
    public static ImmutableArray<string>? ChannelsOf(FeatureSchema? schema)
        => schema?.IndexOf(ValueModel.ChannelFeature) is >= 0 and int channel && schema.Features[channel].Kind == FeatureKind.Categorical
            ? schema.Features[channel].Categories : null;
}
