using System.Collections.Immutable;
using ScoringEngine.Core.Models.Import;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>A column of an ONNX model's inputs: a whole input of width 1, or one of a wider one's.</summary>
/// <param name="Name">Of the input; with its number in brackets where the input is wider, X[2].</param>
/// <param name="ElementType">Float, Double, Int64, Int32, Bool or String.</param>
internal readonly record struct OnnxColumn(string Name, OnnxElementType ElementType);

/// <summary>Evaluates an ONNX model over rows of the feature schema. Allocates; immutable and thread-safe.</summary>
internal sealed class OnnxRows
{
    private const int MaxBlockRows = 256;

    private readonly OnnxModel _model;
    private readonly int[] _widths;

    /// <exception cref="ArgumentException">The mapping does not have the model's inputs.</exception>
    /// <exception cref="InvalidDataException">The model has inputs that rows cannot fill; the message names them.</exception>
    public OnnxRows(OnnxModel model, InputMapping inputs)
    {
        _model = model;
        Inputs = inputs;
        _widths = [.. model.Inputs.Select(i => Width(model, i) ?? inputs.Inputs.Length)];
        if (_widths.Sum() != inputs.Inputs.Length)
        {
            throw new ArgumentException($"{inputs.Inputs.Length} inputs for a model that reads {_widths.Sum()}", nameof(inputs));
        }
        int at = 0;
        foreach ((OnnxValue input, int width) in model.Inputs.Zip(_widths))
        {
            bool text = input.ElementType == OnnxElementType.String;
            if (inputs.Inputs.Skip(at).Take(width).Any(i => i.Texts.IsEmpty == text))
            {
                throw new ArgumentException($"input '{input.Name}' is {(text ? "text" : "no text")}, its feature is otherwise", nameof(inputs));
            }
            at += width;
        }
        BlockRows = model.Inputs.Any(i => !i.Dimensions.IsDefault && i.Dimensions[0] == 1) ? 1 : MaxBlockRows;
    }

    public InputMapping Inputs { get; }

    /// <summary>Most rows of one evaluation.</summary>
    public int BlockRows { get; }

    /// <summary>The columns of a model in order; null where their number is left open.</summary>
    /// <exception cref="InvalidDataException">The model has inputs that rows cannot fill; the message names them.</exception>
    public static ImmutableArray<OnnxColumn>? Columns(OnnxModel model)
    {
        ImmutableArray<OnnxColumn>.Builder columns = ImmutableArray.CreateBuilder<OnnxColumn>();
        foreach (OnnxValue input in model.Inputs)
        {
            if (Width(model, input) is not { } width)
            {
                return null;
            }
            columns.AddRange(Enumerable.Range(0, width).Select(i => new OnnxColumn(width == 1 ? input.Name : $"{input.Name}[{i}]", input.ElementType)));
        }
        return columns.ToImmutable();
    }

    /// <summary>Evaluates up to <see cref="BlockRows"/> rows.</summary>
    /// <exception cref="InvalidDataException">See <see cref="OnnxModel.Evaluate"/>.</exception>
    public IReadOnlyDictionary<string, OnnxTensor> Evaluate(ReadOnlySpan<float> rows, int count, int stride)
    {
        int columns = Inputs.Inputs.Length;
        float[] values = new float[count * columns];
        Inputs.Map(rows, count, stride, values);
        Dictionary<string, OnnxTensor> tensors = new(StringComparer.Ordinal);
        int first = 0;
        for (int i = 0; i < _widths.Length; i++)
        {
            OnnxValue input = _model.Inputs[i];
            int width = _widths[i];
            ImmutableArray<int> dimensions = input.Dimensions is { IsDefault: false, Length: 1 } ? [count] : [count, width];
            int from = first;
            tensors[input.Name] = input.ElementType switch
            {
                OnnxElementType.Float => Tensor(v => v),
                OnnxElementType.Double => Tensor(v => (double)v),
                OnnxElementType.Int64 => Tensor(v => (long)v),
                OnnxElementType.Int32 => Tensor(v => (int)v),
                OnnxElementType.Bool => Tensor(v => v != 0 && !float.IsNaN(v)),
                _ => Text(),
            };
            first += width;

            OnnxTensor<T> Tensor<T>(Func<float, T> convert)
            {
                T[] converted = new T[count * width];
                for (int k = 0; k < converted.Length; k++)
                {
                    converted[k] = convert(values[(k / width * columns) + from + (k % width)]);
                }
                return new OnnxTensor<T>(converted, dimensions);
            }

            OnnxTensor<string> Text()
            {
                string[] texts = new string[count * width];
                for (int k = 0; k < texts.Length; k++)
                {
                    int column = from + (k % width);
                    texts[k] = Inputs.Inputs[column].TextOf(values[(k / width * columns) + column]);
                }
                return new OnnxTensor<string>(texts, dimensions);
            }
        }
        return _model.Evaluate(tensors);
    }

    /// <summary>The numbers of an output as [rows x width].</summary>
    /// <exception cref="InvalidDataException">It holds no numbers, or not as many for each row.</exception>
    public static float[] Numbers(OnnxTensor output, int rows, string name) => output.Length % rows != 0
        ? throw new InvalidDataException($"output '{name}' has {OnnxTensor.Describe(output.Dimensions)} for {rows} rows")
        : output switch
        {
            OnnxTensor<float> floats => floats.Values,
            OnnxTensor<double> doubles => Array.ConvertAll(doubles.Values, static v => (float)v),
            OnnxTensor<long> longs => Array.ConvertAll(longs.Values, static v => (float)v),
            _ => throw new InvalidDataException($"output '{name}' is {output.ElementType}, expected numbers"),
        };

    /// <summary>Columns of an input; null where it alone leaves their number open.</summary>
    private static int? Width(OnnxModel model, OnnxValue input)
    {
        if (input.ElementType is not (OnnxElementType.Float or OnnxElementType.Double or OnnxElementType.Int64 or OnnxElementType.Int32
            or OnnxElementType.Bool or OnnxElementType.String))
        {
            throw new InvalidDataException($"{model.Name}: input '{input.Name}' is {input.ElementType}, which a row cannot fill");
        }
        return input.Dimensions switch
        {
            { IsDefault: true } or [_, -1] when model.Inputs.Length == 1 => null,
            { IsDefault: false } and ([-1 or 1] or [-1 or 1, 1]) => 1,
            { IsDefault: false } and [-1 or 1, > 0 and int width] => width,
            _ => throw new InvalidDataException($"{model.Name}: input '{input.Name}' is "
                + $"{(input.Dimensions.IsDefault ? "of any size" : OnnxTensor.Describe(input.Dimensions))}, expected [rows x columns]"),
        };
    }
}
