using System.Collections.Immutable;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Segmentation;

/// <summary>What became of one new segment.</summary>
/// <param name="Id">Its id: that of the paired previous segment when it was near enough, else a new one.</param>
/// <param name="PairedId">The previous segment it was paired with, or null when none was left.</param>
/// <param name="Distance">Distance to the paired segment in the previous model's standardised units; NaN without one.</param>
public readonly record struct SegmentMatch(int Id, int? PairedId, double Distance)
{
    /// <summary>Whether the segment goes on under its id and name.</summary>
    public bool Kept => Id == PairedId;
}

/// <summary>How many training rows the previous model puts in one segment and the new one in another (or the same).</summary>
public readonly record struct SegmentMove(int FromId, int ToId, int Rows);

/// <summary>How new segments relate to those of the previous model.</summary>
/// <param name="Matches">One for each new segment, in the new model's order.</param>
/// <param name="RetiredIds">Previous segments that did not go on, ascending.</param>
/// <param name="Moves">Rows by previous and new segment, those with rows only, in the order of both models.</param>
public sealed record SegmentMatching(
    ImmutableArray<SegmentMatch> Matches, ImmutableArray<int> RetiredIds, ImmutableArray<SegmentMove> Moves)
{
    /// <summary>
    /// Pairs new segments with previous ones so that the sum of distances is lowest. A new segment stands at the mean of
    /// its rows in the previous model's encoding, so that the two need not agree on means, scales or dimensions.
    /// </summary>
    internal static SegmentMatching Compute(
        SegmentModel previous, FeatureMatrix rows, ReadOnlySpan<int> assignments, int segments, double matchDistance, out int nextId)
    {
        int old = previous.Segments.Length;
        double[,] distances = Distances(previous, rows, assignments, segments);

        // Beyond the match distance all pairs are equally bad: no near pair is given up to shorten a far one. The
        // assignment wants no more rows than columns.
        bool transpose = segments > old;
        double[,] costs = new double[Math.Min(segments, old), Math.Max(segments, old)];
        for (int s = 0; s < segments; s++)
        {
            for (int p = 0; p < old; p++)
            {
                costs[transpose ? p : s, transpose ? s : p] = Math.Min(distances[s, p], matchDistance);
            }
        }
        int[] solution = LinearAssignment.Solve(costs);
        int[] pairOf = new int[segments];
        pairOf.AsSpan().Fill(-1);
        for (int i = 0; i < solution.Length; i++)
        {
            (int s, int p) = transpose ? (solution[i], i) : (i, solution[i]);
            pairOf[s] = p;
        }

        nextId = previous.NextId;
        SegmentMatch[] matches = new SegmentMatch[segments];
        for (int s = 0; s < segments; s++)
        {
            int p = pairOf[s];
            bool kept = p >= 0 && distances[s, p] <= matchDistance;
            matches[s] = new SegmentMatch(
                kept ? previous.Segments[p].Id : nextId++,
                p < 0 ? null : previous.Segments[p].Id,
                p < 0 ? double.NaN : distances[s, p]);
        }
        HashSet<int> keptIds = [.. matches.Where(m => m.Kept).Select(m => m.Id)];
        ImmutableArray<int> retired = [.. previous.Segments.Select(s => s.Id).Where(id => !keptIds.Contains(id)).Order()];
        return new SegmentMatching([.. matches], retired, CountMoves(previous, rows, assignments, matches));
    }

    /// <summary>[segments x previous segments] distances in the previous encoding.</summary>
    private static double[,] Distances(SegmentModel previous, FeatureMatrix rows, ReadOnlySpan<int> assignments, int segments)
    {
        int dimensions = previous.Encoding.Dimensions.Length;
        double[] means = new double[segments * dimensions];
        int[] sizes = new int[segments];
        float[] encoded = new float[dimensions];
        for (int i = 0; i < rows.Rows; i++)
        {
            previous.Encoding.Encode(rows.Row(i), encoded);
            sizes[assignments[i]]++;
            for (int d = 0; d < dimensions; d++)
            {
                means[(assignments[i] * dimensions) + d] += encoded[d];
            }
        }
        double[,] distances = new double[segments, previous.Segments.Length];
        for (int s = 0; s < segments; s++)
        {
            for (int p = 0; p < previous.Segments.Length; p++)
            {
                double sum = 0;
                for (int d = 0; d < dimensions; d++)
                {
                    double difference = (means[(s * dimensions) + d] / sizes[s]) - previous.Centroids[(p * dimensions) + d];
                    sum += difference * difference;
                }
                distances[s, p] = Math.Sqrt(sum);
            }
        }
        return distances;
    }

    private static ImmutableArray<SegmentMove> CountMoves(
        SegmentModel previous, FeatureMatrix rows, ReadOnlySpan<int> assignments, ReadOnlySpan<SegmentMatch> matches)
    {
        int[] before = previous.Assign(rows);
        int[,] counts = new int[previous.Segments.Length, matches.Length];
        for (int i = 0; i < before.Length; i++)
        {
            counts[before[i], assignments[i]]++;
        }
        ImmutableArray<SegmentMove>.Builder moves = ImmutableArray.CreateBuilder<SegmentMove>();
        for (int p = 0; p < previous.Segments.Length; p++)
        {
            for (int s = 0; s < matches.Length; s++)
            {
                if (counts[p, s] > 0)
                {
                    moves.Add(new SegmentMove(previous.Segments[p].Id, matches[s].Id, counts[p, s]));
                }
            }
        }
        return moves.ToImmutable();
    }
}
