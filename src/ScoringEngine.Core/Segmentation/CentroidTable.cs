using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Centroids packed for the nearest-centroid kernel: groups of four, each [dimensions x 4]. The last group is filled up
/// with points at infinity, which are never nearest. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// Every squared distance is the float sum, in the order of the dimensions, of (x - c) times (x - c), each operation
/// rounded by itself. The panel form runs lanes across rows, the single-row form across the four centroids of a group;
/// both give the same bits at any vector width. Of equally near centroids the lowest index wins.
/// </remarks>
internal sealed class CentroidTable
{
    private const int Group = 4;

    private readonly float[] _packed;

    /// <summary>Packs [k x dimensions] row-major centroids.</summary>
    internal CentroidTable(ReadOnlySpan<float> centroids, int dimensions)
    {
        Debug.Assert(dimensions > 0 && centroids.Length > 0 && centroids.Length % dimensions == 0);
        Dimensions = dimensions;
        Count = centroids.Length / dimensions;
        int groups = (Count + Group - 1) / Group;
        _packed = new float[groups * Group * dimensions];
        _packed.AsSpan().Fill(float.PositiveInfinity);
        for (int k = 0; k < Count; k++)
        {
            for (int d = 0; d < dimensions; d++)
            {
                _packed[((((k / Group) * dimensions) + d) * Group) + (k % Group)] = centroids[(k * dimensions) + d];
            }
        }
    }

    internal int Count { get; }

    internal int Dimensions { get; }

    /// <summary>
    /// For each of a panel's 32 rows: the nearest centroid, the squared distance to it, and to the second nearest
    /// (infinity when there is one centroid only).
    /// </summary>
    internal void Nearest(ReadOnlySpan<float> panel, Span<int> index, Span<float> best, Span<float> second)
    {
        Debug.Assert(panel.Length >= Dimensions * RowPanels.PanelRows);
        Debug.Assert(index.Length >= RowPanels.PanelRows && best.Length >= RowPanels.PanelRows && second.Length >= RowPanels.PanelRows);
        ref float x = ref MemoryMarshal.GetReference(panel);
        ref float packed = ref MemoryMarshal.GetArrayDataReference(_packed);
        int dimensions = Dimensions;
        int groups = _packed.Length / (Group * dimensions);
        int width = Vector<float>.Count;

        // Two row vectors (a, b) by four centroids: eight independent sums hide the latency of the additions.
        for (int lane = 0; lane < RowPanels.PanelRows; lane += 2 * width)
        {
            Vector<float> bestA = new(float.PositiveInfinity);
            Vector<float> bestB = bestA;
            Vector<float> secondA = bestA;
            Vector<float> secondB = bestA;
            Vector<int> indexA = Vector<int>.Zero;
            Vector<int> indexB = Vector<int>.Zero;
            ref float c = ref packed;
            for (int group = 0; group < groups; group++)
            {
                Vector<float> a0 = Vector<float>.Zero, a1 = a0, a2 = a0, a3 = a0;
                Vector<float> b0 = a0, b1 = a0, b2 = a0, b3 = a0;
                nuint at = (nuint)lane;
                for (int d = 0; d < dimensions; d++, at += RowPanels.PanelRows)
                {
                    Vector<float> xa = Vector.LoadUnsafe(ref x, at);
                    Vector<float> xb = Vector.LoadUnsafe(ref x, at + (nuint)width);
                    AddSquare(xa, xb, c, ref a0, ref b0);
                    AddSquare(xa, xb, Unsafe.Add(ref c, 1), ref a1, ref b1);
                    AddSquare(xa, xb, Unsafe.Add(ref c, 2), ref a2, ref b2);
                    AddSquare(xa, xb, Unsafe.Add(ref c, 3), ref a3, ref b3);
                    c = ref Unsafe.Add(ref c, Group);
                }
                int k = group * Group;
                Keep(a0, k, ref bestA, ref secondA, ref indexA);
                Keep(b0, k, ref bestB, ref secondB, ref indexB);
                Keep(a1, k + 1, ref bestA, ref secondA, ref indexA);
                Keep(b1, k + 1, ref bestB, ref secondB, ref indexB);
                Keep(a2, k + 2, ref bestA, ref secondA, ref indexA);
                Keep(b2, k + 2, ref bestB, ref secondB, ref indexB);
                Keep(a3, k + 3, ref bestA, ref secondA, ref indexA);
                Keep(b3, k + 3, ref bestB, ref secondB, ref indexB);
            }
            Store(lane, bestA, secondA, indexA, index, best, second);
            Store(lane + width, bestB, secondB, indexB, index, best, second);
        }
    }

    /// <summary>The same for one row of <see cref="Dimensions"/> values.</summary>
    internal int Nearest(ReadOnlySpan<float> row, out float best, out float second)
    {
        Debug.Assert(row.Length >= Dimensions);
        int index = 0;
        best = float.PositiveInfinity;
        second = float.PositiveInfinity;
        ReadOnlySpan<float> c = _packed;
        for (int k = 0; k < Count; k += Group)
        {
            Vector128<float> sum = Vector128<float>.Zero;
            for (int d = 0; d < Dimensions; d++)
            {
                Vector128<float> difference = Vector128.Create(row[d]) - Vector128.Create(c);
                sum += difference * difference;
                c = c[Group..];
            }
            for (int j = 0; j < Group; j++)
            {
                float distance = sum[j];
                if (distance < best)
                {
                    second = best;
                    best = distance;
                    index = k + j;
                }
                else if (distance < second)
                {
                    second = distance;
                }
            }
        }
        return index;
    }

    /// <summary>The nearest centroid of every row.</summary>
    internal int[] Nearest(RowPanels points)
    {
        int[] result = new int[points.Rows];
        Span<int> index = stackalloc int[RowPanels.PanelRows];
        Span<float> best = stackalloc float[RowPanels.PanelRows];
        Span<float> second = stackalloc float[RowPanels.PanelRows];
        for (int panel = 0; panel < points.Panels; panel++)
        {
            Nearest(points.Panel(panel), index, best, second);
            Span<int> to = result.AsSpan(panel * RowPanels.PanelRows);
            index[..Math.Min(to.Length, RowPanels.PanelRows)].CopyTo(to);
        }
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSquare(Vector<float> xa, Vector<float> xb, float c, ref Vector<float> a, ref Vector<float> b)
    {
        Vector<float> centroid = new(c);
        Vector<float> differenceA = xa - centroid;
        Vector<float> differenceB = xb - centroid;
        a += differenceA * differenceA;
        b += differenceB * differenceB;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(Vector<float> distance, int k, ref Vector<float> best, ref Vector<float> second, ref Vector<int> index)
    {
        // No lane is NaN (coordinates are bounded), so min and max are exact whatever the instruction set.
        second = Vector.Min(second, Vector.Max(best, distance));
        index = Vector.ConditionalSelect(Vector.LessThan(distance, best), new Vector<int>(k), index);
        best = Vector.Min(best, distance);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        int lane, Vector<float> best, Vector<float> second, Vector<int> index,
        Span<int> indexes, Span<float> bests, Span<float> seconds)
    {
        index.StoreUnsafe(ref MemoryMarshal.GetReference(indexes), (nuint)lane);
        best.StoreUnsafe(ref MemoryMarshal.GetReference(bests), (nuint)lane);
        second.StoreUnsafe(ref MemoryMarshal.GetReference(seconds), (nuint)lane);
    }
}
