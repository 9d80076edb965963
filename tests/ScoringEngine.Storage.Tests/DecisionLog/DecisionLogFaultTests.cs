using ScoringEngine.Core.Decisions;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Databases;
using ScoringEngine.Storage.Tests.Files;

namespace ScoringEngine.Storage.Tests.Decisions;

public sealed class DecisionLogFaultTests
{
    [Theory]
    [InlineData(FileOperation.Write, false)]
    [InlineData(FileOperation.Write, true)]
    [InlineData(FileOperation.Flush, false)]
    public async Task Append_WhenTheJournalFails_ThrowsUntilItWorksAgain(FileOperation operation, bool outOfSpace)
    {
        FaultyFiles files = new();
        await using (LogRun run = LogRun.Open(files))
        {
            await run.Log.CommittedAsync(run.Decide("d1", "anna", "", "", 1), TestContext.Current.CancellationToken);
            files.Fail(operation, count: int.MaxValue, outOfSpace: outOfSpace, path: "/decisions/");
            DecisionReceipt pending = run.Decide("d2", "anna", "", "", 1);
            JournalUnavailableException refusal = await Assert.ThrowsAsync<JournalUnavailableException>(() => run.Log.CommittedAsync(pending, TestContext.Current.CancellationToken).AsTask());
            Assert.Equal(outOfSpace ? JournalUnavailableReason.OutOfSpace : JournalUnavailableReason.InputOutput, refusal.Reason);
            Assert.Throws<JournalUnavailableException>(() => run.Decide("d3", "anna", "", "", 1));
            Assert.Throws<JournalUnavailableException>(() => run.Tell("d1", ContactKind.Presented));
            Assert.NotNull(run.Log.Fault);
            // What was refused holds no budget.
            Assert.Equal((20, 2), run.Used(1));
            Assert.True(run.Log.TryGet("d1", out _));

            files.Heal();
            Assert.True(SpinWait.SpinUntil(() =>
            {
                run.Time.Advance(TimeSpan.FromSeconds(1));
                return run.Log.Fault is null;
            }, TimeSpan.FromSeconds(10)));
            await run.Log.CommittedAsync(run.Decide("d3", "anna", "", "", 1), TestContext.Current.CancellationToken);
            Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Presented));
            await run.Log.CommittedAsync(run.Decide("d4", "anna", "", "", 1), TestContext.Current.CancellationToken);
            files.CrashAfter(0);
        }
        files.Crash();

        await using LogRun again = LogRun.Open(files);

        foreach (string id in (string[])["d1", "d2", "d3", "d4"])
        {
            Assert.True(again.Log.Contains(id));
        }
        Assert.Equal(OutcomeStatus.Repeated, again.Tell("d1", ContactKind.Presented));
    }

    [Fact]
    public async Task RecordOutcome_WhenTheContactsFail_IsCompletedWhenItIsToldAgain()
    {
        FaultyFiles files = new();
        await using LogRun run = LogRun.Open(files);
        run.Decide("d1", "anna", "", "", 1);
        await run.Log.CommittedAsync(run.Decide("d2", "anna", "", "", 1), TestContext.Current.CancellationToken);
        files.Fail(FileOperation.Write, count: int.MaxValue, path: "/contacts/");
        Assert.True(run.Database.RecordContact(LogRun.Id("bert"), new ContactEvent(1, 1, 1, ContactKind.Presented), out ContactReceipt receipt));
        await Assert.ThrowsAnyAsync<IOException>(() => run.Database.CommittedAsync(receipt, TestContext.Current.CancellationToken).AsTask());

        Assert.ThrowsAny<IOException>(() => run.Tell("d1", ContactKind.Presented));
        Assert.Equal("", run.ContactsOf("anna"));
        files.Heal();
        Assert.True(SpinWait.SpinUntil(() =>
        {
            run.Time.Advance(TimeSpan.FromSeconds(1));
            return run.Database.Statistics.JournalFault is null;
        }, TimeSpan.FromSeconds(10)));

        Assert.Equal(OutcomeStatus.Repeated, run.Tell("d1", ContactKind.Presented));
        Assert.Equal("Presented:1@0", run.ContactsOf("anna"));
        Assert.Equal(OutcomeStatus.Repeated, run.Tell("d1", ContactKind.Presented));
        Assert.Equal("Presented:1@0", run.ContactsOf("anna"));
    }

    [Theory]
    [InlineData(FileOperation.Create)]
    [InlineData(FileOperation.Write)]
    [InlineData(FileOperation.Flush)]
    [InlineData(FileOperation.Read)]
    [InlineData(FileOperation.Move)]
    [InlineData(FileOperation.FlushDirectory)]
    public async Task Snapshot_WhenAFileFails_IsReportedAndHarmsNothing(FileOperation operation)
    {
        FaultyFiles files = new();
        string[] ids = ["d1", "d2"];
        string expected;
        await using (LogRun run = LogRun.Open(files))
        {
            run.Decide("d1", "anna", "", "", 1);
            await run.Log.CommittedAsync(run.Decide("d2", "anna", "", "", 1), TestContext.Current.CancellationToken);
            files.Fail(operation, path: "/decision-states");
            Assert.ThrowsAny<IOException>(() => run.Log.Snapshot(TestContext.Current.CancellationToken));
            Assert.NotNull(run.Log.Statistics.SnapshotFault);
            expected = run.State(ids);
            files.CrashAfter(0);
        }
        files.Crash(new Random(1));

        await using LogRun again = LogRun.Open(files);

        Assert.Equal(expected, again.State(ids));
        again.Log.Snapshot(TestContext.Current.CancellationToken);
        Assert.Null(again.Log.Statistics.SnapshotFault);
    }

    [Fact]
    public async Task Tick_WhenManyBytesWereWritten_TakesASnapshot()
    {
        FaultyFiles files = new();
        await using LogRun run = LogRun.Open(files, options: new DecisionLogOptions { SnapshotJournalBytes = 64 << 10 });
        int states = files.List(DatabaseFixtures.Folder + "/decision-states").Count;
        for (int i = 0; i < 600; i++)
        {
            run.Decide($"d{i}", "anna", "", "", 1);
        }
        Assert.True(run.Log.Statistics.JournalBytes > 64 << 10);
        run.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(SpinWait.SpinUntil(() => run.Log.Statistics.JournalBytes < 64 << 10, TimeSpan.FromSeconds(10)));
        Assert.True(files.List(DatabaseFixtures.Folder + "/decision-states").Count > states);
    }
}
