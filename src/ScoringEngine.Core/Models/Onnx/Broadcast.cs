using System.Collections.Immutable;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Multidirectional broadcasting: axes are aligned at the end, and an axis of size 1 is repeated.</summary>
internal static class Broadcast
{
    /// <summary>Sizes of the result of an elementwise operator.</summary>
    /// <exception cref="InvalidDataException">Two sizes differ and neither is 1.</exception>
    public static ImmutableArray<int> Dimensions(params ReadOnlySpan<OnnxTensor> tensors)
    {
        int rank = 0;
        foreach (OnnxTensor tensor in tensors)
        {
            rank = Math.Max(rank, tensor.Rank);
        }
        int[] result = new int[rank];
        Array.Fill(result, 1);
        foreach (OnnxTensor tensor in tensors)
        {
            for (int axis = 0; axis < tensor.Rank; axis++)
            {
                int size = tensor.Dimensions[axis];
                ref int to = ref result[rank - tensor.Rank + axis];
                if (size != to && size != 1 && to != 1)
                {
                    throw new InvalidDataException("sizes do not fit: "
                        + string.Join(" and ", tensors.ToArray().Select(t => OnnxTensor.Describe(t.Dimensions))));
                }
                to = to == 1 ? size : to;
            }
        }
        return [.. result];
    }

    /// <summary>For each element of the result, where it stands in <paramref name="tensor"/>; null when that is the same place.</summary>
    public static int[]? Offsets(OnnxTensor tensor, ImmutableArray<int> dimensions)
    {
        if (tensor.Dimensions.SequenceEqual(dimensions))
        {
            return null;
        }
        int[] strides = new int[dimensions.Length];
        int stride = 1;
        for (int axis = tensor.Rank - 1, to = dimensions.Length - 1; axis >= 0; axis--, to--)
        {
            strides[to] = tensor.Dimensions[axis] == 1 ? 0 : stride;
            stride *= tensor.Dimensions[axis];
        }
        return Offsets(dimensions, strides);
    }

    /// <summary>The sum of index times stride over the axes, for each index of a tensor in row-major order.</summary>
    public static int[] Offsets(ImmutableArray<int> dimensions, ReadOnlySpan<int> strides)
    {
        int[] offsets = new int[OnnxTensor.Count(dimensions)];
        Span<int> index = new int[dimensions.Length];
        int offset = 0;
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = offset;
            for (int axis = dimensions.Length - 1; axis >= 0; axis--)
            {
                offset += strides[axis];
                if (++index[axis] < dimensions[axis])
                {
                    break;
                }
                index[axis] = 0;
                offset -= strides[axis] * dimensions[axis];
            }
        }
        return offsets;
    }

    /// <summary>The axis that a possibly negative number means.</summary>
    public static int Axis(long axis, int rank)
        => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis)
            : throw new InvalidDataException($"axis {axis} of a tensor with {rank} axes");
}
