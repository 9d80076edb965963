using System.Text;
using ScoringEngine.Core.Rules;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Writes rules as they stand in files.</summary>
public static class RuleText
{
    /// <summary>A rule on one line, as YAML: a comparison as it is, all of several as a list, any and none of several by name.</summary>
    public static string Of(Rule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return rule switch
        {
            Comparison comparison => WorkspaceWriter.Quoted(comparison.Text),
            Compound { Junction: Junction.All } all => List(all),
            _ => $"{{{SnakeCase.Of(((Compound)rule).Junction)}: {List((Compound)rule)}}}",
        };
    }

    // After "key:", with what belongs to the rule indented.
    internal static void Append(StringBuilder text, string indent, Rule rule)
    {
        switch (rule)
        {
            case Comparison comparison:
                text.Append($" {Leaf(comparison)}\n");
                break;
            case Compound { Junction: Junction.All } all:
                text.Append('\n');
                Parts(text, indent, all);
                break;
            default:
                text.Append($"\n{indent}{SnakeCase.Of(((Compound)rule).Junction)}:\n");
                Parts(text, indent + "  ", (Compound)rule);
                break;
        }
    }

    private static void Parts(StringBuilder text, string indent, Compound compound)
    {
        foreach (Rule part in compound.Parts)
        {
            text.Append(part is Comparison comparison ? $"{indent}- {Leaf(comparison)}\n" : $"{indent}- {Of(Named(part))}\n");
        }
    }

    // A list within a list would be hard to read.
    private static string Of(Compound compound) => $"{{{SnakeCase.Of(compound.Junction)}: {List(compound)}}}";

    private static Compound Named(Rule rule) => (Compound)rule;

    private static string List(Compound compound)
        => "[" + string.Join(", ", compound.Parts.Select(p => p is Compound c ? Of(c) : Of(p))) + "]";

    // Plain where a comparison reads back as the same text in a block.
    private static string Leaf(Comparison comparison)
        => char.IsLetter(comparison.Text[0]) && !char.IsWhiteSpace(comparison.Text[^1]) && comparison.Text.All(c => char.IsLetterOrDigit(c) || " _-.+/%<>=![],".Contains(c))
            ? comparison.Text : WorkspaceWriter.Quoted(comparison.Text);
}
