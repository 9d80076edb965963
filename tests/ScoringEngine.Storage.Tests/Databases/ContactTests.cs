using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Storage.Tests.Databases.DatabaseFixtures;

namespace ScoringEngine.Storage.Tests.Databases;

public sealed class ContactTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RecordContact_AfterACrash_IsThereOnce(bool snapshot)
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Upsert(database, "anna");
            await ContactAsync(database, "anna", 1);
            if (snapshot)
            {
                await database.SnapshotAsync(TestContext.Current.CancellationToken);
            }
            await ContactAsync(database, "anna", 2);
            files.CrashAfter(0);
        }
        files.Crash();

        await using CustomerDatabase again = Open(files);

        Assert.Equal("1 0 consent 0 contacts 1 2", Contents(again)["anna"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RecordContact_OfAnErasedCustomer_DoesNotComeBackWithANewOne(bool snapshot)
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Upsert(database, "anna");
            await ContactAsync(database, "anna", 1);
            database.Customers.Delete(Id("anna"), out _);
            Upsert(database, "anna");
            if (snapshot)
            {
                await database.SnapshotAsync(TestContext.Current.CancellationToken);
            }
            await ContactAsync(database, "anna", 2);
        }

        await using CustomerDatabase again = Open(files);

        Assert.Equal("1 0 consent 0 contacts 2", Contents(again)["anna"]);
    }

    [Fact]
    public async Task UpdateContacts_ThatRemovesAndReplaces_IsReplayedAsItWas()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Upsert(database, "anna");
            for (uint i = 1; i <= 6; i++)
            {
                await ContactAsync(database, "anna", i);
            }
            RemoveFirst update = default;
            Assert.True(database.UpdateContacts(Id("anna"), ref update, out _));
            await ContactAsync(database, "anna", 7);
        }

        await using CustomerDatabase again = Open(files);

        Assert.Equal("1 0 consent 0 contacts 4 5 6 7", Contents(again)["anna"]);
    }

    /// <summary>In any number of batches the contacts are those of one after the other, without what the store has already.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Replay_InBatches_GivesTheSame(int batch)
    {
        const int Customers = 5;
        const ulong Stored = 40;
        Random random = new(batch);
        using CustomerStore store = new(Options.Store);
        ContactEvent[][] expected = [.. Enumerable.Repeat<ContactEvent[]>([], Customers)];
        UInt128[] pseudonyms = new UInt128[Customers];
        SetContacts set = new([], 0);
        for (int i = 0; i < Customers; i++)
        {
            store.Upsert([(byte)i], [1], default);
            Assert.True(store.UpdateContacts([(byte)i], ref set, out _));
            SecretReader reader = default;
            store.Read([(byte)i], ref reader);
            pseudonyms[i] = reader.Pseudonym;
        }
        ContactReplay replay = new(store, threads: 2, _ => { }, TestContext.Current.CancellationToken, batch);
        byte[] payload = new byte[Pseudonym.Bytes + (4 * ContactEvent.Bytes)];
        for (ulong sequence = 1; sequence <= 100; sequence++)
        {
            int customer = random.Next(Customers);
            bool replaces = random.Next(4) == 0;
            ContactEvent[] events = [.. Enumerable.Range(0, replaces ? random.Next(5) : 1).Select(i => new ContactEvent((uint)((sequence * 10) + (ulong)i), 1, 1, ContactKind.Presented))];
            expected[customer] = [.. (replaces ? events : [.. expected[customer], .. events]).TakeLast(Options.Store.MaxContactEvents)];
            BinaryPrimitives.WriteUInt128LittleEndian(payload, pseudonyms[customer]);
            MemoryMarshal.AsBytes(events.AsSpan()).CopyTo(payload.AsSpan(Pseudonym.Bytes));
            replay.Record(sequence, (uint)(replaces ? ContactRecordType.Replaced : ContactRecordType.Added), payload.AsSpan(0, Pseudonym.Bytes + (events.Length * ContactEvent.Bytes)));
            if (sequence == Stored && batch == 1000)
            {
                // As a snapshot that has them already.
                for (int i = 0; i < Customers; i++)
                {
                    set = new SetContacts(expected[i], Stored);
                    Assert.True(store.UpdateContacts([(byte)i], ref set, out _));
                }
            }
        }
        replay.Apply();

        for (int i = 0; i < Customers; i++)
        {
            SecretReader reader = default;
            store.Read([(byte)i], ref reader);
            Assert.Equal(expected[i], reader.Contacts!);
        }
    }

    [Fact]
    public async Task RecordContact_ForNobody_SaysSo()
    {
        await using CustomerDatabase database = Open(new FaultyFiles());

        Assert.False(database.RecordContact(Id("nobody"), default, out ContactReceipt receipt));
        Assert.Equal(default, receipt);
    }

    [Fact]
    public async Task RecordContact_WhenItsJournalFails_ChangesNothing()
    {
        FaultyFiles files = new();
        await using CustomerDatabase database = Open(files);
        Upsert(database, "anna");
        files.Fail(FileOperation.Write, count: int.MaxValue, path: "/contacts/");
        Assert.True(database.RecordContact(Id("anna"), new ContactEvent(1, 1, 1, ContactKind.Presented), out ContactReceipt receipt));
        await Assert.ThrowsAnyAsync<IOException>(() => database.CommittedAsync(receipt, TestContext.Current.CancellationToken).AsTask());

        Assert.ThrowsAny<IOException>(() => database.RecordContact(Id("anna"), new ContactEvent(2, 1, 1, ContactKind.Presented), out _));
        Assert.Equal("1 0 consent 0 contacts 1", Contents(database)["anna"]);
    }

    private static void Upsert(CustomerDatabase database, string id) => database.Customers.Upsert(Id(id), [1, 0], new CustomerAttributes(1, 1));

    private static async Task ContactAsync(CustomerDatabase database, string id, uint seconds)
    {
        Assert.True(database.RecordContact(Id(id), new ContactEvent(seconds, 1, 2, ContactKind.Presented), out ContactReceipt receipt));
        await database.CommittedAsync(receipt, TestContext.Current.CancellationToken);
    }

    private readonly struct SetContacts(ContactEvent[] events, ulong sequence) : IContactUpdate
    {
        public bool Update(in CustomerView customer, ref ContactList contacts)
        {
            contacts.Clear();
            foreach (ContactEvent contact in events)
            {
                contacts.Add(contact);
            }
            contacts.Sequence = sequence;
            return true;
        }
    }

    private struct SecretReader : ICustomerReader
    {
        public UInt128 Pseudonym;
        public ContactEvent[]? Contacts;

        public void Read(in CustomerView customer)
        {
            Pseudonym = Storage.Pseudonym.Of(customer.Secret);
            Contacts = customer.Contacts.ToArray();
        }
    }

    private readonly struct RemoveFirst : IContactUpdate
    {
        public bool Update(in CustomerView customer, ref ContactList contacts)
        {
            contacts.RemoveAt(0);
            return true;
        }
    }
}
