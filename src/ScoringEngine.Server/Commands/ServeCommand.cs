using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage.Journals;

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

    private static readonly Option<long?> ExpectedCustomers = new("--expected-customers")
    {
        Description = "Number of customers the index is made for; more make calls slower (default: as many as fit into the memory)",
        HelpName = "N",
    };

    private static readonly Option<string?> Data = new("--data", "-d")
    {
        Description = "Folder that keeps the customers, made if need be; without it they are in memory only and gone when the server stops",
        HelpName = "FOLDER",
    };

    private static readonly Option<Durability?> Durable = new("--durability")
    {
        Description = "What an answered write survives: commit: a crash of the machine; interval: the same, but for the last writes; "
            + "none: a crash of the server only (default: commit)",
        HelpName = "commit|interval|none",
    };

    private static readonly Option<int?> CommitInterval = new("--commit-interval")
    {
        Description = "With --durability interval: milliseconds until a write is on disk at the latest (default: 100)",
        HelpName = "MS",
    };

    private static readonly Option<int?> SnapshotInterval = new("--snapshot-interval")
    {
        Description = "Seconds after which a snapshot is taken if anything was written (default: 3600)",
        HelpName = "SECONDS",
    };

    private static readonly Option<long?> SnapshotJournal = new("--snapshot-journal")
    {
        Description = "Size of the journal at which a snapshot is taken; bounds the disk it takes and the time to start (default: 1GB)",
        HelpName = "SIZE",
        CustomParser = ByteSize.Parse,
    };

    private static readonly Option<bool> Repair = new("--repair")
    {
        Description = "Start although the data folder is damaged: keep what is provable, list what is lost in a file in it",
    };

    public static Command Create()
    {
        EngineCommand command = new("serve", "Serve a workspace over gRPC on the loopback address. With --data, customers survive restarts and "
            + "crashes; without, they are in memory only.",
            "scoring-engine serve --workspace models/telco --data /var/lib/scoring-engine",
            "scoring-engine serve --workspace models/telco --data customers --durability interval --memory 4GB",
            "scoring-engine serve --workspace models/telco --version 3 --port 5006")
        {
            Workspace, Version, Address, Port, Data, Durable, CommitInterval, SnapshotInterval, SnapshotJournal, Repair, Memory, ExpectedCustomers,
        };
        command.SetHandler(RunAsync);
        return command;
    }

    private static async Task<ExitCode> RunAsync(ParseResult parse, CommandOutput output, CancellationToken cancellation)
    {
        await using ScoringServer server = parse.GetValue(Data) is not null && output.IsWatched
            ? await output.WithProgressAsync("Recovering customers", progress
                => ScoringServer.StartAsync(Settings(parse), recovery: new RecoveryBar(progress), cancellation: cancellation))
            : await ScoringServer.StartAsync(Settings(parse), cancellation: cancellation);
        ServedModel model = server.Model;
        string address = server.Address.GetLeftPart(UriPartial.Authority);
        output.Line($"Serving {model.Workspace.Name} version {model.Models.Manifest.Version} on {address}"
            + (server.Database.IsDurable ? $" with {server.Database.Customers.Count:N0} customers of {server.DataDirectory}" : "; customers are in memory only"));
        output.Result(new JsonObject
        {
            ["address"] = address,
            ["model"] = model.Workspace.Name,
            ["version"] = model.Models.Manifest.Version,
            ["durable"] = server.Database.IsDurable,
            ["customers"] = server.Database.Customers.Count,
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
            (nameof(ServerOptions.ExpectedCustomers), parse.GetValue(ExpectedCustomers)),
            (nameof(ServerOptions.Durability), parse.GetValue(Durable)),
            (nameof(ServerOptions.CommitIntervalMs), parse.GetValue(CommitInterval)),
            (nameof(ServerOptions.SnapshotSeconds), parse.GetValue(SnapshotInterval)),
            (nameof(ServerOptions.SnapshotJournalBytes), parse.GetValue(SnapshotJournal)),
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
            (nameof(ServerOptions.DataDirectory), parse.GetValue(Data)),
            (nameof(ServerOptions.Repair), parse.GetValue(Repair) ? bool.TrueString : null),
        })
        {
            if (value is not null)
            {
                yield return KeyValuePair.Create(name, (string?)value);
            }
        }
    }
}
