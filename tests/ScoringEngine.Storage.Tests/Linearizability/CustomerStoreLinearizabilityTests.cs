using System.Collections.Concurrent;

namespace ScoringEngine.Storage.Tests.Linearizability;

public class CustomerStoreLinearizabilityTests
{
    private const int Keys = 300;
    private const int Threads = 6;

    [Fact]
    public void Store_InMemory_IsLinearizable()
    {
        using CustomerStore store = Customers.MemoryStore(expected: 1);
        Operation[] history = RecordedHistory.Of(new StoreRegisters(store, mostFeatures: 30), Keys, Threads, callsOfAThread: 120_000, callsBetweenScans: 4_000, seed: 1);

        Assert.True(history.Length >= 1_000_000);
        Assert.Null(LinearizabilityChecker.FirstViolation(history, Keys));
    }

    [Fact]
    public void Store_MostlyOnDisk_IsLinearizable()
    {
        // 3 MB of live customers in 1 MiB.
        using CustomerStore store = Customers.Store();
        Operation[] history = RecordedHistory.Of(new StoreRegisters(store, mostFeatures: CustomerStore.MaxFeatures), Keys, Threads, callsOfAThread: 5_000, callsBetweenScans: 2_000, seed: 2);

        Assert.True(store.Statistics.DiskBytes > 10 << 20);
        Assert.Null(LinearizabilityChecker.FirstViolation(history, Keys));
    }

    [Fact]
    public void Store_WhoseReadsAreAnsweredLate_IsNotLinearizable()
    {
        using CustomerStore store = Customers.MemoryStore(expected: 1);
        LateRegisters late = new(new StoreRegisters(store, mostFeatures: 30));
        Operation[] history = RecordedHistory.Of(late, Keys, Threads, callsOfAThread: 1_000, callsBetweenScans: int.MaxValue, seed: 3);

        Assert.Equal(OperationKind.Read, LinearizabilityChecker.FirstViolation(history, Keys)?.Kind);
    }

    /// <summary>A store as registers: all features of a customer, whose number differs from write to write, are the value.</summary>
    private sealed class StoreRegisters(CustomerStore store, int mostFeatures) : IRegisters
    {
        public bool Upsert(int key, int value)
        {
            Span<float> features = stackalloc float[1 + (int)((uint)value * 2_654_435_761 % (uint)mostFeatures)];
            features.Fill(value);
            return !store.Upsert(Customers.Id(key), features, default).Created;
        }

        public bool Delete(int key) => store.Delete(Customers.Id(key), out _);

        public int Read(int key)
        {
            ValueReader reader = default;
            return store.Read(Customers.Id(key), ref reader) ? reader.Value : Operation.Absent;
        }

        public void ReadMany(ReadOnlySpan<int> keys, Span<int> values)
        {
            byte[] ids = new byte[8 * keys.Length];
            int[] ends = new int[keys.Length];
            for (int i = 0; i < keys.Length; i++)
            {
                Customers.Id(keys[i]).CopyTo(ids.AsSpan(8 * i));
                ends[i] = 8 * (i + 1);
            }
            values.Fill(Operation.Absent);
            ValuesReader reader = new(values);
            store.ReadMany(new IdBlock(ids, ends), ref reader);
        }

        public List<(int Key, int Value)> Scan()
        {
            ValueVisitor visitor = new([]);
            store.Scan(ref visitor);
            return visitor.Visits;
        }

        private static int ValueOf(in CustomerView customer)
        {
            float value = customer.Features[0];
            Assert.False(customer.Features.ContainsAnyExcept(value), "a torn customer");
            return (int)value;
        }

        private struct ValueReader : ICustomerReader
        {
            public int Value;

            public void Read(in CustomerView customer) => Value = ValueOf(in customer);
        }

        private readonly ref struct ValuesReader(Span<int> values) : ICustomerBlockReader
        {
            private readonly Span<int> _values = values;

            public void Read(int index, in CustomerView customer) => _values[index] = ValueOf(in customer);
        }

        private readonly struct ValueVisitor(List<(int Key, int Value)> visits) : ICustomerVisitor
        {
            public List<(int Key, int Value)> Visits => visits;

            public void Visit(ReadOnlySpan<byte> id, in CustomerView customer) => visits.Add((Customers.Number(id), ValueOf(in customer)));
        }
    }

    /// <summary>Answers each read with what the read of that key before it saw.</summary>
    private sealed class LateRegisters(IRegisters registers) : IRegisters
    {
        private readonly ConcurrentDictionary<int, int> _seen = [];

        public bool Upsert(int key, int value) => registers.Upsert(key, value);

        public bool Delete(int key) => registers.Delete(key);

        public int Read(int key)
        {
            int late = _seen.GetValueOrDefault(key);
            _seen[key] = registers.Read(key);
            return late;
        }

        public void ReadMany(ReadOnlySpan<int> keys, Span<int> values) => registers.ReadMany(keys, values);

        public List<(int Key, int Value)> Scan() => registers.Scan();
    }
}
