using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>data compact</c>: fresh snapshots, nothing superseded, no byte of erased customers.</summary>
internal static class DataCompactCommand
{
    public static Command Create()
    {
        DataTarget target = new();
        EngineCommand command = new("compact", "Write fresh snapshots and remove all that is superseded: no byte of a customer who was deleted "
            + "before is left in the data folder. A server goes on serving meanwhile",
            "scoring-engine data compact --server 127.0.0.1:5005",
            "scoring-engine data compact /var/lib/scoring-engine");
        target.AddTo(command, opens: true);
        command.SetHandler(async (parse, output, cancellation) =>
        {
            (long customers, ulong sequence) = target.DirectoryOf(parse) is not null
                ? await target.OpenAsync(parse, output, "Compacting", async database =>
                {
                    await database.CompactAsync(cancellation);
                    return (database.Customers.Count, database.CommittedSequence);
                }, cancellation)
                : await output.WithProgressAsync("Compacting", progress =>
                {
                    progress.Report(double.NaN);
                    return target.AskAsync(parse, async client =>
                    {
                        DataStatistics now = (await client.CompactDataAsync(new CompactDataRequest(), cancellationToken: cancellation)).Statistics;
                        return ((long)now.CustomerCount, now.CommittedSequence);
                    }, cancellation);
                });
            output.Line($"Compacted: {customers:N0} customers, all that was superseded or deleted is gone");
            output.Result(new JsonObject { ["customers"] = customers, ["committed_sequence"] = sequence });
            return ExitCode.Success;
        });
        return command;
    }
}
