using System.Collections.Immutable;
using System.Runtime.Intrinsics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Several ensembles whose trees ask the same questions: a row's leaf is found once for all of them. Each output's
/// margin has the bits of the ensemble it comes from. Immutable and thread-safe.
/// </summary>
public sealed class MultiOutputEnsemble
{
    private const int StripRows = 64;
    private const int MaxStripDepth = 8;

    /// <summary>Joins the outputs; they can also be stored and explained one by one.</summary>
    /// <param name="outputs">At least one, of equal structure.</param>
    /// <exception cref="ArgumentException">The structures differ.</exception>
    public MultiOutputEnsemble(ImmutableArray<ObliviousEnsemble> outputs)
    {
        if (outputs.IsDefaultOrEmpty)
        {
            throw new ArgumentException("expected at least one output", nameof(outputs));
        }
        ObliviousEnsemble first = outputs[0];
        for (int o = 1; o < outputs.Length; o++)
        {
            if (outputs[o].Columns != first.Columns || !outputs[o].Depths.AsSpan().SequenceEqual(first.Depths.AsSpan())
                || !outputs[o].SplitColumns.AsSpan().SequenceEqual(first.SplitColumns.AsSpan())
                || !outputs[o].SplitBins.AsSpan().SequenceEqual(first.SplitBins.AsSpan()))
            {
                throw new ArgumentException($"output {o} has other splits than output 0", nameof(outputs));
            }
        }
        Outputs = outputs;
    }

    /// <summary>The outputs.</summary>
    public ImmutableArray<ObliviousEnsemble> Outputs { get; }

    /// <summary>Columns of the quantised rows.</summary>
    public int Columns => Outputs[0].Columns;

    /// <summary>The margins of one quantised row. Allocates nothing.</summary>
    /// <param name="quantisedRow">One byte a column.</param>
    /// <param name="margins">OUT one margin an output.</param>
    public void Margins(ReadOnlySpan<byte> quantisedRow, Span<float> margins) => Margins(quantisedRow, 1, margins);

    /// <summary>The margins of a quantised block. Allocates nothing.</summary>
    /// <param name="bins">[columns x rowCount], column-major.</param>
    /// <param name="rowCount">Rows in the block; a few hundred keep the bins in the first-level cache.</param>
    /// <param name="margins">OUT [outputs x rowCount]: output o of row r is at o * rowCount + r.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public void Margins(ReadOnlySpan<byte> bins, int rowCount, Span<float> margins)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        if (bins.Length < (long)Columns * rowCount || margins.Length < (long)Outputs.Length * rowCount)
        {
            throw new ArgumentException($"bins or margins are too short for {rowCount} rows x {Columns} columns and {Outputs.Length} outputs");
        }
        for (int row = 0; row < rowCount; row += StripRows)
        {
            StripMargins(bins, rowCount, row, Math.Min(StripRows, rowCount - row), margins);
        }
    }

    /// <summary>Rows <paramref name="first"/>.. of the block, at most <see cref="StripRows"/>: the leaves of a tree, then its outputs.</summary>
    private void StripMargins(ReadOnlySpan<byte> bins, int rowCount, int first, int count, Span<float> margins)
    {
        ReadOnlySpan<int> columns = Outputs[0].SplitColumns.AsSpan();
        ReadOnlySpan<byte> thresholds = Outputs[0].SplitBins.AsSpan();
        Span<ushort> leaf = stackalloc ushort[StripRows];
        for (int o = 0; o < Outputs.Length; o++)
        {
            margins.Slice((o * rowCount) + first, count).Fill(Outputs[o].BaseMargin);
        }
        int at = 0;
        foreach (byte depth in Outputs[0].Depths)
        {
            FindLeaves(bins, rowCount, first, columns[..depth], thresholds, leaf[..count]);
            for (int o = 0; o < Outputs.Length; o++)
            {
                ReadOnlySpan<float> table = Outputs[o].LeafValues.AsSpan(at, 1 << depth);
                Span<float> own = margins.Slice((o * rowCount) + first, count);
                for (int i = 0; i < own.Length; i++)
                {
                    own[i] += table[leaf[i]];
                }
            }
            columns = columns[depth..];
            thresholds = thresholds[depth..];
            at += 1 << depth;
        }
    }

    private static void FindLeaves(
        ReadOnlySpan<byte> bins, int rowCount, int first, ReadOnlySpan<int> columns, ReadOnlySpan<byte> thresholds, Span<ushort> leaf)
    {
        if (leaf.Length == StripRows && columns.Length <= MaxStripDepth)
        {
            // Byte lanes are rows. "Greater" is all ones, which is -1: doubling and subtracting it appends the bit.
            Vector512<byte> index = Vector512<byte>.Zero;
            for (int level = 0; level < columns.Length; level++)
            {
                Vector512<byte> values = Vector512.Create(bins.Slice((columns[level] * rowCount) + first, StripRows));
                index = index + index - Vector512.GreaterThan(values, Vector512.Create(thresholds[level]));
            }
            (Vector512<ushort> low, Vector512<ushort> high) = Vector512.Widen(index);
            low.CopyTo(leaf);
            high.CopyTo(leaf[Vector512<ushort>.Count..]);
            return;
        }
        leaf.Clear();
        for (int level = 0; level < columns.Length; level++)
        {
            ReadOnlySpan<byte> values = bins.Slice((columns[level] * rowCount) + first, leaf.Length);
            for (int i = 0; i < leaf.Length; i++)
            {
                leaf[i] = (ushort)((leaf[i] << 1) | ObliviousEnsemble.GreaterBit(values[i], thresholds[level]));
            }
        }
    }
}
