using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;

namespace ScoringEngine.Server.Services;

/// <summary>
/// Calls that take further requests while the answers to earlier ones wait for the disk. Answers come in the order of the requests.
/// Thread-safe; register one instance.
/// </summary>
internal sealed class AcknowledgedStream(IHostApplicationLifetime lifetime)
{
    /// <summary>Runs one call to its end.</summary>
    /// <param name="requests">What the client sends.</param>
    /// <param name="responses">What it gets.</param>
    /// <param name="context">The call.</param>
    /// <param name="pending">Most requests whose answers wait; a client that does not read answers is not read.</param>
    /// <param name="apply">Does what a request asks for, but for waiting.</param>
    /// <param name="complete">Waits until that is durable, and gives the answer.</param>
    /// <param name="merge">Whether answers that are there together are sent as one: counts are taken from the later, lists add up.</param>
    /// <exception cref="RpcException">UNAVAILABLE: the server stops. What was applied was answered before.</exception>
    public async Task RunAsync<TRequest, TApplied, TResponse>(IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses,
        ServerCallContext context, int pending, Func<TRequest, TApplied> apply, Func<TApplied, CancellationToken, ValueTask<TResponse>> complete, bool merge)
        where TResponse : class, IMessage<TResponse>, new()
    {
        Channel<TApplied> applied = Channel.CreateBounded<TApplied>(new BoundedChannelOptions(pending) { SingleReader = true, SingleWriter = true });
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        Task answering = AnswerAsync(applied.Reader, responses, complete, merge, stop, context.CancellationToken);
        try
        {
            await foreach (TRequest request in requests.ReadAllAsync(stop.Token))
            {
                await applied.Writer.WriteAsync(apply(request), stop.Token);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw Failure.Of(StatusCode.Unavailable, Failure.Stopping, "the server stops; send what is not acknowledged to the next one").ToException();
        }
        finally
        {
            // Whatever ends the call, what was taken is answered first; if it cannot be kept, that is what ended the call.
            applied.Writer.Complete();
            await answering;
        }
    }

    private static async Task AnswerAsync<TApplied, TResponse>(ChannelReader<TApplied> applied, IServerStreamWriter<TResponse> responses,
        Func<TApplied, CancellationToken, ValueTask<TResponse>> complete, bool merge, CancellationTokenSource stop, CancellationToken cancellation)
        where TResponse : class, IMessage<TResponse>, new()
    {
        try
        {
            TResponse? ready = null;
            await foreach (TApplied next in applied.ReadAllAsync(cancellation))
            {
                ValueTask<TResponse> completing = complete(next, cancellation);
                if (!completing.IsCompleted && ready is not null)
                {
                    await responses.WriteAsync(ready, cancellation);
                    ready = null;
                }
                TResponse response = await completing;
                if (!merge)
                {
                    await responses.WriteAsync(response, cancellation);
                    continue;
                }
                (ready ??= new TResponse()).MergeFrom(response);
                if (!applied.TryPeek(out _))
                {
                    await responses.WriteAsync(ready, cancellation);
                    ready = null;
                }
            }
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }
}
