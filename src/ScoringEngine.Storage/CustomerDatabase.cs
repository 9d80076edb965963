using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Schemas;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>
/// The customers and what keeps them: the live <see cref="Customers"/> in memory, a journal of their writes, and snapshots from
/// which a restart begins. A write is made on <see cref="Customers"/> and may be acknowledged once
/// <see cref="CommittedAsync(ulong, CancellationToken)"/> has completed for its number. Readers may see it a moment before.
/// Thread-safe, except <see cref="DisposeAsync"/>, which must be alone.
/// </summary>
/// <remarks>
/// When a journal cannot be written, writes throw <see cref="JournalUnavailableException"/> and change nothing while reads go on;
/// it is tried again every second, and when it works everything that was under way is durable. FORMAT.md describes the files.
/// </remarks>
public sealed class CustomerDatabase : IAsyncDisposable
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SnapshotRetryInterval = TimeSpan.FromMinutes(1);

    // What the journals write of themselves is no reason for a snapshot.
    private const long IdleBytes = 1024;

    private readonly CustomerDatabaseOptions _options;
    private readonly TimeProvider _time;
    private readonly RecoveredParts _parts;
    private readonly CustomerLog _log;
    private readonly ContactLog _contactLog;
    private readonly Journal? _journal;
    private readonly Journal? _contacts;
    private readonly DataDirectory? _directory;
    private readonly SnapshotKeeper? _keeper;
    private readonly IDisposable? _lock;
    private readonly TimeSpan _recoveryTime;
    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _upkeep = new(1);
    private readonly ITimer _timer;
    private long _recoveredBytes; // of writes since the newest snapshot, before the journal was opened
    private long _bytesAtSnapshot; // of both journals
    private DateTimeOffset _nextTry;
    private DateTimeOffset _openedAt;
    private volatile Exception? _snapshotFault;
    private JournalUnavailableException? _notified;
    private Exception? _reclaimFault;
    private Task _background = Task.CompletedTask;

    private CustomerDatabase(CustomerDatabaseOptions options, TimeProvider time, RecoveredParts parts, ulong lastSequence, ulong lastContact,
        DataDirectory? directory, Journal? journal, Journal? contacts, IDisposable? held, TimeSpan recoveryTime, long recoveredBytes)
    {
        _options = options;
        _time = time;
        _parts = parts;
        _directory = directory;
        _journal = journal;
        _contacts = contacts;
        _lock = held;
        _recoveryTime = recoveryTime;
        _recoveredBytes = recoveredBytes;
        _openedAt = _nextTry = time.GetUtcNow();
        _log = new CustomerLog(journal, lastSequence, parts.Customers, parts.Requests, parts.Erasures);
        _contactLog = new ContactLog(contacts, lastContact, options.Store.MaxContactEvents);
        _keeper = directory is null ? null : new SnapshotKeeper(directory, parts, _log, _contactLog, journal, contacts, time);
        parts.Customers.Log = _log;
        parts.Schemas.Log = _log;
        _timer = time.CreateTimer(static database => ((CustomerDatabase)database!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The live customers.</summary>
    public CustomerStore Customers => _parts.Customers;

    /// <summary>What their features mean.</summary>
    public StoredSchemas Schemas => _parts.Schemas;

    /// <summary>Whether writes survive the process.</summary>
    public bool IsDurable => _journal is not null;

    /// <summary>Number of the last write that is as durable as it is to be.</summary>
    public ulong CommittedSequence => _journal?.CommittedSequence ?? _log.LastSequence;

    /// <summary>A database of now.</summary>
    public CustomerDatabaseStatistics Statistics
    {
        get
        {
            IReadOnlyList<SnapshotInfo> snapshots = _directory?.Manifest.Generations ?? [];
            return new CustomerDatabaseStatistics
            {
                Store = Customers.Statistics,
                Sequence = _log.LastSequence,
                CommittedSequence = CommittedSequence,
                ContactSequence = _contactLog.LastSequence,
                JournalBytes = BytesSinceSnapshot,
                Snapshots = snapshots,
                SnapshotAge = snapshots is [SnapshotInfo newest, ..] ? _time.GetUtcNow() - newest.CreatedAt : null,
                JournalFault = Fault,
                SnapshotFault = _snapshotFault,
                RecoveryTime = _recoveryTime,
            };
        }
    }

    internal CustomerDatabaseOptions Options => _options;

    /// <summary>Its folder; null in memory.</summary>
    internal DataDirectory? Directory => _directory;

    /// <summary>The decision log that lives in the same folder, while it is open: its snapshots and backups are taken with those of the customers.</summary>
    internal DecisionLog? Decisions { get; set; }

    private JournalUnavailableException? Fault => _journal?.Fault ?? _contacts?.Fault;

    private long BytesSinceSnapshot => _journal is null || _contacts is null ? 0
        : Interlocked.Read(ref _recoveredBytes) + _journal.Bytes + _contacts.Bytes - Interlocked.Read(ref _bytesAtSnapshot);

    /// <summary>Opens a database: recovers what its directory holds, or makes the directory.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="schema">The features of the customers to be stored; a version of the schemas that the directory has, or a new one. Null leaves those it has.</param>
    /// <param name="time">The clock.</param>
    /// <param name="progress">Told how far it has got.</param>
    /// <param name="cancellation">Gives up; nothing is changed.</param>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    /// <exception cref="DataDirectoryException">The directory is in use, cannot be written, holds other things, or was written by a newer program.</exception>
    /// <exception cref="StorageCorruptionException">Something that was stored is damaged; <see cref="CustomerDatabaseOptions.Repair"/> opens it nevertheless.</exception>
    /// <exception cref="InvalidDataException">The schema, or a file, belongs to other customers.</exception>
    /// <exception cref="JournalUnavailableException">The journal cannot be begun.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static CustomerDatabase Open(CustomerDatabaseOptions options, FeatureSchema? schema, TimeProvider time,
        IProgress<RecoveryProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        options.Validate();
        if (options.Directory is null)
        {
            RecoveredParts parts = new(new CustomerStore(options.Store), new StoredSchemas(), new RecentRequests(options.RecentRequests), Erasures: null);
            Adopt(schema, parts.Schemas);
            return new CustomerDatabase(options, time, parts, 0, 0, directory: null, journal: null, contacts: null, held: null, TimeSpan.Zero, 0).Begin();
        }
        string path = Path.GetFullPath(options.Directory);
        // Before a lock is put where it does not belong.
        DataDirectory.CheckUsable(DiskFiles.Instance, path, options.Repair);
        DirectoryLock held = DirectoryLock.Take(path);
        try
        {
            CustomerStoreOptions store = options.Store.Directory is null ? options.Store with { Directory = DataDirectory.SpillOf(path) } : options.Store;
            return Open(options with { Directory = path, Store = store }, schema, time, DiskFiles.Instance, held, progress, cancellation);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>A database that keeps nothing beyond this process.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="IOException">The folder for what memory cannot hold takes no files.</exception>
    public static CustomerDatabase InMemory(CustomerStoreOptions options, FeatureSchema schema)
        => Open(new CustomerDatabaseOptions { Store = options }, schema, TimeProvider.System);

    /// <summary>Opens the database of a directory whose lock is held.</summary>
    internal static CustomerDatabase Open(CustomerDatabaseOptions options, FeatureSchema? schema, TimeProvider time, IStorageFiles files,
        IDisposable? held, IProgress<RecoveryProgress>? progress = null, CancellationToken cancellation = default)
    {
        long start = time.GetTimestamp();
        string path = options.Directory!;
        RepairReport? repair = options.Repair ? new RepairReport() : null;
        DataDirectory directory = options.BulkLoad ? DataDirectory.Begin(files, path) : DataDirectory.OpenOrBegin(files, path, repair);
        RecoveredParts parts = new(new CustomerStore(options.Store), new StoredSchemas(), new RecentRequests(options.RecentRequests),
            new ErasureRegister(files, directory.Erasures, directory.Salt));
        Journal? journal = null;
        Journal? contacts = null;
        try
        {
            Recovery recovery = new(directory, parts, repair, options.EffectiveRecoveryThreads, progress, cancellation);
            recovery.Run();
            if (schema is not null)
            {
                parts.Schemas.RequireLineage(schema);
            }
            if (!options.BulkLoad)
            {
                journal = Journal.Open(directory.Journal, files, JournalOptionsOf(options, JournalKind.Customers), directory.Manifest.Lineage, recovery.NextSequence, time);
                contacts = Journal.Open(directory.Contacts, files, JournalOptionsOf(options, JournalKind.Contacts), directory.Manifest.Lineage, recovery.NextContact, time);
                // From here on the journals go on beyond where they were closed.
                directory.Save(directory.Manifest with { Closed = null, ContactsClosed = null });
            }
            CustomerDatabase database = new(options, time, parts, recovery.NextSequence - 1, recovery.NextContact - 1, directory, journal, contacts, held,
                time.GetElapsedTime(start), recovery.JournalBytes);
            if (repair is { IsEmpty: false })
            {
                database.CompleteRepair(repair, cancellation);
            }
            Adopt(schema, parts.Schemas);
            return database.Begin();
        }
        catch
        {
            journal?.Dispose();
            contacts?.Dispose();
            parts.Customers.Dispose();
            throw;
        }
    }

    /// <summary>Completes when the write of a number, and all before it, are as durable as <see cref="CustomerDatabaseOptions.Durability"/> says.</summary>
    /// <param name="sequence">From the receipt of a write.</param>
    /// <param name="cancellation">Stops waiting; the write stands.</param>
    /// <exception cref="JournalUnavailableException">The write could not be made durable: it may or may not survive.</exception>
    public ValueTask CommittedAsync(ulong sequence, CancellationToken cancellation = default)
        => _journal?.CommittedAsync(sequence, cancellation) ?? ValueTask.CompletedTask;

    /// <summary>Completes when a contact is as durable as <see cref="CustomerDatabaseOptions.Durability"/> says.</summary>
    /// <param name="receipt">From <see cref="RecordContact"/> or <see cref="UpdateContacts{TUpdate}"/>.</param>
    /// <param name="cancellation">Stops waiting; the contact stands.</param>
    /// <exception cref="JournalUnavailableException">The contact could not be made durable: it may or may not survive.</exception>
    public async ValueTask CommittedAsync(ContactReceipt receipt, CancellationToken cancellation = default)
    {
        if (_contacts is not null)
        {
            await _contacts.CommittedAsync(receipt.Sequence, cancellation).ConfigureAwait(false);
            await CommittedAsync(receipt.CustomerSequence, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The receipt of the write that a request made, if it is one of the latest (<see cref="CustomerDatabaseOptions.RecentRequests"/>); also after a restart.</summary>
    /// <remarks>
    /// Known from the moment the write has its number: wait for <see cref="CommittedAsync(ulong, CancellationToken)"/> before answering.
    /// A repetition that asks before that moment is not recognised. The receipt of a removal is not <see cref="WriteReceipt.Created"/>.
    /// </remarks>
    public bool TryGetReceipt(RequestKey request, out WriteReceipt receipt) => _parts.Requests.TryGet(request, out receipt);

    /// <summary>Adds an event to the contacts of a customer; the oldest drops out at the bound.</summary>
    /// <returns>Whether the customer is stored.</returns>
    /// <exception cref="ArgumentException">The id is out of range.</exception>
    /// <exception cref="JournalUnavailableException">The contact cannot be kept; nothing changed.</exception>
    /// <exception cref="IOException">The log device has failed.</exception>
    public bool RecordContact(ReadOnlySpan<byte> id, ContactEvent contact, out ContactReceipt receipt)
    {
        AddContact update = new(contact);
        return UpdateContacts(id, ref update, out receipt);
    }

    /// <summary>Changes the contacts of a customer in one step, see <see cref="CustomerStore.UpdateContacts{TUpdate}"/>; the change is kept before it is seen.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="update">Makes the change.</param>
    /// <param name="receipt">What to wait for.</param>
    /// <returns>Whether the contacts were stored: false when the customer is not stored or the update declined.</returns>
    /// <exception cref="ArgumentException">The id is out of range.</exception>
    /// <exception cref="JournalUnavailableException">The change cannot be kept; nothing changed.</exception>
    /// <exception cref="IOException">The log device has failed.</exception>
    public bool UpdateContacts<TUpdate>(ReadOnlySpan<byte> id, ref TUpdate update, out ContactReceipt receipt)
        where TUpdate : IContactUpdate
    {
        ContactLog.Update<TUpdate> logged = new(_contactLog, ref update);
        bool stored = Customers.UpdateContacts(id, ref logged, out ulong customerSequence);
        receipt = new ContactReceipt(logged.Sequence, customerSequence);
        return stored;
    }

    /// <summary>Takes a snapshot beside reads and writes. Of a bulk load it is what makes it durable.</summary>
    /// <exception cref="InvalidOperationException">The database is in memory only.</exception>
    /// <exception cref="IOException">It cannot be written; the snapshots so far stand.</exception>
    public Task<SnapshotInfo> SnapshotAsync(CancellationToken cancellation = default) => MaintainAsync((keeper, stop) => Snapshot(keeper, stop), cancellation);

    /// <summary>
    /// Reclaims what superseded versions take in the live store, and takes two snapshots, after which no file of the directory has
    /// any byte of a customer that was erased before: not of the id, nor of the features. What an earlier repair has put aside stays.
    /// </summary>
    /// <exception cref="InvalidOperationException">The database is in memory only.</exception>
    /// <exception cref="IOException">It cannot be written; the snapshots so far stand.</exception>
    public Task CompactAsync(CancellationToken cancellation = default) => MaintainAsync((keeper, stop) =>
    {
        Customers.Compact(stop);
        Snapshot(keeper, stop);
        return Snapshot(keeper, stop);
    }, cancellation);

    /// <summary>Writes the customers of now into a folder, beside reads and writes, and reads it back. The folder is a data directory of its own.</summary>
    /// <param name="folder">Where to: absent or empty.</param>
    /// <param name="cancellation">Gives up; the folder is no data directory then.</param>
    /// <exception cref="InvalidOperationException">The database has no journal.</exception>
    /// <exception cref="DataDirectoryException">The folder holds other things.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public Task<BackupInfo> BackupAsync(string folder, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return MaintainAsync((keeper, stop) => keeper.Backup(Path.GetFullPath(folder), Decisions, stop), cancellation);
    }

    /// <summary>Closes the journals, so that the next start knows that they are whole. What could not be committed is lost; whoever waited for it was told.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _upkeep.WaitAsync().ConfigureAwait(false);
        await _background.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_directory is not null && _journal is not null && _contacts is not null)
        {
            try
            {
                _directory.Save(_directory.Manifest with { Closed = _journal.Close(), ContactsClosed = _contacts.Close() });
            }
            catch (IOException e)
            {
                // The next start treats it as a crash, which loses nothing that was acknowledged.
                Notify(StorageNoticeKind.JournalFailed, $"the data directory could not be closed in order: {e.Message}", e);
            }
            _contacts.Dispose();
            _journal.Dispose();
        }
        Customers.Dispose();
        _lock?.Dispose();
        _closing.Dispose();
    }

    private CustomerDatabase Begin()
    {
        _timer.Change(TickInterval, TickInterval);
        return this;
    }

    private static void Adopt(FeatureSchema? schema, StoredSchemas schemas)
    {
        if (schema is not null)
        {
            schemas.Adopt(schema);
        }
    }

    internal static JournalOptions JournalOptionsOf(CustomerDatabaseOptions options, uint kind)
        => new() { Kind = kind, Durability = options.Durability, CommitInterval = options.CommitInterval, SegmentBytes = options.JournalSegmentBytes };

    /// <summary>Runs one thing at a time that takes long, on a thread of its own.</summary>
    private async Task<T> MaintainAsync<T>(Func<SnapshotKeeper, CancellationToken, T> work, CancellationToken cancellation)
    {
        SnapshotKeeper keeper = _keeper ?? throw new InvalidOperationException("the database is in memory only");
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _closing.Token);
        await _upkeep.WaitAsync(stop.Token).ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(() => work(keeper, stop.Token), stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            _upkeep.Release();
        }
    }

    private SnapshotInfo Snapshot(SnapshotKeeper keeper, CancellationToken cancellation)
    {
        long bytes = _journal is null || _contacts is null ? 0 : _journal.Bytes + _contacts.Bytes;
        try
        {
            SnapshotInfo snapshot = keeper.Take(keepOlder: true, cancellation);
            Decisions?.Snapshot(cancellation);
            Interlocked.Exchange(ref _recoveredBytes, 0);
            Interlocked.Exchange(ref _bytesAtSnapshot, bytes);
            _snapshotFault = null;
            Notify(StorageNoticeKind.SnapshotTaken, $"snapshot {snapshot.File}: {snapshot.Customers} customers, {snapshot.Bytes} bytes", null);
            return snapshot;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _snapshotFault = e;
            Notify(StorageNoticeKind.SnapshotFailed, $"no snapshot could be taken: {e.Message}", e);
            throw;
        }
    }

    /// <summary>Puts what a repair has found on a sound footing: two new snapshots, and the damaged files aside.</summary>
    private void CompleteRepair(RepairReport repair, CancellationToken cancellation)
    {
        DataDirectory directory = _directory!;
        SetAside(file => file == directory.Erasures);
        _keeper!.Take(keepOlder: false, cancellation);
        SetAside(_ => true);
        _keeper.Take(keepOlder: true, cancellation);
        string report = repair.Write(directory, _time.GetUtcNow());
        Notify(StorageNoticeKind.Repaired, $"damage was repaired, see {report}", null);

        void SetAside(Func<string, bool> which)
        {
            foreach (string file in repair.Files.Where(file => which(file) && directory.Files.Exists(file)))
            {
                directory.SetAside(file);
            }
        }
    }

    /// <summary>Every second: tells of journals that fail or work again, takes a snapshot when one is due, and reclaims room when it is worthwhile.</summary>
    private void Tick()
    {
        JournalUnavailableException? fault = Fault;
        JournalUnavailableException? before = Interlocked.Exchange(ref _notified, fault);
        if (fault is not null && before is null)
        {
            Notify(StorageNoticeKind.JournalFailed, fault.Message, fault);
        }
        else if (fault is null && before is not null)
        {
            Notify(StorageNoticeKind.JournalResumed, "the journal is written again", null);
        }
        if (!_background.IsCompleted)
        {
            return;
        }
        bool due = _journal is not null && fault is null && IsSnapshotDue();
        if (due)
        {
            _nextTry = _time.GetUtcNow() + SnapshotRetryInterval;
        }
        _background = UpkeepAsync(due);
    }

    // Reclaiming has its turn also where one snapshot is due after the other.
    private async Task UpkeepAsync(bool snapshot)
    {
        try
        {
            if (snapshot)
            {
                await SnapshotAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            await Task.Run(Reclaim).ConfigureAwait(false);
        }
    }

    private void Reclaim()
    {
        try
        {
            Customers.CompactIfWorthwhile(_closing.Token);
            _reclaimFault = null;
        }
        catch (IOException e)
        {
            // The device's failure also refuses writes: once is enough.
            if (Interlocked.Exchange(ref _reclaimFault, e) is null)
            {
                Notify(StorageNoticeKind.CompactionFailed, $"no room could be reclaimed: {e.Message}", e);
            }
        }
    }

    private bool IsSnapshotDue()
    {
        DateTimeOffset now = _time.GetUtcNow();
        long bytes = BytesSinceSnapshot;
        DateTimeOffset last = _directory!.Manifest.Generations is [SnapshotInfo newest, ..] && newest.CreatedAt > _openedAt ? newest.CreatedAt : _openedAt;
        return (_snapshotFault is null || now >= _nextTry) && (bytes >= _options.SnapshotJournalBytes || (bytes > IdleBytes && now - last >= _options.SnapshotInterval));
    }

    private void Notify(StorageNoticeKind kind, string message, Exception? error) => _options.Notify?.Invoke(new StorageNotice(kind, message, error));
}
