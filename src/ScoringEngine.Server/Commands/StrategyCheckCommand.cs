using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>strategy check</c>: everything that is wrong in a workspace, at once.</summary>
internal static class StrategyCheckCommand
{
    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<int?> version = CommonOptions.Version();
        Option<DateOnly> asOf = StrategyCommand.AsOf();
        Option<bool> strict = new("--strict") { Description = "Fail on warnings, too" };
        EngineCommand command = new("check", "Check all files of a workspace: what is wrong, with file and line, what is doubtful, what is not written yet. "
            + "Exit 0 without errors, 1 with",
            "scoring-engine strategy check --workspace models/mine",
            "scoring-engine strategy check --workspace models/mine --as-of 2027-01-01 --strict")
        {
            workspace, version, asOf, strict,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(
            Run(parse.GetRequiredValue(workspace), parse.GetValue(version), parse.GetValue(asOf), parse.GetValue(strict), output)));
        return command;
    }

    /// <summary>Checks and shows.</summary>
    public static ExitCode Run(string folder, int? version, DateOnly asOf, bool strict, CommandOutput output)
    {
        List<WorkspaceProblem> problems = [.. StrategyCheck.Check(folder, asOf)];
        ModelSet? models = null;
        // Segments are those of a version, which loads only where the files can be read.
        if (TryLoad(folder) is { } workspace)
        {
            try
            {
                models = StrategyCommand.Models(workspace, version);
                problems = [.. StrategyCheck.Check(workspace.Source, asOf, models)];
            }
            catch (InvalidDataException e)
            {
                problems.Add(new WorkspaceProblem(workspace.Directory, 0, $"no version whose segments could be checked: {e.Message}")
                {
                    Severity = version is null ? Severity.Warning : Severity.Error,
                });
            }
        }
        foreach (WorkspaceProblem problem in problems)
        {
            output.Line(problem.ToString());
        }
        int Count(Severity severity) => problems.Count(p => p.Severity == severity);
        output.Line($"{Count(Severity.Error)} errors, {Count(Severity.Warning)} warnings, {Count(Severity.Incomplete)} incomplete; "
            + (models is null ? "segments of no version" : $"segments of version {models.Manifest.Version}"));
        output.Result(new JsonObject
        {
            ["workspace"] = folder,
            ["as_of"] = asOf.ToString("yyyy-MM-dd"),
            ["version"] = models?.Manifest.Version,
            ["errors"] = Count(Severity.Error),
            ["warnings"] = Count(Severity.Warning),
            ["incomplete"] = Count(Severity.Incomplete),
            ["problems"] = new JsonArray([.. problems.Select(p => new JsonObject
            {
                ["severity"] = SnakeCase.Of(p.Severity),
                ["file"] = p.File,
                ["line"] = p.Line,
                ["message"] = p.Message,
            })]),
        });
        return Count(Severity.Error) + (strict ? Count(Severity.Warning) : 0) > 0 ? ExitCode.Failure : ExitCode.Success;
    }

    private static Workspace? TryLoad(string folder)
    {
        try
        {
            return Workspace.Load(folder);
        }
        catch (WorkspaceException)
        {
            // Its problems are those of the check.
            return null;
        }
    }
}
