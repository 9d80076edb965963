using System.CommandLine;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>health</c>: whether a server answers, for container health checks and scripts.</summary>
internal static class HealthCommand
{
    private const string Serving = "SERVING";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        Option<int> wait = new("--wait")
        {
            Description = "Wait up to this many seconds for it to be ready",
            HelpName = "SECONDS",
        };
        Option<string> server = ServerConnection.Option();
        EngineCommand command = new("health", "Ask a server whether it is ready (grpc.health.v1); exit 0 if it is, 1 if not",
            "scoring-engine health --server 127.0.0.1:5005")
        {
            server, wait,
        };
        command.SetHandler(async (parse, output, cancellation) =>
        {
            string address = parse.GetRequiredValue(server);
            long end = Environment.TickCount64 + (parse.GetValue(wait) * 1000L);
            string status = await StatusAsync(address, cancellation);
            while (status != Serving && Environment.TickCount64 < end)
            {
                await Task.Delay(200, cancellation);
                status = await StatusAsync(address, cancellation);
            }
            output.Line(status);
            output.Result(new JsonObject { ["address"] = address, ["status"] = status });
            return status == Serving ? ExitCode.Success : ExitCode.Failure;
        });
        return command;
    }

    private static async Task<string> StatusAsync(string address, CancellationToken cancellation)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(ServerConnection.Parse(address));
        try
        {
            HealthCheckResponse response = await new Health.HealthClient(channel).CheckAsync(
                new HealthCheckRequest(), deadline: DateTime.UtcNow + Patience, cancellationToken: cancellation);
            return response.Status == HealthCheckResponse.Types.ServingStatus.Serving ? Serving : "NOT_SERVING";
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            return "UNREACHABLE";
        }
    }
}
