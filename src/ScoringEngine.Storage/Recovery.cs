using System.Buffers.Binary;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Schemas;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>What recovery fills.</summary>
/// <param name="Customers">The live store.</param>
/// <param name="Schemas">What its features mean.</param>
/// <param name="Requests">The latest requests.</param>
/// <param name="Erasures">Takes the erasures that are not in the register yet; null when nobody asks.</param>
internal sealed record RecoveredParts(CustomerStore Customers, StoredSchemas Schemas, RecentRequests Requests, ErasureRegister? Erasures);

/// <summary>
/// Brings a live store to the state that a data directory holds: the newest snapshot, then the journal from where the
/// snapshot begins, then the contacts. A write is applied only if its number is higher than that of what is stored, so it does
/// no harm that a snapshot has some of the writes which the journal brings again. One thread reads and checks, others apply.
/// </summary>
/// <remarks>
/// Damage ends it with a <see cref="StorageCorruptionException"/>. With a report to write to it goes on with what can be
/// proven: all readable blocks of both snapshots, all readable records of the journal from the older one on.
/// </remarks>
internal sealed class Recovery
{
    private readonly DataDirectory _directory;
    private readonly RecoveredParts _parts;
    private readonly RepairReport? _repair;
    private readonly SchemaSalvage? _salvage;
    private readonly int _threads;
    private readonly IProgress<RecoveryProgress>? _progress;
    private readonly CancellationToken _cancellation;
    // Most numbers that the register of erasures may be ahead of the journal: what a segment that was never flushed has room for, and more.
    private const ulong MostAhead = 1 << 24;

    private ulong _lastSequence; // in a snapshot
    private ulong _lastContact; // in a snapshot

    public Recovery(DataDirectory directory, RecoveredParts parts, RepairReport? repair, int threads, IProgress<RecoveryProgress>? progress, CancellationToken cancellation)
    {
        _directory = directory;
        _parts = parts;
        _repair = repair;
        _salvage = repair is null ? null : new SchemaSalvage(repair);
        _threads = threads;
        _progress = progress;
        _cancellation = cancellation;
    }

    private ISchemaLog Schemas => _salvage is null ? _parts.Schemas : _salvage;

    /// <summary>The number the next write gets.</summary>
    public ulong NextSequence { get; private set; } = 1;

    /// <summary>The number the next contact gets.</summary>
    public ulong NextContact { get; private set; } = 1;

    /// <summary>
    /// Number of the last erasure in the register. When it is not lower than <see cref="NextSequence"/>, the register has erasures that the
    /// journal has not: they are to be made again in it, and no other write may get a number up to this one.
    /// </summary>
    public ulong LastErasure { get; private set; }

    /// <summary>Ids of the customers that are stored although the register has a later erasure of them, when it is ahead of the journal.</summary>
    public IReadOnlyList<byte[]> ErasedAhead { get; private set; } = [];

    /// <summary>Bytes of the journals that were replayed.</summary>
    public long JournalBytes { get; private set; }

    /// <summary>Fills the parts.</summary>
    /// <exception cref="StorageCorruptionException">Something that was committed is damaged or missing.</exception>
    /// <exception cref="InvalidDataException">A file is of another directory or makes no sense.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public void Run()
    {
        _cancellation.ThrowIfCancellationRequested();
        (ulong firstSequence, ulong firstContact) = LoadSnapshot();
        ReplayJournal(firstSequence);
        ReplayContacts(firstContact);
        _salvage?.Install(_parts.Schemas, _parts.Customers, _cancellation);
        CheckErasures();
    }

    /// <summary>The numbers that a snapshot has are durable in the journals before the snapshot is finished; returns the number that comes next.</summary>
    private ulong CheckLength(string journal, ulong next, ulong last)
    {
        if (JournalReader.EndsBefore(journal, next, last) is { } cut)
        {
            if (_repair is null)
            {
                throw cut;
            }
            _repair.Lost(cut.File, cut.Message);
        }
        return Math.Max(next, last + 1);
    }

    /// <summary>Loads the newest snapshot, and in a repair older ones until one is whole; returns where the journals go on.</summary>
    private (ulong FirstSequence, ulong FirstContact) LoadSnapshot()
    {
        foreach (SnapshotInfo generation in _directory.Manifest.Generations)
        {
            NextSequence = Math.Max(NextSequence, generation.FirstSequence);
            NextContact = Math.Max(NextContact, generation.FirstContact);
            if (Load(generation))
            {
                return (generation.FirstSequence, generation.FirstContact);
            }
        }
        if (_directory.Manifest.Generations.IsEmpty)
        {
            return (1, 1);
        }
        // Only in a repair: all that is left of the journals. From 1 on they have everything.
        ulong firstSequence = FirstOf(_directory.Journal, NextSequence);
        if (firstSequence > 1)
        {
            _repair!.Lost(null, $"no snapshot is whole: customers of the damaged blocks are lost unless they were written since, that is from sequence {firstSequence} on");
        }
        return (firstSequence, FirstOf(_directory.Contacts, NextContact));

        ulong FirstOf(string journal, ulong none) => JournalReader.Segments(journal, _directory.Files) is [var first, ..] ? first.First : none;
    }

    /// <summary>Loads what can be read of a snapshot; returns whether that is all of it.</summary>
    private bool Load(SnapshotInfo generation)
    {
        bool whole = true;
        SnapshotReader reader;
        try
        {
            reader = new SnapshotReader(_directory.Files, _directory.PathOf(generation), _directory.Manifest.Lineage, generation);
        }
        catch (StorageCorruptionException e) when (_repair is not null)
        {
            _repair.Found(e);
            return false;
        }
        using (reader)
        using (RecoveryWorkers workers = new(_threads, ApplyCustomers))
        {
            int next = 0;
            bool more = true;
            while (more)
            {
                _cancellation.ThrowIfCancellationRequested();
                try
                {
                    RecoveryBatch batch = workers.Rent();
                    more = reader.Read(ref batch.Bytes, out SnapshotBlockHeader block);
                    batch.Length = block.Length;
                    if (block.Type == SnapshotBlock.Customers)
                    {
                        workers.Post(next++ % workers.Count, batch);
                    }
                    else
                    {
                        LoadBlock(block.Type, batch.Bytes.AsSpan(0, batch.Length));
                    }
                }
                catch (StorageCorruptionException e) when (_repair is not null)
                {
                    whole = false;
                    _repair.Found(e);
                    more = reader.SkipDamage();
                }
                Report(RecoveryStage.Snapshot, reader.Offset, reader.Length);
            }
            workers.Complete();
            _lastSequence = Math.Max(_lastSequence, reader.Totals.LastSequence);
        }
        return whole;
    }

    private void LoadBlock(SnapshotBlock type, ReadOnlySpan<byte> payload)
    {
        if (type == SnapshotBlock.Requests)
        {
            _parts.Requests.Decode(payload);
        }
        else if (type == SnapshotBlock.Schemas)
        {
            try
            {
                SnapshotSchemas.Load(payload, Schemas);
            }
            catch (InvalidDataException e) when (_repair is not null)
            {
                _repair.Lost(null, $"schema versions or categories: {e.Message}");
            }
        }
    }

    private void ApplyCustomers(RecoveryBatch batch)
    {
        ReadOnlySpan<byte> payload = batch.Bytes.AsSpan(0, batch.Length);
        ulong lastContact = 0;
        while (SnapshotReader.TakeCustomer(ref payload, out ReadOnlySpan<byte> id, out ReadOnlySpan<byte> record))
        {
            _parts.Customers.Apply(BinaryPrimitives.ReadUInt64LittleEndian(record), id, record);
            lastContact = Math.Max(lastContact, new CustomerView(record).ContactSequence);
        }
        InterlockedMax(ref _lastContact, lastContact);
    }

    private static void InterlockedMax(ref ulong value, ulong other)
    {
        ulong seen = Volatile.Read(ref value);
        while (other > seen)
        {
            ulong before = Interlocked.CompareExchange(ref value, other, seen);
            if (before == seen)
            {
                return;
            }
            seen = before;
        }
    }

    private void ReplayJournal(ulong firstSequence)
    {
        using RecoveryWorkers workers = new(_threads, CustomerReplay.ApplyTo(_parts.Customers));
        CustomerReplay replay = new(_parts, Schemas, workers, _repair, ProgressOf(RecoveryStage.Journal, _directory.Journal, firstSequence), _cancellation);
        NextSequence = Math.Max(NextSequence, Read(_directory.Journal, JournalKind.Customers, firstSequence, _directory.Manifest.Closed, replay));
        replay.Flush();
        workers.Complete();
        JournalBytes += replay.Bytes;
        NextSequence = CheckLength(_directory.Journal, NextSequence, _lastSequence);
    }

    private void ReplayContacts(ulong firstContact)
    {
        ContactReplay replay = new(_parts.Customers, _threads, ProgressOf(RecoveryStage.Contacts, _directory.Contacts, firstContact), _cancellation);
        NextContact = Math.Max(NextContact, Read(_directory.Contacts, JournalKind.Contacts, firstContact, _directory.Manifest.ContactsClosed, replay));
        replay.Apply();
        JournalBytes += replay.Bytes;
        NextContact = CheckLength(_directory.Contacts, NextContact, _lastContact);
    }

    /// <summary>Reads a journal; returns the number after its last record.</summary>
    private ulong Read(string journal, uint kind, ulong first, JournalPosition? closed, IJournalHandler handler)
    {
        JournalExtent extent;
        try
        {
            extent = _directory.ReadJournal(journal, kind, first, closed, handler, _repair is not null);
        }
        catch (StorageCorruptionException e) when (_repair is not null)
        {
            _repair.Lost(e.File, e.Message);
            return first;
        }
        foreach (JournalDamage damage in extent.Damages)
        {
            _repair!.Lost(damage.File, new StorageCorruptionException(damage.File, damage.Offset, damage.Affected).Message);
        }
        return extent.NextSequence;
    }

    private void CheckErasures()
    {
        try
        {
            IReadOnlyList<Erasure> erasures = _directory.ReadErasures();
            LastErasure = erasures is [.., Erasure last] ? last.Sequence : 0;
            if (LastErasure >= NextSequence && LastErasure - NextSequence >= MostAhead)
            {
                StorageCorruptionException cut = new(_directory.Journal, 0, $"sequences {NextSequence} to {LastErasure}: the journal ends long before the last erasure of the register");
                if (_repair is null)
                {
                    throw cut;
                }
                _repair.Lost(cut.File, cut.Message);
            }
            if (_repair is { IsEmpty: false })
            {
                // What an older snapshot has brought back and the damaged journal no longer takes away.
                ErasureRegister.Apply(erasures, _directory.Salt, _parts.Customers, _cancellation);
                NextSequence = Math.Max(NextSequence, LastErasure + 1);
            }
            else if (LastErasure >= NextSequence)
            {
                // An earlier program wrote the register before the journal was durable.
                ErasedAhead = [.. ErasureRegister.Find(erasures, _directory.Salt, _parts.Customers, _cancellation).Select(found => found.Id)];
            }
        }
        catch (StorageCorruptionException e) when (_repair is not null)
        {
            _repair.Lost(_directory.Erasures, e.Message);
        }
    }

    private Action<long> ProgressOf(RecoveryStage stage, string journal, ulong first)
    {
        List<(ulong First, string Path)> segments = JournalReader.Segments(journal, _directory.Files);
        long total = segments.Skip(Math.Max(0, segments.FindLastIndex(s => s.First <= first))).Sum(s => _directory.Files.LengthOf(s.Path));
        return bytes => Report(stage, Math.Min(bytes, total), total);
    }

    private void Report(RecoveryStage stage, long bytes, long totalBytes)
        => _progress?.Report(new RecoveryProgress(stage, bytes, totalBytes, _parts.Customers.Count));
}
