using ScoringEngine.Core.Rules;

namespace ScoringEngine.Core.Tests.Rules;

public sealed class RuleParserTests
{
    [Theory]
    [InlineData("tenure < 12", "tenure", Comparator.Less, "12")]
    [InlineData("tenure<=-1.5e3", "tenure", Comparator.AtMost, "-1.5e3")]
    [InlineData("tenure > 12", "tenure", Comparator.Greater, "12")]
    [InlineData("tenure>=12", "tenure", Comparator.AtLeast, "12")]
    [InlineData("plan = Month-to-month", "plan", Comparator.Equal, "Month-to-month")]
    [InlineData("plan != basic", "plan", Comparator.NotEqual, "basic")]
    [InlineData("plan in [basic]", "plan", Comparator.In, "basic")]
    [InlineData("plan not in[basic,plus]", "plan", Comparator.NotIn, "basic", "plus")]
    [InlineData("plan is known", "plan", Comparator.Known)]
    [InlineData("plan is missing", "plan", Comparator.Missing)]
    [InlineData("'the plan' = \"a, ]b\"", "the plan", Comparator.Equal, "a, ]b")]
    [InlineData("\"it's\" in ['it''s', \"a \"\"b\"\"\", '']", "it's", Comparator.In, "it's", "a \"b\"", "")]
    [InlineData("'in' in ['in', in]", "in", Comparator.In, "in", "in")]
    [InlineData("is is known", "is", Comparator.Known)]
    public void TryParseComparison_Text_IsTakenApart(string text, string subject, Comparator comparator, params string[] values)
    {
        Assert.True(RuleParser.TryParseComparison($"  {text}\t", out Comparison? comparison, out string? error), error);
        Assert.Equal((text, subject, comparator), (comparison.Text, comparison.Subject, comparison.Comparator));
        Assert.Equal(values, comparison.Values);
    }

    [Theory]
    [InlineData("", "expected a feature at character 1, found the end")]
    [InlineData("< 12", "expected a feature at character 1, found '<'")]
    [InlineData("tenure", "expected <, <=, >, >=, =, !=, in, not in, is known or is missing at character 7, found the end")]
    [InlineData("tenure == 12", "expected a value at character 9, found '='")]
    [InlineData("tenure => 12", "expected a value at character 9, found '>'")]
    [InlineData("tenure ! 12", "expected <, <=, >, >=, =, !=, in, not in, is known or is missing at character 8, found '!'")]
    [InlineData("tenure 'in' [a]", "expected <, <=, >, >=, =, !=, in, not in, is known or is missing at character 8, found 'in'")]
    [InlineData("tenure >=", "expected a value at character 10, found the end")]
    [InlineData("tenure < 12 months", "expected the end, for names with blanks stand in quotes, at character 13, found 'months'")]
    [InlineData("cost < 0,5", "expected the end, for names with blanks stand in quotes, at character 9, found ','")]
    [InlineData("plan in basic", "expected [ at character 9, found 'basic'")]
    [InlineData("plan in []", "expected a value at character 10, found ']'")]
    [InlineData("plan in [a b]", "expected , or ] at character 12, found 'b'")]
    [InlineData("plan in [a,", "expected a value at character 12, found the end")]
    [InlineData("plan in [a", "expected , or ] at character 11, found the end")]
    [InlineData("plan not basic", "expected in at character 10, found 'basic'")]
    [InlineData("plan is basic", "expected known or missing at character 9, found 'basic'")]
    [InlineData("plan is known now", "expected the end, for names with blanks stand in quotes, at character 15, found 'now'")]
    [InlineData("plan = 'basic", "the quote at character 8 is not closed")]
    public void TryParseComparison_NotAComparison_SaysWhatWhere(string text, string expected)
    {
        Assert.False(RuleParser.TryParseComparison(text, out Comparison? comparison, out string? error));
        Assert.Null(comparison);
        Assert.Equal($"'{text}': {expected}", error);
    }
}
