using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage.Snapshots;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>data</c>: looks after data directories.</summary>
internal static class DataCommand
{
    public static Command Create() => new("data", "Check, measure, compact, back up and restore the folder that keeps the customers")
    {
        DataVerifyCommand.Create(),
        DataStatsCommand.Create(),
        DataCompactCommand.Create(),
        DataBackupCommand.Create(),
        DataRestoreCommand.Create(),
    };

    /// <summary>The argument that names a data directory.</summary>
    public static Argument<string> Directory() => new("folder") { Description = "The data folder", HelpName = "FOLDER" };

    /// <summary>Shows figures by name; with --json they are the result under the given keys.</summary>
    public static void Show(CommandOutput output, params IReadOnlyList<(string Name, string Key, JsonNode? Value)> figures)
    {
        Table table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        foreach ((string name, _, JsonNode? value) in figures)
        {
            table.AddRow(new Text(name), new Text(Words(value)));
        }
        output.Show(table);
        output.Result(new JsonObject(figures.Select(f => KeyValuePair.Create(f.Key, f.Value))));
    }

    /// <summary>Snapshots as JSON, newest first.</summary>
    public static JsonArray ToJson(IEnumerable<SnapshotInfo> snapshots) => new([.. snapshots.Select(s => new JsonObject
    {
        ["file"] = s.File,
        ["created_at"] = s.CreatedAt,
        ["customers"] = s.Customers,
        ["bytes"] = s.Bytes,
    })]);

    private static string Words(JsonNode? value) => value switch
    {
        null => "-",
        JsonArray list => list.Count == 0 ? "none" : string.Join("\n", list.Select(Words)),
        JsonObject snapshot => string.Create(CultureInfo.InvariantCulture,
            $"{(DateTimeOffset)snapshot["created_at"]!:yyyy-MM-dd HH:mm:ss'Z'}, {(long)snapshot["customers"]!:N0} customers, {(long)snapshot["bytes"]!:N0} bytes"),
        JsonValue number when number.TryGetValue(out long whole) => whole.ToString("N0", CultureInfo.InvariantCulture),
        JsonValue number when number.TryGetValue(out ulong whole) => whole.ToString("N0", CultureInfo.InvariantCulture),
        JsonValue number when number.TryGetValue(out int whole) => whole.ToString("N0", CultureInfo.InvariantCulture),
        JsonValue flag when flag.TryGetValue(out bool yes) => yes ? "yes" : "no",
        _ => value.ToString(),
    };
}
