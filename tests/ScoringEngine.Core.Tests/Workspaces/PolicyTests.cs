using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class PolicyTests
{
    private const string Schema = """
        id: customer
        features:
          - {id: 1, name: tenure}
          - {id: 2, name: optin, kind: boolean}
          - {id: 3, name: plan, kind: categorical, categories: [basic]}
          - {id: 4, name: zone, kind: categorical, categories: [Europe/Paris, Asia/Tokyo]}
        context:
          - {id: 5, name: channel, kind: categorical, categories: [web, phone]}
        """;

    private const string Catalogue = "propositions:\n  - {id: discount, group: upsell}\n  - {id: hello}\n";

    [Theory]
    [InlineData("horizon_months: 24\n", "1: currency: missing, expected text")]
    [InlineData("currency: eur\n", "1: currency: 'eur', expected an ISO 4217 code such as EUR")]
    [InlineData("currency: EURO\n", "1: currency: 'EURO', expected an ISO 4217 code such as EUR")]
    [InlineData("currency: EUR\nhorizon_months: 601\n", "2: horizon_months: 601, expected 1 to 600")]
    [InlineData("currency: EUR\nhorizon_months: 1.5\n", "2: horizon_months: 1.5, expected a whole number")]
    [InlineData("currency: EUR\ndiscount_rate: 8%\n", "2: discount_rate: '8%', expected a number")]
    [InlineData("currency: EUR\ndiscount_rate: 8\n", "2: discount_rate: 8, expected 0 to 1")]
    [InlineData("currency: EUR\npotential_quantile: 0.4\n", "2: potential_quantile: 0.4, expected 0.5 to 0.99")]
    [InlineData("currency: EUR\ncustomer_weight: -1\n", "2: customer_weight: -1, expected at least 0")]
    [InlineData("currency: EUR\nminimum_customer_value: 2\n", "2: minimum_customer_value: 2, expected -1 to 1")]
    [InlineData("currency: EUR\ndefault_incrementality: 1.01\n", "2: default_incrementality: 1.01, expected 0 to 1")]
    [InlineData("currency: EUR\ntiers:\n  marginal_band: -5\n", "3: tiers.marginal_band: -5, expected at least 0")]
    [InlineData("currency: EUR\ntiers:\n  creators_share: 1.5\n", "3: tiers.creators_share: 1.5, expected 0 to 1")]
    [InlineData("currency: EUR\ntiers:\n  marginal_band: 50\n  creators_threshold: 50\n", "4: tiers.creators_threshold: 50, expected more than the marginal band")]
    [InlineData("currency: EUR\ntiers:\n  creators_threshold: 0\n", "3: tiers.creators_threshold: 0, expected more than the marginal band")]
    [InlineData("currency: EUR\ntiers:\n  band: 5\n", "3: unknown key 'tiers.band'")]
    [InlineData("currency: EUR\ntiers: 5\n", "2: tiers: expected a mapping of keys to values")]
    [InlineData("currency: EUR\ncustomer_wieght: 5\n", "2: unknown key 'customer_wieght' (did you mean 'customer_weight'?)")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problem)
        => Assert.Equal(["policy.yaml:" + problem], WorkspaceFiles.Problems(("policy.yaml", text)));

    [Theory]
    [InlineData("contact_policy:\n  time_zone: Europe/Brlin\n", "3: contact_policy.time_zone: no IANA time zone 'Europe/Brlin' (did you mean 'Europe/Berlin'?)")]
    [InlineData("contact_policy:\n  time_zone_feature: plan\n", "3: contact_policy.time_zone_feature: no IANA time zone (a category of 'plan') 'basic'")]
    [InlineData("contact_policy:\n  time_zone_feature: tenure\n", "3: contact_policy.time_zone_feature: feature 'tenure' is numeric, expected a categorical one")]
    [InlineData("contact_policy:\n  reservation: 30\n", "3: contact_policy.reservation: '30', expected a duration such as 90s, 30m, 12h or 7d")]
    [InlineData("contact_policy:\n  reservation: 0m\n", "3: contact_policy.reservation: 0m, expected more than nothing and at most 730d")]
    [InlineData("contact_policy:\n  consent: {fax: optin}\n", "3: contact_policy.consent.fax: no channel 'fax'")]
    [InlineData("contact_policy:\n  consent: {web: optim}\n", "3: contact_policy.consent.web: no feature 'optim' (did you mean 'optin'?)")]
    [InlineData("contact_policy:\n  consent: {web: tenure}\n", "3: contact_policy.consent.web: feature 'tenure' is numeric, expected a boolean one")]
    [InlineData("contact_policy:\n  quiet_hours: {from: \"21:00\"}\n", "3: contact_policy.quiet_hours.until: missing, expected a time of day such as 21:30")]
    [InlineData("contact_policy:\n  quiet_hours: {from: late, until: \"7:00\"}\n", "3: contact_policy.quiet_hours.from: 'late', expected a time of day such as 21:30|3: contact_policy.quiet_hours.until: '7:00', expected a time of day such as 21:30")]
    [InlineData("contact_policy:\n  quiet_hours: {from: \"07:00\", until: \"07:00\"}\n", "3: contact_policy.quiet_hours.until: the same as from; leave channels out of the propositions to be quiet all day")]
    [InlineData("contact_policy:\n  caps:\n    - {window: 7d}\n", "4: contact_policy.caps[0].most: missing, expected a whole number")]
    [InlineData("contact_policy:\n  caps:\n    - {most: 3}\n", "4: contact_policy.caps[0].window: missing, expected a duration such as 90s, 30m, 12h or 7d")]
    [InlineData("contact_policy:\n  caps:\n    - {most: 3, window: 800d}\n", "4: contact_policy.caps[0].window: 800d, expected more than nothing and at most 730d")]
    [InlineData("contact_policy:\n  caps:\n    - {scope: custmer, most: 3, window: 7d}\n", "4: contact_policy.caps[0].scope: 'custmer', expected one of customer, group, proposition (did you mean 'customer'?)")]
    [InlineData("contact_policy:\n  caps:\n    - {scope: group, group: upsel, most: 3, window: 7d}\n", "4: contact_policy.caps[0].group: no proposition has the group 'upsel' (did you mean 'upsell'?)")]
    [InlineData("contact_policy:\n  caps:\n    - {group: upsell, most: 3, window: 7d}\n", "4: contact_policy.caps[0].group: only scope: group has a group, the scope is customer")]
    [InlineData("contact_policy:\n  caps:\n    - {channels: [web, wbe, web], most: 3, window: 7d}\n", "4: contact_policy.caps[0].channels: 'web' comes twice|4: contact_policy.caps[0].channels: no channel 'wbe' (did you mean 'web'?)")]
    [InlineData("contact_policy:\n  suppressions:\n    - {outcome: reserved, within: 7d, pause: 1d}\n", "4: contact_policy.suppressions[0].outcome: 'reserved', expected declined, accepted, converted, complained or presented")]
    [InlineData("contact_policy:\n  suppressions:\n    - {after: 0, within: 7d, pause: 1d}\n", "4: contact_policy.suppressions[0].after: 0, expected 1 to 2147483647")]
    [InlineData("contact_policy:\n  cap: []\n", "3: unknown key 'contact_policy.cap' (did you mean 'caps'?)")]
    [InlineData("gate:\n  potential_threshold: -1\n", "3: gate.potential_threshold: -1, expected at least 0")]
    [InlineData("gate:\n  evidence:\n    - {proposition: discuont, lower_bound: 1, source: x}\n", "4: gate.evidence[0].proposition: no proposition 'discuont' (did you mean 'discount'?)")]
    [InlineData("gate:\n  evidence:\n    - {proposition: discount}\n", "4: gate.evidence[0].lower_bound: missing, expected a number|4: gate.evidence[0].source: missing, expected text")]
    [InlineData("gate:\n  test: {share: 2, from: 2026-01-01, until: 2026-02-30, budget: 5}\n", "3: gate.test.share: 2, expected 0 to 1|3: gate.test.until: '2026-02-30', expected a day such as 2026-03-31")]
    [InlineData("gate:\n  test: {share: 0.1, from: 2026-02-01, until: 2026-01-01, budget: 5}\n", "3: gate.test.until: 2026-01-01, expected a day not before from (2026-02-01)")]
    [InlineData("gate:\n  test: {share: 0.1}\n", "3: gate.test.from: missing, expected a day such as 2026-03-31|3: gate.test.until: missing, expected a day such as 2026-03-31|3: gate.test.budget: missing, expected a number")]
    [InlineData("hold_out: {share: 0.6}\n", "2: hold_out.share: 0.6, expected 0 to 0.5")]
    [InlineData("hold_out: {salt: pepper}\n", "2: hold_out.salt: 'pepper', expected a whole number")]
    [InlineData("hold_out: {standard_treatment: discont}\n", "2: hold_out.standard_treatment: no proposition 'discont' (did you mean 'discount'?)")]
    [InlineData("exploration: {default: always}\n", "2: exploration.default: 'always', expected none or one of epsilon, softmax, square_cb with its parameter, such as {epsilon: 0.05}")]
    [InlineData("exploration: {default: {epsilon: 2}}\n", "2: exploration.default.epsilon: 2, expected 0 to 1")]
    [InlineData("exploration: {default: {epsilon: 0.1, softmax: 2}}\n", "2: exploration.default: more than one kind of exploration")]
    [InlineData("exploration: {channels: {wbe: none}}\n", "2: exploration.channels.wbe: no channel 'wbe' (did you mean 'web'?)")]
    [InlineData("exploration: {scale: 0}\n", "2: exploration.scale: 0, expected more than 0")]
    [InlineData("smoothing: {segment: 0}\n", "2: smoothing.segment: 0, expected at least 1")]
    [InlineData("roles: {agent: {max_concession: much}}\n", "2: roles.agent.max_concession: 'much', expected a number")]
    [InlineData("roles: {agent: {max_concession: -1}}\n", "2: roles.agent.max_concession: -1, expected at least 0")]
    [InlineData("roles: {agent: {propositions: [discont]}}\n", "2: roles.agent.propositions: no proposition 'discont' (did you mean 'discount'?)")]
    [InlineData("on_log_failure: ignore\n", "2: on_log_failure: 'ignore', expected one of refuse, standard_treatment")]
    [InlineData("retention: {decisions: 2 years}\n", "2: retention.decisions: '2 years', expected a duration such as 90s, 30m, 12h or 7d")]
    public void Load_WrongDecisionPolicy_SaysWhatAndWhere(string text, string problems)
        => Assert.Equal(problems.Split('|').Select(p => "policy.yaml:" + p),
            WorkspaceFiles.Problems(("schema.yaml", Schema), ("propositions.yaml", Catalogue), ("policy.yaml", "currency: EUR\n" + text)));

    [Fact]
    public void PolicyText_EveryKey_ReadsBackEqual()
    {
        Policy policy = new()
        {
            Currency = "CHF",
            HorizonMonths = 36,
            DiscountRate = 0.035,
            MarginalBand = 12.5,
            CreatorsThreshold = 1e6,
            CreatorsShare = 0.75,
            PotentialQuantile = 0.8,
            CustomerWeight = 1.0 / 3,
            MinimumCustomerValue = -0.1,
            DefaultIncrementality = 0,
            Contact = new ContactPolicy
            {
                Caps =
                [
                    new ContactCap { Most = 3, Window = TimeSpan.FromDays(7) },
                    new ContactCap { Scope = ContactScope.Group, Group = "upsell", Channels = ["phone", "web"], Most = 0, Window = TimeSpan.FromHours(36) },
                    new ContactCap { Scope = ContactScope.Proposition, Most = 1, Window = TimeSpan.FromSeconds(90.5) },
                ],
                Suppressions =
                [
                    new Suppression { Scope = ContactScope.Customer, Outcome = ContactKind.Complained, After = 2, Within = TimeSpan.FromDays(1), Pause = TimeSpan.FromMinutes(5) },
                    new Suppression { Scope = ContactScope.Group, Group = "upsell", Within = TimeSpan.FromDays(30), Pause = TimeSpan.FromDays(60) },
                ],
                Consent = ImmutableSortedDictionary<string, string>.Empty.Add("phone", "optin"),
                QuietFrom = new TimeOnly(21, 30),
                QuietUntil = new TimeOnly(8, 0),
                QuietChannels = ["phone"],
                TimeZone = "Europe/Berlin",
                TimeZoneFeature = "zone",
                Reservation = TimeSpan.FromMinutes(45),
            },
            Gate = new GatePolicy
            {
                PotentialThreshold = 250,
                Evidence = [new GateEvidence("discount", Tier.ValueDestroyer, -2.5, "test: spring")],
                Test = new GateTest(0.05, -7, new DateOnly(2026, 1, 1), new DateOnly(2026, 6, 30), 1000),
            },
            HoldOut = new HoldOutPolicy(0.05, long.MaxValue, "hello"),
            Exploration = new ExplorationPolicy
            {
                Default = new Exploration(ExplorationKind.SquareCb, 10),
                Channels = ImmutableSortedDictionary<string, Exploration>.Empty.Add("phone", Exploration.None)
                    .Add("web", new Exploration(ExplorationKind.Epsilon, 0.1)),
                Scale = 30,
            },
            Smoothing = new SmoothingPolicy(20, 10.5),
            Roles = ImmutableSortedDictionary<string, DecisionRight>.Empty
                .Add("agent", new DecisionRight(20, ["discount", "hello"])).Add("boss", new DecisionRight(double.PositiveInfinity, [])),
            OnLogFailure = LogFailure.StandardTreatment,
            DecisionRetention = TimeSpan.FromDays(90),
            ValueRetention = TimeSpan.FromHours(13),
        };
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("schema.yaml", Schema), ("propositions.yaml", Catalogue), ("policy.yaml", WorkspaceWriter.PolicyText(policy)));
        WorkspaceFiles.AssertSame(policy, Workspace.Load(folder.Path).Policy);
        folder.Write("policy.yaml", WorkspaceWriter.PolicyText(new Policy()));
        WorkspaceFiles.AssertSame(new Policy(), Workspace.Load(folder.Path).Policy);
    }

    [Theory]
    [InlineData(Frequency.Once, 12, 0.08, 1)]
    [InlineData(Frequency.Month, 12, 0, 12)]
    [InlineData(Frequency.Year, 36, 0, 3)]
    [InlineData(Frequency.Year, 11, 0.08, 0)]
    [InlineData(Frequency.Year, 12, 0.08, 0.9259259259259259)] // 1 / 1.08
    [InlineData(Frequency.Month, 1, 0.08, 0.9936070)] // 1.08^(-1/12)
    [InlineData(Frequency.Month, 24, 0.08, 22.1729)] // (1 - 1.08^-2) / (1.08^(1/12) - 1)
    public void PresentValueFactor_OfAnAnnuity_IsTheHandComputedOne(Frequency every, int months, double rate, double expected)
        => Assert.Equal(expected, new Policy { HorizonMonths = months, DiscountRate = rate }.PresentValueFactor(every), 1e-4);
}
