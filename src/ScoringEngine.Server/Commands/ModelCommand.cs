using System.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>model</c>: versions, and models from and for other runtimes.</summary>
internal static class ModelCommand
{
    public static Command Create() => new("model", "List versions, import a model that was trained elsewhere, export a version")
    {
        ModelListCommand.Create(),
        ModelImportCommand.Create(),
        ModelExportCommand.Create(),
    };
}
