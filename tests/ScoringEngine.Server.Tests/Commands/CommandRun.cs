using System.CommandLine;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>What a command line led to.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Error)
{
    /// <summary>Standard output as the one JSON object it has to be, numbers that are none included.</summary>
    public JsonObject Json { get => field ??= Parse(Output); }

    /// <summary>Runs in this process.</summary>
    public static async Task<CommandRun> Of(params string[] arguments)
    {
        using StringWriter output = new() { NewLine = "\n" };
        using StringWriter error = new() { NewLine = "\n" };
        int exitCode = await RootCommandFactory.RunAsync(arguments,
            new InvocationConfiguration { Output = output, Error = error, ProcessTerminationTimeout = null });
        return new CommandRun(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Runs with --json in this process and expects success.</summary>
    public static async Task<JsonObject> Succeed(params string[] arguments)
    {
        CommandRun run = await Of([.. arguments, "--json"]);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        return run.Json;
    }

    /// <summary>Runs with --json in this process and expects a failure that is told alike on both outputs; returns the message.</summary>
    public static async Task<string> Fail(ExitCode exitCode, params string[] arguments)
    {
        CommandRun run = await Of([.. arguments, "--json"]);
        Assert.Equal((int)exitCode, run.ExitCode);
        string message = (string)run.Json["error"]!["message"]!;
        Assert.Equal(message, run.Error.TrimEnd('\n'));
        Assert.DoesNotContain("   at ", message);
        Assert.DoesNotContain("internal error", message);
        return message;
    }

    /// <summary>Runs the program itself, with <paramref name="input"/> as its standard input.</summary>
    public static async Task<CommandRun> OfProcess(byte[] input, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "scoring-engine.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.BaseStream.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return new CommandRun(process.ExitCode, await output, await error);
    }

    private static JsonObject Parse(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text); // refuses anything after the object
        return JsonObject.Create(document.RootElement.Clone())!;
    }
}

/// <summary>A temporary folder.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("scoring-engine-tests-");

    public string Path => _folder.FullName;

    public string At(params string[] names) => System.IO.Path.Combine([Path, .. names]);

    /// <summary>Writes a text file, packed where its name ends in .gz; returns its path.</summary>
    public string Write(string name, string text)
    {
        using Stream file = File.Create(At(name));
        using Stream target = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        target.Write(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n")));
        return At(name);
    }

    /// <summary>Every file below, with its length, in order.</summary>
    public string[] Content() => [.. _folder.EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
        .Select(f => $"{System.IO.Path.GetRelativePath(Path, f.FullName)} {(f as FileInfo)?.Length}").Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Delete(recursive: true);
}
