namespace ScoringEngine.Server.CommandLine;

/// <summary>How a command ends, as its exit code.</summary>
internal enum ExitCode
{
    /// <summary>Everything was done.</summary>
    Success = 0,

    /// <summary>It failed; standard error says why.</summary>
    Failure = 1,

    /// <summary>The command line is wrong.</summary>
    Usage = 2,

    /// <summary>It was done, but more rows were rejected than --allow-rejects permits.</summary>
    RowsRejected = 3,

    /// <summary>It was done, but customers who were erased may be back.</summary>
    ErasuresUnknown = 4,

    /// <summary>It was interrupted (Ctrl+C, SIGTERM).</summary>
    Interrupted = 130,
}

/// <summary>A failure that a person caused or can mend: its message is all they need.</summary>
internal sealed class CommandFailure(string message, ExitCode exitCode = ExitCode.Failure) : Exception(message)
{
    public ExitCode ExitCode { get; } = exitCode;
}
