using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>init</c>: a first workspace from a customer file.</summary>
internal static class InitCommand
{
    /// <summary>What <c>init</c> is asked to do.</summary>
    public sealed record Request(string Data, string Id, string Folder)
    {
        public string? Target { get; init; }

        public string Period { get; init; } = "year";

        public string Currency { get; init; } = "EUR";

        public long AllowRejects { get; init; }
    }

    public static Command Create()
    {
        Option<string> data = CommonOptions.Data("Customer file: CSV with a header, plain or .gz");
        Option<string> id = new("--id") { Description = "Column that holds the customer's id", HelpName = "COLUMN", Required = true };
        Option<string?> target = new("--target")
        {
            Description = "Profit: a column, or a signed sum such as \"revenue - cost\"",
            HelpName = "COLUMNS",
        };
        Option<string> period = new("--period") { Description = "Period that the target covers", HelpName = "NAME", DefaultValueFactory = _ => "year" };
        Option<string> currency = new("--currency") { Description = "ISO 4217 code of all amounts", HelpName = "CODE", DefaultValueFactory = _ => "EUR" };
        currency.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is not { Length: 3 } code || !code.All(char.IsAsciiLetterUpper))
            {
                result.AddError("--currency: expected an ISO 4217 code such as EUR");
            }
        });
        Option<string> folder = new("--out", "-o") { Description = "Folder of the new workspace", HelpName = "FOLDER", Required = true };
        Option<long> allowRejects = CommonOptions.AllowRejects();
        EngineCommand command = new("init", "Make a workspace from a customer file: guess the schema, write starter propositions, needs, "
            + "strategies and policy",
            "scoring-engine init --data customers.csv --id customer_id --target \"revenue - cost\" --out models/mine")
        {
            data, id, target, period, currency, folder, allowRejects,
        };
        command.SetHandler((parse, output, cancellation) => Task.FromResult(Run(
            new Request(parse.GetRequiredValue(data), parse.GetRequiredValue(id), parse.GetRequiredValue(folder))
            {
                Target = parse.GetValue(target),
                Period = parse.GetRequiredValue(period),
                Currency = parse.GetRequiredValue(currency),
                AllowRejects = parse.GetValue(allowRejects),
            },
            output, cancellation)));
        return command;
    }

    /// <summary>Makes the workspace.</summary>
    public static ExitCode Run(Request request, CommandOutput output, CancellationToken cancellation)
    {
        ImmutableArray<(string Column, int Sign)> terms = [];
        if (request.Target is not null)
        {
            try
            {
                terms = ProfitTarget.Parse(request.Target);
            }
            catch (FormatException e)
            {
                throw new CommandFailure(e.Message, ExitCode.Usage);
            }
        }
        RejectedRows rejected = new(output, request.AllowRejects);
        using CsvTable table = CsvTable.Open(request.Data, Console.OpenStandardInput());
        InferredSchema inferred = output.WithProgress("reading", progress => SchemaInference.Infer(table, request.Id, terms, rejected.Add, progress, cancellation));
        WorkspaceWriter.Create(request.Folder, WorkspaceStarter.Files(inferred, request.Id, terms, request.Period, request.Currency));
        Workspace workspace = Workspace.Load(request.Folder);
        Show(workspace, inferred, rejected, output);
        return rejected.Finish();
    }

    private static void Show(Workspace workspace, InferredSchema inferred, RejectedRows rejected, CommandOutput output)
    {
        WorkspaceProblem[] incomplete = [.. workspace.Incompleteness()];
        FeatureSchema schema = workspace.Schema.Features;
        KeyValuePair<string, string>[] leftOut = [.. inferred.Comments.Where(c => schema.IndexOf(c.Key) < 0)];
        output.Heading($"Workspace {workspace.Name}: {schema.Count} features from {inferred.Rows} customers");
        Table table = new Table().Border(TableBorder.Simple).AddColumns("feature", "kind", "categories", "segments", "remark");
        foreach (Feature feature in schema.Features)
        {
            table.AddRow(
                new Text(feature.Name),
                new Text(SnakeCase.Of(feature.Kind)),
                new Text(feature.Kind == FeatureKind.Categorical ? feature.Categories.Length.ToString() : ""),
                new Text(feature.Segments ? feature.Log1P ? "yes (log1p)" : "yes" : "no"),
                new Text(inferred.Comments.GetValueOrDefault(feature.Name, "")));
        }
        output.Show(table);
        foreach ((string name, string why) in leftOut)
        {
            output.Line($"left out: {name}: {why}");
        }
        if (workspace.Schema.Target is { } target)
        {
            output.Line($"target: {target} per {target.Period}{(target.Proxy ? " - a PROXY for profit, labelled as such in every output" : "")}");
        }
        else
        {
            output.Line("target: none, so there will be no profitability and no tiers (--target sets one)");
        }
        foreach (WorkspaceProblem problem in incomplete)
        {
            output.Line(problem.ToString());
        }
        output.Line($"next: review {workspace.Directory}/*.yaml, then scoring-engine train --workspace {workspace.Directory} --data FILE");
        output.Result(new JsonObject
        {
            ["workspace"] = workspace.Directory,
            ["customers"] = inferred.Rows,
            ["features"] = new JsonArray([.. schema.Features.Select(f => new JsonObject
            {
                ["name"] = f.Name,
                ["kind"] = SnakeCase.Of(f.Kind),
                ["categories"] = f.Categories.Length,
                ["remark"] = inferred.Comments.GetValueOrDefault(f.Name, ""),
            })]),
            ["left_out"] = new JsonObject(leftOut.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value))),
            ["rejected"] = rejected.ToJson(),
            ["target"] = workspace.Schema.Target?.ToString(),
            ["proxy"] = workspace.Schema.Target?.Proxy,
            ["incomplete"] = new JsonArray([.. incomplete.Select(i => (JsonNode)i.ToString())]),
        });
    }
}
