using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>train</c>: a new version from customers and past outcomes.</summary>
internal static class TrainCommand
{
    /// <summary>What <c>train</c> is asked to do.</summary>
    public sealed record Request(string Workspace, string Data)
    {
        public string? Outcomes { get; init; }

        public string? Survey { get; init; }

        /// <summary>null, "auto" or a number.</summary>
        public string? Segments { get; init; }

        public long Seed { get; init; } = 1;

        public bool LaterFeatures { get; init; }

        public long AllowRejects { get; init; }
    }

    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> data = CommonOptions.Data("Customer file: CSV with a header, plain or .gz; - reads standard input");
        Option<string?> outcomes = new("--outcomes")
        {
            Description = "Past decisions with their outcomes: customer, proposition, decided_at, channel, action_probability, presented, accepted, "
                + "revenue, cost, and the features as of decided_at",
            HelpName = "FILE",
        };
        Option<string?> survey = new("--survey")
        {
            Description = "Need weights stated by a sample of customers: customer, a column for each need, words; rewrites needs.yaml",
            HelpName = "FILE",
        };
        Option<string?> segments = new("--segments")
        {
            Description = "Fit segments anew: their number, or auto. Without it the newest version's segments are kept",
            HelpName = "K|auto",
        };
        segments.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && text != "auto"
                && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int k) && k is >= 1 and <= 1000))
            {
                result.AddError($"--segments: '{text}', expected auto or a number from 1 to 1000");
            }
        });
        Option<long> seed = new("--seed") { Description = "Seed; the same data and seed make the same models", HelpName = "S", DefaultValueFactory = _ => 1 };
        Option<bool> laterFeatures = new("--later-features")
        {
            Description = "Take features that the outcomes lack from the customer file, although they are later than the decision",
        };
        Option<long> allowRejects = CommonOptions.AllowRejects();
        foreach (Option<string?> file in new[] { outcomes, survey })
        {
            file.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<string?>() == "-")
                {
                    result.AddError($"{file.Name}: expected a file; only --data can be standard input");
                }
            });
        }
        EngineCommand command = new("train", "Train a new version: segments, profitability, tiers, potential and a propensity for each proposition",
            "scoring-engine train --workspace models/mine --data customers.csv --segments auto",
            "scoring-engine train -w models/sample -d models/sample/customers.csv --outcomes models/sample/outcomes.csv --survey models/sample/survey.csv",
            "zcat customers.csv.gz | scoring-engine train -w models/mine --data -")
        {
            workspace, data, outcomes, survey, segments, seed, laterFeatures, allowRejects,
        };
        command.SetHandler((parse, output, cancellation) =>
        {
            Request request = new(parse.GetRequiredValue(workspace), parse.GetRequiredValue(data))
            {
                Outcomes = parse.GetValue(outcomes),
                Survey = parse.GetValue(survey),
                Segments = parse.GetValue(segments),
                Seed = parse.GetValue(seed),
                LaterFeatures = parse.GetValue(laterFeatures),
                AllowRejects = parse.GetValue(allowRejects),
            };
            return Task.FromResult(Run(request, output, cancellation));
        });
        return command;
    }

    /// <summary>Trains, writes the version and shows the summary. Nothing is written when too many rows are rejected.</summary>
    public static ExitCode Run(Request request, CommandOutput output, CancellationToken cancellation)
    {
        Workspace workspace = Workspace.Load(request.Workspace);
        RejectedRows rejected = new(output, request.AllowRejects);
        ModelSet? previous = ModelPackage.LoadPrevious(workspace);
        TrainingReport? previousReport = previous is null ? null : ModelPackage.ReadReport(workspace, previous.Manifest.Version);
        CategoryDictionary categories = new(workspace.Schema.Features);

        // Opened before the long work, so that a wrong name is told at once.
        using CsvTable? survey = request.Survey is null ? null : CsvTable.Open(request.Survey);
        CustomerTable customers = output.WithProgress("customers", progress =>
        {
            using CustomerFile file = CustomerFile.Open(
                CsvTable.Open(request.Data, Console.OpenStandardInput()), categories, workspace.Schema.IdColumn, workspace.Schema.Target, rejected.Add, withContext: true);
            return CustomerTable.Read(file, progress, cancellation);
        });
        OutcomeTable? outcomes = request.Outcomes is null ? null : output.WithProgress("outcomes", progress => OutcomeTable.Read(
            CsvTable.Open(request.Outcomes), categories, workspace.Propositions,
            request.LaterFeatures ? customers : null, rejected.Add, progress, cancellation));
        WarnOfUnknownCategories(workspace.Schema.Features, categories, output);
        if (rejected.Count > request.AllowRejects)
        {
            return Refuse(rejected, output);
        }

        TrainingResult result = output.WithProgress("training", progress => ModelTrainer.Train(
            workspace, customers, outcomes, previous,
            new TrainingOptions
            {
                RefitSegments = request.Segments is not null,
                Segments = request.Segments is null or "auto" ? null : int.Parse(request.Segments, CultureInfo.InvariantCulture),
                Seed = request.Seed,
            },
            DateTimeOffset.UtcNow, progress, cancellation, previousReport));
        Needs? needs = survey is null ? null : LearnNeeds(workspace.Needs, survey, result, customers, rejected);
        if (rejected.Count > request.AllowRejects)
        {
            return Refuse(rejected, output);
        }
        TrainingSummary summary = new(needs is null ? workspace : workspace.With(needs), result, customers, outcomes);
        ModelSet written = ModelPackage.Write(workspace, result.Models, result.GoldenRows, summary.ToText(), result.Report);
        if (needs is not null)
        {
            NeedsFile.Write(workspace, needs);
        }
        summary.Show(written.Manifest, output, rejected);
        return rejected.Finish();
    }

    private static ExitCode Refuse(RejectedRows rejected, CommandOutput output)
    {
        ExitCode exit = rejected.Finish();
        output.Warn("no version was written");
        output.Result(new JsonObject
        {
            ["error"] = new JsonObject { ["message"] = $"{rejected.Count} rows were rejected, no version was written" },
            ["rejected"] = rejected.ToJson(),
        });
        return exit;
    }

    private static Needs LearnNeeds(Needs needs, CsvTable survey, TrainingResult result, CustomerTable customers, RejectedRows rejected)
    {
        SegmentModel segments = result.Models.Segments;
        return NeedSurvey.Read(
            survey, needs,
            new NeedSurveyOptions { SegmentOf = id => customers.RowOf(id) is >= 0 and int row ? segments.Segments[result.Assignments[row]].Id : null },
            rejected.Add).Needs;
    }

    private static void WarnOfUnknownCategories(FeatureSchema schema, CategoryDictionary categories, CommandOutput output)
    {
        for (int f = 0; f < schema.Count; f++)
        {
            if (schema.Features[f].Kind == FeatureKind.Categorical)
            {
                string[] unknown = [.. categories.NamesOf(f)[schema.Features[f].Categories.Length..]];
                if (unknown.Length > 0)
                {
                    output.Warn($"feature '{schema.Features[f].Name}': {unknown.Length} categories are not in schema.yaml and count as missing: "
                        + $"{string.Join(", ", unknown.Take(5))}{(unknown.Length > 5 ? ", ..." : "")}");
                }
            }
        }
    }
}
