using System.Text;
using ScoringEngine.Core.Rules;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Writes rules as they stand in files.</summary>
public static class RuleText
{
    /// <summary>A rule on one line, as YAML: a comparison in quotes, a list of which all must hold, or a mapping with any or none.</summary>
    public static string Of(Rule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return rule is Compound { Junction: Junction.All } all ? List(all) : Entry(rule);
    }

    /// <summary>A rule for people: <c>tenure >= 12 and one of (plan = a; plan = b)</c>.</summary>
    public static string Sentence(Rule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return rule switch
        {
            Comparison comparison => comparison.Text,
            Compound { Junction: Junction.All } all => string.Join(" and ", all.Parts.Select(Sentence)),
            _ => $"{(((Compound)rule).Junction == Junction.Any ? "one" : "none")} of ({string.Join("; ", ((Compound)rule).Parts.Select(Sentence))})",
        };
    }

    /// <summary>Writes a rule over several lines, to stand after its key.</summary>
    internal static void Append(StringBuilder text, string indent, Rule rule)
    {
        if (rule is Comparison comparison)
        {
            text.Append($" {Plain(comparison)}\n");
            return;
        }
        Compound compound = (Compound)rule;
        text.Append('\n');
        if (compound.Junction != Junction.All)
        {
            text.Append($"{indent}{SnakeCase.Of(compound.Junction)}:\n");
            indent += "  ";
        }
        foreach (Rule part in compound.Parts)
        {
            text.Append($"{indent}- {(part is Comparison leaf ? Plain(leaf) : Entry(part))}\n");
        }
    }

    // A list is no entry of a list.
    private static string Entry(Rule rule)
        => rule is Compound compound ? $"{{{SnakeCase.Of(compound.Junction)}: {List(compound)}}}" : YamlText.Quoted(((Comparison)rule).Text);

    private static string List(Compound compound) => $"[{string.Join(", ", compound.Parts.Select(Entry))}]";

    // Without quotes where a block of YAML reads back the same text.
    private static string Plain(Comparison comparison)
        => char.IsLetter(comparison.Text[0]) && comparison.Text.All(c => char.IsLetterOrDigit(c) || " _-.+/%<>=![],".Contains(c))
            ? comparison.Text : YamlText.Quoted(comparison.Text);
}
