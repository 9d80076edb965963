using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>model list</c>: the versions of a workspace.</summary>
internal static class ModelListCommand
{
    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        EngineCommand command = new("list", "List the versions of a workspace, newest first, and what was imported into each",
            "scoring-engine model list --workspace models/mine")
        {
            workspace,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(Run(parse.GetRequiredValue(workspace), output)));
        return command;
    }

    /// <summary>Lists the versions by their manifests.</summary>
    public static ExitCode Run(string folder, CommandOutput output)
    {
        Workspace workspace = Workspace.Load(folder);
        ModelManifest[] manifests = [.. workspace.Versions().Select(v => ModelPackage.ReadManifest(workspace, v))];
        Table table = new Table().Border(TableBorder.Simple).AddColumns("version", "made at", "customers", "imported");
        foreach (ModelManifest manifest in manifests)
        {
            table.AddRow(
                new Text($"{manifest.Version}"),
                new Text(manifest.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
                new Text($"{manifest.Data.Where(d => d.Role == "customers").Select(d => d.Rows).LastOrDefault()}"),
                new Text(string.Join("\n", manifest.Imports.Select(i => $"{i.Part}: {i.Name}, {i.Format}, {i.Objective}"))));
        }
        output.Show(table);
        output.Line(manifests.Length == 0 ? $"{workspace.Name} has no version yet (scoring-engine train makes one)" : $"{manifests.Length} versions of {workspace.Name}");
        output.Result(new JsonObject
        {
            ["model"] = workspace.Name,
            ["versions"] = new JsonArray([.. manifests.Select(m => new JsonObject
            {
                ["version"] = m.Version,
                ["created_at"] = m.CreatedAt,
                ["imports"] = new JsonArray([.. m.Imports.Select(i => new JsonObject
                {
                    ["part"] = i.Part,
                    ["file"] = i.Name,
                    ["sha256"] = i.Sha256,
                    ["format"] = i.Format,
                    ["objective"] = i.Objective,
                })]),
            })]),
        });
        return ExitCode.Success;
    }
}
