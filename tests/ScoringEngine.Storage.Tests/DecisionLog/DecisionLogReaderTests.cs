using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Storage.Snapshots;
using ScoringEngine.Storage.Tests.Databases;

namespace ScoringEngine.Storage.Tests.Decisions;

/// <summary>The log of a real folder: read when no server has it open, copied, restored and verified.</summary>
public sealed class DecisionLogReaderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("decision-log").FullName;

    private string Data => Path.Combine(_root, "data");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Open_OfAClosedDirectory_ReadsDecisionsValuesAndNames()
    {
        await FillAsync();
        using DecisionLogReader reader = DecisionLogReader.Open(Data, DatabaseFixtures.Options.Store);

        AssertContents(reader);
        Assert.Equal(["d1"], reader.Read(new DecisionQuery { CustomerId = LogRun.Id("anna") }, TestContext.Current.CancellationToken).Select(decision => decision.Id));
        Assert.Equal(new CandidateCounts(1, 1, 1, 1), reader.Counts.Read(1, 7));
    }

    [Fact]
    public async Task Open_WhileADatabaseHasIt_IsRefused()
    {
        await FillAsync();
        await using CustomerDatabase database = Open(Data);

        Assert.Equal(DataDirectoryProblem.InUse, Assert.Throws<DataDirectoryException>(() => DecisionLogReader.Open(Data, DatabaseFixtures.Options.Store)).Problem);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Backup_HasTheDecisions(bool whileOpen)
    {
        await FillAsync();
        string backup = Path.Combine(_root, "backup");
        await using (CustomerDatabase database = Open(Data))
        {
            await using DecisionLog? log = whileOpen ? DecisionLog.Open(new DecisionLogOptions(), database, TimeProvider.System) : null;
            await database.BackupAsync(backup, TestContext.Current.CancellationToken);
        }

        using DecisionLogReader reader = DecisionLogReader.Open(backup, DatabaseFixtures.Options.Store);
        AssertContents(reader);
        Assert.Empty(DataTool.Verify(backup, cancellation: TestContext.Current.CancellationToken).Damages);
    }

    [Fact]
    public async Task Restore_HasTheDecisionsWithoutWhatWasErasedSince()
    {
        await FillAsync();
        string backup = Path.Combine(_root, "backup");
        string restored = Path.Combine(_root, "restored");
        await using (CustomerDatabase database = Open(Data))
        {
            await database.BackupAsync(backup, TestContext.Current.CancellationToken);
            Assert.True(database.Customers.Delete(LogRun.Id("bert"), out _));
        }
        DataTool.Restore(backup, restored, Data, DatabaseFixtures.Options.Store, cancellation: TestContext.Current.CancellationToken);

        using (DecisionLogReader reader = DecisionLogReader.Open(restored, DatabaseFixtures.Options.Store))
        {
            Assert.Equal([false, true], reader.Read(default, TestContext.Current.CancellationToken).Select(decision => decision.IsErased));
            Assert.Equal(["bonus"], reader.Propositions.Names);
        }
        Assert.Empty(DataTool.Verify(restored, cancellation: TestContext.Current.CancellationToken).Damages);
        await using (CustomerDatabase database = Open(restored))
        {
            await using DecisionLog log = DecisionLog.Open(new DecisionLogOptions(), database, TimeProvider.System);
            Assert.True(log.TryGet("d1", out LoggedDecision? decision));
            Assert.Equal("anna", decision.Inputs!.CustomerId);
            Assert.Single(decision.Outcomes);
            ValueStatus[] statuses = new ValueStatus[1];
            log.RecordValues([new CustomerValue { CustomerId = LogRun.Id("anna"), Day = new DateOnly(2026, 1, 1), Revenue = 5, Cost = 2 }], statuses);
            Assert.Equal([ValueStatus.Repeated], statuses);
        }
    }

    [Fact]
    public async Task Verify_AndStats_CoverTheDecisions()
    {
        await FillAsync();
        DirectoryStatistics statistics = DataTool.Stats(Data);
        Assert.True(statistics.DecisionFiles > 0 && statistics.DecisionBytes > 0 && statistics.ValueFiles > 0 && statistics.ValueBytes > 0);
        Assert.Empty(DataTool.Verify(Data, cancellation: TestContext.Current.CancellationToken).Damages);

        string segment = Directory.GetFiles(Path.Combine(Data, "decisions")).Order(StringComparer.Ordinal).First();
        byte[] bytes = await File.ReadAllBytesAsync(segment, TestContext.Current.CancellationToken);
        bytes[200] ^= 4;
        await File.WriteAllBytesAsync(segment, bytes, TestContext.Current.CancellationToken);

        Assert.NotEmpty(DataTool.Verify(Data, cancellation: TestContext.Current.CancellationToken).Damages);
    }

    private static CustomerDatabase Open(string folder)
        => CustomerDatabase.Open(DatabaseFixtures.Options with { Directory = folder }, schema: null, TimeProvider.System);

    private static void AssertContents(DecisionLogReader reader)
    {
        LoggedDecision[] decisions = [.. reader.Read(default, TestContext.Current.CancellationToken)];
        Assert.Equal(["d1", "d2"], decisions.Select(decision => decision.Id));
        Assert.Equal(["anna", "bert"], decisions.Select(decision => decision.Inputs!.CustomerId));
        Assert.Equal([(uint)ContactKind.Accepted], decisions[0].Outcomes.Select(outcome => outcome.Kind));
        Assert.Equal(5, reader.ReadValues().Single().Value.Revenue);
        Assert.Equal(["bonus"], reader.Propositions.Names);
    }

    private async Task FillAsync()
    {
        await using CustomerDatabase database = CustomerDatabase.Open(DatabaseFixtures.Options with { Directory = Data }, DatabaseFixtures.Schema, TimeProvider.System);
        database.Customers.Upsert(LogRun.Id("anna"), [1, 0], new CustomerAttributes(1, 1));
        database.Customers.Upsert(LogRun.Id("bert"), [1, 0], new CustomerAttributes(1, 1));
        await using DecisionLog log = DecisionLog.Open(new DecisionLogOptions(), database, TimeProvider.System);
        log.Adopt(["bonus"], ["phone"]);
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        foreach ((string id, string customer) in ((string, string)[])[("d1", "anna"), ("d2", "bert")])
        {
            DecisionRecord record = new() { DecisionId = id, TimeUnixMs = now, SegmentId = 7, Chosen = { new ChosenRecord { Proposition = 1, MaturityDays = 30 } } };
            log.Append(record, new DecisionInputs { Row = { 1 } }, LogRun.Id(customer));
        }
        log.RecordOutcome(new DecisionOutcome { DecisionId = "d1", Slot = 1, Proposition = 1, Kind = ContactKind.Accepted, TimeUnixMs = now }, out _);
        log.RecordValues([new CustomerValue { CustomerId = LogRun.Id("anna"), Day = new DateOnly(2026, 1, 1), Revenue = 5, Cost = 2 }], new ValueStatus[1]);
    }
}
