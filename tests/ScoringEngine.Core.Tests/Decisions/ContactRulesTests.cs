using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Tests.Workspaces;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

public sealed class ContactRulesTests
{
    private const string Schema = """
        id: customer
        features:
          - {id: 1, name: email_ok, kind: boolean}
          - {id: 2, name: zone, kind: categorical, categories: [America/New_York, Mars/Olympus]}
        context:
          - {id: 3, name: channel, kind: categorical, categories: [phone, email, web]}
        """;

    private const int Phone = 0;
    private const int Email = 1;
    private const int Web = 2;
    private const float Missing = float.NaN;

    // A Wednesday in winter, noon in UTC.
    private static readonly DateTimeOffset Now = new(2026, 1, 14, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly string[] ChannelNames = ["phone", "email", "web"];

    // Numbers are no indexes: other names have the first ones.
    private static readonly Numbering Numbers = new(["gone", "c", "bill", "b", "a", "help"]);
    private static readonly Numbering ChannelNumbers = new(["fax", "web", "phone", "email"]);

    // By index: a and b are of group g.
    private static readonly ImmutableArray<Proposition> Catalogue =
    [
        new Proposition { Id = "a", Name = "a", Group = "g" },
        new Proposition { Id = "b", Name = "b", Group = "g" },
        new Proposition { Id = "bill", Name = "bill", Group = "g", Kind = PropositionKind.Mandatory },
        new Proposition { Id = "c", Name = "c", Group = "h" },
        new Proposition { Id = "help", Name = "help", Kind = PropositionKind.Service },
    ];

    private static readonly Workspace Base = LoadBase();

    private static Workspace LoadBase()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("schema.yaml", Schema));
        return Workspace.Load(folder.Path);
    }

    private static ContactRules Compile(ContactPolicy policy, IEnumerable<Proposition>? catalogue = null)
        => new(Base.With(Base.Policy with { Contact = policy }, catalogue ?? Catalogue), Numbers, ChannelNumbers);

    private static ContactEvent At(TimeSpan ago, string proposition, ContactKind kind = ContactKind.Presented, string channel = "phone") => new(
        (uint)((Now - ago).ToUnixTimeSeconds() - ContactEvent.EpochUnixSeconds),
        (ushort)Numbers.NumberOf(proposition), (byte)ChannelNumbers.NumberOf(channel), kind);

    private static Fall[] Check(ContactRules rules, int channel, params ContactEvent[] contacts)
        => Check(rules, new DecisionInput { TimeUnixMs = Now.ToUnixTimeMilliseconds(), Channel = channel, Contacts = contacts }, [1, Missing, channel]);

    private static Fall[] Check(ContactRules rules, in DecisionInput input, float[] row)
    {
        Fall[] falls = new Fall[rules.PropositionCount];
        // What stands in the scratch must not matter.
        long[] scratch = [.. Enumerable.Repeat(long.MaxValue, rules.ScratchLength)];
        rules.Check(input, row, scratch, falls);
        return falls;
    }

    /// <summary>Ids of those that fell.</summary>
    private static string Fallen(Fall[] falls)
        => string.Join(" ", Base.With(propositions: Catalogue).Propositions.Where((_, i) => falls[i].Reason != FallReason.None).Select(p => p.Id));

    [Fact]
    public void Check_EmptyPolicy_LetsEverythingPass()
    {
        ContactRules rules = Compile(new ContactPolicy());
        Assert.All(Check(rules, Phone, At(Second, "a"), At(Second, "a", ContactKind.Declined)), f => Assert.Equal(default, f));
        Assert.Equal((0, 0), (rules.ScratchLength, rules.MaxEvents));
    }

    [Fact]
    public void Check_CapPerCustomer_CountsAllButMandatory()
    {
        ContactRules rules = Compile(new ContactPolicy { Caps = [new ContactCap { Scope = ContactScope.Customer, Most = 2, Window = Day }] });
        Assert.Equal("", Fallen(Check(rules, Phone, At(Second, "a"), At(Second, "bill"))));
        // A proposition that left the catalogue was a contact all the same; so was one whose number nobody knows.
        Assert.Equal("a b c help", Fallen(Check(rules, Phone, At(Second, "a"), At(Second, "gone"))));
        Assert.Equal("a b c help", Fallen(Check(rules, Phone, At(Second, "a"), At(Second, "a") with { Proposition = 999 })));
        Fall fall = Check(rules, Phone, At(Second, "a"), At(Second, "b"), At(Second, "c"))[0];
        Assert.Equal(new Fall(FallReason.Cap, 0, 3, 2), fall);
    }

    [Fact]
    public void Check_CapAtTheEndOfItsWindow_IsOpenAgain()
    {
        ContactRules rules = Compile(new ContactPolicy { Caps = [new ContactCap { Scope = ContactScope.Proposition, Most = 1, Window = Day }] });
        Assert.Equal("a", Fallen(Check(rules, Phone, At(Day - Second, "a"))));
        Assert.Equal("", Fallen(Check(rules, Phone, At(Day, "a"))));
        // Clocks differ: what is later than now counts, too.
        Assert.Equal("a", Fallen(Check(rules, Phone, At(-Second, "a"))));
    }

    [Fact]
    public void Check_Reservation_CountsUntilItExpires()
    {
        ContactRules rules = Compile(new ContactPolicy { Caps = [new ContactCap { Scope = ContactScope.Proposition, Most = 1, Window = Second }] });
        Assert.Equal("a", Fallen(Check(rules, Phone, At(-Day, "a", ContactKind.Reserved))));
        Assert.Equal("a", Fallen(Check(rules, Phone, At(-Second, "a", ContactKind.Reserved))));
        Assert.Equal("", Fallen(Check(rules, Phone, At(TimeSpan.Zero, "a", ContactKind.Reserved))));
    }

    [Fact]
    public void Check_Outcomes_AreNoFurtherContacts()
    {
        ContactRules rules = Compile(new ContactPolicy { Caps = [new ContactCap { Scope = ContactScope.Customer, Most = 2, Window = Day }] });
        Assert.Equal("", Fallen(Check(rules, Phone, At(Second, "a"), At(Second, "a", ContactKind.Accepted), At(Second, "a", ContactKind.Declined),
            At(Second, "a", ContactKind.Converted), At(Second, "a", ContactKind.Complained), At(Second, "a", ContactKind.None))));
    }

    [Theory]
    [InlineData("", "a b c")]
    [InlineData("g", "a b")]
    [InlineData("x", "")]
    public void Check_CapPerGroup_CountsGroupsApart(string group, string expected)
    {
        ContactRules rules = Compile(new ContactPolicy { Caps = [new ContactCap { Scope = ContactScope.Group, Group = group, Most = 1, Window = Day }] });
        // Neither the mandatory one of the group nor what has no group counts.
        Assert.Equal("", Fallen(Check(rules, Phone, At(Second, "bill"), At(Second, "help"), At(Second, "gone"))));
        Assert.Equal(expected, Fallen(Check(rules, Phone, At(Second, "b"), At(Second, "c"))));
    }

    [Fact]
    public void Check_CapOfChannels_CountsAndHoldsInThemOnly()
    {
        ContactRules rules = Compile(new ContactPolicy { Caps = [new ContactCap { Most = 1, Window = Day, Channels = ["email", "web"] }] });
        ContactEvent[] two = [At(Second, "a", channel: "email"), At(Second, "b", channel: "phone")];
        Assert.Equal("a b c help", Fallen(Check(rules, Web, two)));
        Assert.Equal("", Fallen(Check(rules, Phone, two)));
        Assert.Equal("", Fallen(Check(rules, -1, two)));
        Assert.Equal("", Fallen(Check(rules, Email, two[1], At(Second, "a", channel: "fax"))));
    }

    [Fact]
    public void Check_OwnCaps_ComeAfterThePolicys()
    {
        ContactRules rules = Compile(
            new ContactPolicy { Caps = [new ContactCap { Scope = ContactScope.Customer, Most = 3, Window = Day }] },
            Catalogue.Select(p => p.Id == "b"
                ? p with { Caps = [new ContactCap { Most = 2, Window = 9 * Day }, new ContactCap { Most = 1, Window = Day, Channels = ["web"] }] } : p));
        Assert.Equal(new Fall(FallReason.Cap, 1, 2, 2), Check(rules, Phone, At(2 * Day, "b"), At(3 * Day, "b"))[1]);
        Assert.Equal(new Fall(FallReason.Cap, 2, 1, 1), Check(rules, Web, At(Second, "b", channel: "web"))[1]);
        Assert.Equal("", Fallen(Check(rules, Phone, At(Second, "b", channel: "web"), At(2 * Day, "a"), At(3 * Day, "a"))));
    }

    [Fact]
    public void Check_CapOfZero_NeverLetsPass()
        => Assert.Equal("a b c help", Fallen(Check(Compile(new ContactPolicy { Caps = [new ContactCap { Most = 0, Window = Day }] }), Phone)));

    [Fact]
    public void Check_Suppression_PausesFromTheLastOfEnoughOutcomes()
    {
        ContactRules rules = Compile(new ContactPolicy { Suppressions = [new Suppression { After = 2, Within = 3 * Day, Pause = 30 * Day }] });
        ContactEvent Declined(TimeSpan ago) => At(ago, "a", ContactKind.Declined);

        Assert.Equal("", Fallen(Check(rules, Phone, Declined(Second))));
        // Two within three days; the pause is longer than the window, and ends 30 days after the second.
        Fall fall = Check(rules, Phone, Declined(22 * Day), Declined(20 * Day))[0];
        Assert.Equal(new Fall(FallReason.Suppressed, 0, 0, (Now + (10 * Day)).ToUnixTimeSeconds()), fall);
        Assert.Equal("a", Fallen(Check(rules, Phone, Declined((32 * Day) - Second), Declined((30 * Day) - Second))));
        Assert.Equal("", Fallen(Check(rules, Phone, Declined(32 * Day), Declined(30 * Day))));
        // Just as far apart as the window is long: not within it. The order of events does not matter.
        Assert.Equal("", Fallen(Check(rules, Phone, Declined(5 * Day), Declined(2 * Day))));
        Assert.Equal("a", Fallen(Check(rules, Phone, Declined(2 * Day), Declined((5 * Day) - Second))));
        // The newest of enough counts, not one that comes alone afterwards.
        fall = Check(rules, Phone, Declined(22 * Day), Declined(20 * Day), Declined(Day))[0];
        Assert.Equal((Now + (10 * Day)).ToUnixTimeSeconds(), fall.Limit);
        // Other outcomes and other propositions are others'.
        Assert.Equal("", Fallen(Check(rules, Phone, Declined(Second), At(Second, "b", ContactKind.Declined), At(Second, "a", ContactKind.Complained))));
    }

    [Theory]
    [InlineData(ContactScope.Customer, "", "a b c help")]
    [InlineData(ContactScope.Group, "", "a b")]
    [InlineData(ContactScope.Group, "h", "")]
    [InlineData(ContactScope.Proposition, "", "b")]
    public void Check_SuppressionOfAScope_PausesTheScope(ContactScope scope, string group, string expected)
    {
        Suppression suppression = new() { Scope = scope, Group = group, Outcome = ContactKind.Complained, Within = Day, Pause = Day };
        ContactRules rules = Compile(new ContactPolicy { Suppressions = [suppression] });
        Assert.Equal(expected, Fallen(Check(rules, Phone, At(Second, "b", ContactKind.Complained))));
        Assert.Equal("", Fallen(Check(rules, Phone, At(Second, "bill", ContactKind.Complained))));
    }

    [Fact]
    public void Check_SuppressionPerCustomer_CountsNoMandatoryOnes()
    {
        Suppression suppression = new() { Scope = ContactScope.Customer, After = 2, Within = Day, Pause = Day };
        ContactRules rules = Compile(new ContactPolicy { Suppressions = [suppression] });
        Assert.Equal("", Fallen(Check(rules, Phone, At(Second, "bill", ContactKind.Declined), At(Second, "a", ContactKind.Declined))));
        Assert.Equal("a b c help", Fallen(Check(rules, Phone, At(Second, "gone", ContactKind.Declined), At(Second, "a", ContactKind.Declined))));
    }

    [Theory]
    [InlineData(Email, 1f, "")]
    [InlineData(Email, 0f, "a b c")]
    [InlineData(Email, Missing, "a b c")]
    [InlineData(Phone, 0f, "")]
    [InlineData(-1, 0f, "")]
    public void Check_Consent_IsAskedForCommercialOnesInItsChannel(int channel, float consent, string expected)
    {
        ContactRules rules = Compile(new ContactPolicy { Consent = ImmutableSortedDictionary<string, string>.Empty.Add("email", "email_ok") });
        Fall[] falls = Check(rules, new DecisionInput { TimeUnixMs = Now.ToUnixTimeMilliseconds(), Channel = channel }, [consent, Missing, channel]);
        Assert.Equal(expected, Fallen(falls));
        Assert.All(falls, f => Assert.True(f.Reason is FallReason.None or FallReason.NoConsent));
    }

    [Theory]
    // 21:00 to 08:00 in Zurich, an hour ahead of UTC in winter and two in summer.
    [InlineData("2026-01-14T19:59:59Z", null, Missing, false)]
    [InlineData("2026-01-14T20:00:00Z", null, Missing, true)]
    [InlineData("2026-01-15T06:59:59.999Z", null, Missing, true)]
    [InlineData("2026-01-15T07:00:00Z", null, Missing, false)]
    [InlineData("2026-07-15T06:00:00Z", null, Missing, false)]
    [InlineData("2026-07-15T19:00:00Z", null, Missing, true)]
    // The night in which the clock goes from 2 to 3: 08:00 is an hour earlier than the day before.
    [InlineData("2026-03-28T06:59:59Z", null, Missing, true)]
    [InlineData("2026-03-29T05:59:59Z", null, Missing, true)]
    [InlineData("2026-03-29T06:00:00Z", null, Missing, false)]
    // The customer's own zone: the call's, else the feature's; one that does not exist is the policy's.
    [InlineData("2026-01-14T20:00:00Z", "America/New_York", Missing, false)]
    [InlineData("2026-01-15T02:00:00Z", "America/New_York", Missing, true)]
    [InlineData("2026-01-14T20:00:00Z", "Mars/Olympus", Missing, true)]
    [InlineData("2026-01-14T20:00:00Z", null, 0f, false)]
    [InlineData("2026-01-14T20:00:00Z", null, 1f, true)]
    [InlineData("2026-01-14T20:00:00Z", null, 7f, true)]
    [InlineData("2026-01-14T20:00:00Z", "Europe/Zurich", 0f, true)]
    public void Check_QuietHours_AreInTheCustomersZone(string time, string? zone, float category, bool expected)
    {
        ContactPolicy policy = new() { QuietFrom = new TimeOnly(21, 0), QuietUntil = new TimeOnly(8, 0), TimeZone = "Europe/Zurich", TimeZoneFeature = "zone" };
        DecisionInput input = new()
        {
            TimeUnixMs = DateTimeOffset.Parse(time, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds(),
            Direction = Direction.Outbound,
            TimeZone = zone,
        };
        Assert.Equal(expected ? "a b c help" : "", Fallen(Check(Compile(policy), input, [1, category, 0])));
    }

    [Theory]
    [InlineData(Direction.Outbound, Phone, 12, 13, true)]
    [InlineData(Direction.Outbound, Web, 12, 13, false)]
    [InlineData(Direction.Outbound, -1, 12, 13, false)]
    [InlineData(Direction.Inbound, Phone, 12, 13, false)]
    [InlineData(Direction.Unspecified, Phone, 12, 13, false)]
    [InlineData(Direction.Outbound, Phone, 11, 12, false)]
    [InlineData(Direction.Outbound, Phone, 13, 12, false)]
    [InlineData(Direction.Outbound, Phone, 5, 5, true)]
    public void Check_QuietHours_HoldForOutboundContactsInTheirChannels(Direction direction, int channel, int from, int until, bool expected)
    {
        ContactPolicy policy = new() { QuietFrom = new TimeOnly(from, 0), QuietUntil = new TimeOnly(until, 0), QuietChannels = ["phone", "email"] };
        DecisionInput input = new() { TimeUnixMs = Now.ToUnixTimeMilliseconds(), Direction = direction, Channel = channel };
        Fall[] falls = Check(Compile(policy), input, [1, Missing, channel]);
        Assert.Equal(expected ? "a b c help" : "", Fallen(falls));
        Assert.Equal(expected ? FallReason.QuietHours : FallReason.None, falls[0].Reason);
    }

    [Fact]
    public void Check_DeclinedInThisInteraction_FallsWhateverItsKind()
    {
        ushort[] declined = [(ushort)Numbers.NumberOf("bill"), (ushort)Numbers.NumberOf("c"), (ushort)Numbers.NumberOf("gone"), 999];
        Fall[] falls = Check(Compile(new ContactPolicy()), new DecisionInput { TimeUnixMs = Now.ToUnixTimeMilliseconds(), Declined = declined }, [1, Missing, 0]);
        Assert.Equal("bill c", Fallen(falls));
        Assert.Equal(new Fall(FallReason.DeclinedInInteraction), falls[2]);
    }

    [Fact]
    public void Check_RandomPoliciesAndContacts_AgreesWithTheNaiveTwin()
    {
        SeededRandom random = new(11);
        ContactKind[] kinds = [ContactKind.Reserved, ContactKind.Presented, ContactKind.Presented, ContactKind.Declined, ContactKind.Complained];
        int fallen = 0;
        for (int round = 0; round < 400; round++)
        {
            ContactPolicy policy = new()
            {
                Caps = [.. Enumerable.Range(0, random.Next(4)).Select(_ => RandomCap(ref random))],
                Suppressions = [.. Enumerable.Range(0, random.Next(4)).Select(_ => RandomSuppression(ref random))],
            };
            ImmutableArray<Proposition> catalogue =
                [.. Catalogue.Select(p => p with { Caps = [.. Enumerable.Range(0, random.Next(2)).Select(_ => RandomCap(ref random))] })];
            ContactRules rules = Compile(policy, catalogue);
            for (int repeat = 0; repeat < 5; repeat++)
            {
                ContactEvent[] contacts = [.. Enumerable.Range(0, random.Next(20)).Select(_ => At(
                    random.Next(12) * 0.5 * Day, Numbers.NameOf(1 + random.Next(Numbers.Count))!, kinds[random.Next(kinds.Length)],
                    ChannelNumbers.NameOf(1 + random.Next(ChannelNumbers.Count))!))];
                int channel = random.Next(4) - 1;
                Fall[] falls = Check(rules, channel, contacts);
                for (int p = 0; p < catalogue.Length; p++)
                {
                    Assert.Equal(NaiveFall(policy, catalogue, catalogue[p], channel, contacts), falls[p]);
                    fallen += falls[p].Reason != FallReason.None ? 1 : 0;
                }
            }
        }
        // Neither nothing nor everything fell.
        Assert.InRange(fallen, 2_000, 8_000);
    }

    [Fact]
    public void Check_Anything_AllocatesNothing()
    {
        ContactRules rules = Compile(new ContactPolicy
        {
            Caps = [new ContactCap { Most = 1, Window = Day }],
            Suppressions = [new Suppression { After = 2, Within = Day, Pause = Day }],
            QuietFrom = new TimeOnly(21, 0),
            QuietUntil = new TimeOnly(8, 0),
        });
        ContactEvent[] contacts = [At(Second, "a"), At(Second, "a", ContactKind.Declined)];
        DecisionInput input = new() { TimeUnixMs = Now.ToUnixTimeMilliseconds(), Direction = Direction.Outbound, TimeZone = "Asia/Tokyo", Contacts = contacts };
        float[] row = [1, Missing, 0];
        long[] scratch = new long[rules.ScratchLength];
        Fall[] falls = new Fall[rules.PropositionCount];
        rules.Check(input, row, scratch, falls);
        long before = GC.GetAllocatedBytesForCurrentThread();

        rules.Check(input, row, scratch, falls);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void MaxEvents_CapsBoundTheContacts_IsTheirNumberAndThatOfTheOutcomes()
    {
        ContactCap perCustomer = new() { Scope = ContactScope.Customer, Most = 2, Window = 7 * Day };
        // The longest memory is 30 days: 5 windows of a week begin in it.
        ContactCap perProposition = new() { Scope = ContactScope.Proposition, Most = 1, Window = 30 * Day };
        Assert.Equal(2 * 5, Compile(new ContactPolicy { Caps = [perCustomer, perProposition] }).MaxEvents);
        // Four propositions that are not mandatory, each once.
        Assert.Equal(4, Compile(new ContactPolicy { Caps = [perProposition, perCustomer with { Channels = ["web"] }] }).MaxEvents);
        // Declined and complained may follow each; the pause makes the memory 33 days.
        Suppression suppression = new() { Within = 3 * Day, Pause = 30 * Day };
        Suppression[] three = [suppression, suppression with { Outcome = ContactKind.Complained }, suppression with { Outcome = ContactKind.Presented }];
        Assert.Equal(4 * 2 * 3, Compile(new ContactPolicy { Caps = [perProposition], Suppressions = [.. three] }).MaxEvents);
    }

    [Fact]
    public void MaxEvents_CapsDoNotBoundTheContacts_IsTheDefault()
    {
        ContactCap perGroup = new() { Scope = ContactScope.Group, Most = 1, Window = Day };
        Assert.Equal(ContactRules.DefaultEvents, Compile(new ContactPolicy { Caps = [perGroup] }).MaxEvents);
        Assert.Equal(ContactRules.DefaultEvents, Compile(new ContactPolicy { Suppressions = [new Suppression { Within = Day, Pause = Day }] }).MaxEvents);
    }

    [Fact]
    public void Constructor_NamesThatDoNotExist_AreRefused()
    {
        static string Error(ContactPolicy policy) => Assert.Throws<ArgumentException>(() => Compile(policy)).Message;
        Assert.StartsWith("the contact policy depends on 'mail_ok', which is no feature", Error(
            new ContactPolicy { Consent = ImmutableSortedDictionary<string, string>.Empty.Add("email", "mail_ok") }), StringComparison.Ordinal);
        Assert.StartsWith("the contact policy names channel 'mail'", Error(
            new ContactPolicy { Caps = [new ContactCap { Most = 1, Window = Day, Channels = ["mail"] }] }), StringComparison.Ordinal);
        Assert.StartsWith("no time zone 'Mars/Olympus'", Error(
            new ContactPolicy { QuietFrom = default(TimeOnly), QuietUntil = default(TimeOnly), TimeZone = "Mars/Olympus" }), StringComparison.Ordinal);
        Workspace workspace = Base.With(propositions: Catalogue);
        Assert.StartsWith("'a' has no number", Assert.Throws<ArgumentException>(
            () => new ContactRules(workspace, Numbering.Empty, ChannelNumbers)).Message, StringComparison.Ordinal);
        Numbering many = Numbering.Of([.. Enumerable.Range(0, ushort.MaxValue).Select(i => $"{i:D5}"), .. Catalogue.Select(p => p.Id)]);
        Assert.StartsWith("'a' has number 65536, at most 65535", Assert.Throws<ArgumentException>(
            () => new ContactRules(workspace, many, ChannelNumbers)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_TooLittleRoom_IsRefused()
    {
        ContactRules rules = Compile(new ContactPolicy { Caps = [new ContactCap { Most = 1, Window = Day }] });
        Assert.Throws<ArgumentException>(() => rules.Check(default, [1, 1, 1], new long[rules.ScratchLength - 1], new Fall[5]));
        Assert.Throws<ArgumentException>(() => rules.Check(default, [1, 1, 1], new long[rules.ScratchLength], new Fall[4]));
    }

    private static Fall NaiveFall(ContactPolicy policy, ImmutableArray<Proposition> catalogue, Proposition candidate, int channel, ContactEvent[] contacts)
    {
        if (candidate.Kind == PropositionKind.Mandatory)
        {
            return default;
        }
        Proposition? Of(ContactEvent contact) => catalogue.FirstOrDefault(p => p.Id == Numbers.NameOf(contact.Proposition));
        TimeSpan Age(ContactEvent contact) => Now - DateTimeOffset.FromUnixTimeSeconds(ContactEvent.EpochUnixSeconds + contact.Seconds);
        ContactEvent[] counted = [.. contacts.Where(e => Of(e)?.Kind != PropositionKind.Mandatory)];
        bool Concerns(ContactScope scope, string group) => scope != ContactScope.Group || (candidate.Group != "" && (group == "" || group == candidate.Group));
        bool Together(ContactScope scope, ContactEvent contact) => scope switch
        {
            ContactScope.Customer => true,
            ContactScope.Group => Of(contact)?.Group == candidate.Group,
            _ => Of(contact)?.Id == candidate.Id,
        };
        (ContactCap Cap, ContactScope Scope)[] caps =
            [.. policy.Caps.Select(c => (c, c.Scope)), .. candidate.Caps.Select(c => (c, ContactScope.Proposition))];
        for (int c = 0; c < caps.Length; c++)
        {
            (ContactCap cap, ContactScope scope) = caps[c];
            bool In(string? name) => cap.Channels.IsEmpty || (name is not null && cap.Channels.Contains(name));
            int had = counted.Count(e => Together(scope, e) && In(ChannelNumbers.NameOf(e.Channel))
                && ((e.Kind == ContactKind.Presented && Age(e) < cap.Window) || (e.Kind == ContactKind.Reserved && Age(e) < TimeSpan.Zero)));
            if (had >= cap.Most && Concerns(scope, scope == cap.Scope ? cap.Group : "") && In(channel < 0 ? null : ChannelNames[channel]))
            {
                return new Fall(FallReason.Cap, c, had, cap.Most);
            }
        }
        for (int s = 0; s < policy.Suppressions.Length; s++)
        {
            Suppression suppression = policy.Suppressions[s];
            TimeSpan[] ages = [.. counted.Where(e => e.Kind == suppression.Outcome && Together(suppression.Scope, e)).Select(Age)];
            TimeSpan[] last = [.. ages.Where(last => ages.Count(a => a >= last && a - last < suppression.Within) >= suppression.After)];
            if (Concerns(suppression.Scope, suppression.Group) && last.Length > 0 && last.Min() < suppression.Pause)
            {
                return new Fall(FallReason.Suppressed, s, 0, (Now - last.Min() + suppression.Pause).ToUnixTimeSeconds());
            }
        }
        return default;
    }

    private static ContactCap RandomCap(ref SeededRandom random) => new()
    {
        Scope = (ContactScope)random.Next(3),
        Group = new[] { "", "g", "h" }[random.Next(3)],
        Channels = [.. ChannelNames.Take(random.Next(3))],
        Most = random.Next(5),
        Window = (1 + random.Next(8)) * 0.5 * Day,
    };

    private static Suppression RandomSuppression(ref SeededRandom random) => new()
    {
        Scope = (ContactScope)random.Next(3),
        Group = new[] { "", "g", "h" }[random.Next(3)],
        Outcome = new[] { ContactKind.Declined, ContactKind.Complained, ContactKind.Presented }[random.Next(3)],
        After = 1 + random.Next(3),
        Within = (1 + random.Next(4)) * 0.5 * Day,
        Pause = (1 + random.Next(8)) * 0.5 * Day,
    };
}
