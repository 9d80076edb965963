using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary>Assigns customers of a file to segments.</summary>
internal static class SegmentLookup
{
    /// <summary>Opens a file of customers for the scoring of a model; "-" reads standard input.</summary>
    public static CustomerFile Open(string data, ModelSet models, Workspace workspace, RejectedRows rejected) => CustomerFile.Open(
        CsvTable.Open(data, data == "-" ? Console.OpenStandardInput() : null), new CategoryDictionary(models.Schema), workspace.Schema.IdColumn, target: null, rejected.Add, withContext: true);

    /// <summary>The segment ids of those customers of a file who are wanted; of an id that comes twice, the last row's.</summary>
    public static Dictionary<string, int> Of(IReadOnlySet<string> wanted, string data, ModelSet models, Workspace workspace, RejectedRows rejected,
        CommandOutput output, CancellationToken cancellation)
    {
        Dictionary<string, int> segments = new(StringComparer.Ordinal);
        output.WithProgress("segments", progress =>
        {
            using CustomerFile file = Open(data, models, workspace, rejected);
            SegmentScan.Run(models, file, row => wanted.Contains(Encoding.UTF8.GetString(row.Id)),
                (id, segment, _) => segments[Encoding.UTF8.GetString(id)] = models.Segments.Segments[segment].Id, progress, cancellation);
            return segments.Count;
        });
        return segments;
    }
}
