namespace Grpc.Core;

/// <summary>How a message is written; flags combine.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>The transport may keep the message back until more follows or the stream ends.</summary>
    BufferHint = 1,

    /// <summary>The message is not compressed although the call is.</summary>
    NoCompress = 2,
}

/// <summary>How the next messages of a call are written; immutable.</summary>
public class WriteOptions
{
    /// <summary>No flags.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>Options with these flags.</summary>
    public WriteOptions(WriteFlags flags = default) => Flags = flags;

    /// <summary>The flags.</summary>
    public WriteFlags Flags { get; }
}
