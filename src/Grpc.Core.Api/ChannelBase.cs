namespace Grpc.Core;

/// <summary>A connection to one address that many clients may share. Thread safe.</summary>
public abstract class ChannelBase
{
    /// <summary>A channel to an address.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    /// <summary>The address, such as "localhost:50051".</summary>
    public string Target { get; }

    /// <summary>A new starter of calls on this channel.</summary>
    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Closes the channel; no call may be started any more.</summary>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    /// <summary>Does what <see cref="ShutdownAsync"/> promises; nothing unless overridden.</summary>
    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}
