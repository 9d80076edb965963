using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class PlanTests
{
    private const string Header = "targets:\n  - id: churn\n    metric: churn rate\n    target: 0.1\n    dated: 2026-01-01\n";

    [Fact]
    public void PlanText_EveryKey_ReadsBackEqual()
    {
        Plan plan = new(
        [
            new PlanTarget
            {
                Id = "churn", Metric = "churn: rate", Baseline = 0.2, Target = 0.1, By = new DateOnly(2026, 12, 31), Dated = new DateOnly(2026, 1, 1),
                Lever = Lever.Retain, Owner = "Ada",
            },
            new PlanTarget { Id = "calls", Metric = "calls", Target = -5, By = new DateOnly(2027, 1, 31), Dated = new DateOnly(2026, 2, 1), Lever = Lever.CostToServe },
        ]);
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("plan.yaml", WorkspaceWriter.PlanText(plan)));
        Assert.Equal(plan.Targets, Workspace.Load(folder.Path).Plan.Targets);
    }

    [Fact]
    public void Load_NoFile_HasNoTargets()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder);
        Assert.Empty(Workspace.Load(folder.Path).Plan.Targets);
    }

    [Theory]
    [InlineData(Header, "2: targets[0].by: missing, expected a day such as 2026-03-31")]
    [InlineData(Header + "    by: 2026-13-01\n", "6: targets[0].by: '2026-13-01', expected a day such as 2026-03-31")]
    [InlineData(Header + "    by: 2026-01-01\n", "6: targets[0].by: 2026-01-01, expected a day after dated (2026-01-01)")]
    [InlineData(Header + "    by: 2026-06-30\n    lever: luck\n", "7: targets[0].lever: 'luck', expected one of acquire, retain, cross_sell, up_sell, price, cost_to_serve, risk_cost")]
    [InlineData(Header + "    by: 2026-06-30\n    goal: 5\n", "7: unknown key 'targets[0].goal'")]
    [InlineData("targets:\n  - {id: a, metric: m, target: 1, dated: 2026-01-01, by: 2026-02-01}\n  - {id: a, metric: m, target: 1, dated: 2026-01-01, by: 2026-02-01}\n", "3: targets[1].id: 'a' is used twice")]
    [InlineData("targets:\n  - {id: a, dated: 2026-01-01, by: 2026-02-01}\n", "2: targets[0].metric: missing, expected text|2: targets[0].target: missing, expected a number")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problems)
        => Assert.Equal(problems.Split('|').Select(p => "plan.yaml:" + p), WorkspaceFiles.Problems(("plan.yaml", text)));
}
