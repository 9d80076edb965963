using System.Collections.Immutable;
using System.Diagnostics;

namespace ScoringEngine.Core.Trees;

/// <summary>Precision in which an ensemble adds its leaves.</summary>
public enum MarginPrecision
{
    /// <summary>Every sum is rounded to float32.</summary>
    Single,

    /// <summary>Sums are float64.</summary>
    Double,
}

/// <summary>
/// A sum of <see cref="GeneralTree"/>s, such as XGBoost, LightGBM and others train. Each tree adds to one output; an
/// output's margin is its base margin plus its trees' leaf values in order of trees, divided by
/// <see cref="AveragedOver"/>. Immutable and thread-safe.
/// </summary>
public sealed class GeneralEnsemble : IMarginModel
{
    /// <summary>Rows evaluated together by the block form.</summary>
    public const int BlockRows = LeafMasks.StripRows;

    // Below this many rows a strip costs more than walking each row.
    private const int FewestStripRows = 8;

    private readonly int[] _columnFeatures;
    private readonly LeafMasks _masks;

    // Leaf values of all trees, from left to right in each tree, and where each tree begins.
    private readonly double[] _leavesByRank;
    private readonly int[] _firstLeaf;

    /// <summary>Builds an ensemble.</summary>
    /// <param name="featureCount">Values of a row.</param>
    /// <param name="baseMargins">Margin of each output before the first tree.</param>
    /// <param name="trees">The trees, in the order in which they are added.</param>
    /// <param name="treeOutputs">Output of each tree.</param>
    /// <param name="precision">Precision of the sums.</param>
    /// <param name="averagedOver">Divisor of each output's sum, at least 1; 1 for a sum.</param>
    /// <exception cref="ArgumentException">Lengths disagree, a feature or output does not exist, or a base margin is not finite.</exception>
    public GeneralEnsemble(
        int featureCount, ImmutableArray<double> baseMargins, ImmutableArray<GeneralTree> trees, ImmutableArray<int> treeOutputs,
        MarginPrecision precision, int averagedOver = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(featureCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(averagedOver, 1);
        Require(!baseMargins.IsEmpty && baseMargins.All(double.IsFinite), "base margins are missing or not finite");
        Require(treeOutputs.Length == trees.Length, $"expected {trees.Length} tree outputs, found {treeOutputs.Length}");
        Require(
            precision == MarginPrecision.Double || baseMargins.Concat(trees.SelectMany(t => t.Leaves)).All(v => v == (float)v),
            "a base margin or leaf value is not a float32, but sums are");
        SortedSet<int> used = [];
        for (int t = 0; t < trees.Length; t++)
        {
            Require(treeOutputs[t] >= 0 && treeOutputs[t] < baseMargins.Length, $"tree {t} has output {treeOutputs[t]} of {baseMargins.Length}");
            used.UnionWith(trees[t].Features);
        }
        Require(used.Count == 0 || used.Max < featureCount, $"a split has feature {used.Max} of {featureCount}");
        FeatureCount = featureCount;
        BaseMargins = baseMargins;
        Trees = trees;
        TreeOutputs = treeOutputs;
        Precision = precision;
        AveragedOver = averagedOver;
        _columnFeatures = [.. used];
        _masks = new LeafMasks(trees, _columnFeatures.Index().ToDictionary(c => c.Item, c => c.Index));
        _firstLeaf = new int[trees.Length];
        _leavesByRank = new double[trees.Sum(t => t.Leaves.Length)];
        int leaf = 0;
        for (int t = 0; t < trees.Length; t++)
        {
            _firstLeaf[t] = leaf;
            foreach (int ranked in trees[t].LeavesByRank)
            {
                _leavesByRank[leaf++] = trees[t].Leaves[ranked];
            }
        }

        static void Require(bool met, string message)
        {
            if (!met)
            {
                throw new ArgumentException(message);
            }
        }
    }

    /// <inheritdoc/>
    public int FeatureCount { get; }

    /// <inheritdoc/>
    public int Outputs => BaseMargins.Length;

    /// <inheritdoc/>
    public int ScratchLength => _columnFeatures.Length * BlockRows;

    /// <summary>Margin of each output before the first tree.</summary>
    public ImmutableArray<double> BaseMargins { get; }

    /// <summary>The trees, in the order in which they are added.</summary>
    public ImmutableArray<GeneralTree> Trees { get; }

    /// <summary>Output of each tree.</summary>
    public ImmutableArray<int> TreeOutputs { get; }

    /// <summary>Precision of the sums.</summary>
    public MarginPrecision Precision { get; }

    /// <summary>Divisor of each output's sum; 1 for a sum.</summary>
    public int AveragedOver { get; }

    /// <summary>Features that occur in a split, in ascending order.</summary>
    public ImmutableArray<int> UsedFeatures => [.. _columnFeatures];

    /// <inheritdoc/>
    public void Margins(ReadOnlySpan<float> row, Span<double> margins)
    {
        if (row.Length < FeatureCount || margins.Length < Outputs)
        {
            throw new ArgumentException($"row or margins are too short for {FeatureCount} features and {Outputs} outputs");
        }
        RowMargins(row, margins[..Outputs]);
    }

    /// <inheritdoc/>
    public void Margins(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<double> margins, Span<float> scratch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowStride, FeatureCount);
        if (rowCount > 0 && rows.Length < ((long)(rowCount - 1) * rowStride) + FeatureCount)
        {
            throw new ArgumentException($"rows are too short for {rowCount} rows, {rowStride} apart", nameof(rows));
        }
        if (margins.Length < (long)rowCount * Outputs || scratch.Length < ScratchLength)
        {
            throw new ArgumentException($"margins or scratch are too short for {rowCount} rows");
        }
        scratch = scratch[..ScratchLength];
        for (int row = 0; row < rowCount; row += BlockRows)
        {
            int count = Math.Min(BlockRows, rowCount - row);
            ReadOnlySpan<float> strip = rows[(row * rowStride)..];
            Span<double> stripMargins = margins.Slice(row * Outputs, count * Outputs);
            if (count >= FewestStripRows)
            {
                StripMargins(strip, count, rowStride, stripMargins, scratch);
                continue;
            }
            for (int r = 0; r < count; r++)
            {
                RowMargins(strip.Slice(r * rowStride, FeatureCount), stripMargins.Slice(r * Outputs, Outputs));
            }
        }
    }

    private void RowMargins(ReadOnlySpan<float> row, Span<double> margins)
    {
        BaseMargins.AsSpan().CopyTo(margins);
        for (int t = 0; t < Trees.Length; t++)
        {
            GeneralTree tree = Trees[t];
            ref double margin = ref margins[TreeOutputs[t]];
            margin = Add(margin, tree.Leaves[tree.Leaf(row)]);
        }
        Average(margins);
    }

    private void StripMargins(ReadOnlySpan<float> rows, int count, int rowStride, Span<double> margins, Span<float> columns)
    {
        Debug.Assert(count <= BlockRows && columns.Length == ScratchLength);
        Transpose(rows, count, rowStride, columns);
        for (int r = 0; r < count; r++)
        {
            BaseMargins.AsSpan().CopyTo(margins[(r * Outputs)..]);
        }
        Span<int> ranks = stackalloc int[BlockRows];
        int outputs = Outputs;
        bool single = Precision == MarginPrecision.Single;
        for (int t = 0; t < Trees.Length; t++)
        {
            int output = TreeOutputs[t];
            GeneralTree tree = Trees[t];
            if (!_masks.Holds(t))
            {
                for (int r = 0; r < count; r++)
                {
                    ref double margin = ref margins[(r * Outputs) + output];
                    margin = Add(margin, tree.Leaves[tree.Leaf(rows.Slice(r * rowStride, FeatureCount))]);
                }
                continue;
            }
            _masks.Ranks(t, columns, ranks);
            ReadOnlySpan<double> leaves = _leavesByRank.AsSpan(_firstLeaf[t], tree.Leaves.Length);
            for (int r = 0, at = output; r < count; r++, at += outputs)
            {
                double margin = margins[at] + leaves[ranks[r]];
                margins[at] = single ? (float)margin : margin;
            }
        }
        Average(margins);
    }

    // Columns of the features in use, BlockRows values each; rows beyond the count are zero and their margins unused.
    private void Transpose(ReadOnlySpan<float> rows, int count, int rowStride, Span<float> columns)
    {
        if (count < BlockRows)
        {
            columns.Clear();
        }
        for (int r = 0; r < count; r++)
        {
            ReadOnlySpan<float> row = rows.Slice(r * rowStride, FeatureCount);
            for (int c = 0; c < _columnFeatures.Length; c++)
            {
                columns[(c * BlockRows) + r] = row[_columnFeatures[c]];
            }
        }
    }

    // Rounding a float64 sum of two float32 values to float32 is the float32 sum: 53 bits are more than 2 * 24 + 1.
    private double Add(double margin, double leaf) => Precision == MarginPrecision.Single ? (float)(margin + leaf) : margin + leaf;

    private void Average(Span<double> margins)
    {
        if (AveragedOver > 1)
        {
            for (int i = 0; i < margins.Length; i++)
            {
                margins[i] /= AveragedOver;
            }
        }
    }
}
