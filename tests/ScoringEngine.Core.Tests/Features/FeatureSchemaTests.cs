using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

public sealed class FeatureSchemaTests
{
    private static readonly Feature Tenure = new() { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric };
    private static readonly Feature Plan = new() { Id = 2, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus"] };
    private static readonly Feature Channel = new() { Id = 3, Name = "channel", Kind = FeatureKind.Categorical, Categories = ["phone"], Context = true };

    private static string HashOf(params Feature[] features) => new FeatureSchema(features).Hash;

    [Fact]
    public void Constructor_CustomerAndContextFeatures_CountsAndFindsThem()
    {
        FeatureSchema schema = new([Tenure, Plan, Channel]);
        Assert.Equal(3, schema.Count);
        Assert.Equal(2, schema.CustomerCount);
        Assert.Equal([0, 1, 2, -1, -1], new[] { "tenure", "plan", "channel", "Tenure", "" }.Select(schema.IndexOf));
    }

    [Fact]
    public void Constructor_OnlyContextOrNothing_IsAllowed()
    {
        Assert.Equal(0, new FeatureSchema([Channel]).CustomerCount);
        Assert.Equal(0, new FeatureSchema([]).Count);
    }

    [Fact]
    public void Constructor_NameTwice_IsRefused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => HashOf(Tenure, Plan with { Name = "tenure" }));
        Assert.StartsWith("feature name 'tenure' is used twice", error.Message);
    }

    [Fact]
    public void Constructor_IdTwice_IsRefused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => HashOf(Tenure, Plan with { Id = 1 }));
        Assert.StartsWith("feature id 1 is used twice", error.Message);
    }

    [Fact]
    public void Constructor_CustomerFeatureAfterContext_IsRefused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => HashOf(Tenure, Channel, Plan));
        Assert.StartsWith("feature 'plan' comes after a context feature", error.Message);
    }

    [Fact]
    public void Hash_AnythingThatChangesHowARowIsRead_Changes()
    {
        string[] hashes =
        [
            HashOf(Tenure, Plan, Channel),
            HashOf(Plan, Tenure, Channel),
            HashOf(Tenure, Plan),
            HashOf(Tenure with { Id = 9 }, Plan, Channel),
            HashOf(Tenure with { Name = "Tenure" }, Plan, Channel),
            HashOf(Tenure with { Kind = FeatureKind.Boolean }, Plan, Channel),
            HashOf(Tenure, Plan with { Context = true }, Channel),
            HashOf(Tenure, Plan with { Categories = ["plus", "basic"] }, Channel),
            HashOf(Tenure, Plan with { Categories = ["basic", "plus", "pro"] }, Channel),
            HashOf(Tenure, Plan with { Categories = ["basic|4:plus"] }, Channel),
            HashOf(Tenure, Plan with { Categories = ["basicplus", ""] }, Channel),
            HashOf(Tenure with { Name = "tenure|Numeric|False\n2|4:plan" }, Channel),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.All(hashes, hash => Assert.Matches("^[0-9a-f]{64}$", hash));
    }

    [Fact]
    public void Hash_WhatDoesNotChangeHowARowIsRead_StaysTheSame()
    {
        Feature same = Tenure with
        {
            Unit = "months",
            Missing = MissingHandling.Reject,
            Minimum = 0,
            Maximum = 500,
            Log1P = true,
            Segments = false,
            Personal = true,
            Protected = true,
        };
        Assert.Equal(HashOf(Tenure, Channel), HashOf(same, Channel with { Default = 0 }));
    }

    // Models on disk carry the hash: it must not change between releases.
    [Fact]
    public void Hash_KnownSchema_IsTheGoldenOne()
        => Assert.Equal("9e581c4a0981c98929bf1d2030c0abc2e0444392f2734efb9910101d68249a69", HashOf(Tenure, Plan, Channel));

    [Theory]
    [InlineData(FeatureKind.Numeric, float.NaN, "missing, but a value is required")]
    [InlineData(FeatureKind.Boolean, float.NaN, "missing, but a value is required")]
    [InlineData(FeatureKind.Categorical, float.NaN, "missing, but a value is required")]
    [InlineData(FeatureKind.Numeric, float.PositiveInfinity, "infinite, expected a finite number")]
    [InlineData(FeatureKind.Boolean, float.NegativeInfinity, "infinite, expected a finite number")]
    [InlineData(FeatureKind.Categorical, float.PositiveInfinity, "infinite, expected a finite number")]
    [InlineData(FeatureKind.Numeric, -1.5f, "-1.5, expected at least -1")]
    [InlineData(FeatureKind.Numeric, 10.25f, "10.25, expected at most 10")]
    [InlineData(FeatureKind.Numeric, -1f, null)]
    [InlineData(FeatureKind.Numeric, 10f, null)]
    [InlineData(FeatureKind.Boolean, 0f, null)]
    [InlineData(FeatureKind.Boolean, 1f, null)]
    [InlineData(FeatureKind.Boolean, 0.5f, "0.5, expected 0 or 1")]
    [InlineData(FeatureKind.Boolean, 2f, "2, expected 0 or 1")]
    [InlineData(FeatureKind.Categorical, 0f, null)]
    [InlineData(FeatureKind.Categorical, 7f, null)]
    [InlineData(FeatureKind.Categorical, -1f, "-1, expected a category code (a whole number from 0)")]
    [InlineData(FeatureKind.Categorical, 1.5f, "1.5, expected a category code (a whole number from 0)")]
    public void Violation_OfARequiredFeature_SaysWhatWasExpected(FeatureKind kind, float value, string? expected)
    {
        Feature feature = new() { Id = 1, Name = "x", Kind = kind, Missing = MissingHandling.Reject };
        feature = kind == FeatureKind.Numeric ? feature with { Minimum = -1, Maximum = 10 } : feature;
        Assert.Equal(expected, FeatureSchema.Violation(feature, value));
    }

    [Fact]
    public void Violation_MissingWhereAllowedOrNoBounds_IsNone()
    {
        Assert.All([Tenure, Plan, Channel], feature => Assert.Null(FeatureSchema.Violation(feature, float.NaN)));
        Assert.Null(FeatureSchema.Violation(Tenure, float.MinValue));
        Assert.Null(FeatureSchema.Violation(Tenure, float.MaxValue));
    }

    [Fact]
    public void Nearest_NameWithATypingError_IsTheKnownOne()
    {
        FeatureSchema schema = new([Tenure, Plan, Channel]);
        Assert.Equal("tenure", schema.Nearest("tenuer"));
        Assert.Equal("channel", schema.Nearest("Chanel"));
        Assert.Null(schema.Nearest("something_else"));
    }

    [Fact]
    public void CodeOf_CategoryOfTheFeature_IsItsIndex()
    {
        FeatureSchema schema = new(
        [
            new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
            new Feature { Id = 2, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus"] },
        ]);
        Assert.Equal([0, 1, -1, -1], new[] { "basic", "plus", "Plus", "" }.Select(name => schema.CodeOf(1, name)));
        Assert.Equal(-1, schema.CodeOf(0, "basic"));
    }

    [Fact]
    public void DropUnknownCategories_CodesBeyondTheSchemas_BecomeMissing()
    {
        FeatureSchema schema = new([Tenure, Plan, Channel]);
        float[] rows =
        [
            99, 1, 0,
            99, 2, 1,
            float.NaN, float.NaN, float.NaN,
            -5, 1e9f, 0,
        ];
        schema.DropUnknownCategories(rows);
        Assert.Equal(
            [
                99, 1, 0,
                99, float.NaN, float.NaN,
                float.NaN, float.NaN, float.NaN,
                -5, float.NaN, 0,
            ], rows);
    }

    [Fact]
    public void IsModelInput_ProtectedFeature_IsNone()
    {
        Assert.True(Tenure.IsModelInput);
        Assert.False((Tenure with { Protected = true }).IsModelInput);
    }
}
