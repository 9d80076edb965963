using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>model export</c>: a version as a file that other runtimes can serve.</summary>
internal static class ModelExportCommand
{
    /// <summary>What to export.</summary>
    public sealed record Request(string Workspace, string Out)
    {
        public int? Version { get; init; }

        public bool Force { get; init; }
    }

    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> format = new("--format") { Description = "Format of the file", HelpName = "onnx", DefaultValueFactory = _ => "onnx" };
        format.AcceptOnlyFromAmong("onnx");
        Option<string> target = new("--out", "-o") { Description = "The file to write", HelpName = "FILE", Required = true };
        Option<int?> version = CommonOptions.Version();
        Option<bool> force = new("--force") { Description = "Replace the file if it is there" };
        EngineCommand command = new("export", "Write a version as an ONNX model: features in, segment, profit, tier and propensities out",
            "scoring-engine model export --workspace models/mine --out mine.onnx",
            "scoring-engine model export -w models/mine --version 3 --out mine.onnx --force")
        {
            workspace, format, target, version, force,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(Run(
            new Request(parse.GetRequiredValue(workspace), parse.GetRequiredValue(target)) { Version = parse.GetValue(version), Force = parse.GetValue(force) },
            output)));
        return command;
    }

    /// <summary>Exports; the file appears complete or not at all.</summary>
    public static ExitCode Run(Request request, CommandOutput output)
    {
        string target = OutputFile.Target(request.Out);
        if (File.Exists(target) && !request.Force)
        {
            throw new CommandFailure($"{request.Out}: is there already (--force replaces it)");
        }
        Workspace workspace = Workspace.Load(request.Workspace);
        ModelSet models = ModelPackage.Load(workspace, request.Version);
        byte[] bytes;
        try
        {
            bytes = OnnxExport.ToBytes(models);
        }
        catch (NotSupportedException e)
        {
            throw new CommandFailure($"{workspace.VersionDirectory(models.Manifest.Version)}: {e.Message}");
        }
        OutputFile.Write(target, temporary =>
        {
            File.WriteAllBytes(temporary, bytes);
            return bytes.Length;
        }, request.Force);
        string[] outputs = [.. OnnxModel.Parse(bytes, request.Out).Outputs.Select(o => o.Name)];
        output.Line($"{models.Manifest.Name} version {models.Manifest.Version} is in {request.Out}: {bytes.Length} bytes, outputs {string.Join(", ", outputs)}");
        output.Result(new JsonObject
        {
            ["model"] = models.Manifest.Name,
            ["version"] = models.Manifest.Version,
            ["out"] = request.Out,
            ["bytes"] = bytes.Length,
            ["outputs"] = new JsonArray([.. outputs.Select(o => (JsonNode)o)]),
        });
        return ExitCode.Success;
    }
}
