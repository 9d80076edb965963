using System.Collections.Immutable;
using System.Numerics;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Products of matrices, summed in the order of the inner axis.</summary>
internal static class LinearAlgebra
{
    // Multiplications that one product may take: seconds.
    private const long MaxWork = 1L << 33;

    public static OnnxTensor MatMul(OnnxTensor a, OnnxTensor b)
        => a is OnnxTensor<double> x ? MatMul(x, b.As<double>()) : MatMul(a.As<float>(), b.As<float>());

    private static OnnxTensor<T> MatMul<T>(OnnxTensor<T> x, OnnxTensor<T> y)
        where T : unmanaged, INumber<T>
    {
        if (x.Rank == 0 || y.Rank is 0 or > 2)
        {
            throw new InvalidDataException($"a product of {OnnxTensor.Describe(x.Dimensions)} and {OnnxTensor.Describe(y.Dimensions)} is not supported");
        }

        // Several matrices on the left by one on the right are one tall matrix.
        int inner = x.Dimensions[^1];
        int rows = inner == 0 ? 0 : x.Length / inner;
        int columns = y.Rank == 1 ? 1 : y.Dimensions[1];
        if (y.Dimensions[0] != inner || inner == 0)
        {
            throw new InvalidDataException($"sizes do not fit: {OnnxTensor.Describe(x.Dimensions)} and {OnnxTensor.Describe(y.Dimensions)}");
        }
        ImmutableArray<int> dimensions = [.. x.Dimensions[..^1], .. y.Dimensions[1..]];
        OnnxTensor<T> result = new(dimensions);
        Multiply<T>(x.Values, false, y.Values, false, rows, inner, columns, result.Values);
        return result;
    }

    public static OnnxKernel Gemm(OnnxNode node)
    {
        float alpha = node.Float("alpha", 1);
        float beta = node.Float("beta", 1);
        bool transposeA = node.Flag("transA", false);
        bool transposeB = node.Flag("transB", false);
        return inputs =>
        {
            OnnxTensor<float> a = inputs[0]!.As<float>();
            OnnxTensor<float> b = inputs[1]!.As<float>();
            if (a.Rank != 2 || b.Rank != 2 || a.Dimensions[transposeA ? 0 : 1] != b.Dimensions[transposeB ? 1 : 0])
            {
                throw new InvalidDataException($"sizes do not fit: {OnnxTensor.Describe(a.Dimensions)} and {OnnxTensor.Describe(b.Dimensions)}");
            }
            int rows = a.Dimensions[transposeA ? 1 : 0];
            int inner = a.Dimensions[transposeA ? 0 : 1];
            int columns = b.Dimensions[transposeB ? 0 : 1];
            OnnxTensor<float> result = new([rows, columns]);
            Multiply<float>(a.Values, transposeA, b.Values, transposeB, rows, inner, columns, result.Values);
            for (int i = 0; i < result.Length; i++)
            {
                result.Values[i] *= alpha;
            }
            if (inputs.ElementAtOrDefault(2) is { } c)
            {
                OnnxTensor<float> scaled = Elementwise.Map(c.As<float>(), v => beta * v);
                OnnxTensor sum = Elementwise.Arithmetic<OnnxOperators.Add>(result, scaled);
                return sum.Dimensions.SequenceEqual(result.Dimensions) ? [sum]
                    : throw new InvalidDataException($"sizes do not fit: {OnnxTensor.Describe(c.Dimensions)} is added to {OnnxTensor.Describe(result.Dimensions)}");
            }
            return [result];
        };
    }

    /// <summary>[rows x columns] = [rows x inner] by [inner x columns], each possibly stored transposed.</summary>
    public static void Multiply<T>(
        ReadOnlySpan<T> a, bool transposeA, ReadOnlySpan<T> b, bool transposeB, int rows, int inner, int columns, Span<T> result)
        where T : unmanaged, INumber<T>
    {
        if ((long)rows * columns > MaxWork / Math.Max(inner, 1))
        {
            throw new InvalidDataException($"a product of [{rows} x {inner}] and [{inner} x {columns}] is too large");
        }
        result.Clear();
        for (int r = 0; r < rows; r++)
        {
            Span<T> line = result.Slice(r * columns, columns);
            for (int i = 0; i < inner; i++)
            {
                T x = a[transposeA ? (i * rows) + r : (r * inner) + i];
                for (int c = 0; c < columns; c++)
                {
                    line[c] += x * b[transposeB ? (c * inner) + i : (i * columns) + c];
                }
            }
        }
    }
}
