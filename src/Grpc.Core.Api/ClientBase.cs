using Grpc.Core.Interceptors;

namespace Grpc.Core;

/// <summary>Base of the generated clients.</summary>
public abstract class ClientBase
{
    /// <summary>A client without a channel, for a test double that overrides its methods.</summary>
    protected ClientBase()
        : this(new MissingCallInvoker())
    {
    }

    /// <summary>A client on a channel.</summary>
    protected ClientBase(ChannelBase channel)
        : this(NotNull(channel).CreateCallInvoker())
    {
    }

    /// <summary>A client on something else that starts calls.</summary>
    protected ClientBase(CallInvoker callInvoker)
        : this(new ClientBaseConfiguration(callInvoker, null))
    {
    }

    /// <summary>A client like another one; see <see cref="ClientBase{T}.NewInstance"/>.</summary>
    protected ClientBase(ClientBaseConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        Configuration = configuration;
        CallInvoker = configuration.CreateCallInvoker();
    }

    /// <summary>Starts this client's calls.</summary>
    protected CallInvoker CallInvoker { get; }

    internal ClientBaseConfiguration Configuration { get; }

    private static ChannelBase NotNull(ChannelBase channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel;
    }

    /// <summary>What a client is made of, so that one like it can be made; opaque and immutable.</summary>
    protected internal class ClientBaseConfiguration
    {
        private readonly CallInvoker _callInvoker;
        private readonly string? _host;

        internal ClientBaseConfiguration(CallInvoker callInvoker, string? host)
        {
            ArgumentNullException.ThrowIfNull(callInvoker);
            _callInvoker = callInvoker;
            _host = host;
        }

        internal CallInvoker CreateCallInvoker() =>
            _host is null ? _callInvoker : _callInvoker.Intercept(new HostInterceptor(_host));

        internal ClientBaseConfiguration WithHost(string host) => new(_callInvoker, host);
    }

    /// <summary>Sends every call to one virtual host.</summary>
    private sealed class HostInterceptor(string host) : Interceptor
    {
        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            BlockingUnaryCallContinuation<TRequest, TResponse> continuation) => continuation(request, WithHost(context));

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncUnaryCallContinuation<TRequest, TResponse> continuation) => continuation(request, WithHost(context));

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) =>
            continuation(request, WithHost(context));

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation) => continuation(WithHost(context));

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation) => continuation(WithHost(context));

        private ClientInterceptorContext<TRequest, TResponse> WithHost<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context)
            where TRequest : class
            where TResponse : class => new(context.Method, host, context.Options);
    }
}

/// <summary>Base of the generated clients that can make more of their own kind.</summary>
/// <typeparam name="T">The generated client.</typeparam>
public abstract class ClientBase<T> : ClientBase
    where T : ClientBase<T>
{
    /// <inheritdoc cref="ClientBase()"/>
    protected ClientBase()
    {
    }

    /// <inheritdoc cref="ClientBase(ChannelBase)"/>
    protected ClientBase(ChannelBase channel)
        : base(channel)
    {
    }

    /// <inheritdoc cref="ClientBase(CallInvoker)"/>
    protected ClientBase(CallInvoker callInvoker)
        : base(callInvoker)
    {
    }

    /// <inheritdoc cref="ClientBase(ClientBaseConfiguration)"/>
    protected ClientBase(ClientBaseConfiguration configuration)
        : base(configuration)
    {
    }

    /// <summary>A client like this one whose calls name another virtual host (the HTTP/2 authority).</summary>
    /// <exception cref="ArgumentNullException"><paramref name="host"/> is null.</exception>
    public T WithHost(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return NewInstance(Configuration.WithHost(host));
    }

    /// <summary>A client of this kind from a configuration.</summary>
    protected abstract T NewInstance(ClientBaseConfiguration configuration);
}
