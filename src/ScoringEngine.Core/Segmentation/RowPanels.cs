using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Rows in the layout of the distance kernels: panels of 32 rows, each [dimensions x 32], so that a SIMD lane is a row
/// whatever the vector's width, and a panel (3.5 KB at 28 dimensions) stays in the first-level cache while all
/// centroids pass over it. The last panel is filled up with zeros.
/// </summary>
internal sealed class RowPanels
{
    /// <summary>Rows in a panel: two of the widest vectors (16 lanes).</summary>
    internal const int PanelRows = 32;

    /// <summary>Largest magnitude of a coordinate: its square, summed over any plausible dimensions, stays finite.</summary>
    internal const float Limit = 1e15f;

    private readonly float[] _values;

    internal RowPanels(int rows, int dimensions)
    {
        Debug.Assert(rows >= 0 && dimensions > 0);
        Rows = rows;
        Dimensions = dimensions;
        Panels = (rows + PanelRows - 1) / PanelRows;
        _values = new float[checked(Panels * dimensions * PanelRows)];
    }

    internal int Rows { get; }

    internal int Dimensions { get; }

    internal int Panels { get; }

    /// <summary>[dimensions x 32] values.</summary>
    internal Span<float> Panel(int panel) => _values.AsSpan(panel * Dimensions * PanelRows, Dimensions * PanelRows);

    /// <summary>The rows minus <paramref name="origin"/> (one value a column), computed in double.</summary>
    internal static RowPanels From(
        FeatureMatrix points, double[] origin, int threads = 1, CancellationToken cancellation = default)
    {
        RowPanels result = new(points.Rows, points.Columns);
        result.Fill(points, origin, threads, cancellation);
        return result;
    }

    /// <summary>Overwrites the rows with those of <paramref name="points"/>, a matrix of the same shape.</summary>
    internal void Fill(FeatureMatrix points, double[] origin, int threads, CancellationToken cancellation)
    {
        Debug.Assert(points.Rows == Rows && points.Columns == Dimensions && origin.Length == Dimensions);
        RowChunks.Run(Rows, threads, cancellation, (_, first, end) =>
        {
            for (int row = first; row < end; row += PanelRows)
            {
                Span<float> panel = Panel(row / PanelRows);
                int count = Math.Min(PanelRows, end - row);
                ReadOnlySpan<float> from = points.Values.AsSpan(row * Dimensions, count * Dimensions);
                for (int d = 0; d < Dimensions; d++)
                {
                    double center = origin[d];
                    Span<float> lanes = panel.Slice(d * PanelRows, count);
                    for (int lane = 0, at = d; lane < lanes.Length; lane++, at += Dimensions)
                    {
                        lanes[lane] = (float)(from[at] - center);
                    }
                }
            }
        });
    }

    /// <summary>A copy of the rows at <paramref name="rows"/>, in that order.</summary>
    internal RowPanels Select(ReadOnlySpan<int> rows)
    {
        RowPanels result = new(rows.Length, Dimensions);
        for (int i = 0; i < rows.Length; i++)
        {
            ReadOnlySpan<float> from = Panel(rows[i] / PanelRows)[(rows[i] % PanelRows)..];
            Span<float> to = result.Panel(i / PanelRows)[(i % PanelRows)..];
            for (int d = 0; d < Dimensions; d++)
            {
                to[d * PanelRows] = from[d * PanelRows];
            }
        }
        return result;
    }

    /// <summary>One row, gathered into <paramref name="destination"/>.</summary>
    internal void CopyRow(int row, Span<float> destination)
    {
        ReadOnlySpan<float> from = Panel(row / PanelRows)[(row % PanelRows)..];
        for (int d = 0; d < destination.Length; d++)
        {
            destination[d] = from[d * PanelRows];
        }
    }

    /// <summary>How many rows differ from each other, counted up to <paramref name="limit"/>.</summary>
    internal int CountDistinct(int limit)
    {
        HashSet<float[]> distinct = new(new RowComparer());
        float[] row = new float[Dimensions];
        for (int i = 0; i < Rows && distinct.Count < limit; i++)
        {
            CopyRow(i, row);
            if (!distinct.Contains(row))
            {
                distinct.Add([.. row]);
            }
        }
        return distinct.Count;
    }

    /// <summary>
    /// Squared distances of a panel's 32 rows to <paramref name="point"/>: differences squared and added in the order of
    /// the dimensions, in float.
    /// </summary>
    internal static void SquaredDistances(ReadOnlySpan<float> panel, ReadOnlySpan<float> point, Span<float> result)
    {
        Debug.Assert(panel.Length == point.Length * PanelRows && result.Length >= PanelRows);
        if (Vector512.IsHardwareAccelerated)
        {
            SquaredDistances<Vector512<float>, Lanes512>(panel, point, result);
        }
        else
        {
            SquaredDistances<Vector<float>, NativeLanes>(panel, point, result);
        }
    }

    private static void SquaredDistances<TVector, TLanes>(ReadOnlySpan<float> panel, ReadOnlySpan<float> point, Span<float> result)
        where TVector : struct
        where TLanes : IFloatLanes<TVector>
    {
        ref float x = ref MemoryMarshal.GetReference(panel);
        ref float r = ref MemoryMarshal.GetReference(result);
        for (int lane = 0; lane < PanelRows; lane += 2 * TLanes.Count)
        {
            TVector a = TLanes.Create(0);
            TVector b = a;
            nuint at = (nuint)lane;
            foreach (float coordinate in point)
            {
                TVector p = TLanes.Create(coordinate);
                TVector differenceA = TLanes.Subtract(TLanes.Load(ref x, at), p);
                TVector differenceB = TLanes.Subtract(TLanes.Load(ref x, at + (nuint)TLanes.Count), p);
                a = TLanes.Add(a, TLanes.Multiply(differenceA, differenceA));
                b = TLanes.Add(b, TLanes.Multiply(differenceB, differenceB));
                at += PanelRows;
            }
            TLanes.Store(a, ref r, (nuint)lane);
            TLanes.Store(b, ref r, (nuint)(lane + TLanes.Count));
        }
    }

    /// <summary>Rows are equal when their values are; -0 equals 0, and there is no NaN.</summary>
    private sealed class RowComparer : IEqualityComparer<float[]>
    {
        public bool Equals(float[]? x, float[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(float[] obj)
        {
            HashCode hash = new();
            foreach (float value in obj)
            {
                hash.Add(value == 0 ? 0f : value);
            }
            return hash.ToHashCode();
        }
    }
}
