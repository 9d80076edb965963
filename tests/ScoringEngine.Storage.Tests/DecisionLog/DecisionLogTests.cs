using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Storage.Tests.Files;

namespace ScoringEngine.Storage.Tests.Decisions;

/// <summary>Each behaviour on simulated files and in memory.</summary>
public sealed class DecisionLogTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Append_OfACustomer_IsReadBackWithItsInputs(bool durable)
    {
        await using LogRun run = Open(durable);
        DecisionReceipt receipt = run.Decide("d1", "anna", "chat", "home", 1, 2, 0);
        await run.Log.CommittedAsync(receipt, TestContext.Current.CancellationToken);

        Assert.True(receipt.IsNew);
        Assert.True(run.Log.TryGet("d1", out LoggedDecision? decision));
        Assert.Equal("d1", decision.Id);
        Assert.Equal(("anna", "home"), (decision.Inputs!.CustomerId, decision.Inputs.HouseholdId));
        Assert.Equal([1u, 2u, 0u], decision.Record.Chosen.Select(chosen => chosen.Proposition));
        Assert.Equal([10.0, 10.0, 0.0], decision.Record.Chosen.Select(chosen => chosen.Reserved));
        Assert.True(decision.Record.Encrypted);
        Assert.False(run.Log.TryGet("d2", out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Append_OfAProspect_IsNotEncrypted(bool durable)
    {
        await using LogRun run = Open(durable);
        run.Decide("d1", "", "chat", "", 1);
        run.Decide("d2", "", "chat", "", 2);

        Assert.True(run.Log.TryGet("d1", out LoggedDecision? first));
        Assert.True(run.Log.TryGet("d2", out LoggedDecision? second));
        Assert.False(first.Record.Encrypted);
        Assert.Equal([1f, 2f], first.Inputs!.Row);
        Assert.NotEqual(first.Record.Pseudonym, second.Record.Pseudonym);
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Declined));
        Assert.Equal([(ushort)1], run.Log.DeclinedIn([], "chat"));
    }

    [Fact]
    public async Task Append_OfOneWithoutContact_GivesTheCustomerASecretThatStays()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("d1", "anna", "", "", 0);
        run.Decide("d2", "anna", "", "", 0);

        Assert.True(run.Log.TryGet("d1", out LoggedDecision? first));
        Assert.True(run.Log.TryGet("d2", out LoggedDecision? second));
        Assert.Equal(first.Record.Pseudonym, second.Record.Pseudonym);
        Assert.Equal("", run.ContactsOf("anna"));
    }

    [Fact]
    public async Task Append_OfAKnownId_AddsNothingAndLeavesTheReservation()
    {
        await using LogRun run = Open(durable: true);
        DecisionReceipt first = run.Decide("d1", "anna", "", "", 1);
        DecisionReceipt second = run.Decide("d1", "anna", "", "", 2);

        Assert.False(second.IsNew);
        Assert.Equal(first.Sequence, second.Sequence);
        Assert.Equal((10, 1), run.Used(1));
        Assert.Equal((0, 0), run.Used(2));
    }

    [Fact]
    public async Task Append_From64ThreadsWithOneId_AddsOne()
    {
        await using LogRun run = Open(durable: true);
        int added = 0;
        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 64 }, _ =>
        {
            if (run.Decide("d1", "anna", "", "", 1).IsNew)
            {
                Interlocked.Increment(ref added);
            }
        });

        Assert.Equal(1, added);
        Assert.Equal((10, 1), run.Used(1));
    }

    [Fact]
    public async Task RecordOutcome_FollowsBudgetsCountsAndContacts()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("d1", "anna", "", "", 1);
        Reserve(run, "anna", 1);
        Assert.Equal("Reserved:1@1800", run.ContactsOf("anna"));

        run.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Presented));
        Assert.Equal("Presented:1@10", run.ContactsOf("anna"));
        Assert.Equal((10, 1), run.Used(1));
        Assert.Equal((0, 0), run.Counted(1));
        Assert.Equal(OutcomeStatus.Repeated, run.Tell("d1", ContactKind.Presented));

        run.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Declined));
        Assert.Equal("Presented:1@10 Declined:1@20", run.ContactsOf("anna"));
        Assert.Equal((1, 1), run.Used(1));
        Assert.Equal((1, 0), run.Counted(1));

        run.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Accepted));
        Assert.Equal("Presented:1@10 Accepted:1@30", run.ContactsOf("anna"));
        Assert.Equal((10, 1), run.Used(1));
        Assert.Equal((1, 1), run.Counted(1));

        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Complained));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.None, perceived: 0.5));
        Assert.Equal(OutcomeStatus.Repeated, run.Tell("d1", ContactKind.None, perceived: 0.5));
        Assert.Equal("Presented:1@10 Accepted:1@30 Complained:1@30", run.ContactsOf("anna"));
    }

    [Fact]
    public async Task RecordOutcome_OutOfOrder_TheLatestAnswerStands()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("d1", "anna", "", "", 1);
        long start = run.Now;

        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Accepted, at: start + 30_000));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Declined, at: start + 20_000));
        Assert.Equal(OutcomeStatus.Repeated, run.Tell("d1", ContactKind.Declined, at: start + 20_000));
        Assert.Equal(OutcomeStatus.Repeated, run.Tell("d1", ContactKind.Presented, at: start + 10_000));

        Assert.Equal((1, 1), run.Counted(1));
        Assert.Equal("Presented:1@30 Accepted:1@30", run.ContactsOf("anna"));
    }

    [Fact]
    public async Task RecordOutcome_OfAKnownRequest_IsARepetitionWhateverItSays()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("d1", "anna", "", "", 1);
        long start = run.Now;

        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Declined, at: start, request: "r1"));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Accepted, at: start + 1000, request: "r2"));
        Assert.Equal(OutcomeStatus.Repeated, run.Tell("d1", ContactKind.Declined, at: start + 2000, request: "r1"));
        Assert.Equal((1, 1), run.Counted(1));
    }

    [Fact]
    public async Task RecordOutcome_OfWhatWasNotOffered_IsRefused()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("d1", "anna", "", "", 1, 0);

        Assert.Equal(OutcomeStatus.UnknownDecision, run.Tell("d2", ContactKind.Presented));
        Assert.Equal(OutcomeStatus.NotOffered, run.Tell("d1", ContactKind.Presented, proposition: 2));
        Assert.Equal(OutcomeStatus.NotOffered, run.Tell("d1", ContactKind.Presented, proposition: 0, slot: 2));
        Assert.Equal(OutcomeStatus.NotOffered, run.Tell("d1", ContactKind.Presented, slot: 3));
        Assert.Equal(OutcomeStatus.NotOffered, run.Tell("d1", ContactKind.Presented, slot: 0));
        Assert.Throws<ArgumentException>(() => run.Tell("d1", ContactKind.Reserved));
        Assert.Throws<ArgumentException>(() => run.Tell("d1", ContactKind.None));
        Assert.Throws<ArgumentException>(() => run.Tell("d1", ContactKind.Presented, perceived: 1.1));
    }

    [Fact]
    public async Task RecordOutcome_OfAHeldOutCustomer_IsTakenForWhatWasOffered()
    {
        await using LogRun run = Open(durable: true);
        DecisionRecord record = run.Record("d1", 1);
        record.HeldOut = true;
        record.Offered.Add(new ChosenRecord { Proposition = 2, MaturityDays = LogRun.MaturityDays });
        run.Log.Append(record, new DecisionInputs(), LogRun.Id("anna"));

        Assert.Equal(OutcomeStatus.NotOffered, run.Tell("d1", ContactKind.Presented));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", ContactKind.Presented, proposition: 2));
    }

    [Fact]
    public async Task RecordOutcome_BeyondAllMeaning_IsRefused()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("d1", "anna", "", "", 1);
        for (int i = 0; i < DecisionLog.MaxOutcomes; i++)
        {
            Assert.Equal(OutcomeStatus.Recorded, run.Tell("d1", i % 2 == 0 ? ContactKind.Accepted : ContactKind.Declined, at: run.Now + (i * 1000)));
        }

        Assert.Equal(OutcomeStatus.TooMany, run.Tell("d1", ContactKind.Accepted, at: run.Now + 1_000_000));
    }

    [Fact]
    public async Task Time_ExpiresReservationsAndMaturesOffers()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("silent", "anna", "", "", 1);
        run.Decide("presented", "anna", "", "", 2);
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("presented", ContactKind.Presented, proposition: 2));

        run.Time.Advance(LogRun.Reservation);
        Assert.Equal((0, 0), run.Used(1));
        Assert.Equal((10, 1), run.Used(2));

        run.Time.Advance(TimeSpan.FromDays(LogRun.MaturityDays));
        Assert.Equal((1, 1), run.Used(2));
        Assert.Equal((1, 0), run.Counted(2));
        Assert.Equal((0, 0), run.Counted(1));
        Assert.True(run.Log.TryGet("presented", out LoggedDecision? decision));
        Assert.True(decision.Outcomes[^1].Matured);

        Assert.Equal(OutcomeStatus.Recorded, run.Tell("presented", ContactKind.Accepted, proposition: 2));
        Assert.Equal((10, 1), run.Used(2));
        Assert.Equal((1, 1), run.Counted(2));
        // Told late, it was offered all the same.
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("silent", ContactKind.Presented));
        Assert.Equal((1, 1), run.Used(1));
        Assert.Equal((1, 0), run.Counted(1));

        run.Time.Advance(TimeSpan.FromDays(30));
        Assert.Equal(OutcomeStatus.UnknownDecision, run.Tell("presented", ContactKind.Converted, proposition: 2));
        Assert.Equal(0, run.Log.Statistics.OpenDecisions);
        Assert.Equal((10, 1), run.Used(2));
    }

    [Fact]
    public async Task Append_BeyondTheBound_ForgetsTheOldestAndReleasesWhatItReserved()
    {
        await using LogRun run = LogRun.Open(new FaultyFiles(), options: new DecisionLogOptions { MaxOpenDecisions = 3 });
        for (int i = 0; i < 5; i++)
        {
            run.Decide($"d{i}", "anna", "", "", 1);
        }

        Assert.Equal((3, 2L), (run.Log.Statistics.OpenDecisions, run.Log.Statistics.Displaced));
        Assert.Equal(OutcomeStatus.UnknownDecision, run.Tell("d1", ContactKind.Presented));
        Assert.Equal(OutcomeStatus.Recorded, run.Tell("d2", ContactKind.Presented));
        Assert.Equal((30, 3), run.Used(1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DeclinedIn_KnowsTheInteractionOfTheCustomerForADay(bool durable)
    {
        await using LogRun run = Open(durable);
        run.Decide("d1", "anna", "chat", "", 1, 2);
        run.Decide("d2", "bert", "chat", "", 3);
        run.Tell("d1", ContactKind.Declined);
        run.Tell("d1", ContactKind.Declined, proposition: 2, slot: 2);
        run.Tell("d2", ContactKind.Accepted, proposition: 3);

        Assert.Equal([(ushort)1, (ushort)2], run.Log.DeclinedIn(LogRun.Id("anna"), "chat"));
        Assert.Empty(run.Log.DeclinedIn(LogRun.Id("bert"), "chat"));
        Assert.Empty(run.Log.DeclinedIn(LogRun.Id("anna"), "call"));
        Assert.Empty(run.Log.DeclinedIn(LogRun.Id("anna"), ""));
        run.Time.Advance(TimeSpan.FromHours(24));
        Assert.Empty(run.Log.DeclinedIn(LogRun.Id("anna"), "chat"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task UpdateHousehold_CountsForAllMembersAndIsExactUnder64Callers(bool durable)
    {
        await using LogRun run = Open(durable);
        int added = 0;
        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 64 }, i =>
        {
            AddUpTo update = new(new ContactEvent(DecisionLog.ContactSeconds(run.Now) + 1800, 1, 1, ContactKind.Reserved), most: 3);
            if (run.Log.UpdateHousehold(LogRun.Id("home"), ref update, out _))
            {
                Interlocked.Increment(ref added);
            }
        });
        Assert.Equal(3, added);
        Assert.Empty(run.Log.HouseholdContacts(LogRun.Id("other")));

        run.Decide("d1", "anna", "", "home", 1);
        run.Tell("d1", ContactKind.Presented);

        Assert.Equal("Presented:1@0 Reserved:1@1800 Reserved:1@1800", LogRun.Describe(run.Log.HouseholdContacts(LogRun.Id("home")), run.Now));
        Assert.Equal("", run.ContactsOf("anna"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RecordValues_CountsEachKeyOnce(bool durable)
    {
        await using LogRun run = Open(durable);
        CustomerValue value = new() { CustomerId = LogRun.Id("anna"), Day = new DateOnly(2026, 1, 1), Revenue = 5, Cost = 2 };
        CustomerValue[] values = [value, value with { Revenue = 6 }, value with { Key = "k" }, value with { CustomerId = LogRun.Id("bert") }, value with { CustomerId = LogRun.Id("nobody") }];
        ValueStatus[] statuses = new ValueStatus[values.Length];

        ValueReceipt receipt = run.Log.RecordValues(values, statuses);
        await run.Log.CommittedAsync(receipt, TestContext.Current.CancellationToken);

        Assert.Equal([ValueStatus.Recorded, ValueStatus.Repeated, ValueStatus.Recorded, ValueStatus.Recorded, ValueStatus.UnknownCustomer], statuses);
        Assert.Equal([5.0, 5.0, 5.0], run.Log.ReadValues().Select(entry => entry.Value.Revenue));
        Assert.Equal(20_454, run.Log.ReadValues().First().Value.Day);
        Assert.Throws<ArgumentException>(() => run.Log.RecordValues([value with { Cost = double.NaN }], new ValueStatus[1]));
    }

    [Fact]
    public async Task Read_JoinsOutcomesAndFilters()
    {
        await using LogRun run = Open(durable: true);
        run.Decide("d1", "anna", "", "", 1);
        run.Decide("d2", "bert", "", "", 1);
        run.Time.Advance(TimeSpan.FromHours(3));
        long later = run.Now;
        run.Decide("d3", "anna", "", "", 2);
        run.Tell("d1", ContactKind.Accepted);

        Assert.Equal(["d1", "d2", "d3"], run.Log.Read(default, TestContext.Current.CancellationToken).Select(decision => decision.Inputs is null ? "" : decision.Id));
        Assert.Equal(["d1", "d3"], run.Log.Read(new DecisionQuery { CustomerId = LogRun.Id("anna") }, TestContext.Current.CancellationToken).Select(decision => decision.Id));
        Assert.Equal(["d3"], run.Log.Read(new DecisionQuery { SinceUnixMs = later }, TestContext.Current.CancellationToken).Select(decision => decision.Id));
        Assert.Equal(["d1", "d2"], run.Log.Read(new DecisionQuery { UntilUnixMs = later, WithoutInputs = true }, TestContext.Current.CancellationToken).Select(decision => decision.Id));
        Assert.Equal([(uint)ContactKind.Accepted], run.Log.Read(default, TestContext.Current.CancellationToken).First().Outcomes.Select(outcome => outcome.Kind));
        Assert.Empty(run.Log.Read(new DecisionQuery { CustomerId = LogRun.Id("nobody") }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Archive_AndNames_SurviveARestart()
    {
        FaultyFiles files = new();
        ArchiveRecord archive = new() { Hash = ByteString.CopyFrom(1, 2, 3), Names = { "a.yaml" }, Contents = { ByteString.CopyFromUtf8("x: 1") } };
        await using (LogRun run = LogRun.Open(files))
        {
            run.Log.Archive(archive);
            run.Log.Archive(archive);
            run.Log.Adopt(["another", "bonus"], []);
            Assert.Equal(4, run.Log.Propositions.NumberOf("another"));
            run.Decide("d1", "anna", "", "", 4);
        }

        await using LogRun again = LogRun.Open(files);

        Assert.Equal(archive, again.Log.ArchiveOf([1, 2, 3]));
        Assert.Null(again.Log.ArchiveOf([1, 2, 4]));
        Assert.Equal(["bonus", "call", "gift", "another"], again.Log.Propositions.Names);
        Assert.Equal(OutcomeStatus.Recorded, again.Tell("d1", ContactKind.Presented, proposition: 4));
    }

    [Fact]
    public async Task Retention_RemovesOldSegmentsAndKeepsTheState()
    {
        FaultyFiles files = new();
        await using LogRun run = LogRun.Open(files, options: new DecisionLogOptions { DecisionRetention = TimeSpan.FromDays(60), ValueRetention = TimeSpan.FromDays(60) });
        ValueStatus[] statuses = new ValueStatus[1];
        for (int day = 0; day < 120; day++)
        {
            run.Time.Advance(TimeSpan.FromDays(1));
            for (int i = 0; i < 8; i++)
            {
                run.Decide($"d{day}-{i}", "anna", "", "", 1);
                run.Tell($"d{day}-{i}", ContactKind.Accepted);
                run.Log.RecordValues([new CustomerValue { CustomerId = LogRun.Id("anna"), Day = new DateOnly(2026, 1, 1), Revenue = 1, Cost = 1, Key = $"{day}-{i}" }], statuses);
            }
            if (day % 10 == 0)
            {
                await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);
            }
        }
        await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);
        await run.Database.SnapshotAsync(TestContext.Current.CancellationToken);

        // A segment goes when the first record of the next is old.
        LoggedDecision oldest = run.Log.Read(default, TestContext.Current.CancellationToken).First();
        Assert.InRange(run.Now - oldest.Record.TimeUnixMs, (long)TimeSpan.FromDays(59).TotalMilliseconds, (long)TimeSpan.FromDays(66).TotalMilliseconds);
        long oldestValue = run.Log.ReadValues().First().Value.RecordedUnixMs;
        Assert.InRange(run.Now - oldestValue, (long)TimeSpan.FromDays(59).TotalMilliseconds, (long)TimeSpan.FromDays(90).TotalMilliseconds);
        Assert.Equal((960, 960), run.Counted(1));
    }

    private static LogRun Open(bool durable) => LogRun.Open(durable ? new FaultyFiles() : null);

    private static void Reserve(LogRun run, string customer, ushort proposition)
        => Assert.True(run.Database.RecordContact(LogRun.Id(customer),
            new ContactEvent(DecisionLog.ContactSeconds(run.Now + (long)LogRun.Reservation.TotalMilliseconds), proposition, 1, ContactKind.Reserved), out _));
}
