using System.Diagnostics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Greedy k-means++ starts (Arthur and Vassilvitskii, 2007, section 5): each next centroid is the best of 2 + ln k rows
/// drawn with probability proportional to the squared distance to the nearest centroid so far.
/// </summary>
internal static class KMeansPlusPlus
{
    /// <summary>k rows as [k x dimensions] starting centroids.</summary>
    /// <remarks>
    /// The points hold at least k distinct rows. A row counts as often as its weight says, of one weight a row, or once.
    /// </remarks>
    internal static float[] Choose(
        RowPanels points, float[]? weights, int k, int threads, ref SeededRandom random, CancellationToken cancellation)
    {
        int dimensions = points.Dimensions;
        int trials = 2 + (int)DeterministicMath.Log(k);
        float[] centroids = new float[k * dimensions];
        float[] closest = new float[points.Rows];
        closest.AsSpan().Fill(float.PositiveInfinity);
        float[] candidates = new float[trials * dimensions];
        double[] chunkSums = new double[RowChunks.Count(points.Rows) * trials];

        points.CopyRow(random.Next(points.Rows), centroids.AsSpan(0, dimensions));
        for (int chosen = 1; chosen < k; chosen++)
        {
            float[] last = centroids[((chosen - 1) * dimensions)..(chosen * dimensions)];
            RowChunks.Run(points.Rows, threads, cancellation, (chunk, first, end) =>
                chunkSums[chunk] = KeepCloser(points, weights, last, closest, first, end));
            for (int trial = 0; trial < trials; trial++)
            {
                points.CopyRow(Draw(closest, weights, chunkSums, random.NextDouble()), candidates.AsSpan(trial * dimensions, dimensions));
            }
            RowChunks.Run(points.Rows, threads, cancellation, (chunk, first, end) =>
                Potentials(points, weights, candidates, closest, first, end, chunkSums.AsSpan(chunk * trials, trials)));
            int best = Lowest(chunkSums, trials);
            candidates.AsSpan(best * dimensions, dimensions).CopyTo(centroids.AsSpan(chosen * dimensions));
        }
        return centroids;
    }

    /// <summary>Lowers each row's squared distance to that of a new centroid and returns their weighted sum.</summary>
    private static double KeepCloser(RowPanels points, float[]? weights, ReadOnlySpan<float> centroid, float[] closest, int first, int end)
    {
        Span<float> distances = stackalloc float[RowPanels.PanelRows];
        double sum = 0;
        for (int row = first; row < end; row += RowPanels.PanelRows)
        {
            RowPanels.SquaredDistances(points.Panel(row / RowPanels.PanelRows), centroid, distances);
            Span<float> own = closest.AsSpan(row, Math.Min(RowPanels.PanelRows, end - row));
            for (int lane = 0; lane < own.Length; lane++)
            {
                own[lane] = Math.Min(own[lane], distances[lane]);
                sum += weights is null ? own[lane] : (double)own[lane] * weights[row + lane];
            }
        }
        return sum;
    }

    /// <summary>What the sum of squared distances would be with each candidate added.</summary>
    private static void Potentials(
        RowPanels points, float[]? weights, ReadOnlySpan<float> candidates, float[] closest, int first, int end, Span<double> sums)
    {
        int dimensions = points.Dimensions;
        Span<float> distances = stackalloc float[RowPanels.PanelRows];
        sums.Clear();
        for (int row = first; row < end; row += RowPanels.PanelRows)
        {
            ReadOnlySpan<float> own = closest.AsSpan(row, Math.Min(RowPanels.PanelRows, end - row));
            for (int trial = 0; trial < sums.Length; trial++)
            {
                ReadOnlySpan<float> candidate = candidates.Slice(trial * dimensions, dimensions);
                RowPanels.SquaredDistances(points.Panel(row / RowPanels.PanelRows), candidate, distances);
                double sum = 0;
                for (int lane = 0; lane < own.Length; lane++)
                {
                    float closer = Math.Min(own[lane], distances[lane]);
                    sum += weights is null ? closer : (double)closer * weights[row + lane];
                }
                sums[trial] += sum;
            }
        }
    }

    /// <summary>A row with probability proportional to its weighted distance: where the running sum passes uniform times the total.</summary>
    private static int Draw(ReadOnlySpan<float> closest, float[]? weights, ReadOnlySpan<double> chunkSums, double uniform)
    {
        int chunks = RowChunks.Count(closest.Length);
        double total = 0;
        foreach (double sum in chunkSums[..chunks])
        {
            total += sum;
        }
        double target = uniform * total;
        int chunk = 0;
        while (chunk < chunks - 1 && target >= chunkSums[chunk])
        {
            target -= chunkSums[chunk++];
        }
        int candidate = 0;
        for (int row = chunk * RowChunks.Rows; row < closest.Length; row++)
        {
            double weight = weights is null ? closest[row] : (double)closest[row] * weights[row];
            if (weight > 0)
            {
                candidate = row;
                target -= weight;
                if (target < 0)
                {
                    return row;
                }
            }
        }
        // Rounding left a remainder: the last row that has weight.
        return candidate;
    }

    private static int Lowest(ReadOnlySpan<double> chunkSums, int trials)
    {
        int best = 0;
        double lowest = double.PositiveInfinity;
        for (int trial = 0; trial < trials; trial++)
        {
            double sum = 0;
            for (int at = trial; at < chunkSums.Length; at += trials)
            {
                sum += chunkSums[at];
            }
            if (sum < lowest)
            {
                lowest = sum;
                best = trial;
            }
        }
        Debug.Assert(double.IsFinite(lowest));
        return best;
    }
}
