using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class DurationTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("0.5s", 0.5)]
    [InlineData("30m", 1800)]
    [InlineData("36h", 129_600)]
    [InlineData("7d", 604_800)]
    [InlineData("-1m", -60)]
    [InlineData("730d", 63_072_000)]
    public void Of_WhatWasRead_IsTheSameText(string text, double seconds)
    {
        Assert.True(Duration.TryParse(text, out TimeSpan span));
        Assert.Equal(TimeSpan.FromSeconds(seconds), span);
        Assert.Equal(text, Duration.Of(span));
    }

    [Theory]
    [InlineData("60s", "1m")]
    [InlineData("24h", "1d")]
    [InlineData("1.5h", "90m")]
    public void Of_Span_TakesTheLargestWholeUnit(string text, string expected)
    {
        Assert.True(Duration.TryParse(text, out TimeSpan span));
        Assert.Equal(expected, Duration.Of(span));
    }

    [Theory]
    [InlineData("")]
    [InlineData("d")]
    [InlineData("7")]
    [InlineData("7w")]
    [InlineData("7 d")]
    [InlineData("1,5h")]
    [InlineData("99999999999999999d")]
    public void TryParse_NoDuration_IsRefused(string text) => Assert.False(Duration.TryParse(text, out _));
}
