using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using static ScoringEngine.Core.Tests.Decisions.DecisionWorld;

namespace ScoringEngine.Core.Tests.Decisions;

public sealed class DecisionExplainerTests
{
    private static readonly DateOnly Today = new(2026, 6, 15);

    [Fact]
    public void Explain_EveryWayToFall_SaysWhyInFigures()
    {
        Policy policy = new()
        {
            Contact = new ContactPolicy
            {
                Caps = [new ContactCap { Scope = ContactScope.Group, Group = "loud", Most = 1, Channels = ["web"], Window = TimeSpan.FromDays(7) }],
                Suppressions = [new Suppression { After = 1, Within = TimeSpan.FromHours(12), Pause = TimeSpan.FromDays(30) }],
                Consent = ImmutableSortedDictionary<string, string>.Empty.Add("web", "mail_ok"),
                QuietFrom = new TimeOnly(11, 30),
                QuietUntil = new TimeOnly(13, 0),
            },
            Gate = new GatePolicy { PotentialThreshold = 300 },
        };
        Proposition service = Plain with { Kind = PropositionKind.Service };
        Proposition notice = Plain with { Kind = PropositionKind.Mandatory };
        DecisionModel model = Model(Workspace(
        [
            Plain with { Id = "a_early", ValidFrom = Today.AddDays(1) },
            Plain with { Id = "b_late", ValidUntil = Today.AddDays(-1) },
            Plain with { Id = "c_elsewhere", Channels = ["phone", "email"] },
            Plain with { Id = "d_poor", Fulfilment = 4, DefaultContact = 1 },
            Plain with { Id = "e_sold_out", Volume = 10 },
            Plain with { Id = "f_unasked" },
            service with { Id = "g_capped", Group = "loud" },
            service with { Id = "h_capped_itself", Caps = [new ContactCap { Most = 2, Window = TimeSpan.FromMinutes(90) }] },
            service with { Id = "i_suppressed" },
            service with { Id = "j_quiet" },
            notice with { Id = "k_declined" },
            notice with { Id = "l_ineligible", Eligibility = new Compound(Junction.All, [Where("tenure >= 12"), Where("tenure < 24")]) },
            notice with { Id = "m_missing", Suitability = Where("liking > 0") },
            notice with { Id = "n_unloved", Sacrifices = Map(("price", 0.3)), MinimumCustomerValue = 0.125 },
        ], policy));
        uint now = (uint)((Noon / 1000) - ContactEvent.EpochUnixSeconds);
        ushort Number(string id) => (ushort)model.NumberOf(model.IndexOf(id));
        const byte Web = 3; // email, phone, web
        ContactEvent[] contacts =
        [
            new(now - 3600, Number("g_capped"), Web, ContactKind.Presented), new(now - 3600, Number("h_capped_itself"), Web, ContactKind.Presented),
            new(now - 60, Number("h_capped_itself"), Web, ContactKind.Presented), new(now - 3600, Number("i_suppressed"), Web, ContactKind.Declined),
        ];
        double[] budgets = [.. model.Workspace.Propositions.Select(p => p.Id == "d_poor" ? 4.5 : double.PositiveInfinity)];
        double[] volumes = [.. model.Workspace.Propositions.Select(p => p.Id == "e_sold_out" ? 0 : double.PositiveInfinity)];
        DecisionInput input = new()
        {
            TimeUnixMs = Noon,
            Channel = 0,
            Direction = Direction.Outbound,
            Role = -1,
            Slots = 1,
            Contacts = contacts,
            Declined = [Number("k_declined")],
            BudgetLeft = budgets,
            VolumeLeft = volumes,
        };
        float[] row = Row(mailOk: 0, liking: float.NaN);
        DecisionTrace trace = model.CreateTrace();
        ScoreBlock block = model.Scored(row);
        model.Decide(block, 0, in input, trace);
        ImmutableArray<CandidateExplanation> all = new DecisionExplainer(model).Explain(block, 0, in input, trace);
        Assert.Equal(
        [
            "do_nothing: ",
            "a_early: valid from 2026-06-16",
            "b_late: valid until 2026-06-14",
            "c_elsewhere: offered in phone, email, the channel was web",
            "d_poor: 4.5 EUR of the budget left, an offer may cost 5",
            "e_sold_out: all 10 offers made",
            "f_unasked: no consent for web: mail_ok is not true",
            "g_capped: cap of 1 contacts of group loud by web in 7 days, had 1",
            "h_capped_itself: cap of 2 contacts about it in 1.5 hours, had 2",
            "i_suppressed: paused until 2026-07-15 11:00 UTC: 30 days after 1 x declined in 12 hours",
            "j_quiet: quiet hours from 11:30 to 13:00",
            "k_declined: declined in this interaction",
            "l_ineligible: tenure < 24, was 24",
            "m_missing: liking > 0, was missing",
            "n_unloved: customer value of at least 0.125, was -0.3",
        ], all.Select(e => $"{e.Id}: {e.Reason}"));
        Assert.All(all.Skip(1), e => Assert.Equal((0, trace.Candidates[e.Candidate].FellAt), (e.Rank, e.FellAt)));
        Assert.All(all.Skip(1), e => Assert.True(double.IsFinite(e.Value.Score)));
        Assert.Equal((1, Stage.None, null), (all[0].Rank, all[0].FellAt, all[0].ToWin));
    }

    [Fact]
    public void Explain_TheGate_SaysWhichDoorsAreShut()
    {
        Policy policy = new() { Gate = new GatePolicy { PotentialThreshold = 300, Test = new GateTest(1, 0, Today, Today, 5) } };
        DecisionModel model = Model(Workspace([Plain with { Differentiated = true, Fulfilment = 4 }], policy));
        DecisionExplainer explainer = new(model);
        Assert.Equal("marginal: potential of at least 300, was 50; no measured evidence; the gate test's budget is spent", Reason(1, 2));
        Assert.Equal("marginal: potential of at least 300, was 50; no measured evidence; not in the gate test", Reason(DecisionInput.NoUnit, 0));
        Assert.Equal("", Reason(1, 1));

        string Reason(ulong unit, double spent)
        {
            DecisionInput input = new() { TimeUnixMs = Noon, Slots = 1, Role = -1, UnitHash = unit, GateTestSpent = spent };
            ScoreBlock block = model.Scored(Row(profit: 0, upper: 50));
            DecisionTrace trace = model.CreateTrace();
            model.Decide(block, 0, in input, trace);
            return explainer.ReasonOf(block, 0, in input, trace, 1);
        }
    }

    [Fact]
    public void Explain_Provenance_IsOfEachFigure()
    {
        Policy policy = new() { Roles = ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("boss", new DecisionRight(99, [])) };
        Workspace workspace = Workspace(
        [
            Plain with { Id = "counted", Fulfilment = 1 }, Plain with { Id = "new", Provenance = Provenance.Measured }, Plain with { Id = "sure", NeedsAcceptance = false },
            Plain with { Id = "trained" },
        ], policy);
        DecisionModel model = Model(workspace, ByHand(true, ("trained", Liking(10, 0.2, 10))));
        DecisionInput input = new() { TimeUnixMs = Noon, Slots = 1, Role = -1, Counts = [new CandidateCounts(5, 1, 0, 0), default, new CandidateCounts(5, 5, 5, 5), default] };
        ScoreBlock block = model.Scored(Row());
        DecisionTrace trace = model.CreateTrace();
        model.Decide(block, 0, in input, trace);
        CandidateExplanation[] all = [.. new DecisionExplainer(model).Explain(block, 0, in input, trace).OrderBy(e => e.Candidate)];
        Assert.Equal([Provenance.Estimated, Provenance.Assumed, Provenance.Assumed, Provenance.Estimated], all[1..].Select(e => e.PropensityProvenance));
        Assert.Equal([Provenance.Assumed, Provenance.Measured, Provenance.Assumed, Provenance.Assumed], all[1..].Select(e => e.EconomicsProvenance));
        Assert.All(all, e => Assert.Equal(Provenance.Assumed, e.CustomerValueProvenance));
        Assert.Equal([(false, null), (true, "boss"), (false, null), (false, null), (false, null)], all.Select(e => (e.NeedsApproval, e.Approver)));
        Assert.Equal(trace.Order.ToArray(), new DecisionExplainer(model).Explain(block, 0, in input, trace).OrderBy(e => e.Rank).Select(e => e.Candidate));
    }

    [Fact]
    public void Explain_RunnerUp_NamesTheChangesByHand()
    {
        // Segment 7 weighs price alone, customer weight 20, propensities .2: first 10 + 20 * .2 * .1 = 10.4 of 10 + .02 w,
        // second 8 + 20 * .2 * .5 = 10 of 8 + .1 w. More value: .4. Weight: 2 = .08 w, 25. Propensity p: 50 p - 2 + 10 p = 10.4, .20667.
        DecisionModel model = Model(
            Plain with { Id = "first", Benefits = Map(("price", 0.1)) }, Plain with { Id = "second", DefaultContact = 2, Benefits = Map(("price", 0.5)) });
        CandidateExplanation second = Explain(model, "second");
        Assert.Equal(0.4, second.ToWin!.Value.Value, 1e-5);
        Assert.Equal(25, second.ToWin.Value.CustomerWeight, 1e-4);
        Assert.Equal(12.4 / 60, second.ToWin.Value.Propensity, 1e-6);
        Assert.Null(Explain(model, "first").ToWin);

        // Hopeless: loses more the more accept, and perceived like the first.
        model = Model(Plain with { Id = "first" }, Plain with { Id = "second", Fulfilment = 60, DefaultContact = 2, NeedsAcceptance = true });
        Assert.Equal((double.NaN, double.NaN), (Explain(model, "second").ToWin!.Value.CustomerWeight, Explain(model, "second").ToWin!.Value.Propensity));

        static CandidateExplanation Explain(DecisionModel model, string id)
        {
            DecisionInput input = new() { TimeUnixMs = Noon, Slots = 1, Role = -1 };
            ScoreBlock block = model.Scored(Row());
            DecisionTrace trace = model.CreateTrace();
            model.Decide(block, 0, in input, trace);
            return new DecisionExplainer(model).Explain(block, 0, in input, trace, model.IndexOf(id));
        }
    }

    [Fact]
    public void Explain_ChangesToWin_AppliedAndRankedAgain_WinAndALittleLessDoesNot()
    {
        SeededRandom random = new(71);
        int weights = 0;
        int propensities = 0;
        for (int round = 0; round < 150; round++)
        {
            Proposition[] catalogue = new Proposition[2 + random.Next(5)];
            for (int i = 0; i < catalogue.Length; i++)
            {
                catalogue[i] = new Proposition
                {
                    Id = $"p{i}",
                    Name = $"p{i}",
                    Margin = new Amount(200 * random.NextDouble(), Map()),
                    Fulfilment = 30 * random.NextDouble(),
                    DefaultContact = 5 * random.NextDouble(),
                    PriorPropensity = (float)random.NextDouble(),
                    Incrementality = 0.5,
                    NeedsAcceptance = random.Next(4) > 0,
                    Kind = random.Next(6) == 0 ? PropositionKind.Mandatory : PropositionKind.Commercial,
                    Benefits = Map(("price", (2 * random.NextDouble()) - 1)),
                    Eligibility = random.Next(6) == 0 ? Where("tenure > 99") : null,
                };
            }
            Policy policy = new() { CustomerWeight = 40 * random.NextDouble() };
            Workspace workspace = Workspace(catalogue, policy);
            DecisionModel model = Model(workspace);
            DecisionInput input = new() { TimeUnixMs = Noon, Slots = 1, Role = -1 };
            ScoreBlock block = model.Scored(Row());
            DecisionTrace trace = model.CreateTrace();
            model.Decide(block, 0, in input, trace);
            foreach (CandidateExplanation e in new DecisionExplainer(model).Explain(block, 0, in input, trace))
            {
                if (e.ToWin is not { } change)
                {
                    continue;
                }
                int at = e.Candidate - 1;
                Proposition changed = workspace.Propositions[at] with { Eligibility = null };
                const double Little = 1e-3;
                Assert.True(change.Value >= 0 || e.FellAt != Stage.None);
                Assert.True(Wins(changed with { Differentiation = change.Value + Little }, policy));
                Assert.False(Wins(changed with { Differentiation = change.Value - Little }, policy));
                if (!double.IsNaN(change.CustomerWeight))
                {
                    double step = Little * Math.Sign(change.CustomerWeight - policy.CustomerWeight);
                    bool already = e.FellAt != Stage.None && step == 0;
                    Assert.True(already || !Wins(changed, policy with { CustomerWeight = Math.Max(0, change.CustomerWeight - step) }));
                    weights += Wins(changed, policy with { CustomerWeight = change.CustomerWeight + step }) ? 1 : 0;
                }
                if (!double.IsNaN(change.Propensity) && Math.Abs(change.Propensity - 0.5) < 0.49)
                {
                    double step = 1e-4 * Math.Sign(change.Propensity - e.Value.Propensity);
                    Assert.NotEqual(Wins(changed with { PriorPropensity = change.Propensity + step }, policy), Wins(changed with { PriorPropensity = change.Propensity - step }, policy));
                    propensities++;
                }

                bool Wins(Proposition proposition, Policy other)
                {
                    DecisionModel again = Model(Workspace(workspace.Propositions.SetItem(at, proposition), other));
                    DecisionTrace then = again.Decide(Row(), new DecisionInput { TimeUnixMs = Noon, Slots = 1, Role = -1 });
                    return then.Order.ToArray().First(c => c == 0 || again.Workspace.Propositions[c - 1].Kind != PropositionKind.Mandatory) == e.Candidate;
                }
            }
        }
        Assert.True(weights > 30 && propensities > 30, $"{weights} weights, {propensities} propensities");
    }
}
