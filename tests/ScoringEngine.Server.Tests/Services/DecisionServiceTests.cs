using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Server.Services;
using ScoringEngine.Server.Tests.Commands;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Server.Tests.DecidingWorkspace;
using static ScoringEngine.Server.Tests.ServerFixture;
using CandidateExplanation = ScoringEngine.Protocol.V1.CandidateExplanation;
using Decision = ScoringEngine.Protocol.V1.Decision;
using LoggedDecision = ScoringEngine.Protocol.V1.LoggedDecision;
using Outcome = ScoringEngine.Protocol.V1.Outcome;
using PropositionKind = ScoringEngine.Core.Propositions.PropositionKind;
using Stage = ScoringEngine.Protocol.V1.Stage;

namespace ScoringEngine.Server.Tests.Services;

public sealed class DecisionServiceTests(TrainedWorkspace trained) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Data => _folder.At("data");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Decide_StoredCustomer_OffersTheBestInTheAskedLanguage()
    {
        await using ServerFixture server = await StartAsync(trained);
        string id = await server.StoreAsync(Usual);

        Decision decision = await DecideAsync(server, new DecideRequest
        {
            RequestId = "first",
            CustomerId = id,
            Channel = "phone",
            Direction = Protocol.V1.Direction.Inbound,
            Language = "de-AT",
            MaxPropositions = 2,
            ExplainCandidates = true,
        });

        CustomerScore score = (await server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = id })).Score;
        Assert.Equal(("first", id, false, false), (decision.DecisionId, decision.Score.CustomerId, decision.HeldOut, decision.Degraded));
        Assert.Equal((score.Segment, score.Tier, score.Profit), (decision.Score.Segment, decision.Score.Tier, decision.Score.Profit));
        Assert.Equal([Best, Second], decision.Slots.Select(s => s.Proposition.PropositionId));
        Assert.Equal(("Das Beste", "de"), (decision.Slots[0].Wording, decision.Slots[0].WordingLanguage));
        Assert.Equal(1, decision.Slots[0].ActionProbability);
        Assert.Equal(server.Time.Now.AddMinutes(30), decision.Slots[0].ReservationExpireTime.ToDateTimeOffset());
        Assert.Equal([Best, Second, "do_nothing"], decision.Candidates.Select(c => c.Proposition.PropositionId));
        Assert.Equal([1u, 2, 3], decision.Candidates.Select(c => c.Rank));
        Assert.Equal(score.Propositions.Select(p => p.Score), decision.Candidates.Select(c => c.Proposition.Score));
    }

    [Fact]
    public async Task Decide_Prospect_IsDecidedAndLogged()
    {
        await using ServerFixture server = await StartAsync(trained);

        Decision decision = await DecideAsync(server, new DecideRequest { Features = { Usual } });

        Assert.True(Guid.TryParse(decision.DecisionId, out _));
        Assert.Equal(Best, decision.Slots.Single().Proposition.PropositionId);
        RecordOutcomeResponse recorded = await RecordAsync(server, decision.DecisionId, 1, Best, OutcomeKind.Accepted);
        Assert.False(recorded.Repeated);
    }

    [Fact]
    public async Task Decide_UnknownCustomer_IsNotFound()
    {
        await using ServerFixture server = await StartAsync(trained);

        (StatusCode code, string reason, _) = await FailureOf(server.Decisions.DecideAsync(new DecideRequest { CustomerId = "nobody" }));

        Assert.Equal((StatusCode.NotFound, Failure.CustomerNotFound), (code, reason));
    }

    [Fact]
    public async Task Decide_WrongFields_NamesThemAll()
    {
        await using ServerFixture server = await StartAsync(trained);

        (StatusCode code, _, (string Field, string Description)[] violations) = await FailureOf(server.Decisions.DecideAsync(new DecideRequest
        {
            RequestId = new string('r', 65),
            Features = { Usual },
            Channel = "fone",
            Role = "agent",
            TimeZone = "Mars/Olympus",
            MaxPropositions = 101,
            ExplainFeatures = 101,
            Reason = new string('x', 257),
            Time = new Timestamp { Seconds = 1 },
        }));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal(
        [
            ("request_id", "65 characters, expected at most 64"),
            ("reason", "257 bytes long, expected at most 256"),
            ("time_zone", "'Mars/Olympus', expected an IANA time zone such as Europe/Berlin"),
            ("max_propositions", "101, expected 0 to 100"),
            ("explain_features", "101, expected 0 to 100"),
            ("time", "1 seconds and 0 nanoseconds since 1970, expected a time from 2020 to 2155"),
            ("channel", "'fone' (did you mean 'phone'?), expected one of phone, web"),
            ("role", "'agent', but the workspace has none"),
        ], violations);
    }

    [Fact]
    public async Task Decide_SameRequestAgain_GetsTheFirstAnswerAlsoAfterARestart()
    {
        string workspace = Create(trained, new Policy { Contact = Cap(1) });
        await using ServerFixture server = new(trained);
        await server.StartAsync(workspace, Data);
        string id = await server.StoreAsync(Usual);
        DecideRequest request = new() { RequestId = "again", CustomerId = id, Channel = "web", ExplainCandidates = true };

        Decision first = await DecideAsync(server, request);
        Decision[] repeated = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => DecideAsync(server, request)));
        Decision next = await DecideAsync(server, new DecideRequest { CustomerId = id, Channel = "web" });
        await server.StopAsync();
        await server.StartAsync(workspace, Data);
        Decision restarted = await DecideAsync(server, request);
        Decision capped = await DecideAsync(server, new DecideRequest { CustomerId = id, Channel = "web" });

        Assert.Equal(Best, first.Slots.Single().Proposition.PropositionId);
        Assert.All(repeated, r => Assert.Equal(first, r));
        Assert.Equal(first, restarted);
        Assert.Equal(["do_nothing", "do_nothing"], new[] { next, capped }.Select(d => d.Slots.Single().Proposition.PropositionId));
    }

    [Fact]
    public async Task Decide_RequestIdOfAnotherCustomer_IsRefused()
    {
        await using ServerFixture server = await StartAsync(trained);
        await DecideAsync(server, new DecideRequest { RequestId = "taken", CustomerId = await server.StoreAsync(Usual) });
        string other = await server.StoreAsync(Usual);

        (StatusCode code, string reason, _) = await FailureOf(server.Decisions.DecideAsync(new DecideRequest { RequestId = "taken", CustomerId = other }));

        Assert.Equal((StatusCode.AlreadyExists, Failure.DecisionIdTaken), (code, reason));
    }

    [Fact]
    public async Task Decide_SixtyFourCallersOfOneCustomer_KeepTheCapExactly()
    {
        await using ServerFixture server = await StartAsync(trained, new Policy { Contact = Cap(5) });
        string id = await server.StoreAsync(Usual);

        Decision[] decisions = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => DecideAsync(server, new DecideRequest { CustomerId = id })));

        Assert.Equal(5, decisions.Count(d => d.Slots[0].Proposition.PropositionId == Best));
        Assert.Equal(59, decisions.Count(d => d.Slots[0].Proposition.PropositionId == "do_nothing"));
    }

    [Fact]
    public async Task Decide_SixtyFourCallersOfOneHousehold_KeepTheCapExactly()
    {
        await using ServerFixture server = await StartAsync(trained, new Policy { Contact = Cap(5) });
        string[] members = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.StoreAsync(Usual)));

        Decision[] decisions = await Task.WhenAll(Enumerable.Range(0, 64)
            .Select(i => DecideAsync(server, new DecideRequest { CustomerId = members[i % members.Length], HouseholdId = "the smiths" })));

        Assert.Equal(5, decisions.Count(d => d.Slots[0].Proposition.PropositionId == Best));
    }

    [Fact]
    public async Task Decide_SixtyFourCustomersAtOnce_KeepVolumeAndBudgetExactly()
    {
        // Each offer may cost a contact of 1 and a fulfilment of 10.
        ImmutableArray<Proposition> catalogue = [Two[0] with { Budget = 77.5 }, Two[1] with { Volume = 9 }];
        await using ServerFixture server = await StartAsync(trained, propositions: catalogue);
        string[] customers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => server.StoreAsync(Usual)));

        Decision[] decisions = await Task.WhenAll(customers.Select(id => DecideAsync(server, new DecideRequest { CustomerId = id })));

        ILookup<string, Decision> chosen = decisions.ToLookup(d => d.Slots.Single().Proposition.PropositionId);
        Assert.Equal((7, 9, 48), (chosen[Best].Count(), chosen[Second].Count(), chosen["do_nothing"].Count()));
        RepeatedPropositions propositions = new([.. (await server.Strategies.ListPropositionsAsync(new ListPropositionsRequest())).Propositions]);
        Assert.Equal(0.5, propositions[Best].BudgetLeft);
        Assert.Equal(0, propositions[Second].VolumeLeft);
    }

    [Fact]
    public async Task Decide_BudgetOfTheGateTest_IsNeverExceeded()
    {
        // Everybody is in the test, and it has money for two and a half differentiated offers of 11.
        Policy policy = new()
        {
            MarginalBand = 1e6,
            CreatorsThreshold = 2e6,
            Gate = new GatePolicy { Test = new GateTest(1, 1, new DateOnly(2026, 1, 1), new DateOnly(2026, 12, 31), 27.5) },
        };
        string workspace = Create(trained, policy, [Two[0] with { Differentiated = true }, Two[1], Offer("loyalty_discount", 0)]);
        TrainedWorkspace.TrainVersion(workspace); // Tiers are the version's; its outcomes are of the loyalty discount.
        await using ServerFixture server = new(trained);
        await server.StartAsync(workspace);
        string[] customers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => server.StoreAsync(Usual)));

        Decision[] decisions = await Task.WhenAll(customers.Select(id => DecideAsync(server, new DecideRequest { CustomerId = id })));

        ILookup<string, DecisionSlot> chosen = decisions.Select(d => d.Slots.Single()).ToLookup(s => s.Proposition.PropositionId);
        Assert.Equal((2, 14), (chosen[Best].Count(), chosen[Second].Count()));
        Assert.All(chosen[Best], s => Assert.Equal(Protocol.V1.GateDoor.Test, s.GateDoor));
    }

    [Fact]
    public async Task Decide_HoldOut_IsTheSameAfterARestartAndScoreSaysIt()
    {
        string workspace = Create(trained, new Policy { HoldOut = new HoldOutPolicy(0.4, 7) });
        await using ServerFixture server = new(trained);
        await server.StartAsync(workspace, Data);
        string[] customers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => server.StoreAsync(Usual)));

        bool[] before = await Task.WhenAll(customers.Select(HeldOutAsync));
        await server.StopAsync();
        await server.StartAsync(workspace, Data);
        bool[] after = await Task.WhenAll(customers.Select(HeldOutAsync));

        Assert.Equal(before, after);
        // 100 draws at 0.4: outside with a probability below 1e-6.
        Assert.InRange(before.Count(h => h), 16, 64);

        async Task<bool> HeldOutAsync(string id)
        {
            Decision decision = await DecideAsync(server, new DecideRequest { CustomerId = id });
            CustomerScore score = (await server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = id })).Score;
            Assert.Equal(decision.HeldOut, score.HeldOut);
            Assert.Equal(decision.HeldOut ? "do_nothing" : Best, decision.Slots.Single().Proposition.PropositionId);
            Assert.Equal(decision.HeldOut ? ["do_nothing", Best, Second] : [Best, Second, "do_nothing"], score.Propositions.Select(p => p.PropositionId));
            return decision.HeldOut;
        }
    }

    [Fact]
    public async Task Decide_HeldOutCustomer_GetsTheStandardTreatmentAndTheGhostIsLogged()
    {
        Policy policy = new() { HoldOut = new HoldOutPolicy(0.5, 1, Second) };
        await using ServerFixture server = await StartAsync(trained, policy);
        Decision decision;
        do
        {
            decision = await DecideAsync(server, new DecideRequest { CustomerId = await server.StoreAsync(Usual) });
        }
        while (!decision.HeldOut);

        LoggedDecision logged = (await server.Decisions.ListDecisionsAsync(new ListDecisionsRequest { CustomerId = decision.Score.CustomerId })).Decisions.Single();

        Assert.Equal(Second, decision.Slots.Single().Proposition.PropositionId);
        Assert.True(logged.HeldOut);
        Assert.Equal(Best, logged.Slots.Single().PropositionId);
    }

    [Fact]
    public async Task Decide_DeclinedInTheInteraction_IsNotOfferedAgainInIt()
    {
        await using ServerFixture server = await StartAsync(trained);
        string id = await server.StoreAsync(Usual);
        DecideRequest request = new() { CustomerId = id, InteractionId = "call 1" };
        Decision first = await DecideAsync(server, request);
        await RecordAsync(server, first.DecisionId, 1, Best, OutcomeKind.Declined, "too expensive");

        Decision again = await DecideAsync(server, new DecideRequest(request) { ExplainCandidates = true });
        Decision later = await DecideAsync(server, new DecideRequest { CustomerId = id, InteractionId = "call 2" });

        Assert.Equal(Second, again.Slots.Single().Proposition.PropositionId);
        CandidateExplanation declined = again.Candidates.Single(c => c.Proposition.PropositionId == Best);
        Assert.Equal((Stage.ContactPolicy, 0u), (declined.Stage, declined.Rank));
        Assert.NotEmpty(declined.Reason);
        Assert.Equal(Best, later.Slots.Single().Proposition.PropositionId);
    }

    [Fact]
    public async Task Decide_ConcessionBeyondTheRole_NamesWhoMayApprove()
    {
        Policy policy = new()
        {
            Roles = ImmutableSortedDictionary<string, DecisionRight>.Empty
                .Add("agent", new DecisionRight(5, [])).Add("supervisor", new DecisionRight(50, [])),
        };
        await using ServerFixture server = await StartAsync(trained, policy);
        string id = await server.StoreAsync(Usual);

        DecisionSlot agent = (await DecideAsync(server, new DecideRequest { CustomerId = id, Role = "agent", RequestId = "a" })).Slots.Single();
        DecisionSlot supervisor = (await DecideAsync(server, new DecideRequest { CustomerId = id, Role = "supervisor" })).Slots.Single();
        await server.Decisions.RecordOutcomeAsync(new RecordOutcomeRequest
        {
            Outcome = new Outcome { DecisionId = "a", Slot = 1, PropositionId = Best, Kind = OutcomeKind.Presented, ApprovedBy = "Ms Super" },
        });

        Assert.Equal((Best, true, "supervisor"), (agent.Proposition.PropositionId, agent.NeedsApproval, agent.ApprovalRole));
        Assert.Equal((Best, false, ""), (supervisor.Proposition.PropositionId, supervisor.NeedsApproval, supervisor.ApprovalRole));
        LoggedDecision logged = (await server.Decisions.ListDecisionsAsync(new ListDecisionsRequest { CustomerId = id })).Decisions.Single(d => d.DecisionId == "a");
        Assert.Equal("Ms Super", logged.Slots.Single().Outcomes.Single().ApprovedBy);
    }

    [Fact]
    public async Task Decide_Mandatory_ComesFirstWhateverTheCap()
    {
        Proposition notice = Offer("notice", 0) with { Kind = PropositionKind.Mandatory, NeedsAcceptance = false };
        await using ServerFixture server = await StartAsync(trained, new Policy { Contact = Cap(1) }, [.. Two, notice]);
        string id = await server.StoreAsync(Usual);

        Decision[] decisions = [await DecideTwoAsync(), await DecideTwoAsync()];

        Assert.Equal(["notice", Best], decisions[0].Slots.Select(s => s.Proposition.PropositionId));
        Assert.Equal(["notice", "do_nothing"], decisions[1].Slots.Select(s => s.Proposition.PropositionId));
        Assert.Equal(Protocol.V1.PropositionKind.Mandatory, decisions[0].Slots[0].Kind);

        Task<Decision> DecideTwoAsync() => DecideAsync(server, new DecideRequest { CustomerId = id, MaxPropositions = 2 });
    }

    [Fact]
    public async Task RecordOutcome_WrongOnes_SayWhatIsWrong()
    {
        await using ServerFixture server = await StartAsync(trained);
        Decision decision = await DecideAsync(server, new DecideRequest { CustomerId = await server.StoreAsync(Usual) });

        (StatusCode unknown, string reason, _) = await FailureOf(Record(server, "no such", 1, Best, OutcomeKind.Presented));
        (_, _, (string, string)[] notOffered) = await FailureOf(Record(server, decision.DecisionId, 1, Second, OutcomeKind.Presented));
        (_, _, (string Field, string)[] empty) = await FailureOf(server.Decisions.RecordOutcomeAsync(new RecordOutcomeRequest
        {
            Outcome = new Outcome { PerceivedValue = 2, ApprovedBy = "x", RequestId = new string('r', 65) },
        }));
        (_, _, (string, string)[] missing) = await FailureOf(server.Decisions.RecordOutcomeAsync(new RecordOutcomeRequest()));

        Assert.Equal((StatusCode.NotFound, Failure.DecisionNotFound), (unknown, reason));
        Assert.Equal([("outcome.proposition_id", $"'{Second}' was not offered in slot 1 of decision '{decision.DecisionId}'")], notOffered);
        Assert.Equal(["outcome.decision_id", "outcome.slot", "outcome.proposition_id", "outcome.perceived_value", "outcome.approved_by", "outcome.request_id"],
            empty.Select(v => v.Field));
        Assert.Equal([("outcome", "missing")], missing);
    }

    [Fact]
    public async Task RecordOutcome_Repetition_ChangesNothing()
    {
        await using ServerFixture server = await StartAsync(trained);
        string id = await server.StoreAsync(Usual);
        Decision decision = await DecideAsync(server, new DecideRequest { CustomerId = id });

        RecordOutcomeResponse first = await RecordAsync(server, decision.DecisionId, 1, Best, OutcomeKind.Accepted);
        RecordOutcomeResponse second = await RecordAsync(server, decision.DecisionId, 1, Best, OutcomeKind.Accepted);

        Assert.False(first.Repeated);
        Assert.True(second.Repeated);
        RepeatedPropositions propositions = new([.. (await server.Strategies.ListPropositionsAsync(new ListPropositionsRequest())).Propositions]);
        Assert.Equal((1.0, 1.0), (propositions[Best].Offers, propositions[Best].Acceptances));
    }

    [Fact]
    public async Task StreamDecide_ManyRequests_AnswersInOrderAndAWrongOneDoesNotFailTheOthers()
    {
        await using ServerFixture server = await StartAsync(trained);
        string[] customers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => server.StoreAsync(Usual)));
        using AsyncDuplexStreamingCall<StreamDecideRequest, StreamDecideResponse> call = server.Decisions.StreamDecide(cancellationToken: TestContext.Current.CancellationToken);

        Task sending = SendAsync();
        List<StreamDecideResponse> answers = await call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
        await sending;

        Assert.Equal(52, answers.Count);
        Assert.Equal(customers, answers.Take(50).Select(a => a.Decision.Score.CustomerId));
        Assert.Equal([(int)StatusCode.NotFound, (int)StatusCode.InvalidArgument], answers.Skip(50).Select(a => a.Error.Code));

        async Task SendAsync()
        {
            foreach (string id in customers.Append("nobody"))
            {
                await call.RequestStream.WriteAsync(new StreamDecideRequest { Request = new DecideRequest { CustomerId = id } });
            }
            await call.RequestStream.WriteAsync(new StreamDecideRequest());
            await call.RequestStream.CompleteAsync();
        }
    }

    [Fact]
    public async Task StreamOutcomes_SomeWrong_AreRejectedAndCounted()
    {
        await using ServerFixture server = await StartAsync(trained);
        Decision decision = await DecideAsync(server, new DecideRequest { CustomerId = await server.StoreAsync(Usual) });
        using AsyncDuplexStreamingCall<StreamOutcomesRequest, StreamOutcomesResponse> call = server.Decisions.StreamOutcomes(cancellationToken: TestContext.Current.CancellationToken);
        Outcome presented = new() { DecisionId = decision.DecisionId, Slot = 1, PropositionId = Best, Kind = OutcomeKind.Presented };

        await call.RequestStream.WriteAsync(new StreamOutcomesRequest { Outcomes = { presented, presented, new Outcome(presented) { DecisionId = "no such" } } });
        await call.RequestStream.CompleteAsync();
        List<StreamOutcomesResponse> answers = await call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);

        StreamOutcomesResponse last = answers[^1];
        Assert.Equal((3ul, 1ul, 1ul), (last.OutcomeCount, last.RepeatedCount, last.RejectedCount));
        RejectedOutcome rejected = answers.SelectMany(a => a.RejectedOutcomes).Single();
        Assert.Equal((2ul, "no such", "no decision 'no such', or it is too old"), (rejected.Index, rejected.DecisionId, rejected.Reason));
    }

    [Fact]
    public async Task ExplainDecision_LoggedOne_IsTheDecisionWithItsCandidates()
    {
        await using ServerFixture server = await StartAsync(trained, new Policy { Contact = Cap(1) });
        string id = await server.StoreAsync(Usual);
        Decision decision = await DecideAsync(server, new DecideRequest { CustomerId = id, RequestId = "explained", ExplainCandidates = true });
        await server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest { Customer = new Customer { CustomerId = id, Features = { Usual[0] } } });

        Decision explained = (await server.Decisions.ExplainDecisionAsync(new ExplainDecisionRequest { DecisionId = "explained" })).Decision;
        ExplainDecisionResponse now = await server.Decisions.ExplainDecisionAsync(new ExplainDecisionRequest
        {
            Request = new DecideRequest { CustomerId = id },
            WhyNotPropositionId = Best,
            ExplainFeatures = 2,
        });

        Assert.Equal(decision.Slots, explained.Slots);
        Assert.Equal(decision.Candidates, explained.Candidates);
        Assert.Equal("do_nothing", now.Decision.Slots.Single().Proposition.PropositionId);
        Assert.NotEmpty(now.WhyNot);
        Assert.NotNull(now.Decision.Score.Profit.Explanation);
        Assert.Single((await server.Decisions.ListDecisionsAsync(new ListDecisionsRequest { CustomerId = id })).Decisions);
    }

    [Fact]
    public async Task Delete_CustomerWithDecisions_ErasesWhatTheyDependedOn()
    {
        await using ServerFixture server = await StartAsync(trained);
        string id = await server.StoreAsync(Usual);
        await DecideAsync(server, new DecideRequest { CustomerId = id, RequestId = "erased" });
        await server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = id });

        (StatusCode code, string reason, _) = await FailureOf(server.Decisions.ExplainDecisionAsync(new ExplainDecisionRequest { DecisionId = "erased" }));

        Assert.Equal((StatusCode.FailedPrecondition, Failure.DecisionErased), (code, reason));
    }

    [Theory]
    [InlineData(LogFailure.Refuse)]
    [InlineData(LogFailure.StandardTreatment)]
    public async Task Decide_DiskFull_IsRefusedOrDegradedAsThePolicySays(LogFailure onFailure)
    {
        FaultyFiles files = new();
        Policy policy = new() { OnLogFailure = onFailure, HoldOut = new HoldOutPolicy(0, 0, Second) };
        await using ServerFixture server = new(trained);
        await server.StartAsync(Create(trained, policy), data: null, services => services.AddSingleton(provider =>
        {
            ILogger log = provider.GetRequiredService<ILogger<CustomerDatabase>>();
            CustomerDatabaseOptions options = new() { Directory = "/data", Notify = notice => ServerLog.Of(log, notice) };
            return CustomerDatabase.Open(options, trained.Workspace.Schema.Features, TimeProvider.System, files, held: null);
        }));
        DecideRequest request = new() { CustomerId = await server.StoreAsync(Usual) };
        await DecideAsync(server, request);

        files.Fail(FileOperation.Write, count: int.MaxValue, outOfSpace: true);
        if (onFailure == LogFailure.Refuse)
        {
            (StatusCode code, string reason, _) = await FailureOf(server.Decisions.DecideAsync(request));
            Assert.Equal((StatusCode.ResourceExhausted, Failure.StorageFull), (code, reason));
        }
        else
        {
            for (int i = 0; i < 3; i++)
            {
                Decision decision = await DecideAsync(server, request);
                Assert.True(decision.Degraded);
                Assert.Equal(Second, decision.Slots.Single().Proposition.PropositionId);
                Assert.Null(decision.Slots.Single().ReservationExpireTime);
            }
        }
        files.Heal();
        while ((await TryDecideAsync(server, request))?.Degraded != false)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
        server.TakeErrors();
    }

    private static async Task<Decision?> TryDecideAsync(ServerFixture server, DecideRequest request)
    {
        try
        {
            return await DecideAsync(server, request);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
        {
            return null;
        }
    }

    private static async Task<Decision> DecideAsync(ServerFixture server, DecideRequest request) => (await server.Decisions.DecideAsync(request)).Decision;

    private static async Task<RecordOutcomeResponse> RecordAsync(ServerFixture server, string decision, uint slot, string proposition, OutcomeKind kind, string reason = "")
        => await Record(server, decision, slot, proposition, kind, reason);

    private static AsyncUnaryCall<RecordOutcomeResponse> Record(ServerFixture server, string decision, uint slot, string proposition, OutcomeKind kind, string reason = "")
        => server.Decisions.RecordOutcomeAsync(new RecordOutcomeRequest
        {
            Outcome = new Outcome { DecisionId = decision, Slot = slot, PropositionId = proposition, Kind = kind, Reason = reason },
        });

    private sealed class RepeatedPropositions(PropositionDefinition[] all)
    {
        public PropositionDefinition this[string id] => all.Single(p => p.Id == id);
    }
}
