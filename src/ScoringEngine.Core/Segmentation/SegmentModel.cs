using System.Collections.Immutable;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Assigns customers to segments: by the nearest centroid in standardised features, or as a model from elsewhere does.
/// Immutable and thread-safe. With centroids no method allocates; an imported ONNX model allocates as it is evaluated.
/// </summary>
public sealed class SegmentModel
{
    private readonly ISegmentAssigner _assigner;

    /// <summary>Builds a model from its parts.</summary>
    /// <param name="encoding">From feature values to coordinates.</param>
    /// <param name="centroids">[segments x dimensions], row-major, of magnitude up to 1e15.</param>
    /// <param name="segments">One or more, with distinct ids and names.</param>
    /// <param name="nextId">The lowest id never given to a segment, of this or of an earlier version.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public SegmentModel(SegmentEncoding encoding, ImmutableArray<float> centroids, ImmutableArray<Segment> segments, int nextId)
        : this(Assigner(encoding, centroids, segments), segments, nextId)
    {
    }

    /// <summary>Builds a model whose rows are assigned in any way.</summary>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    internal SegmentModel(ISegmentAssigner assigner, ImmutableArray<Segment> segments, int nextId)
    {
        if (segments.IsDefaultOrEmpty)
        {
            throw new ArgumentException("expected at least one segment", nameof(segments));
        }
        if (segments.Length != assigner.SegmentCount)
        {
            throw new ArgumentException($"{segments.Length} segments, but rows are assigned to {assigner.SegmentCount}", nameof(segments));
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
        _assigner = assigner;
        Segments = segments;
        NextId = nextId;
    }

    /// <summary>Whether rows go to the nearest centroid; false where a model from elsewhere assigns them.</summary>
    public bool HasCentroids => _assigner is NearestCentroid;

    /// <summary>From feature values to coordinates.</summary>
    /// <exception cref="InvalidOperationException">There are no centroids.</exception>
    public SegmentEncoding Encoding => Nearest.Encoding;

    /// <summary>[segments x dimensions], row-major, in standardised units.</summary>
    /// <exception cref="InvalidOperationException">There are no centroids.</exception>
    public ImmutableArray<float> Centroids => Nearest.Centroids;

    /// <summary>Values of a row that are read.</summary>
    public int MinimumColumns => _assigner.MinimumColumns;

    /// <summary>Positions in a row of the features that are read, each once.</summary>
    public IEnumerable<int> Features => _assigner.Features;

    /// <summary>How rows are assigned.</summary>
    internal ISegmentAssigner AssignedBy => _assigner;

    private NearestCentroid Nearest => _assigner as NearestCentroid
        ?? throw new InvalidOperationException("these segments are assigned by an imported model, not by centroids");

    /// <summary>The segments in the order of their centroids.</summary>
    public ImmutableArray<Segment> Segments { get; }

    /// <summary>The lowest id never given to a segment, of this or of an earlier version.</summary>
    public int NextId { get; }

    /// <summary>Values of scratch memory that either form of Assign needs.</summary>
    public int ScratchLength => _assigner.ScratchLength;

    /// <summary>The segment of one customer.</summary>
    /// <param name="row">At least <see cref="MinimumColumns"/> feature values; NaN is missing.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> values, overwritten.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public SegmentAssignment Assign(ReadOnlySpan<float> row, Span<float> scratch)
    {
        RequireLength(scratch.Length, ScratchLength, nameof(scratch));
        RequireLength(row.Length, MinimumColumns, nameof(row));
        return _assigner.Assign(row, scratch);
    }

    /// <summary>The segments of a block of customers, bit by bit as the single-row form gives them.</summary>
    /// <param name="rows">
    /// <paramref name="rowCount"/> rows of <paramref name="rowStride"/> values each, of which the first
    /// <see cref="MinimumColumns"/> are read; NaN is missing.
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
        RequireLength(rowStride, MinimumColumns, nameof(rowStride));
        if (rowCount > 0 && rows.Length < ((rowCount - 1L) * rowStride) + MinimumColumns)
        {
            throw new ArgumentException($"{rows.Length} values do not hold {rowCount} rows of {rowStride}", nameof(rows));
        }
        RequireLength(indexes.Length, rowCount, nameof(indexes));
        RequireLength(distances.IsEmpty ? rowCount : distances.Length, rowCount, nameof(distances));
        RequireLength(margins.IsEmpty ? rowCount : margins.Length, rowCount, nameof(margins));
        RequireLength(scratch.Length, ScratchLength, nameof(scratch));

        _assigner.Assign(rows, rowCount, rowStride, indexes, distances, margins, scratch);
    }

    /// <summary>The index of the segment of each row; allocates the result.</summary>
    internal int[] Assign(FeatureMatrix rows)
    {
        int[] indexes = new int[rows.Rows];
        Assign(rows.Values, rows.Rows, rows.Columns, indexes, [], [], new float[ScratchLength]);
        return indexes;
    }

    /// <summary>The same assignment under other names, ids or sizes.</summary>
    internal SegmentModel With(ImmutableArray<Segment> segments, int nextId) => new(_assigner, segments, nextId);

    private static NearestCentroid Assigner(SegmentEncoding encoding, ImmutableArray<float> centroids, ImmutableArray<Segment> segments)
    {
        ArgumentNullException.ThrowIfNull(encoding);
        return segments.IsDefaultOrEmpty
            ? throw new ArgumentException("expected at least one segment", nameof(segments))
            : new NearestCentroid(encoding, centroids, segments.Length);
    }

    private static void RequireLength(int length, int minimum, string name)
    {
        if (length < minimum)
        {
            throw new ArgumentException($"expected at least {minimum}, found {length}", name);
        }
    }
}
