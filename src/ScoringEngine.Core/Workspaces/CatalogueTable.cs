using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using CsvHelper;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// The catalogue as a table, for people who live in spreadsheets: a proposition a row, nothing lost either way. A cell of names and numbers
/// reads <c>price: 0.8, service: 0.2</c>, one of names <c>web, email</c>, a rule one comparison a line or, with any and none, as in the YAML
/// file. A text that a spreadsheet would change or take for a formula is in double quotes within its cell.
/// </summary>
public static class CatalogueTable
{
    /// <summary>Name of the file that holds the catalogue in a workspace.</summary>
    public const string FileName = Catalogue.FileName;

    private const string WordingPrefix = "wording_";

    /// <summary>A column: where it stands in the YAML file, how cells are read, and what is written.</summary>
    private sealed record Column(string Name, string[] Path, Cell Kind, Func<Proposition, string?> Write);

    private enum Cell
    {
        /// <summary>A number, a date, one of some words.</summary>
        Word,

        /// <summary>Any text.</summary>
        Text,

        /// <summary>Names.</summary>
        List,

        /// <summary>Names with a number each.</summary>
        Map,

        /// <summary>A rule.</summary>
        Rule,
    }

    private static readonly ImmutableArray<Column> Columns =
    [
        new("id", ["id"], Cell.Text, p => p.Id),
        new("name", ["name"], Cell.Text, p => p.Name),
        new("kind", ["kind"], Cell.Word, p => SnakeCase.Of(p.Kind)),
        new("lever", ["lever"], Cell.Word, p => SnakeCase.Of(p.Lever)),
        new("value_area", ["value_area"], Cell.Text, p => NotEmpty(p.ValueArea)),
        new("category", ["category"], Cell.Text, p => NotEmpty(p.Category)),
        new("group", ["group"], Cell.Text, p => NotEmpty(p.Group)),
        new("differentiated", ["differentiated"], Cell.Word, p => Flag(p.Differentiated)),
        new("needs_acceptance", ["needs_acceptance"], Cell.Word, p => Flag(p.NeedsAcceptance)),
        new("provenance", ["provenance"], Cell.Word, p => SnakeCase.Of(p.Provenance)),
        new("prior_propensity", ["prior_propensity"], Cell.Word, p => Number(p.PriorPropensity)),
        new("margin", ["economics", "margin", "base"], Cell.Word, p => Number(p.Margin.Base)),
        new("margin_per", ["economics", "margin", "per"], Cell.Map, p => Map(p.Margin.PerFeature)),
        new("margin_every", ["economics", "margin", "every"], Cell.Word, p => SnakeCase.Of(p.Margin.Every)),
        new("saving", ["economics", "saving", "base"], Cell.Word, p => Number(p.Saving.Base)),
        new("saving_per", ["economics", "saving", "per"], Cell.Map, p => Map(p.Saving.PerFeature)),
        new("saving_every", ["economics", "saving", "every"], Cell.Word, p => SnakeCase.Of(p.Saving.Every)),
        new("differentiation", ["economics", "differentiation"], Cell.Word, p => Number(p.Differentiation)),
        new("fulfilment", ["economics", "fulfilment"], Cell.Word, p => Number(p.Fulfilment)),
        new("contact", ["economics", "contact"], Cell.Map, p => Map(p.Contact.Add("default", p.DefaultContact))),
        new("incrementality", ["economics", "incrementality"], Cell.Word, p => Number(p.Incrementality)),
        new("benefits", ["benefits"], Cell.Map, p => Map(p.Benefits)),
        new("sacrifices", ["sacrifices"], Cell.Map, p => Map(p.Sacrifices)),
        new("eligibility", ["rules", "eligibility"], Cell.Rule, p => RuleCell(p.Eligibility)),
        new("applicability", ["rules", "applicability"], Cell.Rule, p => RuleCell(p.Applicability)),
        new("suitability", ["rules", "suitability"], Cell.Rule, p => RuleCell(p.Suitability)),
        new("minimum_customer_value", ["minimum_customer_value"], Cell.Word, p => Number(p.MinimumCustomerValue)),
        new("channels", ["channels"], Cell.List, p => NotEmpty(string.Join(", ", p.Channels.Select(YamlText.Scalar)))),
        new("valid_from", ["valid_from"], Cell.Word, p => p.ValidFrom?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        new("valid_until", ["valid_until"], Cell.Word, p => p.ValidUntil?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        new("budget", ["budget"], Cell.Word, p => Number(p.Budget)),
        new("volume", ["volume"], Cell.Word, p => p.Volume?.ToString(CultureInfo.InvariantCulture)),
        new("caps", ["caps"], Cell.List, p => NotEmpty(string.Join(", ", p.Caps.Select(c => PolicyWriter.CapText(c, ofProposition: true))))),
        new("maturity_days", ["maturity_days"], Cell.Word, p => p.MaturityDays.ToString(CultureInfo.InvariantCulture)),
        new("concession", ["concession"], Cell.Word, p => Number(p.Concession)),
    ];

    /// <summary>Writes the table.</summary>
    /// <param name="propositions">The catalogue.</param>
    /// <param name="stream">Receives UTF-8; stays open.</param>
    public static void Write(IReadOnlyCollection<Proposition> propositions, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(propositions);
        ArgumentNullException.ThrowIfNull(stream);
        Column[] columns =
        [
            .. Columns,
            .. propositions.SelectMany(p => p.Wording.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(l => new Column(WordingPrefix + l, ["wording", l], Cell.Text, p => p.Wording.GetValueOrDefault(l))),
        ];
        using CsvWriter csv = CsvWriter.Create(stream, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
        Row(columns.Select(c => c.Name));
        foreach (Proposition proposition in propositions)
        {
            Row(columns.Select(c => c.Write(proposition) is { } text ? c.Kind == Cell.Text ? TextCell(text) : text : ""));
        }

        void Row(IEnumerable<string> cells)
        {
            foreach (string cell in cells)
            {
                csv.WriteField(cell);
            }
            csv.EndRecord();
        }
    }

    /// <summary>Reads a table into a workspace, of which no file changes.</summary>
    /// <param name="table">The table; disposed here. A column that is not there leaves its key out.</param>
    /// <param name="source">The workspace's files.</param>
    /// <param name="asOf">The day on which the workspace is to hold.</param>
    /// <returns>The workspace with the table's catalogue.</returns>
    /// <exception cref="WorkspaceException">The table or the workspace with it has errors; carries them all, with the lines of the table.</exception>
    public static Workspace Read(CsvTable table, WorkspaceSource source, DateOnly asOf)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(source);
        using CsvTable disposed = table;
        List<WorkspaceProblem> problems = [];
        Column?[] columns = [.. table.Header.Select(Find)];
        for (int c = 0; c < columns.Length; c++)
        {
            if (columns[c] is null)
            {
                problems.Add(new WorkspaceProblem(table.Name, 1, $"no column '{table.Header[c]}' in a catalogue{NearestName.Hint(table.Header[c], Columns.Select(k => k.Name))}"));
            }
        }
        // A proposition a line: what is wrong in a line of the text is wrong in the row of the table.
        StringBuilder text = new("propositions:\n");
        List<int> lines = [1];
        while (table.Read())
        {
            int line = (int)table.Line;
            if (table.RowViolation is { } violation)
            {
                problems.Add(new WorkspaceProblem(table.Name, line, violation));
                continue;
            }
            Branch proposition = new();
            for (int c = 0; c < columns.Length; c++)
            {
                string cell = table.Text(c);
                if (columns[c] is not { } column || cell.Length == 0)
                {
                    continue;
                }
                if (Yaml(column, cell) is { } value)
                {
                    proposition.Set(column.Path, value);
                }
                else
                {
                    problems.Add(new WorkspaceProblem(table.Name, line, $"{column.Name}: '{cell}', expected {Expected(column.Kind)}"));
                }
            }
            text.Append($"  - {proposition}\n");
            lines.Add(line);
        }
        WorkspaceSource imported = new(source.Directory, source.Contents.SetItem(Catalogue.FileName, Encoding.UTF8.GetBytes(text.ToString())));
        problems.AddRange(StrategyCheck.Check(imported, asOf).Where(p => p.Severity == Severity.Error).Select(p => InTable(p, table.Name, lines)));
        return problems.Count == 0 ? Workspace.Load(imported) : throw new WorkspaceException(problems);
    }

    private static Column? Find(string header)
        => header.StartsWith(WordingPrefix, StringComparison.Ordinal) && header.Length > WordingPrefix.Length
            ? new Column(header, ["wording", header[WordingPrefix.Length..]], Cell.Text, _ => null)
            : Columns.FirstOrDefault(c => c.Name == header);

    private static WorkspaceProblem InTable(WorkspaceProblem problem, string table, List<int> lines)
        => Path.GetFileName(problem.File) != Catalogue.FileName ? problem
            : problem with { File = table, Line = problem.Line > 0 && problem.Line <= lines.Count ? lines[problem.Line - 1] : 0 };

    private static string Expected(Cell kind) => kind switch
    {
        Cell.Map => "names with a number each, such as price: 0.8, service: 0.2",
        Cell.List => "a list such as web, email",
        Cell.Rule => "comparisons, one a line, or a rule as in propositions.yaml",
        _ => "a text in double quotes that are closed",
    };

    // The cell as YAML on one line; null where it is none.
    private static string? Yaml(Column column, string cell) => column.Kind switch
    {
        Cell.Word => YamlText.Quoted(cell),
        Cell.Text => cell[0] == '"' ? YamlSection.FlowOf(cell) : YamlText.Quoted(cell),
        Cell.List => YamlSection.FlowOf($"[{cell}]"),
        Cell.Map => column.Name == "contact" && !cell.Contains(':', StringComparison.Ordinal) ? YamlText.Quoted(cell) : Names(cell),
        _ => RuleYaml(cell),
    };

    private static string? Names(string cell)
        => cell.Contains(':', StringComparison.Ordinal) ? YamlSection.FlowOf($"{{{cell}}}") : null;

    private static string? RuleYaml(string cell)
    {
        if (cell[0] is '[' or '{' || (cell[0] == '"' && YamlSection.FlowOf(cell) is not null))
        {
            return YamlSection.FlowOf(cell);
        }
        string[] comparisons = cell.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return comparisons.Length == 1 ? YamlText.Quoted(comparisons[0]) : $"[{string.Join(", ", comparisons.Select(YamlText.Quoted))}]";
    }

    private static string? RuleCell(Rule? rule) => rule switch
    {
        null => null,
        Comparison comparison when IsLine(comparison) => comparison.Text,
        Compound { Junction: Junction.All, Parts.Length: > 1 } all when all.Parts.All(IsLine) => string.Join('\n', all.Parts.Cast<Comparison>().Select(c => c.Text)),
        _ => RuleText.Of(rule),
    };

    private static bool IsLine(Rule rule) => rule is Comparison comparison && !comparison.Text.Any(char.IsControl);

    private static string TextCell(string text)
    {
        bool plain = text.Length > 0 && text[0] is not ('"' or '=' or '+' or '-' or '@') && !char.IsWhiteSpace(text[0]) && !char.IsWhiteSpace(text[^1])
            && text == YamlText.Quoted(text)[1..^1];
        return plain ? text : YamlText.Quoted(text);
    }

    private static string? NotEmpty(string text) => text.Length == 0 ? null : text;

    private static string Flag(bool value) => value ? "true" : "false";

    private static string? Number(double? value) => value is { } number ? YamlText.Number(number) : null;

    private static string? Map(IEnumerable<KeyValuePair<string, double>> numbers)
        => NotEmpty(string.Join(", ", numbers.Select(n => $"{YamlText.Scalar(n.Key)}: {YamlText.Number(n.Value)}")));

    /// <summary>A mapping under construction; its text is one line of YAML.</summary>
    private sealed class Branch
    {
        private readonly Dictionary<string, object> _entries = new(StringComparer.Ordinal);

        public void Set(ReadOnlySpan<string> path, string value)
        {
            if (path.Length == 1)
            {
                _entries[path[0]] = value;
                return;
            }
            if (!_entries.TryGetValue(path[0], out object? branch))
            {
                _entries[path[0]] = branch = new Branch();
            }
            ((Branch)branch).Set(path[1..], value);
        }

        public override string ToString() => "{" + string.Join(", ", _entries.Select(e => $"{YamlText.Quoted(e.Key)}: {e.Value}")) + "}";
    }
}
