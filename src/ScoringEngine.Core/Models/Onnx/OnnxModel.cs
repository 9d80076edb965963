using System.Collections.Immutable;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Onnx.Format;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>An input or output of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ElementType">Type of its elements.</param>
/// <param name="Dimensions">Sizes of its axes, -1 where any size will do; default when the model does not say.</param>
/// <param name="Keys">
/// For an output that is a list of maps (ZipMap): the keys of every map in order; the value then is the tensor
/// [rows x keys]. Empty otherwise.
/// </param>
public sealed record OnnxValue(string Name, OnnxElementType ElementType, ImmutableArray<int> Dimensions, ImmutableArray<string> Keys);

/// <summary>
/// A model read from an ONNX file (https://onnx.ai): operators of ai.onnx 7 to 22 and ai.onnx.ml 1 to 4, as far as models
/// of customer data use them. Whatever is not supported is refused by name when the model is read; nothing is
/// approximated. Floats are computed in single precision like the reference runtime, sums in a fixed order, exp and log
/// by <see cref="Numerics.DeterministicMath"/>: the bits depend on nothing but model and input. Immutable and thread-safe.
/// </summary>
public sealed class OnnxModel
{
    // Elements that one evaluation may make in all.
    private const long MaxWork = 1L << 29;

    private static readonly MessageParser<ModelProto> Parser = ModelProto.Parser.WithDiscardUnknownFields(true);

    private readonly ImmutableArray<Step> _steps;
    private readonly ImmutableDictionary<string, OnnxTensor> _constants;

    private OnnxModel(
        string name, ImmutableArray<OnnxValue> inputs, ImmutableArray<OnnxValue> outputs,
        ImmutableDictionary<string, string> metadata, ImmutableDictionary<string, OnnxTensor> constants, ImmutableArray<Step> steps)
    {
        Name = name;
        Inputs = inputs;
        Outputs = outputs;
        Metadata = metadata;
        _constants = constants;
        _steps = steps;
    }

    /// <summary>An operator at its place in the graph; "" is an absent input or output.</summary>
    private sealed record Step(string Operator, string Description, ImmutableArray<string> Inputs, ImmutableArray<string> Outputs, OnnxKernel Kernel);

    /// <summary>Path or other name of the file, for messages.</summary>
    public string Name { get; }

    /// <summary>What <see cref="Evaluate"/> must be given.</summary>
    public ImmutableArray<OnnxValue> Inputs { get; }

    /// <summary>What <see cref="Evaluate"/> gives.</summary>
    public ImmutableArray<OnnxValue> Outputs { get; }

    /// <summary>What the file says about itself.</summary>
    public ImmutableDictionary<string, string> Metadata { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">See <see cref="Parse"/>.</exception>
    public static OnnxModel Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Parse(File.ReadAllBytes(path), path);
    }

    /// <summary>Reads the bytes of a file.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="name">Its path, for messages.</param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, or it uses an operator, attribute or type that is not supported; the message names file, node
    /// and what it is.
    /// </exception>
    public static OnnxModel Parse(ReadOnlySpan<byte> bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ModelProto message;
        try
        {
            message = Parser.ParseFrom(bytes);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or IndexOutOfRangeException or ArgumentOutOfRangeException)
        {
            // The last two come from the protobuf reader as well, on files that are cut off within a field.
            throw new InvalidDataException($"{name}: not an ONNX model: {e.Message}", e);
        }
        return Within(name, () => Build(message, name));
    }

    /// <summary>Name of the operator that makes an output, what only copies its input left out; null where none does.</summary>
    internal string? OperatorOf(string output)
    {
        for (int i = _steps.Length - 1; i >= 0; i--)
        {
            if (_steps[i].Outputs.Contains(output))
            {
                if (_steps[i].Operator is not ("Identity" or "Cast" or "Reshape" or "Squeeze" or "Flatten"))
                {
                    return _steps[i].Operator;
                }
                output = _steps[i].Inputs[0];
            }
        }
        return null;
    }

    /// <summary>The same model for some of its outputs: operators and inputs that only others need are gone.</summary>
    /// <param name="outputs">Names of outputs, in the order wanted.</param>
    /// <exception cref="ArgumentException">There is no such output; the message has the nearest name.</exception>
    public OnnxModel ForOutputs(params ReadOnlySpan<string> outputs)
    {
        ImmutableArray<OnnxValue>.Builder kept = ImmutableArray.CreateBuilder<OnnxValue>();
        HashSet<string> needed = new(StringComparer.Ordinal);
        foreach (string output in outputs)
        {
            kept.Add(Outputs.FirstOrDefault(o => o.Name == output) ?? throw new ArgumentException(
                $"{Name}: no output '{output}'{NearestName.Hint(output, Outputs.Select(o => o.Name))}", nameof(outputs)));
            needed.Add(output);
        }
        List<Step> steps = [];
        foreach (Step step in _steps.Reverse())
        {
            if (step.Outputs.Any(needed.Contains))
            {
                steps.Add(step);
                needed.UnionWith(step.Inputs);
            }
        }
        steps.Reverse();
        return new OnnxModel(Name, [.. Inputs.Where(i => needed.Contains(i.Name))], kept.ToImmutable(), Metadata, _constants, [.. steps]);
    }

    /// <summary>Evaluates the model over one block of rows.</summary>
    /// <param name="inputs">A tensor for each of <see cref="Inputs"/>, usually [rows x columns]; NaN is missing.</param>
    /// <returns>A tensor for each of <see cref="Outputs"/>.</returns>
    /// <remarks>
    /// The memory used grows with the rows: a caller with many passes them in blocks. Each row is computed by itself in
    /// models whose operators keep rows apart, as all those of exported pipelines do.
    /// </remarks>
    /// <exception cref="ArgumentException">An input is absent, or its type or sizes are not those of <see cref="Inputs"/>.</exception>
    /// <exception cref="InvalidDataException">
    /// The model cannot be evaluated: sizes inside it do not fit each other, it needs too much memory, or a value has no
    /// place in it (such as a category without a code). The message names file and node.
    /// </exception>
    public IReadOnlyDictionary<string, OnnxTensor> Evaluate(IReadOnlyDictionary<string, OnnxTensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        Dictionary<string, OnnxTensor> values = new(_constants, StringComparer.Ordinal);
        foreach (OnnxValue input in Inputs)
        {
            values[input.Name] = Check(input, inputs);
        }
        long work = 0;
        foreach (Step step in _steps)
        {
            OnnxTensor?[] arguments = [.. step.Inputs.Select(i => i.Length == 0 ? null : values[i])];
            OnnxTensor[] results = Within($"{Name}: {step.Description}", () => step.Kernel(arguments));
            for (int i = 0; i < step.Outputs.Length; i++)
            {
                values[step.Outputs[i]] = results[i];
            }
            work += results.Sum(r => (long)r.Length);
            if (work > MaxWork)
            {
                throw new InvalidDataException($"{Name}: {step.Description}: more than {MaxWork} values in one block");
            }
        }
        return Outputs.ToDictionary(o => o.Name, o => values[o.Name], StringComparer.Ordinal);
    }

    private OnnxTensor Check(OnnxValue input, IReadOnlyDictionary<string, OnnxTensor> inputs)
    {
        if (!inputs.TryGetValue(input.Name, out OnnxTensor? tensor))
        {
            throw new ArgumentException($"{Name}: input '{input.Name}' is absent", nameof(inputs));
        }
        bool fits = input.Dimensions.IsDefault || (tensor.Rank == input.Dimensions.Length
            && tensor.Dimensions.Zip(input.Dimensions).All(d => d.Second < 0 || d.First == d.Second));
        return fits && tensor.ElementType == input.ElementType ? tensor
            : throw new ArgumentException($"{Name}: input '{input.Name}' is {tensor.ElementType} {OnnxTensor.Describe(tensor.Dimensions)}, expected "
                + $"{input.ElementType} {(input.Dimensions.IsDefault ? "" : OnnxTensor.Describe(input.Dimensions))}", nameof(inputs));
    }

    private static OnnxModel Build(ModelProto message, string name)
    {
        GraphProto graph = message.Graph ?? throw new InvalidDataException("not an ONNX model: it has no graph");
        if (message.Functions.Count > 0 || graph.SparseInitializer.Count > 0)
        {
            throw new InvalidDataException("functions and sparse tensors are not supported");
        }
        Dictionary<string, long> versions = OnnxOperators.Versions(message.OpsetImport);
        HashSet<string> known = new(StringComparer.Ordinal) { "" };
        ImmutableDictionary<string, OnnxTensor> constants = graph.Initializer
            .Select(t => KeyValuePair.Create(Declare(known, t.Name), Within($"initializer '{t.Name}'", () => TensorReader.Read(t))))
            .ToImmutableDictionary(StringComparer.Ordinal);

        // Old files list initializers among the inputs.
        ImmutableArray<OnnxValue> inputs = [.. graph.Input.Where(i => !constants.ContainsKey(i.Name))
            .Select(i => Within($"input '{Declare(known, i.Name)}'", () => Value(i, [])))];
        Dictionary<string, ImmutableArray<string>> keys = new(StringComparer.Ordinal);
        ImmutableArray<Step>.Builder steps = ImmutableArray.CreateBuilder<Step>();
        foreach (NodeProto node in graph.Node)
        {
            string description = $"node '{node.Name}' ({(node.Domain.Length > 0 ? node.Domain + "." : "")}{node.OpType})";
            OnnxKernel kernel = Within(description, () => OnnxOperators.Build(node, versions));
            if (node.Input.FirstOrDefault(i => !known.Contains(i)) is { } unknown)
            {
                throw new InvalidDataException($"{description}: input '{unknown}' is not made by any node before it");
            }
            steps.Add(new Step(node.OpType, description, [.. node.Input], [.. node.Output.Select(o => o.Length == 0 ? o : Declare(known, o))], kernel));
            if (ZipMap.KeysOf(node) is { IsEmpty: false } mapKeys && node.Output.Count == 1)
            {
                keys[node.Output[0]] = mapKeys;
            }
        }
        if (graph.Output.Count == 0)
        {
            throw new InvalidDataException("the graph has no output");
        }
        ImmutableArray<OnnxValue> outputs = [.. graph.Output.Select(o => known.Contains(o.Name) && o.Name.Length > 0
            ? Within($"output '{o.Name}'", () => Value(o, keys.GetValueOrDefault(o.Name, [])))
            : throw new InvalidDataException($"output '{o.Name}' is not made by any node"))];
        if (outputs.Select(o => o.Name).Distinct(StringComparer.Ordinal).Count() < outputs.Length)
        {
            throw new InvalidDataException("an output is listed twice");
        }
        return new OnnxModel(name, inputs, outputs, ReadMetadata(message), constants, steps.ToImmutable());
    }

    private static string Declare(HashSet<string> known, string name)
        => known.Add(name) ? name : throw new InvalidDataException($"the name '{name}' is given twice, or empty");

    private static OnnxValue Value(ValueInfoProto message, ImmutableArray<string> keys)
    {
        if (message.Type is null)
        {
            throw new InvalidDataException("its type is not given");
        }
        if (message.Type.ValueCase == TypeProto.ValueOneofCase.SequenceType && !keys.IsEmpty)
        {
            return new OnnxValue(message.Name, OnnxElementType.Float, [-1, keys.Length], keys);
        }
        if (message.Type.ValueCase != TypeProto.ValueOneofCase.TensorType)
        {
            throw new InvalidDataException("it is no tensor, which is not supported");
        }
        TypeProto.Types.Tensor tensor = message.Type.TensorType;
        OnnxElementType type = (OnnxElementType)tensor.ElemType;
        if (!Enum.IsDefined(type))
        {
            throw new InvalidDataException($"elements of type {tensor.ElemType} ({(TensorProto.Types.DataType)tensor.ElemType}) are not supported");
        }

        // A size of 0 or less stands for any in files of several exporters.
        ImmutableArray<int> dimensions = tensor.Shape is null ? default
            : [.. tensor.Shape.Dim.Select(d => d.DimValue > 0 ? TensorReader.ToSize(d.DimValue) : -1)];
        return new OnnxValue(message.Name, type, dimensions, []);
    }

    private static ImmutableDictionary<string, string> ReadMetadata(ModelProto message)
    {
        ImmutableDictionary<string, string>.Builder metadata = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (StringStringEntryProto entry in message.MetadataProps)
        {
            metadata[entry.Key] = entry.Value;
        }
        return metadata.ToImmutable();
    }

    /// <summary>Puts a place before the message of an error.</summary>
    private static T Within<T>(string place, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{place}: {e.Message}", e);
        }
    }
}
