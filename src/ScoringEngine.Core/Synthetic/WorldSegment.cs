using System.Collections.Immutable;

namespace ScoringEngine.Core.Synthetic;

/// <summary>A true segment of the synthetic customer base.</summary>
/// <param name="Name">Name as written to truth.csv.</param>
/// <param name="Share">Share of the customers, 0..1; the shares sum to 1.</param>
/// <param name="Means">
/// Mean of each segment feature, in within-segment standard deviations, in the order of
/// <see cref="SyntheticWorld.SegmentScales"/>.
/// </param>
/// <param name="NeedWeights">Weight of each need, in the order of <see cref="SyntheticWorld.Needs"/>; they sum to 1.</param>
public sealed record WorldSegment(
    string Name, double Share, ImmutableArray<double> Means, ImmutableArray<double> NeedWeights);

/// <summary>
/// How a segment feature is made: value = centre + spread x z, through exp(.) - 1 where the schema flags log1p, where z
/// is normal around the segment's mean with standard deviation 1.
/// </summary>
/// <param name="Feature">Index of the feature in the world's schema.</param>
/// <param name="Centre">Value, or log(1 + value), at z = 0.</param>
/// <param name="Spread">Within-segment standard deviation on that scale.</param>
public readonly record struct WorldScale(int Feature, double Centre, double Spread);

/// <summary>A need of customers, and what they say about it.</summary>
/// <param name="Name">Name, as in the survey's column.</param>
/// <param name="Words">Customers' own words.</param>
public sealed record WorldNeed(string Name, ImmutableArray<string> Words);
