using System.Collections.Immutable;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Assigns customers to segments: encodes the row and takes the nearest centroid, the lowest index of equals. Immutable
/// and thread-safe; no method allocates.
/// </summary>
public sealed class SegmentModel
{
    private readonly CentroidTable _table;

    /// <summary>Builds a model from its parts.</summary>
    /// <param name="encoding">From feature values to coordinates.</param>
    /// <param name="centroids">[segments x dimensions], row-major, of magnitude up to 1e15.</param>
    /// <param name="segments">One or more, with distinct ids and names.</param>
    /// <param name="nextId">The lowest id never given to a segment, of this or of an earlier version.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public SegmentModel(SegmentEncoding encoding, ImmutableArray<float> centroids, ImmutableArray<Segment> segments, int nextId)
    {
        ArgumentNullException.ThrowIfNull(encoding);
        if (segments.IsDefaultOrEmpty)
        {
            throw new ArgumentException("expected at least one segment", nameof(segments));
        }
        if (centroids.IsDefault || centroids.Length != (long)segments.Length * encoding.Dimensions.Length)
        {
            throw new ArgumentException(
                $"expected {segments.Length} x {encoding.Dimensions.Length} values, found {(centroids.IsDefault ? 0 : centroids.Length)}", nameof(centroids));
        }
        foreach (float value in centroids)
        {
            if (!(Math.Abs(value) <= RowPanels.Limit))
            {
                throw new ArgumentException(FormattableString.Invariant($"a centroid holds {value}"), nameof(centroids));
            }
        }
        HashSet<int> ids = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (Segment segment in segments)
        {
            if (segment.Id < 1 || segment.Id >= nextId || !ids.Add(segment.Id))
            {
                throw new ArgumentException($"segment id {segment.Id} is used twice or not within 1 to {nextId - 1}", nameof(segments));
            }
            if (!names.Add(segment.Name))
            {
                throw new ArgumentException($"segment name '{segment.Name}' is used twice", nameof(segments));
            }
        }
        Encoding = encoding;
        Centroids = centroids;
        Segments = segments;
        NextId = nextId;
        _table = new CentroidTable(centroids.AsSpan(), encoding.Dimensions.Length);
    }

    /// <summary>From feature values to coordinates.</summary>
    public SegmentEncoding Encoding { get; }

    /// <summary>[segments x dimensions], row-major, in standardised units.</summary>
    public ImmutableArray<float> Centroids { get; }

    /// <summary>The segments in the order of their centroids.</summary>
    public ImmutableArray<Segment> Segments { get; }

    /// <summary>The lowest id never given to a segment, of this or of an earlier version.</summary>
    public int NextId { get; }

    /// <summary>Values of scratch memory that either form of Assign needs.</summary>
    public int ScratchLength => Encoding.Dimensions.Length * RowPanels.PanelRows;

    /// <summary>The segment of one customer.</summary>
    /// <param name="row">At least <see cref="SegmentEncoding.MinimumColumns"/> feature values; NaN is missing.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> values, overwritten.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public SegmentAssignment Assign(ReadOnlySpan<float> row, Span<float> scratch)
    {
        RequireLength(scratch.Length, ScratchLength, nameof(scratch));
        Encoding.Encode(row, scratch);
        int index = _table.Nearest(scratch, out float best, out float second);
        return new SegmentAssignment(index, MathF.Sqrt(best), Margin(best, second));
    }

    /// <summary>The segments of a block of customers, bit by bit as the single-row form gives them.</summary>
    /// <param name="rows">
    /// <paramref name="rowCount"/> rows of <paramref name="rowStride"/> values each, of which the first
    /// <see cref="SegmentEncoding.MinimumColumns"/> are read; NaN is missing.
    /// </param>
    /// <param name="rowCount">Number of rows, 0 or more.</param>
    /// <param name="rowStride">Values from the start of one row to the start of the next.</param>
    /// <param name="indexes">Receives <see cref="SegmentAssignment.Index"/> of each row.</param>
    /// <param name="distances">Receives <see cref="SegmentAssignment.Distance"/> of each row; empty when not wanted.</param>
    /// <param name="margins">Receives <see cref="SegmentAssignment.Margin"/> of each row; empty when not wanted.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> values, overwritten. No spans may overlap.</param>
    /// <exception cref="ArgumentException">A span or the stride is too short.</exception>
    public void Assign(
        ReadOnlySpan<float> rows, int rowCount, int rowStride,
        Span<int> indexes, Span<float> distances, Span<float> margins, Span<float> scratch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        RequireLength(rowStride, Encoding.MinimumColumns, nameof(rowStride));
        if (rowCount > 0 && rows.Length < ((rowCount - 1L) * rowStride) + Encoding.MinimumColumns)
        {
            throw new ArgumentException($"{rows.Length} values do not hold {rowCount} rows of {rowStride}", nameof(rows));
        }
        RequireLength(indexes.Length, rowCount, nameof(indexes));
        RequireLength(distances.IsEmpty ? rowCount : distances.Length, rowCount, nameof(distances));
        RequireLength(margins.IsEmpty ? rowCount : margins.Length, rowCount, nameof(margins));
        RequireLength(scratch.Length, ScratchLength, nameof(scratch));

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

    /// <summary>The index of the segment of each row; allocates the result.</summary>
    internal int[] Assign(FeatureMatrix rows)
    {
        int[] indexes = new int[rows.Rows];
        Assign(rows.Values, rows.Rows, rows.Columns, indexes, [], [], new float[ScratchLength]);
        return indexes;
    }

    private float Margin(float best, float second)
        => Segments.Length == 1 ? float.NaN : MathF.Sqrt(second) - MathF.Sqrt(best);

    private static void RequireLength(int length, int minimum, string name)
    {
        if (length < minimum)
        {
            throw new ArgumentException($"expected at least {minimum}, found {length}", name);
        }
    }
}
