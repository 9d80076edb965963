using System.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>value</c>: the value feed.</summary>
internal static class ValueCommand
{
    public static Command Create() => new("value", "The value feed: what customers really brought and cost, by day")
    {
        ValueImportCommand.Create(),
    };
}
