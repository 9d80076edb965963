using System.Diagnostics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>Settings of <see cref="MiniBatchKMeans"/>.</summary>
public sealed record MiniBatchKMeansOptions
{
    /// <summary>
    /// K, the starts, their sample of <see cref="KMeansOptions.StartRows"/> rows, seed and threads;
    /// <see cref="KMeansOptions.MaxIterations"/> and <see cref="KMeansOptions.Tolerance"/> hold for the sample.
    /// </summary>
    public required KMeansOptions KMeans { get; init; }

    /// <summary>Rows in a batch, 1 or more. Default 16,384.</summary>
    public int BatchRows { get; init; } = 16_384;

    /// <summary>Most passes over the rows that move the centroids, 1 or more. Default 3.</summary>
    public int MaxPasses { get; init; } = 3;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(KMeans);
        KMeans.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPasses, 1);
    }
}

/// <summary>The clusters found by <see cref="MiniBatchKMeans"/>.</summary>
/// <param name="Centroids">[k x columns], row-major, in the units of the points.</param>
/// <param name="Sizes">Rows nearest to each centroid; 0 is possible, unlike with <see cref="KMeans"/>.</param>
/// <param name="Inertia">Sum over all rows of the squared Euclidean distance to the own centroid.</param>
/// <param name="Passes">Passes that moved the centroids.</param>
public sealed record MiniBatchKMeansResult(double[] Centroids, long[] Sizes, double Inertia, int Passes);

/// <summary>
/// k-means for more rows than memory holds (Sculley, Web-scale k-means clustering, 2010): each batch of rows pulls its
/// centroids towards itself, each at a rate of one over the rows it has seen so far.
/// </summary>
/// <remarks>
/// The rows are read once to draw a uniform sample (Vitter's algorithm R, 1985), on which k-means finds the starting
/// centroids; then <see cref="MiniBatchKMeansOptions.MaxPasses"/> times at most, to move them; then once more, to assign
/// every row. Memory is that of the sample and one batch, whatever the number of rows. The result is bit-identical for a
/// seed at any number of threads, any vector width and however the rows are cut into blocks; it depends on their order.
/// </remarks>
public static class MiniBatchKMeans
{
    /// <summary>Clusters the rows of a source.</summary>
    /// <param name="readBlocks">
    /// Reads the source from its first row: blocks of finite values of magnitude up to 1e15, all of the same number of
    /// columns. Called for each pass and to give the same rows each time; a block may be overwritten once the next is asked for.
    /// </param>
    /// <param name="options">Number of clusters and how to search.</param>
    /// <param name="assigned">Receives, in the order of the rows, the clusters of the next rows, 0..k-1; null for none.</param>
    /// <param name="cancellation">Checked every few thousand rows.</param>
    /// <exception cref="ArgumentException">
    /// A value is NaN, infinite or too large, blocks differ in their columns, passes differ in their rows, or there are fewer
    /// than K distinct rows in the sample.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static MiniBatchKMeansResult Fit(
        Func<IEnumerable<FeatureMatrix>> readBlocks, MiniBatchKMeansOptions options,
        Action<ReadOnlySpan<int>>? assigned = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(readBlocks);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        KMeansOptions search = options.KMeans;
        (FeatureMatrix sample, double[] origin, long rows) = Sample(readBlocks, search, cancellation);
        RowPanels sampled = sample.Columns == 0 ? new RowPanels(0, 1) : RowPanels.From(sample, origin, search.Threads, cancellation);
        int distinct = sampled.CountDistinct(search.K);
        if (distinct < search.K)
        {
            throw new ArgumentException(
                $"K is {search.K}, but a sample of {sample.Rows} of the {rows} rows has only {distinct} distinct rows", nameof(options));
        }
        Lloyd start = KMeans.Run(sampled, search, cancellation);
        double tolerance = search.Tolerance * KMeans.MeanSquare(sampled, search.Threads, cancellation);

        double[] centroids = start.Centroids;
        long[] seen = Array.ConvertAll(start.Sizes, static size => (long)size);
        int passes = 0;
        double shift = double.PositiveInfinity;
        while (passes < options.MaxPasses && shift > tolerance)
        {
            double[] before = [.. centroids];
            ForEachBatch(readBlocks, options, origin, rows, cancellation, (_, lloyd) =>
            {
                lloyd.AssignTo(centroids, cancellation);
                Pull(centroids, seen, lloyd);
            });
            shift = SquaredShift(before, centroids);
            passes++;
        }

        double[] final = [.. centroids];
        for (int i = 0; i < final.Length; i++)
        {
            final[i] += origin[i % origin.Length];
        }
        long[] sizes = new long[search.K];
        double inertia = 0;
        ForEachBatch(readBlocks, options, origin, rows, cancellation, (batch, lloyd) =>
        {
            lloyd.AssignTo(centroids, cancellation);
            for (int k = 0; k < sizes.Length; k++)
            {
                sizes[k] += lloyd.Sizes[k];
            }
            inertia += KMeans.Inertia(batch, final, lloyd.Assignments, search.Threads, cancellation);
            assigned?.Invoke(lloyd.Assignments);
        });
        return new MiniBatchKMeansResult(final, sizes, inertia, passes);
    }

    /// <summary>Moves each centroid to the mean of all rows it has seen, those of the batch included.</summary>
    private static void Pull(double[] centroids, long[] seen, Lloyd batch)
    {
        int dimensions = centroids.Length / seen.Length;
        for (int k = 0; k < seen.Length; k++)
        {
            int size = batch.Sizes[k];
            if (size == 0)
            {
                continue;
            }
            seen[k] += size;
            for (int at = k * dimensions; at < (k + 1) * dimensions; at++)
            {
                centroids[at] += (batch.Sums[at] - (size * centroids[at])) / seen[k];
            }
        }
    }

    private static double SquaredShift(double[] from, double[] to)
    {
        double shift = 0;
        for (int i = 0; i < from.Length; i++)
        {
            shift += (to[i] - from[i]) * (to[i] - from[i]);
        }
        return shift;
    }

    /// <summary>A uniform sample of the rows without replacement, the mean of each column, and the number of rows.</summary>
    private static (FeatureMatrix Sample, double[] Means, long Rows) Sample(
        Func<IEnumerable<FeatureMatrix>> readBlocks, KMeansOptions options, CancellationToken cancellation)
    {
        SeededRandom random = new(options.Seed);
        List<float[]> sample = [];
        double[]? sums = null;
        long rows = 0;
        foreach (FeatureMatrix block in readBlocks())
        {
            cancellation.ThrowIfCancellationRequested();
            sums ??= new double[block.Columns];
            RequireColumns(block, sums.Length);
            KMeans.RequireCoordinates(block, rows);
            for (int i = 0; i < block.Rows; i++, rows++)
            {
                ReadOnlySpan<float> row = block.Row(i);
                for (int d = 0; d < row.Length; d++)
                {
                    sums[d] += row[d];
                }
                if (sample.Count < options.StartRows)
                {
                    sample.Add([.. row]);
                }
                else if ((long)(random.NextDouble() * (rows + 1)) is long place && place < sample.Count)
                {
                    row.CopyTo(sample[(int)place]);
                }
            }
        }
        sums ??= [];
        for (int d = 0; d < sums.Length; d++)
        {
            sums[d] /= Math.Max(rows, 1);
        }
        FeatureMatrix matrix = new(sample.Count, sums.Length);
        for (int i = 0; i < sample.Count; i++)
        {
            sample[i].CopyTo(matrix.Row(i));
        }
        return (matrix, sums, rows);
    }

    /// <summary>
    /// Reads the source in batches of a fixed number of rows (the last may be shorter) and gives each to
    /// <paramref name="use"/>, with a Lloyd over its centred rows.
    /// </summary>
    private static void ForEachBatch(
        Func<IEnumerable<FeatureMatrix>> readBlocks, MiniBatchKMeansOptions options, double[] origin, long expectedRows,
        CancellationToken cancellation, Action<FeatureMatrix, Lloyd> use)
    {
        FeatureMatrix batch = new((int)Math.Min(options.BatchRows, expectedRows), origin.Length);
        RowPanels panels = new(batch.Rows, origin.Length);
        Lloyd lloyd = new(panels, options.KMeans.K, options.KMeans.Threads);
        int filled = 0;
        long rows = 0;
        foreach (FeatureMatrix block in readBlocks())
        {
            RequireColumns(block, origin.Length);
            KMeans.RequireCoordinates(block, rows);
            rows += block.Rows;
            for (int from = 0; from < block.Rows;)
            {
                int count = Math.Min(block.Rows - from, batch.Rows - filled);
                block.Values.AsSpan(from * origin.Length, count * origin.Length).CopyTo(batch.Values.AsSpan(filled * origin.Length));
                from += count;
                filled += count;
                if (filled == batch.Rows)
                {
                    Use(batch, panels, lloyd);
                    filled = 0;
                }
            }
        }
        if (rows != expectedRows)
        {
            throw new ArgumentException($"the source gave {expectedRows} rows at first, then {rows}", nameof(readBlocks));
        }
        if (filled > 0)
        {
            FeatureMatrix rest = new(filled, origin.Length, batch.Values[..(filled * origin.Length)]);
            RowPanels restPanels = new(filled, origin.Length);
            Use(rest, restPanels, new Lloyd(restPanels, options.KMeans.K, options.KMeans.Threads));
        }

        void Use(FeatureMatrix matrix, RowPanels to, Lloyd pass)
        {
            Debug.Assert(matrix.Rows == to.Rows);
            cancellation.ThrowIfCancellationRequested();
            to.Fill(matrix, origin, options.KMeans.Threads, cancellation);
            use(matrix, pass);
        }
    }

    private static void RequireColumns(FeatureMatrix block, int columns)
    {
        if (block.Columns != columns)
        {
            throw new ArgumentException($"expected {columns} columns as in the first block, found {block.Columns}", "readBlocks");
        }
    }
}
