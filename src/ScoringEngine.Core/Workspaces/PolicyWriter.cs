using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Decisions;
using static ScoringEngine.Core.Workspaces.YamlText;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Writes <c>policy.yaml</c>.</summary>
internal static class PolicyWriter
{
    /// <summary>The text of <c>policy.yaml</c>.</summary>
    public static string Text(Policy policy)
    {
        StringBuilder text = new($"""
            # How value is counted. Amounts in propositions.yaml are in this currency.
            currency: {Scalar(policy.Currency)}
            # Recurring amounts count as present values over this horizon, at this yearly rate.
            horizon_months: {policy.HorizonMonths}
            discount_rate: {Number(policy.DiscountRate)}

            # Tiers by expected profit: value_destroyer | -band | marginal | +band | sustainer | threshold | value_creator.
            # Without marginal_band: a tenth of the mean absolute profit. Without creators_threshold: the best customers
            # that together reach creators_share of the whale curve's peak.
            tiers:
              {(policy.MarginalBand is { } band ? $"marginal_band: {Number(band)}" : "# marginal_band: 50")}
              {(policy.CreatorsThreshold is { } threshold ? $"creators_threshold: {Number(threshold)}" : "# creators_threshold: 500")}
              creators_share: {Number(policy.CreatorsShare)}

            # Potential = this quantile of profit given the features, minus expected profit.
            potential_quantile: {Number(policy.PotentialQuantile)}

            # What one unit of perceived customer value is worth in the ranking, in currency.
            customer_weight: {Number(policy.CustomerWeight)}
            # Perceived value from which a customer is said to win, -1..1.
            minimum_customer_value: {Number(policy.MinimumCustomerValue)}
            # Share of those who accept that would not have done so anyway, where the catalogue does not say.
            default_incrementality: {Number(policy.DefaultIncrementality)}

            # Whom to contact how often. Spans of time: 90s, 30m, 12h, 7d.
            # consent: by channel, the boolean feature that says yes; asked for commercial propositions only.
            # quiet_hours: no outbound contact, in the customer's time zone (time_zone_feature, else time_zone).
            # caps: most contacts in a sliding window; scope customer (all propositions), group or proposition; channels: all unless listed.
            # suppressions: after so many outcomes (declined, accepted, converted, complained, presented) within a time, a pause.
            # reservation: how long an offer that was decided on counts without being presented.
            contact_policy:
              time_zone: {Scalar(policy.Contact.TimeZone)}

            """);
        ContactText(text, policy.Contact);
        GateText(text, policy.Gate);
        text.Append(CultureInfo.InvariantCulture, $"""

            # The control group: this share of the customers gets nothing, or the standard treatment, for ever. Another salt, another group.
            hold_out:
              share: {Number(policy.HoldOut.Share)}
              salt: {policy.HoldOut.Salt}

            """);
        Optional(text, "  standard_treatment", policy.HoldOut.StandardTreatment);
        ExplorationText(text, policy.Exploration);
        text.Append($"""

            # Weight of a prior against counts, in offers: the catalogue's against the proposition's own rate, that against its rate in a segment.
            smoothing: {Braces([("proposition", Number(policy.Smoothing.Proposition)), ("segment", Number(policy.Smoothing.Segment))])}

            # What a calling role may grant without approval: a concession up to max_concession (a number, or any), and the propositions named.
            roles:

            """);
        RightsText(text, "  ", policy.Roles);
        text.Append($"""

            # A decision that cannot be logged: refuse it, or give the hold-out's standard_treatment and say degraded.
            on_log_failure: {SnakeCase.Of(policy.OnLogFailure)}
            # How long decisions with their outcomes, and the value feed, are kept.
            retention: {Braces([("decisions", Duration.Of(policy.DecisionRetention)), ("values", Duration.Of(policy.ValueRetention))])}

            """);
        return text.ToString();
    }

    private static void ContactText(StringBuilder text, ContactPolicy contact)
    {
        Optional(text, "  time_zone_feature", contact.TimeZoneFeature);
        text.Append($"  reservation: {Duration.Of(contact.Reservation)}\n");
        TextMap(text, "  ", "consent", contact.Consent);
        if (contact.QuietFrom is { } from && contact.QuietUntil is { } until)
        {
            text.Append(CultureInfo.InvariantCulture, $"  quiet_hours: {Braces([("from", $"\"{from:HH:mm}\""), ("until", $"\"{until:HH:mm}\""), ("channels", Names(contact.QuietChannels))])}\n");
        }
        CapsText(text, "  ", contact.Caps, ofProposition: false);
        if (!contact.Suppressions.IsEmpty)
        {
            text.Append("  suppressions:\n");
            foreach (Suppression s in contact.Suppressions)
            {
                text.Append($"    - {Braces(
                [
                    ("scope", SnakeCase.Of(s.Scope)), ("group", NameOrNone(s.Group)), ("outcome", SnakeCase.Of(s.Outcome)), ("after", Number(s.After)),
                    ("within", Duration.Of(s.Within)), ("pause", Duration.Of(s.Pause)),
                ])}\n");
            }
        }
    }

    /// <summary>Caps as a list.</summary>
    public static void CapsText(StringBuilder text, string indent, ImmutableArray<ContactCap> caps, bool ofProposition)
    {
        if (caps.IsEmpty)
        {
            return;
        }
        text.Append($"{indent}caps:\n");
        foreach (ContactCap cap in caps)
        {
            text.Append($"{indent}  - {CapText(cap, ofProposition)}\n");
        }
    }

    /// <summary>A cap on one line; one of a proposition does not say its scope.</summary>
    public static string CapText(ContactCap cap, bool ofProposition) => Braces(
    [
        ("scope", ofProposition ? null : SnakeCase.Of(cap.Scope)), ("group", NameOrNone(cap.Group)), ("channels", Names(cap.Channels)),
        ("most", Number(cap.Most)), ("window", Duration.Of(cap.Window)),
    ]);

    private static void GateText(StringBuilder text, GatePolicy gate)
    {
        text.Append($"""

            # A differentiated proposition goes to a value_destroyer or marginal customer only by one of three doors: potential from this threshold
            # (in currency; none: closed), evidence (lower bound of its measured incremental value a customer above 0), or the dated, budgeted test.
            gate:
              {(double.IsPositiveInfinity(gate.PotentialThreshold) ? "# potential_threshold: 300" : $"potential_threshold: {Number(gate.PotentialThreshold)}")}

            """);
        text.Append(gate.Evidence.IsEmpty ? "" : "  evidence:\n");
        foreach (GateEvidence e in gate.Evidence)
        {
            text.Append($"    - {Braces([("proposition", Scalar(e.Proposition)), ("tier", SnakeCase.Of(e.Tier)), ("lower_bound", Number(e.LowerBound)), ("source", Scalar(e.Source))])}\n");
        }
        if (gate.Test is { } t)
        {
            text.Append($"  test: {Braces([("share", Number(t.Share)), ("salt", $"{t.Salt}"), ("from", Date(t.From)), ("until", Date(t.Until)), ("budget", Number(t.Budget))])}\n");
        }
    }

    private static void ExplorationText(StringBuilder text, ExplorationPolicy exploration)
    {
        text.Append($"""

            # Exploration by channel, off unless opened: none, {"{epsilon: 0.05}"}, {"{softmax: 5}"} or {"{square_cb: 10}"}. default: where the channel is not told.
            # scale: score that counts as 1 when scores are scaled to 0..1; the best candidate's unless given.
            exploration:
              default: {ExplorationText(exploration.Default)}

            """);
        if (exploration.Scale is { } scale)
        {
            text.Append($"  scale: {Number(scale)}\n");
        }
        text.Append(exploration.Channels.IsEmpty ? "" : "  channels:\n");
        foreach ((string channel, Exploration one) in exploration.Channels)
        {
            text.Append($"    {Scalar(channel)}: {ExplorationText(one)}\n");
        }
    }

    private static string ExplorationText(Exploration exploration)
        => exploration.Kind == ExplorationKind.None ? "none" : Braces([(SnakeCase.Of(exploration.Kind), Number(exploration.Parameter))]);

    /// <summary>What roles may grant, a role a line.</summary>
    public static void RightsText(StringBuilder text, string indent, ImmutableSortedDictionary<string, DecisionRight> rights)
    {
        foreach ((string role, DecisionRight right) in rights)
        {
            string most = double.IsPositiveInfinity(right.MaximumConcession) ? PolicyFile.AnyConcession : Number(right.MaximumConcession);
            text.Append($"{indent}{Scalar(role)}: {Braces([("max_concession", most), ("propositions", Names(right.Propositions))])}\n");
        }
    }
}
