using System.Collections.Immutable;
using Grpc.Core;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Services;
using static ScoringEngine.Server.Tests.DecidingWorkspace;
using static ScoringEngine.Server.Tests.ServerFixture;
using PlanTarget = ScoringEngine.Core.Workspaces.PlanTarget;
using Readiness = ScoringEngine.Core.Workspaces.Readiness;

namespace ScoringEngine.Server.Tests.Services;

public class StrategyServiceTests(TrainedWorkspace trained)
{
    [Fact]
    public async Task GetSegmentStrategy_ArticulatedOne_GivesAllOfIt()
    {
        Policy policy = new()
        {
            Roles = ImmutableSortedDictionary<string, DecisionRight>.Empty
                .Add("agent", new DecisionRight(5, [Best])).Add("supervisor", new DecisionRight(double.PositiveInfinity, [])),
        };
        string workspace = Create(trained, policy);
        WorkspaceWriter.Replace(Path.Combine(workspace, "strategies.yaml"), WorkspaceWriter.StrategiesText(
        [
            new Strategy
            {
                Id = "all", Name = "For all", Owner = "Ms Owner", BusinessCase = "pays", Targets = ["churn"],
                Articulation = Strategy.Elements.ToImmutableSortedDictionary(e => e, e => $"text of {e}", StringComparer.Ordinal),
                Treatments = ImmutableSortedDictionary<string, string>.Empty.Add("service_level", "fast"),
                DecisionRights = ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new DecisionRight(20, [])),
                Incentives = ImmutableSortedDictionary<string, string>.Empty.Add("agent", "kept customers"),
                Readiness = ImmutableSortedDictionary<string, Readiness>.Empty.Add("technology", Readiness.InPlace),
            },
        ]));
        WorkspaceWriter.Replace(Path.Combine(workspace, "plan.yaml"), WorkspaceWriter.PlanText(new Plan(
        [
            new PlanTarget { Id = "churn", Metric = "churn", Baseline = 20, Target = 15, By = new DateOnly(2027, 6, 30), Dated = new DateOnly(2026, 1, 1), Owner = "Mr Plan" },
        ])));
        await using ServerFixture server = new(trained);
        await server.StartAsync(workspace);

        GetSegmentStrategyResponse response = await server.Strategies.GetSegmentStrategyAsync(new GetSegmentStrategyRequest { SegmentId = 1, Tier = Tier.Sustainer });

        StrategyDefinition strategy = Assert.Single(response.Strategies);
        Assert.Equal(("all", "For all", "Ms Owner", "pays"), (strategy.Id, strategy.Name, strategy.Owner, strategy.BusinessCase));
        Assert.Equal(("text of is_and_is_not", "text of changed_expectations"), (strategy.Articulation.IsAndIsNot, strategy.Articulation.ChangedExpectations));
        Assert.Equal([("agent", (double?)20), ("supervisor", null)], strategy.DecisionRights.Select(r => (r.Role, r.HasMaxConcession ? r.MaxConcession : (double?)null)));
        Assert.Equal(("fast", "kept customers", Protocol.V1.Readiness.InPlace), (strategy.Treatments["service_level"], strategy.Incentives["agent"], strategy.Readiness["technology"]));
        Assert.Equal(("churn", 15.0, "2027-06-30", "Mr Plan"), (strategy.Targets[0].Id, strategy.Targets[0].Target, strategy.Targets[0].By, strategy.Targets[0].Owner));
        Assert.Empty(strategy.MissingElements);
        Assert.Equal([("price", 0.6), ("service", 0.4)], response.Needs.Weights.Select(w => (w.NeedId, w.Weight)));
        Assert.Equal([Best, Second], response.PropositionIds);
        Assert.Equal(strategy, (await server.Strategies.ListStrategiesAsync(new ListStrategiesRequest())).Strategies.Single());
    }

    [Fact]
    public async Task GetSegmentStrategy_UnknownSegment_IsNotFound()
    {
        await using ServerFixture server = await StartAsync(trained);

        (StatusCode code, string reason, _) = await FailureOf(server.Strategies.GetSegmentStrategyAsync(new GetSegmentStrategyRequest { SegmentId = 99 }));

        Assert.Equal((StatusCode.NotFound, Failure.SegmentNotFound), (code, reason));
    }

    [Fact]
    public async Task ListPropositions_Pages_GiveEachOnceByIdWithItsBudget()
    {
        await using ServerFixture server = await StartAsync(trained, propositions: [Two[1], Two[0] with { Budget = 500, Volume = 40 }]);

        ListPropositionsResponse first = await server.Strategies.ListPropositionsAsync(new ListPropositionsRequest { PageSize = 1 });
        ListPropositionsResponse second = await server.Strategies.ListPropositionsAsync(new ListPropositionsRequest { PageSize = 1, PageToken = first.NextPageToken });

        PropositionDefinition best = first.Propositions.Single();
        Assert.Equal((Best, 500.0, 500.0, 40L, 40L), (best.Id, best.Budget, best.BudgetLeft, best.Volume, best.VolumeLeft));
        Assert.Equal("Das Beste", best.Wording["de"]);
        Assert.Equal((Second, false, ""), (second.Propositions.Single().Id, second.Propositions.Single().HasBudget, second.NextPageToken));
    }

    [Fact]
    public async Task ReloadWorkspace_ChangedFiles_AreServedAndTheirErrorsRefused()
    {
        string workspace = Create(trained);
        await using ServerFixture server = new(trained);
        await server.StartAsync(workspace);
        DecideRequest request = new() { CustomerId = await server.StoreAsync(Usual) };

        Write(workspace, new Policy(), [.. Two, Offer("new_offer", 500)]);
        ReloadWorkspaceResponse reloaded = await server.Models.ReloadWorkspaceAsync(new ReloadWorkspaceRequest());
        DecideResponse fresh = await server.Decisions.DecideAsync(request);
        WorkspaceWriter.Replace(Path.Combine(workspace, "policy.yaml"), "currency: euros\nhorizon: 3\n");
        (StatusCode code, string reason, _) = await FailureOf(server.Models.ReloadWorkspaceAsync(new ReloadWorkspaceRequest()));
        DecideResponse still = await server.Decisions.DecideAsync(request);
        (StatusCode noVersion, _, _) = await FailureOf(server.Models.ReloadWorkspaceAsync(new ReloadWorkspaceRequest { Version = 9 }));

        Assert.Equal((1u, true), (reloaded.Model.Version, reloaded.Model.Active));
        Assert.Equal("new_offer", fresh.Decision.Slots.Single().Proposition.PropositionId);
        Assert.Equal((StatusCode.FailedPrecondition, Failure.WorkspaceInvalid), (code, reason));
        Assert.Equal("new_offer", still.Decision.Slots.Single().Proposition.PropositionId);
        Assert.Equal(StatusCode.NotFound, noVersion);
        Assert.Contains(1102, server.LoggedEvents);
        Assert.Contains(1103, server.LoggedEvents);
    }
}
