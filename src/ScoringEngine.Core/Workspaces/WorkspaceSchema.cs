using System.Collections.Immutable;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Workspaces;

/// <summary>What <c>schema.yaml</c> says: how customer files are read and what is predicted.</summary>
/// <param name="IdColumn">Column that holds the customer's id.</param>
/// <param name="Features">The feature schema.</param>
/// <param name="Target">The profit target; null where profitability cannot be trained.</param>
public sealed record WorkspaceSchema(string IdColumn, FeatureSchema Features, ProfitTarget? Target)
{
    /// <summary>Name of the file in a workspace.</summary>
    public const string FileName = "schema.yaml";

    internal static WorkspaceSchema? Load(WorkspaceSource source, List<WorkspaceProblem> problems)
    {
        int before = problems.Count;
        YamlSection? file = YamlSection.Load(source, FileName, problems);
        if (file is null)
        {
            return null;
        }
        string id = file.RequiredText("id");
        ProfitTarget? target = ReadTarget(file);
        List<Feature> features = [];
        Dictionary<string, YamlSection> byName = [];
        HashSet<int> ids = [];
        foreach (string key in new[] { "features", "context" })
        {
            foreach (YamlSection section in file.Sections(key))
            {
                Feature feature = ReadFeature(section, key == "context");
                if (feature.Name.Length == 0)
                {
                    continue; // noted as missing
                }
                if (feature.Name == id)
                {
                    section.Problem("name", $"'{id}' is the id column, which is no feature");
                }
                if (!byName.TryAdd(feature.Name, section))
                {
                    section.Problem("name", $"'{feature.Name}' is used twice");
                }
                else if (feature.Id > 0 && !ids.Add(feature.Id))
                {
                    section.Problem("id", $"{feature.Id} is used twice; ids are permanent and never reused");
                }
                else
                {
                    features.Add(feature);
                }
            }
        }
        if (!features.Exists(f => !f.Context))
        {
            file.Problem("features", "missing, expected at least one feature");
        }
        foreach ((string column, _) in target?.Terms ?? [])
        {
            if (byName.TryGetValue(column, out YamlSection? section))
            {
                section.Problem("name", $"'{column}' is part of the target and cannot be a feature");
            }
        }
        if (target is not null)
        {
            CheckTrends(file.Section("target")!, target, features);
        }
        file.RejectUnknownKeys();
        return problems.Count == before ? new WorkspaceSchema(id, new FeatureSchema(features), target) : null;
    }

    private static ProfitTarget? ReadTarget(YamlSection file)
    {
        if (file.Section("target") is not { } section)
        {
            return null;
        }
        string columns = section.RequiredText("columns");
        ImmutableArray<(string, int)> terms = [];
        if (columns.Length > 0)
        {
            try
            {
                terms = ProfitTarget.Parse(columns);
            }
            catch (FormatException e)
            {
                section.Problem("columns", e.Message);
            }
        }
        ProfitTarget target = new()
        {
            Terms = terms,
            Period = section.Text("period") ?? "year",
            Proxy = section.Flag("proxy", false),
            Loss = section.Choice("loss", ProfitLoss.Squared),
            TweediePower = section.Number("tweedie_power", 1.5),
            RisesWith = [.. section.Texts("rises_with")],
            FallsWith = [.. section.Texts("falls_with")],
        };
        if (target.TweediePower is not (> 1 and < 2))
        {
            section.Problem("tweedie_power", $"{target.TweediePower}, expected strictly between 1 and 2");
        }
        if (section.Has("tweedie_power") && target.Loss != ProfitLoss.Tweedie)
        {
            section.Problem("tweedie_power", "only loss: tweedie has a power");
        }
        section.RejectUnknownKeys();
        return target;
    }

    private static void CheckTrends(YamlSection section, ProfitTarget target, List<Feature> features)
    {
        foreach ((string key, ImmutableArray<string> names) in new[] { ("rises_with", target.RisesWith), ("falls_with", target.FallsWith) })
        {
            foreach (string name in names)
            {
                Feature? feature = features.Find(f => f.Name == name);
                if (feature is null)
                {
                    section.Problem(key, $"no feature '{name}'{NearestName.Hint(name, features.Select(f => f.Name))}");
                }
                else if (feature.Kind != FeatureKind.Numeric || feature.Context || feature.Protected)
                {
                    section.Problem(key, $"'{name}' is {(feature.Protected ? "protected" : feature.Context ? "known in interactions only" : "not numeric")}, expected a numeric feature of customers");
                }
            }
        }
        foreach (string name in target.RisesWith.Intersect(target.FallsWith, StringComparer.Ordinal))
        {
            section.Problem("falls_with", $"'{name}' is under rises_with, too");
        }
    }

    private static Feature ReadFeature(YamlSection section, bool context)
    {
        FeatureKind kind = section.Choice("kind", FeatureKind.Numeric);
        ImmutableArray<string> categories = [.. section.Texts("categories")];
        float? minimum = section.OptionalSingle("min");
        float? maximum = section.OptionalSingle("max");
        bool log1P = section.Flag("log1p", false);
        Feature feature = new()
        {
            Id = section.Integer("id", 0, 1, int.MaxValue),
            Name = section.RequiredText("name"),
            Kind = kind,
            Unit = section.Text("unit"),
            Missing = section.Choice("missing", MissingHandling.Allow),
            Minimum = minimum,
            Maximum = maximum,
            Log1P = log1P,
            Segments = !context && section.Flag("segments", true),
            Personal = section.Flag("personal", false),
            Protected = section.Flag("protected", false),
            Context = context,
            Default = context ? ReadDefault(section, kind, categories) : float.NaN,
            Categories = kind == FeatureKind.Categorical ? categories : [],
            Formerly = section.Texts("formerly").ToImmutableArray(),
        };
        if (!section.Has("id"))
        {
            section.Problem("id", "missing, expected a permanent whole number from 1");
        }
        if (feature.Formerly.Any(string.IsNullOrWhiteSpace))
        {
            section.Problem("formerly", "empty, expected an earlier name");
        }
        if (feature.Formerly.Contains(feature.Name))
        {
            section.Problem("formerly", $"'{feature.Name}' is the name of now");
        }
        if (kind == FeatureKind.Categorical && categories.Distinct(StringComparer.Ordinal).Count() != categories.Length)
        {
            section.Problem("categories", "a category comes twice");
        }
        if (kind != FeatureKind.Categorical && categories.Length > 0)
        {
            section.Problem("categories", "only a categorical feature has categories");
        }
        if (kind != FeatureKind.Numeric && (minimum is not null || maximum is not null || log1P))
        {
            section.Problem(minimum is not null ? "min" : maximum is not null ? "max" : "log1p", "only a numeric feature has a range or log1p");
        }
        if (minimum > maximum)
        {
            section.Problem("max", $"{maximum}, expected at least min ({minimum})");
        }
        if (log1P && minimum is not >= 0)
        {
            section.Problem("log1p", "needs a min of 0 or more");
        }
        if (kind == FeatureKind.Numeric && !float.IsNaN(feature.Default) && FeatureSchema.Violation(feature, feature.Default) is { } violation)
        {
            section.Problem("default", violation);
        }
        section.RejectUnknownKeys();
        return feature;
    }

    private static float ReadDefault(YamlSection section, FeatureKind kind, ImmutableArray<string> categories)
    {
        string? text = section.Text("default");
        switch (kind)
        {
            case var _ when text is null:
                return float.NaN;
            case FeatureKind.Categorical:
                int code = categories.IndexOf(text);
                if (code < 0)
                {
                    section.Problem("default", $"'{text}', expected one of the categories{NearestName.Hint(text, categories)}");
                }
                return code;
            case FeatureKind.Boolean:
                return section.Flag("default", false) ? 1 : 0;
            default:
                return section.OptionalSingle("default") ?? float.NaN;
        }
    }
}
