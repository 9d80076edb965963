using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;

namespace ScoringEngine.Server.Commands;

/// <summary><c>serve</c>: answers gRPC calls until it is stopped.</summary>
internal static class ServeCommand
{
    private static readonly Option<string?> Workspace = new("--workspace", "-w")
    {
        Description = "Folder of the workspace (default: the current folder)",
        HelpName = "FOLDER",
    };

    private static readonly Option<int?> Version = new("--version")
    {
        Description = "Version to serve (default: the newest)",
        HelpName = "N",
    };

    private static readonly Option<string?> Address = new("--address")
    {
        Description = "IP address to listen on; any but loopback lets everybody who reaches it read and write customers (default: 127.0.0.1)",
        HelpName = "IP",
    };

    private static readonly Option<int?> Port = new("--port")
    {
        Description = "TCP port; 0 takes a free one (default: 5005)",
        HelpName = "PORT",
    };

    private static readonly Option<long?> Memory = new("--memory")
    {
        Description = "Memory for customers, rounded down to a power of two; records beyond it are on disk (default: 1GB)",
        HelpName = "SIZE",
        CustomParser = ByteSize.Parse,
    };

    public static Command Create()
    {
        EngineCommand command = new("serve", "Serve a workspace over gRPC on the loopback address. Customers are held by the server until it stops.",
            "scoring-engine serve --workspace models/telco",
            "scoring-engine serve --workspace models/telco --version 3 --port 5006 --memory 4GB")
        {
            Workspace, Version, Address, Port, Memory,
        };
        command.SetHandler(RunAsync);
        return command;
    }

    private static async Task<ExitCode> RunAsync(ParseResult parse, CommandOutput output, CancellationToken cancellation)
    {
        await using ScoringServer server = await ScoringServer.StartAsync(Settings(parse), cancellation: cancellation);
        ServedModel model = server.Model;
        string address = server.Address.GetLeftPart(UriPartial.Authority);
        output.Line($"Serving {model.Workspace.Name} version {model.Models.Manifest.Version} on {address}");
        output.Result(new JsonObject
        {
            ["address"] = address,
            ["model"] = model.Workspace.Name,
            ["version"] = model.Models.Manifest.Version,
        });
        try
        {
            await Task.Delay(Timeout.Infinite, cancellation);
        }
        catch (OperationCanceledException)
        {
            // Being stopped is how serving ends.
        }
        await server.StopAsync();
        return ExitCode.Success;
    }

    private static IEnumerable<KeyValuePair<string, string?>> Settings(ParseResult parse)
    {
        (string Name, IFormattable? Value)[] numbers =
        [
            (nameof(ServerOptions.Version), parse.GetValue(Version)),
            (nameof(ServerOptions.Port), parse.GetValue(Port)),
            (nameof(ServerOptions.MemoryBytes), parse.GetValue(Memory)),
        ];
        foreach ((string name, IFormattable? value) in numbers)
        {
            if (value is not null)
            {
                yield return KeyValuePair.Create(name, (string?)value.ToString(null, CultureInfo.InvariantCulture));
            }
        }
        foreach ((string name, string? value) in new[]
        {
            (nameof(ServerOptions.Workspace), parse.GetValue(Workspace)),
            (nameof(ServerOptions.Address), parse.GetValue(Address)),
        })
        {
            if (value is not null)
            {
                yield return KeyValuePair.Create(name, (string?)value);
            }
        }
    }
}
