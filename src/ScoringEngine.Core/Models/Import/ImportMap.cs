using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// The file that says how a model's inputs follow from the workspace's features:
/// <code>
/// inputs:                       # a list of features, in order, where the model does not name its inputs
///   x0: tenure
///   x1: { feature: contract, category: Month-to-month }    # 1 for this category, else 0
///   x2: { feature: income, missing: 0 }
///   x3: { missing: 1 }                                     # no feature, always 1; ~ for always missing
/// categories:                   # the model's code or text: the schema's category (~ for a missing one)
///   contract: { 0: Month-to-month, 1: One year }
/// segments: { 0: Loyal, 1: New }                           # label: name, in the order of ids
/// </code>
/// </summary>
internal sealed class ImportMap
{
    private readonly string _file;
    private readonly ImmutableArray<Entry>? _order;
    private readonly Dictionary<string, Entry> _byInput = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ImmutableArray<(string Own, string? Category)>> _categories = new(StringComparer.Ordinal);

    private ImportMap(string file) => _file = file;

    private ImportMap(YamlSection yaml)
    {
        _file = yaml.File;
        if (yaml.IsList("inputs"))
        {
            _order = [.. yaml.Texts("inputs").Select(f => new Entry(f, null, null))];
        }
        else if (yaml.Section("inputs") is { } inputs)
        {
            foreach (string input in inputs.Keys)
            {
                _byInput[input] = ReadEntry(inputs, input);
            }
        }
        YamlSection? categories = yaml.Section("categories");
        foreach (string feature in categories?.Keys ?? [])
        {
            YamlSection? codes = categories!.Section(feature);
            _categories[feature] = codes is null ? [] : [.. codes.Keys.Select(own => (own, codes.Text(own)))];
        }
        YamlSection? segments = yaml.Section("segments");
        Segments = [.. segments?.Keys.Select(label => (label, segments.RequiredText(label))) ?? []];
        yaml.RejectUnknownKeys();
    }

    private sealed record Entry(string? Feature, string? Category, string? Missing);

    /// <summary>Labels with their segments' names, in the order of ids; empty where the file does not say.</summary>
    public ImmutableArray<(string Label, string Name)> Segments { get; } = [];

    /// <summary>Reads a file; whatever is wrong goes to <paramref name="problems"/>. Without a path the map is empty.</summary>
    /// <param name="path">The file, or null.</param>
    /// <param name="model">Path of the model, of which problems are told where there is no map.</param>
    /// <param name="problems">Everything that is wrong.</param>
    public static ImportMap Load(string? path, string model, List<WorkspaceProblem> problems)
        => path is not null && YamlSection.Load(path, problems) is { } yaml ? new ImportMap(yaml) : new ImportMap(path ?? model);

    /// <summary>Where each input of a model comes from; whatever does not fit goes to <paramref name="problems"/>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="schema">The features.</param>
    /// <param name="withContext">Whether context features may be inputs.</param>
    /// <param name="problems">Everything that is wrong; the result is of use only where nothing was added.</param>
    public InputMapping Resolve(ImportableModel model, FeatureSchema schema, bool withContext, List<WorkspaceProblem> problems)
    {
        ImmutableArray<ImportableInput> inputs = model.Inputs;
        if (inputs.IsDefault)
        {
            ImportableInputKind kind = ((Onnx.ImportableOnnx)model).OnlyKind;
            inputs = [.. _order?.Select((_, i) => new ImportableInput($"[{i}]", kind, [])) ?? []];
            if (inputs.IsEmpty)
            {
                Problem($"{model.Name} leaves the number of its inputs open: list the features in order under 'inputs' of --map");
            }
        }
        if (_order is { } order && model.HasInputNames)
        {
            Problem($"inputs: {model.Name} names its inputs, expected a mapping from these names to features");
        }
        else if (_order is { } list && list.Length != inputs.Length)
        {
            Problem($"inputs: {list.Length} features for {inputs.Length} inputs of {model.Name}");
        }
        HashSet<string> names = [.. inputs.Select(i => i.Name)];
        foreach (string unknown in _byInput.Keys.Where(i => !names.Contains(i)))
        {
            Problem($"inputs.{unknown}: {model.Name} has no such input{NearestName.Hint(unknown, names)}");
        }
        List<ModelInput> resolved = [];
        HashSet<string> usedCategories = [];
        for (int i = 0; i < inputs.Length; i++)
        {
            Entry? entry = _order is { } ordered ? (i < ordered.Length ? ordered[i] : null)
                : _byInput.GetValueOrDefault(inputs[i].Name) ?? (model.HasInputNames ? new Entry(inputs[i].Name, null, null) : null);
            if (entry is null)
            {
                if (_order is null)
                {
                    Problem($"input '{inputs[i].Name}' is known by position only: list the features in order under 'inputs' of --map");
                }
                continue;
            }
            resolved.Add(Resolve(inputs[i], entry, schema, withContext, usedCategories, m => Problem($"input '{inputs[i].Name}': {m}")));
        }
        foreach (string unused in _categories.Keys.Where(c => !usedCategories.Contains(c)))
        {
            Problem($"categories.{unused}: no input reads such a feature{NearestName.Hint(unused, names)}");
        }
        return new InputMapping([.. resolved]);

        void Problem(string message) => problems.Add(new WorkspaceProblem(_file, 0, message));
    }

    private static Entry ReadEntry(YamlSection inputs, string input)
    {
        if (inputs.IsScalar(input))
        {
            return new Entry(inputs.Text(input), null, null);
        }
        if (inputs.Section(input) is not { } section)
        {
            return new Entry("", null, null);
        }
        Entry entry = new(section.Text("feature"), section.Text("category"), section.Text("missing"));
        section.RejectUnknownKeys();
        return entry;
    }

    private ModelInput Resolve(
        ImportableInput input, Entry entry, FeatureSchema schema, bool withContext, HashSet<string> usedCategories, Action<string> problem)
    {
        if (entry.Feature is null)
        {
            if (entry.Category is not null)
            {
                problem("has a category, but no feature");
            }
            string[] always = input.Kind == ImportableInputKind.Text ? [entry.Missing ?? ""] : [];
            return new ModelInput
            {
                Name = input.Name,
                Feature = null,
                Texts = [.. always],
                MissingText = entry.Missing ?? "",
                Missing = entry.Missing is null || always.Length > 0 ? float.NaN : ParseFinite(entry.Missing, "missing"),
            };
        }
        ModelInput result = new() { Name = input.Name, Feature = Math.Max(schema.IndexOf(entry.Feature), 0) };
        string? categoriesKey = _categories.ContainsKey(input.Name) ? input.Name : _categories.ContainsKey(entry.Feature) ? entry.Feature : null;
        if (categoriesKey is not null)
        {
            usedCategories.Add(categoriesKey);
        }
        if (schema.IndexOf(entry.Feature) < 0)
        {
            if (entry.Feature.Length > 0)
            {
                problem($"the schema has no feature '{entry.Feature}'{NearestName.Hint(entry.Feature, schema.Features.Select(f => f.Name))}");
            }
            return result;
        }
        Feature feature = schema.Features[schema.IndexOf(entry.Feature)];
        if (feature.Protected)
        {
            problem($"feature '{feature.Name}' is protected: it may be no model's input");
        }
        if (feature.Context && !withContext)
        {
            problem($"feature '{feature.Name}' is known only in an interaction: it may be an input of propensities alone");
        }
        string[] known = feature.Kind == FeatureKind.Boolean ? ["false", "true"] : [.. feature.Categories];
        (string Own, string? Category)[] own = categoriesKey is null ? [] : [.. _categories[categoriesKey]];
        if (entry.Category is not null)
        {
            result = result with { Category = Math.Max(IndexOf(entry.Category), 0), Missing = 0 };
            if (feature.Kind != FeatureKind.Categorical || input.Kind == ImportableInputKind.Text)
            {
                problem($"'category' makes it a number that says whether categorical feature '{feature.Name}' is that: this is {Describe(input, feature)}");
            }
        }
        else if (input.Kind == ImportableInputKind.Text)
        {
            result = Texts(result);
        }
        else if (feature.Kind == FeatureKind.Categorical)
        {
            result = Codes(result);
        }
        else if (own.Length > 0)
        {
            problem($"feature '{feature.Name}' has no categories");
        }
        if (entry.Missing is { } missing && input.Kind == ImportableInputKind.Text)
        {
            result = result with { MissingText = missing };
        }
        else if (entry.Missing is { } text)
        {
            float value = ParseFinite(text, "missing");
            result = result with { Missing = value, Codes = [.. result.Codes.Select(c => float.IsNaN(c) ? value : c)] };
        }
        if (input.Kind == ImportableInputKind.WholeNumber && float.IsNaN(result.Missing) && feature.Missing != MissingHandling.Reject)
        {
            problem($"takes whole numbers, which cannot be missing, but feature '{feature.Name}' can: give a value for that, {{ feature: {feature.Name}, missing: VALUE }}");
        }
        return result;

        ModelInput Texts(ModelInput to)
        {
            if (feature.Kind == FeatureKind.Numeric)
            {
                problem($"takes text, but feature '{feature.Name}' is a number");
                return to;
            }
            if (feature.Kind == FeatureKind.Boolean && own.Length == 0)
            {
                problem($"takes text, but feature '{feature.Name}' is true or false: say which text is which under 'categories'");
            }
            string[] texts = [.. known];
            foreach ((string name, string? category) in own)
            {
                if (category is null)
                {
                    to = to with { MissingText = name };
                }
                else if (IndexOf(category) is >= 0 and int index)
                {
                    texts[index] = name;
                }
            }
            return to with { Texts = [.. texts] };
        }

        ModelInput Codes(ModelInput to)
        {
            if (own.Length == 0 && input.Categories.IsEmpty)
            {
                problem($"takes a number, but feature '{feature.Name}' is categorical: say which code is which category under 'categories'");
                return to;
            }
            float[] codes = new float[known.Length];
            Array.Fill(codes, float.NaN);
            foreach ((string name, string? category) in own)
            {
                float code = ParseFinite(name, "code");
                if (category is null)
                {
                    to = to with { Missing = code };
                }
                else if (IndexOf(category) is >= 0 and int index)
                {
                    codes[index] = code;
                }
            }
            for (int c = 0; own.Length == 0 && c < known.Length; c++)
            {
                int code = input.Categories.IndexOf(known[c]);
                codes[c] = code < 0 ? float.NaN : code;
            }
            return to with { Codes = [.. codes.Select(c => float.IsNaN(c) ? to.Missing : c)] };
        }

        int IndexOf(string category)
        {
            int index = Array.IndexOf(known, feature.Kind == FeatureKind.Boolean ? category.ToLowerInvariant() : category);
            if (index < 0)
            {
                problem($"feature '{feature.Name}' has no category '{category}'{NearestName.Hint(category, known)}");
            }
            return index;
        }

        float ParseFinite(string text, string what)
        {
            if (float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value))
            {
                return value;
            }
            problem($"{what} '{text}', expected a number");
            return float.NaN;
        }
    }

    private static string Describe(ImportableInput input, Feature feature)
        => input.Kind == ImportableInputKind.Text ? "a text input" : $"a {SnakeCase.Of(feature.Kind)} feature";
}
