using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Server.CommandLine;

/// <summary>
/// Keeps count of the rows that a command could not read: the first ones are shown on standard error as they come, all
/// are counted, and the exit code says so unless that many are allowed.
/// </summary>
/// <param name="output">Told of them.</param>
/// <param name="allowed">How many are put up with.</param>
/// <param name="shown">How many are shown.</param>
internal sealed class RejectedRows(CommandOutput output, long allowed, int shown = 20)
{
    private readonly List<RowRejection> _first = [];

    public long Count { get; private set; }

    public void Add(RowRejection rejection)
    {
        if (Count++ < shown)
        {
            _first.Add(rejection);
            output.Warn($"rejected: {rejection}");
        }
    }

    /// <summary>Counts rows of which nothing more is known.</summary>
    public void AddUnseen(long count) => Count += count;

    /// <summary>Tells the total; the exit code that follows from it.</summary>
    public ExitCode Finish()
    {
        if (Count > _first.Count)
        {
            output.Warn($"rejected: {Count - _first.Count} more rows");
        }
        if (Count > allowed)
        {
            output.Warn($"{Count} rows were rejected (--allow-rejects {Count} accepts that)");
            return ExitCode.RowsRejected;
        }
        return ExitCode.Success;
    }

    public JsonObject ToJson() => new()
    {
        ["count"] = Count,
        ["first"] = new JsonArray([.. _first.Select(r => new JsonObject
        {
            ["file"] = r.File,
            ["line"] = r.Line,
            ["column"] = r.Column,
            ["value"] = r.Value,
            ["reason"] = r.Reason,
        })]),
    };
}
