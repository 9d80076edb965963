using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Numerics;

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
        if (Vector512.IsHardwareAccelerated)
        {
            Nearest<Vector512<float>, Lanes512>(panel, index, best, second);
        }
        else
        {
            Nearest<Vector<float>, NativeLanes>(panel, index, best, second);
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

    private void Nearest<TVector, TLanes>(ReadOnlySpan<float> panel, Span<int> indexes, Span<float> bests, Span<float> seconds)
        where TVector : struct
        where TLanes : IFloatLanes<TVector>
    {
        ref float x = ref MemoryMarshal.GetReference(panel);
        int dimensions = Dimensions;
        int groups = _packed.Length / (Group * dimensions);

        // Two row vectors (a, b) by four centroids: eight independent sums hide the latency of the additions.
        for (int lane = 0; lane < RowPanels.PanelRows; lane += 2 * TLanes.Count)
        {
            TVector bestA = TLanes.Create(float.PositiveInfinity);
            TVector bestB = bestA;
            TVector secondA = bestA;
            TVector secondB = bestA;

            // Indexes are kept as floats, which hold them exactly.
            TVector indexA = TLanes.Create(0);
            TVector indexB = indexA;
            ref float c = ref MemoryMarshal.GetArrayDataReference(_packed);
            for (int group = 0; group < groups; group++)
            {
                TVector a0 = TLanes.Create(0), a1 = a0, a2 = a0, a3 = a0;
                TVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
                nuint at = (nuint)lane;
                for (int d = 0; d < dimensions; d++, at += RowPanels.PanelRows)
                {
                    TVector xa = TLanes.Load(ref x, at);
                    TVector xb = TLanes.Load(ref x, at + (nuint)TLanes.Count);
                    TVector c0 = TLanes.Create(c);
                    a0 = AddSquare<TVector, TLanes>(a0, xa, c0);
                    b0 = AddSquare<TVector, TLanes>(b0, xb, c0);
                    TVector c1 = TLanes.Create(Unsafe.Add(ref c, 1));
                    a1 = AddSquare<TVector, TLanes>(a1, xa, c1);
                    b1 = AddSquare<TVector, TLanes>(b1, xb, c1);
                    TVector c2 = TLanes.Create(Unsafe.Add(ref c, 2));
                    a2 = AddSquare<TVector, TLanes>(a2, xa, c2);
                    b2 = AddSquare<TVector, TLanes>(b2, xb, c2);
                    TVector c3 = TLanes.Create(Unsafe.Add(ref c, 3));
                    a3 = AddSquare<TVector, TLanes>(a3, xa, c3);
                    b3 = AddSquare<TVector, TLanes>(b3, xb, c3);
                    c = ref Unsafe.Add(ref c, Group);
                }
                int k = group * Group;
                Keep<TVector, TLanes>(a0, k, ref bestA, ref secondA, ref indexA);
                Keep<TVector, TLanes>(b0, k, ref bestB, ref secondB, ref indexB);
                Keep<TVector, TLanes>(a1, k + 1, ref bestA, ref secondA, ref indexA);
                Keep<TVector, TLanes>(b1, k + 1, ref bestB, ref secondB, ref indexB);
                Keep<TVector, TLanes>(a2, k + 2, ref bestA, ref secondA, ref indexA);
                Keep<TVector, TLanes>(b2, k + 2, ref bestB, ref secondB, ref indexB);
                Keep<TVector, TLanes>(a3, k + 3, ref bestA, ref secondA, ref indexA);
                Keep<TVector, TLanes>(b3, k + 3, ref bestB, ref secondB, ref indexB);
            }
            Store<TVector, TLanes>(lane, bestA, secondA, indexA, indexes, bests, seconds);
            Store<TVector, TLanes>(lane + TLanes.Count, bestB, secondB, indexB, indexes, bests, seconds);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector AddSquare<TVector, TLanes>(TVector sum, TVector x, TVector centroid)
        where TVector : struct
        where TLanes : IFloatLanes<TVector>
    {
        TVector difference = TLanes.Subtract(x, centroid);
        return TLanes.Add(sum, TLanes.Multiply(difference, difference));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep<TVector, TLanes>(TVector distance, int k, ref TVector best, ref TVector second, ref TVector index)
        where TVector : struct
        where TLanes : IFloatLanes<TVector>
    {
        // No lane is NaN (coordinates are bounded), so min and max are exact whatever the instruction set.
        second = TLanes.Min(second, TLanes.Max(best, distance));
        index = TLanes.IfLess(distance, best, TLanes.Create(k), index);
        best = TLanes.Min(best, distance);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVector, TLanes>(
        int lane, TVector best, TVector second, TVector index, Span<int> indexes, Span<float> bests, Span<float> seconds)
        where TVector : struct
        where TLanes : IFloatLanes<TVector>
    {
        TLanes.StoreAsInt(index, ref MemoryMarshal.GetReference(indexes), (nuint)lane);
        TLanes.Store(best, ref MemoryMarshal.GetReference(bests), (nuint)lane);
        TLanes.Store(second, ref MemoryMarshal.GetReference(seconds), (nuint)lane);
    }
}
