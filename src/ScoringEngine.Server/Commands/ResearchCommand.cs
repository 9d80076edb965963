using System.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>research</c>: what customers need, by asking them and by why they decline.</summary>
internal static class ResearchCommand
{
    public static Command Create() => new("research", "Learn what customers need: draw whom to ask, take in their answers, see why they decline")
    {
        ResearchSampleCommand.Create(),
        ResearchImportCommand.Create(),
        ResearchDeclinesCommand.Create(),
    };
}
