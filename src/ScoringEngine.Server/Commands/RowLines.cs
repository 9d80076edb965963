namespace ScoringEngine.Server.Commands;

/// <summary>Remembers on which line each row of a file stood.</summary>
internal sealed class RowLines
{
    // Where lines do not follow rows one by one: (row, line), ascending.
    private readonly List<(long Row, long Line)> _lines = [];

    /// <summary>Notes the line on which the next row starts.</summary>
    public void Add(long row, long line)
    {
        if (_lines.Count == 0 || line - _lines[^1].Line != row - _lines[^1].Row)
        {
            _lines.Add((row, line));
        }
    }

    /// <summary>The line on which a row starts.</summary>
    public long Of(long row)
    {
        (long firstRow, long firstLine) = _lines.FindLast(l => l.Row <= row);
        return firstLine + row - firstRow;
    }
}
