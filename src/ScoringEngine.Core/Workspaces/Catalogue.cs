using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Reads <c>propositions.yaml</c>, the catalogue.</summary>
internal static class Catalogue
{
    internal const string FileName = "propositions.yaml";

    /// <summary>The propositions; features, channels and needs are checked where those files could be read.</summary>
    internal static ImmutableArray<Proposition>? Load(WorkspaceSource source, FeatureSchema? schema, Needs? needs, List<WorkspaceProblem> problems)
    {
        YamlSection? file = YamlSection.Load(source, FileName, problems);
        if (file is null)
        {
            return null;
        }
        List<Proposition> propositions = [];
        foreach (YamlSection section in file.Sections("propositions"))
        {
            Proposition proposition = Read(section, schema, needs);
            if (proposition.Id == PropositionValue.DoNothingId)
            {
                section.Problem("id", $"'{PropositionValue.DoNothingId}' stands for offering nothing, choose another");
            }
            else if (proposition.Id.Length > 0 && propositions.Exists(p => p.Id == proposition.Id))
            {
                section.Problem("id", $"'{proposition.Id}' is used twice");
            }
            propositions.Add(proposition);
        }
        file.RejectUnknownKeys();
        // By id: nothing may depend on the order in the file.
        return [.. propositions.OrderBy(p => p.Id, StringComparer.Ordinal)];
    }

    private static Proposition Read(YamlSection section, FeatureSchema? schema, Needs? needs)
    {
        YamlSection? economics = section.Section("economics");
        YamlSection? rules = section.Section("rules");
        (double contact, ImmutableSortedDictionary<string, double> contactByChannel) = ReadContact(economics, schema);
        Proposition proposition = new()
        {
            Id = section.RequiredText("id"),
            Name = section.Text("name") ?? section.Text("id") ?? "",
            Wording = section.TextMap("wording"),
            Kind = section.Choice("kind", PropositionKind.Commercial),
            Lever = section.Choice("lever", Lever.Retain),
            Category = section.Text("category") ?? "",
            Differentiated = section.Flag("differentiated", false),
            NeedsAcceptance = section.Flag("needs_acceptance", true),
            Margin = ReadAmount(economics, "margin", schema),
            Saving = ReadAmount(economics, "saving", schema),
            Differentiation = economics?.Number("differentiation", 0) ?? 0,
            Fulfilment = economics?.Number("fulfilment", 0, 0) ?? 0,
            Contact = contactByChannel,
            DefaultContact = contact,
            Incrementality = economics?.OptionalNumber("incrementality", 0, 1),
            PriorPropensity = section.Number("prior_propensity", 0.05, 0, 1),
            Provenance = section.Choice("provenance", Provenance.Assumed),
            Benefits = ReadNeeds(section, "benefits", needs),
            Sacrifices = ReadNeeds(section, "sacrifices", needs),
            ValueArea = section.Text("value_area") ?? "",
            Group = section.Text("group") ?? "",
            Eligibility = rules is null ? null : RuleReader.Read(rules, "eligibility", schema),
            Applicability = rules is null ? null : RuleReader.Read(rules, "applicability", schema),
            Suitability = rules is null ? null : RuleReader.Read(rules, "suitability", schema),
            MinimumCustomerValue = section.OptionalNumber("minimum_customer_value", -1, 1),
            Channels = section.Names("channels", "channel", WorkspaceParts.ChannelsOf(schema)),
            ValidFrom = section.OptionalDate("valid_from"),
            ValidUntil = section.OptionalDate("valid_until"),
            Budget = section.OptionalNumber("budget", 0),
            Volume = section.OptionalWhole("volume", 0),
            Caps = PolicyFile.ReadCaps(section, WorkspaceParts.ChannelsOf(schema), ofProposition: true),
            MaturityDays = section.Integer("maturity_days", 30, 1, 3650),
            Concession = section.OptionalNumber("concession", 0),
        };
        if (proposition.ValidUntil < proposition.ValidFrom)
        {
            section.Problem("valid_until", FormattableString.Invariant($"{proposition.ValidUntil:yyyy-MM-dd}, expected a day not before valid_from ({proposition.ValidFrom:yyyy-MM-dd})"));
        }
        economics?.RejectUnknownKeys();
        rules?.RejectUnknownKeys();
        section.RejectUnknownKeys();
        return proposition;
    }

    private static Amount ReadAmount(YamlSection? economics, string key, FeatureSchema? schema)
    {
        if (economics is null || !economics.Has(key))
        {
            return Amount.Zero;
        }
        if (economics.IsScalar(key))
        {
            return Amount.Zero with { Base = economics.Number(key, 0) };
        }
        if (economics.Section(key) is not { } section)
        {
            return Amount.Zero;
        }
        Amount amount = new(
            section.Number("base", 0),
            section.Numbers("per").ToImmutableSortedDictionary(StringComparer.Ordinal),
            section.Choice("every", Frequency.Once));
        foreach (string name in amount.PerFeature.Keys)
        {
            int index = schema?.IndexOf(name) ?? -1;
            if (schema is not null && index < 0)
            {
                section.Problem("per", $"no feature '{name}'{NearestName.Hint(name, schema.Features.Select(f => f.Name))}");
            }
            else if (schema is not null && (schema.Features[index].Kind == FeatureKind.Categorical || schema.Features[index].Protected))
            {
                section.Problem("per", $"feature '{name}' is {(schema.Features[index].Protected ? "protected" : "categorical")}, expected a numeric or boolean one");
            }
        }
        section.RejectUnknownKeys();
        return amount;
    }

    private static (double Standard, ImmutableSortedDictionary<string, double> ByChannel) ReadContact(YamlSection? economics, FeatureSchema? schema)
    {
        ImmutableSortedDictionary<string, double> none = ImmutableSortedDictionary<string, double>.Empty;
        if (economics is null || !economics.Has("contact"))
        {
            return (0, none);
        }
        if (economics.IsScalar("contact"))
        {
            return (economics.Number("contact", 0, 0), none);
        }
        ImmutableSortedDictionary<string, double> all = economics.Numbers("contact", 0).ToImmutableSortedDictionary(StringComparer.Ordinal);
        if (WorkspaceParts.ChannelsOf(schema) is { } channels)
        {
            foreach (string name in all.Keys.Where(name => name != "default" && !channels.Contains(name)))
            {
                economics.Problem("contact", $"no channel '{name}'{NearestName.Hint(name, channels)}");
            }
        }
        return (all.GetValueOrDefault("default"), all.Remove("default"));
    }

    private static ImmutableSortedDictionary<string, double> ReadNeeds(YamlSection section, string key, Needs? needs)
    {
        ImmutableSortedDictionary<string, double> numbers = section.Numbers(key, -1, 1).ToImmutableSortedDictionary(StringComparer.Ordinal);
        foreach (string id in numbers.Keys.Where(id => needs is not null && !needs.All.Any(n => n.Id == id)))
        {
            section.Problem(key, $"no need '{id}'{NearestName.Hint(id, needs!.All.Select(n => n.Id))}");
        }
        return numbers;
    }
}
