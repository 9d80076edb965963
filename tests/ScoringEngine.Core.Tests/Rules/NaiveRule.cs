using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Rules;

/// <summary>The twin of compiled rules: text and definitions, nothing else.</summary>
internal static class NaiveRule
{
    public static Truth Evaluate(Rule rule, FeatureSchema schema, float[] row, RuleScores scores)
    {
        if (rule is Comparison comparison)
        {
            return Compare(comparison, schema, row, scores);
        }
        Compound compound = (Compound)rule;
        Truth[] parts = [.. compound.Parts.Select(p => Evaluate(p, schema, row, scores))];
        return compound.Junction switch
        {
            Junction.All => parts.Min(),
            Junction.Any => parts.Max(),
            _ => Not(parts.Max()),
        };
    }

    /// <summary>The first comparison that keeps the rule from being what is wanted.</summary>
    public static Comparison? Blame(Rule rule, FeatureSchema schema, float[] row, RuleScores scores, Truth wanted = Truth.True)
    {
        if (Evaluate(rule, schema, row, scores) == wanted)
        {
            return null;
        }
        return rule is not Compound compound ? (Comparison)rule
            : compound.Parts.Select(p => Blame(p, schema, row, scores, compound.Junction == Junction.None ? Not(wanted) : wanted)).First(c => c is not null);
    }

    private static Truth Not(Truth truth) => 2 - truth;

    private static Truth Compare(Comparison comparison, FeatureSchema schema, float[] row, RuleScores scores)
    {
        string? value = Value(comparison.Subject, schema, row, scores, out bool ordered);
        if (comparison.Comparator is Comparator.Known or Comparator.Missing)
        {
            return value is null == (comparison.Comparator == Comparator.Missing) ? Truth.True : Truth.False;
        }
        if (value is null)
        {
            return Truth.Unknown;
        }
        int Order(string other) => ordered ? Number(value).CompareTo(Number(other)) : value == other ? 0 : 1;
        bool holds = comparison.Comparator switch
        {
            Comparator.Less => Order(comparison.Values[0]) < 0,
            Comparator.AtMost => Order(comparison.Values[0]) <= 0,
            Comparator.Greater => Order(comparison.Values[0]) > 0,
            Comparator.AtLeast => Order(comparison.Values[0]) >= 0,
            Comparator.Equal or Comparator.In => comparison.Values.Any(v => Order(v) == 0),
            _ => comparison.Values.All(v => Order(v) != 0),
        };
        return holds ? Truth.True : Truth.False;
    }

    private static float Number(string text)
    {
        int tier = Array.FindIndex(Enum.GetValues<Core.Value.Tier>(), t => SnakeCase.Of(t) == text);
        return tier >= 0 ? tier : float.Parse(text, CultureInfo.InvariantCulture);
    }

    private static string? Value(string subject, FeatureSchema schema, float[] row, RuleScores scores, out bool ordered)
    {
        int index = schema.IndexOf(subject);
        Feature? feature = index >= 0 ? schema.Features[index] : null;
        ordered = feature is null || feature.Kind == FeatureKind.Numeric;
        float value = feature is not null ? row[index] : subject switch
        {
            "segment" => scores.SegmentId,
            "tier" => float.IsNaN(scores.ExpectedProfit) ? float.NaN : (int)scores.Tier,
            "expected_profit" => scores.ExpectedProfit,
            _ => scores.Potential,
        };
        return float.IsNaN(value) ? null : feature?.Kind switch
        {
            FeatureKind.Categorical => feature.Categories[(int)value],
            FeatureKind.Boolean => value == 1 ? "true" : "false",
            _ => value.ToString("R", CultureInfo.InvariantCulture),
        };
    }
}
