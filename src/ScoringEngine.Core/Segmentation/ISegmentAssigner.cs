namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// How a row finds its segment: by the nearest centroid, or by a model from elsewhere. Implementations are immutable and
/// thread-safe; one row and any block give the same bits. Callers check lengths.
/// </summary>
internal interface ISegmentAssigner
{
    /// <summary>Number of segments; indexes are below it.</summary>
    int SegmentCount { get; }

    /// <summary>Values of a row that are read.</summary>
    int MinimumColumns { get; }

    /// <summary>Positions in a row of the features that are read, each once.</summary>
    IEnumerable<int> Features { get; }

    /// <summary>Values of scratch memory that either form of Assign needs.</summary>
    int ScratchLength { get; }

    /// <summary>The segment of one row.</summary>
    SegmentAssignment Assign(ReadOnlySpan<float> row, Span<float> scratch);

    /// <summary>The segments of a block; distances and margins may be empty.</summary>
    void Assign(
        ReadOnlySpan<float> rows, int rowCount, int rowStride,
        Span<int> indexes, Span<float> distances, Span<float> margins, Span<float> scratch);
}
