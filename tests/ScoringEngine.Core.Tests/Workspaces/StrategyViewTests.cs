using ScoringEngine.Core.Models;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class StrategyViewTests
{
    [Fact]
    public void Of_SegmentAndTier_GathersWhatTheWorkspaceSays()
    {
        using TemporaryFolder folder = new();
        Workspace workspace = StrategySample.Load(folder);
        StrategyView view = StrategyView.Of(workspace, null, 2, Tier.ValueCreator, StrategySample.Day);
        StrategyArticle article = Assert.Single(view.Strategies);
        Assert.Equal("keep", article.Strategy.Id);
        Assert.Equal(["churn"], article.Targets.Select(t => t.Id));
        Assert.Equal([("agent", 15), ("supervisor", double.PositiveInfinity)], article.DecisionRights.Select(r => (r.Key, r.Value.MaximumConcession)));
        Assert.Equal(41, view.Needs.SampleSize);
        Assert.Null(view.Segment);
        // 0.7 * 0.8; 0.3 * 0.1 + 0.7 * 0.1; 0.7 * 0.3 - 0.3 * 0.2
        Assert.Equal([("adviser", 0.56), ("self_service", 0.1), ("upgrade", 0.15)], view.Propositions.Select(p => (p.Proposition.Id, Math.Round(p.CustomerValue, 12))));
        Assert.All(view.Propositions, p => Assert.Null(p.Unreachable));
        Assert.Equal(["keep", "serve"], StrategyView.Of(workspace, null, 1, null, StrategySample.Day).Strategies.Select(s => s.Strategy.Id));
    }

    [Fact]
    public void Of_RulesOnSegmentAndTier_SayWhoCannotGetIt()
    {
        using TemporaryFolder folder = new();
        StrategySample.Write(folder, "propositions.yaml", "eligibility: plan != premium", "eligibility: [\"segment in [2, 3]\", tier = value_creator]");
        Workspace workspace = Workspace.Load(folder.Path);
        Assert.Equal("its rules exclude every customer", Upgrade(1, null));
        Assert.Equal("its rules exclude every customer", Upgrade(2, Tier.Marginal));
        Assert.Null(Upgrade(2, null));
        Assert.Null(Upgrade(3, Tier.ValueCreator));

        string? Upgrade(int segment, Tier? tier)
            => StrategyView.Of(workspace, null, segment, tier, StrategySample.Day).Propositions.Single(p => p.Proposition.Id == "upgrade").Unreachable;
    }

    [Fact]
    public void Of_Version_NamesTheSegment()
    {
        using ToyWorkspace toy = new();
        ModelSet models = toy.Train(toy.Customers(ToyWorkspace.CustomerRows(300))).Models;
        StrategyView view = StrategyView.Of(toy.Workspace, models, 2, null, StrategySample.Day);
        Assert.Equal(models.Segments.Segments[1], view.Segment);
    }
}
