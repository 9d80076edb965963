using ScoringEngine.Core.Decisions;
using ScoringEngine.Storage.Tests.Databases;
using ScoringEngine.Storage.Tests.Files;

namespace ScoringEngine.Storage.Tests.Decisions;

public sealed class DecisionLogErasureTests
{
    private const string Id = "customer-4711-of-whom-nothing-stays";

    [Fact]
    public async Task Delete_ErasesWhatDecisionsDependedOnAndKeepsWhatTheyAddUpTo()
    {
        FaultyFiles files = new();
        await using (LogRun run = LogRun.Open(files))
        {
            run.Database.Customers.Upsert(LogRun.Id(Id), [1, 0], new CustomerAttributes(1, 1));
            run.Decide("d1", Id, "chat-of-" + Id, "household-of-" + Id, 1);
            run.Decide("night/" + Id, Id, "", "", 2);
            Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Accepted));
            Assert.Equal(OutcomeStatus.Recorded, run.Tell("night/" + Id, ContactKind.Presented, proposition: 2));
            run.Log.RecordValues([new CustomerValue { CustomerId = LogRun.Id(Id), Day = new DateOnly(2026, 1, 1), Revenue = 5, Cost = 2, Key = "bill of " + Id }], new ValueStatus[1]);
            Assert.True(run.Log.TryGet("night/" + Id, out LoggedDecision? decision));
            Assert.Equal(("night/" + Id, "night/" + Id), (decision.Id, decision.Inputs!.DecisionId));
            await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);

            Assert.True(run.Database.Customers.Delete(LogRun.Id(Id), out ulong sequence));
            await run.Database.CommittedAsync(sequence, TestContext.Current.CancellationToken);
            Assert.True(run.Log.TryGet("d1", out decision));
            Assert.True(decision.IsErased);
            // Nobody's contacts follow an outcome that still comes.
            Assert.Equal(OutcomeStatus.Recorded, run.Tell("night/" + Id, ContactKind.Declined, proposition: 2));

            // A new customer of the same id is another one.
            run.Database.Customers.Upsert(LogRun.Id(Id), [2, 0], new CustomerAttributes(1, 1));
            Assert.Empty(run.Log.Read(new DecisionQuery { CustomerId = LogRun.Id(Id) }, TestContext.Current.CancellationToken));
            run.Decide("d2", Id, "", "", 3);
            Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Complained));
            Assert.Equal("", run.ContactsOf(Id));
            Assert.True(run.Database.Customers.Delete(LogRun.Id(Id), out _));
            await run.Database.CompactAsync(TestContext.Current.CancellationToken);
            AssertGone(files);
        }
        AssertGone(files);

        await using LogRun again = LogRun.Open(files);

        Assert.True(again.Log.TryGet("d1", out LoggedDecision? erased));
        Assert.True(erased.IsErased);
        Assert.True(again.Log.TryGet("night/" + Id, out erased));
        Assert.Equal(32, erased.Id.Length);
        Assert.All(again.Log.Read(default, TestContext.Current.CancellationToken), decision => Assert.True(decision.IsErased));
        Assert.Equal((10, 1), again.Used(1));
        Assert.Equal((1, 1), again.Counted(1));
        Assert.Equal(5, again.Log.ReadValues().Single().Value.Revenue);
    }

    [Fact]
    public async Task Delete_WhileDecisionsAreMade_LeavesNobodyKnown()
    {
        FaultyFiles files = new();
        await using LogRun run = LogRun.Open(files);
        Parallel.For(0, 64, i =>
        {
            string id = $"{Id}-{i % 8}";
            run.Database.Customers.Upsert(LogRun.Id(id), [1, 0], new CustomerAttributes(1, 1));
            run.Decide($"d{i}", id, "", "", 1);
            run.Database.Customers.Delete(LogRun.Id(id), out _);
        });

        for (int i = 0; i < 64; i++)
        {
            Assert.True(run.Log.TryGet($"d{i}", out LoggedDecision? decision));
            Assert.True(decision.IsErased);
        }
    }

    private static void AssertGone(FaultyFiles files)
    {
        byte[] id = LogRun.Id(Id);
        foreach (string folder in (string[])["", "/journal", "/contacts", "/snapshots", "/decisions", "/values", "/decision-states"])
        {
            foreach (string name in files.List(DatabaseFixtures.Folder + folder))
            {
                Assert.True(files.Contents($"{DatabaseFixtures.Folder}{folder}/{name}").AsSpan().IndexOf(id) < 0, $"{folder}/{name} still has the id");
            }
        }
    }
}
