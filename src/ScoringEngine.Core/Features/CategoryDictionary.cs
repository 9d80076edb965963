namespace ScoringEngine.Core.Features;

/// <summary>
/// The <see cref="CategoryCodes"/> of every categorical feature of a schema, for reading files: codes start with the
/// schema's own categories. Thread-safe.
/// </summary>
public sealed class CategoryDictionary
{
    private readonly CategoryCodes?[] _codes;

    /// <summary>A dictionary that holds the schema's categories.</summary>
    public CategoryDictionary(FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Schema = schema;
        _codes = [.. schema.Features.Select(f => f.Kind == FeatureKind.Categorical ? new CategoryCodes(f.Name, f.Categories.AsSpan()) : null)];
    }

    /// <summary>The schema whose features it serves.</summary>
    public FeatureSchema Schema { get; }

    /// <summary>The code of a category, which is added when new.</summary>
    /// <exception cref="InvalidDataException">The feature has <see cref="CategoryCodes.MaxCategories"/> already.</exception>
    public int GetOrAdd(int feature, string category) => Of(feature).GetOrAdd(category);

    /// <summary>The code of a category given in UTF-8, which is added when new.</summary>
    /// <exception cref="InvalidDataException">The feature has <see cref="CategoryCodes.MaxCategories"/> already.</exception>
    public int GetOrAdd(int feature, ReadOnlySpan<byte> category) => Of(feature).GetOrAdd(category);

    /// <summary>The code of a category, or -1.</summary>
    public int CodeOf(int feature, string category) => Of(feature).CodeOf(category);

    /// <summary>The name for a code, or null when nothing has it.</summary>
    public string? NameOf(int feature, int code) => Of(feature).NameOf(code);

    /// <summary>All names of a feature by code, as of now.</summary>
    public ReadOnlySpan<string> NamesOf(int feature) => Of(feature).Names;

    private CategoryCodes Of(int feature)
        => _codes[feature] ?? throw new ArgumentException($"feature '{Schema.Features[feature].Name}' is not categorical", nameof(feature));
}
