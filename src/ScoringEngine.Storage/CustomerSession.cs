using System.Runtime.ExceptionServices;
using FASTER.core;
using ScoringEngine.Core.Decisions;
using FasterSession = FASTER.core.ClientSession<FASTER.core.SpanByte, FASTER.core.SpanByte, ScoringEngine.Storage.CustomerOperation, FASTER.core.Empty, FASTER.core.Empty, ScoringEngine.Storage.CustomerFunctions>;

namespace ScoringEngine.Storage;

/// <summary>What an operation did; <see cref="None"/> until a callback says so.</summary>
internal enum Outcome : byte
{
    None,
    Inserted,
    Updated,
    Deleted,
    NotFound,

    /// <summary>Nothing: what is stored is as new or newer.</summary>
    Older,
    Failed,
}

internal enum WriteKind : byte
{
    /// <summary>Stores attributes and features; the contacts stay.</summary>
    Upsert,

    /// <summary>Removes the customer with its contacts.</summary>
    Delete,

    /// <summary>Stores a whole record.</summary>
    Replace,

    /// <summary>Copies the record to the tail of the log, if it still stands where it stood.</summary>
    Move,
}

/// <summary>
/// Input of a FASTER operation. Operations complete before the call that started them returns, so what the caller has
/// stays where the pointers point even when the operation waits for the disk.
/// </summary>
internal unsafe struct CustomerOperation
{
    /// <summary>Upsert: the features.</summary>
    public float* Features;

    /// <summary>Upsert: number of features.</summary>
    public int FeatureCount;

    /// <summary>Replace: the record.</summary>
    public byte* Record;

    /// <summary>Replace: bytes of the record.</summary>
    public int RecordLength;

    /// <summary>Move: where the record stood.</summary>
    public long Source;

    /// <summary>Write: the lock of the key.</summary>
    public KeyLock* Lock;

    /// <summary>Write: its number.</summary>
    public ulong Sequence;

    /// <summary>Write: what to do.</summary>
    public WriteKind Kind;

    /// <summary>Write: whether to leave a record that is as new or newer.</summary>
    public bool OnlyIfNewer;

    /// <summary>Read: index of the id in its block.</summary>
    public int Index;

    /// <summary>Upsert: what to store beside the features.</summary>
    public CustomerAttributes Attributes;

    /// <summary>Whether to leave a stored record as it is.</summary>
    public readonly bool ComesTooLate(ReadOnlySpan<byte> stored) => OnlyIfNewer && CustomerRecord.Sequence(stored) >= Sequence;

    /// <summary>Bytes of a new customer's record.</summary>
    public readonly int InitialRecordBytes => Kind switch
    {
        WriteKind.Upsert => CustomerRecord.Bytes(FeatureCount),
        WriteKind.Replace => RecordLength,
        _ => 0,
    };

    /// <summary>Bytes of the record that replaces a stored one.</summary>
    public readonly int RecordBytes(ReadOnlySpan<byte> stored) => Kind switch
    {
        WriteKind.Upsert => InitialRecordBytes + CustomerRecord.ContactPart(stored).Length,
        WriteKind.Move => stored.Length,
        _ => InitialRecordBytes,
    };
}

/// <summary>
/// A FASTER session with what its callbacks need: used by one thread at a time, see <see cref="SessionPool"/>.
/// </summary>
internal sealed unsafe class CustomerSession : IDisposable
{
    [ThreadStatic]
    private static bool _reading;

    private readonly FasterSession _session;
    private readonly LogDevice _device;
    private long _operations;
    private long _customers;
    private long _liveBytes;

    public CustomerSession(CustomerStore store, FasterKV<SpanByte, SpanByte> faster, LogDevice device)
    {
        Store = store;
        _device = device;
        _session = faster.For(new CustomerFunctions(this)).NewSession<CustomerFunctions>(
            sessionVariableLengthStructSettings: new SessionVariableLengthStructSettings<SpanByte, CustomerOperation> { valueLength = new RecordLength() });
    }

    public CustomerStore Store { get; }

    /// <summary>What the last write did.</summary>
    public Outcome Outcome { get; set; }

    /// <summary>Address of the version that the current write copies.</summary>
    public long Source { get; set; }

    /// <summary>Number of customers read since <see cref="BeginReads"/>.</summary>
    public int Found { get; private set; }

    /// <summary>Whether this thread is inside a caller's code that may not call the store.</summary>
    public static bool IsReading
    {
        get => _reading;
        set => _reading = value;
    }

    /// <summary>A copy of the last record that <see cref="CustomerStore"/> read to change it.</summary>
    public RecordCopy Copy;

    /// <summary>Room to build the features of a record in.</summary>
    public float[] Row = [];

    /// <summary>Room to build the contacts of a record in.</summary>
    public ContactEvent[] Contacts = [];

    /// <summary>Room for a customer's secret.</summary>
    public readonly byte[] Secret = new byte[CustomerRecord.SecretBytes];

    /// <summary>Room to build a record in.</summary>
    public byte[] Record = [];

    /// <summary>Whether a read of the log device has failed since the operation began.</summary>
    public bool DeviceFailed => _device.ReadFaults != _readFaults;

    private byte* _reader;
    private delegate*<byte*, int, in CustomerView, void> _read;
    private ExceptionDispatchInfo? _readerFailure;
    private int _readFaults;
    private byte[] _record = new byte[512];

    /// <summary>Customers that writes of this session added, less those that they removed.</summary>
    public long Customers => Volatile.Read(ref _customers);

    /// <summary>Bytes in the log of the records that writes of this session added, less those that they removed or superseded.</summary>
    public long LiveBytes => Volatile.Read(ref _liveBytes);

    /// <summary>Set in a write: bytes of the record it makes.</summary>
    public int AddedBytes { get; set; }

    /// <summary>Set in a write: bytes of the record it removes or supersedes.</summary>
    public int RemovedBytes { get; set; }

    /// <summary>Marks an operation as under way.</summary>
    public void BeginOperation() => Volatile.Write(ref _operations, _operations + 1);

    public void EndOperation() => Volatile.Write(ref _operations, _operations + 1);

    /// <summary>Waits until an operation that is under way has ended.</summary>
    public void WaitForOperation()
    {
        long operations = Volatile.Read(ref _operations);
        if ((operations & 1) != 0)
        {
            SpinWait spin = default;
            while (Volatile.Read(ref _operations) == operations)
            {
                spin.SpinOnce();
            }
        }
    }

    /// <summary>Keeps in memory what is there now, until <see cref="EndProtection"/>; no operation in between.</summary>
    public void BeginProtection() => _session.UnsafeContext.BeginUnsafe();

    public void EndProtection() => _session.UnsafeContext.EndUnsafe();

    /// <summary>Performs a write; <see cref="Outcome"/> has the result.</summary>
    /// <exception cref="IOException">The record is on disk and could not be read.</exception>
    public void Write(SpanByte id, ref CustomerOperation operation)
    {
        Outcome = Outcome.None;
        AddedBytes = RemovedBytes = 0;
        _readFaults = _device.ReadFaults;
        if (_session.RMW(ref id, ref operation).IsPending)
        {
            _session.CompletePending(wait: true);
        }
        if (Outcome == Outcome.Failed)
        {
            throw ReadFailed();
        }
        if (Outcome == Outcome.None)
        {
            throw new InvalidOperationException("the record store ended a write without a result");
        }
        Volatile.Write(ref _liveBytes, _liveBytes + AddedBytes - RemovedBytes);
        if (Outcome is Outcome.Inserted or Outcome.Deleted)
        {
            Volatile.Write(ref _customers, _customers + (Outcome == Outcome.Inserted ? 1 : -1));
        }
    }

    /// <summary>Sets the receiver of the reads that follow; <paramref name="reader"/> must not move until <see cref="EndReads"/>.</summary>
    public void BeginReads(byte* reader, delegate*<byte*, int, in CustomerView, void> read)
    {
        _reader = reader;
        _read = read;
        Found = 0;
        _readFaults = _device.ReadFaults;
    }

    /// <summary>Starts a read and returns whether it waits for the disk, until <see cref="EndReads"/>.</summary>
    public bool StartRead(SpanByte id, int index)
    {
        CustomerOperation operation = new() { Index = index };
        Empty output = default;
        return _session.Read(ref id, ref operation, ref output).IsPending;
    }

    /// <summary>Completes the reads that wait for the disk.</summary>
    public void CompleteReads() => _session.CompletePending(wait: true);

    /// <summary>Ends the reads and throws what the reader threw.</summary>
    /// <exception cref="IOException">The log device could not be read meanwhile, so a customer may be missing.</exception>
    public void EndReads(bool usedDisk)
    {
        ExceptionDispatchInfo? failure = _readerFailure;
        _reader = null;
        _read = null;
        _readerFailure = null;
        failure?.Throw();
        if (usedDisk && DeviceFailed)
        {
            throw ReadFailed();
        }
    }

    /// <summary>Called back for a record that was found; nothing may escape through FASTER.</summary>
    public void OnRead(int index, ReadOnlySpan<byte> record, KeyLock* keyLock)
    {
        Found++;
        if (_readerFailure is not null)
        {
            return;
        }
        IsReading = true;
        try
        {
            // Copied first, so that the reader sees no change and is called once.
            Span<byte> copy = _record.Length < record.Length ? _record = new byte[record.Length] : _record;
            copy = copy[..record.Length];
            int version;
            do
            {
                version = keyLock->BeginRead();
                record.CopyTo(copy);
            }
            while (!keyLock->EndRead(version));
            _read(_reader, index, new CustomerView(copy));
        }
        catch (Exception e)
        {
            _readerFailure = ExceptionDispatchInfo.Capture(e);
        }
        finally
        {
            IsReading = false;
        }
    }

    public void Dispose() => _session.Dispose();

    private IOException ReadFailed() => new("the log device cannot be read: " + _device.ReadFault?.Message, _device.ReadFault);

    private sealed class RecordLength : IVariableLengthStruct<SpanByte, CustomerOperation>
    {
        public int GetInitialLength(ref CustomerOperation input) => sizeof(int) + input.InitialRecordBytes;

        public int GetLength(ref SpanByte stored, ref CustomerOperation input) => sizeof(int) + input.RecordBytes(stored.AsReadOnlySpan());
    }
}
