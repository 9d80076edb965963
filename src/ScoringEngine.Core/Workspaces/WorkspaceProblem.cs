namespace ScoringEngine.Core.Workspaces;

/// <summary>How bad a problem is.</summary>
public enum Severity
{
    /// <summary>The workspace cannot be used.</summary>
    Error,

    /// <summary>It can be used, and is probably not what was meant.</summary>
    Warning,

    /// <summary>It can be used, and something is not written yet.</summary>
    Incomplete,
}

/// <summary>One thing wrong in a file that people write.</summary>
/// <param name="File">Path of the file.</param>
/// <param name="Line">Line from 1; 0 when it concerns the file as a whole.</param>
/// <param name="Message">What was found and what was expected.</param>
public sealed record WorkspaceProblem(string File, int Line, string Message)
{
    /// <summary>How bad it is.</summary>
    public Severity Severity { get; init; }

    /// <summary>"file:line: message", with the severity before the message of what is no error.</summary>
    public override string ToString()
        => $"{File}{(Line > 0 ? $":{Line}" : "")}: {(Severity == Severity.Error ? "" : SnakeCase.Of(Severity) + ": ")}{Message}";
}

/// <summary>A workspace that cannot be used; carries all problems at once.</summary>
public sealed class WorkspaceException : IOException
{
    /// <summary>An exception with its problems, at least one.</summary>
    public WorkspaceException(IReadOnlyList<WorkspaceProblem> problems)
        : base(string.Join(Environment.NewLine, problems))
    {
        Problems = problems;
    }

    /// <summary>An exception about one file as a whole.</summary>
    public WorkspaceException(string file, string message)
        : this([new WorkspaceProblem(file, 0, message)])
    {
    }

    /// <summary>Everything that is wrong, in file order.</summary>
    public IReadOnlyList<WorkspaceProblem> Problems { get; }
}
