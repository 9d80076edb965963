using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>strategy status</c>: how far a workspace has come on the five steps.</summary>
internal static class StrategyStatusCommand
{
    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<int?> version = CommonOptions.Version();
        Option<DateOnly> asOf = StrategyCommand.AsOf();
        EngineCommand command = new("status", "Walk the five steps of a customer strategy (understand, articulate, design, enable, capture): what is in place, what comes next",
            "scoring-engine strategy status --workspace models/mine")
        {
            workspace, version, asOf,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(Run(parse.GetRequiredValue(workspace), parse.GetValue(version), parse.GetValue(asOf), output)));
        return command;
    }

    /// <summary>Takes stock and shows it.</summary>
    public static ExitCode Run(string folder, int? version, DateOnly asOf, CommandOutput output)
    {
        Workspace workspace = Workspace.Load(folder);
        StrategyStatus status = StrategyStatus.Of(workspace, StrategyCommand.Models(workspace, version), asOf);
        foreach ((StatusStep step, int index) in status.Steps.Select((s, i) => (s, i)))
        {
            output.Heading($"{index + 1}. {step.Name}: {(step.InPlace ? "in place" : "not in place")}. {step.Question}");
            Table table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "", "");
            foreach (StatusItem item in step.Items)
            {
                table.AddRow(new Text(item.InPlace ? "yes" : "no"), new Text(item.What), new Text(item.Detail));
            }
            output.Show(table);
        }
        output.Line();
        output.Line(status.Next is { } next ? $"next: {next.What}: {next.Detail}" : "everything is in place");
        output.Result(new JsonObject
        {
            ["workspace"] = workspace.Directory,
            ["steps"] = new JsonArray([.. status.Steps.Select(s => new JsonObject
            {
                ["step"] = s.Name,
                ["in_place"] = s.InPlace,
                ["items"] = new JsonArray([.. s.Items.Select(i => new JsonObject { ["what"] = i.What, ["in_place"] = i.InPlace, ["detail"] = i.Detail })]),
            })]),
            ["next"] = status.Next?.What,
        });
        return ExitCode.Success;
    }
}
