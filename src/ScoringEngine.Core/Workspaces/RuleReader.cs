using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Rules;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// Reads rules: a comparison, a list of which all must hold, or a mapping whose keys all, any and none hold lists of the same; several keys must
/// all hold.
/// </summary>
internal static class RuleReader
{
    private static readonly ImmutableArray<Junction> Junctions = [.. Enum.GetValues<Junction>()];

    /// <summary>Reads the rule under a key and notes what is wrong with it, at the line of each comparison.</summary>
    /// <param name="section">The mapping with the key.</param>
    /// <param name="key">The key.</param>
    /// <param name="schema">The schema that features and categories must be of; null when it could not be read.</param>
    /// <returns>Null when absent, and when it is no rule.</returns>
    internal static Rule? Read(YamlSection section, string key, FeatureSchema? schema)
    {
        IReadOnlyList<YamlItem> items = section.Items(key);
        if (section.IsList(key))
        {
            return ReadParts(section, key, Junction.All, items, schema);
        }
        return items.Count == 0 ? null : ReadItem(items[0], schema);
    }

    private static Compound? ReadParts(YamlSection section, string key, Junction junction, IReadOnlyList<YamlItem> items, FeatureSchema? schema)
    {
        if (items.Count == 0)
        {
            section.Problem(key, "empty, expected comparisons such as 'tenure >= 12'");
            return null;
        }
        Rule?[] parts = [.. items.Select(i => ReadItem(i, schema))];
        return parts.Contains(null) ? null : new Compound(junction, [.. parts!]);
    }

    private static Rule? ReadItem(YamlItem item, FeatureSchema? schema)
    {
        if (item.Section is { } section)
        {
            return ReadJunctions(section, item, schema);
        }
        if (item.Text is null)
        {
            item.Problem("expected a comparison, or one of all, any and none with a list");
            return null;
        }
        if (!RuleParser.TryParseComparison(item.Text, out Comparison? comparison, out string? error))
        {
            item.Problem(error);
            return null;
        }
        foreach (string problem in schema is null ? [] : CompiledRule.Check(comparison, schema))
        {
            item.Problem(problem);
        }
        return comparison;
    }

    private static Compound? ReadJunctions(YamlSection section, YamlItem item, FeatureSchema? schema)
    {
        (string Key, Junction Junction)[] written = [.. Junctions.Select(j => (SnakeCase.Of(j), j)).Where(j => section.Has(j.Item1))];
        section.RejectUnknownKeys();
        if (written.Length == 0)
        {
            item.Problem("expected one of all, any and none with a list");
            return null;
        }
        Compound?[] parts = [.. written.Select(w => ReadParts(section, w.Key, w.Junction, section.Items(w.Key), schema))];
        return parts.Length == 1 ? parts[0] : parts.Contains(null) ? null : new Compound(Junction.All, [.. parts!]);
    }
}
