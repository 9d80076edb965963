using System.Collections.Immutable;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Operators that make one value of many. Sums run in row-major order.</summary>
internal static class Reductions
{
    /// <param name="node">The node.</param>
    /// <param name="axesAsInput">Version of the operator set since which the axes are an input.</param>
    /// <param name="reduce">From the values of one result, in order, and their number.</param>
    public static OnnxKernel Reduce(OnnxNode node, long axesAsInput, Func<float[], int, float> reduce)
    {
        bool asInput = node.Version >= axesAsInput;
        long[] attribute = asInput ? [] : node.Ints("axes");
        bool keep = node.Flag("keepdims", true);
        bool none = asInput && node.Flag("noop_with_empty_axes", false);
        if (!asInput && node.Inputs > 1)
        {
            throw new InvalidDataException($"axes as an input before operator set {axesAsInput}");
        }
        return inputs =>
        {
            OnnxTensor tensor = inputs[0]!;
            long[] axes = inputs.ElementAtOrDefault(1)?.As<long>().Values ?? attribute;
            return axes.Length == 0 && none ? [tensor] : [Reduce(tensor.As<float>(), axes, keep, reduce)];
        };
    }

    public static float Sum(float[] values, Func<float, float> term)
    {
        float sum = 0;
        foreach (float value in values)
        {
            sum += term(value);
        }
        return sum;
    }

    public static float Extreme(float[] values, Func<float, float, float> better)
        => values.Length > 0 ? values.Aggregate(better) : throw new InvalidDataException("an extreme of no values");

    /// <summary>The index of the greatest (sign 1) or smallest (sign -1) value along an axis.</summary>
    public static OnnxKernel ArgExtreme(OnnxNode node, int sign)
    {
        long axis = node.Int("axis", 0);
        bool keep = node.Flag("keepdims", true);
        bool last = node.Flag("select_last_index", false);
        return inputs =>
        {
            OnnxTensor<float> tensor = inputs[0]!.As<float>();
            int along = Broadcast.Axis(axis, tensor.Rank);
            (ImmutableArray<int> dimensions, int[] starts, int stride, int count) = Lines(tensor, along);
            if (count == 0 && starts.Length > 0)
            {
                throw new InvalidDataException("an extreme of no values");
            }
            OnnxTensor<long> result = new(keep ? dimensions : dimensions.RemoveAt(along));
            for (int i = 0; i < starts.Length; i++)
            {
                int best = 0;
                for (int j = 1; j < count; j++)
                {
                    float a = sign * tensor.Values[starts[i] + (j * stride)];
                    float b = sign * tensor.Values[starts[i] + (best * stride)];
                    best = a > b || (last && a == b) ? j : best;
                }
                result.Values[i] = best;
            }
            return [result];
        };
    }

    public static OnnxKernel TopK(OnnxNode node)
    {
        node.RequireVersion(10);
        long axis = node.Int("axis", -1);
        bool largest = node.Flag("largest", true);

        // Sorted results are one of the orders that unsorted ones may have.
        node.Ignore("sorted");
        return inputs =>
        {
            OnnxTensor<float> tensor = inputs[0]!.As<float>();
            long[] k = Elementwise.Required(inputs.ElementAtOrDefault(1)).As<long>().Values;
            int along = Broadcast.Axis(axis, tensor.Rank);
            (ImmutableArray<int> dimensions, int[] starts, int stride, int count) = Lines(tensor, along);
            if (k.Length != 1 || k[0] < 1 || k[0] > count)
            {
                throw new InvalidDataException($"k = {string.Join(", ", k)} of {count} values");
            }
            dimensions = dimensions.SetItem(along, (int)k[0]);
            OnnxTensor<float> values = new(dimensions);
            OnnxTensor<long> indices = new(dimensions);
            for (int i = 0; i < starts.Length; i++)
            {
                int start = starts[i];
                IEnumerable<int> line = Enumerable.Range(0, count);
                int[] order = [.. largest ? line.OrderByDescending(j => tensor.Values[start + (j * stride)]) : line.OrderBy(j => tensor.Values[start + (j * stride)])];

                // The result's lines have the same stride; they start where the axis before counts k instead of all.
                int to = (start / (stride * count) * stride * (int)k[0]) + (start % stride);
                for (int j = 0; j < k[0]; j++)
                {
                    values.Values[to + (j * stride)] = tensor.Values[start + (order[j] * stride)];
                    indices.Values[to + (j * stride)] = order[j];
                }
            }
            return [values, indices];
        };
    }

    public static OnnxKernel Softmax(OnnxNode node)
    {
        // Before version 13 all axes from the given one on are one line, and the default is another.
        bool joined = node.Version < 13;
        long axis = node.Int("axis", joined ? 1 : -1);
        return inputs =>
        {
            OnnxTensor<float> tensor = inputs[0]!.As<float>();
            int along = Broadcast.Axis(axis, tensor.Rank);
            OnnxTensor<float> lines = joined
                ? tensor.Reshape([Product(tensor.Dimensions[..along]), Product(tensor.Dimensions[along..])])
                : tensor;
            (_, int[] starts, int stride, int count) = Lines(lines, joined ? 1 : along);
            OnnxTensor<float> result = new(tensor.Dimensions);
            float[] line = new float[count];
            foreach (int start in count > 0 ? starts : [])
            {
                for (int j = 0; j < count; j++)
                {
                    line[j] = lines.Values[start + (j * stride)];
                }
                PostTransform.Softmax(line);
                for (int j = 0; j < count; j++)
                {
                    result.Values[start + (j * stride)] = line[j];
                }
            }
            return [result];
        };
    }

    private static OnnxTensor<float> Reduce(OnnxTensor<float> tensor, long[] axes, bool keep, Func<float[], int, float> reduce)
    {
        bool[] reduced = new bool[tensor.Rank];
        foreach (long axis in axes)
        {
            reduced[Broadcast.Axis(axis, tensor.Rank)] = true;
        }
        if (axes.Length == 0)
        {
            Array.Fill(reduced, true);
        }

        // Kept axes before reduced ones: then the values of one result stand together, in order.
        int[] order = [.. Enumerable.Range(0, tensor.Rank).OrderBy(axis => reduced[axis])];
        float[] values = ((OnnxTensor<float>)Shapes.Permute(tensor, order)).Values;
        OnnxTensor<float> result = new([.. Enumerable.Range(0, tensor.Rank).Where(axis => keep || !reduced[axis])
            .Select(axis => reduced[axis] ? 1 : tensor.Dimensions[axis])]);
        int count = result.Length == 0 ? 0 : values.Length / result.Length;
        float[] line = new float[count];
        for (int i = 0; i < result.Length; i++)
        {
            values.AsSpan(i * count, count).CopyTo(line);
            result.Values[i] = reduce(line, count);
        }
        return result;
    }

    /// <summary>The lines along an axis: sizes with that axis at 1, first element of each line, step, and length.</summary>
    private static (ImmutableArray<int> Dimensions, int[] Starts, int Stride, int Count) Lines(OnnxTensor tensor, int axis)
    {
        ImmutableArray<int> dimensions = tensor.Dimensions.SetItem(axis, 1);
        int stride = Product(tensor.Dimensions[(axis + 1)..]);
        int count = tensor.Dimensions[axis];
        int[] starts = new int[OnnxTensor.Count(dimensions)];
        for (int i = 0; i < starts.Length; i++)
        {
            starts[i] = (i / stride * stride * count) + (i % stride);
        }
        return (dimensions, starts, stride, count);
    }

    private static int Product(ImmutableArray<int> dimensions) => OnnxTensor.Count(dimensions);
}
