namespace ScoringEngine.Core.Segmentation;

/// <summary>A group of similar customers.</summary>
public sealed record Segment
{
    /// <summary>1 or more; stays with the segment over versions and is never given to another.</summary>
    public required int Id { get; init; }

    /// <summary>Short name for people, unique within a model.</summary>
    public required string Name { get; init; }

    /// <summary>In words: the features that set the segment apart most.</summary>
    public required string Description { get; init; }

    /// <summary>Training rows in the segment; 0 where it was imported without customers.</summary>
    public required int Size { get; init; }

    /// <summary>Share of the training rows, 0..1; NaN where it was imported without customers.</summary>
    public required double Share { get; init; }
}

/// <summary>Where a customer stands.</summary>
/// <param name="Index">Index of the segment in <see cref="SegmentModel.Segments"/>.</param>
/// <param name="Distance">
/// Euclidean distance to the segment's centroid in standardised units, 0 or more; of an imported model its own distance,
/// NaN where it has none.
/// </param>
/// <param name="Margin">How much farther the second nearest centroid is, 0 or more; NaN when there is one segment only, or no distance.</param>
public readonly record struct SegmentAssignment(int Index, float Distance, float Margin);
