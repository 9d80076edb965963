using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ScoringEngine.Server.CommandLine;

/// <summary>
/// Where a command writes. Standard output carries the result: tables for a person, or one JSON object with --json.
/// Standard error carries progress (only when a person watches) and warnings.
/// </summary>
internal sealed class CommandOutput
{
    private static readonly JsonSerializerOptions JsonFormat = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly TextWriter _standardOutput;
    private readonly TextWriter _standardError;
    private readonly IAnsiConsole _output;
    private readonly IAnsiConsole _error;

    public CommandOutput(bool json, TextWriter standardOutput, TextWriter standardError)
    {
        Json = json;
        _standardOutput = standardOutput;
        _standardError = standardError;
        _output = ConsoleOn(standardOutput, Console.IsOutputRedirected);
        _error = ConsoleOn(standardError, Console.IsErrorRedirected);
    }

    /// <summary>An output for the steps of a larger command: warnings and progress as on the outer one, no result of their own.</summary>
    public static CommandOutput Silent(CommandOutput outer) => new(json: true, TextWriter.Null, outer._standardError);

    /// <summary>Whether the result is to be one JSON object.</summary>
    public bool Json { get; }

    /// <summary>Whether a person watches standard error.</summary>
    public bool IsWatched => _error.Profile.Capabilities.Interactive;

    /// <summary>Writes the JSON result; does nothing for a person.</summary>
    public void Result(JsonObject result)
    {
        if (Json)
        {
            _standardOutput.WriteLine(result.ToJsonString(JsonFormat));
        }
    }

    /// <summary>Writes why a command fails to standard error, and with --json as its result.</summary>
    public void Fail(string message, JsonArray? problems = null)
    {
        Warn(message);
        Result(new JsonObject { ["error"] = new JsonObject { ["message"] = message, ["problems"] = problems } });
    }

    /// <summary>Writes something for a person; does nothing with --json.</summary>
    public void Show(IRenderable renderable)
    {
        if (!Json)
        {
            _output.Write(renderable);
        }
    }

    /// <summary>Writes a line for a person; does nothing with --json.</summary>
    public void Line(string text = "")
    {
        if (!Json)
        {
            _standardOutput.WriteLine(text);
        }
    }

    /// <summary>Writes a heading for a person; does nothing with --json.</summary>
    public void Heading(string text)
    {
        if (!Json)
        {
            _output.WriteLine();
            _output.Write(new Text(text, new Style(decoration: Decoration.Bold)));
            _output.WriteLine();
        }
    }

    /// <summary>Writes a line to standard error.</summary>
    public void Warn(string text) => _standardError.WriteLine(text);

    /// <summary>Runs long work under a progress bar on standard error; silent in a pipe.</summary>
    public T WithProgress<T>(string title, Func<IProgress<double>, T> work)
        => WithProgressAsync(title, progress => Task.FromResult(work(progress))).GetAwaiter().GetResult();

    /// <summary>Runs long work under a progress bar on standard error; silent in a pipe.</summary>
    public async Task<T> WithProgressAsync<T>(string title, Func<IProgress<double>, Task<T>> work)
    {
        if (!_error.Profile.Capabilities.Interactive)
        {
            return await work(new Progress(_ => { }));
        }
        return await _error.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: 1);
                return Task.Run(() => work(new Progress(share =>
                {
                    task.IsIndeterminate = double.IsNaN(share);
                    task.Value = double.IsNaN(share) ? 0 : share;
                })));
            });
    }

    private static IAnsiConsole ConsoleOn(TextWriter writer, bool redirected)
    {
        bool watched = !redirected && (writer == Console.Out || writer == Console.Error);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = watched ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = watched ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = watched ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!watched)
        {
            console.Profile.Width = 120;
        }
        return console;
    }

    // Reports at once, on the reporting thread, so that the last report is never late.
    private sealed class Progress(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
