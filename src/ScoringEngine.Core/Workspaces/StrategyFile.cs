using System.Collections.Immutable;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Reads <c>strategies.yaml</c>.</summary>
internal static class StrategyFile
{
    /// <summary>What readiness is told of.</summary>
    public static ImmutableArray<string> ReadinessKeys { get; } = ["organisation", "process", "technology"];

    /// <summary>The strategies; roles, propositions and targets are checked where those files could be read.</summary>
    public static ImmutableArray<Strategy>? Load(WorkspaceSource source, Policy? policy, ImmutableArray<Proposition>? propositions, Plan? plan,
        List<WorkspaceProblem> problems)
    {
        YamlSection? file = YamlSection.Load(source, Strategy.FileName, problems);
        if (file is null)
        {
            return null;
        }
        List<Strategy> strategies = [];
        foreach (YamlSection section in file.Sections("strategies"))
        {
            string id = section.RequiredText("id");
            if (id.Length > 0 && strategies.Exists(s => s.Id == id))
            {
                section.Problem("id", $"'{id}' is used twice");
            }
            strategies.Add(new Strategy
            {
                Id = id,
                Name = section.Text("name") ?? id,
                Owner = section.Text("owner") ?? "",
                Segments = ReadSegments(section),
                Tiers = section.Choices<Tier>("tiers"),
                Articulation = Strategy.Elements.Where(e => !string.IsNullOrEmpty(section.Text(e)))
                    .ToImmutableSortedDictionary(e => e, e => section.Text(e)!, StringComparer.Ordinal),
                BusinessCase = section.Text("business_case") ?? "",
                Targets = section.Names("targets", "target", plan?.Targets.Select(t => t.Id)),
                Treatments = section.TextMap("treatments"),
                DecisionRights = PolicyFile.ReadRights(section, "decision_rights", policy?.Roles.Keys, propositions),
                Incentives = section.TextMap("incentives", "role", policy?.Roles.Keys),
                Readiness = ReadReadiness(section),
            });
            section.RejectUnknownKeys();
        }
        file.RejectUnknownKeys();
        return [.. strategies];
    }

    private static ImmutableArray<int> ReadSegments(YamlSection section)
    {
        IReadOnlyList<string> texts = section.Texts("segments");
        if (texts is ["all"])
        {
            return [];
        }
        if (texts.Count == 0)
        {
            section.Problem("segments", "missing, expected all or a list of segment ids");
        }
        List<int> ids = [];
        foreach (string text in texts)
        {
            if (!int.TryParse(text, out int id) || id <= 0)
            {
                section.Problem("segments", $"'{text}', expected all or segment ids (whole numbers from 1)");
            }
            else if (ids.Contains(id))
            {
                section.Problem("segments", $"'{text}' comes twice");
            }
            else
            {
                ids.Add(id);
            }
        }
        return [.. ids];
    }

    private static ImmutableSortedDictionary<string, Readiness> ReadReadiness(YamlSection section)
    {
        if (section.Section("readiness") is not { } readiness)
        {
            return ImmutableSortedDictionary<string, Readiness>.Empty;
        }
        ImmutableSortedDictionary<string, Readiness> all = ReadinessKeys.Where(readiness.Has)
            .ToImmutableSortedDictionary(k => k, k => readiness.Choice(k, Readiness.NotStarted), StringComparer.Ordinal);
        readiness.RejectUnknownKeys();
        return all;
    }
}
