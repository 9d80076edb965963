using System.CommandLine;

namespace ScoringEngine.Server.CommandLine;

/// <summary>Options that several commands share; each call makes a new one, as an option belongs to one command.</summary>
internal static class CommonOptions
{
    public static Option<string> Workspace() => new("--workspace", "-w")
    {
        Description = "The workspace folder",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => ".",
    };

    public static Option<string> Data(string description) => new("--data", "-d")
    {
        Description = description,
        HelpName = "FILE",
        Required = true,
    };

    public static Option<long> AllowRejects() => new("--allow-rejects")
    {
        Description = "Exit 0 although up to this many rows were rejected",
        HelpName = "N",
    };

    public static Option<int?> Version() => new("--version")
    {
        Description = "Version of the model; the newest unless given",
        HelpName = "N",
    };
}
