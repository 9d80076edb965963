using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using static ScoringEngine.Core.Tests.Decisions.DecisionWorld;

namespace ScoringEngine.Core.Tests.Decisions;

/// <summary>Decisions whose every figure is worked out by hand.</summary>
public sealed class DecisionModelTests
{
    private const double Exact = 1e-6; // propensities are single precision

    private static readonly DateOnly Today = new(2026, 6, 15);

    private static DecisionInput Inbound(int channel = 0) => new() { TimeUnixMs = Noon, Channel = channel, Role = -1, Slots = 1, UnitHash = DecisionInput.NoUnit };

    [Fact]
    public void Decide_OneCandidateForEachStage_FallsThereAndSaysWhy()
    {
        // Customer of segment 7, profit 100 (sustainer), potential 150 - 100 = 50, on the web, at noon on 2026-06-15.
        Proposition cheap = Plain with { DefaultContact = 1, Fulfilment = 4 };
        DecisionModel model = Model(Workspace(
        [
            Plain with { Id = "early", ValidFrom = Today.AddDays(1) },
            Plain with { Id = "late", ValidUntil = Today.AddDays(-1) },
            Plain with { Id = "elsewhere", Channels = ["phone", "email"] },
            cheap with { Id = "poor" }, // may cost 1 + 4, has 4.99 left
            cheap with { Id = "just" }, // has 5 left
            Plain with { Id = "sold_out" },
            Plain with { Id = "ineligible", Eligibility = new Compound(Junction.All, [Where("liking = 0"), Where("tenure >= 36")]) },
            Plain with { Id = "inapplicable", Applicability = Where("channel = phone") },
            Plain with { Id = "unsuitable", Suitability = Where("expected_profit > 100") },
            // Segment 7 weighs price alone: Vcust = 0 - .3.
            Plain with { Id = "unloved", Sacrifices = Map(("price", 0.3)), MinimumCustomerValue = -0.29 },
            Plain with { Id = "fine", Sacrifices = Map(("price", 0.3)), MinimumCustomerValue = -0.3 },
        ]));
        double[] budgets = [.. model.Workspace.Propositions.Select(p => p.Id switch { "poor" => 4.99, "just" => 5, _ => double.PositiveInfinity })];
        double[] volumes = [.. model.Workspace.Propositions.Select(p => p.Id == "sold_out" ? 0.5 : 1)];
        ScoreBlock block = model.Scored(Row());
        DecisionTrace trace = model.CreateTrace();
        model.Decide(block, 0, new DecisionInput
        {
            TimeUnixMs = Noon,
            Channel = 0,
            Role = -1,
            Slots = 1,
            UnitHash = DecisionInput.NoUnit,
            BudgetLeft = budgets,
            VolumeLeft = volumes,
        }, trace);

        const long NoonSeconds = Noon / 1000;
        AssertFell("early", Stage.Validity, new Fall(FallReason.NotYetValid, 0, NoonSeconds, NoonSeconds + (12 * 3600)));
        AssertFell("late", Stage.Validity, new Fall(FallReason.Expired, 0, NoonSeconds, NoonSeconds - (12 * 3600)));
        AssertFell("elsewhere", Stage.Validity, new Fall(FallReason.OtherChannel, 0));
        AssertFell("poor", Stage.Budget, new Fall(FallReason.BudgetSpent, 0, 4.99, 5));
        AssertFell("sold_out", Stage.Budget, new Fall(FallReason.VolumeReached, 0, 0.5, 1));
        AssertFell("ineligible", Stage.Eligibility, new Fall(FallReason.Rule, 1, 24));
        AssertFell("inapplicable", Stage.Applicability, new Fall(FallReason.Rule, 0, 0));
        AssertFell("unsuitable", Stage.Suitability, new Fall(FallReason.Rule, 0, 100));
        AssertFell("unloved", Stage.Suitability, new Fall(FallReason.CustomerValue, 0, -0.3, -0.29));
        // just: .5 * .2 * 100 - .2 * 4 - 1 = 8.2; fine: 10 - 20 * .2 * .3 = 8.8.
        Assert.Equal(["fine", "just", "do_nothing"], model.Names(trace.Order.ToArray()));
        Assert.Equal(8.8, trace.Of(model, "fine").Value.Score, Exact);
        Assert.Equal(8.2, trace.Of(model, "just").Value.Score, Exact);
        Assert.Equal([new Choice(model.IndexOf("fine"), 1, false)], trace.Chosen.ToArray());
        Assert.Equal(trace.Chosen.ToArray(), trace.Offered.ToArray());
        Assert.Equal((0, Tier.Sustainer, -1, false, false), (trace.SegmentIndex, trace.Tier, trace.StrategyIndex, trace.HeldOut, trace.InGateTest));
        Assert.Equal(1, trace.Candidates.Sum(c => c.ActionProbability));

        void AssertFell(string proposition, Stage stage, Fall fall)
        {
            Candidate candidate = trace.Of(model, proposition);
            Assert.Equal((proposition, stage, fall), (proposition, candidate.FellAt, model.FallOf(block, 0, trace, model.IndexOf(proposition))));
            Assert.Equal(fall.Reason, candidate.Fall.Reason);
            Assert.True(double.IsNaN(candidate.Value.Score) && double.IsNaN(candidate.Value.Propensity));
            Assert.Equal(model.IndexOf(proposition) - 1, candidate.Value.Proposition);
        }
    }

    [Fact]
    public void Decide_SeveralReasons_NamesTheFirstStage()
    {
        Proposition worst = Plain with
        {
            ValidUntil = Today.AddDays(-1),
            Eligibility = Where("tenure > 99"),
            Applicability = Where("tenure > 99"),
            Suitability = Where("tenure > 99"),
            MinimumCustomerValue = 1,
            Differentiated = true,
            Budget = 1,
        };
        Policy policy = new() { Contact = new ContactPolicy { Consent = ImmutableSortedDictionary<string, string>.Empty.Add("web", "mail_ok") } };
        (Proposition, Stage)[] steps =
        [
            (worst, Stage.Validity),
            (worst = worst with { ValidUntil = null }, Stage.Budget),
            (worst, Stage.Consent),
            (worst, Stage.ContactPolicy),
            (worst, Stage.Eligibility),
            (worst = worst with { Eligibility = null }, Stage.Applicability),
            (worst = worst with { Applicability = null }, Stage.Suitability),
            (worst = worst with { Suitability = null }, Stage.Suitability),
            (worst = worst with { MinimumCustomerValue = 0 }, Stage.Gate),
            (worst with { Differentiated = false }, Stage.None),
        ];
        foreach ((Proposition proposition, Stage expected) in steps)
        {
            Stage reached = expected == Stage.None ? Stage.Gate : expected;
            DecisionModel model = Model(Workspace([proposition], policy));
            DecisionTrace trace = model.Decide(Row(profit: 0, upper: 0, mailOk: reached > Stage.Consent ? 1 : 0), new DecisionInput
            {
                TimeUnixMs = Noon,
                Channel = 0,
                Role = -1,
                Slots = 1,
                VolumeLeft = reached > Stage.Budget ? [] : [0.0],
                Declined = reached > Stage.ContactPolicy ? [] : [(ushort)1],
            });
            Assert.Equal(expected, trace.Candidates[1].FellAt);
        }
    }

    [Theory]
    [InlineData(-1, 3_600, false)] // the last hour of the day before
    [InlineData(0, 0, true)]
    [InlineData(1, -1, true)]
    [InlineData(1, 0, false)]
    public void Decide_ValidityDates_AreWholeDaysInThePolicysZone(int day, int seconds, bool valid)
    {
        // Midnight of 2026-06-15 in Amsterdam, in summer, is 22:00 UTC of the day before.
        DecisionModel model = Model(Workspace(
            [Plain with { ValidFrom = Today, ValidUntil = Today }], new Policy { Contact = new ContactPolicy { TimeZone = "Europe/Amsterdam" } }));
        long midnight = Noon - (14 * 3_600_000L);
        DecisionTrace trace = model.Decide(Row(), new DecisionInput
        {
            TimeUnixMs = midnight + (day * 86_400_000L) + (seconds * 1000L),
            Channel = 0,
            Role = -1,
            Slots = 1,
        });
        Assert.Equal(valid ? Stage.None : Stage.Validity, trace.Candidates[1].FellAt);
    }

    [Fact]
    public void Decide_ChannelNotTold_OffersOnlyWhatIsForEveryChannel()
    {
        DecisionModel model = Model(Plain with { Id = "all" }, Plain with { Id = "web", Channels = ["web"] });
        DecisionTrace trace = model.Decide(Row(), Inbound(channel: -1));
        Assert.Equal(["all", "do_nothing"], model.Names(trace.Order.ToArray()));
        Assert.Equal(["all", "web", "do_nothing"], model.Names(model.Decide(Row(), Inbound()).Order.ToArray()));
    }

    [Fact]
    public void Decide_EqualScores_DoNothingFirstThenById()
    {
        DecisionModel model = Model(
            Plain with { Id = "b" }, Plain with { Id = "a" }, Plain with { Id = "z_free", Margin = Amount.Zero },
            Plain with { Id = "free", Margin = Amount.Zero }, Plain with { Id = "bad", Margin = Amount.Zero, DefaultContact = 1 });
        DecisionTrace trace = model.Decide(Row(), Inbound());
        Assert.Equal(["a", "b", "do_nothing", "free", "z_free", "bad"], model.Names(trace.Order.ToArray()));
    }

    [Theory]
    [InlineData(-51, 1000, GateDoor.Potential)] // value destroyer with potential 1051
    [InlineData(0, 300, GateDoor.Potential)] // marginal, exactly at the threshold
    [InlineData(50, 349, GateDoor.Closed)] // marginal, 299
    [InlineData(-51, 0, GateDoor.Evidence)]
    [InlineData(51, 51, GateDoor.NotNeeded)] // sustainer
    [InlineData(500, 500, GateDoor.NotNeeded)] // value creator
    public void Decide_DifferentiationGate_OpensForPotentialAndEvidence(float profit, float upper, GateDoor expected)
    {
        // Measured above zero for value destroyers, below for marginal customers.
        Policy policy = new()
        {
            Gate = new GatePolicy
            {
                PotentialThreshold = 300,
                Evidence = [new GateEvidence("plain", Tier.ValueDestroyer, 0.01, "pilot"), new GateEvidence("plain", Tier.Marginal, -0.01, "pilot")],
            },
        };
        DecisionModel model = Model(Workspace([Plain with { Differentiated = true }, Plain with { Id = "standard" }], policy));
        DecisionTrace trace = model.Decide(Row(profit: profit, upper: upper), Inbound());
        Candidate candidate = trace.Of(model, "plain");
        Assert.Equal((expected, expected == GateDoor.Closed ? Stage.Gate : Stage.None), (candidate.Door, candidate.FellAt));
        Assert.Equal(expected == GateDoor.Closed ? new Fall(FallReason.Gate, 0, upper - profit, 300) : default, candidate.Fall);
        Assert.Equal(GateDoor.NotNeeded, trace.Of(model, "standard").Door);
    }

    [Fact]
    public void Decide_EvidenceOfTheInput_TakesThePlaceOfThePolicys()
    {
        Policy policy = new() { Gate = new GatePolicy { Evidence = [new GateEvidence("plain", Tier.Marginal, 5, "pilot")] } };
        DecisionModel model = Model(Workspace([Plain with { Differentiated = true }, Plain with { Id = "z", Differentiated = true }], policy));
        DecisionTrace trace = model.Decide(Row(profit: 0, upper: 0), new DecisionInput { TimeUnixMs = Noon, Slots = 1, Role = -1, EvidenceBound = [double.NaN, 0.5] });
        Assert.Equal([GateDoor.Closed, GateDoor.Evidence], trace.Candidates[1..].Select(c => c.Door));
        double[] bounds = new double[2];
        model.ReadEvidence(Tier.Marginal, bounds);
        Assert.Equal([5, double.NaN], bounds);
        model.ReadEvidence(Tier.ValueDestroyer, bounds);
        Assert.Equal([double.NaN, double.NaN], bounds);
    }

    [Fact]
    public void Decide_NoProfitKnown_HasNoTierAndDoesNotAskTheGate()
    {
        Workspace workspace = Workspace([Plain with { Differentiated = true }]);
        DecisionTrace trace = Model(workspace, ByHand(withProfit: false)).Decide(Row(profit: 0), Inbound());
        Assert.Equal((null, GateDoor.NotNeeded, Stage.None), (trace.Tier, trace.Candidates[1].Door, trace.Candidates[1].FellAt));
    }

    [Fact]
    public void Decide_GateTest_LetsAShareThroughWhileItRunsAndHasMoney()
    {
        GateTest test = new(0.3, Salt: 5, Today, Today, Budget: 100);
        Proposition costly = Plain with { Differentiated = true, DefaultContact = 2, Fulfilment = 8 };
        DecisionModel model = Model(Workspace([costly], new Policy { Gate = new GatePolicy { Test = test } }));
        DecisionModel other = Model(Workspace([costly], new Policy { Gate = new GatePolicy { Test = test with { Salt = 6 } } }));
        const int Customers = 4_000;
        ScoreBlock block = model.Scored(Row(profit: 0, upper: 0));
        ScoreBlock otherBlock = other.Scored(Row(profit: 0, upper: 0));
        DecisionTrace trace = model.CreateTrace();
        int inTest = 0;
        int inBoth = 0;
        for (int i = 0; i < Customers; i++)
        {
            ulong unit = model.UnitHashOf(BitConverter.GetBytes(i));
            Assert.Equal(Through(unit, Noon, 0), Through(unit, Noon, 90)); // 90 + 10 are just within
            Assert.False(Through(unit, Noon, 90.01));
            Assert.False(Through(unit, Noon + (12 * 3_600_000L), 0));
            Assert.False(Through(unit, Noon - (12 * 3_600_000L) - 1, 0));
            bool through = Through(unit, Noon, 0);
            Assert.Equal(through, trace.InGateTest);
            inTest += through ? 1 : 0;
            other.Decide(otherBlock, 0, new DecisionInput { TimeUnixMs = Noon, Slots = 1, Role = -1, UnitHash = unit }, trace);
            inBoth += through && trace.InGateTest ? 1 : 0;
        }
        // Four standard deviations: sqrt(4000 * .3 * .7) = 29, sqrt(4000 * .09 * .91) = 18.
        Assert.InRange(inTest, 1200 - 116, 1200 + 116);
        Assert.InRange(inBoth, 360 - 72, 360 + 72);
        Assert.False(Through(DecisionInput.NoUnit, Noon, 0));

        bool Through(ulong unit, long time, double spent)
        {
            model.Decide(block, 0, new DecisionInput { TimeUnixMs = time, Slots = 1, Role = -1, UnitHash = unit, GateTestSpent = spent }, trace);
            Assert.Equal(trace.Candidates[1].FellAt == Stage.None ? GateDoor.Test : GateDoor.Closed, trace.Candidates[1].Door);
            return trace.Candidates[1].FellAt == Stage.None;
        }
    }

    [Fact]
    public void Decide_MandatoryKind_ComesFirstPastContactPolicyAndGateButNotPastRules()
    {
        Policy policy = new()
        {
            Contact = new ContactPolicy
            {
                Consent = ImmutableSortedDictionary<string, string>.Empty.Add("web", "mail_ok"),
                Caps = [new ContactCap { Most = 0, Window = TimeSpan.FromDays(1) }],
            },
        };
        Proposition notice = Plain with { Kind = PropositionKind.Mandatory, Differentiated = true, Margin = Amount.Zero, DefaultContact = 3 };
        DecisionModel model = Model(Workspace(
        [
            notice with { Id = "cheap_notice", DefaultContact = 1 }, notice with { Id = "notice" }, notice with { Id = "void", Eligibility = Where("tenure > 99") },
            Plain with { Id = "offer" }, Plain with { Id = "service", Kind = PropositionKind.Service },
        ], policy));
        DecisionTrace trace = model.Decide(Row(profit: -100, upper: -100, mailOk: 0), new DecisionInput { TimeUnixMs = Noon, Slots = 9, Role = -1 });
        Assert.Equal(["cheap_notice", "notice", "do_nothing"], model.Names(trace.Order.ToArray()));
        Assert.Equal(["cheap_notice", "notice", "do_nothing"], model.Names(trace.Chosen));
        Assert.All(trace.Chosen.ToArray(), c => Assert.Equal(1, c.ActionProbability));
        Assert.Equal((1, 0, 0), (trace.Of(model, "cheap_notice").ActionProbability, trace.Of(model, "notice").ActionProbability, trace.Candidates[0].ActionProbability));
        Assert.Equal(Stage.Eligibility, trace.Of(model, "void").FellAt);
        Assert.Equal(Stage.Consent, trace.Of(model, "offer").FellAt);
        Assert.Equal(Stage.ContactPolicy, trace.Of(model, "service").FellAt); // service needs no consent, but caps hold
    }

    [Theory]
    [InlineData(1, "best")]
    [InlineData(2, "best, good")]
    [InlineData(3, "best, good, do_nothing")]
    [InlineData(9, "best, good, do_nothing")]
    public void Decide_SeveralSlots_EndWithDoNothing(int slots, string expected)
    {
        DecisionModel model = Model(Plain with { Id = "good" }, Plain with { Id = "best", Differentiation = 1 }, Plain with { Id = "bad", DefaultContact = 20 });
        DecisionTrace trace = model.Decide(Row(), new DecisionInput { TimeUnixMs = Noon, Slots = slots, Role = -1 });
        Assert.Equal(expected, string.Join(", ", model.Names(trace.Chosen)));
        Assert.Equal(model.Names(trace.Chosen), model.Names(trace.Offered));
    }

    [Fact]
    public void Decide_NothingIsWorthIt_DoesNothing()
    {
        DecisionTrace trace = Model(Plain with { DefaultContact = 99 }).Decide(Row(), Inbound());
        Assert.Equal([new Choice(0, 1, false)], trace.Chosen.ToArray());
        Assert.Equal([new Choice(0, 1, false)], Model().Decide(Row(), Inbound()).Chosen.ToArray());
    }

    [Fact]
    public void Decide_Rights_MarkWhatTheRoleMayNotConcedeAndKeepIt()
    {
        Policy policy = new()
        {
            Roles = new Dictionary<string, DecisionRight>
            {
                ["agent"] = new(5, ["gift"]),
                ["lead"] = new(10, []),
                ["boss"] = new(double.PositiveInfinity, []),
            }.ToImmutableSortedDictionary(StringComparer.Ordinal),
        };
        Strategy trusting = new()
        {
            Id = "trusting",
            Name = "trusting",
            Segments = [8],
            DecisionRights = ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new DecisionRight(10, [])),
        };
        Workspace workspace = Workspace(
        [
            Plain with { Id = "five", Fulfilment = 5 }, Plain with { Id = "free" }, Plain with { Id = "gift", Concession = 50 },
            Plain with { Id = "ten", Fulfilment = 5, Concession = 10 },
        ], policy, [trusting]);
        DecisionModel model = Model(workspace);
        Assert.Equal(["agent", "boss", "lead"], model.Roles);
        Assert.Equal("ten", Approvals(group: 0, "agent")); // the gift is his by name
        Assert.Equal("gift", Approvals(group: 0, "lead"));
        Assert.Equal("", Approvals(group: 0, "boss"));
        Assert.Equal("five, gift, ten", Approvals(group: 0, ""));
        Assert.Equal("gift", Approvals(group: 1, "agent")); // the strategy's right instead
        Assert.Equal("gift", Approvals(group: 1, "lead"));
        DecisionTrace mine = model.Decide(Row(), Inbound());
        DecisionTrace trusted = model.Decide(Row(group: 1), Inbound());
        Assert.Equal((-1, 0), (mine.StrategyIndex, trusted.StrategyIndex));
        Assert.Equal(["agent", "agent", "agent", "lead"], Enumerable.Range(1, 4).Select(c => model.ApproverOf(mine, c)));
        Assert.Equal("boss", model.ApproverOf(trusted, model.IndexOf("gift")));
        Assert.Null(model.ApproverOf(mine, 0));
        Assert.Equal("", string.Join(", ", Model(Plain with { Fulfilment = 5 }).Decide(Row(), Inbound()).Candidates.Where(c => c.NeedsApproval)));

        string Approvals(float group, string role)
        {
            DecisionTrace trace = model.Decide(Row(group: group), new DecisionInput { TimeUnixMs = Noon, Slots = 9, Role = role.Length == 0 ? -1 : model.Roles.IndexOf(role) });
            return string.Join(", ", model.Names(trace.Order.ToArray().Where(c => trace.Candidates[c].NeedsApproval).Order()));
        }
    }

    [Fact]
    public void Constructor_WhatDoesNotExist_IsRefused()
    {
        Workspace workspace = Workspace([Plain]);
        Numbering none = Numbering.Empty;
        Assert.Throws<ArgumentException>(() => new DecisionModel(workspace, ByHand(), none, Numbering.Of(workspace.Channels)));
        Assert.Contains("'gone'", Refusal(new Policy { HoldOut = new HoldOutPolicy(0.1, 0, "gone") }));
        Assert.Contains("'gone'", Refusal(new Policy { Gate = new GatePolicy { Evidence = [new GateEvidence("gone", Tier.Marginal, 1, "")] } }));
        Assert.Contains("no time zone 'Mars'", Refusal(new Policy { Contact = new ContactPolicy { TimeZone = "Mars" } }));

        static string Refusal(Policy policy) => Assert.Throws<ArgumentException>(() => Model(Workspace([Plain], policy))).Message;
    }

    [Fact]
    public void Decide_WhatDoesNotFit_IsRefused()
    {
        DecisionModel model = Model(Plain, Plain with { Id = "other" });
        DecisionModel another = Model(Plain);
        ScoreBlock block = model.Scored(Row());
        DecisionTrace trace = model.CreateTrace();
        DecisionInput fine = Inbound();
        Assert.Throws<ArgumentException>(() => model.Decide(another.Scored(Row()), 0, Inbound(), trace));
        Assert.Throws<ArgumentException>(() => model.Decide(model.Scorer.CreateBlock(1), 0, Inbound(), trace));
        Assert.Throws<ArgumentException>(() => model.Decide(block, 1, Inbound(), trace));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Decide(block, -1, Inbound(), trace));
        Assert.Throws<ArgumentException>(() => model.Decide(block, 0, Inbound(), another.CreateTrace()));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Decide(block, 0, Inbound(channel: 3), trace));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Decide(block, 0, new DecisionInput { Slots = 0 }, trace));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Decide(block, 0, new DecisionInput { Slots = 1, Role = 0 }, trace));
        Assert.Throws<ArgumentException>(() => model.Decide(block, 0, new DecisionInput { Slots = 1, Role = -1, BudgetLeft = [1.0] }, trace));
        model.Decide(block, 0, in fine, trace);
        Assert.Equal(1, trace.Chosen.Length);
    }

    [Fact]
    public void Decide_HeldOut_KeepsTheGhostAndOffersTheStandardTreatment()
    {
        Policy policy = new() { HoldOut = new HoldOutPolicy(0.5, Salt: 3, StandardTreatment: "standard") };
        Proposition standard = Plain with { Id = "standard", Margin = Amount.Zero, Channels = ["web"] };
        Proposition notice = standard with { Id = "notice", Kind = PropositionKind.Mandatory, Channels = ["phone"] };
        DecisionModel model = Model(Workspace([Plain, standard, notice], policy));
        Assert.Equal(model.IndexOf("standard"), model.StandardTreatment);
        AssertDecides(0, channel: 0, heldOut: true, chosen: "plain", offered: "standard");
        AssertDecides(1UL << 63, channel: 0, heldOut: false, chosen: "plain", offered: "plain"); // a share of .5
        AssertDecides((1UL << 63) - 1, channel: 0, heldOut: true, chosen: "plain", offered: "standard");
        AssertDecides(DecisionInput.NoUnit, channel: 0, heldOut: false, chosen: "plain", offered: "plain");
        AssertDecides(0, channel: 2, heldOut: true, chosen: "plain", offered: "do_nothing"); // the standard treatment is for the web
        AssertDecides(0, channel: 1, heldOut: true, chosen: "notice", offered: "notice", slots: 1);
        AssertDecides(0, channel: 1, heldOut: true, chosen: "notice, plain, do_nothing", offered: "notice, do_nothing", slots: 3);
        AssertDecides(0, channel: 0, heldOut: true, chosen: "plain, do_nothing", offered: "standard", slots: 3);

        DecisionModel nothing = Model(Workspace([Plain], new Policy { HoldOut = new HoldOutPolicy(0.5) }));
        Assert.Equal([new Choice(0, 1, false)], nothing.Decide(Row(), new DecisionInput { Slots = 1, Role = -1 }).Offered.ToArray());

        void AssertDecides(ulong unit, int channel, bool heldOut, string chosen, string offered, int slots = 1)
        {
            DecisionTrace trace = model.Decide(Row(channel: channel), new DecisionInput { TimeUnixMs = Noon, Channel = channel, Slots = slots, Role = -1, UnitHash = unit });
            Assert.Equal((heldOut, chosen, offered), (trace.HeldOut, string.Join(", ", model.Names(trace.Chosen)), string.Join(", ", model.Names(trace.Offered))));
            model.OfferStandardTreatment(trace); // what a decision that cannot be logged gets
            string fallBack = channel == 0 ? "standard" : channel == 2 ? "do_nothing" : slots == 1 ? "notice" : "notice, do_nothing";
            Assert.Equal(fallBack, string.Join(", ", model.Names(trace.Offered)));
        }
    }

    [Fact]
    public void Decide_HeldOut_IsAStableShareOfEverySegment()
    {
        const int Customers = 20_000;
        DecisionModel model = Model(Workspace([Plain], new Policy { HoldOut = new HoldOutPolicy(0.1, Salt: 77) }));
        ScoreBlock block = model.Scored(Row(group: 0), Row(group: 1));
        DecisionTrace trace = model.CreateTrace();
        int[] held = new int[2];
        for (int i = 0; i < Customers; i++)
        {
            int segment = i % 2;
            model.Decide(block, segment, new DecisionInput { Slots = 1, Role = -1, UnitHash = model.UnitHashOf(BitConverter.GetBytes(i)) }, trace);
            Assert.Equal(segment, trace.SegmentIndex);
            Assert.Equal(CustomerHash.Share(CustomerHash.Of(BitConverter.GetBytes(i), 77)) < 0.1, trace.HeldOut);
            held[segment] += trace.HeldOut ? 1 : 0;
        }
        // Four standard deviations of a binomial: 4 * sqrt(10,000 * .1 * .9) = 120.
        Assert.All(held, h => Assert.InRange(h, 1000 - 120, 1000 + 120));
    }

    [Fact]
    public void Decide_Counts_ShrinkThePropensity()
    {
        // Nothing counted: the prior, .2. Counted 50 of 100, in the segment 0 of 50: rate .35, then (0 + 50 * .35) / 100 = .175.
        // With a model of 300 offers that says .5 and a prior strength of 100: (300 * .5 + 100 * .175) / 400 = .41875; with the prior .425.
        Workspace workspace = Workspace([Plain with { Id = "new" }, Plain with { Id = "trained" }]);
        DecisionModel model = Model(workspace, ByHand(true, ("trained", Liking(300, prior: 0.9, strength: 100))));
        DecisionTrace none = model.Decide(Row(), Inbound());
        Assert.Equal(0.2, none.Of(model, "new").Value.Propensity, 1e-7);
        Assert.Equal(0.425, none.Of(model, "trained").Value.Propensity, 1e-7);

        AcceptanceCounts live = new();
        foreach (int number in new[] { 1, 2 })
        {
            live.Add(number, 7, 50, 0);
            live.Add(number, 8, 50, 50);
        }
        CandidateCounts[] counts = new CandidateCounts[2];
        model.ReadCounts(live, 0, counts);
        Assert.All(counts, c => Assert.Equal(new CandidateCounts(100, 50, 50, 0), c));
        DecisionTrace trace = model.Decide(Row(), new DecisionInput { TimeUnixMs = Noon, Slots = 1, Role = -1, Counts = counts });
        Assert.Equal(0.175, trace.Of(model, "new").Value.Propensity, 1e-7);
        Assert.Equal(0.41875, trace.Of(model, "trained").Value.Propensity, 1e-7);
        Assert.Equal(counts[0], trace.Of(model, "new").Counts);
        Assert.Equal(0.5 * 0.175 * 100, trace.Of(model, "new").Value.Score, 1e-5);
    }

    [Fact]
    public void Decide_NoCounts_IsTheScorersRanking()
    {
        Workspace workspace = Workspace([Plain with { Id = "new" }, Plain with { Id = "trained" }, Plain with { Id = "sure", NeedsAcceptance = false, DefaultContact = 60 }]);
        DecisionModel model = Model(workspace, ByHand(true, ("trained", Liking(300, prior: 0.9, strength: 100))));
        ScoreBlock block = model.Scored(Row(liking: -2));
        PropositionValue[] ranked = new PropositionValue[4];
        model.Scorer.Rank(block, 0, ranked);
        DecisionTrace trace = model.CreateTrace();
        model.Decide(block, 0, Inbound(), trace);
        Assert.Equal(ranked, trace.Order.ToArray().Select(c => trace.Candidates[c].Value));
    }

    [Fact]
    public void ValueOf_ACandidateThatFell_IsWhatItWouldBeWorth()
    {
        DecisionModel model = Model(Plain with { Eligibility = Where("tenure > 99") });
        ScoreBlock block = model.Scored(Row());
        Assert.Equal(10, model.ValueOf(block, 0, 1, Inbound()).Score, 1e-5);
        Assert.Equal(PropositionValue.OfDoingNothing, model.ValueOf(block, 0, 0, Inbound()));
    }

    [Fact]
    public void Decide_Exploration_IsOpenOnlyWhereThePolicyOpensIt()
    {
        Policy policy = new()
        {
            Exploration = new ExplorationPolicy
            {
                Channels = ImmutableSortedDictionary<string, Exploration>.Empty.Add("web", new Exploration(ExplorationKind.Epsilon, 0.3)),
                Default = new Exploration(ExplorationKind.Epsilon, 0.6),
            },
        };
        DecisionModel model = Model(Workspace([Plain, Plain with { Id = "bad", DefaultContact = 99 }, Plain with { Id = "out", Eligibility = Where("tenure > 99") }], policy));
        // Three are in: plain, do nothing, bad.
        Assert.Equal([0.1, 0.1, 0, 0.8], Probabilities(channel: 0), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal([0, 0, 0, 1], Probabilities(channel: 1));
        Assert.Equal([0.2, 0.2, 0, 0.6], Probabilities(channel: -1), (a, b) => Math.Abs(a - b) < 1e-12);

        IEnumerable<double> Probabilities(int channel) => model.Decide(Row(), Inbound(channel)).Candidates.Select(c => c.ActionProbability);
    }

    [Fact]
    public void Decide_ExploringSlots_DrawsWithoutReplacementUntilDoNothing()
    {
        Policy policy = new() { Exploration = new ExplorationPolicy { Default = new Exploration(ExplorationKind.Epsilon, 0.9) } };
        DecisionModel model = Model(Workspace([Plain, Plain with { Id = "b", Differentiation = 1 }, Plain with { Id = "c", Differentiation = 2 }], policy));
        ScoreBlock block = model.Scored(Row());
        DecisionTrace trace = model.CreateTrace();
        Dictionary<string, int> seen = [];
        for (int i = 0; i < 3_000; i++)
        {
            model.Decide(block, 0, new DecisionInput { Channel = -1, Slots = 4, Role = -1, Seed = DecisionModel.SeedOf(BitConverter.GetBytes(i)) }, trace);
            List<int> open = [.. trace.Order];
            foreach (Choice choice in trace.Chosen)
            {
                // Epsilon .9 over those that are open, in rank order.
                double expected = (0.9 / open.Count) + (choice.Candidate == open[0] ? 0.1 : 0);
                Assert.Equal(expected, choice.ActionProbability, 1e-12);
                Assert.True(open.Remove(choice.Candidate));
            }
            Assert.Equal(0, trace.Chosen[^1].Candidate);
            Assert.DoesNotContain(0, trace.Chosen[..^1].ToArray().Select(c => c.Candidate));
            string names = string.Concat(model.Names(trace.Chosen).Select(n => n[0]));
            seen[names] = seen.GetValueOrDefault(names) + 1;
        }
        // Every order of every selection, before do nothing: 1 + 3 + 6 + 6; "d" has probability .225.
        Assert.Equal(16, seen.Count);
        Assert.InRange(seen["d"] / 3000.0, 0.225 - 0.03, 0.225 + 0.03);
    }
}
