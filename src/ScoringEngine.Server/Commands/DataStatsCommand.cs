using System.CommandLine;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary><c>data stats</c>: what a data directory, or the store of a server, holds.</summary>
internal static class DataStatsCommand
{
    public static Command Create()
    {
        DataTarget target = new();
        EngineCommand command = new("stats", "Show what a data folder says of itself, also while a server has it open, or what a running server holds",
            "scoring-engine data stats /var/lib/scoring-engine",
            "scoring-engine data stats --server 127.0.0.1:5005");
        target.AddTo(command, opens: false);
        command.SetHandler(async (parse, output, cancellation) =>
        {
            if (target.DirectoryOf(parse) is { } directory)
            {
                Show(directory, DataTool.Stats(directory), output);
            }
            else
            {
                GetDataStatisticsResponse response = await target.AskAsync(parse,
                    client => client.GetDataStatisticsAsync(new GetDataStatisticsRequest(), cancellationToken: cancellation).ResponseAsync, cancellation);
                Show(response.Statistics, output);
            }
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Shows what a server holds.</summary>
    public static void Show(DataStatistics now, CommandOutput output) => DataCommand.Show(output,
        ("Customers", "customers", now.CustomerCount),
        ("Memory for records, bytes", "memory_bytes", now.MemoryBytes),
        ("Memory for the index, bytes", "index_bytes", now.IndexBytes),
        ("Index too small", "index_outgrown", now.IndexOutgrown),
        ("On disk for want of memory, bytes", "spilled_bytes", now.SpilledBytes),
        ("An answered write survives", "durability", now.Durability switch
        {
            Durability.Commit => "a crash of the machine (commit)",
            Durability.Interval => "a crash of the machine, up to the last writes (interval)",
            Durability.None => "a crash of the server (none)",
            _ => "nothing: customers are in memory only",
        }),
        ("Data folder", "directory", now.DataDirectory.Length > 0 ? now.DataDirectory : null),
        ("Last durable write", "committed_sequence", now.CommittedSequence),
        ("Journal since the snapshot, bytes", "journal_bytes", now.JournalBytes),
        ("Newest snapshot", "snapshot_time", now.SnapshotTime is { } time ? $"{time.ToDateTimeOffset():yyyy-MM-dd HH:mm:ss'Z'}" : null),
        ("Recovery took, s", "recovery_seconds", now.RecoveryDuration is { } duration ? Math.Round(duration.ToTimeSpan().TotalSeconds, 1) : null),
        ("Fault", "fault", now.Fault.Length > 0 ? now.Fault : null));

    private static void Show(string directory, DirectoryStatistics now, CommandOutput output) => DataCommand.Show(output,
        ("Data folder", "directory", Path.GetFullPath(directory)),
        ("Lineage", "lineage", $"{now.Lineage:N}"),
        ("Format", "format", now.Format),
        ("In use by process", "in_use_by", now.InUseBy is { } process ? $"{process}" : null),
        ("Closed in order", "closed_in_order", now.ClosedInOrder),
        ("Snapshots", "snapshots", DataCommand.ToJson(now.Snapshots)),
        ("Journal, files", "journal_files", now.JournalFiles),
        ("Journal, bytes", "journal_bytes", now.JournalBytes),
        ("Contacts, files", "contact_files", now.ContactFiles),
        ("Contacts, bytes", "contact_bytes", now.ContactBytes),
        ("Decisions, files", "decision_files", now.DecisionFiles),
        ("Decisions, bytes", "decision_bytes", now.DecisionBytes),
        ("Values, files", "value_files", now.ValueFiles),
        ("Values, bytes", "value_bytes", now.ValueBytes),
        ("Erasures", "erasures", now.Erasures));
}
