namespace ScoringEngine.Core.Trees;

/// <summary>A block of rows in both forms that models read: values, and the bins of the shared quantiser.</summary>
public readonly ref struct RowBlock
{
    /// <summary>Joins the two forms.</summary>
    /// <param name="values">Row-major values; row r begins at r * <paramref name="stride"/>. NaN is missing.</param>
    /// <param name="count">Number of rows, 0 or more.</param>
    /// <param name="stride">Values from one row to the next.</param>
    /// <param name="bins">[columns x count], column-major, as <see cref="Quantiser.Quantise(ReadOnlySpan{float}, int, int, Span{byte})"/> makes it.</param>
    /// <param name="scratch">Room that a model may overwrite, at least its <see cref="IRowModel.ScratchLength"/>.</param>
    public RowBlock(ReadOnlySpan<float> values, int count, int stride, ReadOnlySpan<byte> bins, Span<float> scratch = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(stride);
        Values = values;
        Count = count;
        Stride = stride;
        Bins = bins;
        Scratch = scratch;
    }

    /// <summary>Row-major values; row r begins at r * <see cref="Stride"/>. NaN is missing.</summary>
    public ReadOnlySpan<float> Values { get; }

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>Values from one row to the next.</summary>
    public int Stride { get; }

    /// <summary>[columns x <see cref="Count"/>], column-major: the bins of the quantiser's columns.</summary>
    public ReadOnlySpan<byte> Bins { get; }

    /// <summary>Room that a model may overwrite.</summary>
    public Span<float> Scratch { get; }
}
