using System.CommandLine;
using System.CommandLine.Invocation;
using ScoringEngine.Server.Commands;

namespace ScoringEngine.Server.CommandLine;

/// <summary>Joins the commands.</summary>
internal static class RootCommandFactory
{
    /// <summary>The command line of <c>scoring-engine</c>.</summary>
    public static RootCommand Create()
    {
        RootCommand root = new("Scores customers: segment, value tier, expected profit and next best value proposition.")
        {
            CommandRunner.JsonOption,
            DemoCommand.Create(),
            InitCommand.Create(),
            SampleCommand.Create(),
            TrainCommand.Create(),
            ScoreCommand.Create(),
            ServeCommand.Create(),
            ImportCommand.Create(),
            DataCommand.Create(),
            ModelCommand.Create(),
            StrategyCommand.Create(),
            CatalogueCommand.Create(),
            HealthCommand.Create(),
        };
        EngineCommand.ShowExamples(root);
        return root;
    }

    /// <summary>Runs a command line; returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] args, InvocationConfiguration configuration, CancellationToken cancellation = default)
    {
        ParseResult parse = Create().Parse(args);
        if (parse.Errors.Count > 0 && parse.GetValue(CommandRunner.JsonOption))
        {
            // The parser's own answer would put help on standard output.
            new CommandOutput(json: true, configuration.Output, configuration.Error).Fail(string.Join(Environment.NewLine, parse.Errors.Select(e => e.Message)));
            return (int)ExitCode.Usage;
        }
        int exitCode = await parse.InvokeAsync(configuration, cancellation);
        return parse.Action is ParseErrorAction ? (int)ExitCode.Usage : exitCode;
    }
}
