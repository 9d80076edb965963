using System.CommandLine;
using ScoringEngine.Server.CommandLine;

// A server that is told to stop lets running calls end first.
return await RootCommandFactory.RunAsync(args, new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(6) });
