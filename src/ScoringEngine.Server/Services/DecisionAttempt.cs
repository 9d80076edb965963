using System.Diagnostics;
using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using LoggedDecision = ScoringEngine.Storage.LoggedDecision;

namespace ScoringEngine.Server.Services;

/// <summary>One decision while it is made; the scored row is the first of the work's block. Used by one call at a time.</summary>
internal sealed class DecisionAttempt
{
    // Others take budgets at the same moment so often at most, before what does not fit is left out.
    private const int MostTries = 8;

    // Room that is kept for contacts, so that what nobody was told of does not push out what somebody was.
    private const int SpareContacts = 8;

    private BudgetClaim[] _claims = [];
    private readonly HashSet<int> _unaffordable = [];
    private bool _gateTestIsSpent;

    public DecisionAttempt(ServedModel model, ScoreWork work, DecideRequest request, DecisionCall call, string id)
    {
        Model = model;
        Work = work;
        Request = request;
        Call = call;
        Id = id;
        CustomerId = Encoding.UTF8.GetBytes(request.CustomerId);
        Seed = DecisionModel.SeedOf(Encoding.UTF8.GetBytes(id));
        UnitHash = request.HouseholdId.Length > 0 ? model.Decisions.UnitHashOf(Encoding.UTF8.GetBytes(request.HouseholdId))
            : CustomerId.Length > 0 ? model.Decisions.UnitHashOf(CustomerId) : DecisionInput.NoUnit;
    }

    /// <summary>What decides.</summary>
    public ServedModel Model { get; }

    /// <summary>Row, scores, contacts and trace.</summary>
    public ScoreWork Work { get; }

    /// <summary>What was asked.</summary>
    public DecideRequest Request { get; }

    /// <summary>The same, checked.</summary>
    public DecisionCall Call { get; }

    /// <summary>Id of the decision.</summary>
    public string Id { get; }

    /// <summary>UTF-8 id of the customer; empty for a prospect.</summary>
    public byte[] CustomerId { get; }

    /// <summary>Seed of exploration.</summary>
    public ulong Seed { get; }

    /// <summary>Hash for hold-out and gate test.</summary>
    public ulong UnitHash { get; }

    /// <summary>Which write of the customer was scored.</summary>
    public StoredVersion Stored { get; set; }

    /// <summary>Whether the trace has the decision.</summary>
    public bool IsDecided { get; private set; }

    /// <summary>What is reserved of the budgets until the log takes it over; null where nothing is.</summary>
    public BudgetReservation? Budget { get; private set; }

    /// <summary>Until when contacts and budgets are reserved, unix milliseconds; 0 where nothing is.</summary>
    public long ExpiresUnixMs { get; private set; }

    /// <summary>Everything that the decision depends on but the row; valid as long as nothing is read anew.</summary>
    public DecisionInput Input => new()
    {
        TimeUnixMs = Call.TimeUnixMs,
        Channel = Call.Channel,
        Direction = Call.Direction,
        Role = Call.Role,
        TimeZone = Request.TimeZone.Length > 0 ? Request.TimeZone : null,
        Seed = Seed,
        UnitHash = UnitHash,
        Slots = Call.Slots,
        Contacts = Work.Contacts,
        Declined = Work.Declined.AsSpan(),
        Counts = Work.Counts,
        BudgetLeft = HasBudgets ? Work.BudgetLeft : [],
        VolumeLeft = HasBudgets ? Work.VolumeLeft : [],
        GateTestSpent = Work.GateTestSpent,
    };

    // A workspace that takes over at this moment may have limits where this one has none.
    private bool HasBudgets => Model.HasBudgets || _unaffordable.Count > 0;

    private DecisionIdentity Identity => new()
    {
        DecisionId = Id,
        CustomerId = Request.CustomerId,
        HouseholdId = Request.HouseholdId,
        InteractionId = Request.InteractionId,
        AgentId = Request.AgentId,
        TeamId = Request.TeamId,
        Reason = Request.Reason,
        Language = Request.Language,
    };

    /// <summary>Whether a decision of the log was made with a model as it is.</summary>
    public static bool IsOf(LoggedDecision logged, ServedModel model)
        => logged.Record.WorkspaceHash == model.Archive.Hash && logged.Record.ModelVersion == model.Models.Manifest.Version;

    /// <summary>Makes a decision of the log again, from what it depended on.</summary>
    /// <param name="logged">A decision that <see cref="IsOf"/> the model.</param>
    /// <param name="model">The model.</param>
    /// <param name="work">Where to decide.</param>
    /// <exception cref="Grpc.Core.RpcException">The customer was erased.</exception>
    public static DecisionAttempt Again(LoggedDecision logged, ServedModel model, ScoreWork work)
    {
        DecisionInputs inputs = logged.Inputs ?? throw Failure.Erased(logged.Id).ToException();
        DecisionInput input = model.Codec.FromInputs(logged.Record, inputs, work.Block.Row(0));
        model.Decisions.Score(work.Block, 1);
        model.Decisions.Decide(work.Block, 0, in input, work.Trace);
        DecideRequest request = new() { CustomerId = inputs.CustomerId, HouseholdId = inputs.HouseholdId, Language = inputs.Language };
        return new DecisionAttempt(model, work, request, DecisionCall.Of(in input), logged.Id) { IsDecided = true, ExpiresUnixMs = logged.Record.ExpiresUnixMs };
    }

    /// <summary>The record of the decision.</summary>
    public DecisionRecord ToRecord()
    {
        DecisionRecord record = Model.Codec.ToRecord(Work.Trace, Work.Block, 0, Input, Identity);
        record.ExpiresUnixMs = ExpiresUnixMs;
        return record;
    }

    /// <summary>What the decision depended on.</summary>
    public DecisionInputs ToInputs() => Model.Codec.ToInputs(Work.Block, 0, Input, Identity);

    /// <summary>Decides on counts and budgets of now and the contacts that were set.</summary>
    public void Decide(DecisionLog log)
    {
        Model.Decisions.ReadCounts(log.Counts, Work.Block.SegmentIndexes[0], Work.Counts);
        if (HasBudgets)
        {
            log.Budgets.Left(Model.PropositionNumbers, Work.BudgetLeft, Work.VolumeLeft);
        }
        foreach (int candidate in _unaffordable)
        {
            Work.BudgetLeft[candidate - 1] = 0;
        }
        Work.GateTestSpent = Model.Workspace.Policy.Gate.Test is null ? 0 : _gateTestIsSpent ? double.PositiveInfinity : log.Budgets.GateTestSpent;
        Model.Decisions.Decide(Work.Block, 0, Input, Work.Trace);
        IsDecided = true;
    }

    /// <summary>
    /// Decides, and reserves the budgets of what is offered. Others may be faster, and then it decides on what they left; what fits by itself and
    /// not together with the rest is left out.
    /// </summary>
    public void DecideAndReserve(DecisionLog log)
    {
        Debug.Assert(Budget is null);
        for (int tries = 1; ; tries++)
        {
            Decide(log);
            ReadOnlySpan<Choice> offered = Work.Trace.Offered;
            if (offered is [{ Candidate: 0 }])
            {
                return;
            }
            Array.Resize(ref _claims, offered.Length);
            for (int i = 0; i < offered.Length; i++)
            {
                _claims[i] = ClaimOf(offered[i].Candidate);
            }
            if (log.Budgets.TryReserve(_claims) is { } reserved)
            {
                Budget = reserved;
                ExpiresUnixMs = Call.TimeUnixMs + (long)Model.Workspace.Policy.Contact.Reservation.TotalMilliseconds;
                return;
            }
            double test = _claims.Sum(c => c.IsGateTest ? c.Contact + c.Fulfilment : 0);
            if (test > 0 && log.Budgets.GateTestSpent + test > Model.Workspace.Policy.Gate.Test?.Budget)
            {
                _gateTestIsSpent = true;
            }
            else if (tries >= MostTries)
            {
                _gateTestIsSpent |= test > 0;
                _unaffordable.UnionWith(offered.ToArray().Select(c => c.Candidate).Where(c => c > 0));
            }
        }
    }

    /// <summary>Adds what is offered to the contacts, until it is presented or expires; mandatory propositions are no contacts.</summary>
    /// <returns>Whether anything was added.</returns>
    public bool ReserveContacts(ref ContactList contacts)
    {
        bool added = false;
        foreach (Choice choice in Work.Trace.Offered)
        {
            if (choice.Candidate == 0 || Model.PropositionOf(choice.Candidate).Kind == Core.Propositions.PropositionKind.Mandatory)
            {
                continue;
            }
            if (!added)
            {
                DropExpired(ref contacts, Call.TimeUnixMs);
            }
            contacts.Add(ReservationOf(choice.Candidate));
            added = true;
        }
        return added;
    }

    /// <summary>Removes again what <see cref="ReserveContacts"/> has added.</summary>
    /// <returns>Whether anything was removed.</returns>
    public bool RemoveContacts(ref ContactList contacts)
    {
        bool removed = false;
        foreach (Choice choice in Work.Trace.Offered)
        {
            int index = choice.Candidate == 0 ? -1 : contacts.Events.LastIndexOf(ReservationOf(choice.Candidate));
            if (index >= 0)
            {
                contacts.RemoveAt(index);
                removed = true;
            }
        }
        return removed;
    }

    private ContactEvent ReservationOf(int candidate) => new(DecisionLog.ContactSeconds(ExpiresUnixMs),
        (ushort)Model.Decisions.NumberOf(candidate), Call.Channel < 0 ? (byte)0 : Model.ChannelNumbers[Call.Channel], ContactKind.Reserved);

    private BudgetClaim ClaimOf(int candidate)
    {
        if (candidate == 0)
        {
            return default;
        }
        ref readonly Candidate chosen = ref Work.Trace.Candidates[candidate];
        return new BudgetClaim(Model.Decisions.NumberOf(candidate), chosen.Value.ContactCost, Model.PropositionOf(candidate).Fulfilment,
            chosen.Door == Core.Decisions.GateDoor.Test);
    }

    // Where contacts are near their bound, what nobody was told must not push out what somebody was.
    private static void DropExpired(ref ContactList contacts, long timeUnixMs)
    {
        if (contacts.Count < contacts.Bound - SpareContacts)
        {
            return;
        }
        uint now = DecisionLog.ContactSeconds(timeUnixMs);
        for (int i = contacts.Count - 1; i >= 0; i--)
        {
            if (contacts.Events[i] is { Kind: ContactKind.Reserved } reserved && reserved.Seconds <= now)
            {
                contacts.RemoveAt(i);
            }
        }
    }
}

/// <summary>Decides under the lock of a stored customer, provided that it is as it was scored.</summary>
internal readonly struct CustomerDecision(DecisionAttempt attempt, DecisionLog log) : IContactUpdate
{
    public bool Update(in CustomerView customer, ref ContactList contacts)
    {
        if (customer.Sequence != attempt.Stored.Sequence)
        {
            return false;
        }
        attempt.Work.SetContacts(contacts.Events);
        attempt.DecideAndReserve(log);
        return attempt.ReserveContacts(ref contacts);
    }
}

/// <summary>Decides under the lock of a household.</summary>
internal readonly struct HouseholdDecision(DecisionAttempt attempt, DecisionLog log) : IHouseholdUpdate
{
    public bool Update(ref ContactList contacts)
    {
        attempt.Work.SetContacts(contacts.Events);
        attempt.DecideAndReserve(log);
        return attempt.ReserveContacts(ref contacts);
    }
}

/// <summary>Takes the contacts of a decision back.</summary>
internal readonly struct ReservationRemoval(DecisionAttempt attempt) : IContactUpdate, IHouseholdUpdate
{
    public bool Update(in CustomerView customer, ref ContactList contacts) => attempt.RemoveContacts(ref contacts);

    public bool Update(ref ContactList contacts) => attempt.RemoveContacts(ref contacts);
}
