using ScoringEngine.Core.Features;
using ScoringEngine.Core.Rules;

namespace ScoringEngine.Core.Tests.Rules;

/// <summary>Rules for tests, from text.</summary>
internal static class TestRules
{
    public static Comparison Of(string text)
        => RuleParser.TryParseComparison(text, out Comparison? comparison, out string? error) ? comparison : throw new ArgumentException(error);

    public static Compound All(params Rule[] parts) => new(Junction.All, [.. parts]);

    public static Compound Any(params Rule[] parts) => new(Junction.Any, [.. parts]);

    public static Compound None(params Rule[] parts) => new(Junction.None, [.. parts]);

    public static CompiledRule Compile(FeatureSchema schema, string text) => CompiledRule.Compile(Of(text), schema);
}
