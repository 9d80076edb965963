using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Schemas;
using ScoringEngine.Storage.Snapshots;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Storage.Tests.Databases.DatabaseFixtures;

namespace ScoringEngine.Storage.Tests.Databases;

/// <summary>Damage is refused with the file and what is affected, and repaired on demand with a report of what is lost.</summary>
public sealed class RepairTests
{
    [Fact]
    public async Task Open_WithTheNewestSnapshotDamaged_IsRefused()
    {
        FaultyFiles files = await TwoGenerationsAsync();
        string newest = Newest(files);
        Flip(files, newest, 100);

        StorageCorruptionException refusal = Assert.Throws<StorageCorruptionException>(() => Open(files));

        Assert.Equal(newest, refusal.File);
        Assert.Contains("3 customers", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(3)]
    [InlineData(-1)]
    public async Task Repair_OfTheNewestSnapshot_LosesNothing(int damagedByte)
    {
        FaultyFiles files = await TwoGenerationsAsync();
        if (damagedByte >= 0)
        {
            Flip(files, Newest(files), damagedByte);
        }
        else
        {
            files.Delete(Newest(files));
        }

        await using (CustomerDatabase repaired = Open(files, Options with { Repair = true }))
        {
            Assert.Equal(["anna", "bert", "carl", "dora"], Contents(repaired).Keys);
        }

        Assert.Contains("Nothing is lost", ReportOf(files), StringComparison.Ordinal);
        Assert.Equal(damagedByte >= 0 ? 1 : 0, files.List(Folder + "/damaged").Count);
        await using CustomerDatabase again = Open(files);
        Assert.Equal(["anna", "bert", "carl", "dora"], Contents(again).Keys);
    }

    [Fact]
    public async Task Repair_OfBothSnapshots_KeepsWhatTheJournalHas()
    {
        FaultyFiles files = await TwoGenerationsAsync();
        foreach (string name in files.List(Folder + "/snapshots"))
        {
            Flip(files, Folder + "/snapshots/" + name, 100);
        }

        await using CustomerDatabase repaired = Open(files, Options with { Repair = true });

        Assert.Equal(["carl", "dora"], Contents(repaired).Keys);
        Assert.Contains("2 customers", ReportOf(files), StringComparison.Ordinal);
        Assert.Contains("is lost", ReportOf(files), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repair_OfTheJournal_SaysWhatIsLost()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            foreach (string id in (string[])["anna", "bert", "carl"])
            {
                database.Customers.Upsert(Id(id), [1, 0], new CustomerAttributes(1, 1));
            }
        }
        string segment = Folder + "/journal/" + files.List(Folder + "/journal")[0];
        int at = files.Contents(segment).AsSpan().IndexOf("bert"u8);
        Flip(files, segment, at);
        StorageCorruptionException refusal = Assert.Throws<StorageCorruptionException>(() => Open(files));
        Assert.Equal(segment, refusal.File);

        await using (CustomerDatabase repaired = Open(files, Options with { Repair = true }))
        {
            Assert.Equal(["anna", "carl"], Contents(repaired).Keys);
            repaired.Customers.Upsert(Id("dora"), [1, 0], new CustomerAttributes(1, 1));
        }

        string report = ReportOf(files);
        Assert.Contains("is lost", report, StringComparison.Ordinal);
        Assert.Contains(refusal.Affected, report, StringComparison.Ordinal);
        Assert.Single(files.List(Folder + "/damaged"));
        await using CustomerDatabase again = Open(files);
        Assert.Equal(["anna", "carl", "dora"], Contents(again).Keys);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Repair_OfTheManifest_MakesItAnew(bool missing)
    {
        FaultyFiles files = await TwoGenerationsAsync();
        if (missing)
        {
            files.Delete(Folder + "/MANIFEST");
            DataDirectoryException refusal = Assert.Throws<DataDirectoryException>(() => Open(files));
            Assert.Equal(DataDirectoryProblem.OtherContent, refusal.Problem);
            Assert.Contains("--repair", refusal.Message, StringComparison.Ordinal);
        }
        else
        {
            Flip(files, Folder + "/MANIFEST", 20);
            Assert.Throws<StorageCorruptionException>(() => Open(files));
        }

        await using (CustomerDatabase repaired = Open(files, Options with { Repair = true }))
        {
            Assert.Equal(["anna", "bert", "carl", "dora"], Contents(repaired).Keys);
        }

        Assert.Contains("Nothing is lost", ReportOf(files), StringComparison.Ordinal);
        await using CustomerDatabase again = Open(files);
        Assert.Equal(["anna", "bert", "carl", "dora"], Contents(again).Keys);
    }

    [Fact]
    public async Task Repair_WithoutTheErasuresJournal_DoesNotBringTheErasedBack()
    {
        FaultyFiles files = await TwoGenerationsAsync();
        await using (CustomerDatabase database = Open(files))
        {
            database.Customers.Delete(Id("anna"), out _);
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
        }
        // The older snapshot has the customer; of the newest nothing can be read, nor of the erasure in the journal.
        string newest = Newest(files);
        files.Delete(newest);
        foreach (string name in files.List(Folder + "/journal"))
        {
            files.Delete(Folder + "/journal/" + name);
        }

        await using CustomerDatabase repaired = Open(files, Options with { Repair = true });

        Assert.DoesNotContain("anna", Contents(repaired).Keys);
    }

    [Fact]
    public async Task Repair_WithoutACategorysName_NeverGivesItsCodeToAnother()
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Assert.Equal(2, database.Schemas.CategoriesOf(2).GetOrAdd("gold"));
            database.Customers.Upsert(Id("anna"), [1, 2], new CustomerAttributes(1, 1));
        }
        FlipRecord(files, "gold"u8);

        await using (CustomerDatabase repaired = Open(files, Options with { Repair = true }))
        {
            Assert.Equal("1 2 consent 0 contacts ", Contents(repaired)["anna"]);
            Assert.Equal(3, repaired.Schemas.CategoriesOf(2).GetOrAdd("silver"));
            Assert.Contains("lost", repaired.Schemas.CategoriesOf(2).NameOf(2), StringComparison.Ordinal);
        }

        Assert.Contains("category names of feature id 2", ReportOf(files), StringComparison.Ordinal);
        await using CustomerDatabase again = Open(files);
        Assert.Equal(3, again.Schemas.CategoriesOf(2).CodeOf("silver"));
    }

    [Fact]
    public async Task Repair_WithoutASchemaVersion_NeverGivesItsNumberToAnother()
    {
        FeatureSchema second = With("visits");
        FeatureSchema third = With("returns");
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            database.Customers.Upsert(Id("anna"), [1, 0], new CustomerAttributes(1, 1));
            Assert.Equal(2, database.Schemas.Adopt(second));
            database.Customers.Upsert(Id("bert"), [1, 0, 7], new CustomerAttributes(1, 2));
        }
        FlipRecord(files, "visits"u8);

        await using (CustomerDatabase repaired = Open(files, Options with { Repair = true }))
        {
            Assert.Equal(3, repaired.Schemas.Adopt(third));
            Assert.Equal(["anna", "bert"], Contents(repaired).Keys);
            RowReader rows = new(repaired.Schemas.MapTo(third));
            Assert.True(repaired.Customers.Read(Id("anna"), ref rows));
            Assert.Throws<InvalidDataException>(() => repaired.Customers.Read(Id("bert"), ref rows));
        }

        Assert.Contains("schema version 2", ReportOf(files), StringComparison.Ordinal);
        await using CustomerDatabase again = Open(files);
        Assert.Equal(3, again.Schemas.VersionCount);

        static FeatureSchema With(string name) => new([.. Schema.Features, new Feature { Id = name.Length, Name = name, Kind = FeatureKind.Numeric }]);
    }

    [Fact]
    public async Task Repair_OfASoundDirectory_DoesNothing()
    {
        FaultyFiles files = await TwoGenerationsAsync();

        await using CustomerDatabase database = Open(files, Options with { Repair = true });

        Assert.DoesNotContain(files.List(Folder), name => name.StartsWith("repair-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Open_WithoutTheJournal_IsRefused()
    {
        FaultyFiles files = await TwoGenerationsAsync();
        foreach (string name in files.List(Folder + "/journal"))
        {
            files.Delete(Folder + "/journal/" + name);
        }

        Assert.Contains("/journal", Assert.Throws<StorageCorruptionException>(() => Open(files)).Message, StringComparison.Ordinal);
    }

    /// <summary>A snapshot has writes of the time in which it was written; the journal must have them too, which a verification says as well as a start.</summary>
    [Theory]
    [InlineData("journal")]
    [InlineData("contacts")]
    public async Task Open_WithAJournalThatLacksWhatTheSnapshotHas_IsRefused(string journal)
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            Upsert(database, "anna", 0);
            files.Before = (operation, path) =>
            {
                if (operation == FileOperation.Create && path.Contains("/snapshots/", StringComparison.Ordinal))
                {
                    Upsert(database, "anna", 1);
                }
            };
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            files.Before = null;
            files.CrashAfter(0);
        }
        files.Crash();
        string segment = $"{Folder}/{journal}/{files.List($"{Folder}/{journal}")[^1]}";
        files.SetContents(segment, files.Contents(segment).AsSpan(0, JournalFormat.HeaderBytes));

        Assert.Contains("the last number that a snapshot has", Assert.Throws<StorageCorruptionException>(() => Open(files)).Message, StringComparison.Ordinal);
        List<(string File, string Problem)> damages = [];
        new DirectoryCheck(DataDirectory.Open(files, Folder), progress: null, TestContext.Current.CancellationToken).Run((file, problem) => damages.Add((file, problem)));
        Assert.Equal($"{Folder}/{journal}", Assert.Single(damages).File);

        await using (CustomerDatabase repaired = Open(files, Options with { Repair = true }))
        {
            Assert.Equal("1 0 consent 0 contacts 0 1", Contents(repaired)["anna"]);
            Upsert(repaired, "anna", 2);
        }
        await using CustomerDatabase again = Open(files);
        Assert.Equal("2 0 consent 0 contacts 0 1 2", Contents(again)["anna"]);

        static void Upsert(CustomerDatabase database, string id, uint number)
        {
            database.Customers.Upsert(Id(id), [number, 0], new CustomerAttributes(1, 1));
            Assert.True(database.RecordContact(Id(id), new ContactEvent(number, 1, 1, ContactKind.Presented), out _));
        }
    }

    [Fact]
    public async Task Open_WithASnapshotOfAnotherDirectory_IsRefused()
    {
        FaultyFiles files = await TwoGenerationsAsync();
        FaultyFiles other = await TwoGenerationsAsync();
        files.SetContents(Newest(files), other.Contents(Newest(other)));

        Assert.Contains("another data directory", Assert.Throws<StorageCorruptionException>(() => Open(files)).Message, StringComparison.Ordinal);
    }

    /// <summary>A directory with two snapshots, of which the older lacks carl, and a write after both.</summary>
    private static async Task<FaultyFiles> TwoGenerationsAsync()
    {
        FaultyFiles files = new();
        await using CustomerDatabase database = Open(files);
        Upsert("anna");
        Upsert("bert");
        await database.SnapshotAsync(TestContext.Current.CancellationToken);
        Upsert("carl");
        await database.SnapshotAsync(TestContext.Current.CancellationToken);
        Upsert("dora");
        return files;

        void Upsert(string id) => database.Customers.Upsert(Id(id), [1, 0], new CustomerAttributes(1, 1));
    }

    private readonly struct RowReader(RowMapping mapping) : ICustomerReader
    {
        public void Read(in CustomerView customer) => mapping.Map(in customer, new float[mapping.Count]);
    }

    /// <summary>Damages the record of the journal that holds some bytes.</summary>
    private static void FlipRecord(FaultyFiles files, ReadOnlySpan<byte> bytes)
    {
        foreach (string segment in files.List(Folder + "/journal").Select(name => Folder + "/journal/" + name))
        {
            int at = files.Contents(segment).AsSpan().IndexOf(bytes);
            if (at > 0)
            {
                Flip(files, segment, at);
            }
        }
    }

    private static string Newest(FaultyFiles files) => Folder + "/snapshots/" + files.List(Folder + "/snapshots")[^1];

    private static string ReportOf(FaultyFiles files)
        => Encoding.UTF8.GetString(files.Contents(Folder + "/" + files.List(Folder).Single(name => name.StartsWith("repair-", StringComparison.Ordinal))));

    private static void Flip(FaultyFiles files, string path, int at)
    {
        byte[] bytes = files.Contents(path);
        bytes[at] ^= 4;
        files.SetContents(path, bytes);
    }
}
