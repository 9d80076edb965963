using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using static ScoringEngine.Core.Workspaces.YamlText;

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
        return PolicyWriter.Text(policy);
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
        return CatalogueWriter.Text(propositions);
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
                PolicyWriter.RightsText(text, "      ", strategy.DecisionRights);
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
}
