using System.CommandLine;
using System.Globalization;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Server.Commands;

/// <summary><c>strategy</c>: the customer strategy in the files of a workspace.</summary>
internal static class StrategyCommand
{
    public static Command Create() => new("strategy", "Check, show and print the customer strategy of a workspace")
    {
        StrategyCheckCommand.Create(),
        StrategyShowCommand.Create(),
        StrategyStatusCommand.Create(),
        StrategyBookCommand.Create(),
    };

    /// <summary>The option that sets the day for which the strategy is looked at.</summary>
    public static Option<DateOnly> AsOf() => new("--as-of")
    {
        Description = "The day for which to look at it (default: today, UTC)",
        HelpName = "DATE",
        DefaultValueFactory = _ => DateOnly.FromDateTime(DateTime.UtcNow),
        CustomParser = result =>
        {
            string text = result.Tokens.Single().Value;
            if (!DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day))
            {
                result.AddError($"--as-of '{text}': expected a day such as 2026-03-31");
            }
            return day;
        },
    };

    /// <summary>The version asked for, else the newest; null where the workspace has none.</summary>
    /// <exception cref="InvalidDataException">It cannot be loaded.</exception>
    public static ModelSet? Models(Workspace workspace, int? version)
        => version is null && workspace.Versions().IsEmpty ? null : ModelPackage.Load(workspace, version);
}
