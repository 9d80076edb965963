namespace ScoringEngine.Core.Trees;

/// <summary>
/// A model that gives a row one raw margin for each of its outputs, before any link. Rows are float32 with NaN for
/// missing; implementations are immutable and thread-safe, and one row or any block give the same bits.
/// </summary>
public interface IMarginModel
{
    /// <summary>Values of a row.</summary>
    int FeatureCount { get; }

    /// <summary>Margins of a row.</summary>
    int Outputs { get; }

    /// <summary>Scratch values that the block form of <see cref="Margins(ReadOnlySpan{float}, int, int, Span{double}, Span{float})"/> needs.</summary>
    int ScratchLength { get; }

    /// <summary>The margins of one row. Allocates nothing.</summary>
    /// <param name="row">At least <see cref="FeatureCount"/> values; NaN is missing, infinity is not allowed.</param>
    /// <param name="margins">OUT <see cref="Outputs"/> margins.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    void Margins(ReadOnlySpan<float> row, Span<double> margins);

    /// <summary>The margins of a block of rows. Allocates nothing.</summary>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>. NaN is missing.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowStride">Values from one row to the next, at least <see cref="FeatureCount"/>.</param>
    /// <param name="margins">OUT [rowCount x <see cref="Outputs"/>], row-major.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> values, overwritten.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    void Margins(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<double> margins, Span<float> scratch);
}
