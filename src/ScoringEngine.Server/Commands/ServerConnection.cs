using System.CommandLine;
using Grpc.Core;
using Grpc.Net.Client;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;
using static ScoringEngine.Server.Services.Failure;

namespace ScoringEngine.Server.Commands;

/// <summary>A command's connection to a server.</summary>
internal sealed class ServerConnection : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly GrpcChannel _channel;

    private ServerConnection(GrpcChannel channel, Model model)
    {
        _channel = channel;
        Model = model;
        Invoker = channel.CreateCallInvoker();
    }

    /// <summary>What the server serves.</summary>
    public Model Model { get; }

    /// <summary>For the generated clients.</summary>
    public CallInvoker Invoker { get; }

    /// <summary>The option that says where the server is.</summary>
    public static Option<string> Option() => new("--server")
    {
        Description = "Where the server is: HOST:PORT or http://HOST:PORT",
        HelpName = "ADDRESS",
        DefaultValueFactory = _ => $"127.0.0.1:{new ServerOptions().Port}",
    };

    /// <summary>Connects and asks what is served.</summary>
    /// <param name="address">HOST:PORT or http://HOST:PORT.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="CommandFailure">The address is none, or nothing answers there.</exception>
    public static async Task<ServerConnection> OpenAsync(string address, CancellationToken cancellation)
    {
        // Pings tell a server that has gone without a word from one that is busy.
        GrpcChannel channel = GrpcChannel.ForAddress(Parse(address), new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { KeepAlivePingDelay = Patience, KeepAlivePingTimeout = Patience },
            DisposeHttpClient = true,
        });
        try
        {
            GetModelResponse response = await new ModelService.ModelServiceClient(channel)
                .GetModelAsync(new GetModelRequest(), deadline: DateTime.UtcNow + Patience, cancellationToken: cancellation);
            return new ServerConnection(channel, response.Model);
        }
        catch (RpcException e)
        {
            channel.Dispose();
            cancellation.ThrowIfCancellationRequested();
            if (e.Details() is not null)
            {
                // It answers, and says why not.
                throw new CommandFailure($"the scoring engine at {address} answered {e.StatusCode}: {e.Status.Detail}");
            }
            throw e.StatusCode is StatusCode.Unavailable or StatusCode.Unimplemented or StatusCode.Internal or StatusCode.DeadlineExceeded
                ? new CommandFailure($"no scoring engine answers at {address} ({Cause(e)}); scoring-engine serve starts one")
                : e;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    /// <summary>Reads HOST:PORT or http://HOST:PORT.</summary>
    /// <exception cref="CommandFailure">It is neither.</exception>
    public static Uri Parse(string address)
        => Uri.TryCreate(address.Contains("://", StringComparison.Ordinal) ? address : "http://" + address, UriKind.Absolute, out Uri? uri)
            && uri.Scheme == Uri.UriSchemeHttp && uri.PathAndQuery == "/"
            ? uri : throw new CommandFailure($"--server '{address}': expected HOST:PORT or http://HOST:PORT", ExitCode.Usage);

    /// <summary>What is at the bottom of a call that got no answer.</summary>
    public static string Cause(RpcException exception)
    {
        Exception? cause = exception.Status.DebugException;
        while (cause?.InnerException is { } inner)
        {
            cause = inner;
        }
        return cause?.Message ?? exception.Status.Detail;
    }
}
