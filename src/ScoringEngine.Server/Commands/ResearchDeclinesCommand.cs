using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>research declines</c>: why customers decline, against what their segments are thought to need.</summary>
internal static class ResearchDeclinesCommand
{
    private const string Declined = "declined";

    private sealed record Request(string Workspace, string Data)
    {
        public string? Customers { get; init; }

        public int? Version { get; init; }

        public bool All { get; init; }

        public long AllowRejects { get; init; }
    }

    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> data = CommonOptions.Data("Outcomes: CSV with a header, plain or .gz, such as decisions export writes; - reads standard input. Columns "
            + "proposition, reason, segment or segment_id (with --customers: customer), and kind or answer, of which only declined counts");
        Option<string?> customers = new("--customers") { Description = "Customer file: take segments from the model, by the outcomes' customer", HelpName = "FILE" };
        Option<bool> all = new("--all") { Description = "Show every need of every segment and proposition, not only those that are flagged and the segments' sums" };
        Option<int?> version = CommonOptions.Version();
        Option<long> allowRejects = CommonOptions.AllowRejects();
        EngineCommand command = new("declines", "Count why customers decline, by segment and proposition, and flag the needs that declines name more often than "
            + "their weight explains. A reason stands for the need that decline_reasons in needs.yaml says, or the need of that id.",
            "scoring-engine decisions export --log customers --format csv --out decisions.csv",
            "scoring-engine research declines -w models/mine --data decisions.csv",
            "scoring-engine research declines -w models/mine --data outcomes.csv --customers customers.csv --all --json")
        {
            workspace, data, customers, all, version, allowRejects,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(data) == "-" && result.GetResult(customers) is not null)
            {
                result.AddError("declines: --data has to be a file when --customers is given");
            }
        });
        command.SetHandler((parse, output, cancellation) => Task.FromResult(Run(
            new Request(parse.GetRequiredValue(workspace), parse.GetRequiredValue(data))
            {
                Customers = parse.GetValue(customers),
                Version = parse.GetValue(version),
                All = parse.GetValue(all),
                AllowRejects = parse.GetValue(allowRejects),
            },
            output, cancellation)));
        return command;
    }

    private static ExitCode Run(Request request, CommandOutput output, CancellationToken cancellation)
    {
        Workspace workspace = Workspace.Load(request.Workspace);
        RejectedRows rejected = new(output, request.AllowRejects);
        Dictionary<string, int>? segments = request.Customers is null ? null
            : SegmentLookup.Of(NeedSurvey.Customers(CsvTable.Open(request.Data)), request.Customers, ModelPackage.Load(workspace, request.Version), workspace,
                rejected, output, cancellation);
        DeclineReasons reasons = new(workspace.Needs);
        using CsvTable table = CsvTable.Open(request.Data, request.Data == "-" ? Console.OpenStandardInput() : null);
        output.WithProgress("outcomes", progress =>
        {
            Read(table, workspace, segments, reasons, rejected, progress, cancellation);
            return 0;
        });
        Show(request, workspace, reasons.Report(), rejected, output);
        return rejected.Finish();
    }

    private static void Read(CsvTable table, Workspace workspace, Dictionary<string, int>? segments, DeclineReasons reasons, RejectedRows rejected,
        IProgress<double> progress, CancellationToken cancellation)
    {
        HashSet<string> catalogue = [.. workspace.Propositions.Select(p => p.Id)];
        int segmentColumn = segments is not null ? table.Require("customer") : Either("segment_id", "segment") is >= 0 and int found ? found : table.Require("segment");
        int propositionColumn = table.Require("proposition");
        int reasonColumn = table.Require("reason");
        int kindColumn = Either("answer", "kind");
        for (long row = 1; table.Read(); row++)
        {
            if (row % 4096 == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress.Report(table.Progress);
            }
            if (table.RowViolation is { } violation)
            {
                rejected.Add(new RowRejection(table.Name, table.Line, "", "", violation));
                continue;
            }
            if (kindColumn >= 0 && table.Text(kindColumn) != Declined)
            {
                continue;
            }
            string proposition = table.Text(propositionColumn);
            if (!catalogue.Contains(proposition))
            {
                Reject(propositionColumn, $"not in the catalogue{NearestName.Hint(proposition, catalogue)}");
            }
            else if (segments is null && !(int.TryParse(table[segmentColumn], NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id > 0))
            {
                Reject(segmentColumn, "expected a segment id");
            }
            else if (segments is not null && !segments.ContainsKey(table.Text(segmentColumn)))
            {
                Reject(segmentColumn, "not in the customer file");
            }
            else
            {
                int segment = segments?[table.Text(segmentColumn)] ?? int.Parse(table[segmentColumn], NumberStyles.None, CultureInfo.InvariantCulture);
                reasons.Add(segment, proposition, table.Text(reasonColumn));
            }
        }

        int Either(string first, string second) => table.IndexOf(first) is >= 0 and int column ? column : table.IndexOf(second);

        void Reject(int column, string reason) => rejected.Add(new RowRejection(table.Name, table.Line, table.Header[column], table.Text(column), reason));
    }

    private static void Show(Request request, Workspace workspace, DeclineReport report, RejectedRows rejected, CommandOutput output)
    {
        DeclinedNeed[] flagged = [.. report.Needs.Where(n => n.Flagged)];
        long told = report.Needs.Where(n => n.Proposition is null).Sum(n => n.Count);
        output.Heading($"{told + report.WithoutReason + report.Unmapped.Sum(u => u.Value):N0} declines: {told:N0} name a need; flagged needs: {flagged.Length}");
        Table table = new Table().Border(TableBorder.Simple).AddColumns("segment", "proposition", "need", "declines", "name it", "95 % interval", "weight", "adjusted p", "");
        foreach (DeclinedNeed need in report.Needs.Where(n => request.All || n.Flagged || n.Proposition is null))
        {
            string[] cells = [Whole(need.SegmentId), need.Proposition ?? "all", need.Need, $"{Whole(need.Count)} of {Whole(need.Total)}", Percent(need.Share),
                $"{Percent(need.Low)} to {Percent(need.High)}",
                double.IsNaN(need.Weight) ? "-" : $"{Percent(need.Weight)} ({SnakeCase.Of(workspace.Needs.Of(need.SegmentId).Provenance)})",
                double.IsNaN(need.AdjustedP) ? "-" : need.AdjustedP.ToString("0.####", CultureInfo.InvariantCulture), need.Flagged ? "flagged" : ""];
            table.AddRow(cells.Select(c => new Text(c)));
        }
        output.Show(table);
        output.Line($"Flagged: of those at most {Percent(DeclineReasons.FalseDiscoveryRate)} are expected to be chance (Benjamini and Hochberg over all tests). "
            + $"With fewer than {DeclineReasons.LeastDeclines} declines nothing is tested.");
        if (report.WithoutReason > 0)
        {
            output.Line($"{Whole(report.WithoutReason)} declines tell no reason.");
        }
        foreach ((string reason, long count) in report.Unmapped)
        {
            output.Warn($"'{reason}' ({Whole(count)} declines) stands for no need; decline_reasons in needs.yaml can say which"
                + NearestName.Hint(reason, workspace.Needs.DeclineReasons.Keys.Concat(workspace.Needs.All.Select(n => n.Id))));
        }
        output.Result(new JsonObject
        {
            ["needs"] = new JsonArray([.. report.Needs.Select(n => new JsonObject
            {
                ["segment"] = n.SegmentId,
                ["proposition"] = n.Proposition,
                ["need"] = n.Need,
                ["count"] = n.Count,
                ["total"] = n.Total,
                ["share"] = n.Share,
                ["low"] = n.Low,
                ["high"] = n.High,
                ["weight"] = n.Weight,
                ["weight_provenance"] = SnakeCase.Of(workspace.Needs.Of(n.SegmentId).Provenance),
                ["p"] = n.P,
                ["adjusted_p"] = n.AdjustedP,
                ["flagged"] = n.Flagged,
            })]),
            ["unmapped"] = new JsonObject(report.Unmapped.Select(u => KeyValuePair.Create(u.Key, (JsonNode?)u.Value))),
            ["without_reason"] = report.WithoutReason,
            ["rejected"] = rejected.ToJson(),
        });
    }

    private static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (100 * share).ToString("0.#", CultureInfo.InvariantCulture) + " %";
}
