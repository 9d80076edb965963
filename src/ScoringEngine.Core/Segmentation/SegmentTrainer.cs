using System.Collections.Immutable;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Segmentation;

/// <summary>Settings of <see cref="SegmentTrainer"/>.</summary>
public sealed record SegmentTrainingOptions
{
    /// <summary>Number of segments, 1 or more; null (the default) picks it between <see cref="MinSegments"/> and <see cref="MaxSegments"/>.</summary>
    public int? Segments { get; init; }

    /// <summary>Fewest segments to consider, 2 or more. Default 2.</summary>
    public int MinSegments { get; init; } = 2;

    /// <summary>Most segments to consider, at least <see cref="MinSegments"/>. Default 12.</summary>
    public int MaxSegments { get; init; } = 12;

    /// <summary>Number of k-means++ starts, 1 or more. Default 32: with fewer, overlapping segments may stop at a local optimum.</summary>
    public int Starts { get; init; } = 32;

    /// <summary>Seed of all random choices. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Most threads to use, 1 or more; no result depends on it. Default: all processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The model whose segments go on under their ids and names where they are found again; null for none.</summary>
    public SegmentModel? Previous { get; init; }

    /// <summary>
    /// How far, in the previous model's standardised units (Euclidean over its dimensions), a segment's centroid may
    /// have moved and still be the same segment; 0 or more. Default 1.
    /// </summary>
    public double MatchDistance { get; init; } = 1;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Segments ?? 1, 1, nameof(Segments));
        ArgumentOutOfRangeException.ThrowIfLessThan(MinSegments, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSegments, MinSegments);
        ArgumentOutOfRangeException.ThrowIfLessThan(Starts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        if (!(MatchDistance >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(MatchDistance), MatchDistance, "expected 0 or more");
        }
    }
}

/// <summary>What <see cref="SegmentTrainer"/> found.</summary>
/// <param name="Model">The segments, largest first.</param>
/// <param name="Assignments">The index of the segment of each training row.</param>
/// <param name="Inertia">Sum over the training rows of the squared distance to the own centroid, standardised units.</param>
/// <param name="Candidates">The measured numbers of segments, ascending; just the one when the number was given.</param>
/// <param name="Matching">How the segments relate to the previous model's; null without one.</param>
public sealed record SegmentTraining(
    SegmentModel Model, int[] Assignments, double Inertia, ImmutableArray<SegmentCandidate> Candidates, SegmentMatching? Matching);

/// <summary>
/// Finds segments: learns the encoding, picks the number of segments when it is not given, clusters by k-means, matches
/// the clusters with the previous segments and describes them. The same rows and seed give the same bits at any number of
/// threads.
/// </summary>
/// <remarks>
/// The number of segments is picked on a sample of at most 5,000 rows: of the numbers whose segments are stable (mean
/// adjusted Rand index over bootstraps of at least 0.8, or within 0.05 of the best when none gets there) the one with the
/// highest silhouette.
/// </remarks>
public static class SegmentTrainer
{
    /// <summary>Finds the segments of the customers in <paramref name="rows"/>.</summary>
    /// <param name="schema">The features of the columns.</param>
    /// <param name="rows">[rows x <see cref="FeatureSchema.Count"/> or <see cref="FeatureSchema.CustomerCount"/>]; NaN is missing.</param>
    /// <param name="options">How many segments, and how to search.</param>
    /// <param name="cancellation">Checked every few thousand rows.</param>
    /// <param name="progress">Share of the work done, roughly, 0..1.</param>
    /// <exception cref="ArgumentException">
    /// The columns do not fit the schema, a value is infinite, no feature varies, there are fewer distinct rows than
    /// segments, or the previous model does not fit the schema.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static SegmentTraining Fit(
        FeatureSchema schema, FeatureMatrix rows, SegmentTrainingOptions options,
        CancellationToken cancellation = default, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        SegmentEncoding encoding = SegmentEncoding.Fit(schema, rows);
        if (options.Previous is not null)
        {
            RequireFit(options.Previous.Encoding, schema);
        }
        FeatureMatrix encoded = encoding.Encode(rows);
        progress?.Report(0.1);

        ImmutableArray<SegmentCandidate> candidates = MeasureCandidates(encoded, options, cancellation);
        progress?.Report(0.6);
        KMeansResult clusters = KMeans.Fit(encoded, new KMeansOptions
        {
            K = options.Segments ?? SegmentCandidates.Pick(candidates),
            Starts = options.Starts,
            Seed = options.Seed,
            Threads = options.Threads,
        }, cancellation);
        clusters = LargestFirst(clusters);
        progress?.Report(0.9);

        int k = clusters.Sizes.Length;
        int nextId = k + 1;
        SegmentMatching? matching = options.Previous is null ? null : SegmentMatching.Compute(
            options.Previous, rows, clusters.Assignments, k, options.MatchDistance, out nextId);
        string?[] names = new string?[k];
        for (int s = 0; s < k; s++)
        {
            names[s] = matching is { } m && m.Matches[s].Kept
                ? options.Previous!.Segments.First(segment => segment.Id == m.Matches[s].Id).Name : null;
        }
        SegmentText[] texts = SegmentDescriber.Describe(schema, rows, clusters.Assignments, k, names);
        ImmutableArray<Segment>.Builder segments = ImmutableArray.CreateBuilder<Segment>(k);
        for (int s = 0; s < k; s++)
        {
            segments.Add(new Segment
            {
                Id = matching?.Matches[s].Id ?? s + 1,
                Name = texts[s].Name,
                Description = texts[s].Description,
                Size = clusters.Sizes[s],
                Share = (double)clusters.Sizes[s] / rows.Rows,
            });
        }
        ImmutableArray<float> centroids = [.. clusters.Centroids.Select(c => (float)c)];
        SegmentModel model = new(encoding, centroids, segments.MoveToImmutable(), nextId);
        progress?.Report(1);
        return new SegmentTraining(model, clusters.Assignments, clusters.Inertia, candidates, matching);
    }

    private static ImmutableArray<SegmentCandidate> MeasureCandidates(
        FeatureMatrix encoded, SegmentTrainingOptions options, CancellationToken cancellation)
    {
        RowPanels sample = SegmentCandidates.Sample(encoded, options.Seed);
        int minimum = options.Segments ?? options.MinSegments;
        int distinct = sample.CountDistinct(options.Segments ?? options.MaxSegments);
        if (distinct < minimum)
        {
            // A given number can still be had when the rows beyond the sample differ; k-means says if not.
            return options.Segments is null
                ? throw new ArgumentException($"expected at least {minimum} distinct rows to form segments, found {distinct}", "rows")
                : [];
        }
        return SegmentCandidates.Measure(sample, minimum, distinct, options.Seed, options.Threads, cancellation);
    }

    /// <summary>Renumbers the clusters by falling size, so that the order means something; equals stay in order.</summary>
    private static KMeansResult LargestFirst(KMeansResult clusters)
    {
        int k = clusters.Sizes.Length;
        int dimensions = clusters.Centroids.Length / k;
        int[] order = [.. Enumerable.Range(0, k).OrderByDescending(c => clusters.Sizes[c])];
        int[] rank = new int[k];
        for (int i = 0; i < k; i++)
        {
            rank[order[i]] = i;
        }
        return clusters with
        {
            Centroids = [.. order.SelectMany(c => clusters.Centroids.Skip(c * dimensions).Take(dimensions))],
            Assignments = Array.ConvertAll(clusters.Assignments, c => rank[c]),
            Sizes = Array.ConvertAll(order, c => clusters.Sizes[c]),
        };
    }

    private static void RequireFit(SegmentEncoding previous, FeatureSchema schema)
    {
        foreach (SegmentDimension dimension in previous.Dimensions)
        {
            bool fits = dimension.Feature < schema.CustomerCount
                && schema.Features[dimension.Feature].Kind == FeatureKind.Categorical == (dimension.Category >= 0);
            if (!fits)
            {
                throw new ArgumentException(
                    $"the previous segments use column {dimension.Feature} otherwise than the schema does", "options");
            }
        }
    }
}
