using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary><c>data backup</c>: a verified copy of the customers of one moment.</summary>
internal static class DataBackupCommand
{
    public static Command Create()
    {
        DataTarget target = new();
        Option<string> to = new("--to")
        {
            Description = "Folder for the copy, absent or empty; with --server on the server's machine",
            HelpName = "FOLDER",
            Required = true,
        };
        EngineCommand command = new("backup", "Copy the customers of one moment into a folder, and read the copy back. A server goes on serving meanwhile. "
            + "The copy is a data folder of its own; data restore makes one to serve from",
            "scoring-engine data backup --server 127.0.0.1:5005 --to /backup/monday",
            "scoring-engine data backup /var/lib/scoring-engine --to /backup/monday")
        {
            to,
        };
        target.AddTo(command, opens: true);
        command.SetHandler(async (parse, output, cancellation) =>
        {
            // A server may run in another folder than this command.
            string folder = Path.GetFullPath(parse.GetRequiredValue(to));
            BackupDataResponse backup = target.DirectoryOf(parse) is not null
                ? await target.OpenAsync(parse, output, "Backing up", async database =>
                {
                    BackupInfo info = await database.BackupAsync(folder, cancellation);
                    return new BackupDataResponse { Sequence = info.Sequence, CustomerCount = (ulong)info.Customers, ByteCount = (ulong)info.Bytes };
                }, cancellation)
                : await output.WithProgressAsync("Backing up", progress =>
                {
                    progress.Report(double.NaN);
                    return target.AskAsync(parse,
                        client => client.BackupDataAsync(new BackupDataRequest { Folder = folder }, cancellationToken: cancellation).ResponseAsync, cancellation);
                });
            output.Line($"Backed up {backup.CustomerCount:N0} customers to {folder}: {backup.ByteCount:N0} bytes, read back and right");
            output.Result(new JsonObject
            {
                ["directory"] = folder,
                ["customers"] = backup.CustomerCount,
                ["bytes"] = backup.ByteCount,
                ["sequence"] = backup.Sequence,
            });
            return ExitCode.Success;
        });
        return command;
    }
}
