using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>How well a number of segments suits the customers, measured on a sample of at most 5,000 training rows.</summary>
/// <param name="Segments">Number of segments.</param>
/// <param name="Inertia">Sum of squared distances to the own centroid over the sample, standardised units.</param>
/// <param name="Silhouette">Mean silhouette coefficient, -1..1; NaN for one segment.</param>
/// <param name="Stability">
/// Mean adjusted Rand index between the partitions of the sample by models fitted to bootstrap samples of it; about 0
/// when the segments are an accident of the rows, 1 when every sample finds the same. NaN when fewer than two bootstrap
/// samples held that many distinct rows.
/// </param>
public readonly record struct SegmentCandidate(int Segments, double Inertia, double Silhouette, double Stability);

/// <summary>Measures numbers of segments and picks one.</summary>
internal static class SegmentCandidates
{
    private const int SampleRows = 5_000;
    private const int Bootstraps = 5;
    private const int Starts = 4;

    // Segments that fewer than about nine of ten pairs of customers keep over bootstraps are not worth a strategy.
    private const double StableEnough = 0.8;
    private const double NearMostStable = 0.05;

    /// <summary>A sample of the rows that every candidate is measured on.</summary>
    internal static RowPanels Sample(FeatureMatrix points, long seed)
    {
        SeededRandom random = new(seed);
        return RowPanels.From(points.Select(RowSample.Draw(points.Rows, SampleRows, ref random)), new double[points.Columns]);
    }

    /// <summary>Measures the numbers of segments from <paramref name="minimum"/> to <paramref name="maximum"/>.</summary>
    /// <remarks>The sample holds at least <paramref name="maximum"/> distinct rows.</remarks>
    internal static ImmutableArray<SegmentCandidate> Measure(
        RowPanels sample, int minimum, int maximum, long seed, int threads, CancellationToken cancellation)
    {
        RowPanels[] bootstraps = new RowPanels[Bootstraps];
        for (int b = 0; b < Bootstraps; b++)
        {
            SeededRandom random = new(seed, b + 1);
            bootstraps[b] = sample.Select(RowSample.Bootstrap(sample.Rows, ref random));
        }

        // One job a fit: the sample itself, then its bootstraps, for each number of segments.
        const int Fits = Bootstraps + 1;
        int count = maximum - minimum + 1;
        double[] inertia = new double[count];
        double[] silhouette = new double[count];
        int[]?[] partitions = new int[count * Bootstraps][];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        Parallel.For(0, count * Fits, parallel, job =>
        {
            int candidate = job / Fits;
            int bootstrap = (job % Fits) - 1;
            KMeansOptions options = new() { K = minimum + candidate, Starts = Starts, Seed = seed, Threads = 1 };
            if (bootstrap < 0)
            {
                Lloyd fit = KMeans.Run(sample, options, cancellation);
                inertia[candidate] = fit.Inertia;
                silhouette[candidate] = Silhouette.Compute(sample, fit.Assignments, options.K);
            }
            else if (bootstraps[bootstrap].CountDistinct(options.K) == options.K)
            {
                Lloyd fit = KMeans.Run(bootstraps[bootstrap], options, cancellation);
                CentroidTable table = new(Array.ConvertAll(fit.Centroids, static c => (float)c), sample.Dimensions);
                partitions[(candidate * Bootstraps) + bootstrap] = table.Nearest(sample);
            }
        });

        ImmutableArray<SegmentCandidate>.Builder result = ImmutableArray.CreateBuilder<SegmentCandidate>(count);
        for (int candidate = 0; candidate < count; candidate++)
        {
            double stability = Stability(partitions.AsSpan(candidate * Bootstraps, Bootstraps));
            result.Add(new SegmentCandidate(minimum + candidate, inertia[candidate], silhouette[candidate], stability));
        }
        return result.MoveToImmutable();
    }

    /// <summary>
    /// Of the candidates with a stability of at least 0.8 (or, when none gets there, within 0.05 of the most stable) the
    /// one with the highest silhouette; the smallest of equals.
    /// </summary>
    internal static int Pick(ImmutableArray<SegmentCandidate> candidates)
    {
        // NaN, "not to be measured", is below every number in Max and fails every comparison.
        double floor = Math.Min(StableEnough, candidates.Max(c => c.Stability) - NearMostStable);
        SegmentCandidate best = candidates[0];
        bool found = false;
        foreach (SegmentCandidate candidate in candidates)
        {
            if (candidate.Stability >= floor && (!found || candidate.Silhouette > best.Silhouette))
            {
                best = candidate;
                found = true;
            }
        }
        return best.Segments;
    }

    private static double Stability(ReadOnlySpan<int[]?> partitions)
    {
        double sum = 0;
        int pairs = 0;
        for (int i = 0; i < partitions.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (partitions[i] is { } a && partitions[j] is { } b)
                {
                    sum += AdjustedRandIndex.Compute(a, b);
                    pairs++;
                }
            }
        }
        return sum / pairs;
    }
}
