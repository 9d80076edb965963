using System.Runtime.InteropServices;
using Google.Protobuf;
using ScoringEngine.Core.Models.Onnx.Format;
using AttributeType = ScoringEngine.Core.Models.Onnx.Format.AttributeProto.Types.AttributeType;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Writes a model: nodes in the order in which they are added, each with one named output.</summary>
internal sealed class OnnxGraphBuilder
{
    /// <summary>Versions of what is written: operator sets, and the file format that has both.</summary>
    public const int StandardVersion = 17;

    /// <inheritdoc cref="StandardVersion"/>
    public const int MachineLearningVersion = 3;

    private const int FileVersion = 8;

    private readonly GraphProto _graph;
    private int _next;

    public OnnxGraphBuilder(string name) => _graph = new GraphProto { Name = name };

    /// <summary>Declares an input or output of floats or integers; -1 is the axis of rows.</summary>
    public static ValueInfoProto Value(string name, OnnxElementType type, string description, params ReadOnlySpan<int> dimensions)
    {
        TypeProto.Types.Tensor tensor = new() { ElemType = (int)type, Shape = new TensorShapeProto() };
        foreach (int size in dimensions)
        {
            tensor.Shape.Dim.Add(size < 0
                ? new TensorShapeProto.Types.Dimension { DimParam = "rows" }
                : new TensorShapeProto.Types.Dimension { DimValue = size });
        }
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor }, DocString = description };
    }

    public string Input(string name, OnnxElementType type, string description, params ReadOnlySpan<int> dimensions)
    {
        _graph.Input.Add(Value(name, type, description, dimensions));
        return name;
    }

    public void Output(string name, OnnxElementType type, string description, params ReadOnlySpan<int> dimensions)
        => _graph.Output.Add(Value(name, type, description, dimensions));

    /// <summary>Adds a tensor of float, double or long.</summary>
    public string Constant<T>(T[] values, params ReadOnlySpan<int> dimensions)
        where T : unmanaged
    {
        TensorProto tensor = new()
        {
            Name = $"constant_{_next++}",
            DataType = (int)OnnxTensor<T>.TypeOf(),
            RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<T>(values)),
        };
        foreach (int size in dimensions)
        {
            tensor.Dims.Add(size);
        }
        _graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    /// <summary>Adds a node and returns the name of its output.</summary>
    public string Node(string type, string[] inputs, params ReadOnlySpan<AttributeProto> attributes)
        => Nodes("", type, inputs, 1, attributes)[0];

    /// <summary>The same for an operator of ai.onnx.ml.</summary>
    public string LearningNode(string type, string[] inputs, params ReadOnlySpan<AttributeProto> attributes)
        => Nodes("ai.onnx.ml", type, inputs, 1, attributes)[0];

    public string[] Nodes(string domain, string type, string[] inputs, int outputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        NodeProto node = new() { Name = $"{type}_{_next}", OpType = type, Domain = domain };
        node.Input.Add(inputs);
        for (int i = 0; i < outputs; i++)
        {
            node.Output.Add($"value_{_next++}");
        }
        foreach (AttributeProto attribute in attributes)
        {
            node.Attribute.Add(attribute);
        }
        _graph.Node.Add(node);
        return [.. node.Output];
    }

    /// <summary>Gives a value a second name, under which it is an output.</summary>
    public void Output(string value, string name, OnnxElementType type, string description, params ReadOnlySpan<int> dimensions)
    {
        NodeProto node = new() { Name = name, OpType = "Identity" };
        node.Input.Add(value);
        node.Output.Add(name);
        _graph.Node.Add(node);
        Output(name, type, description, dimensions);
    }

    public ModelProto ToModel(string version, IEnumerable<(string Key, string Value)> metadata)
    {
        ModelProto model = new()
        {
            IrVersion = FileVersion,
            ProducerName = "scoring-engine",
            ProducerVersion = version,
            Graph = _graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = StandardVersion });
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx.ml", Version = MachineLearningVersion });
        model.MetadataProps.Add(metadata.Select(m => new StringStringEntryProto { Key = m.Key, Value = m.Value }));
        return model;
    }

    public static AttributeProto Attribute(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    public static AttributeProto Attribute(string name, float value) => new() { Name = name, Type = AttributeType.Float, F = value };

    public static AttributeProto Attribute(string name, string value)
        => new() { Name = name, Type = AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    public static AttributeProto Attribute(string name, IEnumerable<long> values)
    {
        AttributeProto attribute = new() { Name = name, Type = AttributeType.Ints };
        attribute.Ints.Add(values);
        return attribute;
    }

    public static AttributeProto Attribute(string name, IEnumerable<float> values)
    {
        AttributeProto attribute = new() { Name = name, Type = AttributeType.Floats };
        attribute.Floats.Add(values);
        return attribute;
    }

    public static AttributeProto Attribute(string name, IEnumerable<string> values)
    {
        AttributeProto attribute = new() { Name = name, Type = AttributeType.Strings };
        attribute.Strings.Add(values.Select(ByteString.CopyFromUtf8));
        return attribute;
    }
}
