using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Storage.Tests.Databases.DatabaseFixtures;

namespace ScoringEngine.Storage.Tests.Databases;

/// <summary>The register of erasures beside the journal: never ahead of it, and made good where it is.</summary>
public sealed class ErasureTests
{
    [Fact]
    public async Task Snapshot_WithAnErasureBesideIt_MakesItDurableBeforeTheRegisterHasIt()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files, Options with { Durability = Durability.Interval }))
        {
            Upsert(database, "anna");
            files.Before = (operation, path) =>
            {
                if (operation == FileOperation.Move && path.Contains("/snapshots/", StringComparison.Ordinal))
                {
                    database.Customers.Delete(Id("anna"), out _);
                }
            };
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            files.Before = null;
            files.CrashAfter(0);
        }
        files.Crash();

        DataDirectory directory = DataDirectory.Open(files, Folder);
        Erasure erasure = Assert.Single(directory.ReadErasures());
        await using CustomerDatabase again = Open(files);
        Assert.Empty(Contents(again));
        Assert.True(again.Statistics.Sequence >= erasure.Sequence);
    }

    [Fact]
    public async Task Backup_WithAnErasureBehindItsEnd_DoesNotHaveIt()
    {
        const string Backup = "/data/backup";
        FaultyFiles files = new();
        await using CustomerDatabase database = Open(files);
        Upsert(database, "anna");
        files.Before = (operation, path) =>
        {
            if (operation == FileOperation.Create && path.StartsWith(Backup + "/contacts/", StringComparison.Ordinal))
            {
                database.Customers.Delete(Id("anna"), out _);
            }
        };

        BackupInfo backup = await database.BackupAsync(Backup, TestContext.Current.CancellationToken);

        files.Before = null;
        Assert.Empty(Contents(database));
        Assert.DoesNotContain(DataDirectory.Open(files, Backup).ReadErasures(), erasure => erasure.Sequence > backup.Sequence);
    }

    [Fact]
    public async Task Open_WithTheRegisterAheadOfTheJournal_ErasesAgainAndGoesOnBehindIt()
    {
        const ulong Ahead = 500;
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Upsert(database, "anna");
            Upsert(database, "bert");
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
        }
        DataDirectory directory = DataDirectory.Open(files, Folder);
        ErasureRegister.Write(files, directory.Erasures, directory.Salt, [new Erasure(ErasureRegister.HashOf(Id("anna"), directory.Salt), Ahead)]);

        await using (CustomerDatabase database = Open(files))
        {
            Assert.Equal(["bert"], Contents(database).Keys);
            Assert.True(Upsert(database, "anna") > Ahead);
            Upsert(database, "carl");
            database.Customers.Delete(Id("carl"), out _);
        }

        for (int i = 0; i < 2; i++)
        {
            await using CustomerDatabase again = Open(files);
            Assert.Equal(["anna", "bert"], Contents(again).Keys);
            await again.SnapshotAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Open_WithTheRegisterFarAheadOfTheJournal_IsRefused()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Upsert(database, "anna");
        }
        DataDirectory directory = DataDirectory.Open(files, Folder);
        ErasureRegister.Write(files, directory.Erasures, directory.Salt, [new Erasure(1, 1UL << 40)]);

        Assert.Contains("register", Assert.Throws<StorageCorruptionException>(() => Open(files)).Message, StringComparison.Ordinal);
        await using CustomerDatabase repaired = Open(files, Options with { Repair = true });
        Assert.True(Upsert(repaired, "bert") > 1UL << 40);
    }

    private static ulong Upsert(CustomerDatabase database, string id) => database.Customers.Upsert(Id(id), [1, 0], new CustomerAttributes(1, 1)).Sequence;
}
