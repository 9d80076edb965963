using ScoringEngine.Core.Decisions;
using ScoringEngine.Storage.Snapshots;
using ScoringEngine.Storage.Tests.Databases;
using ScoringEngine.Storage.Tests.Files;
using ScoringEngine.Storage.Tests.Journals;

namespace ScoringEngine.Storage.Tests.Decisions;

/// <summary>Restarts and crashes against a twin in memory that does the same.</summary>
public sealed class DecisionLogRecoveryTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Open_AfterRandomCrashes_IsWhatATwinInMemoryIs(int part)
    {
        for (int seed = 8 * part; seed < 8 * (part + 1); seed++)
        {
            try
            {
                await new CrashRun(seed).RunAsync();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    [Fact]
    public async Task Open_IdThatWasForgottenAndUsedAgain_HasTheLaterDecision()
    {
        FaultyFiles files = new();
        ManualTime time = new();
        (double, double) used;
        (long, long) counted;
        await using (LogRun run = LogRun.Open(files, time))
        {
            run.Decide("d", "anna", "", "", 1);
            Assert.Equal(OutcomeStatus.Recorded, run.Tell("d", ContactKind.Presented));
            time.Advance(TimeSpan.FromDays(LogRun.MaturityDays) + TimeSpan.FromDays(30));
            Assert.Equal(OutcomeStatus.UnknownDecision, run.Tell("d", ContactKind.Accepted));
            await run.Log.CommittedAsync(run.Decide("d", "anna", "", "", 2), TestContext.Current.CancellationToken);
            (used, counted) = (run.Used(1), run.Counted(1));
            files.CrashAfter(0);
        }
        files.Crash();

        await using LogRun again = LogRun.Open(files, time);

        Assert.Equal((used, counted), (again.Used(1), again.Counted(1)));
        Assert.Equal(OutcomeStatus.NotOffered, again.Tell("d", ContactKind.Presented));
        Assert.Equal(OutcomeStatus.Recorded, again.Tell("d", ContactKind.Presented, proposition: 2));
    }

    [Fact]
    public async Task Open_AfterASnapshot_ReadsOnlyWhatCameLater()
    {
        FaultyFiles files = new();
        await using (LogRun run = LogRun.Open(files))
        {
            run.Decide("d1", "anna", "chat", "home", 1);
            run.Tell("d1", ContactKind.Declined);
            await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);
            await run.Log.CommittedAsync(run.Decide("d2", "anna", "", "", 2), TestContext.Current.CancellationToken);
            files.CrashAfter(0);
        }
        files.Crash();

        await using LogRun again = LogRun.Open(files);

        Assert.True(again.Log.TryGet("d1", out LoggedDecision? first));
        Assert.Equal("anna", first.Inputs!.CustomerId);
        Assert.Equal([(ushort)1], again.Log.DeclinedIn(LogRun.Id("anna"), "chat"));
        Assert.Equal(OutcomeStatus.Recorded, again.Tell("d2", ContactKind.Accepted, proposition: 2));
        Assert.Equal("Presented:1@0 Declined:1@0 Presented:2@0 Accepted:2@0", Contacts(again));

        // d1 was of a household, so its contacts stand there.
        static string Contacts(LogRun run) => LogRun.Describe(run.Log.HouseholdContacts(LogRun.Id("home")), run.Now) + " " + run.ContactsOf("anna");
    }

    [Fact]
    public async Task Open_WithAnyFlippedBit_RefusesOrHasTheSameState()
    {
        FaultyFiles files = new();
        string expected;
        string[] ids = ["d1", "d2", "d3"];
        await using (LogRun run = LogRun.Open(files))
        {
            run.Decide("d1", "anna", "chat", "home", 1);
            run.Tell("d1", ContactKind.Declined);
            run.Log.RecordValues([new CustomerValue { CustomerId = LogRun.Id("anna"), Day = new DateOnly(2026, 1, 1), Revenue = 1, Cost = 1 }], new ValueStatus[1]);
            await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);
            await run.Log.CommittedAsync(run.Decide("d2", "bert", "", "", 2), TestContext.Current.CancellationToken);
            await run.Log.CommittedAsync(run.Decide("d3", "bert", "", "", 3), TestContext.Current.CancellationToken);
            expected = run.State(ids);
        }
        Random random = new(5);
        foreach (string path in FilesOf(files))
        {
            byte[] bytes = files.Contents(path);
            // The mark at the end of a journal proves what is before it, and nothing proves the mark.
            int end = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1 - (path.EndsWith(".journal", StringComparison.Ordinal) ? 20 : 0);
            for (int i = 0; i < 40; i++)
            {
                byte[] flipped = [.. bytes];
                flipped[random.Next(end)] ^= (byte)(1 << random.Next(8));
                files.SetContents(path, flipped);
                List<string> damaged = [];
                new DirectoryCheck(DataDirectory.Open(files, DatabaseFixtures.Folder), progress: null, TestContext.Current.CancellationToken).Run((file, _) => damaged.Add(file));
                Assert.NotEmpty(damaged);
            }
            files.SetContents(path, bytes);
        }

        await using LogRun again = LogRun.Open(files);
        Assert.Equal(expected, again.State(ids));
    }

    [Fact]
    public async Task Open_WithADamagedSnapshot_RefusesUnlessItIsToRepair()
    {
        FaultyFiles files = new();
        string[] ids = ["d1", "d2"];
        string expected;
        await using (LogRun run = LogRun.Open(files))
        {
            run.Decide("d1", "anna", "chat", "", 1);
            run.Tell("d1", ContactKind.Declined);
            await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);
            await run.Log.CommittedAsync(run.Decide("d2", "bert", "", "", 2), TestContext.Current.CancellationToken);
            expected = run.State(ids);
        }
        string newest = DecisionSnapshot.List(files, DatabaseFixtures.Folder + "/decision-states")[0];
        byte[] bytes = files.Contents(newest);
        bytes[^40] ^= 1;
        files.SetContents(newest, bytes);

        Assert.Throws<StorageCorruptionException>(() => LogRun.Open(files));
        await using LogRun again = LogRun.Open(files, database: DatabaseFixtures.Options with { Repair = true });

        Assert.Equal(expected, again.State(ids));
        Assert.Contains(files.List(DatabaseFixtures.Folder), name => name.StartsWith("repair-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Open_WithoutItsJournal_IsRefused()
    {
        FaultyFiles files = new();
        await using (LogRun run = LogRun.Open(files))
        {
            run.Decide("d1", "anna", "", "", 1);
        }
        foreach (string name in files.List(DatabaseFixtures.Folder + "/decisions"))
        {
            files.Delete($"{DatabaseFixtures.Folder}/decisions/{name}");
        }

        Assert.Throws<StorageCorruptionException>(() => LogRun.Open(files));
    }

    private static List<string> FilesOf(FaultyFiles files)
        => [.. ((string[])["decisions", "values", "decision-states"]).Select(folder => $"{DatabaseFixtures.Folder}/{folder}")
            .SelectMany(folder => files.List(folder).Select(name => $"{folder}/{name}"))];

    private sealed class CrashRun(int seed)
    {
        private const int Epochs = 4;
        private const int Operations = 30;

        private readonly Random _random = new(seed);
        private readonly FaultyFiles _files = new();
        private readonly List<Func<LogRun, DecisionReceipt>> _done = []; // operations that have a record
        private readonly List<string> _ids = [];
        private readonly ManualTime _time = new();
        private int _acknowledged;

        public async Task RunAsync()
        {
            for (int epoch = 0; epoch < Epochs; epoch++)
            {
                LogRun run;
                try
                {
                    run = LogRun.Open(_files, _time);
                }
                catch (IOException e) when (e is not StorageCorruptionException && epoch > 0)
                {
                    _files.Crash(_random);
                    epoch--;
                    continue;
                }
                _files.CrashAfter(int.MaxValue - 1);
                await CheckAsync(run);
                _files.CrashAfter(_random.Next(10, 250));
                try
                {
                    for (int i = 0; i < Operations; i++)
                    {
                        await OperateAsync(run);
                    }
                }
                catch (IOException)
                {
                    // The machine has stopped.
                }
                if (_random.Next(3) > 0)
                {
                    _files.CrashAfter(0);
                }
                await run.DisposeAsync();
                _files.Crash(_random.Next(2) == 0 ? _random : null);
                if (_random.Next(2) == 0)
                {
                    _files.CrashAfter(_random.Next(12));
                }
            }
        }

        private async Task OperateAsync(LogRun run)
        {
            string known = _ids.Count == 0 ? "none" : _ids[_random.Next(_ids.Count)];
            long at = run.Now + _random.Next(100_000);
            int proposition = _random.Next(1, 4);
            int slot = _random.Next(1, 3);
            ContactKind kind = (ContactKind)_random.Next((int)ContactKind.Presented, (int)ContactKind.Complained + 1);
            string customer = _random.Next(4) switch { 0 => "", 1 => "bert", _ => "anna" };
            string id = $"d{_done.Count}";
            switch (_random.Next(12))
            {
                case < 5:
                    _ids.Add(id);
                    await DoAsync(run, on => on.Decide(id, customer, "chat", "", proposition, (proposition % 3) + 1));
                    break;
                case < 9:
                    int offered = _random.Next(1, 4);
                    await DoAsync(run, on =>
                    {
                        on.Log.RecordOutcome(new DecisionOutcome { DecisionId = known, Slot = slot, Proposition = offered, Kind = kind, TimeUnixMs = at }, out OutcomeReceipt receipt);
                        return new DecisionReceipt(receipt.Sequence, 0, true);
                    });
                    break;
                case 9:
                    await DoAsync(run, on =>
                    {
                        AddUpTo update = new(new ContactEvent((uint)(at / 1000), 1, 1, ContactKind.Presented), most: 4);
                        on.Log.UpdateHousehold(LogRun.Id("home"), ref update, out DecisionReceipt receipt);
                        return receipt;
                    });
                    break;
                case 10:
                    await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);
                    break;
                default:
                    await DoAsync(run, on =>
                    {
                        on.Log.Adopt([$"new {id}"], []);
                        return default;
                    });
                    break;
            }
        }

        private async Task DoAsync(LogRun run, Func<LogRun, DecisionReceipt> operation)
        {
            _done.Add(operation);
            await run.Log.CommittedAsync(operation(run), TestContext.Current.CancellationToken);
            _acknowledged = _done.Count;
        }

        /// <summary>What was recovered is what a twin is after all acknowledged operations, or one more.</summary>
        private async Task CheckAsync(LogRun run)
        {
            string found = run.State(_ids);
            for (int count = _acknowledged; count <= _done.Count; count++)
            {
                await using LogRun twin = LogRun.Open(files: null, _time);
                foreach (Func<LogRun, DecisionReceipt> operation in _done.Take(count))
                {
                    operation(twin);
                }
                if (twin.State(_ids) == found)
                {
                    _done.RemoveRange(count, _done.Count - count);
                    _acknowledged = count;
                    return;
                }
                if (count == _done.Count)
                {
                    Assert.Equal(twin.State(_ids), found);
                }
            }
        }
    }
}
