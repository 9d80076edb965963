using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage;

/// <summary>The value feed: what customers brought and cost, day by day. Thread-safe.</summary>
internal sealed class ValueLog(RecordLog records, RecentKeys keys, CustomerDatabase database, byte[] salt, TimeProvider time) : IDisposable
{
    /// <summary>Type of its records: <see cref="ValueRecord"/>.</summary>
    public const uint ValueType = 1;

    /// <summary>Type of a record without meaning, which keeps the numbers of a restored journal as they were.</summary>
    public const uint BlankType = 2;

    private readonly Lock _lock = new();

    public RecordLog Records => records;

    public ValueReceipt Record(ReadOnlySpan<CustomerValue> values, Span<ValueStatus> statuses)
    {
        ulong last = 0;
        ulong lastCustomer = 0;
        Span<byte> secret = stackalloc byte[CustomerRecord.SecretBytes];
        for (int i = 0; i < values.Length; i++)
        {
            ref readonly CustomerValue value = ref values[i];
            if (!database.Customers.TryReadSecret(value.CustomerId.Span, secret, make: true, out ulong customerSequence))
            {
                statuses[i] = ValueStatus.UnknownCustomer;
                continue;
            }
            int day = value.Day.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;
            UInt128 key = SaltedNames.Value(salt, value.CustomerId.Span, value.Key.Length > 0 ? value.Key : $"day {day}");
            ValueRecord record = new()
            {
                Pseudonym = Hash128.ToBytes(Pseudonym.Of(secret)),
                Day = day,
                Revenue = value.Revenue,
                Cost = value.Cost,
                Key = Hash128.ToBytes(key),
                HeldOut = value.HeldOut,
                SegmentId = (uint)value.SegmentId,
                Tier = (uint)value.Tier,
                RecordedUnixMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            };
            lock (_lock)
            {
                if (keys.Contains(key))
                {
                    statuses[i] = ValueStatus.Repeated;
                    last = records.NextSequence - 1; // What it repeats is before that.
                }
                else
                {
                    last = records.Append(ValueType, record);
                    keys.Add(key);
                    statuses[i] = ValueStatus.Recorded;
                }
            }
            lastCustomer = Math.Max(lastCustomer, customerSequence);
        }
        return new ValueReceipt(last, lastCustomer);
    }

    /// <summary>The values of a log from a number on.</summary>
    public static IEnumerable<(ulong Sequence, ValueRecord Value)> Read(RecordLog records, ulong from)
        => records.Read(from, ulong.MaxValue).Where(record => record.Type == ValueType)
            .Select(record => (record.Sequence, ValueRecord.Parser.ParseFrom(record.Payload)));

    public void Dispose() => records.Dispose();

    /// <summary>Takes the keys of the values in a journal.</summary>
    public sealed class Replay(RecentKeys keys) : IJournalHandler
    {
        public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload)
        {
            if (type == BlankType)
            {
                return;
            }
            if (type != ValueType)
            {
                throw new InvalidDataException($"the values' record {sequence} has unknown type {type}");
            }
            keys.Add(Hash128.From(ValueRecord.Parser.ParseFrom(payload).Key));
        }
    }
}

/// <summary>The latest of many keys: a bounded number, the oldest drop out. Not thread-safe.</summary>
internal sealed class RecentKeys(int capacity)
{
    private readonly HashSet<UInt128> _keys = [];
    private readonly Queue<UInt128> _order = [];

    public bool Contains(UInt128 key) => _keys.Contains(key);

    public void Add(UInt128 key)
    {
        if (_keys.Add(key))
        {
            _order.Enqueue(key);
            if (_order.Count > capacity)
            {
                _keys.Remove(_order.Dequeue());
            }
        }
    }
}
