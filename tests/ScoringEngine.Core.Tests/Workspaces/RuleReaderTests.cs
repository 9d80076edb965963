using ScoringEngine.Core.Features;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class RuleReaderTests
{
    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus"] },
        new Feature { Id = 3, Name = "age", Kind = FeatureKind.Numeric, Protected = true },
    ]);

    private static (Rule? Rule, string[] Problems) Read(string yaml, FeatureSchema? schema)
    {
        using TemporaryFolder folder = new();
        List<WorkspaceProblem> problems = [];
        YamlSection section = YamlSection.Load(folder.Write("f.yaml", yaml), problems)!;
        Rule? rule = RuleReader.Read(section, "rule", schema);
        return (rule, [.. problems.Select(p => $"{p.Line}: {p.Message}")]);
    }

    private static string Show(Rule? rule) => rule switch
    {
        Comparison comparison => comparison.Text,
        Compound compound => $"{compound.Junction}({string.Join("; ", compound.Parts.Select(Show))})",
        _ => "nothing",
    };

    [Theory]
    [InlineData("other: 1", "nothing")]
    [InlineData("rule:", "nothing")]
    [InlineData("rule: tenure >= 12", "tenure >= 12")]
    [InlineData("rule:\n  - tenure >= 12", "All(tenure >= 12)")]
    [InlineData("rule:\n  - tenure >= 12\n  - plan in [basic, plus]", "All(tenure >= 12; plan in [basic, plus])")]
    [InlineData("rule: {any: [tenure < 1, tenure > 2]}", "Any(tenure < 1; tenure > 2)")]
    [InlineData("rule: {none: tenure < 1}", "None(tenure < 1)")]
    [InlineData("rule:\n  none: [plan = plus]\n  all: [tenure < 1]", "All(All(tenure < 1); None(plan = plus))")]
    [InlineData("rule:\n  - tenure < 9\n  - any:\n    - plan = plus\n    - none:\n      - tenure < 3", "All(tenure < 9; Any(plan = plus; None(tenure < 3)))")]
    [InlineData("rule: '\"tenure\" < 3'", "\"tenure\" < 3")]
    public void Read_AnyShape_IsRead(string yaml, string expected)
    {
        (Rule? rule, string[] problems) = Read(yaml, Schema);
        Assert.Empty(problems);
        Assert.Equal(expected, Show(rule));
    }

    [Theory]
    [InlineData("rule: []", "1: rule: empty, expected comparisons such as 'tenure >= 12'")]
    [InlineData("rule: {}", "1: rule: expected one of all, any and none with a list")]
    [InlineData("rule:\n  any: []", "2: rule.any: empty, expected comparisons such as 'tenure >= 12'")]
    [InlineData("rule:\n  an: [tenure < 1]", "2: unknown key 'rule.an' (did you mean 'any'?)|2: rule: expected one of all, any and none with a list")]
    [InlineData("rule:\n  - [tenure < 1]", "2: rule[0]: expected a comparison, or one of all, any and none with a list")]
    [InlineData("rule:\n  - tenure << 1", "2: rule[0]: 'tenure << 1': expected a value at character 9, found '<'")]
    [InlineData("rule:\n  - ", "2: rule[0]: '': expected a feature at character 1, found the end")]
    [InlineData(
        "rule:\n  - tenur < 1\n  - any:\n    - plan = pluss\n    - plan < plus\n  - age > 3",
        "2: rule[0]: 'tenur < 1': no feature 'tenur' (did you mean 'tenure'?)"
            + "|4: rule[1].any[0]: 'plan = pluss': 'pluss', expected one of the values of plan (did you mean 'plus'?): basic, plus"
            + "|5: rule[1].any[1]: 'plan < plus': plan has no order, expected =, !=, in, not in, is known or is missing"
            + "|6: rule[2]: 'age > 3': feature 'age' is protected, expected one that rules may use")]
    public void Read_Wrong_NotesEachAtItsLine(string yaml, string expected)
        => Assert.Equal(expected.Split('|'), Read(yaml, Schema).Problems);

    [Fact]
    public void Read_WithoutASchema_ChecksTheTextOnly()
    {
        Assert.Empty(Read("rule: [nothing = 3]", null).Problems);
        Assert.Single(Read("rule: [nothing 3]", null).Problems);
    }
}
