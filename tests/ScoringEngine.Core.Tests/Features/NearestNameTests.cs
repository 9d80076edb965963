using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("tenure", "tenure")]
    [InlineData("TENURE", "tenure")]
    [InlineData("tenrue", "tenure")]
    [InlineData("tenur", "tenure")]
    [InlineData("montly_charges", "monthly_charges")]
    [InlineData("mnthly_chrges_", "monthly_charges")]
    [InlineData("ie", "id")]
    [InlineData("xy", null)]
    [InlineData("", null)]
    [InlineData("segments", null)]
    public void Of_Name_IsTheNearestWithinAThirdOfItsLetters(string name, string? expected)
        => Assert.Equal(expected, NearestName.Of(name, ["tenure", "monthly_charges", "id"]));

    [Fact]
    public void Of_SeveralAtTheSameDistance_IsTheFirst()
        => Assert.Equal("band", NearestName.Of("bond", ["band", "bind", "bund"]));

    [Fact]
    public void Of_NoCandidates_IsNull() => Assert.Null(NearestName.Of("x", []));

    [Fact]
    public void Hint_NearOrFar_IsAPhraseOrEmpty()
    {
        Assert.Equal(" (did you mean 'price'?)", NearestName.Hint("prise", ["price"]));
        Assert.Equal("", NearestName.Hint("prise", ["convenience"]));
    }
}
