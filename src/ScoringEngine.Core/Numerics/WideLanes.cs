using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ScoringEngine.Core.Numerics;

/// <summary>
/// Moves of lanes in 512-bit registers for which no portable form is fast: table look-up and the transposition of rows.
/// They only move bits, so kernels that use them give the bits of their scalar twins. This is the one place that chooses
/// by instruction set; the kernels' other paths need nothing but portable vectors.
/// </summary>
internal static class WideLanes
{
    /// <summary>Float lanes of a vector.</summary>
    internal const int Count = 16;

    /// <summary>Neighbouring features that <see cref="Transpose"/> takes at a time.</summary>
    internal const int Features = 4;

    /// <summary>Most index bits of <see cref="Lookup"/>.</summary>
    internal const int MaxLookupBits = 8;

    /// <summary>Bytes in the table of <see cref="LookupBytes"/>.</summary>
    internal const int ByteTableLength = 128;

    /// <summary>Whether this processor runs all but <see cref="LookupBytes"/>.</summary>
    internal static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;

    /// <summary>Whether this processor runs <see cref="LookupBytes"/>.</summary>
    internal static bool IsByteLookupSupported => Vector512.IsHardwareAccelerated && Avx512Vbmi.IsSupported;

    /// <summary>Each lane's element of a table of 128 bytes, whose second half is <paramref name="high"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<byte> LookupBytes(Vector512<byte> low, Vector512<byte> high, Vector512<byte> index)
        => Avx512Vbmi.PermuteVar64x8x2(low, index, high);

    /// <summary>
    /// Each lane's element of a table of 2^<paramref name="bits"/> values, of which at least sixteen must be readable.
    /// Index bits above the lowest <paramref name="bits"/> are ignored, above the lowest four when there are fewer.
    /// </summary>
    /// <remarks>
    /// One permutation looks up 16 or 32 elements; larger tables are looked up in parts, and the higher index bits choose
    /// between these.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Lookup(ref float table, int bits, Vector512<int> index) => bits switch
    {
        <= 4 => Avx512F.PermuteVar16x32(Vector512.LoadUnsafe(ref table), index),
        5 => Lookup32(ref table, index),
        6 => Lookup64(ref table, index),
        7 => Lookup128(ref table, index),
        _ => Vector512.ConditionalSelect(HasBit(index, 7), Lookup128(ref Unsafe.Add(ref table, 128), index), Lookup128(ref table, index)),
    };

    /// <summary>
    /// Four neighbouring features of sixteen rows, one vector a feature: lane r of <paramref name="x0"/> is the first
    /// value of row r. Row r is read at <paramref name="rows"/> + r * <paramref name="stride"/>, four values only.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Transpose(
        ref float rows, nint stride,
        out Vector512<float> x0, out Vector512<float> x1, out Vector512<float> x2, out Vector512<float> x3)
    {
        // Each 128-bit part of a, b, c, d is one row's features, rows 0, 4, 8, 12 in a, 1, 5, 9, 13 in b and so on;
        // transposing 4 x 4 within the parts then puts all rows in order.
        Vector512<float> a = FourthRows(ref rows, stride);
        Vector512<float> b = FourthRows(ref Unsafe.Add(ref rows, stride), stride);
        Vector512<float> c = FourthRows(ref Unsafe.Add(ref rows, 2 * stride), stride);
        Vector512<float> d = FourthRows(ref Unsafe.Add(ref rows, 3 * stride), stride);
        Vector512<double> abLow = Avx512F.UnpackLow(a, b).AsDouble();
        Vector512<double> abHigh = Avx512F.UnpackHigh(a, b).AsDouble();
        Vector512<double> cdLow = Avx512F.UnpackLow(c, d).AsDouble();
        Vector512<double> cdHigh = Avx512F.UnpackHigh(c, d).AsDouble();
        x0 = Avx512F.UnpackLow(abLow, cdLow).AsSingle();
        x1 = Avx512F.UnpackHigh(abLow, cdLow).AsSingle();
        x2 = Avx512F.UnpackLow(abHigh, cdHigh).AsSingle();
        x3 = Avx512F.UnpackHigh(abHigh, cdHigh).AsSingle();
    }

    /// <summary>The lowest byte of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> LowBytes(Vector512<int> lanes) => Avx512F.ConvertToVector128Byte(lanes);

    /// <summary>Each byte as a lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<int> FromBytes(Vector128<byte> bytes) => Avx512F.ConvertToVector512Int32(bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lookup32(ref float table, Vector512<int> index)
        => Avx512F.PermuteVar16x32x2(Vector512.LoadUnsafe(ref table), index, Vector512.LoadUnsafe(ref table, 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lookup64(ref float table, Vector512<int> index)
        => Vector512.ConditionalSelect(HasBit(index, 5), Lookup32(ref Unsafe.Add(ref table, 32), index), Lookup32(ref table, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lookup128(ref float table, Vector512<int> index)
        => Vector512.ConditionalSelect(HasBit(index, 6), Lookup64(ref Unsafe.Add(ref table, 64), index), Lookup64(ref table, index));

    /// <summary>All ones where the index has the bit: the bit moved to the sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> HasBit(Vector512<int> index, int bit)
        => Vector512.LessThan(index << (31 - bit), Vector512<int>.Zero).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FourthRows(ref float row, nint stride)
        => Vector512.Create(
            Vector256.Create(Vector128.LoadUnsafe(ref row), Vector128.LoadUnsafe(ref Unsafe.Add(ref row, 4 * stride))),
            Vector256.Create(
                Vector128.LoadUnsafe(ref Unsafe.Add(ref row, 8 * stride)), Vector128.LoadUnsafe(ref Unsafe.Add(ref row, 12 * stride))));
}
