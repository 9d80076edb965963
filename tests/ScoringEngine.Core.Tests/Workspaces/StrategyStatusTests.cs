using ScoringEngine.Core.Models;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class StrategyStatusTests
{
    private static string[] Open(Workspace workspace, ModelSet? models, DateOnly? asOf = null)
        => [.. StrategyStatus.Of(workspace, models, asOf ?? StrategySample.Day).Steps
            .SelectMany(s => s.Items.Where(i => !i.InPlace).Select(i => $"{s.Name}/{i.What}: {i.Detail}"))];

    [Fact]
    public void Of_CompleteWorkspaceWithoutAVersion_LacksTheVersionOnly()
    {
        using TemporaryFolder folder = new();
        Workspace workspace = StrategySample.Load(folder);
        StrategyStatus status = StrategyStatus.Of(workspace, null, StrategySample.Day);
        Assert.Equal(["understand", "articulate", "design", "enable", "capture"], status.Steps.Select(s => s.Name));
        Assert.Equal([false, true, true, true, true], status.Steps.Select(s => s.InPlace));
        Assert.Equal(
            ["understand/segments: no version yet: scoring-engine train makes one", "understand/profitability: no version predicts it yet"],
            Open(workspace, null));
        Assert.Equal("segments", status.Next!.What);
    }

    [Fact]
    public void Of_MinimalWorkspace_TellsEveryStepWhatToDo()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder);
        Assert.Equal(
            [
                "understand/segments: no version yet: scoring-engine train makes one",
                "understand/profitability: schema.yaml has no target, so nobody knows who creates value",
                "understand/perceived value: needs are assumed: ask a representative sample of each segment",
                "articulate/seven elements: 'keep' lacks is_and_is_not, difference_from_today, segments_addressed, path_to_value, capabilities, timeframe, changed_expectations, owner",
                "design/organisation value: economics are assumed for discount: estimate or measure them",
                "design/customer value: no need is served by discount: say what customers gain",
                "enable/decision rights: policy.yaml names no role: every concession needs an approval",
                "enable/incentives: nobody is rewarded for keep",
                "enable/readiness: not ready: organisation for 'keep' (not started), process for 'keep' (not started), technology for 'keep' (not started)",
                "capture/plan: plan.yaml has no target: promise what is real, measurable and time-bound",
                "capture/business case: no target is promised by keep",
                "capture/hold-out: no control group: what would have happened anyway cannot be told from what was captured",
            ], Open(Workspace.Load(folder.Path), null));
    }

    [Fact]
    public void Of_Version_AsksForItsSegments()
    {
        using ToyWorkspace toy = new();
        ModelSet models = toy.Train(toy.Customers(ToyWorkspace.CustomerRows(300))).Models;
        string[] open = Open(toy.Workspace, models);
        Assert.Equal("understand/perceived value: needs are assumed for segment 1, 2, 3: ask a representative sample", open[0]);
    }

    [Fact]
    public void Of_PlanThatIsOver_IsNotInPlace()
    {
        using TemporaryFolder folder = new();
        Workspace workspace = StrategySample.Load(folder);
        Assert.Contains("capture/plan: every target of plan.yaml is past its date: revise the plan", Open(workspace, null, new DateOnly(2028, 1, 1)));
    }
}
