using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Turns rows of features into byte columns, once for all ensembles that were trained on them. Bins are made without
/// looking at any target. Protected features never get a column, nor does a feature that was constant in the data.
/// Immutable and thread-safe.
/// </summary>
public sealed class Quantiser
{
    /// <summary>Most bins of a column, the bin of missing values included.</summary>
    public const int MaxBinCount = 255;

    // Thresholds of each column padded with +infinity to a length of 2^steps - 1: the search needs no bounds.
    private readonly float[][] _searchTables;

    /// <summary>Rebuilds a quantiser from its public state.</summary>
    /// <param name="rowLength">Values in a row; at least one more than every column's feature.</param>
    /// <param name="columns">The columns, in order.</param>
    /// <exception cref="ArgumentException">A column reads beyond the row.</exception>
    public Quantiser(int rowLength, ImmutableArray<QuantisedColumn> columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowLength);
        for (int c = 0; c < columns.Length; c++)
        {
            if (columns[c].Feature >= rowLength)
            {
                throw new ArgumentException($"column {c} reads feature {columns[c].Feature} of a row of {rowLength}", nameof(columns));
            }
        }
        RowLength = rowLength;
        Columns = columns;
        _searchTables = [.. columns.Select(SearchTable)];
    }

    /// <summary>Values in a row.</summary>
    public int RowLength { get; }

    /// <summary>The byte columns.</summary>
    public ImmutableArray<QuantisedColumn> Columns { get; }

    /// <summary>Chooses columns and thresholds for <paramref name="rows"/>.</summary>
    /// <param name="schema">The meaning of the columns of <paramref name="rows"/>.</param>
    /// <param name="rows">[rows x schema.Count] or [rows x schema.CustomerCount].</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">
    /// The matrix does not fit the schema, context features are asked for but absent, or a value is infinite.
    /// </exception>
    public static Quantiser Fit(FeatureSchema schema, FeatureMatrix rows, QuantiserOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(rows);
        options ??= new QuantiserOptions();
        options.Validate();
        if (rows.Columns != schema.Count && rows.Columns != schema.CustomerCount)
        {
            throw new ArgumentException(
                $"expected {schema.CustomerCount} or {schema.Count} columns, found {rows.Columns}", nameof(rows));
        }
        if (options.IncludeContext && rows.Columns != schema.Count)
        {
            throw new ArgumentException("context features are to be used, but the rows do not hold them", nameof(rows));
        }
        ImmutableArray<QuantisedColumn>.Builder columns = ImmutableArray.CreateBuilder<QuantisedColumn>();
        for (int f = 0; f < rows.Columns; f++)
        {
            Feature feature = schema.Features[f];
            if (!feature.IsModelInput || (feature.Context && !options.IncludeContext))
            {
                continue;
            }
            if (feature.Kind == FeatureKind.Categorical)
            {
                AddCategories(columns, rows, f, feature, options.MaxCategories);
            }
            else
            {
                AddThresholds(columns, rows, f, options);
            }
        }
        return new Quantiser(rows.Columns, columns.ToImmutable());
    }

    /// <summary>Quantises a block of rows (one row is a block of one). Allocates nothing.</summary>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>. NaN is missing.</param>
    /// <param name="rowCount">Rows in the block.</param>
    /// <param name="rowStride">Values from one row to the next, at least <see cref="RowLength"/>.</param>
    /// <param name="bins">OUT [columns x rowCount], column-major: column c of row r is at c * rowCount + r.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public void Quantise(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<byte> bins)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowStride, RowLength);
        if (rowCount > 0 && rows.Length < ((long)(rowCount - 1) * rowStride) + RowLength)
        {
            throw new ArgumentException($"{rows.Length} values are too few for {rowCount} rows", nameof(rows));
        }
        if (bins.Length < (long)rowCount * Columns.Length)
        {
            throw new ArgumentException($"{bins.Length} bytes are too few for {rowCount} rows x {Columns.Length} columns", nameof(bins));
        }
        for (int c = 0; c < _searchTables.Length; c++)
        {
            QuantisedColumn column = Columns[c];
            ReadOnlySpan<float> values = rows[Math.Min(column.Feature, rows.Length)..];
            Span<byte> target = bins.Slice(c * rowCount, rowCount);
            if (column.Category is { } category)
            {
                BinCategory(values, rowStride, category, target);
            }
            else
            {
                BinThresholds(values, rowStride, _searchTables[c], target);
            }
        }
    }

    /// <summary>Quantises all <paramref name="rows"/> for training.</summary>
    /// <param name="rows">[rows x <see cref="RowLength"/>].</param>
    /// <param name="threads">Threads to use, 0 for all cores; the result does not depend on it.</param>
    public QuantisedMatrix Quantise(FeatureMatrix rows, int threads = 0) => QuantisedMatrix.From(this, rows, threads);

    private static void BinCategory(ReadOnlySpan<float> values, int stride, float category, Span<byte> bins)
    {
        for (int r = 0, i = 0; r < bins.Length; r++, i += stride)
        {
            float v = values[i];
            bins[r] = float.IsNaN(v) ? (byte)0 : v == category ? (byte)2 : (byte)1;
        }
    }

    /// <summary>
    /// Binary search without branches, because values come in no predictable order, for four rows at a time, because
    /// each search is a chain of dependent loads. <paramref name="table"/> has a length of 2^steps - 1.
    /// </summary>
    private static void BinThresholds(ReadOnlySpan<float> values, int stride, float[] table, Span<byte> bins)
    {
        Debug.Assert(int.IsPow2(table.Length + 1));
        int half = (table.Length + 1) >> 1;
        int r = 0;
        int i = 0;
        for (; r + 4 <= bins.Length; r += 4, i += 4 * stride)
        {
            float a = values[i];
            float b = values[i + stride];
            float c = values[i + (2 * stride)];
            float d = values[i + (3 * stride)];
            int belowA = 0;
            int belowB = 0;
            int belowC = 0;
            int belowD = 0;
            for (int step = half; step > 0; step >>= 1)
            {
                belowA += step & -Bit(table[belowA + step - 1] < a);
                belowB += step & -Bit(table[belowB + step - 1] < b);
                belowC += step & -Bit(table[belowC + step - 1] < c);
                belowD += step & -Bit(table[belowD + step - 1] < d);
            }
            bins[r] = (byte)((belowA + 1) & PresentMask(a));
            bins[r + 1] = (byte)((belowB + 1) & PresentMask(b));
            bins[r + 2] = (byte)((belowC + 1) & PresentMask(c));
            bins[r + 3] = (byte)((belowD + 1) & PresentMask(d));
        }
        for (; r < bins.Length; r++, i += stride)
        {
            float v = values[i];
            int below = 0;
            for (int step = half; step > 0; step >>= 1)
            {
                below += step & -Bit(table[below + step - 1] < v);
            }
            bins[r] = (byte)((below + 1) & PresentMask(v));
        }
    }

    private static int PresentMask(float value) => -Bit(!float.IsNaN(value));

    private static int Bit(bool value) => Unsafe.BitCast<bool, byte>(value);

    private static float[] SearchTable(QuantisedColumn column)
    {
        int length = 0;
        while (length < column.Thresholds.Length)
        {
            length = (length * 2) + 1;
        }
        float[] table = new float[length];
        Array.Fill(table, float.PositiveInfinity);
        column.Thresholds.CopyTo(table);
        return table;
    }

    private static void AddCategories(
        ImmutableArray<QuantisedColumn>.Builder columns, FeatureMatrix rows, int f, Feature feature, int most)
    {
        Dictionary<int, int> counts = [];
        int missing = 0;
        for (int r = 0; r < rows.Rows; r++)
        {
            float v = rows[r, f];
            if (float.IsNaN(v))
            {
                missing++;
                continue;
            }
            if (FeatureSchema.Violation(feature, v) is { } violation)
            {
                throw new ArgumentException($"row {r}, feature '{feature.Name}': {violation}", nameof(rows));
            }
            CollectionsMarshal.GetValueRefOrAddDefault(counts, (int)v, out _)++;
        }
        if (counts.Count + Math.Min(missing, 1) < 2)
        {
            return;
        }
        foreach (int category in counts.OrderByDescending(c => c.Value).ThenBy(c => c.Key).Take(most).Select(c => c.Key).Order())
        {
            columns.Add(QuantisedColumn.OfCategory(f, category));
        }
    }

    private static void AddThresholds(
        ImmutableArray<QuantisedColumn>.Builder columns, FeatureMatrix rows, int f, QuantiserOptions options)
    {
        int sample = Math.Min(rows.Rows, options.SampleRows);
        float[] values = new float[sample];
        int count = 0;
        for (int i = 0; i < sample; i++)
        {
            int r = (int)((long)i * rows.Rows / sample);
            float v = rows[r, f];
            if (float.IsInfinity(v))
            {
                throw new ArgumentException($"row {r}, column {f}: infinite, expected a finite number", nameof(rows));
            }
            if (!float.IsNaN(v))
            {
                values[count++] = v;
            }
        }
        Span<float> sorted = values.AsSpan(0, count);
        sorted.Sort();
        ImmutableArray<float> thresholds = Thresholds(sorted, options.MaxBins - 1);
        if (thresholds.Length > 0 || (count > 0 && count < sample))
        {
            columns.Add(QuantisedColumn.OfThresholds(f, thresholds));
        }
    }

    /// <summary>
    /// Thresholds that cut sorted values into at most <paramref name="bins"/> bins of nearly equal mass: midpoints
    /// between neighbours where the mass still to be shared out asks for a cut, so that a value which fills several
    /// bins by itself costs only one.
    /// </summary>
    private static ImmutableArray<float> Thresholds(ReadOnlySpan<float> sorted, int bins)
    {
        int distinct = sorted.Length == 0 ? 0 : 1;
        for (int i = 1; i < sorted.Length; i++)
        {
            distinct += sorted[i] != sorted[i - 1] ? 1 : 0;
        }
        ImmutableArray<float>.Builder thresholds = ImmutableArray.CreateBuilder<float>();
        long open = sorted.Length;
        long mass = 0;
        int left = bins;
        for (int i = 1; i < sorted.Length && left > 1; i++)
        {
            mass++;
            float a = sorted[i - 1];
            float b = sorted[i];
            if (a == b || (distinct > bins && mass * left < open))
            {
                continue;
            }
            // The rule is "v > threshold goes right": a <= threshold < b must survive the rounding to float.
            float middle = (float)(((double)a + b) / 2);
            thresholds.Add(middle < b ? middle : a);
            open -= mass;
            mass = 0;
            left--;
        }
        return thresholds.ToImmutable();
    }
}
