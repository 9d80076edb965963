using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class RuleReachTests
{
    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "n", Kind = FeatureKind.Numeric, Minimum = 0, Maximum = 3 },
        new Feature { Id = 2, Name = "c", Kind = FeatureKind.Categorical, Categories = ["x", "y"] },
        new Feature { Id = 3, Name = "b", Kind = FeatureKind.Boolean, Missing = MissingHandling.Reject },
    ]);

    private static Rule Parse(string text)
    {
        Assert.True(RuleParser.TryParseComparison(text, out Comparison? comparison, out string? error), error);
        return comparison;
    }

    [Theory]
    [InlineData(false, "n > 3")]
    [InlineData(true, "n >= 3")]
    [InlineData(false, "n < 0")]
    [InlineData(false, "n < 1", "n > 1")]
    [InlineData(true, "n <= 1", "n >= 1")]
    [InlineData(false, "n <= 1", "n >= 1", "n != 1")]
    [InlineData(false, "n in [1, 2]", "n not in [1, 2, 3]")]
    [InlineData(true, "n is missing")]
    [InlineData(false, "n is missing", "n > 1")]
    [InlineData(false, "b is missing")]
    [InlineData(false, "b != true", "b != false")]
    [InlineData(false, "c not in [x, y]")]
    [InlineData(true, "c not in [x]")]
    [InlineData(false, "tier > sustainer", "tier != value_creator")]
    [InlineData(false, "segment = 1", "segment != 1")]
    [InlineData(true, "segment != 1", "expected_profit < 0", "potential > 5")]
    public void Leaves_Conjunction_IsRight(bool leaves, params string[] rules)
        => Assert.Equal(leaves, new RuleReach(Schema).Leaves(rules.Select(Parse)));

    [Theory]
    [InlineData(true, "segment in [2, 3]")]
    [InlineData(false, "segment in [3, 4]")]
    [InlineData(false, "tier = sustainer")]
    [InlineData(true, "tier <= marginal")]
    public void Among_SegmentAndTier_LeavesOnlyThose(bool leaves, string rule)
        => Assert.Equal(leaves, new RuleReach(Schema).Among(2, Tier.Marginal).Leaves([Parse(rule)]));

    [Fact]
    public void Where_Categories_LeavesOnlyThose()
    {
        RuleReach reach = new RuleReach(Schema).Where("c", ["y"]);
        Assert.False(reach.Leaves([Parse("c = x")]));
        Assert.True(reach.Leaves([Parse("c = y")]));
        Assert.True(new RuleReach(Schema).Where("no such", ["y"]).Leaves([Parse("c = x")]));
    }

    /// <summary>Against all rows there are, over random rules of all junctions.</summary>
    [Fact]
    public void Leaves_RandomRules_AgreeWithEveryRow()
    {
        string[] comparisons = ["n < 1", "n <= 1", "n > 2", "n >= 2", "n = 1", "n != 2", "n is known", "n is missing", "c = x", "c != x", "c in [x, y]", "c not in [y]", "c is missing", "b = true", "b != true"];
        float[] numbers = [0, 0.5f, 1, 1.5f, 2, 2.5f, 3, float.NaN];
        float[] codes = [0, 1, float.NaN];
        SeededRandom random = new(3);
        int possible = 0;
        for (int i = 0; i < 2000; i++)
        {
            Rule rule = new Compound(Junction.All, [Any(3), Any(3), Any(3)]);
            CompiledRule compiled = CompiledRule.Compile(rule, Schema);
            bool expected = numbers.Any(n => codes.Any(c => new float[] { 0, 1 }.Any(b => compiled.Evaluate([n, c, b], default) == Truth.True)));
            Assert.Equal(expected, new RuleReach(Schema).Leaves([rule]));
            possible += expected ? 1 : 0;
        }
        Assert.InRange(possible, 400, 1900);

        Rule Any(int depth) => depth == 0 || random.Next(3) == 0
            ? Parse(comparisons[random.Next(comparisons.Length)])
            : new Compound((Junction)random.Next(3), [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => Any(depth - 1))]);
    }
}
