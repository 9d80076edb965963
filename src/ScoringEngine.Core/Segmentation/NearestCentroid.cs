using System.Collections.Immutable;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Encodes the row and takes the nearest centroid, the lowest index of equals. Immutable and thread-safe; no method
/// allocates.
/// </summary>
internal sealed class NearestCentroid : ISegmentAssigner
{
    private readonly CentroidTable _table;

    /// <summary>Builds an assigner for <paramref name="segments"/> centroids, [segments x dimensions], row-major.</summary>
    /// <exception cref="ArgumentException">The parts do not fit together, or a centroid is out of range.</exception>
    public NearestCentroid(SegmentEncoding encoding, ImmutableArray<float> centroids, int segments)
    {
        if (centroids.IsDefault || centroids.Length != (long)segments * encoding.Dimensions.Length)
        {
            throw new ArgumentException(
                $"expected {segments} x {encoding.Dimensions.Length} values, found {(centroids.IsDefault ? 0 : centroids.Length)}", nameof(centroids));
        }
        foreach (float value in centroids)
        {
            if (!(Math.Abs(value) <= RowPanels.Limit))
            {
                throw new ArgumentException(FormattableString.Invariant($"a centroid holds {value}"), nameof(centroids));
            }
        }
        Encoding = encoding;
        Centroids = centroids;
        SegmentCount = segments;
        _table = new CentroidTable(centroids.AsSpan(), encoding.Dimensions.Length);
    }

    public SegmentEncoding Encoding { get; }

    public ImmutableArray<float> Centroids { get; }

    public int SegmentCount { get; }

    public int MinimumColumns => Encoding.MinimumColumns;

    public IEnumerable<int> Features => Encoding.Dimensions.Select(d => d.Feature).Distinct();

    public int ScratchLength => Encoding.Dimensions.Length * RowPanels.PanelRows;

    public SegmentAssignment Assign(ReadOnlySpan<float> row, Span<float> scratch)
    {
        Encoding.Encode(row, scratch);
        int index = _table.Nearest(scratch, out float best, out float second);
        return new SegmentAssignment(index, MathF.Sqrt(best), Margin(best, second));
    }

    public void Assign(
        ReadOnlySpan<float> rows, int rowCount, int rowStride,
        Span<int> indexes, Span<float> distances, Span<float> margins, Span<float> scratch)
    {
        Span<int> index = stackalloc int[RowPanels.PanelRows];
        Span<float> best = stackalloc float[RowPanels.PanelRows];
        Span<float> second = stackalloc float[RowPanels.PanelRows];
        for (int row = 0; row < rowCount; row += RowPanels.PanelRows)
        {
            int count = Math.Min(RowPanels.PanelRows, rowCount - row);
            Encoding.EncodePanel(rows[(row * rowStride)..], count, rowStride, scratch);
            _table.Nearest(scratch, index, best, second);
            index[..count].CopyTo(indexes[row..]);
            for (int lane = 0; lane < count && !distances.IsEmpty; lane++)
            {
                distances[row + lane] = MathF.Sqrt(best[lane]);
            }
            for (int lane = 0; lane < count && !margins.IsEmpty; lane++)
            {
                margins[row + lane] = Margin(best[lane], second[lane]);
            }
        }
    }

    private float Margin(float best, float second)
        => SegmentCount == 1 ? float.NaN : MathF.Sqrt(second) - MathF.Sqrt(best);
}
