using System.CommandLine;
using System.Text.Json.Nodes;
using Grpc.Core;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>import</c>: sends a file of customers to a server.</summary>
internal static class ImportCommand
{
    private static readonly Option<string> Data = CommonOptions.Data("Customer file: CSV with a header, plain or .gz; - reads standard input");

    private static readonly Option<string> Server = ServerConnection.Option();

    private static readonly Option<long> AllowRejects = CommonOptions.AllowRejects();

    public static Command Create()
    {
        EngineCommand command = new("import", "Send customers to a running server. A customer that is there already is replaced; a row that cannot "
            + "be read is rejected with file, line and column, and the others go on.",
            "scoring-engine import --data customers.csv",
            "zcat customers.csv.gz | scoring-engine import --data - --server 127.0.0.1:5006 --allow-rejects 100")
        {
            Data, Server, AllowRejects,
        };
        command.SetHandler((parse, output, cancellation) => RunAsync(
            parse.GetRequiredValue(Data), parse.GetRequiredValue(Server), parse.GetValue(AllowRejects), output, cancellation));
        return command;
    }

    /// <summary>Sends a file of customers to the server at an address.</summary>
    public static async Task<ExitCode> RunAsync(string data, string address, long allowRejects, CommandOutput output, CancellationToken cancellation)
    {
        using ServerConnection server = await ServerConnection.OpenAsync(address, cancellation);
        RejectedRows rejected = new(output, allowRejects);
        CategoryDictionary categories = new(RemoteSchema.Of(server.Model));
        using CustomerFile file = CustomerFile.Open(
            CsvTable.Open(data, data == "-" ? Console.OpenStandardInput() : null), categories, server.Model.IdColumn, target: null, rejected.Add);
        FileImport import = new(file, categories, server);
        ImportCustomersResponse response = await output.WithProgressAsync("Importing", progress => import.RunAsync(progress, cancellation));
        foreach (RejectedRow row in response.RejectedRows)
        {
            rejected.Add(new RowRejection(
                file.Table.Name, import.LineOf((long)row.Row), row.FeatureName, "", $"customer '{row.CustomerId}': {row.Reason}"));
        }
        rejected.AddUnseen((long)response.RejectedCount - response.RejectedRows.Count);
        output.Line($"Read {import.Rows + file.RejectedCount:N0}: created {response.CreatedCount:N0}, updated {response.UpdatedCount:N0}"
            + $" (ids that come twice in the file: {import.Duplicates:N0}), rejected {rejected.Count:N0}");
        output.Result(new JsonObject
        {
            ["read"] = import.Rows + file.RejectedCount,
            ["created"] = response.CreatedCount,
            ["updated"] = response.UpdatedCount,
            ["duplicates"] = import.Duplicates,
            ["rejected"] = rejected.ToJson(),
        });
        return rejected.Finish();
    }

    /// <summary>Sends a file in blocks, and remembers on which line each row stood.</summary>
    private sealed class FileImport(CustomerFile file, CategoryDictionary categories, ServerConnection server)
    {
        // Where lines do not follow rows one by one: (row, line), ascending.
        private readonly List<(long Row, long Line)> _lines = [];

        // By hash: 64 bits tell ten million ids apart with a chance of one in 10^5 that any two are mistaken for one.
        private readonly HashSet<ulong> _seen = [];

        /// <summary>Rows sent.</summary>
        public long Rows { get; private set; }

        /// <summary>Rows whose id came before in the file.</summary>
        public long Duplicates { get; private set; }

        /// <summary>The line on which a sent row starts.</summary>
        public long LineOf(long row)
        {
            (long firstRow, long firstLine) = _lines.FindLast(l => l.Row <= row);
            return firstLine + row - firstRow;
        }

        public async Task<ImportCustomersResponse> RunAsync(IProgress<double> progress, CancellationToken cancellation)
        {
            using AsyncClientStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call =
                new CustomerService.CustomerServiceClient(server.Invoker).ImportCustomers(cancellationToken: cancellation);
            try
            {
                CustomerBlockWriter writer = new(categories);
                while (file.Read())
                {
                    if (!writer.TryAdd(file.Id, file.Values))
                    {
                        await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = writer.Take() }, cancellation);
                        progress.Report(file.Progress);
                        writer.TryAdd(file.Id, file.Values);
                    }
                    Note();
                }
                if (!writer.IsEmpty)
                {
                    await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = writer.Take() }, cancellation);
                }
                await call.RequestStream.CompleteAsync();
                return await call;
            }
            catch (RpcException)
            {
                cancellation.ThrowIfCancellationRequested();
                throw;
            }
        }

        private void Note()
        {
            long line = file.Table.Line;
            if (_lines.Count == 0 || line - _lines[^1].Line != Rows - _lines[^1].Row)
            {
                _lines.Add((Rows, line));
            }
            Rows++;
            Duplicates += _seen.Add(Hash(file.Id)) ? 0 : 1;
        }

        private static ulong Hash(ReadOnlySpan<byte> id)
        {
            ulong hash = SeededRandom.Mix((ulong)id.Length);
            foreach (byte b in id)
            {
                hash = SeededRandom.Mix(hash ^ b);
            }
            return hash;
        }
    }
}
