namespace ScoringEngine.Core.Segmentation;

/// <summary>How k-means chooses the centroids it starts from.</summary>
public enum KMeansStart
{
    /// <summary>Greedy k-means++ (Arthur and Vassilvitskii, 2007): one centroid after another, two passes for each.</summary>
    PlusPlus,

    /// <summary>
    /// k-means|| (Bahmani et al., 2012): about 2 K candidates in each of five passes, of which weighted k-means++ picks K.
    /// </summary>
    Parallel,
}

/// <summary>Settings of <see cref="KMeans"/>.</summary>
public sealed record KMeansOptions
{
    /// <summary>Number of clusters, 1 or more and at most the number of distinct rows.</summary>
    public required int K { get; init; }

    /// <summary>How the starting centroids are chosen. Default <see cref="KMeansStart.PlusPlus"/>.</summary>
    public KMeansStart Start { get; init; }

    /// <summary>Number of starts of which the best is kept, 1 or more. Default 8.</summary>
    public int Starts { get; init; } = 8;

    /// <summary>Most passes of Lloyd's algorithm over the rows, for each start and for the refinement; 1 or more. Default 300.</summary>
    public int MaxIterations { get; init; } = 300;

    /// <summary>
    /// Stop when the squared distance by which the centroids moved, summed, is at most this times the mean variance of
    /// the columns (scikit-learn's rule; its default, 1e-4, can stop 0.02 % above the inertia of full convergence). 0 runs
    /// until no row changes its cluster. Default 1e-5.
    /// </summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>
    /// Above this many rows the starts run on a random sample of this size, and the best one is refined on all rows.
    /// 1 or more. Default 32,768.
    /// </summary>
    public int StartRows { get; init; } = 32_768;

    /// <summary>Seed of all random choices. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Most threads to use, 1 or more; no result depends on it. Default: all processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(K, 1);
        if (!Enum.IsDefined(Start))
        {
            throw new ArgumentOutOfRangeException(nameof(Start), Start, "expected PlusPlus or Parallel");
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(Starts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxIterations, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(StartRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        if (!(Tolerance >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(Tolerance), Tolerance, "expected 0 or more");
        }
    }
}
