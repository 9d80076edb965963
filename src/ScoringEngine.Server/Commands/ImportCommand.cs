using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using Durability = ScoringEngine.Storage.Journals.Durability;

namespace ScoringEngine.Server.Commands;

/// <summary><c>import</c>: sends a file of customers to a server, or loads it into a data directory.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        Option<string> data = CommonOptions.Data("Customer file: CSV with a header, plain or .gz; - reads standard input");
        Option<string> server = ServerConnection.Option();
        Option<long> retries = RemoteUpload.RetriesOption();
        Option<string?> directory = new("--directory")
        {
            Description = "Load into this data folder, which no server has open, instead of sending, as a first load",
            HelpName = "FOLDER",
        };
        Option<string?> workspace = new("--workspace", "-w")
        {
            Description = "With --directory: the workspace that says which features customers have (default: the current folder)",
            HelpName = "FOLDER",
        };
        Option<long?> memory = new("--memory")
        {
            Description = "With --directory: memory for customers while they are loaded; records beyond it are on disk (default: 1GB)",
            HelpName = "SIZE",
            CustomParser = ByteSize.Parse,
        };
        Option<long> allowRejects = CommonOptions.AllowRejects();
        EngineCommand command = new("import", "Send customers to a running server. A customer that is there already is replaced; a row that cannot "
            + "be read is rejected with file, line and column, and the others go on.",
            "scoring-engine import --data customers.csv",
            "zcat customers.csv.gz | scoring-engine import --data - --server 127.0.0.1:5006 --allow-rejects 100",
            "scoring-engine import --data customers.csv --directory /var/lib/scoring-engine --workspace models/telco")
        {
            data, server, retries, directory, workspace, memory, allowRejects,
        };
        command.Validators.Add(result =>
        {
            bool local = result.GetResult(directory) is not null;
            foreach (Option option in local ? new Option[] { server, retries } : [workspace, memory])
            {
                if (result.GetResult(option) is { Implicit: false })
                {
                    result.AddError($"import: {option.Name} does not go {(local ? "with" : "without")} --directory");
                }
            }
        });
        command.SetHandler((parse, output, cancellation) => parse.GetValue(directory) is { } folder
            ? LoadAsync(parse.GetRequiredValue(data), folder, parse.GetValue(workspace) ?? ".", parse.GetValue(memory) ?? new ServerOptions().MemoryBytes,
                parse.GetValue(allowRejects), output, cancellation)
            : RunAsync(parse.GetRequiredValue(data), parse.GetRequiredValue(server), parse.GetValue(allowRejects), output, cancellation, (int)parse.GetValue(retries)));
        return command;
    }

    /// <summary>Sends a file of customers to the server at an address.</summary>
    public static async Task<ExitCode> RunAsync(string data, string address, long allowRejects, CommandOutput output, CancellationToken cancellation,
        int retries = RemoteUpload.DefaultRetries)
    {
        using ServerConnection server = await ServerConnection.OpenAsync(address, cancellation);
        RejectedRows rejected = new(output, allowRejects);
        CategoryDictionary categories = new(RemoteSchema.Of(server.Model));
        using CustomerFile file = Open(data, categories, server.Model.IdColumn, rejected);
        FileBlocks blocks = new(file, categories);
        CustomerService.CustomerServiceClient client = new(server.Invoker);
        RemoteUpload<ImportCustomersRequest, ImportCustomersResponse> import = new(
            () => blocks.Next() is { } block
                ? new UploadBlock<ImportCustomersRequest>(new ImportCustomersRequest { Block = block.Customers }, block.Customers.IdEnds.Count, block.EndRow, block.Progress)
                : null,
            stop => client.ImportCustomers(cancellationToken: stop), Acknowledgement.Of, retries, output);
        UploadTotals totals = await output.WithProgressAsync("Importing", progress => import.RunAsync(progress, cancellation));
        return Finish(file, blocks, totals, import.Resent, rejected, output);
    }

    /// <summary>Loads a file of customers into a data directory.</summary>
    private static async Task<ExitCode> LoadAsync(string data, string directory, string workspaceFolder, long memoryBytes, long allowRejects,
        CommandOutput output, CancellationToken cancellation)
    {
        WorkspaceSchema schema = Workspace.Load(workspaceFolder).Schema;
        RejectedRows rejected = new(output, allowRejects);
        CategoryDictionary categories = new(schema.Features);
        using CustomerFile file = Open(data, categories, schema.IdColumn, rejected);
        FileBlocks blocks = new(file, categories);
        CustomerDatabaseOptions options = new()
        {
            Directory = directory,
            Durability = Durability.None,
            BulkLoad = !Directory.Exists(directory) || !Directory.EnumerateFileSystemEntries(directory).Any(),
            Store = CustomerData.StoreOptions(memoryBytes, expectedCustomers: 0, schema.Features),
        };
        UploadTotals totals = await output.WithProgressAsync("Loading", progress => LocalImport.RunAsync(blocks, options, schema.Features, progress, cancellation));
        return Finish(file, blocks, totals, resent: 0, rejected, output);
    }

    private static CustomerFile Open(string data, CategoryDictionary categories, string idColumn, RejectedRows rejected)
        => CustomerFile.Open(CsvTable.Open(data, data == "-" ? Console.OpenStandardInput() : null), categories, idColumn, target: null, rejected.Add);

    private static ExitCode Finish(CustomerFile file, FileBlocks blocks, UploadTotals totals, long resent, RejectedRows rejected, CommandOutput output)
    {
        foreach (RefusedRow row in totals.RejectedRows)
        {
            rejected.Add(new RowRejection(file.Table.Name, blocks.LineOf(row.Row), row.Column, "", row.Reason));
        }
        rejected.AddUnseen(totals.Rejected - totals.RejectedRows.Count);
        output.Line($"Read {blocks.Rows + file.RejectedCount:N0}: created {totals.New:N0}, updated {totals.Known:N0}"
            + $" (ids that come twice in the file: {blocks.Duplicates:N0}), rejected {rejected.Count:N0}"
            + (resent > 0 ? $"; {resent:N0} rows were sent again after a break, and count as updated where they had been written before it" : ""));
        output.Result(new JsonObject
        {
            ["read"] = blocks.Rows + file.RejectedCount,
            ["created"] = totals.New,
            ["updated"] = totals.Known,
            ["duplicates"] = blocks.Duplicates,
            ["resent"] = resent,
            ["rejected"] = rejected.ToJson(),
        });
        return rejected.Finish();
    }
}
