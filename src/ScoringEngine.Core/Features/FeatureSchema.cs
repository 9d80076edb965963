using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace ScoringEngine.Core.Features;

/// <summary>
/// The columns of a customer: customer features first, context features last. A row is the values in this order.
/// Immutable and thread-safe.
/// </summary>
public sealed class FeatureSchema
{
    /// <summary>Longest customer id, in UTF-8 bytes.</summary>
    public const int MaxIdBytes = 128;

    private readonly Dictionary<string, int> _indexByName;
    private readonly (int Feature, int Categories)[] _categorical;
    private readonly Dictionary<string, int>?[] _codes;

    /// <summary>Builds a schema.</summary>
    /// <exception cref="ArgumentException">Names or ids repeat, or a context feature precedes a customer feature.</exception>
    public FeatureSchema(IEnumerable<Feature> features)
    {
        Features = [.. features];
        _indexByName = new Dictionary<string, int>(StringComparer.Ordinal);
        HashSet<int> ids = [];
        for (int i = 0; i < Features.Length; i++)
        {
            Feature feature = Features[i];
            if (!_indexByName.TryAdd(feature.Name, i))
            {
                throw new ArgumentException($"feature name '{feature.Name}' is used twice", nameof(features));
            }
            if (!ids.Add(feature.Id))
            {
                throw new ArgumentException($"feature id {feature.Id} is used twice", nameof(features));
            }
            if (!feature.Context)
            {
                if (CustomerCount != i)
                {
                    throw new ArgumentException($"feature '{feature.Name}' comes after a context feature", nameof(features));
                }
                CustomerCount++;
            }
        }
        Hash = ComputeHash(Features);
        _categorical = [.. Features.Select((f, i) => (i, f)).Where(f => f.f.Kind == FeatureKind.Categorical).Select(f => (f.i, f.f.Categories.Length))];
        _codes = [.. Features.Select(f => f.Kind == FeatureKind.Categorical ? CodesOf(f.Categories) : null)];
    }

    /// <summary>All features; a row has one value for each, in this order.</summary>
    public ImmutableArray<Feature> Features { get; }

    /// <summary>Number of all features.</summary>
    public int Count => Features.Length;

    /// <summary>Number of features that are stored with the customer; they come first.</summary>
    public int CustomerCount { get; }

    /// <summary>
    /// SHA-256 over ids, names, kinds, context flags and categories, in lower-case hex: two schemas with equal hashes
    /// read a row alike.
    /// </summary>
    public string Hash { get; }

    /// <summary>The index of a feature in a row, or -1.</summary>
    public int IndexOf(string name) => _indexByName.GetValueOrDefault(name, -1);

    /// <summary>The code of one of a feature's own categories, or -1.</summary>
    public int CodeOf(int feature, string category) => _codes[feature]?.GetValueOrDefault(category, -1) ?? -1;

    /// <summary>The known feature name nearest to <paramref name="name"/> by edit distance, for error messages; null when none is near.</summary>
    public string? Nearest(string name) => NearestName.Of(name, _indexByName.Keys);

    /// <summary>
    /// Makes category codes beyond the schema's own categories NaN: a category that a model was not told about is missing
    /// for it.
    /// </summary>
    /// <param name="rows">Row-major, <see cref="Count"/> values a row.</param>
    public void DropUnknownCategories(Span<float> rows)
    {
        foreach ((int feature, int categories) in _categorical)
        {
            for (int i = feature; i < rows.Length; i += Count)
            {
                if (rows[i] >= categories)
                {
                    rows[i] = float.NaN;
                }
            }
        }
    }

    /// <summary>
    /// Why <paramref name="value"/> may not stand in <paramref name="feature"/>, or null when it may. NaN is missing.
    /// </summary>
    public static string? Violation(Feature feature, float value)
    {
        if (float.IsNaN(value))
        {
            return feature.Missing == MissingHandling.Reject ? "missing, but a value is required" : null;
        }
        if (float.IsInfinity(value))
        {
            return "infinite, expected a finite number";
        }
        switch (feature.Kind)
        {
            case FeatureKind.Boolean:
                return value is 0 or 1 ? null : FormattableString.Invariant($"{value}, expected 0 or 1");
            case FeatureKind.Categorical:
                return value >= 0 && value == MathF.Floor(value) ? null
                    : FormattableString.Invariant($"{value}, expected a category code (a whole number from 0)");
            default:
                if (value < feature.Minimum)
                {
                    return FormattableString.Invariant($"{value}, expected at least {feature.Minimum}");
                }
                return value > feature.Maximum
                    ? FormattableString.Invariant($"{value}, expected at most {feature.Maximum}") : null;
        }
    }

    private static Dictionary<string, int> CodesOf(ImmutableArray<string> categories)
    {
        Dictionary<string, int> codes = new(categories.Length, StringComparer.Ordinal);
        for (int code = 0; code < categories.Length; code++)
        {
            codes.TryAdd(categories[code], code);
        }
        return codes;
    }

    private static string ComputeHash(ImmutableArray<Feature> features)
    {
        StringBuilder text = new();
        foreach (Feature f in features)
        {
            // Lengths keep names that contain separators apart.
            text.Append(f.Id).Append('|').Append(f.Name.Length).Append(':').Append(f.Name)
                .Append('|').Append(f.Kind).Append('|').Append(f.Context);
            foreach (string category in f.Categories)
            {
                text.Append('|').Append(category.Length).Append(':').Append(category);
            }
            text.Append('\n');
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
