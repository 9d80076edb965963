using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>research import</c>: customers' answers become the weights of their segments' needs.</summary>
internal static class ResearchImportCommand
{
    private sealed record Request(string Workspace, string Data, NeedSurveyOptions Options)
    {
        public string? Customers { get; init; }

        public int? Version { get; init; }

        public long AllowRejects { get; init; }
    }

    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> data = CommonOptions.Data("Answers: CSV with a header, plain or .gz; columns customer, segment (unless --customers), those of the method, "
            + "and words, the customer's own");
        Option<string> method = new("--method")
        {
            Description = "ratings: a column for each need, 1 (not important) to --scale; best-worst: columns NEED_best, NEED_worst and NEED_shown "
                + "with how often; weights: a column for each need, 0 or more",
            HelpName = "METHOD",
            DefaultValueFactory = _ => "ratings",
        };
        method.AcceptOnlyFromAmong("ratings", "best-worst", "weights");
        Option<long> scale = new("--scale")
        {
            Description = "The highest rating",
            HelpName = "K",
            DefaultValueFactory = _ => 5,
            CustomParser = WholeNumber.Within(2, 100),
        };
        Option<long> minAnswers = new("--min-answers")
        {
            Description = "A segment with fewer answers keeps the weights that it has",
            HelpName = "N",
            DefaultValueFactory = _ => NeedSurvey.MinAnswers,
            CustomParser = WholeNumber.Within(NeedSurvey.MinAnswers, 1_000_000),
        };
        Option<string?> source = new("--source") { Description = "Name of the survey; the file's unless given", HelpName = "NAME" };
        Option<string?> customers = new("--customers") { Description = "Customer file: take segments from the model rather than from the answers", HelpName = "FILE" };
        Option<int?> version = CommonOptions.Version();
        Option<long> allowRejects = CommonOptions.AllowRejects();
        EngineCommand command = new("import", "Turn customers' answers into need weights by segment, with sample sizes and 95 % intervals, and write them into "
            + "needs.yaml. Nothing is written when more answers cannot be used than --allow-rejects permits.",
            "scoring-engine research import -w models/mine --data answers.csv",
            "scoring-engine research import -w models/mine --data answers.csv --method best-worst --source \"Spring 2026\" --min-answers 30",
            "scoring-engine research import -w models/sample --data models/sample/survey.csv --method weights --customers models/sample/customers.csv")
        {
            workspace, data, method, scale, minAnswers, source, customers, version, allowRejects,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(data) == "-" && result.GetResult(customers) is not null)
            {
                result.AddError("import: --data has to be a file when --customers is given");
            }
            if (result.GetResult(scale) is { Implicit: false } && result.GetValue(method) != "ratings")
            {
                result.AddError("import: --scale goes with ratings only");
            }
        });
        command.SetHandler((parse, output, cancellation) =>
        {
            NeedSurveyOptions options = new()
            {
                Method = parse.GetValue(method) switch { "ratings" => SurveyMethod.Ratings, "best-worst" => SurveyMethod.BestWorst, _ => SurveyMethod.Weights },
                Scale = (int)parse.GetValue(scale),
                MinAnswers = (int)parse.GetValue(minAnswers),
                Source = parse.GetValue(source),
            };
            Request request = new(parse.GetRequiredValue(workspace), parse.GetRequiredValue(data), options)
            {
                Customers = parse.GetValue(customers),
                Version = parse.GetValue(version),
                AllowRejects = parse.GetValue(allowRejects),
            };
            return Task.FromResult(Run(request, output, cancellation));
        });
        return command;
    }

    private static ExitCode Run(Request request, CommandOutput output, CancellationToken cancellation)
    {
        Workspace workspace = Workspace.Load(request.Workspace);
        ModelSet models = ModelPackage.Load(workspace, request.Version);
        RejectedRows rejected = new(output, request.AllowRejects, shown: int.MaxValue);
        Dictionary<string, int>? segments = request.Customers is null ? null
            : SegmentLookup.Of(NeedSurvey.Customers(CsvTable.Open(request.Data)), request.Customers, models, workspace, rejected, output, cancellation);
        SurveyedNeeds surveyed = NeedSurvey.Read(
            CsvTable.Open(request.Data, request.Data == "-" ? Console.OpenStandardInput() : null), workspace.Needs,
            request.Options with
            {
                SegmentOf = segments is null ? null : id => segments.TryGetValue(id, out int segment) ? segment : null,
                Segments = [.. models.Segments.Segments.Select(s => s.Id)],
            },
            rejected.Add);
        if (rejected.Count > request.AllowRejects)
        {
            ExitCode refused = rejected.Finish();
            output.Warn("needs.yaml is unchanged");
            output.Result(new JsonObject
            {
                ["error"] = new JsonObject { ["message"] = $"{rejected.Count} rows were rejected, needs.yaml is unchanged" },
                ["rejected"] = rejected.ToJson(),
            });
            return refused;
        }
        bool written = surveyed.Segments.Any(s => s.Obstacle is null);
        if (written && !NeedsFile.Write(workspace, surveyed.Needs))
        {
            output.Warn("needs.yaml was written anew; its comments are gone, as its segments could not be replaced line by line");
        }
        Show(workspace, models, surveyed, written, rejected, output);
        return rejected.Finish();
    }

    private static void Show(Workspace workspace, ModelSet models, SurveyedNeeds surveyed, bool written, RejectedRows rejected, CommandOutput output)
    {
        Dictionary<int, string> names = models.Segments.Segments.ToDictionary(s => s.Id, s => s.Name);
        output.Heading(written ? $"Surveyed need weights, in {Path.Combine(workspace.Directory, Needs.FileName)}" : "No segment has enough answers: needs.yaml is unchanged");
        Table table = new Table().Border(TableBorder.Simple).AddColumns("segment", "asked", "answers");
        foreach (Need need in workspace.Needs.All)
        {
            table.AddColumn(need.Id);
        }
        foreach (SurveyedSegment s in surveyed.Segments)
        {
            NeedWeights weights = surveyed.Needs.Of(s.SegmentId);
            string[] cells = [$"{s.SegmentId} {names[s.SegmentId]}", Number(s.Asked), Number(s.Answers),
                .. workspace.Needs.All.Select(n => weights.Weights.GetValueOrDefault(n.Id).ToString("0.00", CultureInfo.InvariantCulture)
                    + (s.Obstacle is null ? weights.HalfWidths[n.Id].ToString(" ±0.00", CultureInfo.InvariantCulture) : ""))];
            table.AddRow(cells.Select(c => new Text(c)));
        }
        output.Show(table);
        output.Line("± is half of the 95 % interval (delta method over the customers who answered).");
        foreach (SurveyedSegment s in surveyed.Segments.Where(s => s.Obstacle is not null))
        {
            bool own = surveyed.Needs.BySegment.TryGetValue(s.SegmentId, out NeedWeights? kept);
            output.Line($"Segment {s.SegmentId} keeps {(own ? "its weights" : "the default weights")} ({SnakeCase.Of((kept ?? surveyed.Needs.Default).Provenance)}): {s.Obstacle}.");
        }
        output.Result(new JsonObject
        {
            ["written"] = written,
            ["segments"] = new JsonArray([.. surveyed.Segments.Select(s => ToJson(s, names[s.SegmentId], surveyed.Needs.Of(s.SegmentId)))]),
            ["rejected"] = rejected.ToJson(),
        });

        static string Number(int count) => count.ToString("N0", CultureInfo.InvariantCulture);
    }

    private static JsonObject ToJson(SurveyedSegment s, string name, NeedWeights weights) => new()
    {
        ["segment"] = s.SegmentId,
        ["name"] = name,
        ["asked"] = s.Asked,
        ["answers"] = s.Answers,
        ["kept_because"] = s.Obstacle,
        ["provenance"] = SnakeCase.Of(weights.Provenance),
        ["source"] = weights.Source,
        ["weights"] = new JsonObject(weights.Weights.Select(w => KeyValuePair.Create(w.Key, (JsonNode?)w.Value))),
        ["half_widths"] = new JsonObject(weights.HalfWidths.Select(w => KeyValuePair.Create(w.Key, (JsonNode?)w.Value))),
        ["words"] = new JsonArray([.. weights.Words]),
    };
}
