using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary>Where a batch finds the state that it decides against, and leaves its decisions: the log of a data folder.</summary>
internal sealed class BatchLog
{
    private readonly CustomerDatabase _database;
    private readonly DecisionLog _log;
    private readonly DecisionModel _model;

    /// <summary>Gives names their numbers, sets the limits of the budgets, and archives the workspace.</summary>
    public BatchLog(CustomerDatabase database, DecisionLog log, Workspace workspace, Core.Models.ModelSet models)
    {
        _database = database;
        _log = log;
        log.Adopt(workspace.Propositions.Select(p => p.Id), workspace.Channels);
        _model = new DecisionModel(workspace, models, log.Propositions, log.Channels);
        ArchiveRecord archive = WorkspaceArchive.Of(workspace, models.Manifest);
        log.Archive(archive);
        log.Budgets.SetLimits(workspace.Propositions
            .Select(p => new BudgetLimit(log.Propositions.NumberOf(p.Id), p.Budget ?? double.PositiveInfinity, p.Volume ?? double.PositiveInfinity))
            .Append(new BudgetLimit(BudgetLedger.GateTest, workspace.Policy.Gate.Test?.Budget ?? double.PositiveInfinity, double.PositiveInfinity)));
        Codec = new DecisionCodec(_model, archive.Hash);
    }

    /// <summary>The model with the log's numbers, and how its decisions are kept.</summary>
    public DecisionCodec Codec { get; }

    /// <summary>Decisions that were in the log before, from a run of the same name.</summary>
    public int Repeated { get; private set; }

    /// <summary>The state as it is now.</summary>
    public BatchState State()
    {
        int[] numbers = [.. Enumerable.Range(1, _model.CandidateCount - 1).Select(_model.NumberOf)];
        double[] money = new double[numbers.Length];
        double[] volume = new double[numbers.Length];
        _log.Budgets.Left(numbers, money, volume);
        return new BatchState
        {
            Counts = _log.Counts,
            BudgetLeft = money,
            VolumeLeft = volume,
            GateTestSpent = _log.Budgets.GateTestSpent,
            ContactsOf = (id, household) => household ? _log.HouseholdContacts(Encoding.UTF8.GetBytes(id)).AsMemory() : ContactsOf(id),
        };
    }

    /// <summary>Whether a customer is stored: only then a decision can be kept so that it can be forgotten.</summary>
    public bool IsStored(ReadOnlySpan<byte> id)
    {
        ContactReader reader = default;
        return _database.Customers.Read(id, ref reader);
    }

    /// <summary>Reserves what was offered and logs all decisions; they are durable when this returns.</summary>
    /// <exception cref="CommandFailure">Somebody else took of a budget meanwhile.</exception>
    public async Task AppendAsync(IReadOnlyList<BatchDecision> decisions, BatchOptions options, IProgress<double> progress, CancellationToken cancellation)
    {
        DecisionReceipt last = default;
        ContactReceipt lastContact = default;
        for (int i = 0; i < decisions.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_log.Contains(decisions[i].Record!.DecisionId))
            {
                Repeated++;
                continue;
            }
            last = Append(decisions[i], options, ref lastContact);
            if (i % 1024 == 0)
            {
                progress.Report((double)i / decisions.Count);
            }
        }
        if (last.Sequence > 0)
        {
            await _log.CommittedAsync(last, cancellation);
            await _database.CommittedAsync(lastContact, cancellation);
        }
    }

    private DecisionReceipt Append(BatchDecision decision, BatchOptions options, ref ContactReceipt contact)
    {
        BudgetClaim[] claims = [.. decision.Offered.Select(slot => slot.Choice.Candidate == 0 ? default : new BudgetClaim(
            _model.NumberOf(slot.Choice.Candidate), slot.Value.ContactCost, PropositionOf(slot).Fulfilment, slot.Door == GateDoor.Test))];
        bool offers = claims.Any(c => c.Number > 0);
        using BudgetReservation? reservation = !offers ? null : _log.Budgets.TryReserve(claims)
            ?? throw new CommandFailure($"the budgets do not cover decision {decision.Record!.DecisionId} any more; decide again under another --run-id");
        byte[] customer = Encoding.UTF8.GetBytes(decision.Customer.CustomerId);
        if (offers)
        {
            decision.Record!.ExpiresUnixMs = options.TimeUnixMs + (long)_model.Workspace.Policy.Contact.Reservation.TotalMilliseconds;
            Reservations update = new([.. decision.Offered.Where(s => s.Choice.Candidate > 0 && PropositionOf(s).Kind != PropositionKind.Mandatory)
                .Select(s => new ContactEvent(DecisionLog.ContactSeconds(decision.Record.ExpiresUnixMs), (ushort)_model.NumberOf(s.Choice.Candidate),
                    (byte)(options.Channel < 0 ? 0 : _log.Channels.NumberOf(_model.Workspace.Channels[options.Channel])), ContactKind.Reserved))]);
            if (decision.Customer.HouseholdId.Length > 0)
            {
                _log.UpdateHousehold(Encoding.UTF8.GetBytes(decision.Customer.HouseholdId), ref update, out _);
            }
            else if (_database.UpdateContacts(customer, ref update, out ContactReceipt receipt))
            {
                contact = receipt;
            }
        }
        return _log.Append(decision.Record!, decision.Inputs!, customer, reservation);
    }

    private Proposition PropositionOf(BatchSlot slot) => _model.Workspace.Propositions[slot.Choice.Candidate - 1];

    private ReadOnlyMemory<ContactEvent> ContactsOf(string customer)
    {
        ContactReader reader = default;
        return _database.Customers.Read(Encoding.UTF8.GetBytes(customer), ref reader) ? reader.Contacts : default;
    }

    private struct ContactReader : ICustomerReader
    {
        public ContactEvent[] Contacts { get; private set; }

        public void Read(in CustomerView customer) => Contacts = customer.Contacts.ToArray();
    }

    private readonly struct Reservations(ContactEvent[] events) : IContactUpdate, IHouseholdUpdate
    {
        public bool Update(in CustomerView customer, ref ContactList contacts) => Update(ref contacts);

        public bool Update(ref ContactList contacts)
        {
            foreach (ContactEvent reserved in events)
            {
                contacts.Add(reserved);
            }
            return events.Length > 0;
        }
    }
}
