using ScoringEngine.Core.Models;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class StrategyCheckTests
{
    private const string Cap = "    - {scope: customer, most: 3, window: 7d}\n";

    private static string[] Check(string file, string text, string replacement, DateOnly? asOf = null)
    {
        using TemporaryFolder folder = new();
        StrategySample.Write(folder, file, text, replacement);
        return [.. StrategyCheck.Check(folder.Path, asOf ?? StrategySample.Day)
            .Select(p => p.ToString().Replace(folder.Path + Path.DirectorySeparatorChar, "", StringComparison.Ordinal))];
    }

    [Fact]
    public void Check_CompleteWorkspace_FindsNothing() => Assert.Empty(Check("", "", ""));

    [Theory]
    [InlineData("most: 3, window: 7d", "most: 0, window: 7d", "policy.yaml:7: contact_policy.caps[0].most: 0 forbids every contact, expected at least 1 (propositions say in which channels they are offered)")]
    [InlineData(Cap, Cap + "    - {scope: customer, most: 2, window: 7d}\n", "policy.yaml:7: contact_policy.caps[0]: at most 3 in 7d contradicts contact_policy.caps[1], which never lets it come to that: at most 2 in 7d")]
    [InlineData(Cap, Cap + "    - {scope: customer, most: 3, window: 7d}\n", "policy.yaml:8: contact_policy.caps[1]: at most 3 in 7d contradicts contact_policy.caps[0], which never lets it come to that: at most 3 in 7d")]
    [InlineData(Cap, Cap + "    - {scope: customer, most: 15, window: 30d}\n", "policy.yaml:8: contact_policy.caps[1]: at most 15 in 30d contradicts contact_policy.caps[0], which never lets it come to that: at most 3 in 7d")]
    [InlineData(Cap, Cap + "    - {scope: group, group: upsell, channels: [web], most: 4, window: 7d}\n", "policy.yaml:8: contact_policy.caps[1]: at most 4 in 7d of group 'upsell' in web contradicts contact_policy.caps[0], which never lets it come to that: at most 3 in 7d")]
    [InlineData("tier: marginal", "tier: sustainer", "policy.yaml:14: warning: gate.evidence[0]: the gate is open for sustainer anyway")]
    [InlineData("proposition: adviser", "proposition: upgrade", "policy.yaml:14: warning: gate.evidence[0]: 'upgrade' is not differentiated and needs none")]
    [InlineData("until: 2026-12-31", "until: 2026-10-31", "policy.yaml:15: warning: gate.test: over since 2026-10-31")]
    [InlineData("standard_treatment: self_service", "standard_treatment: adviser", "policy.yaml:16: hold_out.standard_treatment: 'adviser' is differentiated, expected a standard proposition")]
    [InlineData("roles:\n  agent: {max_concession: 10}\n  supervisor: {max_concession: any}", "on_log_failure: refuse\nroles:\n  agent: {max_concession: 10}\n  supervisor: {max_concession: 11}", null)]
    [InlineData(", standard_treatment: self_service}", "}\non_log_failure: standard_treatment", "policy.yaml:17: warning: on_log_failure: standard_treatment, but hold_out names none: nothing is offered then")]
    public void Check_Policy_SaysWhatAndWhere(string text, string replacement, string? problem)
        => Assert.Equal(problem is null ? [] : [problem], Check("policy.yaml", text, replacement));

    [Fact]
    public void Check_CapsThatOnlySeemToContradict_AreFine()
        => Assert.Empty(Check("policy.yaml", Cap, Cap + "    - {scope: customer, most: 8, window: 30d}\n    - {scope: customer, channels: [web], most: 1, window: 1d}\n"
            + "    - {scope: group, most: 2, window: 7d}\n"));

    [Fact]
    public void Check_GateWithoutADoor_IsAWarning()
        => Assert.Equal(["policy.yaml:12: warning: gate: differentiated propositions (adviser) have no door to value_destroyer and marginal customers: no potential_threshold, no evidence, no test"],
            Check("policy.yaml", """
                  potential_threshold: 200
                  evidence:
                    - {proposition: adviser, tier: marginal, lower_bound: 1.5, source: spring test}
                  test: {share: 0.1, salt: 3, from: 2026-10-01, until: 2026-12-31, budget: 900}
                """.Replace("\r", "", StringComparison.Ordinal), "  evidence: []"));

    [Theory]
    [InlineData("price: 0.6, service: 0.4", "price: 0.5, service: 0.4", "needs.yaml:6: warning: default: the weights sum to 0.9, expected 1: perceived value is understated")]
    [InlineData("price: 0.3, service: 0.7", "price: 0", "needs.yaml:12: incomplete: segments[0]: no need has a weight, so customers are taken to perceive no value")]
    public void Check_NeedsThatDoNotSum_SaysWhatAndWhere(string text, string replacement, string problem)
        => Assert.Equal([problem], Check("needs.yaml", text, replacement));

    [Theory]
    [InlineData("tenure >= 12", "tenure > 480", "22: proposition 'adviser': no customer can get it: 'tenure > 480' is never true")]
    [InlineData("- tenure >= 12", "- tenure < 3\n        - tenure > 5", "22: proposition 'adviser': no customer can get it: 'tenure < 3' and 'tenure > 5' are never true together")]
    [InlineData("- tenure >= 12", "- tenure >= 12\n        - {none: [tenure >= 6, app = true]}", "22: proposition 'adviser': no customer can get it: 'tenure >= 12' and 'none of (tenure >= 6; app = true)' are never true together")]
    [InlineData("- app = false", "- app = true", null)]
    [InlineData("- app is missing", "- app is missing\n          - plan = basic", null)]
    [InlineData("channels: [phone]", "channels: [phone]\n    budget: 13", "26: warning: proposition 'adviser': no customer can get it: the budget of 13 does not cover one offer (14)")]
    [InlineData("volume: 2000", "volume: 0", "62: warning: proposition 'upgrade': no customer can get it: the volume is 0")]
    [InlineData("valid_until: 2027-06-30", "valid_until: 2026-10-31", "60: warning: proposition 'upgrade': no customer can get it: expired on 2026-10-31")]
    [InlineData("minimum_customer_value: -0.1", "minimum_customer_value: 0.2", "63: warning: proposition 'upgrade': no customer can get it: customers of no segment perceive more than 0.15 in it, minimum_customer_value is 0.2")]
    [InlineData("margin: 40", "margin: -40", "53: warning: proposition 'upgrade': brings the organisation nothing: neither margin nor saving can be above 0")]
    [InlineData("{most: 1, window: 90d}", "{most: 0, window: 90d}", "32: proposition 'adviser': caps[0].most: 0 forbids every contact, expected at least 1 (propositions say in which channels they are offered)")]
    [InlineData("- {most: 1, window: 90d}", "- {most: 1, window: 90d}\n      - {most: 1, window: 60d}", "33: proposition 'adviser': caps[1]: at most 1 in 60d of a proposition contradicts proposition 'adviser': caps[0], which never lets it come to that: at most 1 in 90d of a proposition")]
    [InlineData("{most: 1, window: 90d}", "{most: 3, window: 7d}", "32: warning: proposition 'adviser': caps[0], at most 3 in 7d of a proposition, never binds: policy.yaml allows at most 3 in 7d")]
    public void Check_Catalogue_SaysWhatAndWhere(string text, string replacement, string? problem)
    {
        string[] problems = Check("propositions.yaml", text, replacement);
        Assert.Equal(problem is null ? [] : [problem[(problem.IndexOf(':', StringComparison.Ordinal) + 2)..]],
            problems.Select(p => p[(p.IndexOf(": ", StringComparison.Ordinal) + 2)..]));
    }

    [Fact]
    public void Check_RuleThatIsNeverTrue_IsAtItsRule()
        => Assert.StartsWith("propositions.yaml:18: ", Assert.Single(Check("propositions.yaml", "tenure >= 12", "tenure > 480")));

    [Fact]
    public void Check_ConcessionThatNoRoleMayGrant_IsAWarning()
    {
        using TemporaryFolder folder = new();
        StrategySample.Write(folder, "policy.yaml", "supervisor: {max_concession: any}", "supervisor: {max_concession: 4}");
        folder.Write("strategies.yaml", StrategySample.Files["strategies.yaml"].Replace("decision_rights: {agent: {max_concession: 15, propositions: [adviser]}}", "decision_rights: {}", StringComparison.Ordinal));
        Assert.Equal(["proposition 'adviser': no role may grant its concession of 12, so it always needs an approval that nobody can give"],
            StrategyCheck.Check(folder.Path, StrategySample.Day).Select(p => p.Message));
    }

    [Theory]
    [InlineData("tiers: [value_destroyer, marginal]", "tiers: [marginal]", "strategies.yaml:2: no strategy for any segment, tiers value_destroyer")]
    [InlineData("tiers: [value_destroyer, marginal]", "tiers: [value_destroyer, marginal, sustainer]", "strategies.yaml:23: strategies 'keep' and 'serve' both address any segment, tiers sustainer")]
    [InlineData("tiers: [value_destroyer, marginal]", "tiers: all", "strategies.yaml:23: strategies 'keep' and 'serve' both address any segment, tiers sustainer, value_creator")]
    [InlineData("business_case: Three points fewer leave.", "business_case: ''", "strategies.yaml:2: incomplete: strategy 'keep': no business case with targets of plan.yaml")]
    [InlineData("timeframe: Two quarters.", "timeframe: ''", "strategies.yaml: incomplete: strategy 'keep' lacks timeframe")]
    public void Check_Strategies_SaysWhatAndWhere(string text, string replacement, string problem)
        => Assert.Equal([problem], Check("strategies.yaml", text, replacement));

    [Fact]
    public void Check_NoStrategy_IsAnErrorAndIncomplete()
        => Assert.Equal(["strategies.yaml: incomplete: no strategy", "strategies.yaml:1: no strategy for any segment"],
            Check("strategies.yaml", StrategySample.Files["strategies.yaml"], "strategies: []").Where(p => p.StartsWith("strategies", StringComparison.Ordinal)));

    [Fact]
    public void Check_SegmentsOfAVersion_NamesGapsOverlapsAndStrangers()
    {
        using ToyWorkspace toy = new();
        ModelSet models = toy.Train(toy.Customers(ToyWorkspace.CustomerRows(300))).Models;
        Assert.Equal([1, 2, 3], models.Segments.Segments.Select(s => s.Id));
        using TemporaryFolder folder = new();
        StrategySample.Write(folder, "strategies.yaml", "segments: all\n    tiers: [value_destroyer, marginal]", "segments: [1, 2, 7]\n    tiers: [value_destroyer, marginal, sustainer]");
        string[] problems = [.. StrategyCheck.Check(WorkspaceSource.Open(folder.Path), StrategySample.Day, models).Select(p => $"{p.Severity} {p.Line} {p.Message}")];
        Assert.Equal(
            [
                "Error 2 no strategy for segment 3, tiers value_destroyer, marginal",
                "Error 23 strategies 'keep' and 'serve' both address segments 1, 2, tiers sustainer",
                "Warning 23 strategy 'serve': version 0 has no segment 7",
            ], problems.Select(p => p.Replace($"version {models.Manifest.Version}", "version 0", StringComparison.Ordinal)));

        WorkspaceException refused = Assert.Throws<WorkspaceException>(() => StrategyCheck.Require(Workspace.Load(folder.Path), models, StrategySample.Day));
        Assert.Equal(2, refused.Problems.Count);
        using TemporaryFolder whole = new();
        StrategySample.Write(whole);
        StrategyCheck.Require(StrategyCheck.Load(whole.Path, StrategySample.Day), models, StrategySample.Day);
    }

    [Fact]
    public void Check_TargetsThatAreOver_AreWarningsAndExpireTheirStrategy()
        => Assert.Equal(
            [
                "propositions.yaml:49: warning: proposition 'upgrade': no customer can get it: expired on 2027-06-30",
                "strategies.yaml:33: warning: strategy 'serve': expired: its last target was due on 2027-06-30",
                "plan.yaml:3: warning: target 'calls' was due on 2027-06-30",
            ], Check("policy.yaml", "until: 2026-12-31", "until: 2028-12-31", new DateOnly(2027, 7, 1)));

    [Fact]
    public void Check_EverythingExpired_LeavesStrategiesEmpty()
    {
        string[] problems = Check("propositions.yaml", "category: ", "valid_until: 2026-10-01\n    category: ", new DateOnly(2027, 7, 1));
        Assert.Contains("strategies.yaml:2: strategy 'keep': has nothing to offer: every proposition has expired or excludes its customers", problems);
        Assert.Contains("strategies.yaml:20: strategy 'serve': has nothing to offer: every proposition has expired or excludes its customers", problems);
    }

    [Fact]
    public void Check_StrategyWhoseCustomersAllRulesExclude_HasNothingToOffer()
    {
        using TemporaryFolder folder = new();
        StrategySample.Write(folder);
        folder.Write("propositions.yaml", "propositions:\n  - {id: adviser, differentiated: true, rules: {eligibility: tier = value_creator}, economics: {margin: 1}}\n"
            + "  - {id: self_service, rules: {eligibility: \"tier in [sustainer, value_creator]\"}, group: upsell, economics: {saving: 1}}\n");
        Assert.Equal(["strategy 'serve': has nothing to offer: every proposition has expired or excludes its customers"],
            StrategyCheck.Check(folder.Path, StrategySample.Day).Where(p => p.Severity == Severity.Error).Select(p => p.Message));
    }

    [Fact]
    public void Check_TargetOfNoStrategy_IsIncomplete()
        => Assert.Equal(["strategies.yaml:20: incomplete: strategy 'serve': no business case with targets of plan.yaml", "plan.yaml:3: incomplete: target 'calls' is promised by no strategy"],
            Check("strategies.yaml", "    targets: [calls]\n", ""));

    /// <summary>Everything that a person may get wrong at once is told at once.</summary>
    [Fact]
    public void Check_ErrorsOfEveryKind_AreAllTold()
    {
        using TemporaryFolder folder = new();
        StrategySample.Write(folder, "policy.yaml", "most: 2, window: 30d", "most: 0, window: 30d");
        folder.Write("needs.yaml", "needs: [{id: price}, {id: service}]\ndefault: {weights: {price: 0.9, service: 0.9}}\n");
        folder.Write("propositions.yaml", StrategySample.Files["propositions.yaml"]
            .Replace("plan != premium", "pln != premium", StringComparison.Ordinal)
            .Replace("plan in [plus, premium]", "plan in [plus, platinum]", StringComparison.Ordinal)
            .Replace("fulfilment: 5", "fulfilment: -5", StringComparison.Ordinal) + "\n  - id: upgrade\n");
        folder.Write("strategies.yaml", StrategySample.Files["strategies.yaml"].Replace("decision_rights: {agent:", "decision_rights: {agnt:", StringComparison.Ordinal));
        string[] errors = [.. StrategyCheck.Check(folder.Path, new DateOnly(2028, 1, 1)).Where(p => p.Severity == Severity.Error).Select(p => p.Message)];
        Assert.Equal(
            [
                "contact_policy.caps[1].most: 0 forbids every contact, expected at least 1 (propositions say in which channels they are offered)",
                "default.weights: the weights sum to 1.8, expected 1 or less",
                "'platinum'",
                "propositions[2].economics.fulfilment: -5, expected at least 0",
                "no feature 'pln' (did you mean 'plan'?)",
                "propositions[3].id: 'upgrade' is used twice",
                "strategies[0].decision_rights.agnt: no role 'agnt' (did you mean 'agent'?)",
            ], errors.Select(e => e.Contains("'platinum'", StringComparison.Ordinal) ? "'platinum'" : e[(e.IndexOf("no feature", StringComparison.Ordinal) is > 0 and int at ? at : 0)..]));
        Assert.Contains(StrategyCheck.Check(folder.Path, new DateOnly(2028, 1, 1)), p => p.Message.StartsWith("strategy 'keep': expired", StringComparison.Ordinal));
        WorkspaceException refused = Assert.Throws<WorkspaceException>(() => StrategyCheck.Load(folder.Path, new DateOnly(2028, 1, 1)));
        Assert.Equal(errors, refused.Problems.Select(p => p.Message));
    }
}
