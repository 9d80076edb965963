using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// k-means|| starts (Bahmani et al., Scalable k-means++, 2012): in each of a few rounds every row becomes a candidate with
/// probability 2 k times its share of the squared distances; weighted by the rows nearest to them, the candidates are
/// thinned to k by greedy k-means++.
/// </summary>
internal static class KMeansParallel
{
    private const int Rounds = 5;
    private const int Oversampling = 2;

    /// <summary>k rows as [k x dimensions] starting centroids.</summary>
    /// <remarks>The points hold at least k distinct rows.</remarks>
    internal static float[] Choose(RowPanels points, int k, int threads, ref SeededRandom random, CancellationToken cancellation)
    {
        List<int> candidates = [random.Next(points.Rows)];
        float[] closest = new float[points.Rows];
        closest.AsSpan().Fill(float.PositiveInfinity);
        int[] nearest = new int[points.Rows];
        int known = 0;
        double total = KeepCloser(candidates, ref known);

        // Further rounds only while the candidates do not tell k clusters apart; rows too close for float never will.
        for (int round = 0; total > 0 && (round < Rounds || Distinct(candidates) < k); round++)
        {
            candidates.AddRange(Draw(closest, Oversampling * (double)k / total, (long)random.NextUInt64(), threads, cancellation));
            total = KeepCloser(candidates, ref known);
        }

        float[] weights = new float[candidates.Count];
        foreach (int candidate in nearest)
        {
            weights[candidate]++;
        }
        return KMeansPlusPlus.Choose(points.Select([.. candidates]), weights, k, threads, ref random, cancellation);

        // Lowers each row's squared distance to that of the new candidates and returns their sum.
        double KeepCloser(List<int> all, ref int first)
        {
            int offset = first;
            first = all.Count;
            if (offset == all.Count)
            {
                return RowChunks.Sum(points.Rows, threads, cancellation, (from, end) => Sum(closest.AsSpan(from, end - from)));
            }
            int dimensions = points.Dimensions;
            float[] rows = new float[(all.Count - offset) * dimensions];
            for (int i = offset; i < all.Count; i++)
            {
                points.CopyRow(all[i], rows.AsSpan((i - offset) * dimensions, dimensions));
            }
            CentroidTable table = new(rows, dimensions);
            return RowChunks.Sum(points.Rows, threads, cancellation, (from, end) =>
            {
                Span<int> index = stackalloc int[RowPanels.PanelRows];
                Span<float> best = stackalloc float[RowPanels.PanelRows];
                Span<float> second = stackalloc float[RowPanels.PanelRows];
                for (int row = from; row < end; row += RowPanels.PanelRows)
                {
                    table.Nearest(points.Panel(row / RowPanels.PanelRows), index, best, second);
                    for (int lane = 0, at = row; lane < RowPanels.PanelRows && at < end; lane++, at++)
                    {
                        if (best[lane] < closest[at])
                        {
                            closest[at] = best[lane];
                            nearest[at] = offset + index[lane];
                        }
                    }
                }
                return Sum(closest.AsSpan(from, end - from));
            });
        }

        int Distinct(List<int> rows) => rows.Count < k ? rows.Count : points.Select([.. rows]).CountDistinct(k);
    }

    /// <summary>Rows drawn independently with probability factor x squared distance, ascending; a random stream a chunk.</summary>
    private static IEnumerable<int> Draw(float[] closest, double factor, long seed, int threads, CancellationToken cancellation)
    {
        List<int>[] drawn = new List<int>[RowChunks.Count(closest.Length)];
        RowChunks.Run(closest.Length, threads, cancellation, (chunk, first, end) =>
        {
            SeededRandom random = new(seed, chunk);
            drawn[chunk] = [];
            for (int row = first; row < end; row++)
            {
                if (random.NextDouble() < factor * closest[row])
                {
                    drawn[chunk].Add(row);
                }
            }
        });
        return drawn.SelectMany(rows => rows);
    }

    private static double Sum(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float value in values)
        {
            sum += value;
        }
        return sum;
    }
}
