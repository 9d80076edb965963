using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage.Journals;
using Status = Grpc.Core.Status;

namespace ScoringEngine.Server.Services;

/// <summary>
/// The one place where exceptions become statuses. What a service throws on purpose passes; anything else is logged as an
/// event, and the client is told nothing but the event's id.
/// </summary>
internal sealed class FailureInterceptor(StartGate gate, TimeProvider time, ILogger<FailureInterceptor> log) : Interceptor
{
    private static readonly Duration RetryDelay = Duration.FromTimeSpan(TimeSpan.FromSeconds(1));
    private static readonly TimeSpan FaultPause = TimeSpan.FromMinutes(1);
    private static readonly string OwnPackage = "/" + Protocol.V1.FeaturesReflection.Descriptor.Package;

    // The last fault of the store that was logged: it is told once a minute, not once a call.
    private readonly Lock _faultLock = new();
    private (string Message, string Event, long At) _fault = ("", "", 0);

    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Task<TResponse> answer;
        RequireStarted(context);
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
    {
        RequireStarted(context);
        return await Awaited(continuation(new ClientStream<TRequest>(requestStream), context), context);
    }

    /// <inheritdoc/>
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(TRequest request,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        RequireStarted(context);
        await Awaited(continuation(request, responseStream, context), context);
    }

    /// <inheritdoc/>
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        RequireStarted(context);
        await Awaited(continuation(new ClientStream<TRequest>(requestStream), responseStream, context), context);
    }

    // Health and reflection answer from the start.
    private void RequireStarted(ServerCallContext context)
    {
        if (!gate.IsOpen && context.Method.StartsWith(OwnPackage, StringComparison.Ordinal))
        {
            throw Failure.Of(StatusCode.Unavailable, Failure.Starting, "the server starts and recovers its customers; ask grpc.health.v1 when it serves",
                new RetryInfo { RetryDelay = RetryDelay }).ToException();
        }
    }

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
        if (exception is JournalUnavailableException journal)
        {
            // The database logs that it began, and that it ended.
            RetryInfo retry = new() { RetryDelay = RetryDelay };
            return (journal.Reason == JournalUnavailableReason.OutOfSpace
                ? Failure.Of(StatusCode.ResourceExhausted, Failure.StorageFull, "the disk of the customer store is full: nothing can be written until there is space", retry)
                : Failure.Of(StatusCode.Unavailable, Failure.StoreUnavailable, "the disk of the customer store cannot be written", retry)).ToException();
        }
        if (exception is IOException)
        {
            return Failure.Of(StatusCode.Unavailable, Failure.StoreUnavailable,
                $"the customer store failed (event {EventOf(exception, context)} in the server's log)").ToException();
        }
        string id = NewEvent();
        if (exception is InvalidDataException)
        {
            ServerLog.DataCorrupt(log, id, context.Method, exception);
            return Failure.Of(StatusCode.DataLoss, Failure.DataCorrupt, $"stored data are damaged (event {id} in the server's log)").ToException();
        }
        ServerLog.Unexpected(log, id, context.Method, exception);
        return Failure.Of(StatusCode.Internal, Failure.Internal, $"internal error (event {id} in the server's log)").ToException();
    }

    private string EventOf(Exception fault, ServerCallContext context)
    {
        lock (_faultLock)
        {
            if (_fault.Message != fault.Message || time.GetElapsedTime(_fault.At) > FaultPause)
            {
                _fault = (fault.Message, NewEvent(), time.GetTimestamp());
                ServerLog.StoreFailed(log, _fault.Event, context.Method, fault);
            }
            return _fault.Event;
        }
    }

    private static string NewEvent() => Guid.NewGuid().ToString("N")[..12];

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
