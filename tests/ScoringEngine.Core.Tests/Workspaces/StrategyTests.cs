using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class StrategyTests
{
    private const string Header = "strategies:\n  - id: keep\n";

    [Fact]
    public void Load_EveryKey_IsReadAndWhatIsNotWrittenIsMissing()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("strategies.yaml", Header + """
                name: Keep the best
                owner: Ada
                segments: [3, 1]
                is_and_is_not: "not: a campaign"
                timeframe: "  "
                capabilities: ""
            """));
        Strategy strategy = Assert.Single(Workspace.Load(folder.Path).Strategies);
        Assert.Equal(("keep", "Keep the best", "Ada"), (strategy.Id, strategy.Name, strategy.Owner));
        Assert.Equal([3, 1], strategy.Segments);
        Assert.Equal("not: a campaign", strategy.Articulation["is_and_is_not"]);
        Assert.Equal(["difference_from_today", "segments_addressed", "path_to_value", "capabilities", "timeframe", "changed_expectations"],
            strategy.MissingElements);
    }

    private const string Policy = "currency: EUR\nroles:\n  agent: {max_concession: 5}\n";

    private const string Plan = "targets:\n  - {id: churn, metric: churn rate, target: 0.1, by: 2026-12-31, dated: 2026-01-01}\n";

    [Fact]
    public void StrategiesText_EveryKey_ReadsBackEqual()
    {
        Strategy strategy = new()
        {
            Id = "keep",
            Name = "Keep: the best",
            Segments = [2],
            Tiers = [Tier.ValueCreator, Tier.Marginal],
            BusinessCase = "Fewer leave.",
            Targets = ["churn"],
            Treatments = ImmutableSortedDictionary<string, string>.Empty.Add("service_level", "answered in 20 s"),
            DecisionRights = ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new DecisionRight(40, ["discount"])),
            Incentives = ImmutableSortedDictionary<string, string>.Empty.Add("agent", "value for both sides"),
            Readiness = ImmutableSortedDictionary<string, Readiness>.Empty.Add("process", Readiness.InPlace).Add("technology", Readiness.InProgress),
        };
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("policy.yaml", Policy), ("plan.yaml", Plan), ("strategies.yaml", WorkspaceWriter.StrategiesText([strategy])));
        Strategy read = Assert.Single(Workspace.Load(folder.Path).Strategies);
        Assert.Equal(WorkspaceWriter.StrategiesText([strategy]), WorkspaceWriter.StrategiesText([read]));
        Assert.Equivalent(strategy, read, strict: true);
    }

    [Theory]
    [InlineData("tiers: [value_creator, value_craetor]", "tiers: 'value_craetor', expected one of value_destroyer, marginal, sustainer, value_creator (did you mean 'value_creator'?)")]
    [InlineData("tiers: [sustainer, sustainer]", "tiers: 'sustainer' comes twice")]
    [InlineData("targets: [chrun]", "targets: no target 'chrun' (did you mean 'churn'?)")]
    [InlineData("decision_rights: {agnet: {max_concession: 5}}", "decision_rights.agnet: no role 'agnet' (did you mean 'agent'?)")]
    [InlineData("decision_rights: {agent: {propositions: [discuont]}}", "decision_rights.agent.propositions: no proposition 'discuont' (did you mean 'discount'?)")]
    [InlineData("incentives: {boss: more}", "incentives.boss: no role 'boss'")]
    [InlineData("readiness: {process: done}", "readiness.process: 'done', expected one of not_started, in_progress, in_place")]
    public void Load_WrongReference_SaysWhatAndWhere(string line, string problem)
        => Assert.Equal(["strategies.yaml:4: strategies[0]." + problem],
            WorkspaceFiles.Problems(("policy.yaml", Policy), ("plan.yaml", Plan), ("strategies.yaml", Header + $"    segments: all\n    {line}\n")));

    [Fact]
    public void Load_UnknownReadiness_IsAnUnknownKey()
        => Assert.Equal(["strategies.yaml:4: unknown key 'strategies[0].readiness.people'"],
            WorkspaceFiles.Problems(("strategies.yaml", Header + "    segments: all\n    readiness: {people: in_place}\n")));

    [Theory]
    [InlineData(Header, "2: strategies[0].segments: missing, expected all or a list of segment ids")]
    [InlineData(Header + "    segments: []\n", "3: strategies[0].segments: missing, expected all or a list of segment ids")]
    [InlineData(Header + "    segments: some\n", "3: strategies[0].segments: 'some', expected all or segment ids (whole numbers from 1)")]
    [InlineData(Header + "    segments: [1, all]\n", "3: strategies[0].segments: 'all', expected all or segment ids (whole numbers from 1)")]
    [InlineData(Header + "    segments: [0, 1.5]\n", "3: strategies[0].segments: '0', expected all or segment ids (whole numbers from 1)|3: strategies[0].segments: '1.5', expected all or segment ids (whole numbers from 1)")]
    [InlineData(Header + "    segments: [2, 2]\n", "3: strategies[0].segments: '2' comes twice")]
    [InlineData(Header + "    segments: all\n  - id: keep\n    segments: all\n", "4: strategies[1].id: 'keep' is used twice")]
    [InlineData("strategies:\n  - segments: all\n  - segments: all\n", "2: strategies[0].id: missing, expected text|3: strategies[1].id: missing, expected text")]
    [InlineData(Header + "    segments: all\n    time_frame: soon\n", "4: unknown key 'strategies[0].time_frame' (did you mean 'timeframe'?)")]
    [InlineData(Header + "    segments: all\n    timeframe: [soon]\n", "4: strategies[0].timeframe: expected text")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problems)
        => Assert.Equal(problems.Split('|').Select(p => "strategies.yaml:" + p), WorkspaceFiles.Problems(("strategies.yaml", text)));
}
