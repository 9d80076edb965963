using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>
/// What every call under way offers whatever streams. The transport passes its own object as <c>state</c> so that no
/// closure is allocated per call.
/// </summary>
internal readonly struct CallHandle(
    Func<object, Task<Metadata>> responseHeaders,
    Func<object, Status> status,
    Func<object, Metadata> trailers,
    Action<object> dispose,
    object state)
{
    public CallHandle(Task<Metadata> responseHeaders, Func<Status> status, Func<Metadata> trailers, Action dispose)
        : this(_ => responseHeaders, _ => status(), _ => trailers(), _ => dispose(), responseHeaders)
    {
    }

    public Task<Metadata> ResponseHeaders => responseHeaders(state);

    public Status Status => status(state);

    public Metadata Trailers => trailers(state);

    public void Dispose() => dispose(state);
}

/// <summary>A unary call under way; await it for the response.</summary>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncUnaryCall<TResponse> : IDisposable
{
    private readonly CallHandle _call;

    /// <summary>A call from its parts.</summary>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
    {
        ResponseAsync = responseAsync;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>A call from its parts; each function gets <paramref name="state"/>.</summary>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        ResponseAsync = responseAsync;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The response; an <see cref="RpcException"/> when the call does not end with OK.</summary>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>The headers of the response.</summary>
    public Task<Metadata> ResponseHeadersAsync => _call.ResponseHeaders;

    /// <summary>Waits for the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Waits for the response, and chooses where the caller continues.</summary>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) =>
        ResponseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <summary>The status, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Status GetStatus() => _call.Status;

    /// <summary>The trailers, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Metadata GetTrailers() => _call.Trailers;

    /// <summary>Releases the call; cancels it if it is still under way.</summary>
    public void Dispose() => _call.Dispose();
}

/// <summary>A client streaming call under way; await it for the response.</summary>
/// <typeparam name="TRequest">The request message.</typeparam>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncClientStreamingCall<TRequest, TResponse> : IDisposable
{
    private readonly CallHandle _call;

    /// <summary>A call from its parts.</summary>
    public AsyncClientStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        Task<TResponse> responseAsync,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
    {
        RequestStream = requestStream;
        ResponseAsync = responseAsync;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>A call from its parts; each function gets <paramref name="state"/>.</summary>
    public AsyncClientStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        Task<TResponse> responseAsync,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        RequestStream = requestStream;
        ResponseAsync = responseAsync;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The requests; complete them to get the response.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; }

    /// <summary>The response; an <see cref="RpcException"/> when the call does not end with OK.</summary>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>The headers of the response.</summary>
    public Task<Metadata> ResponseHeadersAsync => _call.ResponseHeaders;

    /// <summary>Waits for the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Waits for the response, and chooses where the caller continues.</summary>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) =>
        ResponseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <summary>The status, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Status GetStatus() => _call.Status;

    /// <summary>The trailers, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Metadata GetTrailers() => _call.Trailers;

    /// <summary>Releases the call; cancels it if it is still under way.</summary>
    public void Dispose() => _call.Dispose();
}

/// <summary>A server streaming call under way.</summary>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncServerStreamingCall<TResponse> : IDisposable
{
    private readonly CallHandle _call;

    /// <summary>A call from its parts.</summary>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
    {
        ResponseStream = responseStream;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>A call from its parts; each function gets <paramref name="state"/>.</summary>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        ResponseStream = responseStream;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>The headers of the response.</summary>
    public Task<Metadata> ResponseHeadersAsync => _call.ResponseHeaders;

    /// <summary>The status, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Status GetStatus() => _call.Status;

    /// <summary>The trailers, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Metadata GetTrailers() => _call.Trailers;

    /// <summary>Releases the call; cancels it if it is still under way.</summary>
    public void Dispose() => _call.Dispose();
}

/// <summary>A call under way in which both sides stream.</summary>
/// <typeparam name="TRequest">The request message.</typeparam>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncDuplexStreamingCall<TRequest, TResponse> : IDisposable
{
    private readonly CallHandle _call;

    /// <summary>A call from its parts.</summary>
    public AsyncDuplexStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        IAsyncStreamReader<TResponse> responseStream,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
    {
        RequestStream = requestStream;
        ResponseStream = responseStream;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>A call from its parts; each function gets <paramref name="state"/>.</summary>
    public AsyncDuplexStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        IAsyncStreamReader<TResponse> responseStream,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        RequestStream = requestStream;
        ResponseStream = responseStream;
        _call = new CallHandle(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The requests.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; }

    /// <summary>The responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>The headers of the response.</summary>
    public Task<Metadata> ResponseHeadersAsync => _call.ResponseHeaders;

    /// <summary>The status, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Status GetStatus() => _call.Status;

    /// <summary>The trailers, once the call has ended.</summary>
    /// <exception cref="InvalidOperationException">The call is still under way.</exception>
    public Metadata GetTrailers() => _call.Trailers;

    /// <summary>Releases the call; cancels it if it is still under way.</summary>
    public void Dispose() => _call.Dispose();
}
