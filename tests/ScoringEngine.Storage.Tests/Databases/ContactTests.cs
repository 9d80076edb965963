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

    private readonly struct RemoveFirst : IContactUpdate
    {
        public bool Update(in CustomerView customer, ref ContactList contacts)
        {
            contacts.RemoveAt(0);
            return true;
        }
    }
}
