using System.Text;
using ScoringEngine.Core.Models.Onnx.Format;
using AttributeType = ScoringEngine.Core.Models.Onnx.Format.AttributeProto.Types.AttributeType;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>
/// A node while its operator is built: its attributes by name and type. What the operator does not ask for is not
/// supported, and <see cref="RequireAllRead"/> says so.
/// </summary>
internal sealed class OnnxNode
{
    private readonly Dictionary<string, AttributeProto> _attributes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    public OnnxNode(NodeProto message, long version)
    {
        Version = version;
        Inputs = message.Input.Count;
        foreach (AttributeProto attribute in message.Attribute)
        {
            if (attribute.RefAttrName.Length > 0 || !_attributes.TryAdd(attribute.Name, attribute))
            {
                throw new InvalidDataException($"attribute '{attribute.Name}' comes twice or refers to a function's attribute");
            }
        }
    }

    /// <summary>Version of the operator set that the model imports for the node's domain.</summary>
    public long Version { get; }

    /// <summary>Number of inputs, absent ones between others included.</summary>
    public int Inputs { get; }

    public bool Has(string name) => _attributes.ContainsKey(name);

    public long Int(string name, long otherwise) => Find(name, AttributeType.Int)?.I ?? otherwise;

    public bool Flag(string name, bool otherwise) => Int(name, otherwise ? 1 : 0) switch
    {
        0 => false,
        1 => true,
        long value => throw new InvalidDataException($"attribute '{name}' is {value}, expected 0 or 1"),
    };

    public float Float(string name, float otherwise) => Find(name, AttributeType.Float)?.F ?? otherwise;

    public string Text(string name, string otherwise)
        => Find(name, AttributeType.String) is { } attribute ? attribute.S.ToString(Encoding.UTF8) : otherwise;

    public OnnxTensor? Tensor(string name)
        => Find(name, AttributeType.Tensor) is { } attribute ? TensorReader.Read(attribute.T ?? new TensorProto()) : null;

    /// <summary>The values of a list; empty when it is absent.</summary>
    public float[] Floats(string name) => Find(name, AttributeType.Floats) is { } attribute ? [.. attribute.Floats] : [];

    /// <inheritdoc cref="Floats"/>
    public long[] Ints(string name) => Find(name, AttributeType.Ints) is { } attribute ? [.. attribute.Ints] : [];

    /// <inheritdoc cref="Floats"/>
    public string[] Texts(string name)
        => Find(name, AttributeType.Strings) is { } attribute ? [.. attribute.Strings.Select(s => s.ToString(Encoding.UTF8))] : [];

    /// <summary>Reads a text that names one of an enumeration's values as ONNX spells it.</summary>
    public T Choice<T>(string name, string otherwise, params ReadOnlySpan<(string Text, T Value)> choices)
    {
        string found = Text(name, otherwise);
        foreach ((string text, T value) in choices)
        {
            if (text == found)
            {
                return value;
            }
        }
        throw new InvalidDataException($"attribute '{name}' is '{found}', which is not supported");
    }

    /// <summary>Says that an attribute is known and changes nothing.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            _read.Add(name);
        }
    }

    public void RequireVersion(long minimum)
    {
        if (Version < minimum)
        {
            throw new InvalidDataException($"not supported in operator set {Version}, expected {minimum} or later");
        }
    }

    /// <exception cref="InvalidDataException">There is an attribute that the operator did not ask for.</exception>
    public void RequireAllRead()
    {
        if (_attributes.Keys.Order(StringComparer.Ordinal).FirstOrDefault(name => !_read.Contains(name)) is { } unread)
        {
            throw new InvalidDataException($"attribute '{unread}' is not supported");
        }
    }

    private AttributeProto? Find(string name, AttributeType type)
    {
        _read.Add(name);
        if (!_attributes.TryGetValue(name, out AttributeProto? attribute))
        {
            return null;
        }
        return attribute.Type == type ? attribute
            : throw new InvalidDataException($"attribute '{name}' is of type {attribute.Type}, expected {type}");
    }
}
