using Grpc.Core;
using Grpc.Core.Interceptors;
using ScoringEngine.Server.Hosting;

namespace ScoringEngine.Server.Services;

/// <summary>
/// The one place where exceptions become statuses. What a service throws on purpose passes; anything else is logged as an
/// event, and the client is told nothing but the event's id.
/// </summary>
internal sealed class FailureInterceptor(ILogger<FailureInterceptor> log) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Task<TResponse> answer;
        try
        {
            answer = continuation(request, context);
        }
        catch (Exception e)
        {
            throw ToRpcException(e, context);
        }
        // The usual answer is there already and needs no state machine.
        return answer.IsCompletedSuccessfully ? answer : Awaited(answer, context);
    }

    /// <inheritdoc/>
    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
        => await Awaited(continuation(new ClientStream<TRequest>(requestStream), context), context);

    /// <inheritdoc/>
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(TRequest request,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
        => await Awaited(continuation(request, responseStream, context), context);

    /// <inheritdoc/>
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
        => await Awaited(continuation(new ClientStream<TRequest>(requestStream), responseStream, context), context);

    private async Task<T> Awaited<T>(Task<T> call, ServerCallContext context)
    {
        await Awaited((Task)call, context);
        return call.Result;
    }

    private async Task Awaited(Task call, ServerCallContext context)
    {
        try
        {
            await call;
        }
        catch (Exception e)
        {
            throw ToRpcException(e, context);
        }
    }

    private RpcException ToRpcException(Exception exception, ServerCallContext context)
    {
        if (exception is RpcException rpc)
        {
            return rpc;
        }
        if (exception is OperationCanceledException || context.CancellationToken.IsCancellationRequested)
        {
            // The client has gone, or its deadline has passed: nobody reads this, but it is no defect.
            return new RpcException(context.Deadline <= DateTime.UtcNow
                ? new Status(StatusCode.DeadlineExceeded, "deadline exceeded") : Status.DefaultCancelled);
        }
        string id = Guid.NewGuid().ToString("N")[..12];
        if (exception is IOException)
        {
            ServerLog.StoreFailed(log, id, context.Method, exception);
            return Failure.Of(StatusCode.Unavailable, Failure.StoreUnavailable, $"the customer store failed (event {id} in the server's log)").ToException();
        }
        if (exception is InvalidDataException)
        {
            ServerLog.DataCorrupt(log, id, context.Method, exception);
            return Failure.Of(StatusCode.DataLoss, Failure.DataCorrupt, $"stored data are damaged (event {id} in the server's log)").ToException();
        }
        ServerLog.Unexpected(log, id, context.Method, exception);
        return Failure.Of(StatusCode.Internal, Failure.Internal, $"internal error (event {id} in the server's log)").ToException();
    }

    /// <summary>
    /// What the client sends. Its going away may show as an I/O error before the call is cancelled; that is no failure of
    /// the server's own storage.
    /// </summary>
    private sealed class ClientStream<T>(IAsyncStreamReader<T> stream) : IAsyncStreamReader<T>
    {
        public T Current => stream.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            try
            {
                return await stream.MoveNext(cancellationToken);
            }
            catch (IOException e)
            {
                throw new OperationCanceledException("the client has gone", e);
            }
        }
    }
}
