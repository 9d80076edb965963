using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Schemas;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>Types of the records in the journal of customers.</summary>
internal enum CustomerRecordType : uint
{
    /// <summary>A whole customer was stored: <see cref="WriteHead"/>, then the attributes, then the features.</summary>
    Upsert = 1,

    /// <summary>A customer was erased: <see cref="WriteHead"/>.</summary>
    Delete = 2,

    /// <summary>A category got its code.</summary>
    Category = 3,

    /// <summary>A schema version came into use.</summary>
    Schema = 4,

    /// <summary>A customer got its contact secret: id length u8, id, 32 bytes.</summary>
    ContactSecret = 5,

    /// <summary>A snapshot or backup began, or a number was let pass; nothing changed. No two snapshots are of the same moment.</summary>
    Snapshot = 6,
}

/// <summary>
/// What a write says of itself before its data: flags u8, the key of its request (16 bytes, if flagged), id length u8, id.
/// </summary>
internal readonly ref struct WriteHead
{
    public const int MaxBytes = 2 + 16 + FeatureSchema.MaxIdBytes;

    private const byte HasRequest = 1;
    private const byte HasCreated = 2;

    public ReadOnlySpan<byte> Id { get; init; }

    public RequestKey Request { get; init; }

    /// <summary>Whether no customer had the id before; known only of a write that has a request.</summary>
    public bool Created { get; init; }

    /// <summary>Writes the head and returns how long it is.</summary>
    public int Write(Span<byte> bytes)
    {
        bytes[0] = (byte)((Request.IsNone ? 0 : HasRequest) | (Created ? HasCreated : 0));
        int used = 1;
        if (!Request.IsNone)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(bytes[used..], Request.Value);
            used += 16;
        }
        bytes[used++] = (byte)Id.Length;
        Id.CopyTo(bytes[used..]);
        return used + Id.Length;
    }

    /// <summary>Reads a head; <paramref name="rest"/> is what follows it.</summary>
    /// <exception cref="InvalidDataException">The bytes are none.</exception>
    public static WriteHead Read(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> rest)
    {
        byte flags = bytes.IsEmpty ? byte.MaxValue : bytes[0];
        int used = (flags & HasRequest) != 0 ? 17 : 1;
        if (flags > (HasRequest | HasCreated) || bytes.Length <= used || bytes[used] is 0 or > FeatureSchema.MaxIdBytes || bytes.Length < used + 1 + bytes[used])
        {
            throw new InvalidDataException($"a write of {bytes.Length} bytes has no proper head");
        }
        rest = bytes[(used + 1 + bytes[used])..];
        return new WriteHead
        {
            Request = used == 17 ? new RequestKey(BinaryPrimitives.ReadUInt128LittleEndian(bytes[1..])) : default,
            Created = (flags & HasCreated) != 0,
            Id = bytes.Slice(used + 1, bytes[used]),
        };
    }
}

/// <summary>The data of an upsert: time and schema version u64 as in the live store, consent u16, number of features u16, features.</summary>
internal static class UpsertBody
{
    public const int HeadBytes = CustomerRecord.HeaderBytes - CustomerRecord.UpdatedAtOffset;

    /// <exception cref="InvalidDataException">The bytes are no upsert's.</exception>
    public static CustomerAttributes Read(ReadOnlySpan<byte> bytes, out ReadOnlySpan<float> features)
    {
        if (bytes.Length < HeadBytes || bytes.Length != HeadBytes + (BinaryPrimitives.ReadUInt16LittleEndian(bytes[10..]) * sizeof(float)))
        {
            throw new InvalidDataException($"an upsert has {bytes.Length} bytes of data, which is not what it says");
        }
        ulong packed = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        features = MemoryMarshal.Cast<byte, float>(bytes[HeadBytes..]);
        return new CustomerAttributes((long)(packed & CustomerRecord.MaxUpdatedAt), (ushort)(packed >> 48), BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]));
    }
}

/// <summary>
/// Numbers the writes of the store and puts them into the journal of customers, together with what else has to be known of
/// them: the receipts of requests, and the erasures. Without a journal it only numbers them.
/// </summary>
internal sealed class CustomerLog(Journal? journal, ulong lastSequence, CustomerStore customers, RecentRequests requests, ErasureRegister? erasures) : IWriteLog, ISchemaLog
{
    private ulong _lastSequence = lastSequence;

    /// <summary>Number of the last write.</summary>
    public ulong LastSequence => journal is null ? Volatile.Read(ref _lastSequence) : journal.NextSequence - 1;

    public ulong Upsert(ReadOnlySpan<byte> id, in CustomerAttributes attributes, ReadOnlySpan<float> features, RequestKey request)
    {
        Span<byte> head = stackalloc byte[WriteHead.MaxBytes + UpsertBody.HeadBytes];
        // The key is locked: nobody else creates the customer meanwhile.
        bool created = !request.IsNone && !IsStored(id);
        int used = new WriteHead { Id = id, Request = request, Created = created }.Write(head);
        CustomerRecord.WriteAttributes(head[used..], in attributes, features.Length);
        ulong sequence = Append(CustomerRecordType.Upsert, head[..(used + UpsertBody.HeadBytes)], MemoryMarshal.AsBytes(features));
        requests.Add(request, new WriteReceipt(sequence, created));
        return sequence;
    }

    public ulong Delete(ReadOnlySpan<byte> id, RequestKey request)
    {
        Span<byte> head = stackalloc byte[WriteHead.MaxBytes];
        int used = new WriteHead { Id = id, Request = request }.Write(head);
        ulong sequence = Append(CustomerRecordType.Delete, head[..used], default);
        requests.Add(request, new WriteReceipt(sequence, Created: false));
        erasures?.Add(id, sequence);
        return sequence;
    }

    public ulong ContactSecret(ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret)
    {
        Span<byte> head = stackalloc byte[1 + FeatureSchema.MaxIdBytes];
        head[0] = (byte)id.Length;
        id.CopyTo(head[1..]);
        return Append(CustomerRecordType.ContactSecret, head[..(1 + id.Length)], secret);
    }

    public void Version(ReadOnlySpan<byte> payload) => Append(CustomerRecordType.Schema, payload, default);

    public void Category(ReadOnlySpan<byte> payload) => Append(CustomerRecordType.Category, payload, default);

    /// <summary>Puts a record into the journal.</summary>
    /// <exception cref="JournalUnavailableException">It cannot be kept.</exception>
    public ulong Append(CustomerRecordType type, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
        => journal is null ? Interlocked.Increment(ref _lastSequence) : journal.Append((uint)type, head, tail);

    private bool IsStored(ReadOnlySpan<byte> id)
    {
        NoReader reader = default;
        return customers.Read(id, ref reader);
    }

    private struct NoReader : ICustomerReader
    {
        public readonly void Read(in CustomerView customer)
        {
        }
    }
}
