using ScoringEngine.Core.Features;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>What <c>score --out</c> wrote.</summary>
internal static class ScoreRows
{
    /// <summary>The fields of each row, by customer.</summary>
    public static Dictionary<string, string[]> Read(string file)
    {
        using CsvTable table = CsvTable.Open(file);
        Dictionary<string, string[]> rows = [];
        while (table.Read())
        {
            rows.Add(table.Text(0), [.. Enumerable.Range(0, table.Header.Count).Select(table.Text)]);
        }
        return rows;
    }
}
