using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>The clusters found by <see cref="KMeans"/>.</summary>
/// <param name="Centroids">[k x columns], row-major, in the units of the points.</param>
/// <param name="Assignments">The cluster of each row, 0..k-1.</param>
/// <param name="Sizes">Rows in each cluster, 1 or more.</param>
/// <param name="Inertia">Sum over the rows of the squared Euclidean distance to the own centroid.</param>
/// <param name="Iterations">Passes of the kept start over the rows, refinement included.</param>
public sealed record KMeansResult(double[] Centroids, int[] Assignments, int[] Sizes, double Inertia, int Iterations);

/// <summary>
/// k-means clustering: greedy k-means++ (or k-means||) starts, Lloyd's algorithm, the start with the lowest inertia wins (the first of
/// equals). A cluster that loses all rows takes the row farthest from its centroid.
/// </summary>
/// <remarks>
/// Distances are float on columns centred in double; centroids and inertia are sums in double. The result is
/// bit-identical for a seed at any number of threads and any vector width. Above <see cref="KMeansOptions.StartRows"/>
/// rows the starts run on a sample and the best is refined on all rows.
/// </remarks>
public static class KMeans
{
    /// <summary>Clusters the rows of <paramref name="points"/>.</summary>
    /// <param name="points">Finite values of magnitude up to 1e15.</param>
    /// <param name="options">Number of clusters and how to search.</param>
    /// <param name="cancellation">Checked every few thousand rows.</param>
    /// <param name="progress">Share of the work done, 0..1; called after each start.</param>
    /// <exception cref="ArgumentException">A value is NaN, infinite or too large, or there are fewer than K distinct rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static KMeansResult Fit(
        FeatureMatrix points, KMeansOptions options, CancellationToken cancellation = default, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        double[] origin = Means(points, options.Threads, cancellation);
        RowPanels panels = points.Columns == 0 ? new RowPanels(0, 1) : RowPanels.From(points, origin, options.Threads, cancellation);
        int distinct = panels.CountDistinct(options.K);
        if (distinct < options.K)
        {
            throw new ArgumentException($"K is {options.K}, but the points have only {distinct} distinct rows", nameof(options));
        }

        Lloyd best = Run(panels, options, cancellation, progress);
        double[] centroids = best.Centroids;
        for (int i = 0; i < centroids.Length; i++)
        {
            centroids[i] += origin[i % origin.Length];
        }
        double inertia = Inertia(points, centroids, best.Assignments, options.Threads, cancellation);
        progress?.Report(1);
        return new KMeansResult(centroids, best.Assignments, best.Sizes, inertia, best.Iterations);
    }

    /// <summary>The same on rows that are near-centred and hold at least K distinct ones.</summary>
    internal static Lloyd Run(
        RowPanels points, KMeansOptions options, CancellationToken cancellation = default, IProgress<double>? progress = null)
    {
        RowPanels startPoints = StartPoints(points, options);
        double tolerance = options.Tolerance * MeanSquare(startPoints, options.Threads, cancellation);
        Lloyd? best = null;
        for (int start = 0; start < options.Starts; start++)
        {
            SeededRandom random = new(options.Seed, start + 1);
            float[] centroids = options.Start == KMeansStart.Parallel
                ? KMeansParallel.Choose(startPoints, options.K, options.Threads, ref random, cancellation)
                : KMeansPlusPlus.Choose(startPoints, null, options.K, options.Threads, ref random, cancellation);
            Lloyd lloyd = new(startPoints, options.K, options.Threads);
            lloyd.Run(Array.ConvertAll(centroids, static c => (double)c), options.MaxIterations, tolerance, cancellation);
            if (best is null || lloyd.Inertia < best.Inertia)
            {
                best = lloyd;
            }
            progress?.Report((start + 1.0) / (options.Starts + 1));
        }
        if (startPoints == points)
        {
            return best!;
        }
        Lloyd refined = new(points, options.K, options.Threads);
        refined.Run(best!.Centroids, options.MaxIterations, tolerance, cancellation);
        return refined;
    }

    private static RowPanels StartPoints(RowPanels points, KMeansOptions options)
    {
        if (points.Rows <= options.StartRows)
        {
            return points;
        }
        SeededRandom random = new(options.Seed);
        RowPanels sample = points.Select(RowSample.Draw(points.Rows, options.StartRows, ref random));

        // A sample of heavily repeated rows may miss the rare ones that are needed to tell K clusters apart.
        return sample.CountDistinct(options.K) < options.K ? points : sample;
    }

    /// <exception cref="ArgumentException">A value is NaN, infinite or too large.</exception>
    internal static void RequireCoordinates(FeatureMatrix points, long firstRow)
    {
        int at = points.Values.AsSpan().IndexOfAnyExceptInRange(-RowPanels.Limit, RowPanels.Limit);
        if (at >= 0)
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"row {firstRow + (at / points.Columns)}, column {at % points.Columns} is {points.Values[at]}, expected a number of magnitude up to {RowPanels.Limit}"),
                nameof(points));
        }
    }

    /// <summary>The mean square of all coordinates: of near-centred points the mean variance of the columns.</summary>
    internal static double MeanSquare(RowPanels points, int threads, CancellationToken cancellation)
    {
        float[] zero = new float[points.Dimensions];
        return RowChunks.Sum(points.Rows, threads, cancellation, (first, end) =>
        {
            Span<float> distances = stackalloc float[RowPanels.PanelRows];
            double sum = 0;
            for (int row = first; row < end; row += RowPanels.PanelRows)
            {
                RowPanels.SquaredDistances(points.Panel(row / RowPanels.PanelRows), zero, distances);
                foreach (float distance in distances[..Math.Min(RowPanels.PanelRows, end - row)])
                {
                    sum += distance;
                }
            }
            return sum;
        }) / ((double)points.Rows * points.Dimensions);
    }

    /// <summary>Sum of the squared distances to the own centroid, in double throughout.</summary>
    internal static double Inertia(
        FeatureMatrix points, double[] centroids, int[] assignments, int threads, CancellationToken cancellation)
        => RowChunks.Sum(points.Rows, threads, cancellation, (first, end) =>
        {
            double sum = 0;
            for (int i = first; i < end; i++)
            {
                ReadOnlySpan<float> row = points.Row(i);
                ReadOnlySpan<double> centroid = centroids.AsSpan(assignments[i] * row.Length, row.Length);
                for (int d = 0; d < row.Length; d++)
                {
                    double difference = row[d] - centroid[d];
                    sum += difference * difference;
                }
            }
            return sum;
        });

    /// <summary>The mean of each column of rows it checks as it reads them.</summary>
    private static double[] Means(FeatureMatrix points, int threads, CancellationToken cancellation)
    {
        bool[] chunkValid = new bool[RowChunks.Count(points.Rows)];
        double[][] chunkSums = new double[chunkValid.Length][];
        RowChunks.Run(points.Rows, threads, cancellation, (chunk, first, end) =>
        {
            double[] sum = new double[points.Columns];
            bool valid = true;
            for (int i = first; i < end; i++)
            {
                ReadOnlySpan<float> row = points.Row(i);
                for (int d = 0; d < row.Length; d++)
                {
                    valid &= Math.Abs(row[d]) <= RowPanels.Limit;
                    sum[d] += row[d];
                }
            }
            chunkSums[chunk] = sum;
            chunkValid[chunk] = valid;
        });
        if (chunkValid.Contains(false))
        {
            RequireCoordinates(points, 0);
        }
        double[] means = new double[points.Columns];
        for (int d = 0; d < means.Length; d++)
        {
            foreach (double[] sum in chunkSums)
            {
                means[d] += sum[d];
            }
            means[d] /= Math.Max(points.Rows, 1);
        }
        return means;
    }
}
