using System.Collections.Immutable;
using System.Diagnostics;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Models.Import;

/// <summary>Where the value of an imported model's input comes from.</summary>
public sealed record ModelInput
{
    /// <summary>As the model calls it.</summary>
    public required string Name { get; init; }

    /// <summary>Index of the feature in the schema; null where the input is always what stands for a missing value.</summary>
    public required int? Feature { get; init; }

    /// <summary>Makes the input an indicator: 1 for this category, 0 for any other. Null otherwise.</summary>
    public int? Category { get; init; }

    /// <summary>Value for the model of each category of the feature; empty where the value is taken as it is.</summary>
    public ImmutableArray<float> Codes { get; init; } = [];

    /// <summary>Text for the model of each category (of false and true for a boolean feature); empty unless the input is text.</summary>
    public ImmutableArray<string> Texts { get; init; } = [];

    /// <summary>Stands for a missing value; NaN leaves it missing.</summary>
    public float Missing { get; init; } = float.NaN;

    /// <summary>Stands for a missing value where the input is text.</summary>
    public string MissingText { get; init; } = "";

    /// <summary>The input for a value of the feature; of a text input the number of the text, NaN for a missing one.</summary>
    internal float Of(float value)
    {
        if (float.IsNaN(value))
        {
            return Missing;
        }
        if (Category is { } category)
        {
            return value == category ? 1 : 0;
        }
        return Codes.IsEmpty ? value : (int)value < Codes.Length ? Codes[(int)value] : Missing;
    }

    /// <summary>The text for what <see cref="Of"/> gave.</summary>
    internal string TextOf(float number) => number >= 0 && number < Texts.Length ? Texts[(int)number] : MissingText;
}

/// <summary>Turns rows of the feature schema into the inputs of a model that was trained elsewhere. Immutable and thread-safe.</summary>
public sealed class InputMapping
{
    /// <summary>A mapping with one entry for each input of the model, in its order.</summary>
    /// <exception cref="ArgumentException">An entry has no place in any schema.</exception>
    public InputMapping(ImmutableArray<ModelInput> inputs)
    {
        foreach (ModelInput input in inputs)
        {
            if (input.Feature < 0 || input.Category < 0 || float.IsInfinity(input.Missing) || !input.Codes.All(c => !float.IsInfinity(c)))
            {
                throw new ArgumentException($"input '{input.Name}' holds a number that is out of range", nameof(inputs));
            }
        }
        Inputs = inputs;
        Features = [.. inputs.Select(i => i.Feature).OfType<int>().Distinct().Order()];
        MinimumColumns = Features.IsEmpty ? 0 : Features[^1] + 1;
    }

    /// <summary>One for each input of the model, in its order.</summary>
    public ImmutableArray<ModelInput> Inputs { get; }

    /// <summary>The features that are read, in ascending order.</summary>
    public ImmutableArray<int> Features { get; }

    /// <summary>Values of a row that are read.</summary>
    public int MinimumColumns { get; }

    /// <summary>Checks that the mapping reads features that a model may read.</summary>
    /// <param name="schema">The features.</param>
    /// <param name="withContext">Whether context features may be inputs.</param>
    /// <exception cref="ArgumentException">An input reads what is not there, protected, or known only in an interaction.</exception>
    public void RequireFit(FeatureSchema schema, bool withContext)
    {
        ArgumentNullException.ThrowIfNull(schema);
        foreach (ModelInput input in Inputs)
        {
            if (input.Feature is not { } index)
            {
                continue;
            }
            Feature? feature = index < schema.Count ? schema.Features[index] : null;
            bool coded = input.Category is not null || !input.Codes.IsEmpty;
            if (feature is null || !feature.IsModelInput || (feature.Context && !withContext)
                || (coded && feature.Kind != FeatureKind.Categorical) || (!input.Texts.IsEmpty && feature.Kind == FeatureKind.Numeric))
            {
                throw new ArgumentException($"input '{input.Name}' reads feature {index}, which it may not read or not so");
            }
        }
    }

    /// <summary>The inputs of a block of rows. Allocates nothing.</summary>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="stride"/>. NaN is missing.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="stride">Values from one row to the next.</param>
    /// <param name="inputs">OUT [count x inputs], row-major.</param>
    internal void Map(ReadOnlySpan<float> rows, int count, int stride, Span<float> inputs)
    {
        Debug.Assert(stride >= MinimumColumns && inputs.Length >= (long)count * Inputs.Length);
        ReadOnlySpan<ModelInput> sources = Inputs.AsSpan();
        int at = 0;
        for (int r = 0; r < count; r++)
        {
            ReadOnlySpan<float> row = rows.Slice(r * stride, MinimumColumns);
            foreach (ModelInput source in sources)
            {
                inputs[at++] = source.Feature is { } feature ? source.Of(row[feature]) : source.Missing;
            }
        }
    }
}
