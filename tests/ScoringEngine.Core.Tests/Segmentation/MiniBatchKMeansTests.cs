using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Tests.Segmentation;

public class MiniBatchKMeansTests
{
    private static readonly MiniBatchKMeansOptions Options = new()
    {
        KMeans = new KMeansOptions { K = 6, Starts = 4, StartRows = 2_000, Threads = 1 },
        BatchRows = 5_000,
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_Overlapping_ComesWithinTwoPercentOfLloyd(bool sorted)
    {
        FeatureMatrix points = TestPoints.Normal(30_000, 5, seed: 1);
        if (sorted)
        {
            points = points.Select([.. Enumerable.Range(0, points.Rows).OrderBy(i => points[i, 0])]);
        }
        KMeansResult lloyd = KMeans.Fit(points, Options.KMeans);
        MiniBatchKMeansResult result = MiniBatchKMeans.Fit(() => Blocks(points, 1_000), Options);
        Assert.InRange(result.Inertia, 0.98 * lloyd.Inertia, 1.02 * lloyd.Inertia);
        Assert.Equal(points.Rows, result.Sizes.Sum());
        Assert.InRange(result.Passes, 1, 3);
    }

    [Fact]
    public void Fit_Blobs_FindsCentroidsSizesInertiaAndAssignmentsOfLloyd()
    {
        FeatureMatrix points = TestPoints.Blobs(24_001, 5, 6, seed: 9);
        KMeansResult lloyd = KMeans.Fit(points, Options.KMeans);
        List<int> assigned = [];
        MiniBatchKMeansResult result = MiniBatchKMeans.Fit(() => Blocks(points, 1_000), Options, part => assigned.AddRange(part));

        Assert.Equal(lloyd.Inertia, result.Inertia, 1e-3 * lloyd.Inertia);
        Assert.Equal(lloyd.Sizes.Order().Select(size => (long)size), result.Sizes.Order());
        Assert.Equal(1, Core.Measurement.AdjustedRandIndex.Compute(lloyd.Assignments, [.. assigned]), 1e-12);
        Assert.Equal(KMeans.Inertia(points, result.Centroids, [.. assigned], 1, CancellationToken.None), result.Inertia, 1e-9 * result.Inertia);
    }

    [Fact]
    public void Fit_AtAnyThreadCountAndBlockSize_GivesTheSameBits()
    {
        FeatureMatrix points = TestPoints.Normal(23_456, 5, seed: 2);
        MiniBatchKMeansResult expected = MiniBatchKMeans.Fit(() => Blocks(points, 1_000), Options);
        foreach ((int threads, int blockRows) in new[] { (2, 1_000), (7, 1_000), (1, 1), (2, 9_999), (7, 23_456) })
        {
            MiniBatchKMeansResult result = MiniBatchKMeans.Fit(
                () => Blocks(points, blockRows), Options with { KMeans = Options.KMeans with { Threads = threads } });
            Assert.Equal(expected.Centroids, result.Centroids);
            Assert.Equal(expected.Sizes, result.Sizes);
            Assert.Equal(expected.Inertia, result.Inertia);
            Assert.Equal(expected.Passes, result.Passes);
        }
    }

    [Fact]
    public void Fit_MoreRows_AllocatesNoMore()
    {
        // On one thread all work is done on this one.
        FeatureMatrix block = TestPoints.Blobs(2_000, 8, 6, seed: 3);
        long few = Allocated(20);
        long many = Allocated(100);
        Assert.True(many < few + 300_000, $"20 blocks took {few} bytes, 100 took {many}");

        long Allocated(int blocks)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            MiniBatchKMeans.Fit(() => Enumerable.Repeat(block, blocks), Options with { MaxPasses = 1 });
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void Fit_ValueThatIsNoCoordinate_IsRefusedWithItsPlace()
    {
        FeatureMatrix points = TestPoints.Normal(3_000, 3, seed: 1);
        points[2_345, 2] = float.NaN;
        ArgumentException error = Assert.Throws<ArgumentException>(() => MiniBatchKMeans.Fit(() => Blocks(points, 700), Options));
        Assert.StartsWith("row 2345, column 2 is NaN", error.Message);
    }

    [Fact]
    public void Fit_TooFewDistinctRows_IsRefused()
    {
        FeatureMatrix points = new(50, 1);
        points[3, 0] = 1;
        ArgumentException error = Assert.Throws<ArgumentException>(() => MiniBatchKMeans.Fit(() => Blocks(points, 7), Options));
        Assert.StartsWith("K is 6, but a sample of 50 of the 50 rows has only 2 distinct rows", error.Message);
        Assert.Throws<ArgumentException>(() => MiniBatchKMeans.Fit(() => [], Options));
    }

    [Fact]
    public void Fit_SourceThatChanges_IsRefused()
    {
        FeatureMatrix points = TestPoints.Normal(3_000, 3, seed: 1);
        int passes = 0;
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => MiniBatchKMeans.Fit(() => Blocks(points, 1_000).Take(passes++ == 0 ? 3 : 2), Options));
        Assert.StartsWith("the source gave 3000 rows at first, then 2000", error.Message);

        error = Assert.Throws<ArgumentException>(() => MiniBatchKMeans.Fit(() => [points, new FeatureMatrix(1, 2)], Options));
        Assert.StartsWith("expected 3 columns as in the first block, found 2", error.Message);
    }

    [Fact]
    public void Fit_OptionOutOfRange_IsRefused()
    {
        MiniBatchKMeansOptions[] wrong =
        [
            Options with { BatchRows = 0 }, Options with { MaxPasses = 0 }, Options with { KMeans = Options.KMeans with { K = 0 } },
        ];
        Assert.All(wrong, options => Assert.Throws<ArgumentOutOfRangeException>(() => MiniBatchKMeans.Fit(() => [], options)));
    }

    [Fact]
    public void Fit_Cancelled_Throws()
        => Assert.Throws<OperationCanceledException>(() => MiniBatchKMeans.Fit(
            () => Blocks(TestPoints.Normal(100, 3, seed: 1), 10), Options, cancellation: new CancellationToken(canceled: true)));

    private static IEnumerable<FeatureMatrix> Blocks(FeatureMatrix points, int rows)
        => Enumerable.Range(0, (points.Rows + rows - 1) / rows).Select(
            block => points.Select([.. Enumerable.Range(block * rows, Math.Min(rows, points.Rows - (block * rows)))]));
}
