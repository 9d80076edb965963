using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>strategy book</c>: everything in one document.</summary>
internal static class StrategyBookCommand
{
    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<int?> version = CommonOptions.Version();
        Option<DateOnly> asOf = StrategyCommand.AsOf();
        Option<string> file = new("--out", "-o") { Description = "The document: .html or .md", HelpName = "FILE", Required = true };
        EngineCommand command = new("book", "Write all strategies, targets, propositions and needs as one self-contained document",
            "scoring-engine strategy book --workspace models/mine --out strategy.html")
        {
            workspace, version, asOf, file,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(
            Run(parse.GetRequiredValue(workspace), parse.GetValue(version), parse.GetValue(asOf), parse.GetRequiredValue(file), output)));
        return command;
    }

    /// <summary>Writes the document.</summary>
    public static ExitCode Run(string folder, int? version, DateOnly asOf, string file, CommandOutput output)
    {
        Func<StrategyBook, string> text = Path.GetExtension(file).ToLowerInvariant() switch
        {
            ".html" or ".htm" => book => book.ToHtml(),
            ".md" => book => book.ToMarkdown(),
            _ => throw new CommandFailure($"--out {file}: expected a name that ends in .html or .md", ExitCode.Usage),
        };
        string target = OutputFile.Target(file);
        Workspace workspace = Workspace.Load(folder);
        StrategyBook book = StrategyBook.Of(workspace, StrategyCommand.Models(workspace, version), asOf);
        OutputFile.Write(target, path =>
        {
            File.WriteAllText(path, text(book));
            return path;
        });
        output.Line($"Wrote {file}");
        output.Result(new JsonObject { ["file"] = target, ["title"] = book.Title });
        return ExitCode.Success;
    }
}
