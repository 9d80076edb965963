using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>A <see cref="DecisionLog"/> at one moment.</summary>
/// <param name="Sequence">Number of the last record.</param>
/// <param name="ValueSequence">Number of the last value.</param>
/// <param name="OpenDecisions">Decisions whose outcomes are taken.</param>
/// <param name="Displaced">Decisions that were forgotten before their time, for want of room (<see cref="DecisionLogOptions.MaxOpenDecisions"/>), since it was opened.</param>
/// <param name="JournalBytes">Bytes of decisions and outcomes since the newest snapshot.</param>
/// <param name="SnapshotFault">Why the last try to take a snapshot failed, or null.</param>
public sealed record DecisionLogStatistics(ulong Sequence, ulong ValueSequence, int OpenDecisions, long Displaced, long JournalBytes, Exception? SnapshotFault);

/// <summary>
/// The decisions with all that they depended on, their outcomes, and the value feed, in journals beside those of the customers; and what they add up
/// to: budgets, counts of acceptance, what was declined in an interaction, the contacts of households. In memory, where the customers are, it
/// keeps the latest 100,000 records. Thread-safe, except <see cref="DisposeAsync"/>, which must be alone and before the database's.
/// </summary>
/// <remarks>
/// Records name a customer by a pseudonym that only the customer's record connects with the customer, and what describes the customer is
/// encrypted under a key derived from that record: erasing the customer erases it here. FORMAT.md describes the files.
/// </remarks>
public sealed class DecisionLog : IAsyncDisposable
{
    /// <summary>Most outcomes of a decision.</summary>
    public const int MaxOutcomes = 64;

    /// <summary>Longest id of a decision, in characters.</summary>
    public const int MaxIdLength = 512;

    private const int HouseholdLocks = 256;
    private const int AgedAtOnce = 1000;

    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SnapshotRetryInterval = TimeSpan.FromMinutes(1);

    private readonly DecisionLogOptions _options;
    private readonly CustomerDatabase _database;
    private readonly TimeProvider _time;
    private readonly byte[] _salt;
    private readonly RecordLog _records;
    private readonly ValueLog _values;
    private readonly DataDirectory? _directory;
    private readonly object[] _households = [.. Enumerable.Range(0, HouseholdLocks).Select(_ => new object())];
    private readonly Lock _snapshot = new();
    private readonly ITimer _timer;

    // Held while a record is appended and applied: the order of the journal is the order of the state.
    private readonly Lock _lock = new();
    private readonly DecisionState _state;
    private long _erasures;
    private long _bytesAtSnapshot;
    private DateTimeOffset _nextTry;
    private volatile Exception? _snapshotFault;
    private TimeSpan _decisionRetention;
    private TimeSpan _valueRetention;
    private Task _background = Task.CompletedTask;

    private DecisionLog(DecisionLogOptions options, CustomerDatabase database, TimeProvider time, byte[] salt, RecordLog records, RecordLog values,
        RecoveredDecisions recovered, DataDirectory? directory)
    {
        _options = options;
        _database = database;
        _time = time;
        _salt = salt;
        _records = records;
        _values = new ValueLog(values, recovered.ValueKeys, database, salt, time);
        _state = recovered.State;
        _directory = directory;
        _decisionRetention = options.DecisionRetention;
        _valueRetention = options.ValueRetention;
        _nextTry = time.GetUtcNow();
        database.Decisions = this;
        database.Customers.SecretErased = Forget;
        _timer = time.CreateTimer(static log => ((DecisionLog)log!).Tick(), this, TickInterval, TickInterval);
    }

    /// <summary>Numbers of the propositions.</summary>
    public Numbering Propositions
    {
        get
        {
            lock (_lock)
            {
                return _state.Propositions;
            }
        }
    }

    /// <summary>Numbers of the channels.</summary>
    public Numbering Channels
    {
        get
        {
            lock (_lock)
            {
                return _state.Channels;
            }
        }
    }

    /// <summary>What is used of the propositions' budgets.</summary>
    public BudgetLedger Budgets => _state.Budgets;

    /// <summary>Matured offers and acceptances.</summary>
    public AcceptanceCounts Counts => _state.Counts;

    /// <summary>Why nothing can be written at the moment, or null.</summary>
    public JournalUnavailableException? Fault => _records.Journal?.Fault ?? _values.Records.Journal?.Fault;

    /// <summary>The log of now.</summary>
    public DecisionLogStatistics Statistics
    {
        get
        {
            lock (_lock)
            {
                return new DecisionLogStatistics(_records.NextSequence - 1, _values.Records.NextSequence - 1, _state.OpenDecisions, _state.Displaced,
                    BytesSinceSnapshot, _snapshotFault);
            }
        }
    }

    private long BytesSinceSnapshot => (_records.Journal?.Bytes ?? 0) - Interlocked.Read(ref _bytesAtSnapshot);

    /// <summary>Seconds of a <see cref="ContactEvent"/>.</summary>
    /// <param name="unixMs">Unix milliseconds.</param>
    public static uint ContactSeconds(long unixMs) => (uint)Math.Clamp((unixMs / 1000) - ContactEvent.EpochUnixSeconds, 0, uint.MaxValue);

    /// <summary>Opens the log in the folder of a database, or one in memory where the database is; one at a time.</summary>
    /// <param name="options">Bounds.</param>
    /// <param name="database">The customers; it has to be disposed of after the log.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up; nothing is changed.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="InvalidOperationException">The database has a log open, or no journal.</exception>
    /// <exception cref="StorageCorruptionException">Something that was stored is damaged; <see cref="CustomerDatabaseOptions.Repair"/> opens it nevertheless.</exception>
    /// <exception cref="InvalidDataException">A file belongs to another directory.</exception>
    /// <exception cref="JournalUnavailableException">A journal cannot be begun.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static DecisionLog Open(DecisionLogOptions options, CustomerDatabase database, TimeProvider time, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(time);
        options.Validate();
        if (database.Decisions is not null)
        {
            throw new InvalidOperationException("the database has a decision log open");
        }
        if (database.Directory is not { } directory)
        {
            return new DecisionLog(options, database, time, RandomNumberGenerator.GetBytes(ErasureRegister.SaltBytes), new RecordLog(), new RecordLog(),
                new RecoveredDecisions(new DecisionState(options), new RecentKeys(options.MaxValueKeys), 1, 1, HasSnapshot: false), directory: null);
        }
        if (!database.IsDurable)
        {
            throw new InvalidOperationException("a bulk load has no decision log");
        }
        RepairReport? repair = database.Options.Repair ? new RepairReport() : null;
        RecoveredDecisions recovered = DecisionRecovery.Run(directory, options, repair, cancellation);
        FindCustomers(recovered.State, database, cancellation);
        RecordLog decisions = OpenJournal(database, directory, directory.Decisions, JournalKind.Decisions, recovered.NextDecision, time);
        RecordLog? values = null;
        try
        {
            values = OpenJournal(database, directory, directory.Values, JournalKind.Values, recovered.NextValue, time);
            directory.Files.CreateDirectory(directory.DecisionStates);
            DecisionLog log = new(options, database, time, directory.Salt, decisions, values, recovered, directory);
            foreach (string file in repair?.Files.Where(directory.Files.Exists) ?? [])
            {
                directory.SetAside(file);
            }
            if (!recovered.HasSnapshot || repair is { IsEmpty: false })
            {
                // From here on it is known that there is a journal, and what was damaged is not needed.
                log.Snapshot(cancellation);
            }
            if (repair is { IsEmpty: false })
            {
                string report = repair.Write(directory, time.GetUtcNow());
                database.Options.Notify?.Invoke(new StorageNotice(StorageNoticeKind.Repaired, $"damage of the decision log was repaired, see {report}", null));
            }
            return log;
        }
        catch
        {
            database.Decisions = null;
            database.Customers.SecretErased = null;
            decisions.Dispose();
            values?.Dispose();
            throw;
        }
    }

    /// <summary>Gives further propositions and channels their numbers, which survive when this returns.</summary>
    /// <exception cref="JournalUnavailableException">They cannot be kept.</exception>
    public void Adopt(IEnumerable<string> propositions, IEnumerable<string> channels)
    {
        ArgumentNullException.ThrowIfNull(propositions);
        ArgumentNullException.ThrowIfNull(channels);
        lock (_lock)
        {
            Add(1, _state.Propositions, _state.Propositions.With(propositions), ushort.MaxValue);
            Add(2, _state.Channels, _state.Channels.With(channels), byte.MaxValue);
        }
        // Contact events, in another journal, have the numbers.
        _records.Journal?.Flush();

        void Add(uint kind, Numbering known, Numbering all, int most)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(all.Count, most);
            for (int number = known.Count + 1; number <= all.Count; number++)
            {
                NameRecord record = new() { Kind = kind, Number = (uint)number, Name = all.NameOf(number) };
                _records.Append((uint)DecisionRecordType.Name, record);
                _state.Add(record);
            }
        }
    }

    /// <summary>Keeps a workspace, unless one of its hash is kept; decisions that are appended later may name it.</summary>
    /// <exception cref="JournalUnavailableException">It cannot be kept.</exception>
    public void Archive(ArchiveRecord workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        lock (_lock)
        {
            if (_state.Archive(workspace.Hash.Span) is null)
            {
                _records.Append((uint)DecisionRecordType.Archive, workspace);
                _state.Add(workspace);
            }
        }
    }

    /// <summary>The workspace of a hash, or null.</summary>
    public ArchiveRecord? ArchiveOf(ReadOnlySpan<byte> hash)
    {
        lock (_lock)
        {
            return _state.Archive(hash);
        }
    }

    /// <summary>How long records are kept from now on.</summary>
    /// <param name="decisions">Decisions and outcomes, 1 day or more.</param>
    /// <param name="values">The value feed, 1 day or more.</param>
    public void Retain(TimeSpan decisions, TimeSpan values)
    {
        (_options with { DecisionRetention = decisions, ValueRetention = values }).Validate();
        lock (_lock)
        {
            _decisionRetention = decisions;
            _valueRetention = values;
        }
    }

    /// <summary>Whether a decision of an id is known: made no longer ago than its maturity and 30 days.</summary>
    public bool Contains(string decisionId)
    {
        UInt128 key = SaltedNames.Decision(_salt, decisionId);
        lock (_lock)
        {
            return _state.TryGet(key, out _);
        }
    }

    /// <summary>
    /// Appends a decision, with what it depended on sealed under the customer's key; a customer that has no secret gets one. Not to be
    /// called from within <see cref="CustomerDatabase.UpdateContacts{TUpdate}"/>.
    /// </summary>
    /// <param name="record">The decision. The log sets the fields that belong to it (pseudonym, sealed, encrypted, household, interaction, decision_key), and the
    /// amounts reserved when there is a reservation.</param>
    /// <param name="inputs">What it depended on; the log sets the customer's id.</param>
    /// <param name="customerId">The customer; empty for a prospect. One that is not stored any more leaves only the decision without its inputs.</param>
    /// <param name="reservation">Budget that the decision takes over; it stays the caller's when this throws or the decision is not new.</param>
    /// <returns>What to wait for before answering. Not new: a decision of that id was in the log, and what was reserved for this one is to be taken back.</returns>
    /// <exception cref="ArgumentException">The record has no id or too long a one, or another number of slots than the reservation.</exception>
    /// <exception cref="JournalUnavailableException">It cannot be kept.</exception>
    public DecisionReceipt Append(DecisionRecord record, DecisionInputs inputs, ReadOnlySpan<byte> customerId, BudgetReservation? reservation = null)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(inputs);
        if (record.DecisionId.Length is 0 or > MaxIdLength)
        {
            throw new ArgumentException($"expected a decision id of 1 to {MaxIdLength} characters, found {record.DecisionId.Length}", nameof(record));
        }
        UInt128 key = SaltedNames.Decision(_salt, record.DecisionId);
        Take(record, reservation);
        record.DecisionKey = Hash128.ToBytes(key);
        inputs.CustomerId = Encoding.UTF8.GetString(customerId);
        long erasures = Interlocked.Read(ref _erasures);
        UInt128 pseudonym = Seal(ref record, inputs, customerId, key, out ulong customerSequence);
        DecisionReceipt receipt;
        lock (_lock)
        {
            if (_state.TryGet(key, out OpenDecision? earlier))
            {
                return new DecisionReceipt(earlier.Sequence, 0, IsNew: false);
            }
            ulong sequence = _records.Append((uint)DecisionRecordType.Decision, record);
            _state.Add(record, sequence, customerId);
            receipt = new DecisionReceipt(sequence, customerSequence, IsNew: true);
        }
        reservation?.Dispose();
        if (erasures != Interlocked.Read(ref _erasures) && !IsStored(customerId, pseudonym))
        {
            Forget(pseudonym);
        }
        return receipt;
    }

    /// <summary>Completes when a decision is as durable as the database's durability says.</summary>
    /// <exception cref="JournalUnavailableException">It could not be made durable: it may or may not survive.</exception>
    public async ValueTask CommittedAsync(DecisionReceipt receipt, CancellationToken cancellation = default)
    {
        await _records.CommittedAsync(receipt.Sequence, cancellation).ConfigureAwait(false);
        await _database.CommittedAsync(receipt.CustomerSequence, cancellation).ConfigureAwait(false);
    }

    /// <summary>Completes when an outcome is as durable as the database's durability says.</summary>
    /// <exception cref="JournalUnavailableException">It could not be made durable: it may or may not survive.</exception>
    public async ValueTask CommittedAsync(OutcomeReceipt receipt, CancellationToken cancellation = default)
    {
        await _records.CommittedAsync(receipt.Sequence, cancellation).ConfigureAwait(false);
        await _database.CommittedAsync(receipt.Contact, cancellation).ConfigureAwait(false);
    }

    /// <summary>Completes when values are as durable as the database's durability says.</summary>
    /// <exception cref="JournalUnavailableException">They could not be made durable: they may or may not survive.</exception>
    public async ValueTask CommittedAsync(ValueReceipt receipt, CancellationToken cancellation = default)
    {
        await _values.Records.CommittedAsync(receipt.Sequence, cancellation).ConfigureAwait(false);
        await _database.CommittedAsync(receipt.CustomerSequence, cancellation).ConfigureAwait(false);
    }

    /// <summary>A decision and its outcomes, as long as outcomes of it are taken.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public bool TryGet(string decisionId, [MaybeNullWhen(false)] out LoggedDecision decision)
    {
        ArgumentNullException.ThrowIfNull(decisionId);
        UInt128 key = SaltedNames.Decision(_salt, decisionId);
        OpenDecision? open;
        byte[]? customer;
        lock (_lock)
        {
            _state.TryGet(key, out open);
            customer = open?.Customer?.Id;
        }
        decision = null;
        if (open is null || !_records.TryRead(open.Sequence, out _, out byte[] payload))
        {
            return false;
        }
        DecisionRecord record = DecisionRecord.Parser.ParseFrom(payload);
        List<OutcomeRecord> outcomes = [];
        foreach ((ulong sequence, _) in open.Outcomes)
        {
            if (_records.TryRead(sequence, out _, out byte[] outcome))
            {
                outcomes.Add(OutcomeRecord.Parser.ParseFrom(outcome));
            }
        }
        Span<byte> secret = stackalloc byte[CustomerRecord.SecretBytes];
        bool isKnown = customer is not null && _database.Customers.TryReadSecret(customer, secret, make: false, out _);
        decision = new LoggedDecision(record, InputsOf(record, isKnown ? secret : default), outcomes);
        return true;
    }

    /// <summary>
    /// Records an outcome: once, in whatever order outcomes come, as long as the decision is known. Counts, budgets, the contacts of
    /// the customer or household, and what was declined in the interaction follow it.
    /// </summary>
    /// <param name="outcome">What happened.</param>
    /// <param name="receipt">What to wait for before answering.</param>
    /// <exception cref="ArgumentException">The kind is none of an outcome, or the perceived value outside 0..1.</exception>
    /// <exception cref="JournalUnavailableException">It cannot be kept; told again it is recorded, or completed.</exception>
    /// <exception cref="IOException">The contacts could not be changed; told again they are.</exception>
    public OutcomeStatus RecordOutcome(in DecisionOutcome outcome, out OutcomeReceipt receipt)
    {
        Check(in outcome);
        receipt = default;
        UInt128 key = SaltedNames.Decision(_salt, outcome.DecisionId);
        ulong request = SaltedNames.Request(_salt, outcome.RequestId);
        OpenDecision? decision;
        OpenSlot before;
        OpenSlot after;
        ulong sequence;
        lock (_lock)
        {
            if (!_state.TryGet(key, out decision))
            {
                return OutcomeStatus.UnknownDecision;
            }
            if (outcome.Slot < 1 || outcome.Slot > decision.Slots.Length || outcome.Proposition == 0 || decision.Slots[outcome.Slot - 1].Proposition != outcome.Proposition)
            {
                return OutcomeStatus.NotOffered;
            }
            before = decision.Slots[outcome.Slot - 1];
            after = before.With(outcome.Kind, outcome.TimeUnixMs, (float)outcome.PerceivedValue);
            bool isRepeated = after == before || (request != 0 && decision.Outcomes.Any(earlier => earlier.Request == request));
            if (isRepeated)
            {
                after = before;
                sequence = decision.Outcomes.IsEmpty ? decision.Sequence : decision.Outcomes[^1].Sequence;
            }
            else if (decision.Outcomes.Length >= MaxOutcomes)
            {
                return OutcomeStatus.TooMany;
            }
            else
            {
                OutcomeRecord record = RecordOf(in outcome, decision, request);
                sequence = _records.Append((uint)DecisionRecordType.Outcome, record);
                _state.Add(record, sequence);
            }
        }
        ContactReceipt contact = UpdateContacts(decision, new OutcomeContacts(decision, in before, in after, outcome.TimeUnixMs, NowUnixMs()), ref sequence);
        receipt = new OutcomeReceipt(sequence, contact);
        return after == before ? OutcomeStatus.Repeated : OutcomeStatus.Recorded;
    }

    /// <summary>Records what customers brought and cost; each once by its key, as far as that is one of the latest (<see cref="DecisionLogOptions.MaxValueKeys"/>).</summary>
    /// <param name="values">The values.</param>
    /// <param name="statuses">Receives what was done with each.</param>
    /// <returns>What to wait for before answering.</returns>
    /// <exception cref="ArgumentException">There is not a status for each, an amount is not finite, or an id is out of range; nothing is recorded.</exception>
    /// <exception cref="IOException">Not all could be kept; told again the rest is.</exception>
    public ValueReceipt RecordValues(ReadOnlySpan<CustomerValue> values, Span<ValueStatus> statuses)
    {
        if (statuses.Length != values.Length)
        {
            throw new ArgumentException($"expected {values.Length} statuses, found {statuses.Length}", nameof(statuses));
        }
        foreach (ref readonly CustomerValue value in values)
        {
            if (!double.IsFinite(value.Revenue) || !double.IsFinite(value.Cost))
            {
                throw new ArgumentException($"expected finite amounts, found {value.Revenue} and {value.Cost}", nameof(values));
            }
        }
        return _values.Record(values, statuses);
    }

    /// <summary>What the customer has declined in an interaction within the last 24 hours: numbers of propositions. Not to be called from within an update of contacts.</summary>
    /// <param name="customerId">The customer; empty for a prospect.</param>
    /// <param name="interactionId">The interaction; empty for none.</param>
    /// <exception cref="IOException">The log device has failed.</exception>
    public ImmutableArray<ushort> DeclinedIn(ReadOnlySpan<byte> customerId, string interactionId)
    {
        ArgumentNullException.ThrowIfNull(interactionId);
        if (interactionId.Length == 0)
        {
            return [];
        }
        Span<byte> secret = stackalloc byte[CustomerRecord.SecretBytes];
        if (!customerId.IsEmpty && !_database.Customers.TryReadSecret(customerId, secret, make: false, out _))
        {
            return [];
        }
        UInt128 interaction = customerId.IsEmpty ? SaltedNames.Interaction(_salt, interactionId) : CustomerKeys.Interaction(secret, interactionId);
        lock (_lock)
        {
            return _state.DeclinedIn(interaction, NowUnixMs());
        }
    }

    /// <summary>The contacts that are counted for a household, oldest first.</summary>
    public ImmutableArray<ContactEvent> HouseholdContacts(ReadOnlySpan<byte> householdId)
    {
        UInt128 household = SaltedNames.Household(_salt, householdId);
        lock (_lock)
        {
            return [.. _state.Household(household)];
        }
    }

    /// <summary>Changes the contacts of a household in one step, beside which no other change of it happens.</summary>
    /// <param name="householdId">The household, 1 byte or more.</param>
    /// <param name="update">Makes the change.</param>
    /// <param name="receipt">What to wait for.</param>
    /// <returns>Whether the contacts were changed.</returns>
    /// <exception cref="ArgumentException">The id is empty.</exception>
    /// <exception cref="JournalUnavailableException">The change cannot be kept; nothing changed.</exception>
    public bool UpdateHousehold<TUpdate>(ReadOnlySpan<byte> householdId, ref TUpdate update, out DecisionReceipt receipt)
        where TUpdate : IHouseholdUpdate
    {
        if (householdId.IsEmpty)
        {
            throw new ArgumentException("expected the id of a household", nameof(householdId));
        }
        bool changed = UpdateHouseholdOf(SaltedNames.Household(_salt, householdId), ref update, out ulong sequence);
        receipt = new DecisionReceipt(sequence, 0, changed);
        return changed;
    }

    /// <summary>Decisions with their outcomes, in the order they were made; those that are appended meanwhile may be missing.</summary>
    /// <param name="query">Which.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StorageCorruptionException">A record is damaged.</exception>
    /// <exception cref="IOException">The journal cannot be read.</exception>
    public IEnumerable<LoggedDecision> Read(DecisionQuery query, CancellationToken cancellation = default)
        => new DecisionScan(_records, _database.Customers, _database.Options.EffectiveRecoveryThreads).Read(query, cancellation);

    /// <summary>The value feed from a number on, in the order it was recorded.</summary>
    /// <param name="from">Number of the first value that is wanted; 0 for all that is kept.</param>
    /// <exception cref="StorageCorruptionException">A record is damaged.</exception>
    /// <exception cref="IOException">The journal cannot be read.</exception>
    public IEnumerable<(ulong Sequence, ValueRecord Value)> ReadValues(ulong from = 0)
        => ValueLog.Read(_values.Records, from);

    /// <summary>Writes the state, so that a restart begins there, and removes what is older than the retention. Happens with each snapshot of the database, and by size.</summary>
    /// <exception cref="IOException">It cannot be written; the snapshots so far stand.</exception>
    public void Snapshot(CancellationToken cancellation = default)
    {
        if (_directory is null)
        {
            return;
        }
        try
        {
            lock (_snapshot)
            {
                cancellation.ThrowIfCancellationRequested();
                Write(_directory);
            }
            _snapshotFault = null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _snapshotFault = e;
            throw;
        }
    }

    /// <summary>Writes a last snapshot and closes the journals. What could not be committed is lost; whoever waited for it was told.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _background.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_directory is not null)
        {
            try
            {
                Snapshot();
                _records.Journal!.Close();
                _values.Records.Journal!.Close();
            }
            catch (IOException e)
            {
                // The next start reads the journals from the snapshot before.
                Notify(StorageNoticeKind.JournalFailed, $"the decision log could not be closed in order: {e.Message}", e);
            }
        }
        _records.Dispose();
        _values.Dispose();
        _database.Customers.SecretErased = null;
        _database.Decisions = null;
    }

    /// <summary>Copies the files of now into another data directory of the same lineage.</summary>
    /// <param name="target">The directory.</param>
    /// <param name="copyJournal">Copies a journal from one folder to another; returns the first sequence that is not in the copy.</param>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    internal void CopyTo(DataDirectory target, Func<Journal, string, string, uint, ulong> copyJournal)
    {
        DataDirectory source = _directory!;
        lock (_snapshot)
        {
            Write(source);
            copyJournal(_records.Journal!, source.Decisions, target.Decisions, JournalKind.Decisions);
            copyJournal(_values.Records.Journal!, source.Values, target.Values, JournalKind.Values);
            DecisionFiles.CopyStates(source, target);
        }
    }

    private static RecordLog OpenJournal(CustomerDatabase database, DataDirectory directory, string folder, uint kind, ulong next, TimeProvider time)
        => new(Journal.Open(folder, directory.Files, CustomerDatabase.JournalOptionsOf(database.Options, kind), directory.Manifest.Lineage, next, time),
            folder, directory.Files, directory.Manifest.Lineage, kind)
        {
            SkipDamage = database.Options.Repair,
        };

    /// <summary>Finds whose decisions the open ones are.</summary>
    private static void FindCustomers(DecisionState state, CustomerDatabase database, CancellationToken cancellation)
    {
        if (state.Customers.Count > 0)
        {
            SecretOwners.ForEach(database.Customers, database.Options.EffectiveRecoveryThreads, (id, secret) =>
            {
                if (state.Customers.TryGetValue(Pseudonym.Of(secret), out OpenCustomer? customer))
                {
                    customer.Id = id.ToArray();
                }
            }, cancellation);
        }
    }

    private static void Check(in DecisionOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome.DecisionId);
        if (!double.IsNaN(outcome.PerceivedValue) && outcome.PerceivedValue is < 0 or > 1)
        {
            throw new ArgumentException($"expected a perceived value of 0 to 1, found {outcome.PerceivedValue}", nameof(outcome));
        }
        if (outcome.Kind == ContactKind.Reserved || !Enum.IsDefined(outcome.Kind) || (outcome.Kind == ContactKind.None && double.IsNaN(outcome.PerceivedValue)))
        {
            throw new ArgumentException($"expected what became of an offer, or a perceived value; found {outcome.Kind}", nameof(outcome));
        }
    }

    private static void Take(DecisionRecord record, BudgetReservation? reservation)
    {
        if (reservation is null)
        {
            return;
        }
        IList<ChosenRecord> slots = record.HeldOut ? record.Offered : record.Chosen;
        if (reservation.Claims.Length != slots.Count)
        {
            throw new ArgumentException($"expected a claim for each of {slots.Count} slots, found {reservation.Claims.Length}", nameof(reservation));
        }
        for (int i = 0; i < slots.Count; i++)
        {
            BudgetClaim claim = reservation.Claims[i];
            slots[i].ReservedContact = claim.Contact;
            slots[i].Reserved = claim.Contact + claim.Fulfilment;
        }
    }

    /// <summary>Gives a record its pseudonym and the sealed inputs.</summary>
    private UInt128 Seal(ref DecisionRecord record, DecisionInputs inputs, ReadOnlySpan<byte> customerId, UInt128 key, out ulong customerSequence)
    {
        customerSequence = 0;
        Span<byte> secret = stackalloc byte[CustomerRecord.SecretBytes];
        bool isStored = !customerId.IsEmpty && _database.Customers.TryReadSecret(customerId, secret, make: true, out customerSequence);
        UInt128 household = inputs.HouseholdId.Length > 0 ? SaltedNames.Household(_salt, Encoding.UTF8.GetBytes(inputs.HouseholdId)) : UInt128.Zero;
        UInt128 pseudonym = Pseudonym.Of(isStored ? secret : RandomNumberGenerator.GetBytes(CustomerRecord.SecretBytes));
        record.Pseudonym = Hash128.ToBytes(pseudonym);
        record.Encrypted = !customerId.IsEmpty;
        if (customerId.IsEmpty)
        {
            record.Interaction = inputs.InteractionId.Length > 0 ? Hash128.ToBytes(SaltedNames.Interaction(_salt, inputs.InteractionId)) : ByteString.Empty;
            record.Household = Hash128.ToBytes(household);
            record.Sealed = inputs.ToByteString();
            return pseudonym;
        }
        if (record.DecisionId.Contains(inputs.CustomerId, StringComparison.Ordinal))
        {
            inputs.DecisionId = record.DecisionId;
            record = record.Clone();
            record.DecisionId = "";
        }
        record.Interaction = isStored && inputs.InteractionId.Length > 0 ? Hash128.ToBytes(CustomerKeys.Interaction(secret, inputs.InteractionId)) : ByteString.Empty;
        record.Household = isStored && household != UInt128.Zero ? Hash128.ToBytes(household ^ CustomerKeys.Mask(secret, key)) : ByteString.Empty;
        record.Sealed = isStored ? CustomerKeys.Seal(secret, inputs) : ByteString.Empty;
        return pseudonym;
    }

    /// <summary>What a decision depended on; null when nobody can know it any more.</summary>
    internal static DecisionInputs? InputsOf(DecisionRecord record, ReadOnlySpan<byte> secret)
    {
        if (!record.Encrypted)
        {
            return DecisionInputs.Parser.ParseFrom(record.Sealed);
        }
        return secret.IsEmpty || record.Sealed.IsEmpty || Pseudonym.Of(secret) != Hash128.From(record.Pseudonym) ? null
            : CustomerKeys.Open(secret, record.Sealed.Span, DecisionInputs.Parser);
    }

    private OutcomeRecord RecordOf(in DecisionOutcome outcome, OpenDecision decision, ulong request)
    {
        OutcomeRecord record = new()
        {
            DecisionId = decision.HasHiddenId ? "" : outcome.DecisionId,
            DecisionKey = Hash128.ToBytes(decision.Key),
            Slot = (uint)outcome.Slot,
            Proposition = (uint)outcome.Proposition,
            Kind = (uint)outcome.Kind,
            Reason = outcome.Reason,
            TimeUnixMs = outcome.TimeUnixMs,
            RecordedUnixMs = NowUnixMs(),
            Pseudonym = Hash128.ToBytes(decision.Customer?.Pseudonym ?? UInt128.Zero),
            ApprovedBy = outcome.ApprovedBy,
            SegmentId = (uint)decision.SegmentId,
            Request = request,
        };
        if (!double.IsNaN(outcome.PerceivedValue))
        {
            record.PerceivedValue = outcome.PerceivedValue;
        }
        return record;
    }

    private ContactReceipt UpdateContacts(OpenDecision decision, OutcomeContacts update, ref ulong sequence)
    {
        byte[]? customer = decision.Customer?.Id;
        if (decision.Household != UInt128.Zero)
        {
            UInt128 household = decision.Household;
            if (decision.Customer is not null)
            {
                Span<byte> secret = stackalloc byte[CustomerRecord.SecretBytes];
                if (customer is null || !_database.Customers.TryReadSecret(customer, secret, make: false, out _) || Pseudonym.Of(secret) != decision.Customer.Pseudonym)
                {
                    return default; // Erased, and with the customer the household.
                }
                household ^= CustomerKeys.Mask(secret, decision.Key);
            }
            if (UpdateHouseholdOf(household, ref update, out ulong changed))
            {
                sequence = changed;
            }
            return default;
        }
        if (customer is null)
        {
            return default;
        }
        _database.UpdateContacts(customer, ref update, out ContactReceipt receipt);
        return receipt;
    }

    private bool UpdateHouseholdOf<TUpdate>(UInt128 household, ref TUpdate update, out ulong sequence)
        where TUpdate : IHouseholdUpdate
    {
        sequence = 0;
        lock (_households[(int)(household % HouseholdLocks)])
        {
            int bound = _database.Options.Store.MaxContactEvents;
            ContactEvent[] room;
            int count;
            lock (_lock)
            {
                ReadOnlySpan<ContactEvent> known = _state.Household(household);
                count = known.Length;
                room = new ContactEvent[Math.Max(bound, count)];
                known.CopyTo(room);
            }
            ContactList contacts = new(room, count, bound, sequence: 0, stackalloc byte[CustomerRecord.SecretBytes]);
            if (!update.Update(ref contacts))
            {
                return false;
            }
            HouseholdState record = DecisionSnapshot.ToMessage(household, contacts.Events);
            lock (_lock)
            {
                sequence = _records.Append((uint)DecisionRecordType.Household, record);
                _state.Add(record);
            }
            return true;
        }
    }

    private bool IsStored(ReadOnlySpan<byte> customerId, UInt128 pseudonym)
    {
        Span<byte> secret = stackalloc byte[CustomerRecord.SecretBytes];
        return !customerId.IsEmpty && _database.Customers.TryReadSecret(customerId, secret, make: false, out _) && Pseudonym.Of(secret) == pseudonym;
    }

    private void Forget(ReadOnlySpan<byte> secret)
    {
        Interlocked.Increment(ref _erasures);
        Forget(Pseudonym.Of(secret));
    }

    private void Forget(UInt128 pseudonym)
    {
        lock (_lock)
        {
            _state.Forget(pseudonym);
        }
    }

    private void Write(DataDirectory directory)
    {
        DecisionStateImage image;
        ulong nextDecision;
        long bytes;
        lock (_lock)
        {
            _state.Retain(NowUnixMs() - (long)_decisionRetention.TotalMilliseconds, NowUnixMs());
            image = _state.Capture();
            nextDecision = _records.NextSequence;
            bytes = _records.Journal!.Bytes;
        }
        ulong nextValue = _values.Records.NextSequence;
        // A snapshot has nothing that the journal may lose.
        _records.Journal.Flush();
        _values.Records.Journal!.Flush();
        DecisionSnapshot.Write(directory.Files, directory.DecisionStates,
            new DecisionSnapshotHeader(directory.Manifest.Lineage, nextDecision, nextValue, NowUnixMs()), image);
        Interlocked.Exchange(ref _bytesAtSnapshot, bytes);
        RemoveOld(directory);
    }

    private void RemoveOld(DataDirectory directory)
    {
        List<string> snapshots = DecisionSnapshot.List(directory.Files, directory.DecisionStates);
        foreach (string old in snapshots.Skip(2))
        {
            directory.Files.Delete(old);
        }
        directory.Files.FlushDirectory(directory.DecisionStates);
        if (snapshots.Count < 2)
        {
            return; // As long as there is one snapshot, the whole journal stands in for the other.
        }
        (TimeSpan decisions, TimeSpan values) = (_decisionRetention, _valueRetention);
        ulong needed = DecisionSnapshot.ReadHeader(directory.Files, snapshots[1]).NextDecision;
        JournalRetention.Apply(_records, directory.Decisions, directory.Files, Math.Min(needed, _records.NextSequence), NowUnixMs() - (long)decisions.TotalMilliseconds, TimeOf);
        JournalRetention.Apply(_values.Records, directory.Values, directory.Files, ulong.MaxValue, NowUnixMs() - (long)values.TotalMilliseconds,
            (_, payload) => ValueRecord.Parser.ParseFrom(payload).RecordedUnixMs);
    }

    /// <summary>When a record was made; 0 for one that does not say it.</summary>
    internal static long TimeOf(uint type, byte[] payload) => (DecisionRecordType)type switch
    {
        DecisionRecordType.Decision => DecisionRecord.Parser.ParseFrom(payload).TimeUnixMs,
        DecisionRecordType.Outcome => OutcomeRecord.Parser.ParseFrom(payload).RecordedUnixMs,
        _ => 0,
    };

    /// <summary>Every second: time changes decisions, and a snapshot is taken when one is due.</summary>
    private void Tick()
    {
        if (!_background.IsCompleted)
        {
            return;
        }
        DateTimeOffset now = _time.GetUtcNow();
        bool due = _directory is not null && Fault is null && BytesSinceSnapshot >= _options.SnapshotJournalBytes && (_snapshotFault is null || now >= _nextTry);
        if (due)
        {
            _nextTry = now + SnapshotRetryInterval;
        }
        Age();
        if (due)
        {
            _background = Task.Run(TakeDueSnapshot);
        }
    }

    private void TakeDueSnapshot()
    {
        try
        {
            Snapshot();
        }
        catch (IOException e)
        {
            Notify(StorageNoticeKind.SnapshotFailed, $"no snapshot of the decision log could be taken: {e.Message}", e);
        }
    }

    private void Age()
    {
        long now = NowUnixMs();
        bool more = true;
        while (more && Fault is null)
        {
            lock (_lock)
            {
                try
                {
                    more = AgeSome(now);
                }
                catch (JournalUnavailableException)
                {
                    return; // Whoever writes is told; this is tried again.
                }
            }
        }
    }

    /// <summary>Ages some of the decisions that are due; returns whether there may be more.</summary>
    private bool AgeSome(long now)
    {
        _state.Trim(now);
        for (int i = 0; i < AgedAtOnce; i++)
        {
            if (!_state.TryTakeDue(now, out OpenDecision? decision))
            {
                return false;
            }
            for (int slot = 0; slot < decision.Slots.Length; slot++)
            {
                Mature(decision, slot, now);
            }
            if (_state.TryGet(decision.Key, out decision))
            {
                _state.Age(decision, now);
            }
        }
        return true;
    }

    /// <summary>An offer that was made and not answered counts as declined when it is mature, and the log says so.</summary>
    private void Mature(OpenDecision decision, int index, long now)
    {
        OpenSlot slot = decision.Slots[index];
        if (!slot.Has(SlotEvents.Presented) || slot.IsAnswered || slot.Has(SlotEvents.Matured) || decision.MaturityOf(slot.MaturityDays) > now)
        {
            return;
        }
        OutcomeRecord record = new()
        {
            DecisionKey = Hash128.ToBytes(decision.Key),
            Slot = (uint)index + 1,
            Proposition = slot.Proposition,
            Kind = (uint)ContactKind.Declined,
            TimeUnixMs = decision.MaturityOf(slot.MaturityDays),
            RecordedUnixMs = now,
            Pseudonym = Hash128.ToBytes(decision.Customer?.Pseudonym ?? UInt128.Zero),
            SegmentId = (uint)decision.SegmentId,
            Matured = true,
        };
        _state.Add(record, _records.Append((uint)DecisionRecordType.Outcome, record));
    }

    private long NowUnixMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Notify(StorageNoticeKind kind, string message, Exception? error) => _database.Options.Notify?.Invoke(new StorageNotice(kind, message, error));
}
