using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Turns rows of features into byte columns, once for all ensembles that were trained on them. Its own fit looks at no
/// target (<see cref="TargetStatistics"/> adds columns that do). Protected features never get a column, nor does a feature that was constant in the data.
/// Immutable and thread-safe.
/// </summary>
public sealed class Quantiser
{
    /// <summary>Most bins of a column, the bin of missing values included.</summary>
    public const int MaxBinCount = 255;

    private readonly SearchColumn[] _searchColumns;
    private readonly FeatureGroup[] _featureGroups;

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
        _searchColumns = [.. columns.Select(column => new SearchColumn(column))];
        _featureGroups = [.. Enumerable.Range(0, columns.Length)
            .GroupBy(c => FirstOfGroup(columns[c].Feature))
            .Select(group => new FeatureGroup(group.Key, [.. group]))];

        // Groups begin at multiples of four, but none reads beyond the row.
        int FirstOfGroup(int feature) => Math.Min(feature - (feature % WideLanes.Features), Math.Max(0, rowLength - WideLanes.Features));
    }

    /// <summary>Values in a row.</summary>
    public int RowLength { get; }

    /// <summary>The byte columns.</summary>
    public ImmutableArray<QuantisedColumn> Columns { get; }

    /// <summary>Chooses columns and thresholds for <paramref name="rows"/>.</summary>
    /// <param name="schema">The meaning of the columns of <paramref name="rows"/>.</param>
    /// <param name="rows">[rows x schema.Count] or [rows x schema.CustomerCount].</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="threads">Threads to use, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">
    /// The matrix does not fit the schema, context features are asked for but absent, or a value is infinite.
    /// </exception>
    public static Quantiser Fit(FeatureSchema schema, FeatureMatrix rows, QuantiserOptions? options = null, int threads = 0)
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
        (QuantisedColumn[] Columns, string? Violation)[] found = new (QuantisedColumn[], string?)[rows.Columns];
        new Workers(threads, CancellationToken.None).For(found.Length, f =>
        {
            Feature feature = schema.Features[f];
            found[f] = !feature.IsModelInput || (feature.Context && !options.IncludeContext) ? ([], null)
                : feature.Kind == FeatureKind.Categorical ? CategoryColumns(rows, f, feature, options.MaxCategories)
                : ThresholdColumn(rows, f, options);
        });
        return found.FirstOrDefault(f => f.Violation is not null).Violation is { } violation
            ? throw new ArgumentException(violation, nameof(rows))
            : new Quantiser(rows.Columns, [.. found.SelectMany(f => f.Columns)]);
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
        if (Columns.IsEmpty)
        {
            return;
        }
        int row = 0;
        if (WideLanes.IsSupported && RowLength >= WideLanes.Features && rowCount >= WideLanes.Count)
        {
            for (; row + WideLanes.Count <= rowCount; row += WideLanes.Count)
            {
                QuantiseLanes(rows[(row * rowStride)..], rowStride, bins[row..], rowCount);
            }
            if (row < rowCount)
            {
                // The last vector overlaps the one before it: the rows they share get the same bins again.
                row = rowCount - WideLanes.Count;
                QuantiseLanes(rows[(row * rowStride)..], rowStride, bins[row..], rowCount);
            }
            return;
        }
        for (; row <= rowCount - SearchColumn.Rows; row += SearchColumn.Rows)
        {
            QuantiseRows(rows.Slice(row * rowStride, ((SearchColumn.Rows - 1) * rowStride) + RowLength), rowStride, bins[row..], rowCount);
        }
        for (; row < rowCount; row++)
        {
            QuantiseRow(rows.Slice(row * rowStride, RowLength), bins[row..], rowCount);
        }
    }

    /// <summary>Quantises all <paramref name="rows"/> for training.</summary>
    /// <param name="rows">[rows x <see cref="RowLength"/>].</param>
    /// <param name="threads">Threads to use, 0 for all cores; the result does not depend on it.</param>
    public QuantisedMatrix Quantise(FeatureMatrix rows, int threads = 0) => QuantisedMatrix.From(this, rows, threads);

    /// <summary>Quantises rows and predicts their margins, block by block.</summary>
    /// <param name="model">A model that reads this quantiser's rows.</param>
    /// <param name="rows">[rows x <see cref="RowLength"/>].</param>
    /// <param name="margins">OUT one margin a row.</param>
    /// <exception cref="ArgumentException">The model reads other rows, or a length is wrong.</exception>
    public void PredictMargins(IRowModel model, FeatureMatrix rows, Span<float> margins)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(rows);
        model.RequireFit(this);
        if (margins.Length < rows.Rows)
        {
            throw new ArgumentException($"{margins.Length} margins are too few for {rows.Rows} rows", nameof(margins));
        }
        byte[] bins = new byte[ObliviousEnsemble.BlockRows * Columns.Length];
        float[] scratch = new float[model.ScratchLength];
        for (int r = 0; r < rows.Rows; r += ObliviousEnsemble.BlockRows)
        {
            int count = Math.Min(ObliviousEnsemble.BlockRows, rows.Rows - r);
            ReadOnlySpan<float> values = rows.Values.AsSpan(r * rows.Columns, count * rows.Columns);
            Quantise(values, count, rows.Columns, bins);
            model.Margins(new RowBlock(values, count, rows.Columns, bins, scratch), margins[r..]);
        }
    }

    /// <summary>One row; its bins are <paramref name="binStride"/> apart.</summary>
    private void QuantiseRow(ReadOnlySpan<float> row, Span<byte> bins, int binStride)
    {
        int at = 0;
        foreach (SearchColumn column in _searchColumns)
        {
            bins[at] = column.Bin(row[column.Feature]);
            at += binStride;
        }
    }

    /// <summary>Four rows, whose searches take turns.</summary>
    private void QuantiseRows(ReadOnlySpan<float> rows, int stride, Span<byte> bins, int binStride)
    {
        int at = 0;
        foreach (SearchColumn column in _searchColumns)
        {
            column.Bins(rows[column.Feature..], stride, bins.Slice(at, SearchColumn.Rows));
            at += binStride;
        }
    }

    /// <summary>Sixteen rows, a lane each, four neighbouring features at a time.</summary>
    private void QuantiseLanes(ReadOnlySpan<float> rows, int stride, Span<byte> bins, int binStride)
    {
        Debug.Assert(rows.Length >= ((WideLanes.Count - 1) * stride) + RowLength);
        Debug.Assert(bins.Length >= ((_searchColumns.Length - 1) * binStride) + WideLanes.Count);
        Span<float> lanes = stackalloc float[WideLanes.Features * WideLanes.Count];
        ref float values = ref MemoryMarshal.GetReference(lanes);
        ref byte target = ref MemoryMarshal.GetReference(bins);
        foreach (FeatureGroup group in _featureGroups)
        {
            WideLanes.Transpose(
                ref Unsafe.Add(ref MemoryMarshal.GetReference(rows), group.FirstFeature), stride,
                out Vector512<float> x0, out Vector512<float> x1, out Vector512<float> x2, out Vector512<float> x3);
            x0.StoreUnsafe(ref values);
            x1.StoreUnsafe(ref values, WideLanes.Count);
            x2.StoreUnsafe(ref values, 2 * WideLanes.Count);
            x3.StoreUnsafe(ref values, 3 * WideLanes.Count);
            foreach (int c in group.Columns)
            {
                SearchColumn column = _searchColumns[c];
                Vector512<float> value = Vector512.LoadUnsafe(ref values, (nuint)((column.Feature - group.FirstFeature) * WideLanes.Count));
                column.Bins(value).StoreUnsafe(ref target, (nuint)(c * binStride));
            }
        }
    }

    private static (QuantisedColumn[] Columns, string? Violation) CategoryColumns(FeatureMatrix rows, int f, Feature feature, int most)
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
                return ([], $"row {r}, feature '{feature.Name}': {violation}");
            }
            CollectionsMarshal.GetValueRefOrAddDefault(counts, (int)v, out _)++;
        }
        IEnumerable<int> chosen = counts.OrderByDescending(c => c.Value).ThenBy(c => c.Key).Take(most).Select(c => c.Key).Order();
        return counts.Count + Math.Min(missing, 1) < 2 ? ([], null) : ([.. chosen.Select(c => QuantisedColumn.OfCategory(f, c))], null);
    }

    private static (QuantisedColumn[] Columns, string? Violation) ThresholdColumn(FeatureMatrix rows, int f, QuantiserOptions options)
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
                return ([], $"row {r}, column {f}: infinite, expected a finite number");
            }
            if (!float.IsNaN(v))
            {
                values[count++] = v;
            }
        }
        Span<float> sorted = values.AsSpan(0, count);
        sorted.Sort();
        ImmutableArray<float> thresholds = Thresholds(sorted, options.MaxBins - 1);
        return thresholds.Length > 0 || (count > 0 && count < sample) ? ([QuantisedColumn.OfThresholds(f, thresholds)], null) : ([], null);
    }

    /// <summary>
    /// Thresholds that cut sorted values into at most <paramref name="bins"/> bins of nearly equal mass: midpoints
    /// between neighbours where the mass still to be shared out asks for a cut, so that a value which fills several
    /// bins by itself costs only one.
    /// </summary>
    internal static ImmutableArray<float> Thresholds(ReadOnlySpan<float> sorted, int bins)
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

    /// <summary>Columns whose features are among the four that begin at <paramref name="FirstFeature"/>.</summary>
    private readonly record struct FeatureGroup(int FirstFeature, int[] Columns);
}
