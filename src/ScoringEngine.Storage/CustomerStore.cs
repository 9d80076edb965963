using System.Runtime.CompilerServices;
using FASTER.core;
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

    // Bounds the buffers of reads that wait for the disk together.
    private const int MaxPendingReads = 256;

    private readonly CustomerStoreOptions _options;
    private readonly string? _ownDirectory;
    private readonly LogDevice _device;
    private readonly FasterKV<SpanByte, SpanByte> _faster;
    private readonly SessionPool _sessions;
    private readonly WriteLocks _writeLocks = new();
    private readonly SupersededVersions _superseded;
    private readonly Lock _scansLock = new();
    private volatile CustomerScan[] _scans = [];
    private readonly IWriteLog _log;
    private long _count;

    /// <summary>Makes an empty store.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="IOException">The folder takes no files, or another store uses it.</exception>
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
        _log = log;
        _ownDirectory = options.Directory is null ? Directory.CreateTempSubdirectory("scoring-engine-").FullName : null;
        string directory = _ownDirectory ?? Directory.CreateDirectory(options.Directory!).FullName;
        _device = createDevice(directory);
        int pageBytes = 1 << int.Log2(options.PageBytes);
        _superseded = new SupersededVersions(pageBytes);
        try
        {
            _faster = new FasterKV<SpanByte, SpanByte>(new FasterKVSettings<SpanByte, SpanByte>
            {
                LogDevice = _device,
                IndexSize = options.IndexBytes,
                MemorySize = options.MemoryBytes,
                PageSize = pageBytes,
                SegmentSize = Math.Max(MaxSegmentBytes, pageBytes),
                EqualityComparer = new IdComparer(),
                ConcurrencyControlMode = ConcurrencyControlMode.LockTable,
            });
        }
        catch
        {
            // Memory that cannot be had must not leave a folder behind.
            _device.Dispose();
            if (_ownDirectory is not null)
            {
                Directory.Delete(_ownDirectory, recursive: true);
            }
            throw;
        }
        _sessions = new SessionPool(() => new CustomerSession(this, _faster, _device));
    }

    /// <summary>Number of live customers, exact whenever no write is under way.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Sizes of now.</summary>
    public CustomerStoreStatistics Statistics
    {
        get
        {
            long indexBytes = _options.IndexBytes;
            return new CustomerStoreStatistics(Count, _faster.Log.MemorySizeBytes, indexBytes,
                _faster.Log.TailAddress - _faster.Log.BeginAddress, _device.End, _superseded.Count,
                IndexOutgrown: Count > indexBytes / CustomerStoreOptions.IndexBytesPerCustomer);
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
            CustomerOperation operation = new() { Delete = true };
            if (WriteOne(session, id, ref operation, request) == Outcome.NotFound)
            {
                sequence = 0;
                return false;
            }
            Interlocked.Decrement(ref _count);
            sequence = operation.Sequence;
            return true;
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>
    /// Lets a reader read a customer in place and returns whether it is stored. Allocates nothing for a record in
    /// memory.
    /// </summary>
    /// <exception cref="ArgumentException">The id is out of range.</exception>
    /// <exception cref="IOException">The record is on disk and cannot be read.</exception>
    public bool Read<TReader>(scoped ReadOnlySpan<byte> id, ref TReader reader)
        where TReader : ICustomerReader, allows ref struct
    {
        CheckId(id);
        int end = id.Length;
        return ReadAll(new IdBlock(id, new ReadOnlySpan<int>(in end)), ref reader, &Invoke<TReader>) == 1;
    }

    /// <summary>Lets a reader read a block of customers in place and returns how many are stored.</summary>
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
    /// was the latest at some moment of the scan.
    /// </summary>
    /// <exception cref="IOException">The log device cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The scan was cancelled.</exception>
    public void Scan<TVisitor>(ref TVisitor visitor, CancellationToken cancellation = default)
        where TVisitor : ICustomerVisitor
    {
        CustomerScan scan = new();
        lock (_scansLock)
        {
            _scans = [.. _scans, scan];
        }
        try
        {
            int readFaults = _device.ReadFaults;
            long tail = _faster.Log.TailAddress;
            // Until then records before the tail may be half-written.
            _sessions.WaitForWrites();
            scan.Run(_faster.Log, _superseded, () => CheckReadable(readFaults), _faster.Log.BeginAddress, tail, ref visitor, cancellation);
            CopyReader copy = default;
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
            lock (_scansLock)
            {
                _scans = [.. _scans.Where(other => other != scan)];
            }
        }
    }

    /// <summary>Frees the memory and deletes the files.</summary>
    public void Dispose()
    {
        _sessions.Dispose();
        _device.WaitUntilIdle();
        _faster.Dispose();
        _device.Dispose();
        if (_ownDirectory is not null)
        {
            Directory.Delete(_ownDirectory, recursive: true);
        }
    }

    /// <summary>Called in a write that replaced the version at <paramref name="source"/> by one at the tail.</summary>
    internal void OnMoved(long source, long destination, ReadOnlySpan<byte> id)
    {
        foreach (CustomerScan scan in _scans)
        {
            scan.OnMoved(source, destination, id);
        }
        _superseded.Add(source);
    }

    private WriteReceipt UpsertOne(CustomerSession session, ReadOnlySpan<byte> id, ReadOnlySpan<float> features, in CustomerAttributes attributes, RequestKey request)
    {
        fixed (float* values = features)
        {
            CustomerOperation operation = new() { Features = values, FeatureCount = features.Length, Attributes = attributes };
            bool created = WriteOne(session, id, ref operation, request) == Outcome.Inserted;
            if (created)
            {
                Interlocked.Increment(ref _count);
            }
            return new WriteReceipt(operation.Sequence, created);
        }
    }

    private Outcome WriteOne(CustomerSession session, ReadOnlySpan<byte> id, ref CustomerOperation operation, RequestKey request)
    {
        ref int writeLock = ref _writeLocks.Acquire(IdComparer.Hash(id));
        try
        {
            if (operation.Delete && !Contains(session, id))
            {
                return Outcome.NotFound;
            }
            fixed (byte* bytes = id)
            {
                session.Write(SpanByte.FromPointer(bytes, id.Length), ref operation, _log, request);
            }
            return session.Outcome;
        }
        finally
        {
            WriteLocks.Release(ref writeLock);
        }
    }

    private static bool Contains(CustomerSession session, ReadOnlySpan<byte> id)
    {
        byte none = 0;
        session.BeginReads(&none, &Ignore);
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

    private static void Ignore(byte* reader, int index, in CustomerView customer)
    {
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
                    ReadOnlySpan<byte> id = ids[i];
                    fixed (byte* bytes = id)
                    {
                        if (session.StartRead(SpanByte.FromPointer(bytes, id.Length), i))
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

    private void CheckReadable(int readFaults)
    {
        if (_device.ReadFaults != readFaults)
        {
            throw new IOException("the log device cannot be read: " + _device.ReadFault?.Message, _device.ReadFault);
        }
    }

    /// <summary>Copies a record, so that a visitor runs outside the reader's lock.</summary>
    private struct CopyReader : ICustomerReader
    {
        private byte[]? _buffer;
        private int _length;

        public readonly ReadOnlySpan<byte> Record => _buffer.AsSpan(0, _length);

        public void Read(in CustomerView customer)
        {
            ReadOnlySpan<byte> record = customer.Record;
            if (_buffer is null || _buffer.Length < record.Length)
            {
                _buffer = new byte[record.Length];
            }
            record.CopyTo(_buffer);
            _length = record.Length;
        }
    }
}
