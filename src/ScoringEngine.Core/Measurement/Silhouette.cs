using System.Numerics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Measurement;

/// <summary>
/// Mean silhouette coefficient (Rousseeuw, 1987): for each row (b - a) / max(a, b), where a is its mean distance to the
/// other rows of its cluster and b the lowest mean distance to the rows of another cluster; 0 for a row alone in its
/// cluster. Compares all pairs of rows: time grows with the square of their number, so give it a sample.
/// </summary>
public static class Silhouette
{
    /// <summary>-1..1, higher is better separated; NaN when fewer than two clusters have rows.</summary>
    /// <param name="points">[rows x columns], finite. Euclidean distances are computed in float and summed in double.</param>
    /// <param name="assignments">The cluster of each row, 0..<paramref name="k"/>-1.</param>
    /// <param name="k">Number of clusters; some may be empty.</param>
    /// <exception cref="ArgumentException">There is not one assignment a row, or one is outside 0..k-1.</exception>
    public static double Compute(FeatureMatrix points, ReadOnlySpan<int> assignments, int k)
    {
        ArgumentNullException.ThrowIfNull(points);
        if (points.Columns == 0)
        {
            throw new ArgumentException("the points have no columns", nameof(points));
        }
        return Compute(RowPanels.From(points, new double[points.Columns]), assignments, k);
    }

    internal static double Compute(RowPanels points, ReadOnlySpan<int> assignments, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (assignments.Length != points.Rows)
        {
            throw new ArgumentException($"expected {points.Rows} assignments, found {assignments.Length}", nameof(assignments));
        }
        int[] sizes = new int[k];
        foreach (int cluster in assignments)
        {
            if ((uint)cluster >= (uint)k)
            {
                throw new ArgumentException($"expected clusters 0 to {k - 1}, found {cluster}", nameof(assignments));
            }
            sizes[cluster]++;
        }
        if (sizes.Count(size => size > 0) < 2)
        {
            return double.NaN;
        }

        double total = 0;
        float[] point = new float[points.Dimensions];
        double[] sums = new double[k];
        for (int i = 0; i < points.Rows; i++)
        {
            points.CopyRow(i, point);
            SumDistances(points, point, assignments, sums);
            total += Coefficient(sums, sizes, assignments[i]);
        }
        return total / points.Rows;
    }

    /// <summary>Sum of the distances from a point to the rows of each cluster.</summary>
    private static void SumDistances(RowPanels points, ReadOnlySpan<float> point, ReadOnlySpan<int> assignments, Span<double> sums)
    {
        Span<float> distances = stackalloc float[RowPanels.PanelRows];
        sums.Clear();
        for (int panel = 0; panel < points.Panels; panel++)
        {
            RowPanels.SquaredDistances(points.Panel(panel), point, distances);
            for (int lane = 0; lane < RowPanels.PanelRows; lane += Vector<float>.Count)
            {
                Span<float> vector = distances[lane..];
                Vector.SquareRoot(new Vector<float>(vector)).CopyTo(vector);
            }
            ReadOnlySpan<int> clusters = assignments[(panel * RowPanels.PanelRows)..];
            int lanes = Math.Min(RowPanels.PanelRows, clusters.Length);
            for (int lane = 0; lane < lanes; lane++)
            {
                sums[clusters[lane]] += distances[lane];
            }
        }
    }

    private static double Coefficient(ReadOnlySpan<double> sums, ReadOnlySpan<int> sizes, int own)
    {
        if (sizes[own] == 1)
        {
            return 0;
        }
        double inside = sums[own] / (sizes[own] - 1);
        double outside = double.PositiveInfinity;
        for (int cluster = 0; cluster < sums.Length; cluster++)
        {
            if (cluster != own && sizes[cluster] > 0)
            {
                outside = Math.Min(outside, sums[cluster] / sizes[cluster]);
            }
        }
        double larger = Math.Max(inside, outside);
        return larger > 0 ? (outside - inside) / larger : 0;
    }
}
