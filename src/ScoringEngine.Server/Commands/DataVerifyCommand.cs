using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary><c>data verify</c>: reads everything in a data directory.</summary>
internal static class DataVerifyCommand
{
    public static Command Create()
    {
        Argument<string> directory = DataCommand.Directory();
        EngineCommand command = new("verify", "Read every file of a data folder, or of a backup, that no server has open, and check every checksum; "
            + "changes nothing. Exit 0 when all is as it was written, 1 when not",
            "scoring-engine data verify /var/lib/scoring-engine",
            "scoring-engine data verify /backup/monday --json")
        {
            directory,
        };
        command.SetHandler((parse, output, cancellation) => Task.FromResult(Run(parse.GetRequiredValue(directory), output, cancellation)));
        return command;
    }

    private static ExitCode Run(string directory, CommandOutput output, CancellationToken cancellation)
    {
        VerificationReport report = output.WithProgress("Verifying", progress => DataTool.Verify(directory, new RecoveryBar(progress), cancellation));
        foreach (DamagedFile damage in report.Damages)
        {
            output.Warn($"damaged: {damage.Problem}");
        }
        output.Line(report.Damages.Count == 0
            ? $"Read {report.Bytes:N0} bytes: all as written. {report.Customers:N0} customers in the newest snapshot"
            : $"Read {report.Bytes:N0} bytes: {report.Damages.Count:N0} damaged; serve --repair keeps what is provable, and lists what is lost");
        output.Result(new JsonObject
        {
            ["directory"] = Path.GetFullPath(directory),
            ["bytes"] = report.Bytes,
            ["snapshots"] = DataCommand.ToJson(report.Snapshots),
            ["damages"] = new JsonArray([.. report.Damages.Select(d => new JsonObject { ["file"] = d.File, ["problem"] = d.Problem })]),
        });
        return report.Damages.Count == 0 ? ExitCode.Success : ExitCode.Failure;
    }
}
