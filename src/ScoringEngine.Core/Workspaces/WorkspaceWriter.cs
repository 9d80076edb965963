using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;

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
        return $"""
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

            """;
    }

    /// <summary>The text of <c>needs.yaml</c>.</summary>
    public static string NeedsText(Needs needs)
    {
        ArgumentNullException.ThrowIfNull(needs);
        StringBuilder text = new();
        text.Append("""
            # How customers perceive value: weight of each need (0..1, sum at most 1), by segment.
            # Learn it by asking a representative sample: research sample draws it, research import writes the segments below.
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
                text.Append(SegmentText(segment, weights, "  "));
            }
        }
        if (!needs.DeclineReasons.IsEmpty)
        {
            text.Append("\n# Which need a reason for declining stands for; a need's own id stands for it, too.\ndecline_reasons:\n");
            foreach ((string reason, string need) in needs.DeclineReasons)
            {
                text.Append($"  {Scalar(reason)}: {Scalar(need)}\n");
            }
        }
        return text.ToString();
    }

    /// <summary>One segment's entry in <c>needs.yaml</c>.</summary>
    internal static string SegmentText(int segment, NeedWeights weights, string indent)
    {
        StringBuilder text = new($"{indent}- segment: {segment}\n");
        Weights(text, indent + "  ", weights);
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
            propositions:

            """);
        foreach (Proposition p in propositions)
        {
            text.Append($"  - id: {Scalar(p.Id)}\n    name: {Scalar(p.Name)}\n");
            text.Append($"    kind: {SnakeCase.Of(p.Kind)}\n    lever: {SnakeCase.Of(p.Lever)}\n");
            Optional(text, "    category", p.Category);
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
            if (!p.Wording.IsEmpty)
            {
                text.Append("    wording:\n");
                foreach ((string language, string words) in p.Wording)
                {
                    text.Append($"      {Scalar(language)}: {Scalar(words)}\n");
                }
            }
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
            strategies:

            """);
        foreach (Strategy strategy in strategies)
        {
            text.Append($"  - id: {Scalar(strategy.Id)}\n    name: {Scalar(strategy.Name)}\n    owner: {Scalar(strategy.Owner)}\n");
            text.Append($"    segments: {(strategy.Segments.IsEmpty ? "all" : $"[{string.Join(", ", strategy.Segments)}]")}\n");
            foreach (string element in Strategy.Elements)
            {
                text.Append($"    {element}: {Scalar(strategy.Articulation.GetValueOrDefault(element, ""))}\n");
            }
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

    private static string Map(IEnumerable<KeyValuePair<string, double>> numbers)
        => "{" + string.Join(", ", numbers.Select(n => $"{Scalar(n.Key)}: {Number(n.Value)}")) + "}";

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Flag(bool value) => value ? "true" : "false";

    // A comment ends with its line.
    private static string Comment(string text) => string.Concat(text.Select(c => char.IsControl(c) || IsLineSeparator(c) ? ' ' : c));

    private static bool IsLineSeparator(char c) => c is '\u2028' or '\u2029';

    // Plain where YAML reads it back as the same text, double-quoted otherwise.
    private static string Scalar(string text)
    {
        bool plain = text.Length > 0 && !char.IsWhiteSpace(text[0]) && !char.IsWhiteSpace(text[^1])
            && text is not ("null" or "~") && char.IsLetterOrDigit(text[0])
            && text.All(c => char.IsLetterOrDigit(c) || c is ' ' or '_' or '-' or '.' or '+' or '/' or '(' or ')' or '%');
        if (plain)
        {
            return text;
        }
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
