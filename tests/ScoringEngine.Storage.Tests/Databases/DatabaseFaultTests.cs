using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;
using ScoringEngine.Storage.Tests.Journals;
using static ScoringEngine.Storage.Tests.Databases.DatabaseFixtures;

namespace ScoringEngine.Storage.Tests.Databases;

/// <summary>Each operation on each kind of file fails once: nothing acknowledged is lost, reads go on, and service resumes.</summary>
public sealed class DatabaseFaultTests
{
    public static TheoryData<FileOperationCase> SnapshotSites => [.. Sites("snapshots", 3), .. Sites("MANIFEST", 1), .. Sites("erasures", 1)];

    [Theory]
    [InlineData(false, false, JournalUnavailableReason.InputOutput)]
    [InlineData(false, true, JournalUnavailableReason.OutOfSpace)]
    [InlineData(true, false, JournalUnavailableReason.InputOutput)]
    public async Task Write_WhenTheJournalFails_ThrowsUntilItWorksAgain(bool flush, bool outOfSpace, JournalUnavailableReason reason)
    {
        FaultyFiles files = new();
        ManualTime time = new();
        List<StorageNoticeKind> notices = [];
        await using (CustomerDatabase database = Open(files, Options with { Notify = notice => notices.Add(notice.Kind) }, time))
        {
            await CommitAsync(database, "anna", 1);
            files.Fail(flush ? FileOperation.Flush : FileOperation.Write, count: int.MaxValue, outOfSpace: outOfSpace, path: "/journal/");
            ulong pending = database.Customers.Upsert(Id("bert"), [2, 0], default).Sequence;
            JournalUnavailableException refusal = await Assert.ThrowsAsync<JournalUnavailableException>(() => database.CommittedAsync(pending, TestContext.Current.CancellationToken).AsTask());
            Assert.Equal(reason, refusal.Reason);
            Assert.Throws<JournalUnavailableException>(() => database.Customers.Upsert(Id("carl"), [3, 0], default));
            Assert.Throws<JournalUnavailableException>(() => database.Customers.Delete(Id("anna"), out _));
            Assert.NotNull(database.Statistics.JournalFault);
            Assert.Equal(["anna", "bert"], Contents(database).Keys);
            await Assert.ThrowsAsync<JournalUnavailableException>(() => database.SnapshotAsync(TestContext.Current.CancellationToken));

            time.Advance(TimeSpan.FromSeconds(1));
            files.Heal();
            Assert.True(SpinWait.SpinUntil(() =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return database.Statistics.JournalFault is null;
            }, TimeSpan.FromSeconds(10)));
            await CommitAsync(database, "carl", 3);
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.Contains(StorageNoticeKind.JournalFailed, notices);
            Assert.Equal(StorageNoticeKind.JournalResumed, notices[^1]);
            files.CrashAfter(0);
        }
        files.Crash();

        await using CustomerDatabase again = Open(files);

        Assert.Equal(["anna", "bert", "carl"], Contents(again).Keys);
    }

    [Theory]
    [MemberData(nameof(SnapshotSites))]
    public async Task Snapshot_WhenAFileFails_IsReportedAndHarmsNothing(FileOperationCase site)
    {
        FaultyFiles files = new();
        await using (CustomerDatabase database = Open(files))
        {
            await CommitAsync(database, "anna", 1);
            await CommitAsync(database, "gone", 1);
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            await CommitAsync(database, "bert", 2);
            database.Customers.Delete(Id("gone"), out _);
            files.Fail(site.Operation, site.Nth, path: site.Path);
            Exception? fault = await Record.ExceptionAsync(() => database.SnapshotAsync(TestContext.Current.CancellationToken));
            if (fault is not null)
            {
                Assert.IsType<IOException>(fault, exactMatch: false);
                Assert.Equal(fault, database.Statistics.SnapshotFault);
            }
            await CommitAsync(database, "carl", 3);
            files.CrashAfter(0);
        }
        files.Crash();

        await using (CustomerDatabase again = Open(files))
        {
            Assert.Equal(["anna", "bert", "carl"], Contents(again).Keys);
            await again.SnapshotAsync(TestContext.Current.CancellationToken);
            await again.SnapshotAsync(TestContext.Current.CancellationToken);
            Assert.Null(again.Statistics.SnapshotFault);
        }
        Assert.Equal(2, files.List(Folder + "/snapshots").Count);
        await using CustomerDatabase last = Open(files);
        Assert.Equal(["anna", "bert", "carl"], Contents(last).Keys);
    }

    [Fact]
    public async Task Write_ThatTheJournalHasAndTheStoreCannotMake_StopsWritesReceiptsAndSnapshotsUntilARestart()
    {
        FaultyFiles files = new();
        FailingLogDevice? device = null;
        RequestKey before = new(1);
        await using (CustomerDatabase database = Open(files, Options with { CreateDevice = directory => device = new FailingLogDevice(directory) }))
        {
            Assert.True(database.Customers.Upsert(Id("customer 0"), [0, 0], new CustomerAttributes(1, 1), before).Created);
            for (int i = 1; i < 30_000; i++)
            {
                database.Customers.Upsert(Id("customer " + i), [i, 0], new CustomerAttributes(1, 1));
            }
            await database.SnapshotAsync(TestContext.Current.CancellationToken);
            device!.FailReads = true;
            Assert.Throws<IOException>(() => database.Customers.Upsert(Id("customer 1"), [-1, 0], new CustomerAttributes(1, 1)));
            device.FailReads = false;

            Assert.NotNull(database.Statistics.StoreFault);
            Assert.Throws<IOException>(() => database.Customers.Upsert(Id("anna"), [1, 0], default));
            Assert.Throws<IOException>(() => database.Customers.Delete(Id("customer 2"), out _));
            Assert.Throws<IOException>(() => { database.TryGetReceipt(before, out _); });
            await Assert.ThrowsAsync<IOException>(() => database.SnapshotAsync(TestContext.Current.CancellationToken));
            KeepReader reader = default;
            Assert.True(database.Customers.Read(Id("customer 1"), ref reader));
            Assert.Equal([1, 0], reader.Features!);
        }

        await using CustomerDatabase again = Open(files);

        KeepReader replayed = default;
        Assert.True(again.Customers.Read(Id("customer 1"), ref replayed));
        Assert.Equal([-1, 0], replayed.Features!);
        Assert.True(again.TryGetReceipt(before, out _));
        Assert.Null(again.Statistics.StoreFault);
        await again.SnapshotAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Write_WhenTheLiveStoreCannotSpill_IsRefusedUntilTheDiskTakesItAgain()
    {
        FailingLogDevice? device = null;
        ManualTime time = new();
        List<StorageNoticeKind> notices = [];
        CustomerDatabaseOptions options = Options with { CreateDevice = directory => device = new FailingLogDevice(directory), Notify = notice => notices.Add(notice.Kind) };
        await using CustomerDatabase database = Open(new FaultyFiles(), options, time);
        device!.FailWrites = true;
        int stored = 0;
        Assert.Throws<IOException>(() =>
        {
            for (; stored < 100_000; stored++)
            {
                database.Customers.Upsert(Id("customer " + stored), [stored, 0], new CustomerAttributes(1, 1));
            }
        });
        Assert.NotNull(database.Statistics.StoreFault);
        Assert.Null(database.Statistics.JournalFault);
        time.Advance(TimeSpan.FromSeconds(1));

        device.FailWrites = false;
        Assert.True(SpinWait.SpinUntil(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return database.Statistics.StoreFault is null;
        }, TimeSpan.FromSeconds(10)));
        time.Advance(TimeSpan.FromSeconds(1));

        await CommitAsync(database, "anna", 1);
        Assert.Equal(stored + 1, Contents(database).Count);
        Assert.Equal([StorageNoticeKind.StoreFailed, StorageNoticeKind.StoreResumed], notices);
    }

    [Fact]
    public async Task Snapshot_WithoutRoomBesideTheJournal_IsNotBegun()
    {
        FaultyFiles files = new();
        await using CustomerDatabase database = Open(files);
        for (int i = 0; i < 1000; i++)
        {
            database.Customers.Upsert(Id("customer " + i), [i, 0], new CustomerAttributes(1, 1));
        }
        await CommitAsync(database, "anna", 1);
        files.FreeBytes = (2 * Options.JournalSegmentBytes) + 20_000;

        IOException refusal = await Assert.ThrowsAsync<IOException>(() => database.SnapshotAsync(TestContext.Current.CancellationToken));

        Assert.Contains("free space", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(files.List(Folder + "/snapshots"));
        Assert.Equal(refusal, database.Statistics.SnapshotFault);
        await CommitAsync(database, "bert", 2);
        files.FreeBytes = 1 << 20;
        await database.SnapshotAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Churn_WithLittleSpace_NeverRunsOutOfIt()
    {
        FaultyFiles files = new();
        ManualTime time = new();
        int snapshots = 0;
        int failures = 0;
        CustomerDatabaseOptions options = Options with
        {
            SnapshotJournalBytes = 64 << 10,
            Notify = notice => Interlocked.Increment(ref notice.Kind == StorageNoticeKind.SnapshotTaken ? ref snapshots : ref failures),
        };
        await using CustomerDatabase database = Open(files, options, time);
        files.FreeBytes = 1 << 20;
        for (int round = 0; round < 40; round++)
        {
            ulong sequence = 0;
            for (int i = 0; i < 2000; i++)
            {
                sequence = database.Customers.Upsert(Id("customer " + (i % 50)), [i, 0], new CustomerAttributes(1, 1)).Sequence;
            }
            await database.CommittedAsync(sequence, TestContext.Current.CancellationToken);
            int before = Volatile.Read(ref snapshots);
            Assert.True(SpinWait.SpinUntil(() =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return Volatile.Read(ref snapshots) > before || Volatile.Read(ref failures) > 0;
            }, TimeSpan.FromSeconds(10)));
            Assert.Equal(0, failures);
        }
        Assert.Equal(2, database.Statistics.Snapshots.Count);
    }

    private static IEnumerable<FileOperationCase> Sites(string path, int times) =>
        from operation in (FileOperation[])[FileOperation.Create, FileOperation.Open, FileOperation.Read, FileOperation.Write, FileOperation.Flush, FileOperation.Move, FileOperation.Delete, FileOperation.FlushDirectory]
        from nth in Enumerable.Range(1, times)
        select new FileOperationCase(operation, path, nth);

    private static async Task CommitAsync(CustomerDatabase database, string id, float amount)
        => await database.CommittedAsync(database.Customers.Upsert(Id(id), [amount, 0], new CustomerAttributes(1, 1)).Sequence, TestContext.Current.CancellationToken);

    /// <summary>A place where a snapshot may fail.</summary>
    public sealed record FileOperationCase
    {
        internal FileOperationCase(FileOperation operation, string path, int nth) => (Operation, Path, Nth) = (operation, path, nth);

        internal FileOperation Operation { get; }

        internal string Path { get; }

        internal int Nth { get; }

        /// <inheritdoc/>
        public override string ToString() => $"{Operation} {Nth} of {Path}";
    }
}
