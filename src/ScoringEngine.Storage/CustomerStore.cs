using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using FASTER.core;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage;

/// <summary>
/// The live customers: id -> features. In memory on FASTER; records beyond the memory budget are on disk and stay
/// readable, but nothing survives <see cref="Dispose"/>. All members may be called from any thread at once, except
/// Dispose, which must be alone.
/// </summary>
/// <remarks>
/// An id is 1 to 128 bytes of UTF-8; everything that takes one throws <see cref="ArgumentException"/> otherwise.
/// A write that returned is seen by every read that starts after. When the log device fails to write, later writes
/// throw <see cref="IOException"/> while reads go on and no record is lost; when it fails to read, the calls that
/// needed the disk meanwhile throw it.
/// </remarks>
public sealed unsafe class CustomerStore : IDisposable
{
    /// <summary>Most features of a customer.</summary>
    public const int MaxFeatures = 4096;

    private const long MaxSegmentBytes = 1L << 30;
    private const int SegmentsInMemory = 8;

    // Records whose memory is fetched together: enough to hide its latency, few enough to stay in the first-level cache.
    private const int PrefetchGroup = 16;

    // Bounds the buffers of reads that wait for the disk together.
    private const int MaxPendingReads = 256;

    private readonly CustomerStoreOptions _options;
    private readonly LogDevice _device;
    private readonly FasterKV<SpanByte, SpanByte> _faster;
    private readonly SessionPool _sessions;
    private readonly SupersededVersions _superseded;
    private readonly object _scansGate = new();
    private readonly Lock _compaction = new();
    private volatile CustomerScan[] _scans = [];
    private readonly Func<long, long> _physicalAddress;
    private readonly int _pageBytes;
    private readonly IndexPrefetch _prefetch;

    /// <summary>Makes an empty store.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="IOException">The folder takes no files.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public CustomerStore(CustomerStoreOptions options)
        : this(options, new MemoryWriteLog(), directory => new LogDevice(directory))
    {
    }

    internal CustomerStore(CustomerStoreOptions options, IWriteLog log, Func<string, LogDevice> createDevice)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        Log = log;
        // Names of the files are unique, and gone at once: the temp folder itself will do.
        _device = createDevice(options.Directory is null ? Path.GetTempPath() : Directory.CreateDirectory(options.Directory).FullName);
        _pageBytes = options.PowerOfTwoPageBytes;
        _superseded = new SupersededVersions(_pageBytes);
        try
        {
            _faster = new FasterKV<SpanByte, SpanByte>(new FasterKVSettings<SpanByte, SpanByte>
            {
                LogDevice = _device,
                IndexSize = options.IndexBytes,
                MemorySize = options.PowerOfTwoMemoryBytes,
                PageSize = _pageBytes,
                SegmentSize = Math.Clamp(options.PowerOfTwoMemoryBytes / SegmentsInMemory, _pageBytes, MaxSegmentBytes),
                EqualityComparer = new IdComparer(),
                ConcurrencyControlMode = ConcurrencyControlMode.None,
            });
            _physicalAddress = LogLayout.PhysicalAddresses(_faster);
            _prefetch = new IndexPrefetch(_faster, _physicalAddress);
        }
        catch
        {
            // Memory that cannot be had must not keep files open.
            _faster?.Dispose();
            _device.Dispose();
            throw;
        }
        _sessions = new SessionPool(() => new CustomerSession(this, _faster, _device));
    }

    /// <summary>Most contact events that are kept for a customer.</summary>
    public int MaxContactEvents => _options.MaxContactEvents;

    /// <summary>What numbers and keeps the writes. Set after recovery, before the first write.</summary>
    internal IWriteLog Log { get; set; }

    /// <summary>Told of the secret of each customer that is removed, while its key is locked; must be short and not call the store.</summary>
    internal Action<ReadOnlySpan<byte>>? SecretErased { get; set; }

    /// <summary>Number of live customers, exact whenever no write is under way.</summary>
    public long Count => _sessions.Sum(session => session.Customers);

    /// <summary>Sizes of now.</summary>
    public CustomerStoreStatistics Statistics
    {
        get
        {
            long indexBytes = _options.IndexBytes;
            return new CustomerStoreStatistics(Count, _faster.Log.MemorySizeBytes, indexBytes,
                _faster.Log.TailAddress - _faster.Log.BeginAddress, LiveBytes, _device.Bytes, _superseded.Count,
                IndexLoad: (double)Count * CustomerStoreOptions.IndexBytesPerCustomer / indexBytes);
        }
    }

    /// <summary>Stores a customer in place of what is stored under the id, if anything.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="features">The features in the order of the schema, 0 to <see cref="MaxFeatures"/>; NaN is missing.</param>
    /// <param name="attributes">What to store beside the features.</param>
    /// <param name="request">The request that asks for it.</param>
    /// <exception cref="ArgumentException">The id or the number of features is out of range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time is out of range.</exception>
    /// <exception cref="IOException">The log device has failed.</exception>
    public WriteReceipt Upsert(ReadOnlySpan<byte> id, ReadOnlySpan<float> features, CustomerAttributes attributes, RequestKey request = default)
    {
        CheckId(id);
        CheckFeatures(features.Length);
        CheckTime(attributes.UpdatedAtUnixMs);
        CheckWritable();
        CustomerSession session = _sessions.Rent();
        try
        {
            return UpsertOne(session, id, features, in attributes, request);
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>Stores a block of customers. Where an id repeats, the last one stays.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="features">[ids x features], row-major; NaN is missing.</param>
    /// <param name="attributes">What to store beside the features, the same for all.</param>
    /// <exception cref="ArgumentException">An id or the number of features is out of range, or <paramref name="features"/> is no whole number of rows; nothing is stored.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time is out of range; nothing is stored.</exception>
    /// <exception cref="IOException">The log device has failed; the first customers of the block may be stored.</exception>
    public BlockReceipt UpsertMany(IdBlock ids, ReadOnlySpan<float> features, CustomerAttributes attributes)
    {
        if (ids.Count == 0)
        {
            return default;
        }
        if (features.Length % ids.Count != 0)
        {
            throw new ArgumentException($"expected the same number of values for each of {ids.Count} ids, found {features.Length} values", nameof(features));
        }
        int columns = features.Length / ids.Count;
        CheckFeatures(columns);
        CheckTime(attributes.UpdatedAtUnixMs);
        CheckIds(ids);
        int created = 0;
        ulong sequence = 0;
        CustomerSession session = _sessions.Rent();
        try
        {
            for (int i = 0; i < ids.Count; i++)
            {
                CheckWritable();
                if (i % PrefetchGroup == 0)
                {
                    Prefetch(ids, i, Math.Min(ids.Count, i + PrefetchGroup));
                }
                WriteReceipt receipt = UpsertOne(session, ids[i], features.Slice(i * columns, columns), in attributes, default);
                sequence = receipt.Sequence;
                created += receipt.Created ? 1 : 0;
            }
        }
        finally
        {
            _sessions.Return(session);
        }
        return new BlockReceipt(sequence, created);
    }

    /// <summary>Removes a customer; returns whether it was stored.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="sequence">Number of the write; 0 when there was none.</param>
    /// <param name="request">The request that asks for it.</param>
    /// <exception cref="ArgumentException">The id is out of range.</exception>
    /// <exception cref="IOException">The log device has failed.</exception>
    public bool Delete(ReadOnlySpan<byte> id, out ulong sequence, RequestKey request = default)
    {
        CheckId(id);
        CheckWritable();
        CustomerSession session = _sessions.Rent();
        try
        {
            KeyLock* keyLock = Lock(id);
            try
            {
                if (!CopyOne(session, id))
                {
                    sequence = 0;
                    return false;
                }
                CustomerOperation operation = new() { Kind = WriteKind.Delete, Lock = keyLock, Sequence = Log.Delete(id, request) };
                Write(session, id, ref operation);
                if (SecretErased is { } erased && new CustomerView(session.Copy.Record) is { HasSecret: true } removed)
                {
                    erased(removed.Secret);
                }
                sequence = operation.Sequence;
                return true;
            }
            finally
            {
                keyLock->Release();
            }
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>Replaces some features of a customer; the others, the consent bits and the contacts stay.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="indexes">Which features, in the order of the schema version that results.</param>
    /// <param name="values">Their new values; NaN is missing.</param>
    /// <param name="updatedAtUnixMs">Time of the update: unix milliseconds, 0 to 2^48-1.</param>
    /// <param name="layout">What to bring the features to first when they are of another schema version; null leaves them in theirs.</param>
    /// <param name="sequence">Number of the write; 0 when nothing was written.</param>
    /// <param name="request">The request that asks for it.</param>
    /// <param name="create">Whether a customer that is not stored is made, in the layout, all other features missing.</param>
    /// <returns>Whether the customer was stored before; otherwise nothing happened, unless it was to be made.</returns>
    /// <exception cref="ArgumentException">The id is out of range, there is not one value for each index, or a customer is to be made without a layout.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time or an index is out of range; the customer stays as it is.</exception>
    /// <exception cref="InvalidDataException">The stored features do not have the number that their schema version says.</exception>
    /// <exception cref="IOException">The log device has failed, or the write cannot be kept.</exception>
    public bool Patch(ReadOnlySpan<byte> id, ReadOnlySpan<int> indexes, ReadOnlySpan<float> values, long updatedAtUnixMs,
        IFeatureLayout? layout, out ulong sequence, RequestKey request = default, bool create = false)
    {
        CheckId(id);
        CheckTime(updatedAtUnixMs);
        if (create && layout is null)
        {
            throw new ArgumentException("expected the layout of the customer to be made", nameof(layout));
        }
        if (indexes.Length != values.Length)
        {
            throw new ArgumentException($"expected a value for each of {indexes.Length} indexes, found {values.Length}", nameof(values));
        }
        CheckWritable();
        sequence = 0;
        CustomerSession session = _sessions.Rent();
        try
        {
            KeyLock* keyLock = Lock(id);
            try
            {
                bool isStored = CopyOne(session, id);
                if (!isStored && !create)
                {
                    return false;
                }
                CustomerView stored = isStored ? new CustomerView(session.Copy.Record) : default;
                Span<float> row = isStored ? InCurrentLayout(session, in stored, layout) : Room(ref session.Row, layout!.Columns);
                if (!isStored)
                {
                    row.Fill(float.NaN);
                }
                for (int i = 0; i < indexes.Length; i++)
                {
                    if ((uint)indexes[i] >= (uint)row.Length)
                    {
                        throw new ArgumentOutOfRangeException(nameof(indexes), indexes[i], $"expected 0 to {row.Length - 1}");
                    }
                    row[indexes[i]] = values[i];
                }
                CustomerAttributes attributes = new(updatedAtUnixMs, layout?.SchemaVersion ?? stored.SchemaVersion, isStored ? stored.Consent : (ushort)0);
                sequence = UpsertLocked(session, keyLock, id, row, in attributes, request).Sequence;
                return isStored;
            }
            finally
            {
                keyLock->Release();
            }
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>
    /// Changes the contacts of a customer in one step, beside which no other write of the customer happens. A customer
    /// that has no secret gets one.
    /// </summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="update">Makes the change.</param>
    /// <param name="sequence">Number of the customer's latest write; the contacts are lost when it is not kept. 0 when the customer is not stored.</param>
    /// <returns>Whether the contacts were stored: false when the customer is not stored or the update declined.</returns>
    /// <exception cref="ArgumentException">The id is out of range.</exception>
    /// <exception cref="IOException">The log device has failed, or the write cannot be kept.</exception>
    public bool UpdateContacts<TUpdate>(scoped ReadOnlySpan<byte> id, ref TUpdate update, out ulong sequence)
        where TUpdate : IContactUpdate, allows ref struct
    {
        CheckId(id);
        CheckWritable();
        sequence = 0;
        CustomerSession session = _sessions.Rent();
        try
        {
            KeyLock* keyLock = Lock(id);
            try
            {
                if (!CopyOne(session, id))
                {
                    return false;
                }
                CustomerView stored = new(session.Copy.Record);
                Span<byte> secret = session.Secret;
                if (stored.HasSecret)
                {
                    stored.Secret.CopyTo(secret);
                }
                else
                {
                    RandomNumberGenerator.Fill(secret);
                }
                ReadOnlySpan<ContactEvent> events = stored.Contacts;
                Span<ContactEvent> room = Room(ref session.Contacts, Math.Max(events.Length, _options.MaxContactEvents));
                events.CopyTo(room);
                ContactList contacts = new(room, events.Length, _options.MaxContactEvents, stored.ContactSequence, secret);
                sequence = stored.Sequence;
                CustomerSession.IsReading = true;
                try
                {
                    if (!update.Update(in stored, ref contacts))
                    {
                        return false;
                    }
                }
                finally
                {
                    CustomerSession.IsReading = false;
                }
                if (!stored.HasSecret)
                {
                    sequence = Log.ContactSecret(id, secret);
                }
                ReplaceContacts(session, keyLock, id, sequence, secret, contacts.Sequence, contacts.Events);
                return true;
            }
            finally
            {
                keyLock->Release();
            }
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>Reads the secret of a customer.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="secret">Receives its bytes.</param>
    /// <param name="make">Whether to give a customer one that has none.</param>
    /// <param name="sequence">Number of the customer's latest write, without which the secret is lost.</param>
    /// <returns>Whether the customer is stored and has one.</returns>
    /// <exception cref="ArgumentException">The id is out of range.</exception>
    /// <exception cref="IOException">The log device has failed, or a new secret cannot be kept.</exception>
    internal bool TryReadSecret(ReadOnlySpan<byte> id, Span<byte> secret, bool make, out ulong sequence)
    {
        SecretReader reader = new(secret);
        bool stored = Read(id, ref reader);
        sequence = reader.Sequence;
        return reader.Found || (stored && make && UpdateContacts(id, ref reader, out sequence) | reader.Found);
    }

    /// <summary>Recovery: stores a record as it was stored before, unless a write as new or newer is; returns whether it did.</summary>
    /// <exception cref="InvalidDataException">The bytes are no record with that number.</exception>
    internal bool Apply(ulong sequence, ReadOnlySpan<byte> id, ReadOnlySpan<byte> record)
    {
        CheckId(id);
        if (!CustomerRecord.IsWellFormed(record) || CustomerRecord.Sequence(record) != sequence)
        {
            throw new InvalidDataException($"expected a customer's record with the number {sequence}, found {record.Length} bytes that are none");
        }
        fixed (byte* bytes = record)
        {
            CustomerOperation operation = new() { Kind = WriteKind.Replace, Record = bytes, RecordLength = record.Length, Sequence = sequence, OnlyIfNewer = true };
            return ApplyOne(id, ref operation);
        }
    }

    /// <summary>Recovery: stores a customer, as <see cref="Upsert"/> did, unless a write as new or newer is stored; returns whether it did.</summary>
    internal bool ApplyUpsert(ulong sequence, ReadOnlySpan<byte> id, in CustomerAttributes attributes, ReadOnlySpan<float> features)
    {
        CheckId(id);
        CheckFeatures(features.Length);
        CheckTime(attributes.UpdatedAtUnixMs);
        fixed (float* values = features)
        {
            CustomerOperation operation = new() { Features = values, FeatureCount = features.Length, Attributes = attributes, Sequence = sequence, OnlyIfNewer = true };
            return ApplyOne(id, ref operation);
        }
    }

    /// <summary>Recovery: removes a customer unless a write as new or newer is stored; returns whether it did.</summary>
    internal bool ApplyDelete(ulong sequence, ReadOnlySpan<byte> id)
    {
        CheckId(id);
        CustomerOperation operation = new() { Kind = WriteKind.Delete, Sequence = sequence, OnlyIfNewer = true };
        return ApplyOne(id, ref operation);
    }

    /// <summary>Recovery: gives a customer its secret unless a write as new or newer is stored; returns whether it did.</summary>
    internal bool ApplyContactSecret(ulong sequence, ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret)
    {
        CheckId(id);
        if (secret.Length != CustomerRecord.SecretBytes)
        {
            throw new InvalidDataException($"expected a secret of {CustomerRecord.SecretBytes} bytes, found {secret.Length}");
        }
        CheckWritable();
        CustomerSession session = _sessions.Rent();
        try
        {
            KeyLock* keyLock = Lock(id);
            try
            {
                if (!CopyOne(session, id) || CustomerRecord.Sequence(session.Copy.Record) >= sequence)
                {
                    return false;
                }
                CustomerView stored = new(session.Copy.Record);
                ReplaceContacts(session, keyLock, id, sequence, secret, stored.ContactSequence, stored.Contacts);
                return true;
            }
            finally
            {
                keyLock->Release();
            }
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>
    /// Lets a reader read a customer and returns whether it is stored. Allocates nothing for a record in memory.
    /// </summary>
    /// <exception cref="ArgumentException">The id is out of range.</exception>
    /// <exception cref="IOException">The record is on disk and cannot be read.</exception>
    public bool Read<TReader>(scoped ReadOnlySpan<byte> id, ref TReader reader)
        where TReader : ICustomerReader, allows ref struct
    {
        CheckId(id);
        _prefetch.Bucket(IdComparer.Hash(id));
        int end = id.Length;
        return ReadAll(new IdBlock(id, new ReadOnlySpan<int>(in end)), ref reader, &Invoke<TReader>) == 1;
    }

    /// <summary>Lets a reader read a block of customers, faster than one by one, and returns how many are stored.</summary>
    /// <exception cref="ArgumentException">An id is out of range; nothing is read.</exception>
    /// <exception cref="IOException">Records are on disk and cannot be read.</exception>
    public int ReadMany<TReader>(scoped IdBlock ids, ref TReader reader)
        where TReader : ICustomerBlockReader, allows ref struct
    {
        CheckIds(ids);
        return ReadAll(ids, ref reader, &InvokeInBlock<TReader>);
    }

    /// <summary>
    /// Visits all customers beside reads and writes: one that is stored during the whole scan exactly once, one that
    /// is inserted or deleted meanwhile at most once (unless it is deleted and inserted again), each in a version that
    /// was the latest at some moment of the scan. A write that has its number when the scan begins is visited.
    /// </summary>
    /// <exception cref="IOException">The log device cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The scan was cancelled.</exception>
    public void Scan<TVisitor>(ref TVisitor visitor, CancellationToken cancellation = default)
        where TVisitor : ICustomerVisitor
    {
        CustomerScan scan = new();
        long begin;
        lock (_scansGate)
        {
            _scans = [.. _scans, scan];
            begin = _faster.Log.BeginAddress;
        }
        try
        {
            // A write that has its number now is visited: it ends before the tail.
            _sessions.WaitForOperations();
            long tail = _faster.Log.TailAddress;
            // Until then records before the tail may be half-written.
            _sessions.WaitForOperations();
            scan.Run(NewReader(), _superseded, begin, tail, ref visitor, cancellation);
            RecordCopy copy = default;
            foreach (byte[] id in scan.Deferred)
            {
                cancellation.ThrowIfCancellationRequested();
                if (Read(id, ref copy))
                {
                    visitor.Visit(id, new CustomerView(copy.Record));
                }
            }
        }
        finally
        {
            lock (_scansGate)
            {
                _scans = [.. _scans.Where(other => other != scan)];
                Monitor.PulseAll(_scansGate);
            }
        }
    }

    /// <summary>
    /// Gives back what superseded versions and removed customers take, memory and disk, except in the newest part of the
    /// log that may still change in memory. Runs beside reads and writes; scans under way hold it off, so a visitor must
    /// not call it.
    /// </summary>
    /// <exception cref="IOException">The log device has failed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; what was given back until then stays so.</exception>
    public void Compact(CancellationToken cancellation = default)
    {
        lock (_compaction)
        {
            CompactLocked(cancellation);
        }
    }

    /// <summary>
    /// Calls <see cref="Compact"/> when versions that are no longer needed take more space than the customers; returns
    /// whether it did, which it does not beside another one. To be called from time to time.
    /// </summary>
    /// <exception cref="IOException">The log device has failed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; what was given back until then stays so.</exception>
    public bool CompactIfWorthwhile(CancellationToken cancellation = default)
    {
        long live = LiveBytes;
        long begin = _faster.Log.BeginAddress;
        if (_faster.Log.TailAddress - begin - live <= live || _faster.Log.SafeReadOnlyAddress - begin < _pageBytes || !_compaction.TryEnter())
        {
            return false;
        }
        try
        {
            CompactLocked(cancellation);
            return true;
        }
        finally
        {
            _compaction.Exit();
        }
    }

    /// <summary>Frees the memory and deletes the files.</summary>
    public void Dispose()
    {
        _sessions.Dispose();
        _device.WaitUntilIdle();
        _faster.Dispose();
        _device.Dispose();
    }

    /// <summary>The locks of the keys.</summary>
    internal WriteLocks Locks { get; } = new();

    private long LiveBytes => _sessions.Sum(session => session.LiveBytes);

    /// <summary>Called in a write that replaced the version at <paramref name="source"/> by one at the tail.</summary>
    internal void OnMoved(long source, long destination, ReadOnlySpan<byte> id)
    {
        foreach (CustomerScan scan in _scans)
        {
            scan.OnMoved(source, destination, id);
        }
        _superseded.Add(source);
    }

    private void CompactLocked(CancellationToken cancellation)
    {
        LogReader log = NewReader();
        long until = _faster.Log.SafeReadOnlyAddress / _pageBytes * _pageBytes;
        for (long begin = _faster.Log.BeginAddress; begin < until; begin = _faster.Log.BeginAddress)
        {
            long end = (begin / _pageBytes * _pageBytes) + _pageBytes;
            MoveToTail(log, begin, end, cancellation);
            GiveBack(end, cancellation);
        }
    }

    /// <summary>Moves the customers of a part of one page, which no longer changes, to the tail of the log.</summary>
    private void MoveToTail(LogReader log, long begin, long end, CancellationToken cancellation)
    {
        HashSet<long>? dead = _superseded.OnPageOf(begin);
        for (long position = begin; position < end; position = log.End)
        {
            cancellation.ThrowIfCancellationRequested();
            log.Read(position, end);
            for (int i = 0; i < log.Count; i++)
            {
                if (dead?.Contains(log.Address(i)) != true)
                {
                    CustomerOperation operation = new() { Kind = WriteKind.Move, Source = log.Address(i) };
                    ApplyOne(log.Id(i), ref operation);
                }
            }
        }
    }

    /// <summary>Gives the log before an address back; no customer stands there.</summary>
    private void GiveBack(long end, CancellationToken cancellation)
    {
        // An operation under way may have looked a customer up where it stood before. One that starts now finds it where it is.
        _sessions.WaitForOperations();
        lock (_scansGate)
        {
            while (_scans.Length > 0)
            {
                Monitor.Wait(_scansGate, millisecondsTimeout: 100);
                cancellation.ThrowIfCancellationRequested();
            }
            _faster.Log.ShiftBeginAddress(end);
            _superseded.Forget(end - _pageBytes);
            _device.Truncate(end);
        }
    }

    private WriteReceipt UpsertOne(CustomerSession session, ReadOnlySpan<byte> id, ReadOnlySpan<float> features, in CustomerAttributes attributes, RequestKey request)
    {
        KeyLock* keyLock = Lock(id);
        try
        {
            return UpsertLocked(session, keyLock, id, features, in attributes, request);
        }
        finally
        {
            keyLock->Release();
        }
    }

    private WriteReceipt UpsertLocked(CustomerSession session, KeyLock* keyLock, ReadOnlySpan<byte> id, ReadOnlySpan<float> features, in CustomerAttributes attributes, RequestKey request)
    {
        fixed (float* values = features)
        {
            CustomerOperation operation = new()
            {
                Features = values,
                FeatureCount = features.Length,
                Attributes = attributes,
                Lock = keyLock,
                Sequence = Log.Upsert(id, in attributes, features, request),
            };
            return new WriteReceipt(operation.Sequence, Write(session, id, ref operation) == Outcome.Inserted);
        }
    }

    private bool ApplyOne(ReadOnlySpan<byte> id, ref CustomerOperation operation)
    {
        CheckWritable();
        CustomerSession session = _sessions.Rent();
        try
        {
            KeyLock* keyLock = Lock(id);
            try
            {
                operation.Lock = keyLock;
                return Write(session, id, ref operation) is Outcome.Inserted or Outcome.Updated or Outcome.Deleted;
            }
            finally
            {
                keyLock->Release();
            }
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>Locks a key against other writers.</summary>
    private KeyLock* Lock(ReadOnlySpan<byte> id)
    {
        long hash = IdComparer.Hash(id);
        _prefetch.Bucket(hash);
        KeyLock* keyLock = Locks.Of(hash);
        keyLock->Acquire();
        return keyLock;
    }

    /// <summary>Performs a write that has its number; its key is locked.</summary>
    private static Outcome Write(CustomerSession session, ReadOnlySpan<byte> id, ref CustomerOperation operation)
    {
        fixed (byte* bytes = id)
        {
            session.Write(SpanByte.FromPointer(bytes, id.Length), ref operation);
        }
        return session.Outcome;
    }

    /// <summary>Stores the copied record with other contacts; the key is locked.</summary>
    private static void ReplaceContacts(CustomerSession session, KeyLock* keyLock, ReadOnlySpan<byte> id, ulong sequence, ReadOnlySpan<byte> secret,
        ulong contactSequence, ReadOnlySpan<ContactEvent> events)
    {
        ReadOnlySpan<byte> stored = session.Copy.Record;
        int contactStart = stored.Length - CustomerRecord.ContactPart(stored).Length;
        Span<byte> record = Room(ref session.Record, contactStart + CustomerRecord.ContactBytes(events.Length));
        stored[..contactStart].CopyTo(record);
        CustomerRecord.WriteSequence(record, sequence);
        CustomerRecord.WriteContacts(record[contactStart..], secret, contactSequence, events);
        fixed (byte* bytes = record)
        {
            CustomerOperation operation = new() { Kind = WriteKind.Replace, Record = bytes, RecordLength = record.Length, Lock = keyLock, Sequence = sequence };
            Write(session, id, ref operation);
        }
    }

    /// <summary>The features of a record in a layout, to be changed.</summary>
    private static Span<float> InCurrentLayout(CustomerSession session, in CustomerView stored, IFeatureLayout? layout)
    {
        ReadOnlySpan<float> features = stored.Features;
        if (layout is null || layout.SchemaVersion == stored.SchemaVersion)
        {
            if (layout is not null && layout.Columns != features.Length)
            {
                throw new InvalidDataException($"expected {layout.Columns} features of a customer of schema version {layout.SchemaVersion}, found {features.Length}");
            }
            Span<float> same = Room(ref session.Row, features.Length);
            features.CopyTo(same);
            return same;
        }
        CheckFeatures(layout.Columns);
        Span<float> row = Room(ref session.Row, layout.Columns);
        layout.Rewrite(stored.SchemaVersion, features, row);
        return row;
    }

    private static Span<T> Room<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new T[length];
        }
        return buffer.AsSpan(0, length);
    }

    private static bool CopyOne(CustomerSession session, ReadOnlySpan<byte> id)
    {
        fixed (byte* copy = &Unsafe.As<RecordCopy, byte>(ref session.Copy))
        {
            return ReadOne(session, id, copy, &Invoke<RecordCopy>);
        }
    }

    private static bool ReadOne(CustomerSession session, ReadOnlySpan<byte> id, byte* reader, delegate*<byte*, int, in CustomerView, void> read)
    {
        session.BeginReads(reader, read);
        fixed (byte* bytes = id)
        {
            bool usedDisk = session.StartRead(SpanByte.FromPointer(bytes, id.Length), 0);
            if (usedDisk)
            {
                session.CompleteReads();
            }
            int found = session.Found;
            session.EndReads(usedDisk);
            return found == 1;
        }
    }

    // The callbacks of FASTER know no TReader: they get its address, which is why it is pinned, and the function that knows the type.
    private int ReadAll<TReader>(scoped IdBlock ids, ref TReader reader, delegate*<byte*, int, in CustomerView, void> read)
        where TReader : allows ref struct
    {
        CustomerSession session = _sessions.Rent();
        try
        {
            fixed (byte* pinned = &Unsafe.As<TReader, byte>(ref reader))
            {
                session.BeginReads(pinned, read);
                int pending = 0;
                bool usedDisk = false;
                for (int i = 0; i < ids.Count; i++)
                {
                    if (i % PrefetchGroup == 0 && ids.Count > 1)
                    {
                        Prefetch(ids, i, Math.Min(ids.Count, i + PrefetchGroup));
                    }
                    fixed (byte* bytes = ids[i])
                    {
                        if (session.StartRead(SpanByte.FromPointer(bytes, ids[i].Length), i))
                        {
                            usedDisk = true;
                            pending++;
                        }
                    }
                    if (pending == MaxPendingReads)
                    {
                        session.CompleteReads();
                        pending = 0;
                    }
                }
                if (pending > 0)
                {
                    session.CompleteReads();
                }
                int found = session.Found;
                session.EndReads(usedDisk);
                return found;
            }
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    private void Prefetch(IdBlock ids, int from, int until)
    {
        Span<long> hashes = stackalloc long[PrefetchGroup];
        for (int i = from; i < until; i++)
        {
            hashes[i - from] = IdComparer.Hash(ids[i]);
            _prefetch.Bucket(hashes[i - from]);
        }
        for (int i = from; i < until; i++)
        {
            _prefetch.Record(hashes[i - from]);
        }
    }

    private static void Invoke<TReader>(byte* reader, int index, in CustomerView customer)
        where TReader : ICustomerReader, allows ref struct
        => Unsafe.AsRef<TReader>(reader).Read(in customer);

    private static void InvokeInBlock<TReader>(byte* reader, int index, in CustomerView customer)
        where TReader : ICustomerBlockReader, allows ref struct
        => Unsafe.AsRef<TReader>(reader).Read(index, in customer);

    private static void CheckId(ReadOnlySpan<byte> id)
    {
        if (id.Length is 0 or > FeatureSchema.MaxIdBytes)
        {
            throw new ArgumentException($"expected an id of 1 to {FeatureSchema.MaxIdBytes} bytes, found {id.Length}", nameof(id));
        }
    }

    private static void CheckIds(IdBlock ids)
    {
        for (int i = 0; i < ids.Count; i++)
        {
            if (ids[i].Length is 0 or > FeatureSchema.MaxIdBytes)
            {
                throw new ArgumentException($"expected ids of 1 to {FeatureSchema.MaxIdBytes} bytes, found {ids[i].Length} at index {i}", nameof(ids));
            }
        }
    }

    private static void CheckFeatures(int features)
    {
        if (features > MaxFeatures)
        {
            throw new ArgumentException($"expected at most {MaxFeatures} features, found {features}", nameof(features));
        }
    }

    private static void CheckTime(long updatedAtUnixMs)
    {
        if (updatedAtUnixMs is < 0 or > CustomerRecord.MaxUpdatedAt)
        {
            throw new ArgumentOutOfRangeException(nameof(updatedAtUnixMs), updatedAtUnixMs, $"expected 0 to {CustomerRecord.MaxUpdatedAt}");
        }
    }

    private void CheckWritable()
    {
        if (_device.WriteFault is Exception fault)
        {
            throw new IOException("the log device cannot be written, so writes are refused: " + fault.Message, fault);
        }
    }

    private LogReader NewReader() => new(_faster.Log, _physicalAddress, _device, _sessions, Locks, _pageBytes,
        CustomerRecord.Bytes(MaxFeatures) + CustomerRecord.ContactBytes(CustomerStoreOptions.MaxMaxContactEvents));

    /// <summary>Copies the secret of a customer; as an update it makes one and leaves the contacts as they are.</summary>
    private ref struct SecretReader(Span<byte> secret) : ICustomerReader, IContactUpdate
    {
        private readonly Span<byte> _secret = secret;

        public bool Found { get; private set; }

        public ulong Sequence { get; private set; }

        public void Read(in CustomerView customer)
        {
            Found = customer.HasSecret;
            Sequence = customer.Sequence;
            customer.Secret.CopyTo(_secret);
        }

        public bool Update(in CustomerView customer, ref ContactList contacts)
        {
            contacts.Secret.CopyTo(_secret);
            Found = true;
            // Another writer may have made one meanwhile.
            return !customer.HasSecret;
        }
    }
}
