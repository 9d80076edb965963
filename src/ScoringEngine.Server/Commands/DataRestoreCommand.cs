using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary><c>data restore</c>: a data directory from a backup, without the customers erased since.</summary>
internal static class DataRestoreCommand
{
    public static Command Create()
    {
        Argument<string> backup = new("backup") { Description = "Folder of the backup; it is not changed", HelpName = "BACKUP" };
        Argument<string> directory = new("folder") { Description = "The data folder to make: absent or empty", HelpName = "FOLDER" };
        Option<string?> erasures = new("--erasures")
        {
            Description = "Data folder the backup was made of: customers deleted there since are left out",
            HelpName = "FOLDER",
        };
        Option<long?> memory = new("--memory")
        {
            Description = "Memory for customers meanwhile; records beyond it are on disk (default: 1GB)",
            HelpName = "SIZE",
            CustomParser = ByteSize.Parse,
        };
        EngineCommand command = new("restore", "Make a data folder of a backup. Give --erasures wherever the old data folder can still be read, or customers "
            + "who were deleted after the backup come back",
            "scoring-engine data restore /backup/monday /var/lib/scoring-engine-2 --erasures /var/lib/scoring-engine")
        {
            backup, directory, erasures, memory,
        };
        command.SetHandler((parse, output, cancellation) =>
        {
            string target = parse.GetRequiredValue(directory);
            string source = parse.GetRequiredValue(backup);
            CustomerStoreOptions store = DataTarget.StoreOptions(source, parse.GetValue(memory));
            RestoreInfo info = output.WithProgress("Restoring", progress => DataTool.Restore(
                source, target, parse.GetValue(erasures), store, new RecoveryBar(progress), cancellation));
            foreach (string warning in info.Warnings)
            {
                output.Warn($"some erasures may be unknown, and who was deleted be back: {warning}");
            }
            output.Line($"Restored {info.Customers:N0} customers to {target}; left out {info.Erased:N0} who had been deleted");
            output.Result(new JsonObject
            {
                ["directory"] = Path.GetFullPath(target),
                ["customers"] = info.Customers,
                ["erased"] = info.Erased,
                ["warnings"] = new JsonArray([.. info.Warnings.Select(w => JsonValue.Create(w))]),
            });
            return Task.FromResult(info.Warnings.Count == 0 ? ExitCode.Success : ExitCode.ErasuresUnknown);
        });
        return command;
    }
}
