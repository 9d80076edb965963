using System.CommandLine;
using ScoringEngine.Server.CommandLine;

RootCommand root = new("Scores customers: segment, value tier, expected profit and next best value proposition.");
root.Options.Add(CommandRunner.JsonOption);
ParseResult parse = root.Parse(args);
int exitCode = await parse.InvokeAsync();
return parse.Errors.Count > 0 ? (int)ExitCode.Usage : exitCode;
