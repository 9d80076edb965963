using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Tests.Segmentation;

public class CentroidTableTests
{
    // The naive twin computes in double; float sums of d squares may differ by about d rounding errors.
    private static double Tolerance(int dimensions, double squaredDistance) => (dimensions + 2) * 1.2e-7 * squaredDistance;

    [Fact]
    public void Nearest_EveryShape_AgreesWithNaiveDoubleTwin()
    {
        for (int d = 1; d <= 40; d += d < 9 ? 1 : 5)
        {
            for (int k = 1; k <= 20; k++)
            {
                int rows = 1 + (((d * 31) + (k * 17)) % 70);
                FeatureMatrix points = TestPoints.Normal(rows, d, d);
                FeatureMatrix centroids = TestPoints.Normal(k, d, 1000 + k);
                RowPanels panels = RowPanels.From(points, new double[d]);
                CentroidTable table = new(centroids.Values, d);
                int[] all = table.Nearest(panels);
                int[] index = new int[RowPanels.PanelRows];
                float[] best = new float[RowPanels.PanelRows];
                float[] second = new float[RowPanels.PanelRows];
                for (int i = 0; i < rows; i++)
                {
                    int lane = i % RowPanels.PanelRows;
                    if (lane == 0)
                    {
                        table.Nearest(panels.Panel(i / RowPanels.PanelRows), index, best, second);
                    }
                    double[] distances = NaiveDistances(points.Row(i), centroids);
                    double[] sorted = [.. distances.Order()];
                    double tolerance = Tolerance(d, sorted[0]);
                    Assert.Equal(index[lane], all[i]);
                    Assert.Equal(sorted[0], distances[index[lane]], tolerance);
                    Assert.Equal(sorted[0], best[lane], tolerance);
                    Assert.Equal(k == 1 ? double.PositiveInfinity : sorted[1], second[lane], k == 1 ? 0 : Tolerance(d, sorted[1]));
                }
            }
        }
    }

    [Fact]
    public void Nearest_SingleRow_HasTheBitsOfThePanel()
    {
        for (int d = 1; d <= 40; d += 3)
        {
            for (int k = 1; k <= 20; k++)
            {
                FeatureMatrix points = TestPoints.Normal(RowPanels.PanelRows, d, d);
                CentroidTable table = new(TestPoints.Normal(k, d, 1000 + k).Values, d);
                int[] index = new int[RowPanels.PanelRows];
                float[] best = new float[RowPanels.PanelRows];
                float[] second = new float[RowPanels.PanelRows];
                table.Nearest(RowPanels.From(points, new double[d]).Panel(0), index, best, second);
                for (int i = 0; i < RowPanels.PanelRows; i++)
                {
                    Assert.Equal(index[i], table.Nearest(points.Row(i), out float rowBest, out float rowSecond));
                    Assert.Equal(BitConverter.SingleToInt32Bits(best[i]), BitConverter.SingleToInt32Bits(rowBest));
                    Assert.Equal(BitConverter.SingleToInt32Bits(second[i]), BitConverter.SingleToInt32Bits(rowSecond));
                }
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(9)]
    public void Nearest_EquallyNearCentroids_TakesTheLowestIndex(int k)
    {
        // Centroid 0 is far away; all others stand on the same spot.
        float[] centroids = new float[k * 3];
        centroids.AsSpan(0, 3).Fill(100);
        CentroidTable table = new(centroids, 3);
        FeatureMatrix points = TestPoints.Normal(40, 3, 1);

        Assert.All(table.Nearest(RowPanels.From(points, new double[3])), index => Assert.Equal(1, index));
        Assert.Equal(1, table.Nearest(points.Row(0), out float best, out float second));
        Assert.Equal(k == 2, second > best);
    }

    [Fact]
    public void Nearest_LargestCoordinates_StaysFinite()
    {
        CentroidTable table = new([-RowPanels.Limit, -RowPanels.Limit], 2);
        table.Nearest([RowPanels.Limit, RowPanels.Limit], out float best, out _);
        Assert.True(float.IsFinite(best));
    }

    private static double[] NaiveDistances(ReadOnlySpan<float> row, FeatureMatrix centroids)
    {
        double[] distances = new double[centroids.Rows];
        for (int c = 0; c < centroids.Rows; c++)
        {
            for (int d = 0; d < row.Length; d++)
            {
                distances[c] += ((double)row[d] - centroids[c, d]) * ((double)row[d] - centroids[c, d]);
            }
        }
        return distances;
    }
}
