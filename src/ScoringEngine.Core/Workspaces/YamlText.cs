using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Pieces of YAML as the files of a workspace have them.</summary>
internal static class YamlText
{
    /// <summary>A mapping of names to texts over several lines, unless it is empty.</summary>
    public static void TextMap(StringBuilder text, string indent, string key, IEnumerable<KeyValuePair<string, string>> texts)
    {
        if (texts.Any())
        {
            text.Append($"{indent}{key}:\n");
            foreach ((string name, string value) in texts)
            {
                text.Append($"{indent}  {Scalar(name)}: {Scalar(value)}\n");
            }
        }
    }

    /// <summary>A key with its value, unless there is none.</summary>
    public static void Optional(StringBuilder text, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            text.Append($"{key}: {Scalar(value)}\n");
        }
    }

    /// <summary>A mapping on one line; what is null is left out.</summary>
    public static string Braces(ReadOnlySpan<(string Key, string? Value)> entries)
    {
        List<string> written = [];
        foreach ((string key, string? value) in entries)
        {
            if (value is not null)
            {
                written.Add($"{key}: {value}");
            }
        }
        return "{" + string.Join(", ", written) + "}";
    }

    /// <summary>A list on one line.</summary>
    public static string List(IEnumerable<string> names) => "[" + string.Join(", ", names.Select(Scalar)) + "]";

    /// <summary>A list on one line; null when empty.</summary>
    public static string? Names(ImmutableArray<string> names) => names.IsEmpty ? null : List(names);

    /// <summary>A name; null when empty.</summary>
    public static string? NameOrNone(string name) => name.Length == 0 ? null : Scalar(name);

    /// <summary>A day.</summary>
    public static string Date(DateOnly date) => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>Names with their numbers on one line.</summary>
    public static string Map(IEnumerable<KeyValuePair<string, double>> numbers)
        => "{" + string.Join(", ", numbers.Select(n => $"{Scalar(n.Key)}: {Number(n.Value)}")) + "}";

    /// <summary>A number that reads back the same.</summary>
    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A number that reads back the same.</summary>
    public static string Number(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>true or false.</summary>
    public static string Flag(bool value) => value ? "true" : "false";

    /// <summary>Text as it may stand in a comment, which ends with its line.</summary>
    public static string Comment(string text) => string.Concat(text.Select(c => char.IsControl(c) || IsLineSeparator(c) ? ' ' : c));

    private static bool IsLineSeparator(char c) => c is '\u2028' or '\u2029';

    /// <summary>Text: plain where YAML reads it back the same, else in double quotes.</summary>
    public static string Scalar(string text)
    {
        bool plain = text.Length > 0 && !char.IsWhiteSpace(text[0]) && !char.IsWhiteSpace(text[^1])
            && text is not ("null" or "~") && char.IsLetterOrDigit(text[0])
            && text.All(c => char.IsLetterOrDigit(c) || c is ' ' or '_' or '-' or '.' or '+' or '/' or '(' or ')' or '%');
        return plain ? text : Quoted(text);
    }

    /// <summary>Text in double quotes.</summary>
    public static string Quoted(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char c in text)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when char.IsControl(c) || IsLineSeparator(c) || c == '\uFEFF' => $"\\u{(int)c:X4}",
                _ => c.ToString(),
            });
        }
        return quoted.Append('"').ToString();
    }
}
