using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace ScoringEngine.Storage;

/// <summary>
/// The receipts of the latest writes whose request has an id: a bounded number, the oldest drop out. Thread-safe.
/// </summary>
internal sealed class RecentRequests
{
    /// <summary>Bytes of an entry in a snapshot: key, sequence number u64, whether the customer was created u8.</summary>
    public const int EntryBytes = 25;

    private readonly int _capacity;
    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, WriteReceipt> _receipts = [];
    private readonly Queue<(UInt128 Key, ulong Sequence)> _order = [];

    public RecentRequests(int capacity) => _capacity = capacity;

    /// <summary>Takes note of a write.</summary>
    public void Add(RequestKey request, WriteReceipt receipt)
    {
        if (request.IsNone)
        {
            return;
        }
        lock (_lock)
        {
            _receipts[request.Value] = receipt;
            _order.Enqueue((request.Value, receipt.Sequence));
            if (_order.Count > _capacity)
            {
                (UInt128 key, ulong sequence) = _order.Dequeue();
                // Another write may have had the same id since.
                if (_receipts.TryGetValue(key, out WriteReceipt oldest) && oldest.Sequence == sequence)
                {
                    _receipts.Remove(key);
                }
            }
        }
    }

    /// <summary>The receipt of the write that a request made, when it is one of the latest.</summary>
    public bool TryGet(RequestKey request, [MaybeNullWhen(false)] out WriteReceipt receipt)
    {
        lock (_lock)
        {
            return _receipts.TryGetValue(request.Value, out receipt);
        }
    }

    /// <summary>All of them for a snapshot, oldest first.</summary>
    public byte[] Encode(out int count)
    {
        lock (_lock)
        {
            byte[] bytes = new byte[_order.Count * EntryBytes];
            count = 0;
            foreach ((UInt128 key, ulong sequence) in _order)
            {
                if (_receipts.TryGetValue(key, out WriteReceipt receipt) && receipt.Sequence == sequence)
                {
                    Span<byte> entry = bytes.AsSpan(count++ * EntryBytes, EntryBytes);
                    BinaryPrimitives.WriteUInt128LittleEndian(entry, key);
                    BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], sequence);
                    entry[24] = receipt.Created ? (byte)1 : (byte)0;
                }
            }
            return bytes[..(count * EntryBytes)];
        }
    }

    /// <summary>Takes what a snapshot has.</summary>
    /// <exception cref="InvalidDataException">The bytes are no list of requests.</exception>
    public void Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % EntryBytes != 0)
        {
            throw new InvalidDataException($"a list of requests has {bytes.Length} bytes, expected a multiple of {EntryBytes}");
        }
        for (; !bytes.IsEmpty; bytes = bytes[EntryBytes..])
        {
            Add(new RequestKey(BinaryPrimitives.ReadUInt128LittleEndian(bytes)), new WriteReceipt(BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]), bytes[24] != 0));
        }
    }
}
