using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// A sum of oblivious trees over quantised columns. Every level of a tree asks one question of all its rows, "bin of
/// column c greater than b?"; the answers, first level highest, are the bits of the row's leaf index. The margin is
/// the base margin plus each tree's leaf value in order of trees, added in single precision, so that one row, any
/// block and the trainer arrive at the same bits. Immutable and thread-safe.
/// </summary>
public sealed class ObliviousEnsemble : IRowModel
{
    /// <summary>Most levels of a tree.</summary>
    public const int MaxDepth = 10;

    /// <summary>Rows that <see cref="PredictMargins"/> quantises at a time.</summary>
    public const int BlockRows = 256;

    // Rows whose leaf indices are found together: the byte lanes of the widest vector, which narrower hardware splits.
    private const int StripRows = 64;

    // Deepest tree whose leaf index fits the byte lanes of the strip kernel.
    private const int MaxStripDepth = 8;

    // Splits that the single-row kernel answers together, a byte lane each.
    private const int WordSplits = 64;

    // The leaf values once more, each tree's in at least sixteen places, which a look-up reads whole.
    private readonly float[] _leafTables;

    // For the single-row kernel: the splits in words of whole trees, a tree's last level first, so that the answers to
    // a word's splits are the leaf indices of its trees one after the other. Each word is padded to WordSplits.
    private readonly byte[] _wordTrees;
    private readonly byte[] _wordColumns;
    private readonly byte[] _wordBins;

    /// <summary>Builds an ensemble, or rebuilds one from its public state.</summary>
    /// <param name="columns">Columns of the quantised rows.</param>
    /// <param name="baseMargin">Margin before the first tree.</param>
    /// <param name="depths">Levels of each tree, 0..<see cref="MaxDepth"/>.</param>
    /// <param name="splitColumns">Column of each level, trees and levels in order.</param>
    /// <param name="splitBins">Bin of each level: greater bins go to the right (bit 1).</param>
    /// <param name="leafValues">2^depth values of each tree, times the learning rate, in order of trees.</param>
    /// <param name="columnGains">Loss reduction won by the splits of each column.</param>
    /// <param name="leafWeights">Training weight in each leaf, in the order of <paramref name="leafValues"/>; empty where it is not known.</param>
    /// <exception cref="ArgumentException">Lengths disagree, a column does not exist, or a value is not finite.</exception>
    public ObliviousEnsemble(
        int columns, float baseMargin, ImmutableArray<byte> depths, ImmutableArray<int> splitColumns,
        ImmutableArray<byte> splitBins, ImmutableArray<float> leafValues, ImmutableArray<double> columnGains,
        ImmutableArray<float> leafWeights = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        int splits = 0;
        int leaves = 0;
        foreach (byte depth in depths)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(depth, MaxDepth, nameof(depths));
            splits += depth;
            leaves += 1 << depth;
        }
        Require(splitColumns.Length == splits, $"expected {splits} split columns, found {splitColumns.Length}");
        Require(splitBins.Length == splits, $"expected {splits} split bins, found {splitBins.Length}");
        Require(leafValues.Length == leaves, $"expected {leaves} leaf values, found {leafValues.Length}");
        Require(columnGains.Length == columns, $"expected {columns} column gains, found {columnGains.Length}");
        Require(splitColumns.All(c => c >= 0 && c < columns), "a split names a column that does not exist");
        Require(float.IsFinite(baseMargin) && leafValues.All(float.IsFinite), "a leaf value or the base margin is not finite");
        Require(columnGains.All(double.IsFinite), "a column gain is not finite");
        leafWeights = leafWeights.IsDefault ? [] : leafWeights;
        Require(leafWeights.Length == 0 || leafWeights.Length == leaves, $"expected {leaves} or no leaf weights, found {leafWeights.Length}");
        Require(leafWeights.All(w => w >= 0 && float.IsFinite(w)), "a leaf weight is negative or not finite");
        Columns = columns;
        BaseMargin = baseMargin;
        Depths = depths;
        SplitColumns = splitColumns;
        SplitBins = splitBins;
        LeafValues = leafValues;
        ColumnGains = columnGains;
        _leafTables = LeafTables(depths.AsSpan(), leafValues.AsSpan());
        (_wordTrees, _wordColumns, _wordBins) = Words(depths.AsSpan(), splitColumns.AsSpan(), splitBins.AsSpan());
        LeafWeights = leafWeights;

        static void Require(bool met, string message)
        {
            if (!met)
            {
                throw new ArgumentException(message);
            }
        }
    }

    /// <summary>Columns of the quantised rows.</summary>
    public int Columns { get; }

    /// <summary>Number of trees.</summary>
    public int TreeCount => Depths.Length;

    /// <summary>Margin before the first tree.</summary>
    public float BaseMargin { get; }

    /// <summary>Levels of each tree.</summary>
    public ImmutableArray<byte> Depths { get; }

    /// <summary>Column of each level, trees and levels in order.</summary>
    public ImmutableArray<int> SplitColumns { get; }

    /// <summary>Bin of each level: rows with a greater bin go to the right (bit 1).</summary>
    public ImmutableArray<byte> SplitBins { get; }

    /// <summary>2^depth values of each tree, times the learning rate, in order of trees.</summary>
    public ImmutableArray<float> LeafValues { get; }

    /// <summary>
    /// Training weight (rows, where they had no weights) in each leaf, in the order of <see cref="LeafValues"/>: what
    /// <see cref="ShapleyValues"/> needs. Empty where it is not known.
    /// </summary>
    public ImmutableArray<float> LeafWeights { get; }

    /// <summary>Loss reduction (half the gain of Newton steps, before the learning rate) won by each column's splits.</summary>
    public ImmutableArray<double> ColumnGains { get; }

    /// <summary>The loss reduction won by each feature's columns, by position in the row.</summary>
    public double[] FeatureGains(Quantiser quantiser)
    {
        RequireColumns(quantiser);
        double[] gains = new double[quantiser.RowLength];
        for (int c = 0; c < Columns; c++)
        {
            gains[quantiser.Columns[c].Feature] += ColumnGains[c];
        }
        return gains;
    }

    /// <summary>Scratch bytes that <see cref="PredictMargins"/> needs.</summary>
    public int ScratchLength => BlockRows * Columns;

    /// <summary>The margin of one quantised row, one byte a column.</summary>
    public float Margin(ReadOnlySpan<byte> quantisedRow)
    {
        if (quantisedRow.Length < Columns)
        {
            throw new ArgumentException($"expected {Columns} bins, found {quantisedRow.Length}", nameof(quantisedRow));
        }
        return RowMargin(quantisedRow, stride: 1, BaseMargin);
    }

    /// <summary>The margins of a quantised block. Allocates nothing.</summary>
    /// <param name="bins">[columns x rowCount], column-major, as <see cref="Quantiser.Quantise(ReadOnlySpan{float}, int, int, Span{byte})"/> makes it.</param>
    /// <param name="rowCount">Rows in the block; a few hundred keep the bins in the first-level cache.</param>
    /// <param name="margins">OUT one margin a row.</param>
    public void Margins(ReadOnlySpan<byte> bins, int rowCount, Span<float> margins)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        if (bins.Length < (long)Columns * rowCount || margins.Length < rowCount)
        {
            throw new ArgumentException($"bins or margins are too short for {rowCount} rows x {Columns} columns");
        }
        margins[..rowCount].Fill(BaseMargin);
        AddMargins(bins, rowCount, margins);
    }

    /// <summary>Adds the trees to margins that began elsewhere; the base margin does not count.</summary>
    /// <param name="bins">[columns x rowCount], column-major.</param>
    /// <param name="rowCount">Rows in the block.</param>
    /// <param name="margins">IN/OUT one margin a row.</param>
    internal void AddMargins(ReadOnlySpan<byte> bins, int rowCount, Span<float> margins)
    {
        Debug.Assert(bins.Length >= (long)Columns * rowCount && margins.Length >= rowCount);
        if (rowCount < StripRows || Columns == 0)
        {
            for (int row = 0; row < rowCount; row++)
            {
                margins[row] = RowMargin(bins[Math.Min(row, bins.Length)..], rowCount, margins[row]);
            }
            return;
        }
        int done = 0;
        for (; done <= rowCount - StripRows; done += StripRows)
        {
            StripMargins(bins[done..], rowCount, margins.Slice(done, StripRows));
        }
        if (done < rowCount)
        {
            // The last strip overlaps the one before it, whose rows are not added to again.
            Span<float> strip = stackalloc float[StripRows];
            Span<float> open = strip[^(rowCount - done)..];
            strip.Clear();
            margins[done..rowCount].CopyTo(open);
            StripMargins(bins[(rowCount - StripRows)..], rowCount, strip);
            open.CopyTo(margins[done..]);
        }
    }

    int IRowModel.ScratchLength => 0;

    void IRowModel.Margins(in RowBlock rows, Span<float> margins) => Margins(rows.Bins, rows.Count, margins);

    void IRowModel.RequireFit(Quantiser quantiser) => RequireColumns(quantiser);

    /// <summary>Quantises rows and predicts their margins, block by block. Allocates nothing.</summary>
    /// <param name="quantiser">The quantiser of the training rows.</param>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>. NaN is missing.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowStride">Values from one row to the next, at least <see cref="Quantiser.RowLength"/>.</param>
    /// <param name="margins">OUT one margin a row.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> bytes, overwritten.</param>
    public void PredictMargins(
        Quantiser quantiser, ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<float> margins, Span<byte> scratch)
    {
        RequireColumns(quantiser);
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        if (margins.Length < rowCount || scratch.Length < ScratchLength)
        {
            throw new ArgumentException($"margins or scratch are too short for {rowCount} rows x {Columns} columns");
        }
        for (int row = 0; row < rowCount; row += BlockRows)
        {
            int count = Math.Min(BlockRows, rowCount - row);
            quantiser.Quantise(rows[(row * rowStride)..], count, rowStride, scratch);
            Margins(scratch, count, margins.Slice(row, count));
        }
    }

    /// <summary>The margin of one row whose bins are <paramref name="stride"/> apart and whose margin began at <paramref name="margin"/>.</summary>
    private float RowMargin(ReadOnlySpan<byte> bins, int stride, float margin)
    {
        if (WideLanes.IsByteLookupSupported && Columns <= WideLanes.ByteTableLength)
        {
            return WordMargin(bins, stride, margin);
        }
        ReadOnlySpan<int> columns = SplitColumns.AsSpan();
        ReadOnlySpan<byte> thresholds = SplitBins.AsSpan();
        ReadOnlySpan<float> leaves = LeafValues.AsSpan();
        foreach (byte depth in Depths)
        {
            int leaf = 0;
            for (int level = 0; level < depth; level++)
            {
                leaf = (leaf << 1) | GreaterBit(bins[columns[level] * stride], thresholds[level]);
            }
            margin += leaves[leaf];
            columns = columns[depth..];
            thresholds = thresholds[depth..];
            leaves = leaves[(1 << depth)..];
        }
        return margin;
    }

    /// <summary>The same with lanes of splits: the row's bins are a table in registers, every split looks its bin up.</summary>
    private float WordMargin(ReadOnlySpan<byte> bins, int stride, float margin)
    {
        Span<byte> row = stackalloc byte[WideLanes.ByteTableLength];
        if (stride == 1)
        {
            bins[..Columns].CopyTo(row);
        }
        else
        {
            for (int c = 0; c < Columns; c++)
            {
                row[c] = bins[c * stride];
            }
        }
        Vector512<byte> low = Vector512.Create<byte>(row);
        Vector512<byte> high = Vector512.Create<byte>(row[WordSplits..]);
        ref byte column = ref MemoryMarshal.GetArrayDataReference(_wordColumns);
        ref byte threshold = ref MemoryMarshal.GetArrayDataReference(_wordBins);
        ref byte depth = ref MemoryMarshal.GetReference(Depths.AsSpan());
        ref float leaves = ref MemoryMarshal.GetReference(LeafValues.AsSpan());
        foreach (byte trees in _wordTrees)
        {
            Vector512<byte> values = WideLanes.LookupBytes(low, high, Vector512.LoadUnsafe(ref column));
            ulong answers = Vector512.GreaterThan(values, Vector512.LoadUnsafe(ref threshold)).ExtractMostSignificantBits();
            for (int tree = 0; tree < trees; tree++)
            {
                int leafCount = 1 << depth;
                margin += Unsafe.Add(ref leaves, (int)answers & (leafCount - 1));
                answers >>= depth;
                leaves = ref Unsafe.Add(ref leaves, leafCount);
                depth = ref Unsafe.Add(ref depth, 1);
            }
            column = ref Unsafe.Add(ref column, WordSplits);
            threshold = ref Unsafe.Add(ref threshold, WordSplits);
        }
        return margin;
    }

    /// <summary>
    /// Adds to the margins of <see cref="StripRows"/> neighbouring rows; lanes are rows. <paramref name="bins"/> begins at the
    /// strip's first row in column 0; columns are <paramref name="stride"/> apart. References walk along the
    /// splits, whose lengths the constructor checked, so that the loop over levels holds no bounds checks.
    /// </summary>
    private void StripMargins(ReadOnlySpan<byte> bins, int stride, Span<float> margins)
    {
        Debug.Assert(bins.Length >= ((long)(Columns - 1) * stride) + StripRows && margins.Length == StripRows);
        ref byte bin = ref MemoryMarshal.GetReference(bins);
        ref float margin = ref MemoryMarshal.GetReference(margins);
        ref int column = ref MemoryMarshal.GetReference(SplitColumns.AsSpan());
        ref byte threshold = ref MemoryMarshal.GetReference(SplitBins.AsSpan());
        ref float leaves = ref MemoryMarshal.GetArrayDataReference(_leafTables);
        foreach (byte depth in Depths.AsSpan())
        {
            if (depth <= MaxStripDepth)
            {
                Vector512<byte> indices = Vector512<byte>.Zero;
                for (int level = 0; level < depth; level++)
                {
                    Vector512<byte> values = Vector512.LoadUnsafe(ref bin, (nuint)(Unsafe.Add(ref column, level) * stride));
                    // "Greater" is all ones, which is -1: doubling and subtracting it appends the bit.
                    indices = indices + indices - Vector512.GreaterThan(values, Vector512.Create(Unsafe.Add(ref threshold, level)));
                }
                AddLeaves(ref leaves, depth, indices, ref margin);
            }
            else
            {
                AddDeepLeaves(ref leaves, depth, ref bin, stride, ref column, ref threshold, ref margin);
            }
            column = ref Unsafe.Add(ref column, depth);
            threshold = ref Unsafe.Add(ref threshold, depth);
            leaves = ref Unsafe.Add(ref leaves, LeafTableLength(depth));
        }
    }

    /// <summary>Adds each row's leaf value to its margin.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddLeaves(ref float table, int depth, Vector512<byte> indices, ref float margin)
    {
        if (WideLanes.IsSupported)
        {
            AddLeaves(ref table, depth, indices.GetLower().GetLower(), ref margin);
            AddLeaves(ref table, depth, indices.GetLower().GetUpper(), ref Unsafe.Add(ref margin, WideLanes.Count));
            AddLeaves(ref table, depth, indices.GetUpper().GetLower(), ref Unsafe.Add(ref margin, 2 * WideLanes.Count));
            AddLeaves(ref table, depth, indices.GetUpper().GetUpper(), ref Unsafe.Add(ref margin, 3 * WideLanes.Count));
            return;
        }
        for (int i = 0; i < StripRows; i++)
        {
            Unsafe.Add(ref margin, i) += Unsafe.Add(ref table, Unsafe.Add(ref Unsafe.As<Vector512<byte>, byte>(ref indices), i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddLeaves(ref float table, int depth, Vector128<byte> indices, ref float margin)
        => (Vector512.LoadUnsafe(ref margin) + WideLanes.Lookup(ref table, depth, WideLanes.FromBytes(indices))).StoreUnsafe(ref margin);

    /// <summary>The same for a tree whose leaf index does not fit a byte lane, row by row.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddDeepLeaves(
        ref float table, int depth, ref byte bin, int stride, ref int column, ref byte threshold, ref float margin)
    {
        for (int i = 0; i < StripRows; i++)
        {
            int leaf = 0;
            for (int level = 0; level < depth; level++)
            {
                leaf = (leaf << 1) | GreaterBit(Unsafe.Add(ref bin, (Unsafe.Add(ref column, level) * stride) + i), Unsafe.Add(ref threshold, level));
            }
            Unsafe.Add(ref margin, i) += Unsafe.Add(ref table, leaf);
        }
    }

    private static int LeafTableLength(int depth) => Math.Max(1 << depth, WideLanes.Count);

    private static float[] LeafTables(ReadOnlySpan<byte> depths, ReadOnlySpan<float> leafValues)
    {
        List<float> tables = [];
        foreach (byte depth in depths)
        {
            tables.AddRange(leafValues[..(1 << depth)]);
            tables.AddRange(new float[LeafTableLength(depth) - (1 << depth)]);
            leafValues = leafValues[(1 << depth)..];
        }
        return [.. tables];
    }

    private static (byte[] Trees, byte[] Columns, byte[] Bins) Words(
        ReadOnlySpan<byte> depths, ReadOnlySpan<int> splitColumns, ReadOnlySpan<byte> splitBins)
    {
        List<byte> trees = [];
        List<byte> columns = [];
        List<byte> bins = [];
        int split = 0;
        for (int tree = 0; tree < depths.Length;)
        {
            byte count = 0;
            int end = columns.Count + WordSplits;
            for (; tree < depths.Length && columns.Count + depths[tree] <= end && count < byte.MaxValue; tree++, count++)
            {
                for (int level = depths[tree] - 1; level >= 0; level--)
                {
                    columns.Add((byte)splitColumns[split + level]);
                    bins.Add(splitBins[split + level]);
                }
                split += depths[tree];
            }
            trees.Add(count);
            columns.AddRange(new byte[end - columns.Count]);
            bins.AddRange(new byte[end - bins.Count]);
        }
        return ([.. trees], [.. columns], [.. bins]);
    }

    // The sign bit of threshold - value: 1 where value > threshold, without a branch.
    internal static int GreaterBit(int value, int threshold) => (threshold - value) >>> 31;

    private void RequireColumns(Quantiser quantiser)
    {
        ArgumentNullException.ThrowIfNull(quantiser);
        if (quantiser.Columns.Length != Columns)
        {
            throw new ArgumentException($"expected {Columns} columns, found {quantiser.Columns.Length}", nameof(quantiser));
        }
    }
}
