using System.Text;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Scoring;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Decides for many customers against one frozen state. Every row is decided as a single call would decide it, on all cores; then, in one
/// last pass by score of slot 1 (best first, of equals by id), those that take of a budget, a volume, the gate test's money or a household's
/// contacts are decided again with what is left at their turn. So the result does not depend on threads, blocks or the order of the
/// rows. Used once.
/// </summary>
public sealed class DecisionBatch
{
    private readonly DecisionCodec _codec;
    private readonly DecisionModel _model;
    private readonly BatchOptions _options;
    private readonly BatchState _state;
    private readonly double[] _budgetLeft;
    private readonly double[] _volumeLeft;
    private readonly bool[] _limited; // by candidate
    private readonly CandidateCounts[][] _counts; // by segment index
    private readonly Dictionary<string, List<ContactEvent>> _households = new(StringComparer.Ordinal);
    private readonly HashSet<string> _shared = new(StringComparer.Ordinal);
    private readonly List<BatchDecision> _decisions = [];
    private readonly int _channelNumber;
    private double _gateTestSpent;

    /// <summary>A batch.</summary>
    /// <param name="codec">The model, and how its decisions are kept.</param>
    /// <param name="channels">Numbers of the channels.</param>
    /// <param name="options">How to decide.</param>
    /// <param name="state">What to decide against; it is not changed.</param>
    /// <exception cref="ArgumentException">Options or state do not fit the model.</exception>
    public DecisionBatch(DecisionCodec codec, Numbering channels, BatchOptions options, BatchState state)
    {
        ArgumentNullException.ThrowIfNull(codec);
        ArgumentNullException.ThrowIfNull(channels);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentException.ThrowIfNullOrEmpty(options.RunId);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Threads);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Slots, 1);
        _codec = codec;
        _model = codec.Model;
        _options = options;
        _state = state;
        _budgetLeft = LeftOf(state.BudgetLeft, p => p.Budget);
        _volumeLeft = LeftOf(state.VolumeLeft, p => p.Volume);
        _limited = [false, .. _budgetLeft.Zip(_volumeLeft, (money, offers) => double.IsFinite(money) || double.IsFinite(offers))];
        _gateTestSpent = state.GateTestSpent;
        _channelNumber = options.Channel < 0 ? 0 : channels.NumberOf(_model.Workspace.Channels[options.Channel]);
        _counts = [.. Enumerable.Range(0, _model.Models.Segments.Segments.Length).Select(segment =>
        {
            CandidateCounts[] counts = new CandidateCounts[_model.CandidateCount - 1];
            _model.ReadCounts(state.Counts, segment, counts);
            return counts;
        })];
    }

    /// <summary>Decides for all customers.</summary>
    /// <param name="customers">The customers, with all features each.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>A decision for each customer, in their order.</returns>
    public IReadOnlyList<BatchDecision> Run(IEnumerable<CustomerChunk> customers, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(customers);
        ChunkRunner.Run(customers, Decide, Keep, _options.Threads, cancellation);
        Allot(cancellation);
        return _decisions;
    }

    private BatchDecision[] Decide(CustomerChunk chunk)
    {
        Desk desk = new(_model);
        BatchDecision[] decisions = new BatchDecision[chunk.Count];
        for (int first = 0; first < chunk.Count; first += DecisionModel.BlockRows)
        {
            int count = Math.Min(DecisionModel.BlockRows, chunk.Count - first);
            chunk.Rows(first, count).CopyTo(desk.Block.Rows);
            _model.Score(desk.Block, count);
            for (int r = 0; r < count; r++)
            {
                BatchDecision decision = new(chunk.Customers[first + r]);
                Decide(decision, desk, r, ContactsOf(decision.Customer).Span);
                // A household that comes once only is known as such at the end.
                decision.Row = decision.TakesOfLimits || decision.Customer.HouseholdId.Length > 0 ? desk.Block.Row(r).ToArray() : null;
                decisions[first + r] = decision;
            }
        }
        return decisions;
    }

    private void Keep(BatchDecision[] decisions)
    {
        foreach (BatchDecision decision in decisions)
        {
            _decisions.Add(decision);
            if (decision.Customer.HouseholdId is { Length: > 0 } household && !_households.TryAdd(household, []))
            {
                _shared.Add(household);
            }
        }
    }

    private ReadOnlyMemory<ContactEvent> ContactsOf(BatchCustomer customer)
        => customer.HouseholdId.Length > 0 ? _state.ContactsOf(customer.HouseholdId, true) : _state.ContactsOf(customer.CustomerId, false);

    /// <summary>The last pass: best score first, each decided with what those before it left.</summary>
    private void Allot(CancellationToken cancellation)
    {
        PriorityQueue<BatchDecision, BatchDecision> queue = new(Comparer<BatchDecision>.Create((a, b) =>
            b.First.Value.Score.CompareTo(a.First.Value.Score) is not 0 and int byScore ? byScore
                : string.CompareOrdinal(a.Customer.CustomerId, b.Customer.CustomerId)));
        foreach (BatchDecision decision in _decisions)
        {
            if (decision.TakesOfLimits || _shared.Contains(decision.Customer.HouseholdId))
            {
                queue.Enqueue(decision, decision);
            }
            else
            {
                decision.Row = null;
            }
        }
        foreach (string household in _shared)
        {
            _households[household].AddRange(_state.ContactsOf(household, true).ToArray());
        }
        Desk desk = new(_model);
        while (queue.TryDequeue(out BatchDecision? decision, out _))
        {
            cancellation.ThrowIfCancellationRequested();
            double score = decision.First.Value.Score;
            decision.Row!.CopyTo(desk.Block.Row(0));
            _model.Score(desk.Block, 1);
            List<ContactEvent>? household = _shared.Contains(decision.Customer.HouseholdId) ? _households[decision.Customer.HouseholdId] : null;
            Decide(decision, desk, 0, household is null ? ContactsOf(decision.Customer).Span : household.ToArray());
            if (decision.First.Value.Score.CompareTo(score) != 0)
            {
                // It has to do with something else, whose turn may be later.
                queue.Enqueue(decision, decision);
                continue;
            }
            Take(desk, household);
            decision.Row = null;
        }
    }

    private void Take(Desk desk, List<ContactEvent>? household)
    {
        foreach (Choice choice in desk.Trace.Offered)
        {
            if (choice.Candidate == 0)
            {
                continue;
            }
            int proposition = choice.Candidate - 1;
            double cost = _model.Scorer.Values.CostOfOffer(proposition, desk.Block.Row(0), _options.Channel);
            _budgetLeft[proposition] -= cost;
            _volumeLeft[proposition] -= 1;
            _gateTestSpent += desk.Trace.Candidates[choice.Candidate].Door == GateDoor.Test ? cost : 0;
            if (household is not null && _model.Workspace.Propositions[proposition].Kind != PropositionKind.Mandatory)
            {
                uint until = (uint)(((_options.TimeUnixMs + (long)_model.Workspace.Policy.Contact.Reservation.TotalMilliseconds) / 1000) - ContactEvent.EpochUnixSeconds);
                household.Add(new ContactEvent(until, (ushort)_model.NumberOf(choice.Candidate), (byte)_channelNumber, ContactKind.Reserved));
            }
        }
    }

    private void Decide(BatchDecision decision, Desk desk, int row, ReadOnlySpan<ContactEvent> contacts)
    {
        BatchCustomer customer = decision.Customer;
        DecisionIdentity identity = DecisionIdentity.OfBatch(_options.RunId, customer.CustomerId, customer.HouseholdId);
        DecisionInput input = new()
        {
            TimeUnixMs = _options.TimeUnixMs,
            Channel = _options.Channel,
            Direction = _options.Direction,
            Role = _options.Role,
            Slots = _options.Slots,
            Seed = DecisionModel.SeedOf(Encoding.UTF8.GetBytes(identity.DecisionId)),
            UnitHash = _model.UnitHashOf(Encoding.UTF8.GetBytes(customer.HouseholdId.Length > 0 ? customer.HouseholdId : customer.CustomerId)),
            Contacts = contacts,
            Counts = _counts[desk.Block.SegmentIndexes[row]],
            BudgetLeft = _budgetLeft,
            VolumeLeft = _volumeLeft,
            GateTestSpent = _gateTestSpent,
        };
        DecisionTrace trace = desk.Trace;
        _model.Decide(desk.Block, row, in input, trace);
        decision.SegmentId = _model.Models.Segments.Segments[trace.SegmentIndex].Id;
        decision.Tier = trace.Tier;
        decision.ExpectedProfit = desk.Block.Profits[row];
        decision.Potential = desk.Block.Potentials[row];
        decision.HeldOut = trace.HeldOut;
        BatchSlot[] offered = new BatchSlot[trace.Offered.Length];
        decision.TakesOfLimits = false;
        for (int i = 0; i < offered.Length; i++)
        {
            ref readonly Candidate candidate = ref trace.Candidates[trace.Offered[i].Candidate];
            offered[i] = new BatchSlot(trace.Offered[i], candidate.Value, candidate.Door);
            decision.TakesOfLimits |= _limited[trace.Offered[i].Candidate] || candidate.Door == GateDoor.Test;
        }
        decision.Offered = offered;
        Candidate first = trace.Candidates[trace.Chosen[0].Candidate];
        decision.First = new BatchSlot(trace.Chosen[0], first.Value, first.Door);
        if (_options.KeepRecords)
        {
            decision.Record = _codec.ToRecord(trace, desk.Block, row, in input, in identity);
            decision.Inputs = _codec.ToInputs(desk.Block, row, in input, in identity);
        }
    }

    private double[] LeftOf(IReadOnlyList<double> told, Func<Proposition, double?> limit)
        => told.Count == 0 ? [.. _model.Workspace.Propositions.Select(p => limit(p) ?? double.PositiveInfinity)]
            : told.Count == _model.CandidateCount - 1 ? [.. told]
            : throw new ArgumentException($"what is left of {told.Count} propositions, expected {_model.CandidateCount - 1}", nameof(told));

    /// <summary>What one thread decides with.</summary>
    private sealed class Desk(DecisionModel model)
    {
        public ScoreBlock Block { get; } = model.Scorer.CreateBlock(DecisionModel.BlockRows);

        public DecisionTrace Trace { get; } = model.CreateTrace();
    }
}
