namespace ScoringEngine.Core.Features;

/// <summary>A row of a file that was not read.</summary>
/// <param name="File">Path of the file.</param>
/// <param name="Line">Line on which the row starts, from 1 (the header).</param>
/// <param name="Column">Column at fault; empty when it is the row as a whole.</param>
/// <param name="Value">What stands there.</param>
/// <param name="Reason">What was expected.</param>
public sealed record RowRejection(string File, long Line, string Column, string Value, string Reason)
{
    /// <summary>"file:line: column 'x': 'value': reason".</summary>
    public override string ToString()
        => Column.Length == 0 ? $"{File}:{Line}: {Reason}" : $"{File}:{Line}: column '{Column}': '{Value}': {Reason}";
}
