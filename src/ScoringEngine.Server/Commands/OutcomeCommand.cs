using System.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>outcome</c>: what became of decisions.</summary>
internal static class OutcomeCommand
{
    public static Command Create() => new("outcome", "Outcomes: what became of decisions")
    {
        OutcomeImportCommand.Create(),
    };
}
