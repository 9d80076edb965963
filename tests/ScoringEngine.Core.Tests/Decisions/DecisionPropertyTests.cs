using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Tests.Models.Onnx;
using ScoringEngine.Core.Tests.Workspaces;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

/// <summary>What holds for every decision, over random workspaces with models of every kind and random customers.</summary>
public sealed class DecisionPropertyTests
{
    private static readonly DateTime Start = new(2026, 6, 15, 0, 0, 0, DateTimeKind.Utc);
    private static readonly ModelSet Models = SampleModels.Create(5, trees: 20);

    // The same columns, as a file may state them.
    private static readonly FeatureSchema Schema = new(Models.Schema.Features.Select(f => f.Log1P ? f with { Minimum = 0 } : f));
    private static readonly string[] Channels = [.. Models.Schema.Features[^1].Categories];
    private static readonly Needs Needs = new(
        [new Need("price", "price"), new Need("service", "service")],
        new NeedWeights { Weights = DecisionWorld.Map(("price", 0.7), ("service", 0.3)) }, ImmutableSortedDictionary<int, NeedWeights>.Empty);

    private static readonly Lazy<Workspace> Empty = new(() =>
    {
        using TemporaryFolder folder = new();
        return WorkspaceFiles.Load(folder, Schema, new Policy(), Needs, []);
    });

    [Fact]
    public void Decide_RandomWorkspaces_IsTheNaiveDecision()
    {
        SeededRandom random = new(61);
        HashSet<(Stage, FallReason)> falls = [];
        HashSet<GateDoor> doors = [];
        for (int round = 0; round < 25; round++)
        {
            DecisionModel model = ModelOf(RandomWorkspace(ref random));
            DecisionTrace trace = model.CreateTrace();
            ScoreBlock block = Scored(model, SampleModels.Rows(20, random.Next(1 << 30)), (b, n) => model.Scorer.Score(b, n));
            for (int row = 0; row < block.Count; row++)
            {
                NaiveDecision.Input input = RandomInput(ref random, model);
                NaiveDecision expected = NaiveDecision.Decide(model, block, row, input);
                model.Decide(block, row, InputOf(model, input, seed: (ulong)row), trace);
                Assert.Equal(expected.Order, model.Names(trace.Order.ToArray()));
                Assert.Equal(expected.HeldOut, trace.HeldOut);
                foreach ((Proposition proposition, int i) in model.Workspace.Propositions.Select((p, i) => (p, i)))
                {
                    Candidate candidate = trace.Candidates[i + 1];
                    Assert.Equal(expected.Fallen.GetValueOrDefault(proposition.Id), (candidate.FellAt, candidate.Fall.Reason));
                    Assert.Equal(expected.Scores.GetValueOrDefault(proposition.Id, double.NaN), candidate.Value.Score, 1e-9);
                    Assert.Equal(candidate.FellAt == Stage.None && expected.NeedApproval.Contains(proposition.Id), candidate.NeedsApproval);
                    Assert.Equal(expected.Doors[proposition.Id], candidate.Door);
                    falls.Add((candidate.FellAt, candidate.Fall.Reason));
                    doors.Add(candidate.Door);
                }
                AssertChosenAreDrawn(model, input, trace);
            }
        }
        // The worlds are rich enough to meet everything.
        Assert.Equal(Enum.GetValues<GateDoor>().Length, doors.Count);
        Assert.Equal(14, falls.Count); // all reasons but quiet hours and suppression
    }

    /// <summary>Each slot has the probability that the policy's distribution gives it over what is open, and do nothing ends the list.</summary>
    private static void AssertChosenAreDrawn(DecisionModel model, NaiveDecision.Input input, DecisionTrace trace)
    {
        Exploration exploration = input.Channel is null ? model.Workspace.Policy.Exploration.Default
            : model.Workspace.Policy.Exploration.Channels.GetValueOrDefault(input.Channel, Exploration.None);
        bool Mandatory(int c) => c > 0 && model.Workspace.Propositions[c - 1].Kind == PropositionKind.Mandatory;
        int[] mandatory = [.. trace.Order.ToArray().Where(Mandatory)];
        List<int> open = [.. trace.Order.ToArray().Where(c => !Mandatory(c))];
        Assert.Equal(1, trace.Candidates.Sum(c => c.ActionProbability), 1e-12);
        Assert.InRange(trace.Chosen.Length, 1, input.Slots);
        for (int slot = 0; slot < trace.Chosen.Length; slot++)
        {
            Choice choice = trace.Chosen[slot];
            Assert.Equal(trace.Candidates[choice.Candidate].NeedsApproval, choice.NeedsApproval);
            if (slot < mandatory.Length)
            {
                Assert.Equal(new Choice(mandatory[slot], 1, choice.NeedsApproval), choice);
                continue;
            }
            double[] probabilities = new double[open.Count];
            ActionDistribution.Fill(exploration, model.Workspace.Policy.Exploration.Scale, [.. open.Select(c => trace.Candidates[c].Value.Score)], probabilities);
            Assert.Equal(probabilities[open.IndexOf(choice.Candidate)], choice.ActionProbability);
            Assert.True(choice.ActionProbability > 0);
            if (slot == 0)
            {
                Assert.Equal(probabilities, open.Select(c => trace.Candidates[c].ActionProbability));
            }
            open.Remove(choice.Candidate);
        }
        Assert.All(trace.Chosen[..^1].ToArray(), c => Assert.NotEqual(0, c.Candidate));
        Assert.True(trace.Chosen.Length == input.Slots || trace.Chosen[^1].Candidate == 0);
        Assert.True(trace.HeldOut || trace.Chosen.SequenceEqual(trace.Offered));
    }

    [Fact]
    public void Decide_AnyBlockAndOrderOfRows_GivesTheBitsOfARowAlone()
    {
        SeededRandom random = new(62);
        for (int round = 0; round < 6; round++)
        {
            DecisionModel model = ModelOf(RandomWorkspace(ref random));
            const int Rows = 150;
            FeatureMatrix rows = SampleModels.Rows(Rows, round);
            NaiveDecision.Input[] inputs = new NaiveDecision.Input[Rows];
            byte[][] expected = new byte[Rows][];
            DecisionTrace trace = model.CreateTrace();
            ScoreBlock one = model.Scorer.CreateBlock(1);
            for (int r = 0; r < Rows; r++)
            {
                inputs[r] = RandomInput(ref random, model);
                rows.Row(r).CopyTo(one.Row(0));
                model.Scorer.Score(one, 1);
                model.Decide(one, 0, InputOf(model, inputs[r], (ulong)r), trace);
                expected[r] = BitsOf(trace);
            }
            Assert.True(expected.DistinctBy(Convert.ToHexString).Count() > Rows / 2);
            int[] order = [.. Enumerable.Range(0, Rows)];
            foreach (int size in new[] { 1, 7, DecisionModel.BlockRows })
            {
                random.Shuffle(order.AsSpan());
                AssertSame(order, size, model.Score);
                AssertSame(order, size, model.Scorer.Score);
            }

            void AssertSame(int[] order, int size, Action<ScoreBlock, int> score)
            {
                ScoreBlock block = model.Scorer.CreateBlock(size);
                for (int start = 0; start < Rows; start += size)
                {
                    int count = Math.Min(size, Rows - start);
                    for (int r = 0; r < count; r++)
                    {
                        rows.Row(order[start + r]).CopyTo(block.Row(r));
                    }
                    score(block, count);
                    for (int r = 0; r < count; r++)
                    {
                        int row = order[start + r];
                        model.Decide(block, r, InputOf(model, inputs[row], (ulong)row), trace);
                        Assert.Equal(expected[row], BitsOf(trace));
                    }
                }
            }
        }
    }

    [Fact]
    public void Decide_OneModelOnManyThreads_GivesTheBitsOfOneThread()
    {
        SeededRandom random = new(63);
        DecisionModel model = ModelOf(RandomWorkspace(ref random));
        const int Rows = DecisionModel.BlockRows;
        FeatureMatrix rows = SampleModels.Rows(Rows, 9);
        NaiveDecision.Input[] inputs = new NaiveDecision.Input[Rows];
        for (int r = 0; r < Rows; r++)
        {
            inputs[r] = RandomInput(ref random, model);
        }
        byte[][] expected = All();
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ => Assert.Equal(expected, All()));

        byte[][] All()
        {
            ScoreBlock block = Scored(model, rows, model.Score);
            DecisionTrace trace = model.CreateTrace();
            byte[][] bits = new byte[Rows][];
            for (int r = 0; r < Rows; r++)
            {
                model.Decide(block, r, InputOf(model, inputs[r], (ulong)r), trace);
                bits[r] = BitsOf(trace);
            }
            return bits;
        }
    }

    [Fact]
    public void Decide_PropositionsInAnotherOrderInTheFile_ChangesNothing()
    {
        SeededRandom random = new(64);
        using TemporaryFolder folder = new();
        using TemporaryFolder other = new();
        Proposition[] catalogue = [.. RandomWorkspace(ref random).Propositions.Select(Writable)];
        Proposition[] shuffled = [.. catalogue];
        random.Shuffle(shuffled.AsSpan());
        Assert.NotEqual(catalogue.Select(p => p.Id), shuffled.Select(p => p.Id));
        DecisionModel model = ModelOf(WorkspaceFiles.Load(folder, Schema, new Policy(), Needs, catalogue));
        DecisionModel reordered = ModelOf(WorkspaceFiles.Load(other, Schema, new Policy(), Needs, shuffled));
        FeatureMatrix rows = SampleModels.Rows(60, 3);
        ScoreBlock block = Scored(model, rows, model.Score);
        ScoreBlock otherBlock = Scored(reordered, rows, reordered.Score);
        DecisionTrace trace = model.CreateTrace();
        for (int r = 0; r < rows.Rows; r++)
        {
            model.Decide(block, r, new DecisionInput { TimeUnixMs = DecisionWorld.Noon, Slots = 3, Role = -1 }, trace);
            byte[] expected = BitsOf(trace);
            reordered.Decide(otherBlock, r, new DecisionInput { TimeUnixMs = DecisionWorld.Noon, Slots = 3, Role = -1 }, trace);
            Assert.Equal(expected, BitsOf(trace));
        }

        static Proposition Writable(Proposition p) => p with { Eligibility = null, Applicability = null, Suitability = null };
    }

    [Fact]
    public void Decide_AStricterRule_NeverAddsACandidate()
    {
        SeededRandom random = new(65);
        int lost = 0;
        for (int round = 0; round < 40; round++)
        {
            Workspace workspace = RandomWorkspace(ref random);
            int at = random.Next(workspace.Propositions.Length);
            Rule further = RandomRule(ref random, 1);
            Proposition stricter = workspace.Propositions[at];
            stricter = random.Next(3) switch
            {
                0 => stricter with { Eligibility = And(stricter.Eligibility) },
                1 => stricter with { Applicability = And(stricter.Applicability) },
                _ => stricter with { Suitability = And(stricter.Suitability) },
            };
            DecisionModel model = ModelOf(workspace);
            DecisionModel narrowed = ModelOf(workspace.With(propositions: workspace.Propositions.SetItem(at, stricter)));
            FeatureMatrix rows = SampleModels.Rows(64, round);
            ScoreBlock block = Scored(model, rows, model.Score);
            ScoreBlock narrowedBlock = Scored(narrowed, rows, narrowed.Score);
            DecisionTrace trace = model.CreateTrace();
            DecisionTrace less = narrowed.CreateTrace();
            for (int r = 0; r < rows.Rows; r++)
            {
                NaiveDecision.Input input = RandomInput(ref random, model);
                model.Decide(block, r, InputOf(model, input, 1), trace);
                narrowed.Decide(narrowedBlock, r, InputOf(narrowed, input, 1), less);
                int[] kept = [.. trace.Order.ToArray().Where(c => c != at + 1 || less.Candidates[c].FellAt == Stage.None)];
                Assert.Equal(kept, less.Order.ToArray());
                lost += trace.Order.Length - less.Order.Length;
            }

            Rule And(Rule? rule) => rule is null ? further : new Compound(Junction.All, [rule, further]);
        }
        Assert.True(lost > 100);
    }

    [Fact]
    public void Without_ARule_IsTheModelWithoutIt()
    {
        SeededRandom random = new(66);
        for (int round = 0; round < 10; round++)
        {
            Workspace workspace = RandomWorkspace(ref random);
            int at = random.Next(workspace.Propositions.Length);
            Stage stage = Stage.Eligibility + (byte)random.Next(3);
            Proposition p = workspace.Propositions[at];
            p = stage switch
            {
                Stage.Eligibility => p with { Eligibility = null },
                Stage.Applicability => p with { Applicability = null },
                _ => p with { Suitability = null },
            };
            DecisionModel model = ModelOf(workspace);
            DecisionModel dropped = model.Without(at, stage);
            DecisionModel expected = ModelOf(workspace.With(propositions: workspace.Propositions.SetItem(at, p)));
            FeatureMatrix rows = SampleModels.Rows(64, round);
            ScoreBlock block = Scored(model, rows, model.Score);
            ScoreBlock other = Scored(expected, rows, expected.Score);
            ScoreBlock own = Scored(dropped, rows, dropped.Score);
            DecisionTrace trace = model.CreateTrace();
            for (int r = 0; r < rows.Rows; r++)
            {
                NaiveDecision.Input input = RandomInput(ref random, model);
                expected.Decide(other, r, InputOf(expected, input, 1), trace);
                byte[] bits = BitsOf(trace);
                dropped.Decide(block, r, InputOf(model, input, 1), trace);
                Assert.Equal(bits, BitsOf(trace));
                dropped.Decide(own, r, InputOf(model, input, 1), trace);
                Assert.Equal(bits, BitsOf(trace));
            }
        }
    }

    [Theory]
    [InlineData(ExplorationKind.Epsilon, 0.5)]
    [InlineData(ExplorationKind.Softmax, 2.0)]
    [InlineData(ExplorationKind.SquareCb, 5.0)]
    public void Decide_ManySeeds_ChoosesWithTheActionProbabilities(ExplorationKind kind, double parameter)
    {
        const int Draws = 200_000;
        Policy policy = new() { Exploration = new ExplorationPolicy { Default = new Exploration(kind, parameter) } };
        DecisionModel model = DecisionWorld.Model(DecisionWorld.Workspace(
            Enumerable.Range(0, 6).Select(i => DecisionWorld.Plain with { Id = $"p{i}", DefaultContact = 3 * i }), policy));
        ScoreBlock block = model.Scored(DecisionWorld.Row());
        DecisionTrace trace = model.CreateTrace();
        int[] counts = new int[model.CandidateCount];
        Span<byte> id = stackalloc byte[11];
        for (int i = 0; i < Draws; i++)
        {
            i.TryFormat(id, out int written, provider: CultureInfo.InvariantCulture);
            model.Decide(block, 0, new DecisionInput { Channel = -1, Role = -1, Slots = 1, Seed = DecisionModel.SeedOf(id[..written]) }, trace);
            counts[trace.Chosen[0].Candidate]++;
        }
        double chiSquare = trace.Candidates.Select((c, i) => Math.Pow(counts[i] - (Draws * c.ActionProbability), 2) / (Draws * c.ActionProbability)).Sum();
        Assert.True(chiSquare < 22.46, $"chi-square {chiSquare}"); // 99.9 % of six degrees of freedom
    }

    [Fact]
    public void Decide_InSteadyState_AllocatesNothing()
    {
        SeededRandom random = new(67);
        DecisionModel model = ModelOf(RandomWorkspace(ref random));
        NaiveDecision.Input input = RandomInput(ref random, model);
        ushort[] declined = [1];
        ScoreBlock block = Scored(model, SampleModels.Rows(64, 1), model.Score);
        DecisionTrace trace = model.CreateTrace();
        AcceptanceCounts live = new();
        live.Add(1, 2, 5, 1);
        long allocated = 0;
        for (int round = 0; round < 30; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            model.Score(block, 64);
            for (int r = 0; r < block.Count; r++)
            {
                model.ReadCounts(live, block.SegmentIndexes[r], input.Counts);
                model.Decide(block, r, new DecisionInput
                {
                    TimeUnixMs = DecisionWorld.Noon,
                    Channel = 0,
                    Role = -1,
                    Slots = 3,
                    Seed = (ulong)r,
                    UnitHash = (ulong)r,
                    Direction = Direction.Outbound,
                    Contacts = input.Contacts,
                    Declined = declined,
                    Counts = input.Counts,
                    BudgetLeft = input.Budgets,
                    VolumeLeft = input.Volumes,
                }, trace);
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }

    private static DecisionModel ModelOf(Workspace workspace)
        => new(workspace, Models, Numbering.Of(workspace.Propositions.Select(p => p.Id)), Numbering.Of(workspace.Channels));

    private static ScoreBlock Scored(DecisionModel model, FeatureMatrix rows, Action<ScoreBlock, int> score)
    {
        ScoreBlock block = model.Scorer.CreateBlock(rows.Rows);
        for (int r = 0; r < rows.Rows; r++)
        {
            rows.Row(r).CopyTo(block.Row(r));
        }
        score(block, rows.Rows);
        return block;
    }

    /// <summary>Everything that a trace says, as bits.</summary>
    private static byte[] BitsOf(DecisionTrace trace) =>
    [
        .. MemoryMarshal.AsBytes(trace.Order),
        .. Encoding.UTF8.GetBytes($"{trace.HeldOut} {trace.InGateTest} {trace.SegmentIndex} {trace.Tier} {trace.StrategyIndex}"),
        .. trace.Chosen.ToArray().Concat(trace.Offered.ToArray()).SelectMany(c => BitsOf(c.Candidate, c.ActionProbability, c.NeedsApproval ? 1 : 0)),
        .. trace.Candidates.SelectMany(c => BitsOf(
            (double)c.FellAt, (double)c.Fall.Reason, c.Fall.Detail, c.Fall.Was, c.Fall.Limit, (double)c.Door, c.NeedsApproval ? 1 : 0, c.ActionProbability,
            c.Value.Proposition, c.Value.Propensity, c.Value.IncrementalPropensity, c.Value.OrganisationValue, c.Value.CustomerValue, c.Value.Score,
            c.Value.BreakEvenPropensity, (double)c.Value.Label)),
    ];

    private static byte[] BitsOf(params ReadOnlySpan<double> values) => MemoryMarshal.AsBytes(values).ToArray();

    private static DecisionInput InputOf(DecisionModel model, NaiveDecision.Input input, ulong seed) => new()
    {
        TimeUnixMs = new DateTimeOffset(input.Time).ToUnixTimeMilliseconds(),
        Channel = input.Channel is null ? -1 : model.Workspace.Channels.IndexOf(input.Channel),
        Role = input.Role is null ? -1 : model.Roles.IndexOf(input.Role),
        Slots = input.Slots,
        Seed = seed,
        UnitHash = model.UnitHashOf(Encoding.UTF8.GetBytes(input.UnitId)),
        Contacts = input.Contacts,
        Declined = input.Declined.Select(id => (ushort)model.NumberOf(model.IndexOf(id))).ToArray(),
        Counts = input.Counts,
        BudgetLeft = input.Budgets,
        VolumeLeft = input.Volumes,
        EvidenceBound = input.Evidence,
        GateTestSpent = input.GateTestSpent,
    };

    private static NaiveDecision.Input RandomInput(ref SeededRandom random, DecisionModel model)
    {
        int count = model.Workspace.Propositions.Length;
        DateTime time = Start.AddSeconds(random.Next(3 * 86_400));
        uint seconds = (uint)((new DateTimeOffset(time).ToUnixTimeMilliseconds() / 1000) - ContactEvent.EpochUnixSeconds);
        ContactEvent[] contacts = new ContactEvent[random.Next(6)];
        foreach (ref ContactEvent contact in contacts.AsSpan())
        {
            ContactKind kind = (ContactKind)(1 + random.Next(4));
            contact = new ContactEvent(kind == ContactKind.Reserved ? seconds + (uint)random.Next(7200) - 3600 : seconds - (uint)random.Next(10 * 86_400),
                (ushort)(1 + random.Next(count)), 1, kind);
        }
        double[] budgets = new double[count];
        double[] volumes = new double[count];
        double[] evidence = new double[count];
        CandidateCounts[] counts = new CandidateCounts[count];
        for (int a = 0; a < count; a++)
        {
            budgets[a] = random.Next(6) == 0 ? 10 * random.NextDouble() : double.PositiveInfinity;
            volumes[a] = random.Next(10) == 0 ? random.Next(2) : double.PositiveInfinity;
            evidence[a] = random.Next(3) == 0 ? random.NextNormal() : double.NaN;
            int offers = random.Next(3) * random.Next(200);
            int segmentOffers = random.Next(offers + 1);
            counts[a] = new CandidateCounts(offers, random.Next(offers + 1), segmentOffers, random.Next(segmentOffers + 1));
        }
        return new NaiveDecision.Input(
            time, random.Next(4) == 0 ? null : Channels[random.Next(3)], random.Next(3) switch { 0 => null, 1 => "agent", _ => "boss" },
            $"c{random.Next(1000)}", 1 + random.Next(4), contacts,
            random.Next(3) == 0 ? [model.Workspace.Propositions[random.Next(count)].Id] : [], counts, budgets, volumes, evidence, 10 * random.Next(2));
    }

    private static Workspace RandomWorkspace(ref SeededRandom random)
    {
        string[] ids = ["trees", "rate", "prior", "logistic", "staged", "isotonic", "average", "new", "z"];
        Proposition[] catalogue = new Proposition[ids.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            catalogue[i] = RandomProposition(ref random, ids[i]);
        }
        DateOnly day = DateOnly.FromDateTime(Start);
        Policy policy = new()
        {
            CustomerWeight = 30 * random.NextDouble(),
            Contact = new ContactPolicy
            {
                Caps = [new ContactCap { Scope = ContactScope.Proposition, Most = 1 + random.Next(2), Window = TimeSpan.FromDays(7) }],
                Consent = ImmutableSortedDictionary<string, string>.Empty.Add(Channels[1], "active"),
            },
            Gate = new GatePolicy
            {
                PotentialThreshold = 40 * random.NextDouble(),
                Test = new GateTest(0.4, random.Next(99), day, day.AddDays(1), 20),
            },
            HoldOut = new HoldOutPolicy(0.2, random.Next(99), random.Next(2) == 0 ? "new" : null),
            Exploration = new ExplorationPolicy
            {
                Default = new Exploration(ExplorationKind.SquareCb, 20 * random.NextDouble()),
                Channels = ImmutableSortedDictionary<string, Exploration>.Empty.Add(Channels[0], new Exploration(ExplorationKind.Epsilon, random.NextDouble()))
                    .Add(Channels[1], new Exploration(ExplorationKind.Softmax, 5 * random.NextDouble())),
                Scale = random.Next(2) == 0 ? 10 : null,
            },
            Smoothing = new SmoothingPolicy(100 * random.NextDouble(), 50 * random.NextDouble()),
            Roles = random.Next(4) == 0 ? ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new(0, [])).Add("boss", new(0, []))
                : ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new(5, ["trees"])).Add("boss", new(15, [])),
        };
        Strategy[] strategies =
        [
            new() { Id = "best", Name = "best", Tiers = [Tier.ValueCreator], DecisionRights = ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new(20, [])) },
            new() { Id = "some", Name = "some", Segments = [2, 5, 8] },
        ];
        return Empty.Value.With(policy, catalogue, strategies);
    }

    private static Proposition RandomProposition(ref SeededRandom random, string id) => new()
    {
        Id = id,
        Name = id,
        Kind = random.Next(6) switch { 0 => PropositionKind.Mandatory, 1 => PropositionKind.Service, _ => PropositionKind.Commercial },
        NeedsAcceptance = random.Next(5) > 0,
        Differentiated = random.Next(2) == 0,
        Margin = new Amount((150 * random.NextDouble()) - 30, DecisionWorld.Map(("number 0", 5))),
        Fulfilment = random.Next(2) * 20 * random.NextDouble(),
        DefaultContact = 3 * random.NextDouble(),
        Contact = DecisionWorld.Map((Channels[0], random.NextDouble())),
        Concession = random.Next(3) == 0 ? 20 * random.NextDouble() : null,
        PriorPropensity = random.NextDouble(),
        Benefits = DecisionWorld.Map(("price", (2 * random.NextDouble()) - 1), ("service", random.NextDouble())),
        MinimumCustomerValue = random.Next(3) == 0 ? random.NextDouble() - 0.5 : null,
        Channels = random.Next(4) == 0 ? [.. Channels.Take(1 + random.Next(2))] : [],
        ValidFrom = random.Next(6) == 0 ? DateOnly.FromDateTime(Start).AddDays(1) : null,
        ValidUntil = random.Next(6) == 0 ? DateOnly.FromDateTime(Start).AddDays(1) : null,
        Eligibility = random.Next(2) == 0 ? RandomRule(ref random, 2) : null,
        Applicability = random.Next(2) == 0 ? RandomRule(ref random, 2) : null,
        Suitability = random.Next(2) == 0 ? RandomRule(ref random, 1) : null,
    };

    private static Rule RandomRule(ref SeededRandom random, int depth)
    {
        if (depth > 0 && random.Next(2) == 0)
        {
            Rule[] parts = new Rule[1 + random.Next(3)];
            for (int i = 0; i < parts.Length; i++)
            {
                parts[i] = RandomRule(ref random, depth - 1);
            }
            return new Compound((Junction)random.Next(3), [.. parts]);
        }
        string number = random.NextNormal().ToString("F2", CultureInfo.InvariantCulture);
        (string subject, Comparator comparator, string[] values) = random.Next(6) switch
        {
            0 => ("number 0", Comparator.Less, new[] { number }),
            1 => ("number 3", Comparator.AtLeast, [number]),
            2 => ("potential", Comparator.AtMost, ["30"]),
            3 => ("region", Comparator.NotIn, ["region 1", "region 2"]),
            4 => ("product", Comparator.Equal, ["product 0"]),
            _ => ("active", random.Next(2) == 0 ? Comparator.Known : Comparator.Missing, []),
        };
        return new Comparison($"{subject} {comparator} {string.Join(' ', values)}", subject, comparator, [.. values]);
    }
}
