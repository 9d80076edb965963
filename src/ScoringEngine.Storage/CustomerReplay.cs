using System.Buffers.Binary;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Storage;

/// <summary>
/// Replays the journal of customers: what concerns the store as a whole here, what concerns a customer on the worker that
/// the customer's id names, so that the writes of a customer stay in their order.
/// </summary>
internal sealed class CustomerReplay : IJournalHandler
{
    // Of an entry in a batch: sequence number u64, type u32, length of the payload i32.
    private const int EntryHeadBytes = 16;
    private const int ProgressStep = 1 << 20;

    private readonly RecoveredParts _parts;
    private readonly ISchemaLog _schemas;
    private readonly RecoveryWorkers _workers;
    private readonly RecoveryBatch[] _batches;
    private readonly Action<long> _progress;
    private readonly RepairReport? _repair;
    private readonly CancellationToken _cancellation;
    private long _reported;

    /// <param name="parts">Take the writes.</param>
    /// <param name="schemas">Takes schema versions and categories.</param>
    /// <param name="workers">Apply what concerns a customer.</param>
    /// <param name="repair">Told of what is lost; null to throw.</param>
    /// <param name="progress">Told of <see cref="Bytes"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    public CustomerReplay(RecoveredParts parts, ISchemaLog schemas, RecoveryWorkers workers, RepairReport? repair, Action<long> progress, CancellationToken cancellation)
    {
        _parts = parts;
        _schemas = schemas;
        _workers = workers;
        _repair = repair;
        _progress = progress;
        _cancellation = cancellation;
        _batches = [.. Enumerable.Range(0, workers.Count).Select(_ => workers.Rent())];
    }

    /// <summary>Bytes of the records so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>What a worker does with a batch.</summary>
    public static Action<RecoveryBatch> ApplyTo(CustomerStore customers) => batch =>
    {
        ReadOnlySpan<byte> rest = batch.Bytes.AsSpan(0, batch.Length);
        while (!rest.IsEmpty)
        {
            ulong sequence = BinaryPrimitives.ReadUInt64LittleEndian(rest);
            CustomerRecordType type = (CustomerRecordType)BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]);
            ReadOnlySpan<byte> payload = rest.Slice(EntryHeadBytes, BinaryPrimitives.ReadInt32LittleEndian(rest[12..]));
            rest = rest[(EntryHeadBytes + payload.Length)..];
            if (type == CustomerRecordType.ContactSecret)
            {
                ReadOnlySpan<byte> id = IdOfSecret(payload, out ReadOnlySpan<byte> secret);
                customers.ApplyContactSecret(sequence, id, secret);
                continue;
            }
            WriteHead head = WriteHead.Read(payload, out ReadOnlySpan<byte> body);
            if (type == CustomerRecordType.Delete)
            {
                customers.ApplyDelete(sequence, head.Id);
            }
            else
            {
                CustomerAttributes attributes = UpsertBody.Read(body, out ReadOnlySpan<float> features);
                customers.ApplyUpsert(sequence, head.Id, in attributes, features);
            }
        }
    };

    public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload)
    {
        switch ((CustomerRecordType)type)
        {
            case CustomerRecordType.Upsert:
                WriteHead upsert = WriteHead.Read(payload, out _);
                _parts.Requests.Add(upsert.Request, new WriteReceipt(sequence, upsert.Created));
                Post(sequence, type, upsert.Id, payload);
                break;
            case CustomerRecordType.Delete:
                WriteHead delete = WriteHead.Read(payload, out _);
                _parts.Requests.Add(delete.Request, new WriteReceipt(sequence, Created: false));
                _parts.Erasures?.Add(delete.Id, sequence);
                Post(sequence, type, delete.Id, payload);
                break;
            case CustomerRecordType.ContactSecret:
                Post(sequence, type, IdOfSecret(payload, out _), payload);
                break;
            case CustomerRecordType.Schema or CustomerRecordType.Category:
                Load(sequence, (CustomerRecordType)type, payload);
                break;
            case CustomerRecordType.Snapshot:
                break;
            default:
                throw new InvalidDataException($"the journal's record {sequence} has unknown type {type}");
        }
        Bytes += EntryHeadBytes + payload.Length;
        if (Bytes - _reported >= ProgressStep)
        {
            _cancellation.ThrowIfCancellationRequested();
            _reported = Bytes;
            _progress(Bytes);
        }
    }

    /// <summary>Hands over what has gathered.</summary>
    public void Flush()
    {
        for (int i = 0; i < _batches.Length; i++)
        {
            _workers.Post(i, _batches[i]);
            _batches[i] = _workers.Rent();
        }
        _progress(Bytes);
    }

    private void Load(ulong sequence, CustomerRecordType type, ReadOnlySpan<byte> payload)
    {
        try
        {
            if (type == CustomerRecordType.Schema)
            {
                _schemas.Version(payload);
            }
            else
            {
                _schemas.Category(payload);
            }
        }
        catch (InvalidDataException e) when (_repair is not null)
        {
            _repair.Lost(null, FormattableString.Invariant($"sequence {sequence}: {e.Message}; what it follows is lost"));
        }
    }

    private static ReadOnlySpan<byte> IdOfSecret(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> secret)
    {
        int length = payload.IsEmpty ? 0 : payload[0];
        if (length is 0 or > FeatureSchema.MaxIdBytes || payload.Length != 1 + length + CustomerRecord.SecretBytes)
        {
            throw new InvalidDataException($"a contact secret has {payload.Length} bytes, which is not what it says");
        }
        secret = payload[(1 + length)..];
        return payload.Slice(1, length);
    }

    private void Post(ulong sequence, uint type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> payload)
    {
        int worker = (int)((ulong)IdComparer.Hash(id) % (uint)_batches.Length);
        ref RecoveryBatch batch = ref _batches[worker];
        int bytes = EntryHeadBytes + payload.Length;
        if (batch.Length > 0 && batch.Length + bytes > batch.Bytes.Length)
        {
            _workers.Post(worker, batch);
            batch = _workers.Rent();
        }
        if (bytes > batch.Bytes.Length)
        {
            batch.Bytes = new byte[bytes];
        }
        Span<byte> entry = batch.Bytes.AsSpan(batch.Length, bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(entry, sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], type);
        BinaryPrimitives.WriteInt32LittleEndian(entry[12..], payload.Length);
        payload.CopyTo(entry[EntryHeadBytes..]);
        batch.Length += bytes;
    }
}
