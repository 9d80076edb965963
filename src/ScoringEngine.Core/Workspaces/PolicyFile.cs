using System.Collections.Immutable;
using NodaTime;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Reads <c>policy.yaml</c>.</summary>
internal static class PolicyFile
{
    /// <summary>Says that a role may grant any concession.</summary>
    public const string AnyConcession = "any";

    private static readonly TimeSpan LongestRetention = TimeSpan.FromDays(36_500);

    /// <summary>The policy; features, channels and propositions are checked where those files could be read.</summary>
    public static Policy? Load(WorkspaceSource source, FeatureSchema? schema, ImmutableArray<Proposition>? propositions, List<WorkspaceProblem> problems)
    {
        YamlSection? file = YamlSection.Load(source, Policy.FileName, problems);
        if (file is null)
        {
            return null;
        }
        Policy defaults = new();
        YamlSection? tiers = file.Section("tiers");
        YamlSection? retention = file.Section("retention");
        string currency = file.RequiredText("currency");
        if (currency.Length > 0 && (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper)))
        {
            file.Problem("currency", $"'{currency}', expected an ISO 4217 code such as EUR");
        }
        ImmutableArray<string>? channels = WorkspaceParts.ChannelsOf(schema);
        Policy policy = new()
        {
            Currency = currency,
            HorizonMonths = file.Integer("horizon_months", defaults.HorizonMonths, 1, 600),
            DiscountRate = file.Number("discount_rate", defaults.DiscountRate, 0, 1),
            MarginalBand = tiers?.OptionalNumber("marginal_band", 0),
            CreatorsThreshold = tiers?.OptionalNumber("creators_threshold"),
            CreatorsShare = tiers?.Number("creators_share", defaults.CreatorsShare, 0, 1) ?? defaults.CreatorsShare,
            PotentialQuantile = file.Number("potential_quantile", defaults.PotentialQuantile, 0.5, 0.99),
            CustomerWeight = file.Number("customer_weight", defaults.CustomerWeight, 0),
            MinimumCustomerValue = file.Number("minimum_customer_value", defaults.MinimumCustomerValue, -1, 1),
            DefaultIncrementality = file.Number("default_incrementality", defaults.DefaultIncrementality, 0, 1),
            Contact = file.Section("contact_policy") is { } contact ? ReadContact(contact, schema, channels, propositions) : defaults.Contact,
            Gate = file.Section("gate") is { } gate ? ReadGate(gate, propositions) : defaults.Gate,
            HoldOut = file.Section("hold_out") is { } holdOut ? ReadHoldOut(holdOut, propositions) : defaults.HoldOut,
            Exploration = file.Section("exploration") is { } exploration ? ReadExploration(exploration, channels) : defaults.Exploration,
            Smoothing = file.Section("smoothing") is { } smoothing ? ReadSmoothing(smoothing) : defaults.Smoothing,
            Roles = ReadRights(file, "roles", null, propositions),
            OnLogFailure = file.Choice("on_log_failure", defaults.OnLogFailure),
            DecisionRetention = retention?.OptionalDuration("decisions", LongestRetention) ?? defaults.DecisionRetention,
            ValueRetention = retention?.OptionalDuration("values", LongestRetention) ?? defaults.ValueRetention,
        };
        if (policy.CreatorsThreshold <= (policy.MarginalBand ?? 0))
        {
            tiers!.Problem("creators_threshold", $"{policy.CreatorsThreshold}, expected more than the marginal band");
        }
        tiers?.RejectUnknownKeys();
        retention?.RejectUnknownKeys();
        file.RejectUnknownKeys();
        return policy;
    }

    /// <summary>What each role may grant.</summary>
    /// <param name="parent">The mapping that holds it.</param>
    /// <param name="key">Its key.</param>
    /// <param name="roles">The roles that there are; null where any name is one.</param>
    /// <param name="propositions">The catalogue; null where it is not known.</param>
    public static ImmutableSortedDictionary<string, DecisionRight> ReadRights(YamlSection parent, string key, IEnumerable<string>? roles,
        ImmutableArray<Proposition>? propositions)
    {
        ImmutableSortedDictionary<string, DecisionRight>.Builder rights = ImmutableSortedDictionary.CreateBuilder<string, DecisionRight>(StringComparer.Ordinal);
        YamlSection? section = parent.Section(key);
        foreach (string role in section?.Keys ?? [])
        {
            section!.RequireKnown(role, role, "role", roles);
            if (section.Section(role) is not { } right)
            {
                rights[role] = new DecisionRight(0, []);
                continue;
            }
            bool any = right.IsScalar("max_concession") && right.Text("max_concession") == AnyConcession;
            rights[role] = new DecisionRight(
                any ? double.PositiveInfinity : right.Number("max_concession", 0, 0),
                right.Names("propositions", "proposition", IdsOf(propositions)));
            right.RejectUnknownKeys();
        }
        return rights.Count == 0 ? ImmutableSortedDictionary<string, DecisionRight>.Empty : rights.ToImmutable();
    }

    /// <summary>Caps as a list; those of a proposition have its scope and no key for one.</summary>
    public static ImmutableArray<ContactCap> ReadCaps(YamlSection parent, ImmutableArray<string>? channels, bool ofProposition,
        IEnumerable<string>? groups = null)
    {
        List<ContactCap> caps = [];
        foreach (YamlSection section in parent.Sections("caps"))
        {
            ContactScope scope = ofProposition ? ContactScope.Proposition : section.Choice("scope", ContactScope.Customer);
            caps.Add(new ContactCap
            {
                Scope = scope,
                Group = ofProposition ? "" : ReadGroup(section, scope, groups),
                Channels = section.Names("channels", "channel", channels),
                Most = section.RequiredInteger("most", 0, int.MaxValue),
                Window = section.RequiredDuration("window", ContactPolicy.LongestWindow),
            });
            section.RejectUnknownKeys();
        }
        return [.. caps];
    }

    private static ContactPolicy ReadContact(YamlSection section, FeatureSchema? schema, ImmutableArray<string>? channels, ImmutableArray<Proposition>? propositions)
    {
        ContactPolicy defaults = new();
        IEnumerable<string>? groups = propositions?.Select(p => p.Group).Where(g => g.Length > 0).Distinct(StringComparer.Ordinal);
        List<Suppression> suppressions = [];
        foreach (YamlSection entry in section.Sections("suppressions"))
        {
            ContactScope scope = entry.Choice("scope", ContactScope.Proposition);
            ContactKind outcome = entry.Choice("outcome", ContactKind.Declined);
            if (outcome is ContactKind.None or ContactKind.Reserved)
            {
                entry.Problem("outcome", $"'{SnakeCase.Of(outcome)}', expected declined, accepted, converted, complained or presented");
            }
            suppressions.Add(new Suppression
            {
                Scope = scope,
                Group = ReadGroup(entry, scope, groups),
                Outcome = outcome,
                After = entry.Integer("after", 1, 1, int.MaxValue),
                Within = entry.RequiredDuration("within", ContactPolicy.LongestWindow),
                Pause = entry.RequiredDuration("pause", ContactPolicy.LongestWindow),
            });
            entry.RejectUnknownKeys();
        }
        YamlSection? quiet = section.Section("quiet_hours");
        TimeOnly? from = quiet?.RequiredTime("from");
        TimeOnly? until = quiet?.RequiredTime("until");
        if (from is not null && from == until)
        {
            quiet!.Problem("until", $"the same as from; leave channels out of the propositions to be quiet all day");
        }
        ContactPolicy policy = new()
        {
            Caps = ReadCaps(section, channels, ofProposition: false, groups),
            Suppressions = [.. suppressions],
            Consent = ReadConsent(section, schema, channels),
            QuietFrom = from,
            QuietUntil = until,
            QuietChannels = quiet?.Names("channels", "channel", channels) ?? [],
            TimeZone = section.Text("time_zone") ?? defaults.TimeZone,
            TimeZoneFeature = section.Text("time_zone_feature"),
            Reservation = section.OptionalDuration("reservation", ContactPolicy.LongestWindow) ?? defaults.Reservation,
        };
        section.RequireKnown("time_zone", policy.TimeZone, "IANA time zone", DateTimeZoneProviders.Tzdb.Ids);
        if (policy.TimeZoneFeature is { } feature && schema is not null
            && FeatureOf(section, "time_zone_feature", feature, FeatureKind.Categorical, schema) is { } zones)
        {
            foreach (string zone in zones.Categories)
            {
                section.RequireKnown("time_zone_feature", zone, $"IANA time zone (a category of '{feature}')", DateTimeZoneProviders.Tzdb.Ids);
            }
        }
        quiet?.RejectUnknownKeys();
        section.RejectUnknownKeys();
        return policy;
    }

    private static ImmutableSortedDictionary<string, string> ReadConsent(YamlSection section, FeatureSchema? schema, ImmutableArray<string>? channels)
    {
        ImmutableSortedDictionary<string, string> consent = section.TextMap("consent", "channel", channels);
        if (schema is not null && section.Section("consent") is { } entries)
        {
            foreach ((string channel, string feature) in consent)
            {
                FeatureOf(entries, channel, feature, FeatureKind.Boolean, schema);
            }
        }
        return consent;
    }

    // A feature of customers that decisions may use; null with the problem noted where it is none.
    private static Feature? FeatureOf(YamlSection section, string key, string name, FeatureKind kind, FeatureSchema schema)
    {
        int index = schema.IndexOf(name);
        if (index < 0)
        {
            section.Problem(key, $"no feature '{name}'{NearestName.Hint(name, schema.Features.Select(f => f.Name))}");
            return null;
        }
        Feature feature = schema.Features[index];
        string expected = kind == FeatureKind.Categorical ? "categorical" : SnakeCase.Of(kind);
        if (feature.Kind != kind || feature.Protected)
        {
            section.Problem(key, $"feature '{name}' is {(feature.Protected ? "protected" : SnakeCase.Of(feature.Kind))}, expected a {expected} one");
            return null;
        }
        return feature;
    }

    private static string ReadGroup(YamlSection section, ContactScope scope, IEnumerable<string>? groups)
    {
        string group = section.Text("group") ?? "";
        if (group.Length > 0 && scope != ContactScope.Group)
        {
            section.Problem("group", $"only scope: group has a group, the scope is {SnakeCase.Of(scope)}");
        }
        else if (group.Length > 0)
        {
            section.RequireKnown("group", group, "proposition has the group", groups);
        }
        return group;
    }

    private static GatePolicy ReadGate(YamlSection section, ImmutableArray<Proposition>? propositions)
    {
        List<GateEvidence> evidence = [];
        foreach (YamlSection entry in section.Sections("evidence"))
        {
            string proposition = entry.RequiredText("proposition");
            if (proposition.Length > 0)
            {
                entry.RequireKnown("proposition", proposition, "proposition", IdsOf(propositions));
            }
            evidence.Add(new GateEvidence(proposition, entry.Choice("tier", Tier.Marginal), entry.RequiredNumber("lower_bound"), entry.RequiredText("source")));
            entry.RejectUnknownKeys();
        }
        GateTest? test = null;
        if (section.Section("test") is { } t)
        {
            test = new GateTest(t.RequiredNumber("share", 0, 1), t.OptionalWhole("salt") ?? 0, t.RequiredDate("from"), t.RequiredDate("until"), t.RequiredNumber("budget", 0));
            if (test.Until < test.From && test.Until > DateOnly.MinValue)
            {
                t.Problem("until", FormattableString.Invariant($"{test.Until:yyyy-MM-dd}, expected a day not before from ({test.From:yyyy-MM-dd})"));
            }
            t.RejectUnknownKeys();
        }
        GatePolicy gate = new()
        {
            PotentialThreshold = section.OptionalNumber("potential_threshold", 0) ?? double.PositiveInfinity,
            Evidence = [.. evidence],
            Test = test,
        };
        section.RejectUnknownKeys();
        return gate;
    }

    private static HoldOutPolicy ReadHoldOut(YamlSection section, ImmutableArray<Proposition>? propositions)
    {
        HoldOutPolicy holdOut = new(section.Number("share", 0, 0, 0.5), section.OptionalWhole("salt") ?? 0, section.Text("standard_treatment"));
        if (holdOut.StandardTreatment is { } id)
        {
            section.RequireKnown("standard_treatment", id, "proposition", IdsOf(propositions));
        }
        section.RejectUnknownKeys();
        return holdOut;
    }

    private static ExplorationPolicy ReadExploration(YamlSection section, ImmutableArray<string>? channels)
    {
        ImmutableSortedDictionary<string, Exploration>.Builder byChannel = ImmutableSortedDictionary.CreateBuilder<string, Exploration>(StringComparer.Ordinal);
        YamlSection? entries = section.Section("channels");
        foreach (string channel in entries?.Keys ?? [])
        {
            entries!.RequireKnown(channel, channel, "channel", channels);
            byChannel[channel] = ReadOne(entries, channel);
        }
        double? scale = section.OptionalNumber("scale", 0);
        if (scale == 0)
        {
            section.Problem("scale", "0, expected more than 0");
        }
        ExplorationPolicy policy = new()
        {
            Default = section.Has("default") ? ReadOne(section, "default") : Exploration.None,
            Channels = byChannel.Count == 0 ? ImmutableSortedDictionary<string, Exploration>.Empty : byChannel.ToImmutable(),
            Scale = scale,
        };
        section.RejectUnknownKeys();
        return policy;
    }

    // none, or one kind with its parameter: {epsilon: 0.05}.
    private static Exploration ReadOne(YamlSection section, string key)
    {
        if (section.IsScalar(key))
        {
            if (section.Text(key) is not (null or "none"))
            {
                section.Problem(key, $"'{section.Text(key)}', expected none or one of epsilon, softmax, square_cb with its parameter, such as {{epsilon: 0.05}}");
            }
            return Exploration.None;
        }
        if (section.Section(key) is not { } kind)
        {
            return Exploration.None;
        }
        Exploration[] found = [.. new[] { ExplorationKind.Epsilon, ExplorationKind.Softmax, ExplorationKind.SquareCb }
            .Where(k => kind.Has(SnakeCase.Of(k)))
            .Select(k => new Exploration(k, kind.Number(SnakeCase.Of(k), 0, 0, k == ExplorationKind.Epsilon ? 1 : double.MaxValue)))];
        kind.RejectUnknownKeys();
        if (found.Length > 1)
        {
            section.Problem(key, "more than one kind of exploration");
        }
        return found.FirstOrDefault(Exploration.None);
    }

    private static SmoothingPolicy ReadSmoothing(YamlSection section)
    {
        SmoothingPolicy defaults = new();
        SmoothingPolicy smoothing = new(section.Number("proposition", defaults.Proposition, 1), section.Number("segment", defaults.Segment, 1));
        section.RejectUnknownKeys();
        return smoothing;
    }

    private static IEnumerable<string>? IdsOf(ImmutableArray<Proposition>? propositions) => propositions?.Select(p => p.Id);
}
