using System.Text;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

/// <summary>Tables from text; messages call them "(stdin)".</summary>
internal static class Csv
{
    public static CsvTable Of(string text) => Of(Encoding.UTF8.GetBytes(text));

    public static CsvTable Of(byte[] text) => CsvTable.Open("-", new MemoryStream(text));

    /// <summary>All rows as "line: field/field", a row with a violation as "line! violation".</summary>
    public static List<string> Rows(CsvTable table)
    {
        List<string> rows = [];
        while (table.Read())
        {
            rows.Add(table.RowViolation is { } violation
                ? $"{table.Line}! {violation}"
                : $"{table.Line}: {string.Join('/', Enumerable.Range(0, table.Header.Count).Select(table.Text))}");
        }
        return rows;
    }
}
