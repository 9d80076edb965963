using System.Collections.Immutable;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Runs a customer base through a changed workspace, and through the present one beside it: as batch decisions would be, but for
/// customers whom nobody contacted yet, and without running out of budgets. Sums are added in the order of the rows within a chunk and of the
/// chunks, so that no figure depends on threads. Used once.
/// </summary>
public sealed class Simulation
{
    /// <summary>Groups of customers that the bootstrap draws: by hash, so each is a random part of the base.</summary>
    private const int BootstrapGroups = 1024;

    private const int BootstrapReplicates = 1000;
    private const string RunId = "simulation";

    private readonly Side? _before;
    private readonly Side _after;
    private readonly SimulationOptions _options;
    private readonly int[] _ruleOf; // [candidate of after x stage], -1 where there is no rule
    private readonly (int Proposition, Stage Stage, DecisionModel Without)[] _rules;
    private readonly int _slots;

    /// <summary>A simulation.</summary>
    /// <param name="before">The present workspace; null for none.</param>
    /// <param name="after">The changed one.</param>
    /// <param name="options">How to decide.</param>
    /// <exception cref="ArgumentException">The two read different features.</exception>
    public Simulation(DecisionModel? before, DecisionModel after, SimulationOptions options)
    {
        ArgumentNullException.ThrowIfNull(after);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Threads);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Slots, 1);
        if (before is not null && before.Models.Schema.Hash != after.Models.Schema.Hash)
        {
            throw new ArgumentException("the two workspaces have different feature schemas", nameof(before));
        }
        _options = options;
        _before = before is null ? null : new Side(before, options);
        _after = new Side(after, options);
        _rules = options.DropOne ? [.. RulesOf(after)] : [];
        _slots = Math.Min(options.Slots, after.CandidateCount);
        _ruleOf = new int[after.CandidateCount * StageCount];
        _ruleOf.AsSpan().Fill(-1);
        for (int i = 0; i < _rules.Length; i++)
        {
            _ruleOf[((_rules[i].Proposition + 1) * StageCount) + (int)_rules[i].Stage] = i;
        }
    }

    private static int StageCount { get; } = Enum.GetValues<Stage>().Length;

    private static int TierCount { get; } = Enum.GetValues<Tier>().Length + 1; // 0: not known

    /// <summary>Runs the customers through.</summary>
    /// <param name="customers">The customers, with all features each.</param>
    /// <param name="cancellation">Ends it.</param>
    public SimulationResult Run(IEnumerable<CustomerChunk> customers, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(customers);
        Tally total = new(this);
        ChunkRunner.Run(customers, Work, total.Add, _options.Threads, cancellation);
        return new SimulationResult
        {
            Customers = total.Customers,
            Before = _before is { } before ? before.Tell(total.Before!) : null,
            After = _after.Tell(total.After),
            Moves = _before is null ? [] : [.. MovesOf(total)],
            Rules = [.. CostsOf(total).OrderByDescending(r => r.Cost)],
        };
    }

    private static IEnumerable<(int, Stage, DecisionModel)> RulesOf(DecisionModel model)
    {
        for (int a = 0; a < model.Workspace.Propositions.Length; a++)
        {
            Propositions.Proposition proposition = model.Workspace.Propositions[a];
            foreach ((Rules.Rule? rule, Stage stage) in new[]
            {
                (proposition.Eligibility, Stage.Eligibility), (proposition.Applicability, Stage.Applicability), (proposition.Suitability, Stage.Suitability),
            })
            {
                if (rule is not null)
                {
                    yield return (a, stage, model.Without(a, stage));
                }
            }
        }
    }

    private Tally Work(CustomerChunk chunk)
    {
        Tally tally = new(this);
        Desk? before = _before is null ? null : new Desk(_before.Model);
        Desk after = new(_after.Model);
        DecisionTrace without = _after.Model.CreateTrace();
        Span<byte> id = stackalloc byte[RunId.Length + 1 + FeatureSchema.MaxIdBytes];
        int prefix = Encoding.UTF8.GetBytes($"{RunId}/", id);
        for (int first = 0; first < chunk.Count; first += DecisionModel.BlockRows)
        {
            int count = Math.Min(DecisionModel.BlockRows, chunk.Count - first);
            before?.Score(chunk, first, count);
            after.Score(chunk, first, count);
            for (int r = 0; r < count; r++)
            {
                BatchCustomer customer = chunk.Customers[first + r];
                int end = prefix + Encoding.UTF8.GetBytes(customer.CustomerId, id[prefix..]);
                ulong seed = DecisionModel.SeedOf(id[..end]);
                ReadOnlySpan<byte> unit = customer.HouseholdId.Length > 0 ? Encoding.UTF8.GetBytes(customer.HouseholdId) : id[prefix..end];
                if (before is not null)
                {
                    before.Decide(r, _before!.InputOf(unit, seed));
                    tally.Before!.Add(before, r);
                }
                DecisionInput input = _after.InputOf(unit, seed);
                after.Decide(r, in input);
                tally.After.Add(after, r);
                if (before is not null)
                {
                    ref (long Customers, double Gain) move = ref tally.Moves[(First(before.Trace) * _after.Model.CandidateCount) + First(after.Trace)];
                    move = (move.Customers + 1, move.Gain + ScoreOf(after.Trace) - ScoreOf(before.Trace));
                }
                if (_rules.Length > 0)
                {
                    int group = (int)(CustomerHash.Of(id[prefix..end], _options.Seed) % BootstrapGroups);
                    tally.GroupSizes[group]++;
                    DropRules(after, r, in input, group, without, tally);
                }
            }
        }
        tally.Customers = chunk.Count;
        return tally;
    }

    /// <summary>For each rule that a proposition fell at: what the customer would get if it were not there.</summary>
    private void DropRules(Desk desk, int row, in DecisionInput input, int group, DecisionTrace without, Tally tally)
    {
        DecisionTrace trace = desk.Trace;
        for (int c = 1; c < trace.Candidates.Length; c++)
        {
            int rule = trace.Candidates[c].Fall.Reason == FallReason.Rule ? _ruleOf[(c * StageCount) + (int)trace.Candidates[c].FellAt] : -1;
            if (rule < 0)
            {
                continue;
            }
            tally.Stopped[rule]++;
            if (!CouldWin(desk, row, c, in input))
            {
                continue;
            }
            _rules[rule].Without.Decide(desk.Block, row, in input, without);
            if (!SameOffers(trace, without))
            {
                tally.Changed[rule]++;
                tally.Gains.Add((rule, group, ScoreOf(without) - ScoreOf(trace)));
            }
        }
    }

    /// <summary>Whether a candidate that fell could change what is offered, had it stayed in; never false where it would.</summary>
    private bool CouldWin(Desk desk, int row, int candidate, in DecisionInput input)
    {
        DecisionTrace trace = desk.Trace;
        if (_after.Explores || desk.Model.Workspace.Propositions[candidate - 1].Kind == Propositions.PropositionKind.Mandatory)
        {
            return true;
        }
        if (trace.HeldOut)
        {
            return candidate == desk.Model.StandardTreatment;
        }
        Choice last = trace.Chosen[^1];
        if (last.Candidate != 0 && trace.Chosen.Length < _slots)
        {
            return true;
        }
        // Without exploration slots go down the ranking: it has to come before the last of them.
        double score = desk.Model.ValueOf(desk.Block, row, candidate, in input).Score;
        return score >= trace.Candidates[last.Candidate].Value.Score || desk.Model.Workspace.Propositions[Math.Max(last.Candidate, 1) - 1].Kind == Propositions.PropositionKind.Mandatory;
    }

    private static bool SameOffers(DecisionTrace a, DecisionTrace b)
    {
        bool same = a.Offered.Length == b.Offered.Length;
        for (int i = 0; same && i < a.Offered.Length; i++)
        {
            same = a.Offered[i].Candidate == b.Offered[i].Candidate;
        }
        return same;
    }

    private static int First(DecisionTrace trace) => trace.Offered[0].Candidate;

    private static double ScoreOf(DecisionTrace trace)
    {
        double sum = 0;
        foreach (Choice choice in trace.Offered)
        {
            sum += trace.Candidates[choice.Candidate].Value.Score;
        }
        return sum;
    }

    private IEnumerable<SimulationMove> MovesOf(Tally total)
    {
        for (int b = 0; b < _before!.Model.CandidateCount; b++)
        {
            for (int a = 0; a < _after.Model.CandidateCount; a++)
            {
                (long customers, double gain) = total.Moves[(b * _after.Model.CandidateCount) + a];
                if (customers > 0)
                {
                    yield return new SimulationMove(_before.NameOf(b), _after.NameOf(a), customers, gain);
                }
            }
        }
    }

    /// <summary>
    /// The cost of each rule with its interval: percentile bootstrap (Efron, 1979) over the groups, each replicate with the groups'
    /// real sizes, so that the mean is a ratio.
    /// </summary>
    private IEnumerable<RuleCost> CostsOf(Tally total)
    {
        if (total.GroupGains.Length == 0)
        {
            return [];
        }
        double[] gains = total.GroupGains;
        double[][] replicates = [.. _rules.Select(_ => new double[BootstrapReplicates])];
        int[] drawn = new int[BootstrapGroups];
        for (int i = 0; i < BootstrapReplicates; i++)
        {
            SeededRandom random = new(_options.Seed, i);
            drawn.AsSpan().Clear();
            for (int g = 0; g < BootstrapGroups; g++)
            {
                drawn[random.Next(BootstrapGroups)]++;
            }
            long customers = 0;
            for (int g = 0; g < BootstrapGroups; g++)
            {
                customers += drawn[g] * total.GroupSizes[g];
            }
            for (int rule = 0; rule < _rules.Length; rule++)
            {
                double sum = 0;
                for (int g = 0; g < BootstrapGroups; g++)
                {
                    sum += drawn[g] * gains[(rule * BootstrapGroups) + g];
                }
                replicates[rule][i] = customers == 0 ? 0 : sum / customers * total.Customers;
            }
        }
        return _rules.Select((rule, i) =>
        {
            Array.Sort(replicates[i]);
            return new RuleCost(_after.NameOf(rule.Proposition + 1), rule.Stage, total.Stopped[i], total.Changed[i], gains.AsSpan(i * BootstrapGroups, BootstrapGroups).ToArray().Sum(),
                replicates[i][(int)(0.025 * BootstrapReplicates)], replicates[i][(int)(0.975 * BootstrapReplicates) - 1]);
        });
    }

    /// <summary>One of the two workspaces, and what stays the same for all its decisions.</summary>
    private sealed class Side(DecisionModel model, SimulationOptions options)
    {
        private readonly int _channel = options.Channel.Length == 0 ? -1 : model.Workspace.Channels.IndexOf(options.Channel);
        private readonly int _role = options.Role.Length == 0 ? -1 : model.Roles.IndexOf(options.Role);

        public DecisionModel Model { get; } = model;

        public int Channel => _channel;

        public bool Explores { get; } = (options.Channel.Length == 0 || !model.Workspace.Channels.Contains(options.Channel)
            ? model.Workspace.Policy.Exploration.Default
            : model.Workspace.Policy.Exploration.Channels.GetValueOrDefault(options.Channel, Exploration.None)).Kind != ExplorationKind.None;

        public string NameOf(int candidate) => candidate == 0 ? PropositionValue.DoNothingId : Model.Workspace.Propositions[candidate - 1].Id;

        public DecisionInput InputOf(ReadOnlySpan<byte> unit, ulong seed) => new()
        {
            TimeUnixMs = options.TimeUnixMs,
            Channel = _channel,
            Direction = options.Direction,
            Role = _role,
            Slots = options.Slots,
            Seed = seed,
            UnitHash = Model.UnitHashOf(unit),
        };

        public SimulationSide Tell(SideTally tally)
        {
            List<SimulationCell> cells = [];
            List<SimulationFall> falls = [];
            List<SimulationGroup> groups = [];
            int segments = Model.Models.Segments.Segments.Length;
            for (int i = 0; i < Model.CandidateCount * segments * TierCount; i++)
            {
                int candidate = i / (segments * TierCount);
                Offers offers = tally.Offers[i];
                if (candidate > 0 && offers.Reach > 0)
                {
                    cells.Add(new SimulationCell(NameOf(candidate), SegmentId(i), TierAt(i),
                        offers.Reach, offers.Volume, offers.Score, offers.Organisation, offers.Customer, offers.Cost));
                }
            }
            for (int i = 0; i < tally.Falls.Length; i++)
            {
                if (tally.Falls[i] > 0 && i % StageCount > 0)
                {
                    falls.Add(new SimulationFall(NameOf(i / StageCount), (Stage)(i % StageCount), tally.Falls[i]));
                }
            }
            for (int i = 0; i < tally.Groups.Length; i++)
            {
                Group group = tally.Groups[i];
                if (group.Customers > 0)
                {
                    groups.Add(new SimulationGroup(SegmentId(i), TierAt(i), group.Customers, group.HeldOut, group.WithoutCandidate, group.WithoutOffer));
                }
            }
            return new SimulationSide { Cells = [.. cells], Falls = [.. falls], Groups = [.. groups] };

            int SegmentId(int i) => Model.Models.Segments.Segments[i / TierCount % segments].Id;

            Tier? TierAt(int i) => i % TierCount == 0 ? null : (Tier)((i % TierCount) - 1);
        }
    }

    /// <summary>What one thread decides with for one workspace.</summary>
    private sealed class Desk(DecisionModel model)
    {
        public DecisionModel Model { get; } = model;

        public ScoreBlock Block { get; } = model.Scorer.CreateBlock(DecisionModel.BlockRows);

        public DecisionTrace Trace { get; } = model.CreateTrace();

        public void Score(CustomerChunk chunk, int first, int count)
        {
            chunk.Rows(first, count).CopyTo(Block.Rows);
            Model.Score(Block, count);
        }

        public void Decide(int row, in DecisionInput input) => Model.Decide(Block, row, in input, Trace);
    }

    private struct Offers
    {
        public long Reach;
        public long Volume;
        public double Score;
        public double Organisation;
        public double Customer;
        public double Cost;
    }

    private struct Group
    {
        public long Customers;
        public long HeldOut;
        public long WithoutCandidate;
        public long WithoutOffer;
    }

    private sealed class SideTally(Side side)
    {
        private readonly int _segments = side.Model.Models.Segments.Segments.Length;

        public Offers[] Offers { get; } = new Offers[side.Model.CandidateCount * side.Model.Models.Segments.Segments.Length * TierCount];

        public long[] Falls { get; } = new long[side.Model.CandidateCount * StageCount];

        public Group[] Groups { get; } = new Group[side.Model.Models.Segments.Segments.Length * TierCount];

        public void Add(Desk desk, int row)
        {
            DecisionTrace trace = desk.Trace;
            int cell = (trace.SegmentIndex * TierCount) + (trace.Tier is { } tier ? (int)tier + 1 : 0);
            int stride = _segments * TierCount;
            for (int c = 0; c < trace.Candidates.Length; c++)
            {
                Stage fellAt = trace.Candidates[c].FellAt;
                Falls[(c * StageCount) + (int)fellAt]++;
                Offers[(c * stride) + cell].Reach += fellAt == Stage.None ? 1 : 0;
            }
            bool offered = false;
            foreach (Choice choice in trace.Offered)
            {
                ref Offers offers = ref Offers[(choice.Candidate * stride) + cell];
                PropositionValue value = trace.Candidates[choice.Candidate].Value;
                offered |= choice.Candidate > 0;
                offers.Volume++;
                offers.Score += value.Score;
                offers.Organisation += value.OrganisationValue;
                offers.Customer += value.CustomerValue;
                offers.Cost += choice.Candidate == 0 ? 0 : desk.Model.Scorer.Values.CostOfOffer(choice.Candidate - 1, desk.Block.Row(row), side.Channel);
            }
            ref Group group = ref Groups[cell];
            group.Customers++;
            group.HeldOut += trace.HeldOut ? 1 : 0;
            group.WithoutCandidate += !trace.HeldOut && trace.Order.Length == 1 ? 1 : 0;
            group.WithoutOffer += !trace.HeldOut && !offered ? 1 : 0;
        }

        public void Add(SideTally next)
        {
            for (int i = 0; i < Offers.Length; i++)
            {
                ref Offers sum = ref Offers[i];
                ref readonly Offers term = ref next.Offers[i];
                sum.Reach += term.Reach;
                sum.Volume += term.Volume;
                sum.Score += term.Score;
                sum.Organisation += term.Organisation;
                sum.Customer += term.Customer;
                sum.Cost += term.Cost;
            }
            for (int i = 0; i < Falls.Length; i++)
            {
                Falls[i] += next.Falls[i];
            }
            for (int i = 0; i < Groups.Length; i++)
            {
                ref Group sum = ref Groups[i];
                Group term = next.Groups[i];
                sum.Customers += term.Customers;
                sum.HeldOut += term.HeldOut;
                sum.WithoutCandidate += term.WithoutCandidate;
                sum.WithoutOffer += term.WithoutOffer;
            }
        }
    }

    /// <summary>What was counted and summed over some customers.</summary>
    private sealed class Tally(Simulation simulation)
    {
        public long Customers { get; set; }

        public SideTally? Before { get; } = simulation._before is { } before ? new SideTally(before) : null;

        public SideTally After { get; } = new(simulation._after);

        public (long Customers, double Gain)[] Moves { get; }
            = new (long, double)[(simulation._before?.Model.CandidateCount ?? 0) * simulation._after.Model.CandidateCount];

        public long[] Stopped { get; } = new long[simulation._rules.Length];

        public long[] Changed { get; } = new long[simulation._rules.Length];

        public long[] GroupSizes { get; } = new long[BootstrapGroups];

        // Of one chunk, in order; of all, by rule and group.
        public List<(int Rule, int Group, double Gain)> Gains { get; } = [];

        public double[] GroupGains { get; private set; } = [];

        public void Add(Tally next)
        {
            Customers += next.Customers;
            Before?.Add(next.Before!);
            After.Add(next.After);
            for (int i = 0; i < Moves.Length; i++)
            {
                Moves[i] = (Moves[i].Customers + next.Moves[i].Customers, Moves[i].Gain + next.Moves[i].Gain);
            }
            for (int i = 0; i < Stopped.Length; i++)
            {
                Stopped[i] += next.Stopped[i];
                Changed[i] += next.Changed[i];
            }
            for (int i = 0; i < GroupSizes.Length; i++)
            {
                GroupSizes[i] += next.GroupSizes[i];
            }
            GroupGains = GroupGains.Length > 0 ? GroupGains : new double[Stopped.Length * BootstrapGroups];
            foreach ((int rule, int group, double gain) in next.Gains)
            {
                GroupGains[(rule * BootstrapGroups) + group] += gain;
            }
        }
    }
}
