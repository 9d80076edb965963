using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>A <see cref="QuantisedColumn"/> laid out for the search of a value's bin. Immutable and thread-safe.</summary>
/// <remarks>
/// The thresholds are the inner nodes of a complete search tree in the order of its levels (node n's children are 2n and
/// 2n + 1, the root is 1; Eytzinger's layout), padded with +infinity, which is below no value. A search goes down
/// <see cref="_levels"/> levels without a branch, because values come in no predictable order. Level l is a table of 2^l
/// thresholds that the low l bits of the node index, which is what the lanes' look-up needs.
/// </remarks>
internal sealed class SearchColumn
{
    /// <summary>Rows whose searches take turns where there are no lanes.</summary>
    internal const int Rows = 4;

    private readonly int _levels;
    private readonly float[] _nodes;
    private readonly bool _isCategorical;
    private readonly float _category;
    private readonly byte[]? _binOfCode; // from element 1 on; element 0 is the bin of missing and unknown codes

    internal SearchColumn(QuantisedColumn column)
    {
        Feature = column.Feature;
        _isCategorical = column.IsCategorical;
        _category = column.Category ?? 0;
        _binOfCode = column.BinOfCode.IsEmpty ? null : [0, .. column.BinOfCode];
        while ((1 << _levels) <= column.Thresholds.Length)
        {
            _levels++;
        }
        Debug.Assert(_levels <= WideLanes.MaxLookupBits);

        // A look-up reads sixteen values at least.
        _nodes = new float[Math.Max(1 << _levels, WideLanes.Count)];
        _nodes.AsSpan().Fill(float.PositiveInfinity);
        for (int level = 0; level < _levels; level++)
        {
            int step = 1 << (_levels - level);
            for (int i = 0, below = (step / 2) - 1; i < 1 << level && below < column.Thresholds.Length; i++, below += step)
            {
                _nodes[(1 << level) + i] = column.Thresholds[below];
            }
        }
    }

    /// <summary>Position of the feature in a row.</summary>
    internal int Feature { get; }

    /// <summary>The bin of a value.</summary>
    internal byte Bin(float value)
    {
        int present = Bit(!float.IsNaN(value));
        if (_isCategorical)
        {
            return _binOfCode is { } table ? LookUp(table, value) : (byte)(present + Bit(value == _category));
        }

        // A node of level l is below 2^(l + 1), so no index leaves the tree of 2^levels nodes.
        ref float nodes = ref MemoryMarshal.GetArrayDataReference(_nodes);
        nint node = 1;
        for (int level = _levels; level > 0; level--)
        {
            node = node + node + Bit(Unsafe.Add(ref nodes, node) < value);
        }
        return (byte)(((int)node - (1 << _levels) + 1) & -present);
    }

    /// <summary>The bins of four rows: each search is a chain of dependent loads, so four at a time hide one another's wait.</summary>
    /// <param name="values">Begins at the feature in the first row.</param>
    /// <param name="stride">Values from one row to the next.</param>
    /// <param name="bins">OUT <see cref="Rows"/> bins.</param>
    internal void Bins(ReadOnlySpan<float> values, int stride, Span<byte> bins)
    {
        float a = values[0];
        float b = values[stride];
        float c = values[2 * stride];
        float d = values[3 * stride];
        bins = bins[..Rows];
        if (_isCategorical)
        {
            bins[0] = Bin(a);
            bins[1] = Bin(b);
            bins[2] = Bin(c);
            bins[3] = Bin(d);
            return;
        }

        ref float nodes = ref MemoryMarshal.GetArrayDataReference(_nodes);
        nint nodeA = 1;
        nint nodeB = 1;
        nint nodeC = 1;
        nint nodeD = 1;
        for (int level = _levels; level > 0; level--)
        {
            nodeA = nodeA + nodeA + Bit(Unsafe.Add(ref nodes, nodeA) < a);
            nodeB = nodeB + nodeB + Bit(Unsafe.Add(ref nodes, nodeB) < b);
            nodeC = nodeC + nodeC + Bit(Unsafe.Add(ref nodes, nodeC) < c);
            nodeD = nodeD + nodeD + Bit(Unsafe.Add(ref nodes, nodeD) < d);
        }
        int first = (1 << _levels) - 1;
        bins[0] = (byte)(((int)nodeA - first) & -Bit(!float.IsNaN(a)));
        bins[1] = (byte)(((int)nodeB - first) & -Bit(!float.IsNaN(b)));
        bins[2] = (byte)(((int)nodeC - first) & -Bit(!float.IsNaN(c)));
        bins[3] = (byte)(((int)nodeD - first) & -Bit(!float.IsNaN(d)));
    }

    /// <summary>The bins of sixteen values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Vector128<byte> Bins(Vector512<float> values)
    {
        // Comparisons give -1 for true.
        Vector512<int> present = Vector512.Equals(values, values).AsInt32();
        if (_isCategorical)
        {
            return _binOfCode is { } table ? LookUp(table, values) : WideLanes.LowBytes(-(present + Vector512.Equals(values, Vector512.Create(_category)).AsInt32()));
        }
        ref float nodes = ref MemoryMarshal.GetArrayDataReference(_nodes);
        Vector512<int> node = Vector512<int>.One;
        int levels = _levels;

        // The first sixteen nodes hold the first four levels: one table, one register.
        for (int level = 0; level < Math.Min(levels, 4); level++)
        {
            node = Descend(node, values, WideLanes.Lookup(ref nodes, 4, node));
        }
        for (int level = 4; level < levels; level++)
        {
            node = Descend(node, values, WideLanes.Lookup(ref Unsafe.Add(ref nodes, 1 << level), level, node));
        }
        return WideLanes.LowBytes((node - Vector512.Create((1 << levels) - 1)) & present);

        static Vector512<int> Descend(Vector512<int> node, Vector512<float> values, Vector512<float> thresholds)
            => node + node - Vector512.LessThan(thresholds, values).AsInt32();
    }

    // A missing value fails both comparisons. Out of the way of the other kinds, like the next.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte LookUp(byte[] table, float code) => table[code >= 0 && code < table.Length - 1 ? 1 + (int)code : 0];

    /// <summary>Tables of any length do not fit registers: one lane after the other, out of the other kinds' way.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<byte> LookUp(byte[] table, Vector512<float> codes)
    {
        Vector512<float> known = Vector512.GreaterThanOrEqual(codes, Vector512<float>.Zero)
            & Vector512.LessThan(codes, Vector512.Create((float)(table.Length - 1)));
        Span<int> places = stackalloc int[WideLanes.Count];
        ((Vector512.ConvertToInt32(codes) + Vector512<int>.One) & known.AsInt32()).CopyTo(places);
        Span<byte> bins = stackalloc byte[WideLanes.Count];
        for (int lane = 0; lane < WideLanes.Count; lane++)
        {
            bins[lane] = table[places[lane]];
        }
        return Vector128.Create<byte>(bins);
    }

    private static int Bit(bool value) => Unsafe.BitCast<bool, byte>(value);
}
