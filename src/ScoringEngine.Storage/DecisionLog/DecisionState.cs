using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;

namespace ScoringEngine.Storage;

/// <summary>Types of the records in the journal of decisions.</summary>
internal enum DecisionRecordType : uint
{
    /// <summary><see cref="DecisionRecord"/>.</summary>
    Decision = 1,

    /// <summary><see cref="OutcomeRecord"/>.</summary>
    Outcome = 2,

    /// <summary><see cref="NameRecord"/>.</summary>
    Name = 3,

    /// <summary><see cref="ArchiveRecord"/>.</summary>
    Archive = 4,

    /// <summary><see cref="HouseholdState"/>: the contacts that are there now.</summary>
    Household = 5,

    /// <summary>Nothing: keeps the numbers of a restored journal as they were.</summary>
    Blank = 6,
}

/// <summary>
/// What the records of the decision log add up to: names, archived workspaces, open decisions, budgets, counts, interactions and households.
/// The same records give the same state, whether they are applied as they come or replayed. Not thread-safe but for budgets and counts.
/// </summary>
internal sealed class DecisionState(DecisionLogOptions options)
{
    /// <summary>How long what was declined in an interaction is known.</summary>
    public static readonly TimeSpan InteractionMemory = TimeSpan.FromHours(24);

    private readonly Dictionary<string, ArchiveState> _archives = [];
    private readonly Dictionary<UInt128, OpenDecision> _open = [];
    private readonly PriorityQueue<UInt128, long> _due = new(); // one entry for each open decision
    private readonly Dictionary<UInt128, OpenCustomer> _customers = [];
    private readonly Dictionary<UInt128, (ImmutableArray<ushort> Declined, long TimeUnixMs)> _interactions = [];
    private readonly Dictionary<UInt128, ContactEvent[]> _households = [];
    private Queue<(UInt128 Key, ulong Sequence)> _order = []; // oldest first; entries of what is forgotten stay for a while
    private Queue<(UInt128 Key, long TimeUnixMs)> _interactionOrder = [];

    public BudgetLedger Budgets { get; } = new();

    public AcceptanceCounts Counts { get; } = new();

    public Numbering Propositions { get; private set; } = Numbering.Empty;

    public Numbering Channels { get; private set; } = Numbering.Empty;

    public int OpenDecisions => _open.Count;

    /// <summary>Decisions that were forgotten before their time, for want of room.</summary>
    public long Displaced { get; private set; }

    public IReadOnlyDictionary<UInt128, OpenCustomer> Customers => _customers;

    /// <summary>Applies a record.</summary>
    /// <exception cref="InvalidDataException">It makes no sense.</exception>
    public void Apply(ulong sequence, uint type, ReadOnlySpan<byte> payload)
    {
        try
        {
            switch ((DecisionRecordType)type)
            {
                case DecisionRecordType.Decision:
                    Add(DecisionRecord.Parser.ParseFrom(payload), sequence, default);
                    break;
                case DecisionRecordType.Outcome:
                    Add(OutcomeRecord.Parser.ParseFrom(payload), sequence);
                    break;
                case DecisionRecordType.Name:
                    Add(NameRecord.Parser.ParseFrom(payload));
                    break;
                case DecisionRecordType.Archive:
                    Add(ArchiveRecord.Parser.ParseFrom(payload));
                    break;
                case DecisionRecordType.Household:
                    Add(HouseholdState.Parser.ParseFrom(payload));
                    break;
                case DecisionRecordType.Blank:
                    break;
                default:
                    throw new InvalidDataException($"it has unknown type {type}");
            }
        }
        catch (Exception e) when (e is InvalidDataException or InvalidProtocolBufferException or ArgumentException)
        {
            throw new InvalidDataException($"the decisions' record {sequence} cannot be read: {e.Message}", e);
        }
    }

    public bool TryGet(UInt128 key, [MaybeNullWhen(false)] out OpenDecision decision) => _open.TryGetValue(key, out decision);

    /// <summary>Adds a decision; <paramref name="customerId"/> is empty for a prospect, and in a replay, where it comes later.</summary>
    public OpenDecision Add(DecisionRecord record, ulong sequence, ReadOnlySpan<byte> customerId)
    {
        OpenDecision decision = new()
        {
            Key = Hash128.From(record.DecisionKey),
            Sequence = sequence,
            Customer = record.Encrypted && !record.Sealed.IsEmpty ? CustomerOf(Hash128.From(record.Pseudonym), customerId) : null,
            TimeUnixMs = record.TimeUnixMs,
            ExpiresUnixMs = record.ExpiresUnixMs,
            SegmentId = checked((int)record.SegmentId),
            Channel = checked((byte)Channels.NumberOf(record.Channel)),
            HasHiddenId = record.DecisionId.Length == 0,
            Household = Hash128.From(record.Household),
            Interaction = Hash128.From(record.Interaction),
            Slots = [.. (record.HeldOut ? record.Offered : record.Chosen).Select(chosen => SlotOf(chosen, record.ExpiresUnixMs > 0))],
        };
        if (_archives.TryGetValue(Convert.ToHexStringLower(record.WorkspaceHash.Span), out ArchiveState? archive))
        {
            archive.UsedUnixMs = Math.Max(archive.UsedUnixMs, record.TimeUnixMs);
        }
        if (_open.TryGetValue(decision.Key, out OpenDecision? earlier))
        {
            // Nobody uses the id of a decision that is kept: it was forgotten, which a replay learns only here.
            Age(earlier, earlier.ForgottenUnixMs);
        }
        Open(decision);
        foreach (OpenSlot slot in decision.Slots)
        {
            Budgets.Change(slot.Proposition, slot.IsGateTest, default, slot.Use);
        }
        while (_open.Count > options.MaxOpenDecisions)
        {
            (UInt128 key, ulong first) = _order.Dequeue();
            if (_open.TryGetValue(key, out OpenDecision? oldest) && oldest.Sequence == first)
            {
                Displaced++;
                Remove(oldest);
            }
        }
        return decision;
    }

    /// <summary>Adds an outcome of an open decision; what became of one that is forgotten changes nothing.</summary>
    public void Add(OutcomeRecord record, ulong sequence)
    {
        if (!_open.TryGetValue(Hash128.From(record.DecisionKey), out OpenDecision? decision))
        {
            return;
        }
        if (record.Slot < 1 || record.Slot > decision.Slots.Length)
        {
            throw new InvalidDataException($"the decision has {decision.Slots.Length} slots, not {record.Slot}");
        }
        OpenSlot slot = decision.Slots[(int)record.Slot - 1];
        OpenSlot changed = record.Matured ? slot.And(SlotEvents.Matured)
            : slot.With((ContactKind)record.Kind, record.TimeUnixMs, record.HasPerceivedValue ? (float)record.PerceivedValue : float.NaN);
        Replace(decision with
        {
            Slots = decision.Slots.SetItem((int)record.Slot - 1, changed),
            Outcomes = decision.Outcomes.Add((sequence, record.Request)),
        });
        if (record.Kind == (uint)ContactKind.Declined && !record.Matured && decision.Interaction != UInt128.Zero)
        {
            Decline(decision.Interaction, slot.Proposition, record.RecordedUnixMs);
        }
    }

    public void Add(NameRecord record)
    {
        Numbering numbering = record.Kind == 1 ? Propositions : Channels;
        if (record.Kind is not (1 or 2) || record.Number != numbering.Count + 1)
        {
            throw new InvalidDataException($"name {record.Number} of kind {record.Kind} follows name {numbering.Count}");
        }
        numbering = numbering.With([record.Name]);
        (Propositions, Channels) = record.Kind == 1 ? (numbering, Channels) : (Propositions, numbering);
    }

    public void Add(ArchiveRecord record) => _archives.TryAdd(Convert.ToHexStringLower(record.Hash.Span), new ArchiveState { Archive = record });

    public void Add(HouseholdState record) => _households[Hash128.From(record.Household)] = MemoryMarshal.Cast<byte, ContactEvent>(record.Contacts.Span).ToArray();

    public ArchiveRecord? Archive(ReadOnlySpan<byte> hash) => _archives.GetValueOrDefault(Convert.ToHexStringLower(hash))?.Archive;

    public ReadOnlySpan<ContactEvent> Household(UInt128 household) => _households.GetValueOrDefault(household);

    public ImmutableArray<ushort> DeclinedIn(UInt128 interaction, long nowUnixMs)
        => _interactions.TryGetValue(interaction, out (ImmutableArray<ushort> Declined, long TimeUnixMs) known)
            && known.TimeUnixMs + (long)InteractionMemory.TotalMilliseconds > nowUnixMs ? known.Declined : [];

    /// <summary>The open decision that time changes next, if that is due.</summary>
    public bool TryTakeDue(long nowUnixMs, [MaybeNullWhen(false)] out OpenDecision decision)
    {
        while (_due.TryPeek(out UInt128 key, out long due) && due <= nowUnixMs)
        {
            if (!_open.TryGetValue(key, out decision))
            {
                _due.Dequeue(); // Displaced.
                continue;
            }
            if (decision.DueUnixMs <= nowUnixMs)
            {
                return true;
            }
            _due.DequeueEnqueue(key, decision.DueUnixMs);
        }
        decision = null;
        return false;
    }

    /// <summary>Applies what time alone does to a decision: reservations expire, slots mature, at last it is forgotten.</summary>
    public void Age(OpenDecision decision, long nowUnixMs)
    {
        ImmutableArray<OpenSlot> slots = [.. decision.Slots.Select(slot => slot.And(
            (slot.Has(SlotEvents.Reserves) && decision.ExpiresUnixMs <= nowUnixMs ? SlotEvents.Expired : SlotEvents.None)
            | (slot.Proposition != 0 && decision.MaturityOf(slot.MaturityDays) <= nowUnixMs ? SlotEvents.Matured : SlotEvents.None)))];
        OpenDecision aged = decision with { Slots = slots };
        Replace(aged);
        if (decision.ForgottenUnixMs <= nowUnixMs)
        {
            Remove(aged);
        }
    }

    /// <summary>Forgets what time has made meaningless.</summary>
    public void Trim(long nowUnixMs)
    {
        while (_interactionOrder.TryPeek(out (UInt128 Key, long TimeUnixMs) oldest)
            && (_interactions.Count > options.MaxInteractions || oldest.TimeUnixMs + (long)InteractionMemory.TotalMilliseconds <= nowUnixMs))
        {
            _interactionOrder.Dequeue();
            if (_interactions.TryGetValue(oldest.Key, out (ImmutableArray<ushort>, long TimeUnixMs) known) && known.TimeUnixMs == oldest.TimeUnixMs)
            {
                _interactions.Remove(oldest.Key);
            }
        }
    }

    /// <summary>Forgets archives that no kept decision was made with, and households whose contacts no policy can ask for any more.</summary>
    public void Retain(long decisionsSinceUnixMs, long nowUnixMs)
    {
        foreach ((string hash, ArchiveState archive) in _archives.Where(a => a.Value.UsedUnixMs > 0 && a.Value.UsedUnixMs < decisionsSinceUnixMs).ToArray())
        {
            _archives.Remove(hash);
        }
        long oldest = (nowUnixMs / 1000) - ContactEvent.EpochUnixSeconds - (long)ContactPolicy.LongestWindow.TotalSeconds;
        foreach ((UInt128 household, _) in _households.Where(h => h.Value.All(contact => contact.Seconds < oldest)).ToArray())
        {
            _households.Remove(household);
        }
    }

    /// <summary>No decision is that of this customer any more.</summary>
    public void Forget(UInt128 pseudonym)
    {
        if (_customers.TryGetValue(pseudonym, out OpenCustomer? customer))
        {
            customer.Id = null;
        }
    }

    /// <summary>Everything of now, to be encoded while the state goes on.</summary>
    public DecisionStateImage Capture() => new(
        [.. NamesOf(1, Propositions), .. NamesOf(2, Channels)],
        [.. _archives.Values.Select(archive => archive.Clone())],
        [.. _open.Values],
        [.. Budgets.Entries()],
        [.. Counts.Entries()],
        [.. _interactions.Select(entry => (entry.Key, entry.Value.Declined, entry.Value.TimeUnixMs))],
        [.. _households.Select(entry => (entry.Key, entry.Value))]);

    /// <summary>Takes what a snapshot has.</summary>
    public void Load(ArchiveState archive) => _archives[Convert.ToHexStringLower(archive.Archive.Hash.Span)] = archive;

    /// <inheritdoc cref="Load(ArchiveState)"/>
    public void Load(OpenDecisionState entry)
    {
        UInt128 pseudonym = Hash128.From(entry.Pseudonym);
        Open(new OpenDecision
        {
            Key = Hash128.From(entry.DecisionKey),
            Sequence = entry.Sequence,
            Customer = pseudonym == UInt128.Zero ? null : CustomerOf(pseudonym, default),
            TimeUnixMs = entry.TimeUnixMs,
            ExpiresUnixMs = entry.ExpiresUnixMs,
            SegmentId = (int)entry.SegmentId,
            Channel = (byte)entry.Channel,
            HasHiddenId = entry.HiddenId,
            Household = Hash128.From(entry.Household),
            Interaction = Hash128.From(entry.Interaction),
            Slots = [.. entry.Slots.Select(slot => new OpenSlot
            {
                Proposition = (ushort)slot.Proposition,
                MaturityDays = (ushort)slot.MaturityDays,
                Events = (SlotEvents)slot.Events,
                IsGateTest = slot.GateTest,
                ContactMicros = slot.ContactMicros,
                FulfilmentMicros = slot.FulfilmentMicros,
                PresentedUnixMs = slot.PresentedUnixMs,
                AnsweredUnixMs = slot.AnsweredUnixMs,
                PerceivedValue = slot.HasPerceivedValue ? slot.PerceivedValue : float.NaN,
            })],
            Outcomes = [.. entry.Outcomes.Select(outcome => (outcome.Sequence, outcome.Request))],
        });
    }

    /// <inheritdoc cref="Load(ArchiveState)"/>
    public void Load(BudgetState entry)
        => Budgets.Change((int)entry.Proposition, isGateTest: false, default, new SlotUse(entry.SpentMicros, entry.ReservedMicros, entry.Offers, entry.ReservedOffers));

    /// <inheritdoc cref="Load(ArchiveState)"/>
    public void Load(CountState entry) => Counts.Add((int)entry.Proposition, (int)entry.SegmentId, entry.Offers, entry.Acceptances);

    /// <inheritdoc cref="Load(ArchiveState)"/>
    public void Load(InteractionState entry)
    {
        UInt128 key = Hash128.From(entry.Interaction);
        _interactions[key] = ([.. entry.Declined.Select(number => (ushort)number)], entry.TimeUnixMs);
        _interactionOrder.Enqueue((key, entry.TimeUnixMs));
    }

    /// <summary>Brings what a snapshot has in no order into that of time.</summary>
    public void CompleteLoad()
    {
        _order = new Queue<(UInt128, ulong)>(_order.OrderBy(entry => entry.Sequence));
        _interactionOrder = new Queue<(UInt128, long)>(_interactionOrder.OrderBy(entry => entry.TimeUnixMs));
    }

    private static IEnumerable<NameRecord> NamesOf(uint kind, Numbering numbering)
        => numbering.Names.Select((name, i) => new NameRecord { Kind = kind, Number = (uint)i + 1, Name = name });

    private OpenSlot SlotOf(ChosenRecord chosen, bool reserves)
    {
        long contact = BudgetLedger.ToMicros(chosen.ReservedContact);
        return new OpenSlot
        {
            Proposition = checked((ushort)chosen.Proposition),
            MaturityDays = (ushort)Math.Min(chosen.MaturityDays, ushort.MaxValue),
            Events = reserves && chosen.Proposition != 0 ? SlotEvents.Reserves : SlotEvents.None,
            IsGateTest = chosen.Door == (uint)GateDoor.Test,
            ContactMicros = contact,
            FulfilmentMicros = Math.Max(0, BudgetLedger.ToMicros(chosen.Reserved) - contact),
            PerceivedValue = float.NaN,
        };
    }

    private void Open(OpenDecision decision)
    {
        _open.Add(decision.Key, decision);
        _due.Enqueue(decision.Key, decision.DueUnixMs);
        _order.Enqueue((decision.Key, decision.Sequence));
        if (decision.Customer is { } customer)
        {
            customer.Decisions++;
        }
        if (_order.Count > (2 * _open.Count) + 1000)
        {
            _order = new Queue<(UInt128, ulong)>(_order.Where(entry => _open.TryGetValue(entry.Key, out OpenDecision? open) && open.Sequence == entry.Sequence));
        }
    }

    private void Replace(OpenDecision decision)
    {
        OpenDecision before = _open[decision.Key];
        _open[decision.Key] = decision;
        for (int i = 0; i < decision.Slots.Length; i++)
        {
            OpenSlot old = before.Slots[i];
            OpenSlot slot = decision.Slots[i];
            if (old.Use != slot.Use)
            {
                Budgets.Change(slot.Proposition, slot.IsGateTest, old.Use, slot.Use);
            }
            int offers = (slot.CountsAsOffer ? 1 : 0) - (old.CountsAsOffer ? 1 : 0);
            int acceptances = (slot.Has(SlotEvents.Accepted) ? 1 : 0) - (old.Has(SlotEvents.Accepted) ? 1 : 0);
            if (offers != 0 || acceptances != 0)
            {
                Counts.Add(slot.Proposition, decision.SegmentId, offers, acceptances);
            }
        }
    }

    private void Remove(OpenDecision decision)
    {
        _open.Remove(decision.Key);
        foreach (OpenSlot slot in decision.Slots)
        {
            SlotUse use = slot.Use;
            Budgets.Change(slot.Proposition, slot.IsGateTest, use, use with { Reserved = 0, ReservedOffers = 0 });
        }
        if (decision.Customer is { } customer && --customer.Decisions == 0)
        {
            _customers.Remove(customer.Pseudonym);
        }
    }

    private OpenCustomer CustomerOf(UInt128 pseudonym, ReadOnlySpan<byte> id)
    {
        if (!_customers.TryGetValue(pseudonym, out OpenCustomer? customer))
        {
            customer = new OpenCustomer(pseudonym) { Id = id.IsEmpty ? null : id.ToArray() };
            _customers.Add(pseudonym, customer);
        }
        return customer;
    }

    private void Decline(UInt128 interaction, ushort proposition, long timeUnixMs)
    {
        ImmutableArray<ushort> declined = DeclinedIn(interaction, timeUnixMs);
        _interactions[interaction] = (declined.Contains(proposition) ? declined : declined.Add(proposition), timeUnixMs);
        _interactionOrder.Enqueue((interaction, timeUnixMs));
        Trim(timeUnixMs);
    }
}

/// <summary>A <see cref="DecisionState"/> of one moment.</summary>
internal sealed record DecisionStateImage(
    ImmutableArray<NameRecord> Names,
    ImmutableArray<ArchiveState> Archives,
    ImmutableArray<OpenDecision> Open,
    ImmutableArray<(int Number, SlotUse Use)> Budgets,
    ImmutableArray<(int Proposition, int SegmentId, long Offers, long Acceptances)> Counts,
    ImmutableArray<(UInt128 Key, ImmutableArray<ushort> Declined, long TimeUnixMs)> Interactions,
    ImmutableArray<(UInt128 Key, ContactEvent[] Contacts)> Households);
