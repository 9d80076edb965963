using System.Globalization;
using System.Text;
using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Storage.Tests.Databases;
using ScoringEngine.Storage.Tests.Files;
using ScoringEngine.Storage.Tests.Journals;

namespace ScoringEngine.Storage.Tests.Decisions;

/// <summary>Small decision logs on simulated files, with customers anna and bert.</summary>
internal sealed class LogRun : IAsyncDisposable
{
    public static readonly TimeSpan Reservation = TimeSpan.FromMinutes(30);
    public const int MaturityDays = 10;

    private LogRun(CustomerDatabase database, DecisionLog log, ManualTime time)
    {
        Database = database;
        Log = log;
        Time = time;
    }

    public CustomerDatabase Database { get; }

    public DecisionLog Log { get; }

    public ManualTime Time { get; }

    public long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Opens a log; in memory without files.</summary>
    public static LogRun Open(FaultyFiles? files = null, ManualTime? time = null, DecisionLogOptions? options = null, CustomerDatabaseOptions? database = null)
    {
        time ??= new ManualTime();
        CustomerDatabase customers = files is null
            ? CustomerDatabase.Open((database ?? DatabaseFixtures.Options) with { Directory = null }, DatabaseFixtures.Schema, time)
            : DatabaseFixtures.Open(files, database, time);
        try
        {
            bool isNew = customers.Customers.Count < 2;
            foreach (string id in (string[])["anna", "bert"])
            {
                if (isNew)
                {
                    customers.Customers.Upsert(Id(id), [1, 0], new CustomerAttributes(1, 1));
                }
                // So that a crash takes no customer whose decision stays.
                Assert.True(customers.Customers.TryReadSecret(Id(id), new byte[32], make: true, out ulong sequence));
                customers.CommittedAsync(sequence).AsTask().GetAwaiter().GetResult();
            }
            DecisionLog log = DecisionLog.Open(options ?? new DecisionLogOptions(), customers, time);
            log.Adopt(["bonus", "call", "gift"], ["phone", "web"]);
            return new LogRun(customers, log, time);
        }
        catch
        {
            customers.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    public static byte[] Id(string id) => Encoding.UTF8.GetBytes(id);

    /// <summary>A decision that offers propositions in their order, of which each costs 1 to offer and 9 when it is accepted.</summary>
    public DecisionRecord Record(string id, params int[] propositions) => new()
    {
        DecisionId = id,
        TimeUnixMs = Now,
        SegmentId = 7,
        Channel = "phone",
        ExpiresUnixMs = Now + (long)Reservation.TotalMilliseconds,
        WorkspaceHash = ByteString.CopyFrom(1, 2, 3),
        Chosen = { propositions.Select(p => new ChosenRecord { Proposition = (uint)p, ActionProbability = 1, MaturityDays = MaturityDays }) },
    };

    /// <summary>Decides for a customer, or a prospect, and reserves.</summary>
    public DecisionReceipt Decide(string id, string customer, string interaction = "", string household = "", params int[] propositions)
    {
        using BudgetReservation reservation = Log.Budgets.TryReserve([.. propositions.Select(p => new BudgetClaim(p, p == 0 ? 0 : 1, p == 0 ? 0 : 9))])
            ?? throw new InvalidOperationException("nothing left");
        return Log.Append(Record(id, propositions), new DecisionInputs { InteractionId = interaction, HouseholdId = household, Row = { 1, 2 } }, Id(customer), reservation);
    }

    public OutcomeStatus Tell(string decision, ContactKind kind, int proposition = 1, int slot = 1, long? at = null, string request = "", double perceived = double.NaN)
        => Log.RecordOutcome(new DecisionOutcome
        {
            DecisionId = decision,
            Slot = slot,
            Proposition = proposition,
            Kind = kind,
            TimeUnixMs = at ?? Now,
            RequestId = request,
            PerceivedValue = perceived,
        }, out _);

    /// <summary>Spent or reserved money and offers of a proposition.</summary>
    public (double Money, double Offers) Used(int proposition)
    {
        const double Limit = 1e6;
        Log.Budgets.SetLimits([new BudgetLimit(proposition, Limit, Limit)]);
        double[] money = new double[1];
        double[] volume = new double[1];
        Log.Budgets.Left([proposition], money, volume);
        return (Limit - money[0], Limit - volume[0]);
    }

    public (long Offers, long Acceptances) Counted(int proposition)
        => ((long)Log.Counts.Read(proposition, 7).SegmentOffers, (long)Log.Counts.Read(proposition, 7).SegmentAcceptances);

    public string ContactsOf(string customer)
    {
        ContactReader reader = new();
        Assert.True(Database.Customers.Read(Id(customer), ref reader));
        return reader.Text!;
    }

    public static string Describe(IEnumerable<ContactEvent> contacts, long now)
        => string.Join(' ', contacts.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Kind}:{c.Proposition}@{c.Seconds - (long)DecisionLog.ContactSeconds(now)}")));

    /// <summary>All that the log adds up to, as text, so that a difference can be read.</summary>
    public string State(IEnumerable<string> decisions)
    {
        StringBuilder text = new();
        text.AppendLine(string.Join(' ', Log.Propositions.Names.Concat(Log.Channels.Names)));
        foreach ((int proposition, int segment, long offers, long acceptances) in Log.Counts.Entries().Order())
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"count {proposition} {segment} {offers} {acceptances}");
        }
        for (int proposition = 1; proposition <= 3; proposition++)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"used {proposition} {Used(proposition)}");
        }
        foreach (string id in decisions)
        {
            if (Log.TryGet(id, out LoggedDecision? decision))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{decision.Id} {decision.IsErased} {decision.Record.Chosen.Count}: {string.Join(' ', decision.Outcomes.Select(o => $"{o.Slot}-{o.Kind}-{o.Matured}"))}");
            }
        }
        text.AppendLine(string.Join(' ', Log.DeclinedIn(Id("anna"), "chat")));
        text.AppendLine(Describe(Log.HouseholdContacts(Id("home")), 0));
        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await Log.DisposeAsync();
        await Database.DisposeAsync();
    }

    private struct ContactReader : ICustomerReader
    {
        public string? Text { get; private set; }

        public void Read(in CustomerView customer) => Text = Describe(customer.Contacts.ToArray(), new ManualTime().GetUtcNow().ToUnixTimeMilliseconds());
    }
}

/// <summary>Adds an event to a household, unless that has reached a number of them.</summary>
internal struct AddUpTo(ContactEvent contact, int most) : IHouseholdUpdate
{
    public readonly bool Update(ref ContactList contacts)
    {
        if (contacts.Count >= most)
        {
            return false;
        }
        contacts.Add(contact);
        return true;
    }
}
