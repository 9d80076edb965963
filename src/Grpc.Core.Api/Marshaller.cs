using System.Buffers;
using System.Text;

namespace Grpc.Core;

/// <summary>Turns messages into bytes and back; immutable. Whichever pair it was made from, it offers both.</summary>
/// <typeparam name="T">The message.</typeparam>
public class Marshaller<T>
{
    /// <summary>From functions on whole arrays.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public Marshaller(Func<T, byte[]> serializer, Func<byte[], T> deserializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        ArgumentNullException.ThrowIfNull(deserializer);
        Serializer = serializer;
        Deserializer = deserializer;
        ContextualSerializer = (message, context) => context.Complete(serializer(message));
        ContextualDeserializer = context => deserializer(context.PayloadAsNewBuffer());
    }

    /// <summary>From functions on contexts, which need no array of their own.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public Marshaller(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        ArgumentNullException.ThrowIfNull(deserializer);
        ContextualSerializer = serializer;
        ContextualDeserializer = deserializer;
        Serializer = message =>
        {
            ArraySerializationContext context = new();
            serializer(message, context);
            return context.ToArray();
        };
        Deserializer = payload => deserializer(new ArrayDeserializationContext(payload));
    }

    /// <summary>Message to a new array.</summary>
    public Func<T, byte[]> Serializer { get; }

    /// <summary>Array to message.</summary>
    public Func<byte[], T> Deserializer { get; }

    /// <summary>Message to context.</summary>
    public Action<T, SerializationContext> ContextualSerializer { get; }

    /// <summary>Context to message.</summary>
    public Func<DeserializationContext, T> ContextualDeserializer { get; }
}

/// <summary>Makes marshallers.</summary>
public static class Marshallers
{
    /// <summary>Strings as UTF-8.</summary>
    public static Marshaller<string> StringMarshaller { get; } = Create(Encoding.UTF8.GetBytes, Encoding.UTF8.GetString);

    /// <summary>From functions on whole arrays.</summary>
    public static Marshaller<T> Create<T>(Func<T, byte[]> serializer, Func<byte[], T> deserializer) =>
        new(serializer, deserializer);

    /// <summary>From functions on contexts.</summary>
    public static Marshaller<T> Create<T>(
        Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer) =>
        new(serializer, deserializer);
}

/// <summary>Collects one message in memory.</summary>
internal sealed class ArraySerializationContext : SerializationContext
{
    private readonly ArrayBufferWriter<byte> _writer = new();
    private byte[]? _payload;

    public byte[] ToArray() => _payload ?? throw new InvalidOperationException("The serializer did not complete the message.");

    public override void Complete(byte[] payload) => _payload = payload;

    public override void Complete() => _payload = _writer.WrittenSpan.ToArray();

    public override IBufferWriter<byte> GetBufferWriter() => _writer;

    /// <summary>The buffer grows by itself.</summary>
    public override void SetPayloadLength(int payloadLength)
    {
    }
}

/// <summary>Gives one message out of an array.</summary>
internal sealed class ArrayDeserializationContext(byte[] payload) : DeserializationContext
{
    public override int PayloadLength => payload.Length;

    public override byte[] PayloadAsNewBuffer() => [.. payload];

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(payload);
}
