using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Models.Import;

/// <summary>A row on which an imported model and the expected output differ.</summary>
/// <param name="Row">From 1, header not counted.</param>
/// <param name="Expected">As the file says.</param>
/// <param name="Found">As the model will run here.</param>
public readonly record struct ImportDifference(int Row, string Expected, string Found);

/// <summary>How an imported model, as it will run here, compares with outputs from where it was trained.</summary>
/// <param name="Column">The column of expected outputs.</param>
/// <param name="Rows">Rows compared.</param>
/// <param name="Tolerance">What a difference may be.</param>
/// <param name="LargestDifference">Relative for amounts, absolute for probabilities; of labels the share that differs.</param>
/// <param name="Differing">Rows beyond the tolerance.</param>
/// <param name="First">The first of these.</param>
public sealed record ImportCheck(
    string Column, int Rows, double Tolerance, double LargestDifference, int Differing, ImmutableArray<ImportDifference> First)
{
    private const int Shown = 5;

    // Relative to an expected 0 any difference is infinite.
    private const double LeastMagnitude = 1e-9;

    /// <summary>Whether every row agrees.</summary>
    public bool Agrees => Differing == 0;

    internal static ImportCheck OfNumbers(ExpectedOutputs expected, ReadOnlySpan<double> found, double tolerance, bool relative)
    {
        double[] wanted = [.. expected.Texts.Select((t, r) => double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value : throw new InvalidDataException($"{expected.File}: row {r + 1}: {expected.Column} '{t}', expected a number"))];
        ImmutableArray<ImportDifference>.Builder first = ImmutableArray.CreateBuilder<ImportDifference>();
        double largest = 0;
        int differing = 0;
        for (int r = 0; r < wanted.Length; r++)
        {
            double difference = double.IsNaN(wanted[r]) || double.IsNaN(found[r]) ? double.IsNaN(wanted[r]) == double.IsNaN(found[r]) ? 0 : double.PositiveInfinity
                : Math.Abs(wanted[r] - found[r]) / (relative ? Math.Max(Math.Abs(wanted[r]), LeastMagnitude) : 1);
            largest = Math.Max(largest, difference);
            if (difference > tolerance)
            {
                differing++;
                AddFirst(first, r, expected.Texts[r], found[r].ToString("G9", CultureInfo.InvariantCulture));
            }
        }
        return new ImportCheck(expected.Column, wanted.Length, tolerance, largest, differing, first.ToImmutable());
    }

    internal static ImportCheck OfLabels(ExpectedOutputs expected, ReadOnlySpan<string> found)
    {
        ImmutableArray<ImportDifference>.Builder first = ImmutableArray.CreateBuilder<ImportDifference>();
        int differing = 0;
        for (int r = 0; r < found.Length; r++)
        {
            // A label that went through a data frame of numbers may have become 3.0.
            bool equal = expected.Texts[r] == found[r]
                || (double.TryParse(expected.Texts[r], NumberStyles.Float, CultureInfo.InvariantCulture, out double wanted)
                    && double.TryParse(found[r], NumberStyles.Float, CultureInfo.InvariantCulture, out double label) && wanted == label);
            if (!equal)
            {
                differing++;
                AddFirst(first, r, expected.Texts[r], found[r]);
            }
        }
        return new ImportCheck(expected.Column, found.Length, 0, found.Length > 0 ? (double)differing / found.Length : 0, differing, first.ToImmutable());
    }

    private static void AddFirst(ImmutableArray<ImportDifference>.Builder first, int row, string expected, string found)
    {
        if (first.Count < Shown)
        {
            first.Add(new ImportDifference(row + 1, expected, found));
        }
    }
}

/// <summary>A column of expected outputs.</summary>
internal sealed record ExpectedOutputs(string File, string Column, ImmutableArray<string> Texts)
{
    /// <summary>Reads the named column, or else the one that is called <paramref name="usual"/>, or else the last.</summary>
    public static ExpectedOutputs Read(string path, string? column, string? usual)
    {
        using CsvTable table = CsvTable.Open(path);
        int index = column is not null ? table.Require(column)
            : usual is not null && table.IndexOf(usual) >= 0 ? table.IndexOf(usual) : table.Header.Count - 1;
        ImmutableArray<string>.Builder texts = ImmutableArray.CreateBuilder<string>();
        while (table.Read())
        {
            if (table.RowViolation is { } violation)
            {
                throw new InvalidDataException($"{table.Name}:{table.Line}: {violation}");
            }
            texts.Add(table.Text(index));
        }
        return new ExpectedOutputs(path, table.Header[index], texts.ToImmutable());
    }
}

/// <summary>
/// Rows for a check: inputs of the model as its own file calls them, or customers' features, which then go through the
/// mapping.
/// </summary>
internal sealed record CheckRows(FeatureMatrix Rows, InputMapping Inputs)
{
    /// <summary>Reads a CSV file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The model.</param>
    /// <param name="mapping">From the schema's features to the model's inputs.</param>
    /// <param name="schema">The features.</param>
    /// <exception cref="InvalidDataException">A column is not there or a field cannot be read.</exception>
    public static CheckRows Read(string path, ImportableModel model, InputMapping mapping, FeatureSchema schema)
    {
        using CsvTable table = CsvTable.Open(path);
        string[] features = [.. mapping.Features.Select(f => schema.Features[f].Name)];
        if (model.HasInputNames && mapping.Inputs.All(i => table.IndexOf(i.Name) >= 0))
        {
            return ReadInputs(table, mapping, [.. mapping.Inputs.Select(i => table.IndexOf(i.Name))]);
        }
        if (features.All(f => table.IndexOf(f) >= 0))
        {
            return ReadFeatures(table, mapping, schema);
        }
        if (!model.HasInputNames && table.Header.Count >= mapping.Inputs.Length)
        {
            return ReadInputs(table, mapping, [.. Enumerable.Range(0, mapping.Inputs.Length)]);
        }
        IEnumerable<string> wanted = model.HasInputNames ? mapping.Inputs.Select(i => i.Name) : features;
        throw new InvalidDataException($"{path}:1: no column(s) {string.Join(", ", wanted.Where(w => table.IndexOf(w) < 0).Select(w => $"'{w}'{NearestName.Hint(w, table.Header)}"))}");
    }

    // Each text is its own category, so that the model is given just that.
    private static CheckRows ReadInputs(CsvTable table, InputMapping mapping, int[] columns)
    {
        Dictionary<string, int>[] texts = [.. columns.Select(_ => new Dictionary<string, int>(StringComparer.Ordinal))];
        FeatureMatrix rows = ReadRows(table, columns.Length, row =>
        {
            for (int i = 0; i < columns.Length; i++)
            {
                if (mapping.Inputs[i].Texts.IsEmpty)
                {
                    row[i] = Number(table, columns[i]);
                    continue;
                }
                string text = table.Text(columns[i]);
                texts[i].TryAdd(text, texts[i].Count);
                row[i] = texts[i][text];
            }
        });
        return new CheckRows(rows, new InputMapping([.. mapping.Inputs.Select((input, i) => new ModelInput
        {
            Name = input.Name,
            Feature = i,
            Texts = input.Texts.IsEmpty ? [] : [.. texts[i].Keys, .. texts[i].Count == 0 ? [""] : Array.Empty<string>()],
        })]));
    }

    private static CheckRows ReadFeatures(CsvTable table, InputMapping mapping, FeatureSchema schema)
    {
        CategoryDictionary categories = new(schema);
        FeatureMatrix rows = ReadRows(table, schema.Count, row =>
        {
            row.AsSpan().Fill(float.NaN);
            foreach (int f in mapping.Features)
            {
                int column = table.IndexOf(schema.Features[f].Name);
                ReadOnlySpan<byte> text = IsNaN(table[column]) ? default : table[column];
                if (!text.IsEmpty && !CustomerFile.TryParse(text, f, categories, out row[f], out string reason))
                {
                    throw new InvalidDataException($"{table.Name}:{table.Line}: {schema.Features[f].Name} '{table.Text(column)}': {reason}");
                }
            }
        });
        schema.DropUnknownCategories(rows.Values);
        return new CheckRows(rows, mapping);
    }

    private static FeatureMatrix ReadRows(CsvTable table, int columns, Action<float[]> read)
    {
        List<float> values = [];
        float[] row = new float[columns];
        int count = 0;
        while (table.Read())
        {
            if (table.RowViolation is { } violation)
            {
                throw new InvalidDataException($"{table.Name}:{table.Line}: {violation}");
            }
            read(row);
            values.AddRange(row);
            count++;
        }
        return count == 0 ? throw new InvalidDataException($"{table.Name}: no rows to check") : new FeatureMatrix(count, columns, [.. values]);
    }

    private static float Number(CsvTable table, int column)
    {
        ReadOnlySpan<byte> text = table[column];
        return text.IsEmpty || IsNaN(text) ? float.NaN
            : float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value) ? value
            : throw new InvalidDataException($"{table.Name}:{table.Line}: {table.Header[column]} '{table.Text(column)}', expected a number");
    }

    private static bool IsNaN(ReadOnlySpan<byte> text) => Ascii.EqualsIgnoreCase(text, "nan");
}
