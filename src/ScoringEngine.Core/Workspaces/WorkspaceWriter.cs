using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Writes workspace files as a person would: readable YAML with comments that say what to fill in.</summary>
public static class WorkspaceWriter
{
    /// <summary>Writes all files of a new workspace; the folder appears complete or not at all.</summary>
    /// <exception cref="WorkspaceException">The folder exists and is not empty.</exception>
    /// <param name="directory">The folder.</param>
    /// <param name="files">Texts by file name.</param>
    /// <param name="addFiles">Writes further files into the folder it is given; null for none.</param>
    public static void Create(string directory, IReadOnlyDictionary<string, string> files, Action<string>? addFiles = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new WorkspaceException(directory, "exists already, expected a new or empty folder");
        }
        string parent = Path.GetDirectoryName(target)!;
        Directory.CreateDirectory(parent);
        string temporary = Path.Combine(parent, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}");
        Directory.CreateDirectory(temporary);
        try
        {
            foreach ((string name, string text) in files)
            {
                File.WriteAllText(Path.Combine(temporary, name), text);
            }
            Workspace.Load(temporary);
            addFiles?.Invoke(temporary);
            if (Directory.Exists(target))
            {
                Directory.Delete(target);
            }
            Directory.Move(temporary, target);
        }
        catch
        {
            Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    /// <summary>Replaces one file; a reader sees the old or the new one.</summary>
    public static void Replace(string path, string text)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            File.WriteAllText(temporary, text);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>The text of <c>schema.yaml</c>.</summary>
    /// <param name="schema">What to write.</param>
    /// <param name="comments">Comment by feature name; a name that is no feature becomes a comment of its own.</param>
    public static string Schema(WorkspaceSchema schema, IReadOnlyDictionary<string, string>? comments = null)
    {
        ArgumentNullException.ThrowIfNull(schema);
        comments ??= ImmutableDictionary<string, string>.Empty;
        StringBuilder text = new();
        text.Append("""
            # What the columns of a customer file are.
            # kind: numeric, categorical or boolean.  missing: allow or reject.  min, max: values outside are rejected.
            # log1p: distances use log(1 + x).  segments: whether segments are built from it.
            # personal: never in logs.  protected: never an input of a model or rule.
            # An id is permanent: never give it to another feature.
            # formerly: an earlier name, or a list of them; without it a name must not change, for customers are stored under it.

            """);
        text.Append($"id: {Scalar(schema.IdColumn)}\n");
        if (schema.Target is { } target)
        {
            text.Append("\n# What profitability is trained on: a signed sum of columns.\n");
            text.Append("# proxy: true where it only stands in for profit (revenue, say); every output then says so.\n");
            text.Append("# loss: squared, poisson or tweedie (with tweedie_power); the latter two for targets that are never negative.\n");
            text.Append("# rises_with, falls_with: lists of numeric features with which it never falls, never rises.\n");
            text.Append($"target:\n  columns: {Scalar(target.ToString())}\n  period: {Scalar(target.Period)}\n  proxy: {Flag(target.Proxy)}\n");
            if (target.Loss != ProfitLoss.Squared)
            {
                text.Append($"  loss: {SnakeCase.Of(target.Loss)}\n");
            }
            if (target.Loss == ProfitLoss.Tweedie)
            {
                text.Append(CultureInfo.InvariantCulture, $"  tweedie_power: {target.TweediePower}\n");
            }
            foreach ((string key, ImmutableArray<string> names) in new[] { ("rises_with", target.RisesWith), ("falls_with", target.FallsWith) })
            {
                if (names.Length > 0)
                {
                    text.Append($"  {key}: [{string.Join(", ", names.Select(Scalar))}]\n");
                }
            }
        }
        HashSet<string> written = new(StringComparer.Ordinal);
        Features(text, "features", schema.Features.Features.Where(f => !f.Context), comments, written);
        if (schema.Features.Count > schema.Features.CustomerCount)
        {
            text.Append("\n# Known only in an interaction; the default stands for it elsewhere. Only propensities and rules use them.");
            Features(text, "context", schema.Features.Features.Where(f => f.Context), comments, written);
        }
        string[] rest = [.. comments.Keys.Where(k => !written.Contains(k))];
        if (rest.Length > 0)
        {
            text.Append("\n# Left out:\n");
            foreach (string name in rest)
            {
                text.Append($"#   {Comment(name)}: {Comment(comments[name])}\n");
            }
        }
        return text.ToString();
    }

    /// <summary>The text of <c>policy.yaml</c>.</summary>
    public static string PolicyText(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
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

    /// <summary>The text of <c>plan.yaml</c>.</summary>
    public static string PlanText(Plan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        StringBuilder text = new("""
            # The value-capture plan: promises that are real, measurable and time-bound. Strategies name their targets by id.
            # metric: what is measured; baseline: where it stood; target: where it shall stand; by: when; dated: when it was promised.
            targets:

            """);
        foreach (PlanTarget target in plan.Targets)
        {
            text.Append($"  - id: {Scalar(target.Id)}\n    metric: {Scalar(target.Metric)}\n");
            text.Append($"    baseline: {Number(target.Baseline)}\n    target: {Number(target.Target)}\n");
            text.Append($"    by: {Date(target.By)}\n    dated: {Date(target.Dated)}\n    lever: {SnakeCase.Of(target.Lever)}\n");
            Optional(text, "    owner", target.Owner);
        }
        return text.ToString();
    }

    /// <summary>The text of <c>needs.yaml</c>.</summary>
    public static string NeedsText(Needs needs)
    {
        ArgumentNullException.ThrowIfNull(needs);
        StringBuilder text = new();
        text.Append("""
            # How customers perceive value: weight of each need (0..1, sum at most 1), by segment.
            # Learn it by asking a representative sample: train --survey FILE writes the segments below.
            needs:

            """);
        foreach (Need need in needs.All)
        {
            text.Append($"  - id: {Scalar(need.Id)}\n    name: {Scalar(need.Name)}\n");
        }
        text.Append("\n# For segments that are not listed.\ndefault:\n");
        Weights(text, "  ", needs.Default);
        if (!needs.BySegment.IsEmpty)
        {
            text.Append("\nsegments:\n");
            foreach ((int segment, NeedWeights weights) in needs.BySegment)
            {
                text.Append($"  - segment: {segment}\n");
                Weights(text, "    ", weights);
            }
        }
        return text.ToString();
    }

    /// <summary>The text of <c>propositions.yaml</c>.</summary>
    public static string PropositionsText(IEnumerable<Proposition> propositions)
    {
        ArgumentNullException.ThrowIfNull(propositions);
        StringBuilder text = new();
        text.Append("""
            # The catalogue. Amounts in the policy's currency; a plain number, or base + per feature (+ every: month or year).
            #   margin, saving: gained from those who accept and would not have done so anyway (incrementality).
            #   fulfilment: paid for everybody who accepts.  contact: paid for every offer, by channel.
            #   differentiation: estimate, never counted as captured value.
            # benefits, sacrifices: by need, -1..1.  provenance: assumed, surveyed, estimated or measured.
            # rules: who may have it (eligibility), when it is relevant (applicability), for whom it is good (suitability): comparisons such as
            #   tenure_months >= 12, plan in [basic, plus], has_app = true, satisfaction is known, tier = value_creator; a list means all of
            #   them, {any: [...]} one of them, {none: [...]} none. A comparison with a missing value is not true.
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

    /// <summary>The text of <c>strategies.yaml</c>.</summary>
    public static string StrategiesText(IEnumerable<Strategy> strategies)
    {
        ArgumentNullException.ThrowIfNull(strategies);
        StringBuilder text = new();
        text.Append("""
            # The strategy for each segment, articulated. One that lacks an owner or one of the seven elements is reported as
            # incomplete:
            #   is_and_is_not          what the strategy is, and what it is not
            #   difference_from_today  how it differs from today's
            #   segments_addressed     which segments it addresses, and why
            #   path_to_value          the path to captured value and the business case
            #   capabilities           what the organisation must be able to do
            #   timeframe              by when
            #   changed_expectations   what is expected of the organisation from now on
            # segments: ids or all; tiers: value_destroyer, marginal, sustainer, value_creator, all unless listed. Each customer must have one strategy.
            # business_case in words, targets by id from plan.yaml.  treatments: service_level, pricing_posture, promotions...
            # decision_rights, incentives: by role of policy.yaml.  readiness of organisation, process, technology: not_started, in_progress, in_place.
            strategies:

            """);
        foreach (Strategy strategy in strategies)
        {
            text.Append($"  - id: {Scalar(strategy.Id)}\n    name: {Scalar(strategy.Name)}\n    owner: {Scalar(strategy.Owner)}\n");
            text.Append($"    segments: {(strategy.Segments.IsEmpty ? "all" : $"[{string.Join(", ", strategy.Segments)}]")}\n");
            if (!strategy.Tiers.IsEmpty)
            {
                text.Append($"    tiers: {List(strategy.Tiers.Select(SnakeCase.Of))}\n");
            }
            foreach (string element in Strategy.Elements)
            {
                text.Append($"    {element}: {Scalar(strategy.Articulation.GetValueOrDefault(element, ""))}\n");
            }
            Optional(text, "    business_case", strategy.BusinessCase);
            if (!strategy.Targets.IsEmpty)
            {
                text.Append($"    targets: {List(strategy.Targets)}\n");
            }
            TextMap(text, "    ", "treatments", strategy.Treatments);
            if (!strategy.DecisionRights.IsEmpty)
            {
                text.Append("    decision_rights:\n");
                RightsText(text, "      ", strategy.DecisionRights);
            }
            TextMap(text, "    ", "incentives", strategy.Incentives);
            TextMap(text, "    ", "readiness", strategy.Readiness.Select(r => KeyValuePair.Create(r.Key, SnakeCase.Of(r.Value))));
        }
        return text.ToString();
    }

    private static void Features(StringBuilder text, string key, IEnumerable<Feature> features,
        IReadOnlyDictionary<string, string> comments, HashSet<string> written)
    {
        text.Append($"\n{key}:\n");
        foreach (Feature feature in features)
        {
            written.Add(feature.Name);
            text.Append($"  - id: {feature.Id}");
            if (comments.TryGetValue(feature.Name, out string? comment))
            {
                text.Append($"  # {Comment(comment)}");
            }
            text.Append($"\n    name: {Scalar(feature.Name)}\n    kind: {SnakeCase.Of(feature.Kind)}\n");
            if (!feature.Formerly.IsEmpty)
            {
                text.Append($"    formerly: [{string.Join(", ", feature.Formerly.Select(Scalar))}]\n");
            }
            Optional(text, "    unit", feature.Unit);
            if (feature.Missing != MissingHandling.Allow)
            {
                text.Append($"    missing: {SnakeCase.Of(feature.Missing)}\n");
            }
            foreach ((string name, float? bound) in new[] { ("min", feature.Minimum), ("max", feature.Maximum) })
            {
                if (bound is { } value)
                {
                    text.Append($"    {name}: {Number(value)}\n");
                }
            }
            foreach ((string name, bool value, bool standard) in new[]
            {
                ("log1p", feature.Log1P, false),
                ("segments", feature.Segments || feature.Context, true), // no key of a context feature
                ("personal", feature.Personal, false),
                ("protected", feature.Protected, false),
            })
            {
                if (value != standard)
                {
                    text.Append($"    {name}: {Flag(value)}\n");
                }
            }
            if (feature.Kind == FeatureKind.Categorical)
            {
                text.Append($"    categories: [{string.Join(", ", feature.Categories.Select(Scalar))}]\n");
            }
            if (feature.Context && !float.IsNaN(feature.Default))
            {
                string value = feature.Kind switch
                {
                    FeatureKind.Categorical => Scalar(feature.Categories[(int)feature.Default]),
                    FeatureKind.Boolean => Flag(feature.Default == 1),
                    _ => Number(feature.Default),
                };
                text.Append($"    default: {value}\n");
            }
        }
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

    private static void CapsText(StringBuilder text, string indent, ImmutableArray<ContactCap> caps, bool ofProposition)
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

    internal static string CapText(ContactCap cap, bool ofProposition) => Braces(
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

    private static void RightsText(StringBuilder text, string indent, ImmutableSortedDictionary<string, DecisionRight> rights)
    {
        foreach ((string role, DecisionRight right) in rights)
        {
            string most = double.IsPositiveInfinity(right.MaximumConcession) ? PolicyFile.AnyConcession : Number(right.MaximumConcession);
            text.Append($"{indent}{Scalar(role)}: {Braces([("max_concession", most), ("propositions", Names(right.Propositions))])}\n");
        }
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
        CapsText(text, "    ", p.Caps, ofProposition: true);
    }

    private static void TextMap(StringBuilder text, string indent, string key, IEnumerable<KeyValuePair<string, string>> texts)
    {
        if (texts.Any())
        {
            text.Append($"{indent}{key}:\n");
            foreach ((string name, string value) in texts)
            {
                text.Append($"{indent}  {Scalar(name)}: {Scalar(value)}\n");
            }
        }
    }

    private static void Weights(StringBuilder text, string indent, NeedWeights weights)
    {
        text.Append($"{indent}provenance: {SnakeCase.Of(weights.Provenance)}\n");
        Optional(text, indent + "source", weights.Source);
        if (weights.SampleSize > 0)
        {
            text.Append($"{indent}sample_size: {weights.SampleSize}\n");
        }
        text.Append($"{indent}weights: {Map(weights.Weights)}\n");
        if (!weights.HalfWidths.IsEmpty)
        {
            text.Append($"{indent}half_widths: {Map(weights.HalfWidths)}\n");
        }
        if (!weights.Words.IsEmpty)
        {
            text.Append($"{indent}words:\n");
            foreach (string words in weights.Words)
            {
                text.Append($"{indent}  - {Scalar(words)}\n");
            }
        }
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

    private static void Optional(StringBuilder text, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            text.Append($"{key}: {Scalar(value)}\n");
        }
    }

    // A mapping on one line; what is null is left out.
    private static string Braces(ReadOnlySpan<(string Key, string? Value)> entries)
    {
        List<string> written = [];
        foreach ((string key, string? value) in entries)
        {
            if (value is not null)
            {
                written.Add($"{key}: {value}");
            }
        }
        return "{" + string.Join(", ", written) + "}";
    }

    private static string List(IEnumerable<string> names) => "[" + string.Join(", ", names.Select(Scalar)) + "]";

    private static string? Names(ImmutableArray<string> names) => names.IsEmpty ? null : List(names);

    private static string? NameOrNone(string name) => name.Length == 0 ? null : Scalar(name);

    private static string Date(DateOnly date) => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Map(IEnumerable<KeyValuePair<string, double>> numbers)
        => "{" + string.Join(", ", numbers.Select(n => $"{Scalar(n.Key)}: {Number(n.Value)}")) + "}";

    internal static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Flag(bool value) => value ? "true" : "false";

    // A comment ends with its line.
    private static string Comment(string text) => string.Concat(text.Select(c => char.IsControl(c) || IsLineSeparator(c) ? ' ' : c));

    private static bool IsLineSeparator(char c) => c is '\u2028' or '\u2029';

    // Plain where YAML reads it back as the same text, double-quoted otherwise.
    internal static string Scalar(string text)
    {
        bool plain = text.Length > 0 && !char.IsWhiteSpace(text[0]) && !char.IsWhiteSpace(text[^1])
            && text is not ("null" or "~") && char.IsLetterOrDigit(text[0])
            && text.All(c => char.IsLetterOrDigit(c) || c is ' ' or '_' or '-' or '.' or '+' or '/' or '(' or ')' or '%');
        return plain ? text : Quoted(text);
    }

    /// <summary>Text in double quotes.</summary>
    internal static string Quoted(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char c in text)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when char.IsControl(c) || IsLineSeparator(c) || c == '\uFEFF' => $"\\u{(int)c:X4}",
                _ => c.ToString(),
            });
        }
        return quoted.Append('"').ToString();
    }
}
