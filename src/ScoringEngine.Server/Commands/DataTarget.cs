using System.CommandLine;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Server.Commands;

/// <summary>What a data command works on: a folder that no server has open, or a running server. Belongs to one command.</summary>
internal sealed class DataTarget
{
    private readonly Argument<string?> _directory = new("folder")
    {
        Description = "The data folder, which no server has open; or else name a server",
        HelpName = "FOLDER",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _server = new("--server")
    {
        Description = "A running server that has the data folder open: HOST:PORT or http://HOST:PORT",
        HelpName = "ADDRESS",
    };

    private readonly Option<long?> _memory = new("--memory")
    {
        Description = "With a folder: memory for its customers meanwhile; records beyond it are on disk (default: 1GB)",
        HelpName = "SIZE",
        CustomParser = ByteSize.Parse,
    };

    /// <summary>Adds argument and options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="opens">Whether it opens the folder as a server does, for which it needs memory.</param>
    public void AddTo(Command command, bool opens)
    {
        command.Add(_directory);
        command.Add(_server);
        if (opens)
        {
            command.Add(_memory);
        }
        command.Validators.Add(result =>
        {
            if (result.GetResult(_directory) is { Tokens.Count: > 0 } == result.GetResult(_server) is { Implicit: false })
            {
                result.AddError($"{command.Name}: expected a data folder, or --server");
            }
        });
    }

    /// <summary>The folder; null when a server is meant.</summary>
    public string? DirectoryOf(ParseResult parse) => parse.GetValue(_directory);

    /// <summary>Asks the server.</summary>
    /// <exception cref="CommandFailure">It does not answer.</exception>
    public async Task<T> AskAsync<T>(ParseResult parse, Func<DataService.DataServiceClient, Task<T>> ask, CancellationToken cancellation)
    {
        using ServerConnection server = await ServerConnection.OpenAsync(parse.GetRequiredValue(_server)!, cancellation);
        return await ask(new DataService.DataServiceClient(server.Invoker));
    }

    /// <summary>Opens the folder as a server does.</summary>
    public async Task<T> OpenAsync<T>(ParseResult parse, CommandOutput output, string title, Func<CustomerDatabase, Task<T>> work, CancellationToken cancellation)
    {
        string directory = parse.GetRequiredValue(_directory)!;
        // Opening makes a folder that is none a data folder: first see that it is one.
        CustomerDatabaseOptions options = new() { Directory = directory, Store = StoreOptions(directory, parse.GetValue(_memory)) };
        return await output.WithProgressAsync(title, async progress =>
        {
            await using CustomerDatabase database = CustomerData.Open(options, schema: null, TimeProvider.System, new RecoveryBar(progress), cancellation);
            progress.Report(double.NaN);
            return await work(database);
        });
    }

    /// <summary>Sizes for the customers of a data folder.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="memoryBytes">Memory for records; null for the default.</param>
    /// <exception cref="IOException">It is no data folder, or cannot be read.</exception>
    public static CustomerStoreOptions StoreOptions(string directory, long? memoryBytes)
    {
        CustomerStoreOptions usual = new();
        // The journal has more of them.
        long customers = DataTool.Stats(directory).Snapshots is [SnapshotInfo newest, ..] ? 2 * newest.Customers : 0;
        return usual with
        {
            MemoryBytes = memoryBytes ?? usual.MemoryBytes,
            ExpectedCustomers = Math.Max(customers, usual.ExpectedCustomers),
        };
    }
}
