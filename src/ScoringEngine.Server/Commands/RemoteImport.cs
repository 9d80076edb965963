using Google.Rpc;
using Grpc.Core;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Services;

namespace ScoringEngine.Server.Commands;

/// <summary>
/// Sends blocks to a server, several ahead of their acknowledgements. When the call breaks, another one goes on after the
/// last acknowledged row.
/// </summary>
internal sealed class RemoteImport(FileBlocks blocks, Protocol.V1.CustomerService.CustomerServiceClient client, int retries, CommandOutput output)
{
    // Kept in memory until acknowledged, at 85,000 bytes each.
    private const int MaxUnacknowledged = 64;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _room = new(MaxUnacknowledged);
    private readonly Queue<FileBlock> _unacknowledged = [];
    private long _resentTo;

    /// <summary>What is acknowledged.</summary>
    public ImportTotals Totals { get; } = new();

    /// <summary>Rows that were sent more than once; those that had been written before count as updated.</summary>
    public long Resent { get; private set; }

    /// <summary>Sends all blocks; returns when the last one is acknowledged.</summary>
    /// <param name="progress">The share of the file that is acknowledged.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="CommandFailure">The server stayed away, or answered that it takes no more.</exception>
    public async Task RunAsync(IProgress<double> progress, CancellationToken cancellation)
    {
        for (int failures = 0; ;)
        {
            long before = Totals.Rows;
            try
            {
                await CallAsync(progress, cancellation);
                return;
            }
            catch (RpcException e)
            {
                cancellation.ThrowIfCancellationRequested();
                failures = Totals.Rows > before ? 1 : failures + 1;
                if (!MayPass(e, out TimeSpan atLeast) || failures > retries)
                {
                    throw new CommandFailure($"{Reason(e)}; {Totals.Rows:N0} rows are written, sending them again does no harm");
                }
                TimeSpan delay = FirstDelay * Math.Pow(2, failures - 1);
                delay = delay < atLeast ? atLeast : delay;
                delay = delay > LongestDelay ? LongestDelay : delay;
                output.Warn($"{Reason(e)}; going on after row {Totals.Rows:N0} in {delay.TotalSeconds:0.0} s");
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
        Totals.BeginCall();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using AsyncDuplexStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call = client.ImportCustomers(cancellationToken: stop.Token);
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

    private async Task SendAsync(IClientStreamWriter<ImportCustomersRequest> stream, CancellationToken stop)
    {
        foreach (FileBlock block in Unacknowledged())
        {
            if (!await TrySendAsync(stream, block, stop))
            {
                return;
            }
            Resent += block.EndRow > _resentTo ? block.Customers.IdEnds.Count : 0;
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
    private async Task<FileBlock?> TryTakeAsync(CancellationToken stop)
    {
        await _room.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stop.IsCancellationRequested)
        {
            return null;
        }
        if (blocks.Next() is not { } block)
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

    private static async Task<bool> TrySendAsync(IClientStreamWriter<ImportCustomersRequest> stream, FileBlock block, CancellationToken stop)
    {
        // Where it fails the call is over; why is what its answers end with.
        Task sending = stream.WriteAsync(new ImportCustomersRequest { Block = block.Customers }, stop);
        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return sending.IsCompletedSuccessfully;
    }

    private async Task ReceiveAsync(IAsyncStreamReader<ImportCustomersResponse> stream, IProgress<double> progress)
    {
        await foreach (ImportCustomersResponse acknowledgement in stream.ReadAllAsync(CancellationToken.None))
        {
            Totals.Add(acknowledgement);
            Forget(Totals.Rows, progress);
        }
        if (Unacknowledged() is { Length: > 0 } left)
        {
            throw new CommandFailure($"the server ended the import after {Totals.Rows:N0} of {left[^1].EndRow:N0} rows");
        }
    }

    private void Forget(long rows, IProgress<double> progress)
    {
        lock (_unacknowledged)
        {
            while (_unacknowledged.TryPeek(out FileBlock? block) && block.EndRow <= rows)
            {
                _unacknowledged.Dequeue();
                _room.Release();
                progress.Report(block.Progress);
            }
        }
    }

    private FileBlock[] Unacknowledged()
    {
        lock (_unacknowledged)
        {
            return [.. _unacknowledged];
        }
    }
}
