namespace Grpc.Core.Interceptors;

/// <summary>A call that a client interceptor sees, before it starts; immutable.</summary>
/// <typeparam name="TRequest">The request message.</typeparam>
/// <typeparam name="TResponse">The response message.</typeparam>
public readonly struct ClientInterceptorContext<TRequest, TResponse>
    where TRequest : class
    where TResponse : class
{
    /// <summary>A call.</summary>
    public ClientInterceptorContext(Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        Method = method;
        Host = host;
        Options = options;
    }

    /// <summary>The method.</summary>
    public Method<TRequest, TResponse> Method { get; }

    /// <summary>The virtual host; null for the channel's own.</summary>
    public string? Host { get; }

    /// <summary>The options. To change them, pass a new context on.</summary>
    public CallOptions Options { get; }
}
