using ScoringEngine.Core.Decisions;
using ScoringEngine.Storage.Snapshots;
using static ScoringEngine.Storage.Tests.Databases.DatabaseFixtures;

namespace ScoringEngine.Storage.Tests.Databases;

/// <summary>On the disk: the lock, erasure from every byte of every file, backups.</summary>
public sealed class DataToolTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("scoring-engine-tests-");

    private string Data => Path.Combine(_folder.FullName, "data");

    private string Backup => Path.Combine(_folder.FullName, "backup");

    private string Restored => Path.Combine(_folder.FullName, "restored");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Open_OfADirectoryInUse_NamesTheProcess()
    {
        await using CustomerDatabase database = OpenDisk(Data);

        DataDirectoryException refusal = Assert.Throws<DataDirectoryException>(() => OpenDisk(Data));

        Assert.Equal(DataDirectoryProblem.InUse, refusal.Problem);
        Assert.Contains($"process {Environment.ProcessId}", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(Environment.ProcessId, DataTool.Stats(Data).InUseBy);
        Assert.Equal(DataDirectoryProblem.InUse, Assert.Throws<DataDirectoryException>(() => DataTool.Verify(Data)).Problem);
    }

    [Fact]
    public void Open_OfAFolderWithOtherThings_IsRefusedAndLeavesItAlone()
    {
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, "letter.txt"), "x");

        DataDirectoryException refusal = Assert.Throws<DataDirectoryException>(() => OpenDisk(Data));

        Assert.Equal(DataDirectoryProblem.OtherContent, refusal.Problem);
        Assert.Contains("letter.txt", refusal.Message, StringComparison.Ordinal);
        Assert.Single(Directory.EnumerateFileSystemEntries(Data));
    }

    [Fact]
    public void Open_WhereNothingCanBeWritten_SaysSo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is Linux's");

        DataDirectoryException refusal = Assert.Throws<DataDirectoryException>(() => OpenDisk("/proc/scoring-engine"));

        Assert.Equal(DataDirectoryProblem.NotWritable, refusal.Problem);
    }

    [Fact]
    public async Task Compact_AfterErasure_LeavesNoByteOfTheCustomer()
    {
        byte[] id = Id("erased-5b1f7e");
        float[] features = [1234.5678f, 0];
        byte[] features4 = BitConverter.GetBytes(features[0]);
        await using CustomerDatabase database = OpenDisk(Data);
        for (int i = 0; i < 100; i++)
        {
            database.Customers.Upsert(Id("customer " + i), [i, 0], new CustomerAttributes(1, 1));
        }
        database.Customers.Upsert(id, features, new CustomerAttributes(1, 1));
        Assert.True(database.RecordContact(id, new ContactEvent(1, 2, 3, ContactKind.Presented), out _));
        await database.SnapshotAsync(TestContext.Current.CancellationToken);
        Assert.NotEmpty(FilesWith(id));
        Assert.True(database.Customers.Delete(id, out ulong sequence));
        await database.CommittedAsync(sequence, TestContext.Current.CancellationToken);

        await database.CompactAsync(TestContext.Current.CancellationToken);

        Assert.Empty(FilesWith(id));
        Assert.Empty(FilesWith(features4));
        Assert.Equal(100, database.Customers.Count);

        string[] FilesWith(byte[] bytes) => [.. Directory.EnumerateFiles(Data, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith("LOCK", StringComparison.Ordinal) && ReadShared(f).AsSpan().IndexOf(bytes) >= 0)];
    }

    [Fact]
    public async Task Backup_OfARunningDatabase_IsADirectoryOfItsOwn()
    {
        await using CustomerDatabase database = OpenDisk(Data);
        database.Customers.Upsert(Id("anna"), [1, 0], new CustomerAttributes(1, 1));
        await database.SnapshotAsync(TestContext.Current.CancellationToken);
        database.Customers.Upsert(Id("bert"), [2, 0], new CustomerAttributes(1, 1));
        Assert.True(database.RecordContact(Id("bert"), new ContactEvent(5, 2, 3, ContactKind.Presented), out _));

        BackupInfo backup = await database.BackupAsync(Backup, TestContext.Current.CancellationToken);

        Assert.Equal(2, backup.Customers);
        database.Customers.Upsert(Id("carl"), [3, 0], new CustomerAttributes(1, 1));
        Assert.Empty(DataTool.Verify(Backup, cancellation: TestContext.Current.CancellationToken).Damages);
        await using CustomerDatabase copy = OpenDisk(Backup);
        Assert.Equal([new("anna", "1 0 consent 0 contacts "), new("bert", "2 0 consent 0 contacts 5")], Contents(copy));
    }

    [Fact]
    public async Task Restore_OfAnOlderBackup_DoesNotBringTheErasedBack()
    {
        await using (CustomerDatabase database = OpenDisk(Data))
        {
            foreach (string id in (string[])["anna", "bert", "carl", "dora"])
            {
                database.Customers.Upsert(Id(id), [1, 0], new CustomerAttributes(1, 1));
            }
            await database.BackupAsync(Backup, TestContext.Current.CancellationToken);
            database.Customers.Delete(Id("anna"), out _);
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            database.Customers.Delete(Id("bert"), out _); // Only the journal knows.
            database.Customers.Delete(Id("carl"), out _);
            database.Customers.Upsert(Id("carl"), [2, 0], new CustomerAttributes(1, 1));
        }

        RestoreInfo restored = DataTool.Restore(Backup, Restored, erasuresFrom: Data, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(new RestoreInfo(1, 3, restored.Warnings), restored);
        Assert.Empty(restored.Warnings);
        await using (CustomerDatabase database = OpenDisk(Restored))
        {
            Assert.Equal(["dora"], Contents(database).Keys);
            database.Customers.Upsert(Id("anna"), [5, 0], new CustomerAttributes(1, 1));
        }
        await using (CustomerDatabase database = OpenDisk(Restored))
        {
            Assert.Equal(["anna", "dora"], Contents(database).Keys);
        }
        // The next restore knows of the erasures as well, and that the customer came back.
        DataTool.Restore(Backup, Restored + "2", erasuresFrom: Restored, cancellation: TestContext.Current.CancellationToken);
        await using CustomerDatabase second = OpenDisk(Restored + "2");
        Assert.Equal(["dora"], Contents(second).Keys);
    }

    [Theory]
    [InlineData("MANIFEST", false, "dora")]
    [InlineData("MANIFEST", true, "dora")]
    [InlineData("erasures", false, "anna dora")]
    [InlineData("erasures", true, "anna dora")]
    [InlineData("journal", false, "bert dora")]
    [InlineData("journal", true, "bert dora")]
    public async Task Restore_WithDamagedErasures_TakesWhatIsLeftAndWarns(string damaged, bool missing, string customers)
    {
        await using (CustomerDatabase database = OpenDisk(Data))
        {
            foreach (string id in (string[])["anna", "bert", "dora"])
            {
                database.Customers.Upsert(Id(id), [1, 0], new CustomerAttributes(1, 1));
            }
            await database.BackupAsync(Backup, TestContext.Current.CancellationToken);
            database.Customers.Delete(Id("anna"), out _);
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            database.Customers.Delete(Id("bert"), out _); // Only the journal knows.
        }
        string file = Path.Combine(Data, damaged);
        foreach (string path in File.Exists(file) ? [file] : Directory.GetFiles(file))
        {
            if (missing)
            {
                File.Delete(path);
            }
            else if ((damaged == "journal" ? File.ReadAllBytes(path).AsSpan().IndexOf("bert"u8) : 20) is > 0 and int at)
            {
                Flip(path, at);
            }
        }

        RestoreInfo restored = DataTool.Restore(Backup, Restored, erasuresFrom: Data, cancellation: TestContext.Current.CancellationToken);

        Assert.Contains(damaged, restored.Warnings[0], StringComparison.Ordinal);
        await using CustomerDatabase database2 = OpenDisk(Restored);
        Assert.Equal(customers.Split(' '), Contents(database2).Keys);
    }

    [Fact]
    public async Task Restore_WithErasuresOfOthers_IsRefused()
    {
        await using (CustomerDatabase database = OpenDisk(Data))
        {
            await database.BackupAsync(Backup, TestContext.Current.CancellationToken);
        }
        await using (OpenDisk(Restored))
        {
        }

        Assert.Throws<InvalidDataException>(() => DataTool.Restore(Backup, Restored + "2", erasuresFrom: Restored));
        Assert.Equal(DataDirectoryProblem.OtherContent, Assert.Throws<DataDirectoryException>(() => DataTool.Restore(Backup, Restored)).Problem);
    }

    [Fact]
    public async Task Verify_NamesEachDamagedFile()
    {
        await using (CustomerDatabase database = OpenDisk(Data))
        {
            database.Customers.Upsert(Id("anna"), [1, 0], new CustomerAttributes(1, 1));
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            database.Customers.Upsert(Id("bert"), [1, 0], new CustomerAttributes(1, 1));
        }
        Assert.Empty(DataTool.Verify(Data, cancellation: TestContext.Current.CancellationToken).Damages);
        Assert.True(DataTool.Stats(Data).ClosedInOrder);
        string snapshot = Directory.GetFiles(Path.Combine(Data, "snapshots"))[0];
        string segment = Directory.GetFiles(Path.Combine(Data, "journal")).Order(StringComparer.Ordinal).Last(f => File.ReadAllBytes(f).AsSpan().IndexOf("bert"u8) > 0);
        Flip(snapshot, 200);
        Flip(segment, File.ReadAllBytes(segment).AsSpan().IndexOf("bert"u8));

        VerificationReport report = DataTool.Verify(Data, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal([snapshot, segment], report.Damages.Select(d => d.File));
    }

    private static CustomerDatabase OpenDisk(string path) => CustomerDatabase.Open(Options with { Directory = path }, Schema, TimeProvider.System);

    private static byte[] ReadShared(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static void Flip(string path, int at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
