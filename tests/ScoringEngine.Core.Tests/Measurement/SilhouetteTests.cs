using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Tests.Segmentation;

namespace ScoringEngine.Core.Tests.Measurement;

public class SilhouetteTests
{
    // Silhouettes from scikit-learn.
    [Theory]
    [InlineData(2, 0.6810461692117462)]
    [InlineData(3, 0.5528190123564094)]
    [InlineData(4, 0.4980505049972871)]
    public void Compute_IrisClusters_GivesThePublishedValue(int k, double silhouette)
    {
        FeatureMatrix iris = TestPoints.Iris();
        KMeansResult clusters = KMeans.Fit(iris, new KMeansOptions { K = k, Tolerance = 0 });
        Assert.Equal(silhouette, Silhouette.Compute(iris, clusters.Assignments, k), 1e-6);
    }

    [Fact]
    public void Compute_HandExample_GivesTheFormula()
    {
        // Rows 0, 1 | 4, 6 | 10 alone. Row 0: a 1, b 5. Row 1: a 1, b 4. Row 4: a 2, b 3.5. Row 6: a 2, b 4.
        FeatureMatrix points = new(5, 1, [0, 1, 4, 6, 10]);
        double expected = (0.8 + 0.75 + (1.5 / 3.5) + 0.5 + 0) / 5;
        Assert.Equal(expected, Silhouette.Compute(points, [0, 0, 2, 2, 3], 4), 1e-7);
    }

    [Fact]
    public void Compute_EqualRowsInTwoClusters_IsZero()
        => Assert.Equal(0, Silhouette.Compute(new FeatureMatrix(4, 1), [0, 0, 1, 1], 2));

    [Fact]
    public void Compute_OneCluster_IsNaN()
        => Assert.Equal(double.NaN, Silhouette.Compute(new FeatureMatrix(3, 1, [1, 2, 3]), [1, 1, 1], 2));

    [Theory]
    [InlineData(new[] { 0, 1 })]
    [InlineData(new[] { 0, 1, 2 })]
    [InlineData(new[] { 0, 1, -1 })]
    public void Compute_AssignmentsThatDoNotFit_AreRefused(int[] assignments)
        => Assert.Throws<ArgumentException>(() => Silhouette.Compute(new FeatureMatrix(3, 1), assignments, 2));
}
