using System.Runtime.InteropServices;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Storage.Tests;

public class CustomerStoreContactTests
{
    [Fact]
    public void ContactEvent_Layout_IsEightBytesInOrder()
    {
        ContactEvent[] events = [new(0x04030201, 0x0605, 7, ContactKind.Accepted)];
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 3], MemoryMarshal.AsBytes(events.AsSpan()).ToArray());
        Assert.Equal(ContactEvent.Bytes, MemoryMarshal.AsBytes(events.AsSpan()).Length);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(ContactEvent.EpochUnixSeconds), new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void UpdateContacts_RandomOperations_AgreeWithADictionary(bool spill)
    {
        const int keys = 400;
        const int bound = 10;
        using CustomerStore store = new(new CustomerStoreOptions
        {
            MemoryBytes = spill ? 1 << 20 : 64 << 20,
            PageBytes = 1 << 16,
            MaxContactEvents = bound,
        });
        Customers.Parallel(2, thread =>
        {
            Dictionary<int, (float Value, byte[] Secret, ulong Sequence, List<ContactEvent> Events)> twin = [];
            SeededRandom random = new(seed: 3, thread);
            ContactReader reader = default;
            for (int i = 0; i < (spill ? 20_000 : 40_000); i++)
            {
                int key = (2 * random.Next(keys)) + thread;
                byte[] id = Customers.Id(key);
                switch (random.Next(8))
                {
                    case 0:
                        Assert.Equal(twin.Remove(key), store.Delete(id, out _));
                        break;
                    case 1 or 2 or 3:
                        store.Upsert(id, Customers.Features(1 + random.Next(spill ? 400 : 5), i), default);
                        twin[key] = twin.TryGetValue(key, out var stored) ? stored with { Value = i } : (i, [], 0, []);
                        break;
                    default:
                        ContactEvent contact = new((uint)i, (ushort)key, (byte)thread, ContactKind.Presented);
                        bool removeFirst = random.Next(4) == 0;
                        Append update = new(contact, removeFirst, (ulong)i + 1);
                        Assert.Equal(twin.ContainsKey(key), store.UpdateContacts(id, ref update, out ulong sequence));
                        Assert.Equal(twin.ContainsKey(key), sequence > 0);
                        if (twin.TryGetValue(key, out stored))
                        {
                            if (removeFirst && stored.Events.Count > 0)
                            {
                                stored.Events.RemoveAt(0);
                            }
                            stored.Events.Add(contact);
                            twin[key] = stored with { Sequence = (ulong)i + 1, Events = [.. stored.Events.TakeLast(bound)], Secret = stored.Secret.Length > 0 ? stored.Secret : update.Secret! };
                        }
                        break;
                }
                Assert.Equal(twin.ContainsKey(key), store.Read(id, ref reader));
                if (twin.TryGetValue(key, out var expected))
                {
                    Assert.Equal(expected.Value, reader.Value);
                    Assert.Equal(expected.Events, reader.Events);
                    Assert.Equal(expected.Sequence, reader.Sequence);
                    Assert.Equal(expected.Secret, reader.Secret);
                }
            }
        });
    }

    [Fact]
    public void UpdateContacts_ConcurrentAppends_LoseNone()
    {
        const int threads = 4;
        const int each = 5_000;
        using CustomerStore store = new(new CustomerStoreOptions { MemoryBytes = 64 << 20, MaxContactEvents = 4096 });
        byte[] id = Customers.Id(1);
        store.Upsert(id, [0], default);
        Customers.Parallel(threads, thread =>
        {
            for (int i = 0; i < each; i++)
            {
                Increment update = default;
                Assert.True(store.UpdateContacts(id, ref update, out _));
                store.Upsert(id, Customers.Features(1 + (i % 3), i), default);
            }
        });
        ContactReader reader = default;
        store.Read(id, ref reader);
        Assert.Equal([new ContactEvent(threads * each, 0, 0, ContactKind.Presented)], reader.Events!);
    }

    [Fact]
    public void UpdateContacts_DeclinedOrThrowing_LeavesTheCustomerAsItWas()
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[] id = Customers.Id(1);
        store.Upsert(id, [1], default);
        Declining declining = default;
        Assert.False(store.UpdateContacts(id, ref declining, out ulong sequence));
        Assert.Equal(1UL, sequence);
        Calling calling = new(store);
        Assert.Throws<InvalidOperationException>(() => store.UpdateContacts(id, ref calling, out _));
        ContactReader reader = default;
        store.Read(id, ref reader);
        Assert.Empty(reader.Events!);
        Assert.Empty(reader.Secret!);
        Assert.Equal(2UL, store.Upsert(id, [2], default).Sequence);
    }

    [Fact]
    public void Patch_KeepsTheOtherFeaturesConsentAndContacts()
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[] id = Customers.Id(1);
        Assert.False(store.Patch(id, [0], [1], 5, layout: null, out ulong sequence));
        Assert.Equal(0UL, sequence);
        store.Upsert(id, [1, 2, 3], new CustomerAttributes(4, SchemaVersion: 1, Consent: 9));
        Append update = new(new ContactEvent(1, 2, 3, ContactKind.Accepted), false, 7);
        store.UpdateContacts(id, ref update, out _);

        Assert.True(store.Patch(id, [2, 0], [30, float.NaN], 5, layout: null, out sequence));
        KeepReader reader = default;
        store.Read(id, ref reader);
        Assert.Equal([float.NaN, 2, 30], reader.Features!);
        Assert.Equal(new CustomerAttributes(5, 1, 9), reader.Attributes);
        Assert.Equal(sequence, reader.Sequence);

        Reversed layout = new();
        Assert.True(store.Patch(id, [3], [40], 6, layout, out _));
        store.Read(id, ref reader);
        Assert.Equal([30, 2, float.NaN, 40], reader.Features!);
        Assert.Equal(new CustomerAttributes(6, 2, 9), reader.Attributes);
        Assert.True(store.Patch(id, [0], [31], 6, layout, out _));
        store.Read(id, ref reader);
        Assert.Equal([31, 2, float.NaN, 40], reader.Features!);

        Assert.Throws<ArgumentOutOfRangeException>(() => store.Patch(id, [0, 4], [1, 1], 6, layout, out _));
        Assert.Throws<ArgumentException>(() => store.Patch(id, [0], [1, 1], 6, layout, out _));
        store.Read(id, ref reader);
        Assert.Equal([31, 2, float.NaN, 40], reader.Features!);
        ContactReader contacts = default;
        store.Read(id, ref contacts);
        Assert.Equal([new ContactEvent(1, 2, 3, ContactKind.Accepted)], contacts.Events!);
    }

    [Fact]
    public void Patch_Concurrent_LosesNone()
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[] id = Customers.Id(1);
        store.Upsert(id, Customers.Features(4, 0), default);
        Customers.Parallel(4, thread =>
        {
            for (int i = 1; i <= 5_000; i++)
            {
                Assert.True(store.Patch(id, [thread], [i], i, layout: null, out _));
            }
        });
        KeepReader reader = default;
        store.Read(id, ref reader);
        Assert.Equal(Customers.Features(4, 5_000), reader.Features);
    }

    private struct ContactReader : ICustomerReader
    {
        public float Value;
        public ContactEvent[]? Events;
        public ulong Sequence;
        public byte[]? Secret;

        public void Read(in CustomerView customer)
        {
            Value = customer.Features[^1];
            Events = customer.Contacts.ToArray();
            Sequence = customer.ContactSequence;
            Secret = customer.Secret.ToArray();
        }
    }

    private struct Append(ContactEvent contact, bool removeFirst, ulong sequence) : IContactUpdate
    {
        public byte[]? Secret;

        public bool Update(in CustomerView customer, ref ContactList contacts)
        {
            if (removeFirst && contacts.Count > 0)
            {
                contacts.RemoveAt(0);
            }
            contacts.Add(contact);
            contacts.Sequence = sequence;
            Secret = contacts.Secret.ToArray();
            return true;
        }
    }

    private struct Increment : IContactUpdate
    {
        public readonly bool Update(in CustomerView customer, ref ContactList contacts)
        {
            if (contacts.Count == 0)
            {
                contacts.Add(new ContactEvent(0, 0, 0, ContactKind.Presented));
            }
            contacts.Events[0] = contacts.Events[0] with { Seconds = contacts.Events[0].Seconds + 1 };
            return true;
        }
    }

    private struct Declining : IContactUpdate
    {
        public readonly bool Update(in CustomerView customer, ref ContactList contacts)
        {
            contacts.Add(new ContactEvent(1, 1, 1, ContactKind.Presented));
            return false;
        }
    }

    private readonly struct Calling(CustomerStore store) : IContactUpdate
    {
        public bool Update(in CustomerView customer, ref ContactList contacts) => store.Delete(Customers.Id(2), out _);
    }

    private sealed class Reversed : IFeatureLayout
    {
        public ushort SchemaVersion => 2;

        public int Columns => 4;

        public void Rewrite(ushort schemaVersion, ReadOnlySpan<float> stored, Span<float> row)
        {
            Assert.Equal(1, schemaVersion);
            stored.CopyTo(row);
            row[..stored.Length].Reverse();
            row[stored.Length..].Fill(float.NaN);
        }
    }
}
