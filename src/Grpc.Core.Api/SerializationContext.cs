using System.Buffers;

namespace Grpc.Core;

/// <summary>
/// Takes the bytes of one message from a serializer: either one <see cref="Complete(byte[])"/>, or an optional
/// <see cref="SetPayloadLength"/>, writes to <see cref="GetBufferWriter"/> and one <see cref="Complete()"/>. Each member
/// throws a <see cref="NotImplementedException"/> unless a transport overrides it.
/// </summary>
public abstract class SerializationContext
{
    /// <summary>Hands over the whole message; the array belongs to the context from here on.</summary>
    public virtual void Complete(byte[] payload) => throw new NotImplementedException();

    /// <summary>Where to write the message to.</summary>
    public virtual IBufferWriter<byte> GetBufferWriter() => throw new NotImplementedException();

    /// <summary>Announces the exact length in bytes, before anything is written.</summary>
    public virtual void SetPayloadLength(int payloadLength) => throw new NotImplementedException();

    /// <summary>Ends a message that was written to the buffer writer.</summary>
    public virtual void Complete() => throw new NotImplementedException();
}

/// <summary>Gives the bytes of one message to a deserializer; valid only while the deserializer runs.</summary>
public abstract class DeserializationContext
{
    /// <summary>The length in bytes.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>A new array with the message, which belongs to the caller.</summary>
    public virtual byte[] PayloadAsNewBuffer() => throw new NotImplementedException();

    /// <summary>The message without a copy; must not be kept.</summary>
    public virtual ReadOnlySequence<byte> PayloadAsReadOnlySequence() => throw new NotImplementedException();
}
