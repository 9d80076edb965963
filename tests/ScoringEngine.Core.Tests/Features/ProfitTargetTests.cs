using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

public sealed class ProfitTargetTests
{
    [Theory]
    [InlineData("revenue", "+revenue")]
    [InlineData("revenue - cost", "+revenue,-cost")]
    [InlineData("- cost + revenue", "-cost,+revenue")]
    [InlineData("+ revenue - cost", "+revenue,-cost")]
    [InlineData("  revenue   -  cost to serve ", "+revenue,-cost to serve")]
    [InlineData("net-revenue - cost-2024 + a+b", "+net-revenue,-cost-2024,+a+b")]
    [InlineData("-cost", "+-cost")]
    [InlineData("-", "+-")]
    public void Parse_Expression_GivesColumnsWithTheirSigns(string expression, string expected)
        => Assert.Equal(expected, string.Join(',', ProfitTarget.Parse(expression).Select(t => (t.Sign > 0 ? "+" : "-") + t.Column)));

    [Theory]
    [InlineData("", "target '': expected column names joined by ' + ' or ' - '")]
    [InlineData("   ", "target '   ': expected column names joined by ' + ' or ' - '")]
    [InlineData("revenue -", "target 'revenue -': expected column names joined by ' + ' or ' - '")]
    [InlineData("revenue - + cost", "target 'revenue - + cost': expected column names joined by ' + ' or ' - '")]
    [InlineData("- - cost", "target '- - cost': expected column names joined by ' + ' or ' - '")]
    [InlineData("a - b + a", "target 'a - b + a': column 'a' comes twice")]
    public void Parse_WrongExpression_SaysWhatWasExpected(string expression, string message)
        => Assert.Equal(message, Assert.Throws<FormatException>(() => ProfitTarget.Parse(expression)).Message);

    [Theory]
    [InlineData("revenue")]
    [InlineData("revenue - cost to serve + fee-2024")]
    [InlineData("- cost + revenue")]
    public void ToString_OfAParsedExpression_IsTheExpression(string expression)
    {
        ProfitTarget target = new() { Terms = ProfitTarget.Parse(expression) };
        Assert.Equal(expression, target.ToString());
        Assert.Equal(target.Terms, ProfitTarget.Parse(target.ToString()));
    }

    [Fact]
    public void Defaults_AreAYearAndNoProxy()
    {
        ProfitTarget target = new() { Terms = [("x", 1)] };
        Assert.Equal(("year", false), (target.Period, target.Proxy));
    }
}
