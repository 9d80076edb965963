using System.Diagnostics;
using System.Text;
using Google.Protobuf.Collections;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using FeatureKind = ScoringEngine.Core.Features.FeatureKind;

namespace ScoringEngine.Server.Services;

/// <summary>What a list of feature values describes.</summary>
internal enum FeatureScope
{
    /// <summary>A customer to be stored: every required feature, no context.</summary>
    Customer,

    /// <summary>A customer who is not stored, in an interaction: every required feature, context allowed.</summary>
    Prospect,

    /// <summary>What is different about a stored customer, in an interaction.</summary>
    Overlay,
}

/// <summary>Features given by name in a request, on their way into a row.</summary>
internal static class InlineFeatures
{
    /// <summary>Longest category name, in UTF-8 bytes.</summary>
    public const int MaxCategoryBytes = 256;

    private const int WordBits = 64;

    /// <summary>
    /// Sets the given features in a row of the model and adds what is wrong with them to the violations. A category that the
    /// model does not know is NaN in the row.
    /// </summary>
    /// <param name="features">By name.</param>
    /// <param name="field">Path of the field that holds them.</param>
    /// <param name="scope">What may and must be given.</param>
    /// <param name="model">The model.</param>
    /// <param name="row">At least the schema's customer features; all features where context is allowed.</param>
    /// <param name="violations">Receives what is wrong.</param>
    /// <param name="mask">The features to read, and the only ones that have to be given; null for all.</param>
    public static void Read(RepeatedField<FeatureValue> features, string field, FeatureScope scope, ServedModel model, Span<float> row,
        ref Violations violations, IReadOnlySet<int>? mask = null)
    {
        FeatureSchema schema = model.Schema;
        Span<ulong> given = stackalloc ulong[(schema.Count + WordBits - 1) / WordBits];
        given.Clear();
        for (int i = 0; i < features.Count && !violations.Full; i++)
        {
            string name = features[i].Name;
            int f = schema.IndexOf(name);
            if (f < 0)
            {
                string? nearest = name.Length > MaxCategoryBytes ? null : schema.Nearest(name);
                violations.Add($"{field}[{i}].name",
                    $"no feature {Failure.Quote(name)}{(nearest is null ? "" : $" (did you mean '{nearest}'?)")}");
                continue;
            }
            if (mask?.Contains(f) == false)
            {
                continue;
            }
            Feature feature = schema.Features[f];
            if (feature.Context && scope == FeatureScope.Customer)
            {
                violations.Add($"{field}[{i}].name", $"'{name}' is known only in an interaction and is not stored with a customer");
                continue;
            }
            ref ulong word = ref given[f / WordBits];
            ulong bit = 1ul << (f % WordBits);
            if ((word & bit) != 0)
            {
                violations.Add($"{field}[{i}].name", $"'{name}' is given twice");
                continue;
            }
            word |= bit;
            row[f] = ValueOf(features[i], schema, f, out string? violation);
            if (violation is not null)
            {
                violations.Add($"{field}[{i}].{PathOf(features[i].ValueCase)}", $"'{name}': {violation}");
            }
        }
        if (scope == FeatureScope.Overlay)
        {
            return;
        }
        foreach (int f in model.RequiredFeatures)
        {
            if ((given[f / WordBits] & (1ul << (f % WordBits))) == 0 && mask?.Contains(f) != false)
            {
                violations.Add(field, $"'{schema.Features[f].Name}': {FeatureSchema.Violation(schema.Features[f], float.NaN)}");
            }
        }
    }

    /// <summary>
    /// Makes a row that was read without a violation one to be stored: its categories get the store's codes, new ones where
    /// they have none.
    /// </summary>
    /// <param name="features">By name.</param>
    /// <param name="model">The model.</param>
    /// <param name="row">As read.</param>
    /// <param name="mask">The features that were read; null for all.</param>
    /// <exception cref="InvalidDataException">A feature has as many categories as there may be.</exception>
    public static void ToStored(RepeatedField<FeatureValue> features, ServedModel model, Span<float> row, IReadOnlySet<int>? mask = null)
    {
        foreach (FeatureValue given in features)
        {
            int f = model.Schema.IndexOf(given.Name);
            Debug.Assert(f >= 0, "Read has seen the features");
            if (given.ValueCase == FeatureValue.ValueOneofCase.Category && mask?.Contains(f) != false)
            {
                row[f] = model.Schemas.CategoriesOf(model.Schema.Features[f].Id).GetOrAdd(given.Category);
            }
        }
    }

    /// <summary>Why a category name is not one, or null when it is.</summary>
    public static string? CategoryViolation(string category)
        => category.Length == 0 ? "an empty category; without a value the feature is missing"
            : Encoding.UTF8.GetByteCount(category) is int bytes && bytes > MaxCategoryBytes
                ? $"a category of {bytes} bytes, expected at most {MaxCategoryBytes}" : Text.Violation(category);

    private static float ValueOf(FeatureValue given, FeatureSchema schema, int index, out string? violation)
    {
        Feature feature = schema.Features[index];
        switch (given.ValueCase, feature.Kind)
        {
            case (FeatureValue.ValueOneofCase.None, _):
                violation = FeatureSchema.Violation(feature, float.NaN);
                return float.NaN;
            case (FeatureValue.ValueOneofCase.Number, FeatureKind.Numeric):
                float value = (float)given.Number;
                violation = float.IsNaN(value) ? "NaN; without a value the feature is missing" : FeatureSchema.Violation(feature, value);
                return value;
            case (FeatureValue.ValueOneofCase.Flag, FeatureKind.Boolean):
                violation = null;
                return given.Flag ? 1 : 0;
            case (FeatureValue.ValueOneofCase.Category, FeatureKind.Categorical):
                violation = CategoryViolation(given.Category);
                int code = violation is null ? schema.CodeOf(index, given.Category) : -1;
                return code < 0 ? float.NaN : code;
            default:
                violation = $"a {PathOf(given.ValueCase)}, expected a {PathOf(feature.Kind)}";
                return float.NaN;
        }
    }

    private static string PathOf(FeatureValue.ValueOneofCase value) => value switch
    {
        FeatureValue.ValueOneofCase.Number => "number",
        FeatureValue.ValueOneofCase.Category => "category",
        FeatureValue.ValueOneofCase.Flag => "flag",
        _ => "value",
    };

    private static string PathOf(FeatureKind kind) => kind switch
    {
        FeatureKind.Numeric => "number",
        FeatureKind.Categorical => "category",
        _ => "flag",
    };
}
