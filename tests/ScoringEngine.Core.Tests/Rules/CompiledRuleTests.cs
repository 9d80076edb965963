using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using static ScoringEngine.Core.Tests.Rules.TestRules;

namespace ScoringEngine.Core.Tests.Rules;

public sealed class CompiledRuleTests
{
    private static readonly string[] Plans = ["basic", "plus", "gold", "the best"];

    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "plan", Kind = FeatureKind.Categorical, Categories = [.. Plans] },
        new Feature { Id = 3, Name = "app", Kind = FeatureKind.Boolean },
        new Feature { Id = 4, Name = "age", Kind = FeatureKind.Numeric, Protected = true },
        new Feature { Id = 5, Name = "x", Kind = FeatureKind.Numeric },
        new Feature { Id = 6, Name = "y", Kind = FeatureKind.Numeric, Context = true },
    ]);

    private static readonly RuleScores NoScores = new(1, Tier.Marginal, float.NaN, float.NaN);

    // A comparison that is false, unknown, true of Row(): by truth.
    private static readonly Comparison[] Known = [Of("tenure < 0"), Of("x > 0"), Of("tenure >= 0")];

    private static float[] Row(float tenure = 12, float plan = 1, float app = 1, float x = float.NaN, float y = float.NaN) => [tenure, plan, app, 40, x, y];

    private static Truth Evaluate(Rule rule, float[] row, RuleScores? scores = null)
    {
        RuleScores those = scores ?? NoScores;
        return CompiledRule.Compile(rule, Schema).Evaluate(row, those);
    }

    [Theory]
    [InlineData(Truth.False, Truth.False, Truth.False, Truth.False, Truth.True)]
    [InlineData(Truth.False, Truth.Unknown, Truth.False, Truth.Unknown, Truth.Unknown)]
    [InlineData(Truth.False, Truth.True, Truth.False, Truth.True, Truth.False)]
    [InlineData(Truth.Unknown, Truth.Unknown, Truth.Unknown, Truth.Unknown, Truth.Unknown)]
    [InlineData(Truth.Unknown, Truth.True, Truth.Unknown, Truth.True, Truth.False)]
    [InlineData(Truth.True, Truth.True, Truth.True, Truth.True, Truth.False)]
    public void Evaluate_TwoParts_FollowsKleenesTables(Truth a, Truth b, Truth all, Truth any, Truth none)
    {
        foreach ((Truth first, Truth second) in new[] { (a, b), (b, a) })
        {
            Rule[] parts = [Known[(int)first], Known[(int)second]];
            Assert.Equal(all, Evaluate(All(parts), Row()));
            Assert.Equal(any, Evaluate(Any(parts), Row()));
            Assert.Equal(none, Evaluate(None(parts), Row()));
            // The same inside out: each junction under each.
            Assert.Equal(none, Evaluate(All(None(parts)), Row()));
            Assert.Equal(any, Evaluate(None(None(parts)), Row()));
            Assert.Equal(all, Evaluate(Any(All(parts)), Row()));
            Assert.Equal(2 - all, Evaluate(None(All(parts)), Row()));
            Assert.Equal(none, Evaluate(Any(None(parts)), Row()));
            Assert.Equal(any, Evaluate(Any(Any(parts)), Row()));
        }
    }

    [Theory]
    [InlineData("tenure < 12", 11.999999f, Truth.True)]
    [InlineData("tenure < 12", 12, Truth.False)]
    [InlineData("tenure < 0", -0f, Truth.False)]
    [InlineData("tenure < 0", -float.Epsilon, Truth.True)]
    [InlineData("tenure <= 12", 12, Truth.True)]
    [InlineData("tenure <= 12", 12.000001f, Truth.False)]
    [InlineData("tenure > 12", 12.000001f, Truth.True)]
    [InlineData("tenure > 12", 12, Truth.False)]
    [InlineData("tenure > 3.4028235e38", float.MaxValue, Truth.False)]
    [InlineData("tenure >= 0.1", 0.1f, Truth.True)]
    [InlineData("tenure >= 0.1", 0.09999999f, Truth.False)]
    [InlineData("tenure >= 0", -0f, Truth.True)]
    [InlineData("tenure = 0.1", 0.1f, Truth.True)]
    [InlineData("tenure = 0.1", 0.10000001f, Truth.False)]
    [InlineData("tenure != 0.1", 0.1f, Truth.False)]
    [InlineData("tenure != 0.1", 3, Truth.True)]
    [InlineData("tenure in [3, 1, 7]", 7, Truth.True)]
    [InlineData("tenure in [1, 2]", 1.5f, Truth.False)]
    [InlineData("tenure not in [3, 1, 7]", 1, Truth.False)]
    [InlineData("tenure not in [3, 1, 7]", 2, Truth.True)]
    [InlineData("tenure is known", 2, Truth.True)]
    [InlineData("tenure is missing", 2, Truth.False)]
    [InlineData("tenure is known", float.NaN, Truth.False)]
    [InlineData("tenure is missing", float.NaN, Truth.True)]
    [InlineData("tenure != 1", float.NaN, Truth.Unknown)]
    [InlineData("tenure not in [1]", float.NaN, Truth.Unknown)]
    [InlineData("tenure < 1", float.NaN, Truth.Unknown)]
    public void Evaluate_Number_IsComparedExactly(string text, float value, Truth expected)
    {
        Assert.Equal(expected, Evaluate(Of(text), Row(tenure: value)));
        Assert.Equal(2 - expected, Evaluate(None(Of(text)), Row(tenure: value)));
    }

    [Theory]
    [InlineData("plan = plus", Truth.True)]
    [InlineData("plan in [basic, 'the best']", Truth.False)]
    [InlineData("plan in [gold, plus]", Truth.True)]
    [InlineData("plan not in [gold, plus]", Truth.False)]
    [InlineData("app = true", Truth.True)]
    [InlineData("app != true", Truth.False)]
    [InlineData("segment = 7", Truth.True)]
    [InlineData("segment in [6, 8]", Truth.False)]
    [InlineData("segment is known", Truth.True)]
    [InlineData("tier = sustainer", Truth.True)]
    [InlineData("tier >= sustainer", Truth.True)]
    [InlineData("tier > sustainer", Truth.False)]
    [InlineData("tier in [marginal, value_destroyer]", Truth.False)]
    [InlineData("expected_profit > 100", Truth.True)]
    [InlineData("potential is missing", Truth.True)]
    public void Evaluate_EachSubject_IsLookedUp(string text, Truth expected)
        => Assert.Equal(expected, Evaluate(Of(text), Row(), new RuleScores(7, Tier.Sustainer, 100.5f, float.NaN)));

    [Fact]
    public void Evaluate_TierWithoutExpectedProfit_IsMissing()
    {
        Assert.Equal(Truth.Unknown, Evaluate(Of("tier = marginal"), Row()));
        Assert.Equal(Truth.True, Evaluate(Of("tier is missing"), Row()));
    }

    [Fact]
    public void Evaluate_FeatureNamedAsAScore_IsTheFeature()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "segment", Kind = FeatureKind.Categorical, Categories = ["home", "work"] }]);
        RuleScores scores = NoScores;
        Assert.Equal(Truth.True, Compile(schema, "segment = work").Evaluate([1], scores));
    }

    [Fact]
    [Trait("Kind", "kernel")]
    public void Evaluate_RandomRules_AgreesWithTheNaiveTwinForEveryCount()
    {
        SeededRandom random = new(3);
        RuleBlock block = new(Schema);
        for (int round = 0; round < 600; round++)
        {
            Rule rule = RandomRule(ref random, depth: 4);
            CompiledRule compiled = CompiledRule.Compile(rule, Schema);
            int count = round % (RuleBlock.Capacity + 1);
            int columns = Schema.Count + random.Next(2);
            float[] rows = new float[count * columns];
            RuleScores[] scores = new RuleScores[count];
            ulong isTrue = 0;
            ulong isUnknown = 0;
            for (int r = 0; r < count; r++)
            {
                float[] row = RandomRow(ref random);
                row.CopyTo(rows, r * columns);
                scores[r] = RandomScores(ref random);
                Truth expected = NaiveRule.Evaluate(rule, Schema, row, scores[r]);
                isTrue |= (expected == Truth.True ? 1UL : 0) << r;
                isUnknown |= (expected == Truth.Unknown ? 1UL : 0) << r;

                Assert.Equal(expected, compiled.Evaluate(row, scores[r]));
                int failure = compiled.FirstFailure(row, scores[r]);
                Assert.Equal(NaiveRule.Blame(rule, Schema, row, scores[r]), failure < 0 ? null : compiled.Comparisons[failure]);
            }

            block.Fill(rows, columns, scores);
            compiled.Evaluate(block, out ulong actualTrue, out ulong actualUnknown);

            Assert.Equal((count, isTrue, isUnknown), (block.Count, actualTrue, actualUnknown));
        }
    }

    [Fact]
    public void Evaluate_APartMore_NeverMakesAllPassMoreOftenNorAnyLess()
    {
        SeededRandom random = new(5);
        for (int round = 0; round < 2_000; round++)
        {
            Rule[] parts = [RandomRule(ref random, 2), RandomRule(ref random, 2)];
            Rule more = RandomRule(ref random, 2);
            float[] row = RandomRow(ref random);
            RuleScores scores = RandomScores(ref random);
            Assert.True(Evaluate(All([.. parts, more]), row, scores) <= Evaluate(All(parts), row, scores));
            Assert.True(Evaluate(None([.. parts, more]), row, scores) <= Evaluate(None(parts), row, scores));
            Assert.True(Evaluate(Any([.. parts, more]), row, scores) >= Evaluate(Any(parts), row, scores));
        }
    }

    [Fact]
    public void Evaluate_AnyRule_AllocatesNothing()
    {
        CompiledRule rule = CompiledRule.Compile(All(Of("tenure < 12"), Any(Of("plan in [basic, gold]"), None(Any(Of("app = true"), All(Of("x < 1")))))), Schema);
        float[] rows = [.. Enumerable.Repeat(Row(), 64).SelectMany(r => r)];
        RuleScores[] scores = new RuleScores[64];
        RuleBlock block = new(Schema);
        Run(rule, block, rows, scores);
        long before = GC.GetAllocatedBytesForCurrentThread();

        Run(rule, block, rows, scores);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        static void Run(CompiledRule rule, RuleBlock block, float[] rows, RuleScores[] scores)
        {
            block.Fill(rows, Schema.Count, scores);
            rule.Evaluate(block, out _, out _);
            rule.Evaluate(rows, scores[0]);
            rule.FirstFailure(rows, scores[0]);
        }
    }

    [Fact]
    public void Fill_WrongShape_IsRefused()
    {
        RuleBlock block = new(Schema);
        Assert.Throws<ArgumentException>(() => block.Fill(new float[65 * 6], 6, new RuleScores[65]));
        Assert.Throws<ArgumentException>(() => block.Fill(new float[64], 5, new RuleScores[2]));
        Assert.Throws<ArgumentException>(() => block.Fill(new float[11], 6, new RuleScores[2]));
        block.Fill([], 6, []);
        Compile(Schema, "tenure is missing").Evaluate(block, out ulong isTrue, out ulong isUnknown);
        Assert.Equal((0UL, 0UL), (isTrue, isUnknown));
    }

    [Theory]
    [InlineData("tenure >= 12", 3, "tenure >= 12, was 3")]
    [InlineData("tenure >= 12", float.NaN, "tenure >= 12, was missing")]
    [InlineData("tenure >= 0.3", 0.1f, "tenure >= 0.3, was 0.1")]
    [InlineData("plan = gold", 3, "plan = gold, was the best")]
    [InlineData("plan = gold", 9, "plan = gold, was 9")]
    [InlineData("app = true", 0, "app = true, was false")]
    [InlineData("segment = 4", 2, "segment = 4, was 2")]
    [InlineData("tier >= sustainer", 1, "tier >= sustainer, was marginal")]
    public void Explain_Comparison_ShowsTheValue(string text, float was, string expected)
        => Assert.Equal(expected, Compile(Schema, text).Explain(0, was));

    [Fact]
    public void Explain_UnderNone_SaysNot()
    {
        CompiledRule rule = CompiledRule.Compile(All(Of("app = true"), None(Of("plan = gold"), Any(Of("x < 1"), None(Of("y > 2"))))), Schema);
        Assert.Equal(
            ["app = true, was true", "not (plan = gold), was gold", "not (x < 1), was 0", "y > 2, was 1"],
            [rule.Explain(0, 1), rule.Explain(1, 2), rule.Explain(2, 0), rule.Explain(3, 1)]);
    }

    [Fact]
    public void FirstFailure_OneComparison_IsItWithItsValue()
    {
        CompiledRule rule = CompiledRule.Compile(All(Of("app = true"), Of("tenure >= 12"), Of("expected_profit > 0")), Schema);
        RuleScores scores = new(1, Tier.Marginal, -5, 0);
        Assert.Equal(1, rule.FirstFailure(Row(tenure: 3), scores));
        Assert.Equal(3, rule.ValueOf(1, Row(tenure: 3), scores));
        Assert.Equal(2, rule.FirstFailure(Row(), scores));
        Assert.Equal(-5, rule.ValueOf(2, Row(), scores));
        RuleScores better = scores with { ExpectedProfit = 1 };
        Assert.Equal(-1, rule.FirstFailure(Row(), better));
    }

    [Theory]
    [InlineData("tenur < 12", "no feature 'tenur' (did you mean 'tenure'?)")]
    [InlineData("tiers = marginal", "no feature 'tiers' (did you mean 'tier'?)")]
    [InlineData("agee < 3", "no feature 'agee'")]
    [InlineData("age < 30", "feature 'age' is protected, expected one that rules may use")]
    [InlineData("plan < basic", "plan has no order, expected =, !=, in, not in, is known or is missing")]
    [InlineData("app >= true", "app has no order, expected =, !=, in, not in, is known or is missing")]
    [InlineData("segment > 2", "segment has no order, expected =, !=, in, not in, is known or is missing")]
    [InlineData("plan = pluss", "'pluss', expected one of the values of plan (did you mean 'plus'?): basic, plus, gold, the best")]
    [InlineData("plan = 12", "'12', expected one of the values of plan: basic, plus, gold, the best")]
    [InlineData("app = 1", "'1', expected one of the values of app: false, true")]
    [InlineData("tenure = basic", "'basic', expected a number (within the range of float32), for tenure is one")]
    [InlineData("tenure < 1e60", "'1e60', expected a number (within the range of float32), for tenure is one")]
    [InlineData("tenure < nan", "'nan', expected a number (within the range of float32), for tenure is one")]
    [InlineData("segment = 0", "'0', expected a segment id (a whole number from 1)")]
    [InlineData("segment = high", "'high', expected a segment id (a whole number from 1)")]
    [InlineData("tier = creator", "'creator', expected one of the values of tier: value_destroyer, marginal, sustainer, value_creator")]
    public void Check_Comparison_SaysWhatIsWrong(string text, string expected)
        => Assert.Equal([$"'{text}': {expected}"], CompiledRule.Check(Of(text), Schema));

    [Fact]
    public void Check_ManyCategories_ListsTheFirst()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "c", Kind = FeatureKind.Categorical, Categories = [.. Enumerable.Range(0, 11).Select(i => $"c{i:D4}")] }]);
        Assert.EndsWith(": c0000, c0001, c0002, c0003, c0004, c0005, c0006, c0007, c0008, c0009, ...", Assert.Single(CompiledRule.Check(Of("c = x"), schema)), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_WrongShape_SaysSo()
    {
        Assert.Equal(["'any' has no part"], CompiledRule.Check(All(Any()), Schema));
        Assert.Equal(["'x': 2 values, expected 1"], CompiledRule.Check(new Comparison("x", "x", Comparator.Less, ["1", "2"]), Schema));
        Assert.Equal(["'x': 0 values, expected at least 1"], CompiledRule.Check(new Comparison("x", "x", Comparator.In, []), Schema));
        Assert.Equal(["'x': 1 values, expected 0"], CompiledRule.Check(new Comparison("x", "x", Comparator.Known, ["1"]), Schema));
        Rule rule = Of("x < 1");
        for (int depth = 0; depth < CompiledRule.MaxDepth; depth++)
        {
            rule = Any(rule);
        }
        Assert.Empty(CompiledRule.Check(rule, Schema));
        Assert.Equal(["nested more than 16 levels deep"], CompiledRule.Check(All(rule), Schema));
    }

    [Fact]
    public void Compile_SeveralErrors_NamesThemAll()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => CompiledRule.Compile(Any(Of("tenur < 1"), None(Of("plan = x"))), Schema));
        Assert.StartsWith("'tenur < 1': no feature", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{Environment.NewLine}'plan = x': 'x', expected", error.Message, StringComparison.Ordinal);
    }

    private static Rule RandomRule(ref SeededRandom random, int depth)
    {
        if (depth == 0 || random.Next(3) == 0)
        {
            return RandomComparison(ref random);
        }
        Rule[] parts = new Rule[1 + random.Next(3)];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = RandomRule(ref random, depth - 1);
        }
        return new Compound((Junction)random.Next(3), [.. parts]);
    }

    private static Comparison RandomComparison(ref SeededRandom random)
    {
        string[] subjects = ["tenure", "x", "y", "expected_profit", "potential", "tier", "plan", "app", "segment"];
        int subject = random.Next(subjects.Length);
        string Value(ref SeededRandom random) => subjects[subject] switch
        {
            "plan" => $"'{Plans[random.Next(Plans.Length)]}'",
            "app" => random.Next(2) == 0 ? "true" : "false",
            "segment" => $"{1 + random.Next(4)}",
            "tier" => SnakeCase.Of((Tier)random.Next(4)),
            _ => ((random.Next(7) - 3) * 0.1f).ToString(CultureInfo.InvariantCulture),
        };
        string[] comparators = ["<", "<=", ">", ">=", "=", "!="];
        int comparator = subject < 6 ? random.Next(10) : 4 + random.Next(6);
        string right = comparator switch
        {
            < 6 => $"{comparators[comparator]} {Value(ref random)}",
            6 => $"in [{Value(ref random)}, {Value(ref random)}, {Value(ref random)}]",
            7 => $"not in [{Value(ref random)}, {Value(ref random)}]",
            8 => "is known",
            _ => "is missing",
        };
        return Of($"{subjects[subject]} {right}");
    }

    private static float[] RandomRow(ref SeededRandom random) =>
        [Number(ref random), OrMissing(random.Next(Plans.Length), ref random), OrMissing(random.Next(2), ref random), 40, Number(ref random), Number(ref random)];

    private static RuleScores RandomScores(ref SeededRandom random)
        => new(1 + random.Next(4), (Tier)random.Next(4), Number(ref random), Number(ref random));

    private static float Number(ref SeededRandom random) => OrMissing((random.Next(7) - 3) * 0.1f, ref random);

    private static float OrMissing(float value, ref SeededRandom random) => random.Next(4) == 0 ? float.NaN : value;
}
