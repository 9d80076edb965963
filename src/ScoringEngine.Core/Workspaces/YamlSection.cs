using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Features;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// A mapping in a YAML file, read key by key. Whatever is wrong is noted with its line and reading goes on with the
/// default, so that a person sees all errors at once. <see cref="RejectUnknownKeys"/> comes last.
/// </summary>
internal sealed class YamlSection
{
    // Stream and document count, too.
    private const int MaxDepth = 64;

    private readonly YamlMappingNode _node;
    private readonly string _path;
    private readonly List<WorkspaceProblem> _problems;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    private YamlSection(string file, YamlMappingNode node, string path, List<WorkspaceProblem> problems)
    {
        File = file;
        _node = node;
        _path = path;
        _problems = problems;
    }

    /// <summary>The file's path, as in messages.</summary>
    public string File { get; }

    /// <summary>The line on which the mapping starts.</summary>
    public int Line => (int)_node.Start.Line;

    /// <summary>The keys as written, in order.</summary>
    public IEnumerable<string> Keys => _node.Children.Keys.OfType<YamlScalarNode>().Select(k => k.Value ?? "");

    /// <summary>Reads a file of a workspace whose top level is a mapping; an empty file is an empty mapping. Null when unreadable, with the problem noted.</summary>
    public static YamlSection? Load(WorkspaceSource source, string name, List<WorkspaceProblem> problems)
        => Load(Path.Combine(source.Directory, name), _ => source.Text(name), problems);

    /// <summary>Reads a file by its path in the same way.</summary>
    public static YamlSection? Load(string file, List<WorkspaceProblem> problems) => Load(file, System.IO.File.ReadAllText, problems);

    private static YamlSection? Load(string file, Func<string, string> read, List<WorkspaceProblem> problems)
    {
        YamlStream stream = [];
        try
        {
            string text = read(file);
            if (Refusal(text) is var (line, message))
            {
                problems.Add(new WorkspaceProblem(file, line, message));
                return null;
            }
            stream.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            problems.Add(new WorkspaceProblem(file, (int)e.Start.Line, "not valid YAML: " + e.Message));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add(new WorkspaceProblem(file, 0, e is FileNotFoundException or DirectoryNotFoundException ? "file not found" : e.Message));
            return null;
        }
        if (stream.Documents.Count == 0)
        {
            return new YamlSection(file, [], "", problems);
        }
        if (stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root)
        {
            return new YamlSection(file, root, "", problems);
        }
        problems.Add(new WorkspaceProblem(file, (int)stream.Documents[0].RootNode.Start.Line, "expected one mapping of keys to values"));
        return null;
    }

    // The loader goes down by recursion, and so do readers: what nests too deep, or within itself, must be found before it overflows the stack.
    private static (int Line, string Message)? Refusal(string text, bool aliases = true)
    {
        Parser parser = new(new StringReader(text));
        Stack<AnchorName> open = [];
        while (parser.MoveNext())
        {
            int line = (int)parser.Current!.Start.Line;
            switch (parser.Current)
            {
                case AnchorAlias alias when !aliases || open.Contains(alias.Value):
                    return (line, $"'*{alias.Value}' refers to what it stands in");
                case ParsingEvent { NestingIncrease: > 0 } start:
                    open.Push(start is NodeEvent node ? node.Anchor : AnchorName.Empty);
                    break;
                case ParsingEvent { NestingIncrease: < 0 }:
                    open.Pop();
                    break;
            }
            if (open.Count > MaxDepth)
            {
                return (line, $"nested more than {MaxDepth} levels deep");
            }
        }
        return null;
    }

    /// <summary>A value of YAML, written anew on one line; null where the text is not one, or refers to another.</summary>
    public static string? FlowOf(string text)
    {
        try
        {
            if (Refusal(text, aliases: false) is not null)
            {
                return null;
            }
            YamlStream stream = [];
            stream.Load(new StringReader(text));
            return stream.Documents.Count == 1 ? Flow(stream.Documents[0].RootNode) : null;
        }
        catch (YamlException)
        {
            return null;
        }

        static string Flow(YamlNode node) => node switch
        {
            YamlMappingNode mapping => "{" + string.Join(", ", mapping.Children.Select(c => $"{Flow(c.Key)}: {Flow(c.Value)}")) + "}",
            YamlSequenceNode list => "[" + string.Join(", ", list.Children.Select(Flow)) + "]",
            _ => IsNull(node) ? "null" : YamlText.Quoted(((YamlScalarNode)node).Value ?? ""),
        };
    }

    /// <summary>Notes a problem at the key, or at the section when the key is absent.</summary>
    public void Problem(string key, string message)
        => AddProblem(Find(key)?.Start ?? _node.Start, $"{_path}{key}: {message}");

    /// <summary>Whether the key is written.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>Text, or null when absent.</summary>
    public string? Text(string key)
    {
        YamlNode? node = Find(key);
        if (node is null || IsNull(node))
        {
            return null;
        }
        if (node is YamlScalarNode scalar)
        {
            return scalar.Value;
        }
        Problem(key, "expected text");
        return null;
    }

    /// <summary>Text that must be there and not be empty.</summary>
    public string RequiredText(string key)
    {
        string? text = Text(key);
        if (string.IsNullOrWhiteSpace(text))
        {
            Problem(key, "missing, expected text");
            return "";
        }
        return text;
    }

    /// <summary>A finite number in a range, or the default when absent.</summary>
    public double Number(string key, double defaultValue, double minimum = double.MinValue, double maximum = double.MaxValue)
        => OptionalNumber(key, minimum, maximum) ?? defaultValue;

    /// <summary>A finite number in a range, or null when absent.</summary>
    public double? OptionalNumber(string key, double minimum = double.MinValue, double maximum = double.MaxValue)
    {
        string? text = Text(key);
        if (text is null)
        {
            return null;
        }
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
        {
            Problem(key, $"'{text}', expected a number");
            return null;
        }
        if (value < minimum || value > maximum)
        {
            string range = minimum == double.MinValue ? $"at most {Show(maximum)}"
                : maximum == double.MaxValue ? $"at least {Show(minimum)}" : $"{Show(minimum)} to {Show(maximum)}";
            Problem(key, $"{text}, expected {range}");
            return null;
        }
        return value;
    }

    /// <summary>A number that is finite as a float32, or null when absent.</summary>
    public float? OptionalSingle(string key)
    {
        float? value = (float?)OptionalNumber(key);
        if (value is { } number && !float.IsFinite(number))
        {
            Problem(key, $"{Text(key)}, expected a number within the range of float32");
            return null;
        }
        return value;
    }

    /// <summary>A whole number in a range, or the default when absent.</summary>
    public int Integer(string key, int defaultValue, int minimum, int maximum)
    {
        double? value = OptionalNumber(key, minimum, maximum);
        if (value is { } number && number != Math.Floor(number))
        {
            Problem(key, $"{Show(number)}, expected a whole number");
            return defaultValue;
        }
        return (int?)value ?? defaultValue;
    }

    /// <summary>A whole number in a range that must be there.</summary>
    public int RequiredInteger(string key, int minimum, int maximum)
    {
        RequirePresence(key, "a whole number");
        return Integer(key, Math.Max(minimum, 1), minimum, maximum);
    }

    /// <summary>A whole number in a range, or null when absent.</summary>
    public long? OptionalWhole(string key, long minimum = long.MinValue, long maximum = long.MaxValue)
    {
        string? text = Text(key);
        if (text is null)
        {
            return null;
        }
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
        {
            Problem(key, $"'{text}', expected a whole number");
            return null;
        }
        if (value < minimum || value > maximum)
        {
            Problem(key, maximum == long.MaxValue ? $"{text}, expected at least {minimum}" : $"{text}, expected {minimum} to {maximum}");
            return null;
        }
        return value;
    }

    /// <summary>A span of time such as 90s, 30m, 12h or 7d: more than nothing and at most <paramref name="longest"/>; null when absent.</summary>
    public TimeSpan? OptionalDuration(string key, TimeSpan longest)
    {
        string? text = Text(key);
        if (text is null)
        {
            return null;
        }
        if (!Duration.TryParse(text, out TimeSpan span))
        {
            Problem(key, $"'{text}', expected a duration such as 90s, 30m, 12h or 7d");
            return null;
        }
        if (span <= TimeSpan.Zero || span > longest)
        {
            Problem(key, $"{text}, expected more than nothing and at most {Duration.Of(longest)}");
            return null;
        }
        return span;
    }

    /// <summary>A span of time that must be there; see <see cref="OptionalDuration"/>.</summary>
    public TimeSpan RequiredDuration(string key, TimeSpan longest)
    {
        RequirePresence(key, "a duration such as 90s, 30m, 12h or 7d");
        return OptionalDuration(key, longest) ?? TimeSpan.FromDays(1);
    }

    /// <summary>A day such as 2026-03-31, or null when absent.</summary>
    public DateOnly? OptionalDate(string key)
    {
        string? text = Text(key);
        if (text is null)
        {
            return null;
        }
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly date))
        {
            return date;
        }
        Problem(key, $"'{text}', expected a day such as 2026-03-31");
        return null;
    }

    /// <summary>A day that must be there.</summary>
    public DateOnly RequiredDate(string key)
    {
        RequirePresence(key, "a day such as 2026-03-31");
        return OptionalDate(key) ?? DateOnly.MinValue;
    }

    /// <summary>A time of day such as 21:30 that must be there; null where it is not.</summary>
    public TimeOnly? RequiredTime(string key)
    {
        RequirePresence(key, "a time of day such as 21:30");
        string? text = Text(key);
        if (text is null)
        {
            return null;
        }
        if (TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out TimeOnly time))
        {
            return time;
        }
        Problem(key, $"'{text}', expected a time of day such as 21:30");
        return null;
    }

    /// <summary>A number in a range that must be there.</summary>
    public double RequiredNumber(string key, double minimum = double.MinValue, double maximum = double.MaxValue)
    {
        RequirePresence(key, "a number");
        return OptionalNumber(key, minimum, maximum) ?? Math.Max(minimum, 0);
    }

    /// <summary>true or false, or the default when absent.</summary>
    public bool Flag(string key, bool defaultValue)
    {
        switch (Text(key))
        {
            case null:
                return defaultValue;
            case "true":
                return true;
            case "false":
                return false;
            case { } other:
                Problem(key, $"'{other}', expected true or false");
                return defaultValue;
        }
    }

    /// <summary>One of an enum's values, written in snake_case, or the default when absent.</summary>
    public T Choice<T>(string key, T defaultValue)
        where T : struct, Enum
        => Text(key) is { } text ? ChoiceOf<T>(key, text) ?? defaultValue : defaultValue;

    /// <summary>A list of an enum's values, each once; empty when absent or "all".</summary>
    public ImmutableArray<T> Choices<T>(string key)
        where T : struct, Enum
    {
        IReadOnlyList<string> texts = Texts(key);
        if (texts is ["all"])
        {
            return [];
        }
        CheckRepetition(key, texts);
        return [.. texts.Select(t => ChoiceOf<T>(key, t)).OfType<T>().Distinct()];
    }

    /// <summary>A list of names, each once and each one of <paramref name="known"/> where that is known; empty when absent.</summary>
    public ImmutableArray<string> Names(string key, string what, IEnumerable<string>? known)
    {
        IReadOnlyList<string> names = Texts(key);
        CheckRepetition(key, names);
        foreach (string name in names)
        {
            RequireKnown(key, name, what, known);
        }
        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Notes a problem at the key unless the name is one of those known; null is not known.</summary>
    public void RequireKnown(string key, string name, string what, IEnumerable<string>? known)
    {
        if (known is not null && !known.Contains(name, StringComparer.Ordinal))
        {
            Problem(key, $"no {what} '{name}'{NearestName.Hint(name, known)}");
        }
    }

    /// <summary>A list of texts; empty when absent. A single text counts as a list of one.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        switch (Find(key))
        {
            case null:
                return [];
            case YamlScalarNode scalar:
                return IsNull(scalar) ? [] : [scalar.Value ?? ""];
            case YamlSequenceNode list when list.Children.All(c => c is YamlScalarNode):
                return [.. list.Children.Select(c => ((YamlScalarNode)c).Value ?? "")];
            default:
                Problem(key, "expected a list of texts");
                return [];
        }
    }

    /// <summary>A mapping of names to numbers in a range; empty when absent.</summary>
    public IReadOnlyDictionary<string, double> Numbers(string key, double minimum = double.MinValue, double maximum = double.MaxValue)
    {
        YamlSection? section = Section(key);
        Dictionary<string, double> numbers = new(StringComparer.Ordinal);
        foreach (string name in section?.Keys ?? [])
        {
            if (section!.OptionalNumber(name, minimum, maximum) is { } number)
            {
                numbers[name] = number;
            }
            else if (IsNull(section.Find(name)!))
            {
                section.Problem(name, "missing, expected a number");
            }
        }
        return numbers;
    }

    /// <summary>A mapping of names to texts; empty when absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="what">What the names are, for messages.</param>
    /// <param name="known">The names that there are; null where any name is one.</param>
    public ImmutableSortedDictionary<string, string> TextMap(string key, string what = "", IEnumerable<string>? known = null)
    {
        if (Section(key) is not { } section || !section.Keys.Any())
        {
            return ImmutableSortedDictionary<string, string>.Empty;
        }
        foreach (string name in section.Keys)
        {
            section.RequireKnown(name, name, what, known);
        }
        return section.Keys.ToImmutableSortedDictionary(k => k, k => section.Text(k) ?? "", StringComparer.Ordinal);
    }

    /// <summary>A nested mapping, or null when absent.</summary>
    public YamlSection? Section(string key)
    {
        YamlNode? node = Find(key);
        if (node is null || IsNull(node))
        {
            return null;
        }
        if (node is YamlMappingNode mapping)
        {
            return new YamlSection(File, mapping, $"{_path}{key}.", _problems);
        }
        Problem(key, "expected a mapping of keys to values");
        return null;
    }

    /// <summary>A list of mappings; empty when absent.</summary>
    public IReadOnlyList<YamlSection> Sections(string key)
    {
        YamlNode? node = Find(key);
        if (node is null || IsNull(node))
        {
            return [];
        }
        if (node is not YamlSequenceNode list)
        {
            Problem(key, "expected a list (each entry starts with '-')");
            return [];
        }
        List<YamlSection> sections = [];
        for (int i = 0; i < list.Children.Count; i++)
        {
            if (list.Children[i] is YamlMappingNode mapping)
            {
                sections.Add(new YamlSection(File, mapping, $"{_path}{key}[{i}].", _problems));
            }
            else
            {
                AddProblem(list.Children[i].Start, $"{_path}{key}[{i}]: expected a mapping of keys to values");
            }
        }
        return sections;
    }

    /// <summary>A list of texts and mappings; empty when absent. A single one counts as a list of one.</summary>
    public IReadOnlyList<YamlItem> Items(string key)
    {
        switch (Find(key))
        {
            case null:
                return [];
            case YamlSequenceNode list:
                return [.. list.Children.Select((node, i) => Item(node, $"{key}[{i}]"))];
            case { } node:
                return IsNull(node) ? [] : [Item(node, key)];
        }
    }

    /// <summary>Whether the key holds a scalar rather than a list or mapping.</summary>
    public bool IsScalar(string key) => Find(key) is YamlScalarNode;

    /// <summary>Whether the key holds a list.</summary>
    public bool IsList(string key) => Find(key) is YamlSequenceNode;

    /// <summary>
    /// The line at which something stands: keys, ids and indexes of list entries lead to it. Where the path ends early, the line of what
    /// it led to.
    /// </summary>
    public int LineOf(params ReadOnlySpan<string> path)
    {
        YamlNode at = _node;
        foreach (string step in path)
        {
            YamlNode? next = at switch
            {
                YamlMappingNode mapping => mapping.Children.TryGetValue(new YamlScalarNode(step), out YamlNode? child) ? child : null,
                YamlSequenceNode list => list.Children.OfType<YamlMappingNode>().FirstOrDefault(m => IsNamed(m, step))
                    ?? (int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? list.Children.ElementAtOrDefault(index) : null),
                _ => null,
            };
            if (next is null)
            {
                break;
            }
            at = next;
        }
        return (int)at.Start.Line;
    }

    /// <summary>Notes every key that nothing asked for, with the nearest one that is known.</summary>
    public void RejectUnknownKeys()
    {
        foreach (YamlNode key in _node.Children.Keys)
        {
            string name = (key as YamlScalarNode)?.Value ?? key.ToString();
            if (!_known.Contains(name))
            {
                AddProblem(key.Start, $"unknown key '{_path}{name}'{NearestName.Hint(name, _known)}");
            }
        }
    }

    private T? ChoiceOf<T>(string key, string text)
        where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (SnakeCase.Of(value) == text)
            {
                return value;
            }
        }
        string[] names = [.. Enum.GetValues<T>().Select(SnakeCase.Of)];
        Problem(key, $"'{text}', expected one of {string.Join(", ", names)}{NearestName.Hint(text, names)}");
        return null;
    }

    private void CheckRepetition(string key, IReadOnlyList<string> texts)
    {
        foreach (string text in texts.GroupBy(t => t, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key))
        {
            Problem(key, $"'{text}' comes twice");
        }
    }

    private static bool IsNamed(YamlMappingNode node, string id)
        => node.Children.TryGetValue(new YamlScalarNode("id"), out YamlNode? value) && value is YamlScalarNode scalar && scalar.Value == id;

    private void RequirePresence(string key, string expected)
    {
        if (Find(key) is not { } node || IsNull(node))
        {
            Problem(key, $"missing, expected {expected}");
        }
    }

    private YamlItem Item(YamlNode node, string name) => new(
        (node as YamlScalarNode)?.Value,
        node is YamlMappingNode mapping ? new YamlSection(File, mapping, $"{_path}{name}.", _problems) : null,
        message => AddProblem(node.Start, $"{_path}{name}: {message}"));

    private static bool IsNull(YamlNode node)
        => node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" };

    private static string Show(double value) => value.ToString(CultureInfo.InvariantCulture);

    private YamlNode? Find(string key)
    {
        _known.Add(key);
        return _node.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? node) ? node : null;
    }

    private void AddProblem(Mark mark, string message) => _problems.Add(new WorkspaceProblem(File, (int)mark.Line, message));
}

/// <summary>An entry of a list.</summary>
/// <param name="Text">The text, null for a mapping or a list.</param>
/// <param name="Section">The mapping, null for a text or a list.</param>
/// <param name="Problem">Notes a problem at the entry.</param>
internal readonly record struct YamlItem(string? Text, YamlSection? Section, Action<string> Problem);
