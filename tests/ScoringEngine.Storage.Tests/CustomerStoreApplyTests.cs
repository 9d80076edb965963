using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Storage.Tests;

public class CustomerStoreApplyTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Apply_ReplayedTwiceInOrder_GivesTheSameStore(bool spill)
    {
        const int keys = 3_000;
        RecordingLog log = new();
        using CustomerStore store = new(new CustomerStoreOptions { MemoryBytes = spill ? 1 << 20 : 64 << 20, PageBytes = 1 << 16 },
            log, directory => new LogDevice(directory));
        SeededRandom random = new(seed: 4, 0);
        int middle = 0;
        Snapshot snapshot = new([]);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] id = Customers.Id(random.Next(keys));
            switch (random.Next(5))
            {
                case 0:
                    store.Delete(id, out _);
                    break;
                case 1:
                    Touch touch = default;
                    store.UpdateContacts(id, ref touch, out _);
                    break;
                default:
                    store.Upsert(id, Customers.Features(1 + random.Next(30), i), new CustomerAttributes(i));
                    break;
            }
            if (i == 10_000)
            {
                // Replay starts at an earlier write than the snapshot has.
                middle = log.Entries.Count - 500;
                store.Scan(ref snapshot);
            }
        }

        using CustomerStore again = Customers.Store(keys);
        for (int round = 0; round < 2; round++)
        {
            foreach ((byte[] id, byte[] record) in snapshot.Records)
            {
                again.Apply(new CustomerView(record).Sequence, id, record);
            }
            for (int i = middle; i < log.Entries.Count; i++)
            {
                log.Entries[i].Apply(again);
            }
        }
        Snapshot expected = new([]);
        store.Scan(ref expected);
        Snapshot found = new([]);
        again.Scan(ref found);
        Assert.Equal(store.Count, again.Count);
        Assert.Equal(expected.WithoutEvents(), found.WithoutEvents());
    }

    [Fact]
    public void Apply_OlderOrMalformed_IsRefused()
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[] id = Customers.Id(1);
        Assert.True(store.ApplyUpsert(5, id, default, [1]));
        Assert.False(store.ApplyUpsert(5, id, default, [2]));
        Assert.False(store.ApplyDelete(5, id));
        Assert.False(store.ApplyContactSecret(5, id, new byte[32]));
        Assert.True(store.ApplyContactSecret(6, id, new byte[32]));
        Assert.False(store.ApplyDelete(6, Customers.Id(2)));
        Snapshot snapshot = new([]);
        store.Scan(ref snapshot);
        (_, byte[] record) = Assert.Single(snapshot.Records);
        Assert.Equal(20 + 4 + 40, record.Length);
        Assert.False(store.Apply(6, id, record));
        Assert.Throws<InvalidDataException>(() => store.Apply(7, id, record));
        for (int length = 0; length < record.Length; length++)
        {
            if (length != 24)
            {
                Assert.Throws<InvalidDataException>(() => store.Apply(6, id, record.AsSpan(0, length)));
            }
        }
        Assert.True(store.ApplyDelete(7, id));
        Assert.Equal(0, store.Count);
        Assert.True(store.Apply(6, id, record));
    }

    private readonly struct Touch : IContactUpdate
    {
        public bool Update(in CustomerView customer, ref ContactList contacts)
        {
            contacts.Add(new ContactEvent(1, 1, 1, ContactKind.Presented));
            return true;
        }
    }

    private readonly struct Snapshot(List<(byte[] Id, byte[] Record)> records) : ICustomerVisitor
    {
        public List<(byte[] Id, byte[] Record)> Records => records;

        public void Visit(ReadOnlySpan<byte> id, in CustomerView customer) => records.Add((id.ToArray(), customer.Record.ToArray()));

        /// <summary>The events are not in the log.</summary>
        public List<string> WithoutEvents() => [.. records.Select(r =>
        {
            CustomerView customer = new(r.Record);
            return $"{Customers.Number(r.Id)} {customer.Sequence} {customer.UpdatedAtUnixMs} {string.Join(' ', customer.Features.ToArray())} {Convert.ToHexString(customer.Secret)}";
        }).Order(StringComparer.Ordinal)];
    }

    private sealed class RecordingLog : IWriteLog
    {
        public List<(ulong Sequence, Action<CustomerStore> Apply)> Entries { get; } = [];

        public ulong Upsert(ReadOnlySpan<byte> id, in CustomerAttributes attributes, ReadOnlySpan<float> features, RequestKey request)
        {
            byte[] key = id.ToArray();
            float[] row = features.ToArray();
            CustomerAttributes copy = attributes;
            return Add((store, sequence) => store.ApplyUpsert(sequence, key, in copy, row));
        }

        public ulong Delete(ReadOnlySpan<byte> id, RequestKey request)
        {
            byte[] key = id.ToArray();
            return Add((store, sequence) => store.ApplyDelete(sequence, key));
        }

        public ulong ContactSecret(ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret)
        {
            byte[] key = id.ToArray();
            byte[] copy = secret.ToArray();
            return Add((store, sequence) => store.ApplyContactSecret(sequence, key, copy));
        }

        private ulong Add(Action<CustomerStore, ulong> apply)
        {
            ulong sequence = (ulong)Entries.Count + 1;
            Entries.Add((sequence, store => apply(store, sequence)));
            return sequence;
        }
    }
}
