using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using static ScoringEngine.Core.Workspaces.YamlText;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Writes <c>propositions.yaml</c>.</summary>
internal static class CatalogueWriter
{
    /// <summary>The text of <c>propositions.yaml</c>.</summary>
    public static string Text(IEnumerable<Proposition> propositions)
    {
        StringBuilder text = new();
        text.Append("""
            # The catalogue. Amounts in the policy's currency; a plain number, or base + per feature (+ every: month or year).
            #   margin, saving: gained from those who accept and would not have done so anyway (incrementality).
            #   fulfilment: paid for everybody who accepts.  contact: paid for every offer, by channel.
            #   differentiation: estimate, never counted as captured value.
            # benefits, sacrifices: by need, -1..1.  provenance: assumed, surveyed, estimated or measured.
            # rules: who may have it (eligibility), when it is relevant (applicability), for whom it is good (suitability): comparisons such as
            #   tenure_months >= 12, plan in [basic, plus], has_app = true, satisfaction is known, tier = value_creator; a list means all of
            #   them, any: one of them, none: none of them; within brackets a comparison stands in quotes. One with a missing value is not true.
            # channels: all unless listed.  valid_from, valid_until: days.  budget, volume: in all.  caps: as in policy.yaml, of its own.
            # concession: what a role must have the right to grant; fulfilment unless given.  maturity_days: an unanswered offer counts as declined then.
            propositions:

            """);
        foreach (Proposition p in propositions)
        {
            text.Append($"  - id: {Scalar(p.Id)}\n    name: {Scalar(p.Name)}\n");
            text.Append($"    kind: {SnakeCase.Of(p.Kind)}\n    lever: {SnakeCase.Of(p.Lever)}\n");
            Optional(text, "    value_area", p.ValueArea);
            Optional(text, "    category", p.Category);
            Optional(text, "    group", p.Group);
            text.Append($"    differentiated: {Flag(p.Differentiated)}\n");
            if (!p.NeedsAcceptance)
            {
                text.Append("    needs_acceptance: false\n");
            }
            text.Append($"    provenance: {SnakeCase.Of(p.Provenance)}\n    prior_propensity: {Number(p.PriorPropensity)}\n");
            text.Append("    economics:\n");
            AmountText(text, "margin", p.Margin);
            AmountText(text, "saving", p.Saving);
            text.Append($"      differentiation: {Number(p.Differentiation)}\n      fulfilment: {Number(p.Fulfilment)}\n");
            ImmutableSortedDictionary<string, double> contact = p.Contact.Add("default", p.DefaultContact);
            text.Append($"      contact: {(p.Contact.IsEmpty ? Number(p.DefaultContact) : Map(contact))}\n");
            if (p.Incrementality is { } incrementality)
            {
                text.Append($"      incrementality: {Number(incrementality)}\n");
            }
            text.Append($"    benefits: {Map(p.Benefits)}\n    sacrifices: {Map(p.Sacrifices)}\n");
            ConditionsText(text, p);
            TextMap(text, "    ", "wording", p.Wording);
        }
        return text.ToString();
    }

    // What else a proposition asks for: rules, channels, time, money, contacts.
    private static void ConditionsText(StringBuilder text, Proposition p)
    {
        (string Key, Rule? Rule)[] rules = [("eligibility", p.Eligibility), ("applicability", p.Applicability), ("suitability", p.Suitability)];
        if (rules.Any(r => r.Rule is not null))
        {
            text.Append("    rules:\n");
            foreach ((string key, Rule rule) in rules.Where(r => r.Rule is not null).Select(r => (r.Key, r.Rule!)))
            {
                text.Append($"      {key}:");
                RuleText.Append(text, "        ", rule);
            }
        }
        (string Key, string? Value)[] scalars =
        [
            ("minimum_customer_value", p.MinimumCustomerValue is { } minimum ? Number(minimum) : null),
            ("channels", Names(p.Channels)),
            ("valid_from", p.ValidFrom is { } from ? Date(from) : null),
            ("valid_until", p.ValidUntil is { } until ? Date(until) : null),
            ("budget", p.Budget is { } budget ? Number(budget) : null),
            ("volume", p.Volume is { } volume ? volume.ToString(CultureInfo.InvariantCulture) : null),
            ("maturity_days", p.MaturityDays == 30 ? null : Number(p.MaturityDays)),
            ("concession", p.Concession is { } concession ? Number(concession) : null),
        ];
        foreach ((string key, string? value) in scalars.Where(s => s.Value is not null))
        {
            text.Append($"    {key}: {value}\n");
        }
        PolicyWriter.CapsText(text, "    ", p.Caps, ofProposition: true);
    }

    private static void AmountText(StringBuilder text, string key, Amount amount)
    {
        if (amount.PerFeature.IsEmpty && amount.Every == Frequency.Once)
        {
            text.Append($"      {key}: {Number(amount.Base)}\n");
            return;
        }
        text.Append($"      {key}:\n        base: {Number(amount.Base)}\n");
        if (!amount.PerFeature.IsEmpty)
        {
            text.Append($"        per: {Map(amount.PerFeature)}\n");
        }
        text.Append($"        every: {SnakeCase.Of(amount.Every)}\n");
    }
}
