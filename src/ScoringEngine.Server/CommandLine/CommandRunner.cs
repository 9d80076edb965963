using System.CommandLine;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Server.CommandLine;

/// <summary>
/// Builds the commands' common shape: --json, one place that turns failures into a clear line and an exit code.
/// </summary>
internal static class CommandRunner
{
    /// <summary>Every command has it.</summary>
    public static Option<bool> JsonOption { get; } = new("--json")
    {
        Description = "Write one JSON object to standard output instead of tables",
        Recursive = true,
    };

    /// <summary>Sets what a command does; failures become a line on standard error and an exit code.</summary>
    public static void SetHandler(this Command command, Func<ParseResult, CommandOutput, CancellationToken, Task<ExitCode>> handler)
        => command.SetAction(async (parse, cancellation) =>
        {
            CommandOutput output = new(parse.GetValue(JsonOption), parse.InvocationConfiguration.Output, parse.InvocationConfiguration.Error);
            try
            {
                return (int)await handler(parse, output, cancellation);
            }
            catch (Exception e)
            {
                (string message, ExitCode exitCode) = Explain(e, cancellation);
                output.Fail(message, e is WorkspaceException w
                    ? new JsonArray([.. w.Problems.Select(p => new JsonObject { ["file"] = p.File, ["line"] = p.Line, ["message"] = p.Message })])
                    : null);
                return (int)exitCode;
            }
        });

    private static (string Message, ExitCode ExitCode) Explain(Exception exception, CancellationToken cancellation) => exception switch
    {
        CommandFailure failure => (failure.Message, failure.ExitCode),
        OperationCanceledException when cancellation.IsCancellationRequested => ("interrupted", ExitCode.Interrupted),
        RpcException rpc => ($"the server answered {rpc.StatusCode}: {rpc.Status.Detail}", ExitCode.Failure),
        AddressInUseException or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => (exception.Message, ExitCode.Failure),
        IOException { InnerException: AddressInUseException } inUse => (inUse.Message, ExitCode.Failure),
        FileNotFoundException { FileName: { } file } => ($"{file}: file not found", ExitCode.Failure),
        IOException or InvalidDataException or UnauthorizedAccessException => (exception.Message, ExitCode.Failure),

        // Anything else is a defect: show all of it.
        _ => ($"internal error: {exception}", ExitCode.Failure),
    };
}
