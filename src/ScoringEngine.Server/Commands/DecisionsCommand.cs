using System.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>decisions</c>: what the decision log holds.</summary>
internal static class DecisionsCommand
{
    public static Command Create() => new("decisions", "List and export logged decisions with their outcomes")
    {
        DecisionsListCommand.Create(),
        DecisionsExportCommand.Create(),
    };

    /// <summary>The option that leaves out earlier decisions.</summary>
    public static Option<DateTimeOffset?> Since() => new("--since")
    {
        Description = "Leave out what was decided before this time (UTC unless it has an offset)",
        HelpName = "TIME",
        CustomParser = result => InteractionOptions.ParseTime(result),
    };

    /// <summary>A time as the log tells it; 0 for none.</summary>
    public static long MillisecondsOf(DateTimeOffset? time) => time?.ToUnixTimeMilliseconds() ?? 0;
}
