namespace ScoringEngine.Core.Workspaces;

/// <summary>One thing wrong in a file that people write.</summary>
/// <param name="File">Path of the file.</param>
/// <param name="Line">Line from 1; 0 when it concerns the file as a whole.</param>
/// <param name="Message">What was found and what was expected.</param>
public sealed record WorkspaceProblem(string File, int Line, string Message)
{
    /// <summary>"file:line: message".</summary>
    public override string ToString() => Line > 0 ? $"{File}:{Line}: {Message}" : $"{File}: {Message}";
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
