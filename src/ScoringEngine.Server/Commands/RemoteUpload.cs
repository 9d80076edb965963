using System.CommandLine;
using Google.Rpc;
using Grpc.Core;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Services;

namespace ScoringEngine.Server.Commands;

/// <summary>Rows of a file, on their way to a server.</summary>
/// <param name="Request">The message.</param>
/// <param name="Rows">How many rows it holds.</param>
/// <param name="EndRow">How many rows of the file there are up to the last of these, rows that could not be read left out.</param>
/// <param name="Progress">The share of the file that is read with these, 0..1; NaN when unknown.</param>
internal sealed record UploadBlock<TRequest>(TRequest Request, int Rows, long EndRow, double Progress);

/// <summary>The option that says how long an upload puts up with a broken connection.</summary>
internal static class RemoteUpload
{
    // With the delays between attempts, about five minutes.
    public const int DefaultRetries = 30;

    public static Option<long> RetriesOption() => new("--retries")
    {
        Description = "When the connection breaks, try again this many times in a row, 0.2 to 10 s apart, and go on after the last acknowledged row",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultRetries,
        CustomParser = WholeNumber.Within(0, 1_000_000),
    };
}

/// <summary>
/// Sends blocks to a server, several ahead of their acknowledgements. When the call breaks, another one goes on after the
/// last acknowledged row.
/// </summary>
/// <param name="next">The next block of the file; null at the end.</param>
/// <param name="open">Opens a call.</param>
/// <param name="read">What a response acknowledges.</param>
/// <param name="retries">How many attempts in a row may fail.</param>
/// <param name="output">Told of breaks.</param>
internal sealed class RemoteUpload<TRequest, TResponse>(
    Func<UploadBlock<TRequest>?> next, Func<CancellationToken, AsyncDuplexStreamingCall<TRequest, TResponse>> open, Func<TResponse, Acknowledgement> read,
    int retries, CommandOutput output)
{
    // Kept in memory until acknowledged, at 85,000 bytes each.
    private const int MaxUnacknowledged = 64;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _room = new(MaxUnacknowledged);
    private readonly Queue<UploadBlock<TRequest>> _unacknowledged = [];
    private readonly UploadTotals _totals = new();
    private long _resentTo;

    /// <summary>Rows that were sent more than once; those that had been written before count as known.</summary>
    public long Resent { get; private set; }

    /// <summary>Sends all blocks; returns when the last one is acknowledged.</summary>
    /// <param name="progress">The share of the file that is acknowledged.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="CommandFailure">The server stayed away, or answered that it takes no more.</exception>
    public async Task<UploadTotals> RunAsync(IProgress<double> progress, CancellationToken cancellation)
    {
        for (int failures = 0; ;)
        {
            long before = _totals.Rows;
            try
            {
                await CallAsync(progress, cancellation);
                return _totals;
            }
            catch (RpcException e)
            {
                cancellation.ThrowIfCancellationRequested();
                failures = _totals.Rows > before ? 1 : failures + 1;
                if (!MayPass(e, out TimeSpan atLeast) || failures > retries)
                {
                    throw new CommandFailure($"{Reason(e)}; {_totals.Rows:N0} rows are written, sending them again does no harm");
                }
                TimeSpan delay = FirstDelay * Math.Pow(2, failures - 1);
                delay = delay < atLeast ? atLeast : delay;
                delay = delay > LongestDelay ? LongestDelay : delay;
                output.Warn($"{Reason(e)}; going on after row {_totals.Rows:N0} in {delay.TotalSeconds:0.0} s");
                await Task.Delay(delay, cancellation);
            }
        }
    }

    // Whether the connection broke rather than the server answered, or it answered that it may be better later.
    private static bool MayPass(RpcException exception, out TimeSpan atLeast)
    {
        RetryInfo? retry = exception.Details()?.Details.FirstOrDefault(d => d.Is(RetryInfo.Descriptor))?.Unpack<RetryInfo>();
        atLeast = retry?.RetryDelay?.ToTimeSpan() ?? TimeSpan.Zero;
        return exception.StatusCode == StatusCode.Unavailable || retry is not null || exception.Status.DebugException is not null;
    }

    private static string Reason(RpcException exception) => exception.Status.DebugException is null
        ? $"the server answered {exception.StatusCode}: {exception.Status.Detail}" : $"the connection broke ({ServerConnection.Cause(exception)})";

    private async Task CallAsync(IProgress<double> progress, CancellationToken cancellation)
    {
        _totals.BeginCall();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using AsyncDuplexStreamingCall<TRequest, TResponse> call = open(stop.Token);
        Task sending = Task.Run(() => SendAsync(call.RequestStream, stop.Token), CancellationToken.None);
        Task receiving = ReceiveAsync(call.ResponseStream, progress);
        try
        {
            // Sending fails when the file cannot be read; what the server has to say comes with its answers.
            await await Task.WhenAny(sending, receiving);
            await receiving;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(sending, receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SendAsync(IClientStreamWriter<TRequest> stream, CancellationToken stop)
    {
        foreach (UploadBlock<TRequest> block in Unacknowledged())
        {
            if (!await TrySendAsync(stream, block, stop))
            {
                return;
            }
            Resent += block.EndRow > _resentTo ? block.Rows : 0;
            _resentTo = Math.Max(_resentTo, block.EndRow);
        }
        while (await TryTakeAsync(stop) is { } block)
        {
            if (!await TrySendAsync(stream, block, stop))
            {
                return;
            }
        }
        if (!stop.IsCancellationRequested)
        {
            await stream.CompleteAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // The next block of the file as soon as there is room for it among those that are kept; null at the end.
    private async Task<UploadBlock<TRequest>?> TryTakeAsync(CancellationToken stop)
    {
        await _room.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stop.IsCancellationRequested)
        {
            return null;
        }
        if (next() is not { } block)
        {
            _room.Release();
            return null;
        }
        lock (_unacknowledged)
        {
            _unacknowledged.Enqueue(block);
        }
        return block;
    }

    private static async Task<bool> TrySendAsync(IClientStreamWriter<TRequest> stream, UploadBlock<TRequest> block, CancellationToken stop)
    {
        // Where it fails the call is over; why is what its answers end with.
        Task sending = stream.WriteAsync(block.Request, stop);
        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return sending.IsCompletedSuccessfully;
    }

    private async Task ReceiveAsync(IAsyncStreamReader<TResponse> stream, IProgress<double> progress)
    {
        await foreach (TResponse response in stream.ReadAllAsync(CancellationToken.None))
        {
            _totals.Add(read(response));
            Forget(_totals.Rows, progress);
        }
        if (Unacknowledged() is { Length: > 0 } left)
        {
            throw new CommandFailure($"the server ended the call after {_totals.Rows:N0} of {left[^1].EndRow:N0} rows");
        }
    }

    private void Forget(long rows, IProgress<double> progress)
    {
        lock (_unacknowledged)
        {
            while (_unacknowledged.TryPeek(out UploadBlock<TRequest>? block) && block.EndRow <= rows)
            {
                _unacknowledged.Dequeue();
                _room.Release();
                progress.Report(block.Progress);
            }
        }
    }

    private UploadBlock<TRequest>[] Unacknowledged()
    {
        lock (_unacknowledged)
        {
            return [.. _unacknowledged];
        }
    }
}
