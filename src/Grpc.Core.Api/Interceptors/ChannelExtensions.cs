namespace Grpc.Core.Interceptors;

/// <summary>Puts interceptors around the calls of a channel.</summary>
public static class ChannelExtensions
{
    /// <summary>A starter of calls on the channel, behind an interceptor.</summary>
    public static CallInvoker Intercept(this ChannelBase channel, Interceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel.CreateCallInvoker().Intercept(interceptor);
    }

    /// <summary>A starter of calls on the channel, behind interceptors: the first given sees a call first.</summary>
    public static CallInvoker Intercept(this ChannelBase channel, params Interceptor[] interceptors)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel.CreateCallInvoker().Intercept(interceptors);
    }

    /// <summary>
    /// A starter of calls on the channel that replaces the headers; see
    /// <see cref="CallInvokerExtensions.Intercept(CallInvoker, Func{Metadata, Metadata})"/>.
    /// </summary>
    public static CallInvoker Intercept(this ChannelBase channel, Func<Metadata, Metadata> interceptor)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel.CreateCallInvoker().Intercept(interceptor);
    }
}
