using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Grpc.Core;
using ScoringEngine.Core.Features;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary>Reads records of a file as requests, and remembers where each stood. One thread at a time.</summary>
internal interface IRecordReader<TRequest>
{
    /// <summary>Whether the request has to be taken before another row is read.</summary>
    bool IsFull { get; }

    /// <summary>Adds the current row of the table; says what is wrong with it instead where that is so.</summary>
    RowRejection? Add();

    /// <summary>The request; the next one starts.</summary>
    TRequest Take();
}

/// <summary>Sends a file of records that are not customers: values or outcomes. Repeating it does no harm.</summary>
internal static class RecordImport
{
    /// <summary>The options of such a command.</summary>
    public sealed record Options(Option<string> Data, Option<string> Server, Option<long> Retries, Option<long> AllowRejects)
    {
        public static Options Create(string data) => new(CommonOptions.Data(data), ServerConnection.Option(), RemoteUpload.RetriesOption(), CommonOptions.AllowRejects());

        public void AddTo(Command command)
        {
            foreach (Option option in new Option[] { Data, Server, Retries, AllowRejects })
            {
                command.Options.Add(option);
            }
        }
    }

    /// <summary>Sends a file.</summary>
    /// <param name="options">The command's options.</param>
    /// <param name="parse">What they are.</param>
    /// <param name="reader">Reads the file.</param>
    /// <param name="open">Opens a call.</param>
    /// <param name="read">What a response acknowledges.</param>
    /// <param name="output">Where the result goes.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<ExitCode> RunAsync<TRequest, TResponse>(Options options, ParseResult parse, Func<CsvTable, IRecordReader<TRequest>> reader,
        Func<CallInvoker, CancellationToken, AsyncDuplexStreamingCall<TRequest, TResponse>> open, Func<TResponse, Acknowledgement> read,
        CommandOutput output, CancellationToken cancellation)
    {
        string data = parse.GetRequiredValue(options.Data);
        RejectedRows rejected = new(output, parse.GetValue(options.AllowRejects));
        using CsvTable table = CsvTable.Open(data, data == "-" ? Console.OpenStandardInput() : null);
        RecordBlocks<TRequest> blocks = new(table, reader(table), rejected.Add);
        using ServerConnection server = await ServerConnection.OpenAsync(parse.GetRequiredValue(options.Server), cancellation);
        RemoteUpload<TRequest, TResponse> upload = new(blocks.Next, stop => open(server.Invoker, stop), read, (int)parse.GetValue(options.Retries), output);
        UploadTotals totals = await output.WithProgressAsync("Importing", progress => upload.RunAsync(progress, cancellation));
        foreach (RefusedRow row in totals.RejectedRows)
        {
            rejected.Add(new RowRejection(table.Name, blocks.LineOf(row.Row), row.Column, "", row.Reason));
        }
        rejected.AddUnseen(totals.Rejected - totals.RejectedRows.Count);
        output.Line(string.Create(CultureInfo.InvariantCulture, $"Read {blocks.Read:N0}: recorded {totals.New:N0}, recorded before {totals.Known:N0}, rejected {rejected.Count:N0}")
            + (upload.Resent > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {upload.Resent:N0} rows were sent again after a break, and count as recorded before where they were") : ""));
        output.Result(new JsonObject
        {
            ["read"] = blocks.Read,
            ["recorded"] = totals.New,
            ["recorded_before"] = totals.Known,
            ["resent"] = upload.Resent,
            ["rejected"] = rejected.ToJson(),
        });
        return rejected.Finish();
    }

    // A file as blocks.
    private sealed class RecordBlocks<TRequest>(CsvTable table, IRecordReader<TRequest> reader, Action<RowRejection> rejected)
    {
        private readonly RowLines _lines = new();
        private long _rows;
        private int _inBlock;
        private bool _ended;

        public long Read { get; private set; }

        public long LineOf(long row) => _lines.Of(row);

        public UploadBlock<TRequest>? Next()
        {
            while (!_ended)
            {
                if (_inBlock > 0 && reader.IsFull)
                {
                    return Take();
                }
                _ended = !table.Read();
                if (!_ended)
                {
                    Read++;
                    RowRejection? rejection = table.RowViolation is { } violation ? new RowRejection(table.Name, table.Line, "", "", violation) : reader.Add();
                    if (rejection is not null)
                    {
                        rejected(rejection);
                        continue;
                    }
                    _lines.Add(_rows++, table.Line);
                    _inBlock++;
                }
            }
            return _inBlock > 0 ? Take() : null;
        }

        private UploadBlock<TRequest> Take()
        {
            UploadBlock<TRequest> block = new(reader.Take(), _inBlock, _rows, table.Progress);
            _inBlock = 0;
            return block;
        }
    }
}
