using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>catalogue</c>: the propositions as a CSV table and back.</summary>
internal static class CatalogueCommand
{
    public static Command Create() => new("catalogue", "Take the propositions to a spreadsheet and back")
    {
        Export(),
        Import(),
    };

    private static EngineCommand Export()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> file = new("--out", "-o") { Description = "The CSV file", HelpName = "FILE", Required = true };
        EngineCommand command = new("export", "Write the propositions as CSV, one a row; nothing is lost",
            "scoring-engine catalogue export --workspace models/mine --out propositions.csv")
        {
            workspace, file,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(RunExport(parse.GetRequiredValue(workspace), parse.GetRequiredValue(file), output)));
        return command;
    }

    private static EngineCommand Import()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> data = CommonOptions.Data("The CSV file, as export writes it; it replaces the whole catalogue");
        Option<DateOnly> asOf = StrategyCommand.AsOf();
        EngineCommand command = new("import", "Replace propositions.yaml by the propositions of a CSV file. When anything is wrong all of it is told and nothing changes; "
            + "comments of the old file are not kept",
            "scoring-engine catalogue import --workspace models/mine --data propositions.csv")
        {
            workspace, data, asOf,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(
            RunImport(parse.GetRequiredValue(workspace), parse.GetRequiredValue(data), parse.GetValue(asOf), output)));
        return command;
    }

    private static ExitCode RunExport(string folder, string file, CommandOutput output)
    {
        string target = OutputFile.Target(file);
        Workspace workspace = Workspace.Load(folder);
        OutputFile.Write(target, path =>
        {
            using FileStream stream = File.Create(path);
            CatalogueTable.Write(workspace.Propositions, stream);
            return path;
        });
        return Done(output, $"Wrote {workspace.Propositions.Length} propositions to {file}", target, workspace);
    }

    private static ExitCode RunImport(string folder, string data, DateOnly asOf, CommandOutput output)
    {
        WorkspaceSource source = WorkspaceSource.Open(folder);
        Workspace workspace = CatalogueTable.Read(CsvTable.Open(data, Console.OpenStandardInput()), source, asOf);
        string target = Path.Combine(source.Directory, CatalogueTable.FileName);
        WorkspaceWriter.Replace(target, WorkspaceWriter.PropositionsText(workspace.Propositions));
        return Done(output, $"Wrote {workspace.Propositions.Length} propositions to {target}", target, workspace);
    }

    private static ExitCode Done(CommandOutput output, string line, string file, Workspace workspace)
    {
        output.Line(line);
        output.Result(new JsonObject { ["file"] = file, ["propositions"] = workspace.Propositions.Length });
        return ExitCode.Success;
    }
}
