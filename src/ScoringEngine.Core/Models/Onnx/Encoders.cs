namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Operators that prepare features.</summary>
internal static class Encoders
{
    private enum Norm
    {
        Max,
        L1,
        L2,
    }

    /// <summary>Rows of numbers as floats; a tensor of one axis is one row.</summary>
    public static OnnxTensor<float> Rows(OnnxTensor input)
    {
        if (input.Rank is < 1 or > 2 || input is OnnxTensor<string> or OnnxTensor<bool>)
        {
            throw new InvalidDataException($"{input.ElementType} {OnnxTensor.Describe(input.Dimensions)}, expected rows of numbers");
        }
        OnnxTensor<float> floats = Casting.ToFloat(input);
        return floats.Rank == 2 ? floats : floats.Reshape([1, floats.Length]);
    }

    public static OnnxKernel Scaler(OnnxNode node)
    {
        float[] offsets = node.Floats("offset");
        float[] scales = node.Floats("scale");
        if (offsets.Length == 0 || offsets.Length != scales.Length)
        {
            throw new InvalidDataException($"{offsets.Length} offsets and {scales.Length} scales");
        }
        return ByColumn(offsets.Length, (value, column) => (value - offsets[column]) * scales[column]);
    }

    public static OnnxKernel Imputer(OnnxNode node)
    {
        float[] imputed = node.Floats("imputed_value_floats");
        long[] integers = node.Ints("imputed_value_int64s");
        float replaced = node.Float("replaced_value_float", 0);
        long replacedInteger = node.Int("replaced_value_int64", 0);
        if (imputed.Length > 0 == integers.Length > 0)
        {
            throw new InvalidDataException("expected one of the attributes 'imputed_value_floats' and 'imputed_value_int64s'");
        }
        if (integers.Length > 0)
        {
            return inputs => [MapColumns(inputs[0]!.As<long>(), integers.Length, (value, column) => value == replacedInteger ? integers[column] : value)];
        }
        return inputs => [MapColumns(inputs[0]!.As<float>(), imputed.Length,
            (value, column) => value == replaced || (float.IsNaN(replaced) && float.IsNaN(value)) ? imputed[column] : value)];
    }

    public static OnnxKernel Binarizer(OnnxNode node)
    {
        float threshold = node.Float("threshold", 0);
        return inputs => [Elementwise.Map(inputs[0]!.As<float>(), v => v > threshold ? 1f : 0f)];
    }

    /// <summary>Adds an axis with a 1 at the category's place.</summary>
    public static OnnxKernel OneHotEncoder(OnnxNode node)
    {
        long[] integers = node.Ints("cats_int64s");
        string[] texts = node.Texts("cats_strings");
        bool zeros = node.Flag("zeros", true);
        if (integers.Length > 0 == texts.Length > 0)
        {
            throw new InvalidDataException("expected one of the attributes 'cats_int64s' and 'cats_strings'");
        }
        Dictionary<string, int> textPlaces = Places(texts);
        Dictionary<long, int> integerPlaces = Places(integers);
        int count = Math.Max(integers.Length, texts.Length);
        return inputs =>
        {
            OnnxTensor<int> places = inputs[0] switch
            {
                OnnxTensor<string> x when texts.Length > 0 => Elementwise.Map(x, v => textPlaces.GetValueOrDefault(v, -1)),
                OnnxTensor<long> x when integers.Length > 0 => Elementwise.Map(x, v => integerPlaces.GetValueOrDefault(v, -1)),
                OnnxTensor<int> x when integers.Length > 0 => Elementwise.Map(x, v => integerPlaces.GetValueOrDefault(v, -1)),
                OnnxTensor<float> x when integers.Length > 0 => Elementwise.Map(x, v => WholePlace(v)),
                OnnxTensor<double> x when integers.Length > 0 => Elementwise.Map(x, v => WholePlace(v)),
                OnnxTensor x => throw new InvalidDataException($"{x.ElementType} elements do not fit the categories"),
                null => throw new InvalidDataException("an input is absent"),
            };
            OnnxTensor<float> result = new([.. places.Dimensions, count]);
            for (int i = 0; i < places.Length; i++)
            {
                if (places.Values[i] >= 0)
                {
                    result.Values[((long)i * count) + places.Values[i]] = 1;
                }
                else if (!zeros)
                {
                    throw new InvalidDataException($"element {i} is no category of the model");
                }
            }
            return [result];

            // The fraction is cut off, as it is in a cast.
            int WholePlace(double value) => Math.Abs(value) < long.MaxValue ? integerPlaces.GetValueOrDefault((long)value, -1) : -1;
        };
    }

    public static OnnxKernel Normalizer(OnnxNode node)
    {
        Norm norm = node.Choice("norm", "MAX", ("MAX", Norm.Max), ("L1", Norm.L1), ("L2", Norm.L2));
        return inputs =>
        {
            OnnxTensor<float> rows = Rows(inputs[0]!);
            OnnxTensor<float> result = new(inputs[0]!.Dimensions);
            int columns = rows.Dimensions[1];
            for (int r = 0; r < rows.Dimensions[0]; r++)
            {
                Normalise(norm, rows.Values.AsSpan(r * columns, columns), result.Values.AsSpan(r * columns, columns));
            }
            return [result];
        };
    }

    public static OnnxKernel FeatureVectorizer(OnnxNode node)
    {
        long[] sizes = node.Ints("inputdimensions");
        if (sizes.Length != node.Inputs)
        {
            throw new InvalidDataException($"{sizes.Length} sizes for {node.Inputs} inputs");
        }
        return inputs =>
        {
            OnnxTensor<float>[] parts = [.. inputs.Select(i => Rows(Elementwise.Required(i)))];
            return parts.Zip(sizes).All(p => p.First.Dimensions[1] == p.Second) ? [Shapes.Concat(parts, 1)]
                : throw new InvalidDataException("an input is not as wide as the attribute 'inputdimensions' says");
        };
    }

    /// <summary>The values at some places of the last axis.</summary>
    public static OnnxKernel ArrayFeatureExtractor(OnnxNode node) => inputs =>
    {
        OnnxTensor tensor = inputs[0]!;
        long[] places = inputs[1]!.As<long>().Values;
        if (tensor.Rank == 0 || places.Any(p => p < 0))
        {
            throw new InvalidDataException("a negative place, or a tensor without axes");
        }
        OnnxTensor rows = tensor.Rank == 1 ? tensor.Reshape([1, tensor.Length]) : tensor;
        return [Shapes.Gather(rows, rows.Rank - 1, places, [places.Length])];
    };

    public static Dictionary<T, int> Places<T>(T[] values)
        where T : notnull
    {
        Dictionary<T, int> places = [];
        for (int i = 0; i < values.Length; i++)
        {
            if (!places.TryAdd(values[i], i))
            {
                throw new InvalidDataException($"'{values[i]}' is listed twice");
            }
        }
        return places;
    }

    private static OnnxKernel ByColumn(int parameters, Func<float, int, float> apply)
        => inputs => [MapColumns(Rows(inputs[0]!), parameters, apply)];

    /// <summary>Applies a function with one parameter for each column, or one for all.</summary>
    private static OnnxTensor<T> MapColumns<T>(OnnxTensor<T> tensor, int parameters, Func<T, int, T> apply)
    {
        int columns = tensor.Rank == 0 ? 1 : tensor.Dimensions[^1];
        if (parameters != 1 && parameters != columns)
        {
            throw new InvalidDataException($"rows of {columns} values, expected {parameters}");
        }
        OnnxTensor<T> result = new(tensor.Dimensions);
        for (int i = 0; i < result.Length; i++)
        {
            result.Values[i] = apply(tensor.Values[i], parameters == 1 ? 0 : i % columns);
        }
        return result;
    }

    private static void Normalise(Norm norm, ReadOnlySpan<float> row, Span<float> result)
    {
        float size = norm == Norm.Max && row.Length > 0 ? row[0] : 0;
        foreach (float value in row)
        {
            size = norm switch
            {
                Norm.Max => Math.Max(size, value),
                Norm.L1 => size + Math.Abs(value),
                _ => size + (value * value),
            };
        }
        for (int i = 0; i < row.Length; i++)
        {
            float value = row[i];
            result[i] = size == 0 ? value
                : norm == Norm.L2 ? MathF.CopySign(MathF.Sqrt(value * value / size), value)
                : value / size;
        }
    }
}
