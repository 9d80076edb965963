using System.Collections.Immutable;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Operators that rearrange values.</summary>
internal static class Shapes
{
    public static OnnxKernel Constant(OnnxNode node)
    {
        OnnxTensor[] given = [.. new OnnxTensor?[]
        {
            node.Tensor("value"),
            node.Has("value_float") ? OnnxTensor.Create<float>([node.Float("value_float", 0)]) : null,
            node.Has("value_int") ? OnnxTensor.Create<long>([node.Int("value_int", 0)]) : null,
            node.Has("value_string") ? OnnxTensor.Create<string>([node.Text("value_string", "")]) : null,
            node.Has("value_floats") ? List(node.Floats("value_floats")) : null,
            node.Has("value_ints") ? List(node.Ints("value_ints")) : null,
            node.Has("value_strings") ? List(node.Texts("value_strings")) : null,
        }.OfType<OnnxTensor>()];
        return given.Length == 1 ? _ => given : throw new InvalidDataException($"{given.Length} values, expected 1");

        static OnnxTensor List<T>(T[] values) => new OnnxTensor<T>(values, [values.Length]);
    }

    public static OnnxTensor Shape(OnnxTensor a) => new OnnxTensor<long>([.. a.Dimensions.Select(d => (long)d)], [a.Rank]);

    public static OnnxKernel Reshape(OnnxNode node)
    {
        bool allowZero = node.Flag("allowzero", false);
        return inputs =>
        {
            OnnxTensor tensor = inputs[0]!;
            long[] shape = inputs[1]!.As<long>().Values;
            int[] dimensions = new int[shape.Length];
            int open = -1;
            long known = 1;
            for (int axis = 0; axis < shape.Length; axis++)
            {
                if (shape[axis] == -1 && open < 0)
                {
                    open = axis;
                    continue;
                }
                dimensions[axis] = shape[axis] == 0 && !allowZero && axis < tensor.Rank
                    ? tensor.Dimensions[axis] : TensorReader.ToSize(shape[axis]);
                known = Math.Min(known * dimensions[axis], OnnxTensor.MaxElements + 1L);
            }
            if (open >= 0)
            {
                dimensions[open] = known > 0 ? (int)(tensor.Length / known) : 0;
            }
            return [tensor.Reshape([.. dimensions])];
        };
    }

    public static OnnxKernel Flatten(OnnxNode node)
    {
        long axis = node.Int("axis", 1);
        return inputs =>
        {
            OnnxTensor tensor = inputs[0]!;
            int split = axis == tensor.Rank ? tensor.Rank : Broadcast.Axis(axis, tensor.Rank);
            return [tensor.Reshape([OnnxTensor.Count(tensor.Dimensions[..split]), OnnxTensor.Count(tensor.Dimensions[split..])])];
        };
    }

    public static OnnxKernel Squeeze(OnnxNode node)
    {
        Func<OnnxTensor?[], long[]?> axesOf = Axes(node);
        return inputs =>
        {
            OnnxTensor tensor = inputs[0]!;
            HashSet<int>? axes = axesOf(inputs)?.Select(a => Broadcast.Axis(a, tensor.Rank)).ToHashSet();
            if (axes?.Any(a => tensor.Dimensions[a] != 1) == true)
            {
                throw new InvalidDataException($"an axis of {OnnxTensor.Describe(tensor.Dimensions)} to be removed is not of size 1");
            }
            return [tensor.Reshape([.. tensor.Dimensions.Where((size, a) => !(axes?.Contains(a) ?? size == 1))])];
        };
    }

    public static OnnxKernel Unsqueeze(OnnxNode node)
    {
        Func<OnnxTensor?[], long[]?> axesOf = Axes(node);
        return inputs =>
        {
            OnnxTensor tensor = inputs[0]!;
            long[] given = axesOf(inputs) ?? throw new InvalidDataException("no axes are given");
            HashSet<int> axes = [.. given.Select(a => Broadcast.Axis(a, tensor.Rank + given.Length))];
            if (axes.Count < given.Length)
            {
                throw new InvalidDataException("an axis is given twice");
            }
            int next = 0;
            return [tensor.Reshape([.. Enumerable.Range(0, tensor.Rank + axes.Count).Select(a => axes.Contains(a) ? 1 : tensor.Dimensions[next++])])];
        };
    }

    public static OnnxKernel Transpose(OnnxNode node)
    {
        long[] order = node.Ints("perm");
        return inputs =>
        {
            OnnxTensor tensor = inputs[0]!;
            int[] axes = order.Length == 0 ? [.. Enumerable.Range(0, tensor.Rank).Reverse()] : [.. order.Select(a => Broadcast.Axis(a, tensor.Rank))];
            return axes.Length == tensor.Rank && axes.Distinct().Count() == axes.Length ? [Permute(tensor, axes)]
                : throw new InvalidDataException($"{axes.Length} axes given for a tensor of {tensor.Rank}");
        };
    }

    /// <summary>The tensor whose axis i is axis <paramref name="order"/>[i] of <paramref name="tensor"/>.</summary>
    public static OnnxTensor Permute(OnnxTensor tensor, int[] order)
    {
        if (order.SequenceEqual(order.Order()))
        {
            return tensor;
        }
        int[] strides = new int[tensor.Rank];
        for (int axis = tensor.Rank - 1, stride = 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= tensor.Dimensions[axis];
        }
        ImmutableArray<int> dimensions = [.. order.Select(axis => tensor.Dimensions[axis])];
        return tensor.Pick(Broadcast.Offsets(dimensions, [.. order.Select(axis => strides[axis])]), dimensions);
    }

    public static OnnxKernel Concat(OnnxNode node)
    {
        if (!node.Has("axis"))
        {
            throw new InvalidDataException("attribute 'axis' is absent");
        }
        long axis = node.Int("axis", 0);
        return inputs => inputs[0] switch
        {
            OnnxTensor<float> => [Concat(Typed<float>(inputs), axis)],
            OnnxTensor<double> => [Concat(Typed<double>(inputs), axis)],
            OnnxTensor<long> => [Concat(Typed<long>(inputs), axis)],
            OnnxTensor<int> => [Concat(Typed<int>(inputs), axis)],
            OnnxTensor<bool> => [Concat(Typed<bool>(inputs), axis)],
            OnnxTensor<string> => [Concat(Typed<string>(inputs), axis)],
            _ => throw Elementwise.Unsupported(Elementwise.Required(inputs[0])),
        };

        static OnnxTensor<T>[] Typed<T>(OnnxTensor?[] inputs) => [.. inputs.Select(i => Elementwise.Required(i).As<T>())];
    }

    public static OnnxTensor<T> Concat<T>(OnnxTensor<T>[] parts, long axis)
    {
        ImmutableArray<int> first = parts[0].Dimensions;
        int along = Broadcast.Axis(axis, first.Length);
        long size = 0;
        foreach (OnnxTensor<T> part in parts)
        {
            if (part.Rank != first.Length || !part.Dimensions.SetItem(along, 0).SequenceEqual(first.SetItem(along, 0)))
            {
                throw new InvalidDataException($"sizes do not fit: {OnnxTensor.Describe(first)} and {OnnxTensor.Describe(part.Dimensions)}");
            }
            size += part.Dimensions[along];
        }
        OnnxTensor<T> result = new(first.SetItem(along, TensorReader.ToSize(size)));
        int lines = OnnxTensor.Count(first[..along]);
        int to = 0;
        for (int line = 0; line < lines; line++)
        {
            foreach (OnnxTensor<T> part in parts)
            {
                int length = part.Length / lines;
                Array.Copy(part.Values, line * length, result.Values, to, length);
                to += length;
            }
        }
        return result;
    }

    public static OnnxKernel Gather(OnnxNode node)
    {
        long axis = node.Int("axis", 0);
        return inputs =>
        {
            OnnxTensor tensor = inputs[0]!;
            OnnxTensor<long> indices = Casting.ToInt64(inputs[1]!);
            return [Gather(tensor, Broadcast.Axis(axis, tensor.Rank), indices.Values, indices.Dimensions)];
        };
    }

    /// <summary>The slices of <paramref name="tensor"/> at <paramref name="indices"/> of an axis, which take that axis' place.</summary>
    public static OnnxTensor Gather(OnnxTensor tensor, int along, ReadOnlySpan<long> indices, ImmutableArray<int> places)
    {
        int size = tensor.Dimensions[along];
        int inner = OnnxTensor.Count(tensor.Dimensions[(along + 1)..]);
        int outer = OnnxTensor.Count(tensor.Dimensions[..along]);
        ImmutableArray<int> dimensions = [.. tensor.Dimensions[..along], .. places, .. tensor.Dimensions[(along + 1)..]];
        int[] offsets = new int[OnnxTensor.Count(dimensions)];
        int to = 0;
        for (int line = 0; line < outer; line++)
        {
            foreach (long index in indices)
            {
                if (index < -size || index >= size)
                {
                    throw new InvalidDataException($"index {index} of an axis of size {size}");
                }
                int start = ((line * size) + (int)(index < 0 ? index + size : index)) * inner;
                for (int i = 0; i < inner; i++)
                {
                    offsets[to++] = start + i;
                }
            }
        }
        return tensor.Pick(offsets, dimensions);
    }

    /// <summary>The axes of a node, which are an attribute before version 13 and an input since; null when not given.</summary>
    private static Func<OnnxTensor?[], long[]?> Axes(OnnxNode node)
    {
        if (node.Version >= 13)
        {
            return inputs => inputs.ElementAtOrDefault(1)?.As<long>().Values;
        }
        if (node.Inputs > 1)
        {
            throw new InvalidDataException("axes as an input before operator set 13");
        }
        long[]? axes = node.Has("axes") ? node.Ints("axes") : null;
        return _ => axes;
    }
}
