using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Snapshots;
using ScoringEngine.Storage.Tests.Files;
using ScoringEngine.Storage.Tests.Journals;
using static ScoringEngine.Storage.Tests.Databases.DatabaseFixtures;

namespace ScoringEngine.Storage.Tests.Databases;

public sealed class CustomerDatabaseTests
{
    [Fact]
    public async Task Open_AfterClose_HasEveryCustomer()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            await Upsert(database, "anna", 1);
            await Upsert(database, "bert", 2);
            database.Customers.Delete(Id("anna"), out ulong sequence);
            await database.CommittedAsync(sequence, TestContext.Current.CancellationToken);
        }

        await using CustomerDatabase again = Open(files);

        Assert.Equal([new("bert", "2 0 consent 0 contacts ")], Contents(again));
        Assert.Equal(1, again.Customers.Count);
    }

    [Fact]
    public async Task Open_AfterSnapshotAndMoreWrites_HasBoth()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            await Upsert(database, "anna", 1);
            await Upsert(database, "bert", 2);
            SnapshotInfo snapshot = await database.SnapshotAsync(TestContext.Current.CancellationToken);
            Assert.Equal(2, snapshot.Customers);
            await Upsert(database, "anna", 3);
            database.Customers.Delete(Id("bert"), out _);
            await Upsert(database, "carl", 4);
        }

        await using CustomerDatabase again = Open(files);

        Assert.Equal([new("anna", "3 0 consent 0 contacts "), new("carl", "4 0 consent 0 contacts ")], Contents(again));
        Assert.Single(again.Statistics.Snapshots);
    }

    [Fact]
    public async Task Sequence_AfterRestart_GoesOn()
    {
        FaultyFiles files = new();
        ulong first;
        await using (CustomerDatabase database = Open(files))
        {
            first = await Upsert(database, "anna", 1);
        }
        await using CustomerDatabase again = Open(files);

        Assert.True(await Upsert(again, "anna", 1) > first);
    }

    [Fact]
    public async Task TryGetReceipt_OfAWriteBeforeTheRestart_HasWhatItDid()
    {
        FaultyFiles files = new();
        RequestKey created = new(1), updated = new(2), erased = new(3), unknown = new(4);
        ulong sequence;
        await using (CustomerDatabase database = Open(files))
        {
            sequence = database.Customers.Upsert(Id("anna"), [1, 0], default, created).Sequence;
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            database.Customers.Upsert(Id("anna"), [2, 0], default, updated);
            database.Customers.Delete(Id("anna"), out _, erased);
        }

        await using CustomerDatabase again = Open(files);

        Assert.True(again.TryGetReceipt(created, out WriteReceipt receipt));
        Assert.Equal(new WriteReceipt(sequence, Created: true), receipt);
        Assert.True(again.TryGetReceipt(updated, out receipt));
        Assert.False(receipt.Created);
        Assert.True(again.TryGetReceipt(erased, out _));
        Assert.False(again.TryGetReceipt(unknown, out _));
    }

    [Fact]
    public async Task Schemas_AfterRestart_KeepVersionsAndCategories()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Assert.Equal(2, database.Schemas.CategoriesOf(2).GetOrAdd("max"));
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            Assert.Equal(3, database.Schemas.CategoriesOf(2).GetOrAdd("mini"));
        }

        await using CustomerDatabase again = Open(files);

        Assert.Equal(["basic", "plus", "max", "mini"], again.Schemas.CategoriesOf(2).Names.ToArray());
        Assert.Equal(1, again.Schemas.VersionCount);
    }

    [Fact]
    public async Task Open_WithASchemaOfAnotherLineage_IsRefusedAndChangesNothing()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            await Upsert(database, "anna", 1);
        }
        int changes = files.Changes;
        FeatureSchema other = new([new Feature { Id = 1, Name = "amount", Kind = FeatureKind.Boolean }]);

        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => CustomerDatabase.Open(Options, other, TimeProvider.System, files, held: null));

        Assert.Contains("another schema lineage", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(changes, files.Changes);
    }

    [Fact]
    public async Task BulkLoad_AfterItsSnapshot_OpensAsAnyOther()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase load = Open(files, Options with { BulkLoad = true }))
        {
            await Upsert(load, "anna", 1);
            await load.SnapshotAsync(TestContext.Current.CancellationToken);
        }
        await using (CustomerDatabase database = Open(files))
        {
            Assert.True(await Upsert(database, "bert", 2) > 1);
        }

        await using CustomerDatabase again = Open(files);

        Assert.Equal(["anna", "bert"], Contents(again).Keys);
    }

    [Fact]
    public async Task BulkLoad_WithoutItsSnapshot_LeavesNothing()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase load = Open(files, Options with { BulkLoad = true }))
        {
            await Upsert(load, "anna", 1);
        }

        await using CustomerDatabase again = Open(files, Options with { BulkLoad = true });

        Assert.Equal(0, again.Customers.Count);
    }

    [Fact]
    public async Task BulkLoad_IntoADataDirectory_IsRefused()
    {
        FaultyFiles files = new();
        await using (Open(files))
        {
        }

        DataDirectoryException refusal = Assert.Throws<DataDirectoryException>(() => Open(files, Options with { BulkLoad = true }));

        Assert.Equal(DataDirectoryProblem.OtherContent, refusal.Problem);
    }

    [Fact]
    public async Task Open_ReportsHowFarItIs()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            await Upsert(database, "anna", 1);
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            await Upsert(database, "bert", 1);
        }
        Reports reports = new();

        await using CustomerDatabase again = CustomerDatabase.Open(Options, schema: null, TimeProvider.System, files, held: null, reports);

        RecoveryProgress snapshot = reports.Last(report => report.Stage == RecoveryStage.Snapshot);
        Assert.Equal(snapshot.TotalBytes, snapshot.Bytes);
        Assert.Contains(reports, report => report is { Stage: RecoveryStage.Journal, Bytes: > 0 });
        Assert.All(reports, report => Assert.InRange(report.Bytes, 0, report.TotalBytes));
    }

    [Fact]
    public async Task Open_WhenCancelled_ChangesNothing()
    {
        FaultyFiles files = new();
        await using (Open(files))
        {
        }
        int changes = files.Changes;

        Assert.Throws<OperationCanceledException>(() => CustomerDatabase.Open(Options, Schema, TimeProvider.System, files, held: null, progress: null, new CancellationToken(canceled: true)));

        Assert.Equal(changes, files.Changes);
    }

    [Fact]
    public async Task Snapshot_IsTakenAfterTheInterval_WhenThereWereWrites()
    {
        ManualTime time = new();
        using SemaphoreSlim taken = new(0);
        CustomerDatabaseOptions options = Options with { SnapshotInterval = TimeSpan.FromMinutes(10), Notify = notice => ReleaseWhenTaken(taken, notice) };
        await using CustomerDatabase database = Open(new FaultyFiles(), options, time);
        for (int i = 0; i < 50; i++)
        {
            await Upsert(database, "customer " + i, i);
        }

        Assert.True(SpinWait.SpinUntil(() =>
        {
            time.Advance(TimeSpan.FromMinutes(10));
            return database.Statistics.Snapshots.Count > 0;
        }, TimeSpan.FromSeconds(10)));
        Assert.True(await taken.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        Assert.InRange(database.Statistics.JournalBytes, 0, 1000);
    }

    [Fact]
    public async Task InMemory_KeepsReceiptsAndContacts()
    {
        await using CustomerDatabase database = CustomerDatabase.InMemory(Options.Store, Schema);
        database.Customers.Upsert(Id("anna"), [1, 0], default, new RequestKey(7));

        Assert.False(database.IsDurable);
        Assert.True(database.TryGetReceipt(new RequestKey(7), out WriteReceipt receipt));
        Assert.True(receipt.Created);
        Assert.True(database.RecordContact(Id("anna"), new ContactEvent(1, 2, 3, ContactKind.Presented), out ContactReceipt contact));
        await database.CommittedAsync(contact, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => database.SnapshotAsync(TestContext.Current.CancellationToken));
    }

    private static void ReleaseWhenTaken(SemaphoreSlim taken, StorageNotice notice)
    {
        if (notice.Kind == StorageNoticeKind.SnapshotTaken)
        {
            taken.Release();
        }
    }

    private sealed class Reports : List<RecoveryProgress>, IProgress<RecoveryProgress>
    {
        public void Report(RecoveryProgress value) => Add(value);
    }

    private static async Task<ulong> Upsert(CustomerDatabase database, string id, float amount)
    {
        ulong sequence = database.Customers.Upsert(Id(id), [amount, 0], new CustomerAttributes(1, 1)).Sequence;
        await database.CommittedAsync(sequence, TestContext.Current.CancellationToken);
        return sequence;
    }
}
