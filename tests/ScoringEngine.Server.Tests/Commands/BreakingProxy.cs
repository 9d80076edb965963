using System.Net;
using System.Net.Sockets;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>Stands between a client and a server and breaks each connection of a list after so many bytes to the server; later ones last.</summary>
internal sealed class BreakingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<long> _limits;
    private readonly int _port;
    private readonly Task _accepting;

    /// <summary>Starts.</summary>
    /// <param name="port">Where the server listens.</param>
    /// <param name="limits">Bytes after which the first connections break.</param>
    public BreakingProxy(int port, params IEnumerable<long> limits)
    {
        _port = port;
        _limits = new Queue<long>(limits);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>How many connections it has broken.</summary>
    public int Broken { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                connections.Add(RelayAsync(await _listener.AcceptTcpClientAsync(_stop.Token), _limits.TryDequeue(out long limit) ? limit : long.MaxValue));
            }
        }
        finally
        {
            await Task.WhenAll(connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RelayAsync(TcpClient client, long limit)
    {
        using TcpClient server = new();
        using (client)
        {
            await server.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
            Task answers = CopyAsync(server, client, long.MaxValue);
            await Task.WhenAny(CopyAsync(client, server, limit), answers);
            // A reset, as when a machine goes away.
            client.LingerState = new LingerOption(true, 0);
            server.LingerState = new LingerOption(true, 0);
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to, long limit)
    {
        byte[] buffer = new byte[16 << 10];
        int read;
        while ((read = await from.GetStream().ReadAsync(buffer, _stop.Token)) > 0)
        {
            if (read >= limit)
            {
                await to.GetStream().WriteAsync(buffer.AsMemory(0, (int)limit), _stop.Token);
                Broken++;
                return;
            }
            limit -= read;
            await to.GetStream().WriteAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }
}
