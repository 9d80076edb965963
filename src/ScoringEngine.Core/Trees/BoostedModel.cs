namespace ScoringEngine.Core.Trees;

/// <summary>
/// Oblivious trees on top of a linear stage: the margin is the stage's, plus the trees' base margin, plus each leaf value
/// in order of trees, added in single precision, so that one row, any block and the trainer arrive at the same bits.
/// Immutable and thread-safe.
/// </summary>
public sealed class BoostedModel : IRowModel
{
    /// <summary>Joins the two.</summary>
    /// <param name="stage">What the trees were boosted on top of.</param>
    /// <param name="trees">The trees.</param>
    public BoostedModel(LinearStage stage, ObliviousEnsemble trees)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(trees);
        Stage = stage;
        Trees = trees;
    }

    /// <summary>What the trees were boosted on top of.</summary>
    public LinearStage Stage { get; }

    /// <summary>The trees.</summary>
    public ObliviousEnsemble Trees { get; }

    int IRowModel.ScratchLength => 0;

    /// <inheritdoc/>
    public void Margins(in RowBlock rows, Span<float> margins)
    {
        if (rows.Bins.Length < (long)Trees.Columns * rows.Count)
        {
            throw new ArgumentException($"{rows.Bins.Length} bins are too few for {rows.Count} rows x {Trees.Columns} columns", nameof(rows));
        }
        Stage.Margins(rows.Values, rows.Count, rows.Stride, margins);
        foreach (ref float margin in margins[..rows.Count])
        {
            margin += Trees.BaseMargin;
        }
        Trees.AddMargins(rows.Bins, rows.Count, margins);
    }

    /// <summary>Quantises rows and predicts their margins, block by block. Allocates nothing.</summary>
    /// <param name="quantiser">The quantiser of the training rows.</param>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>. NaN is missing.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowStride">Values from one row to the next, at least <see cref="Quantiser.RowLength"/>.</param>
    /// <param name="margins">OUT one margin a row.</param>
    /// <param name="scratch">At least the <see cref="ObliviousEnsemble.ScratchLength"/> of the trees, overwritten.</param>
    public void PredictMargins(
        Quantiser quantiser, ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<float> margins, Span<byte> scratch)
    {
        RequireFit(quantiser);
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        if (margins.Length < rowCount || scratch.Length < Trees.ScratchLength)
        {
            throw new ArgumentException($"margins or scratch are too short for {rowCount} rows x {Trees.Columns} columns");
        }
        for (int row = 0; row < rowCount; row += ObliviousEnsemble.BlockRows)
        {
            int count = Math.Min(ObliviousEnsemble.BlockRows, rowCount - row);
            ReadOnlySpan<float> values = rows[(row * rowStride)..];
            quantiser.Quantise(values, count, rowStride, scratch);
            Margins(new RowBlock(values, count, rowStride, scratch), margins.Slice(row, count));
        }
    }

    /// <inheritdoc/>
    public void RequireFit(Quantiser quantiser)
    {
        ArgumentNullException.ThrowIfNull(quantiser);
        ((IRowModel)Trees).RequireFit(quantiser);
        if (quantiser.RowLength != Stage.RowLength)
        {
            throw new ArgumentException($"a linear stage of {Stage.RowLength} features cannot read rows of {quantiser.RowLength}", nameof(quantiser));
        }
    }
}
