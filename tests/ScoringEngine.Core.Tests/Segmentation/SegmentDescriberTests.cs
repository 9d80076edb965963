using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Tests.Segmentation;

public class SegmentDescriberTests
{
    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric, Unit = "months" },
        new Feature { Id = 2, Name = "MonthlySpend", Kind = FeatureKind.Numeric, Log1P = true, Minimum = 0, Unit = "EUR" },
        new Feature { Id = 3, Name = "age", Kind = FeatureKind.Numeric, Protected = true },
        new Feature { Id = 4, Name = "InternetService", Kind = FeatureKind.Categorical, Categories = ["DSL", "Fiber optic", "No"] },
        new Feature { Id = 5, Name = "tech_support", Kind = FeatureKind.Categorical, Categories = ["No", "Yes"] },
        new Feature { Id = 6, Name = "same", Kind = FeatureKind.Numeric },
    ]);

    [Fact]
    public void Describe_MixedFeatures_SaysWhatSetsEachSegmentApart()
    {
        // Two rows a segment; the protected age would set them apart most.
        FeatureMatrix rows = new(4, 6,
        [
            60, 0, 90, 1, 1, 5,
            36, 0, 91, 1, 0, 5,
            10, 99, 20, 0, 0, 5,
            20, 99, 21, 1, 0, float.NaN,
        ]);
        SegmentText[] texts = SegmentDescriber.Describe(Schema, rows, [0, 0, 1, 1], 2);
        Assert.Equal("Low monthly spend, long tenure", texts[0].Name);
        Assert.Equal("low monthly spend (0 EUR, typical 9), long tenure (48 months, average 31.5), "
            + "mostly fiber optic (100 %, average 75 %), often tech support (50 %, average 25 %)", texts[0].Description);
        Assert.Equal("High monthly spend, short tenure", texts[1].Name);
        Assert.Equal("high monthly spend (99 EUR, typical 9), short tenure (15 months, average 31.5), "
            + "often DSL (50 %, average 25 %), no tech support (0 %, average 25 %)", texts[1].Description);
    }

    [Theory]
    [InlineData("Fiber optic", "mostly fiber optic (100 %, average 50 %)")]
    [InlineData("DSL", "mostly DSL (100 %, average 50 %)")]
    [InlineData("No", "mostly no line type (100 %, average 50 %)")]
    [InlineData("2", "mostly line type 2 (100 %, average 50 %)")]
    [InlineData("Yes", "mostly line type (100 %, average 50 %)")]
    public void Describe_Category_IsNamedSoThatItReadsWell(string category, string description)
    {
        FeatureSchema schema = new(
            [new Feature { Id = 1, Name = "LineType", Kind = FeatureKind.Categorical, Categories = ["other", category] }]);
        SegmentText[] texts = SegmentDescriber.Describe(schema, new FeatureMatrix(4, 1, [0, 0, 1, 1]), [0, 0, 1, 1], 2);
        Assert.Equal(description, texts[1].Description);
    }

    [Fact]
    public void Describe_RarelyNone_SaysWhatTheSegmentHas()
    {
        FeatureSchema schema = new(
            [new Feature { Id = 1, Name = "phone", Kind = FeatureKind.Categorical, Categories = ["No phone", "one", "two"] }]);
        SegmentText[] texts = SegmentDescriber.Describe(schema, new FeatureMatrix(4, 1, [0, 0, 1, 2]), [0, 0, 1, 1], 2);
        Assert.Equal("mostly phone (100 %, average 50 %)", texts[1].Description);
    }

    [Fact]
    public void Describe_ColumnsThatSayTheSame_SaysItOnce()
    {
        string[] categories = ["none", "No internet"];
        FeatureSchema schema = new(
        [
            new Feature { Id = 1, Name = "backup", Kind = FeatureKind.Categorical, Categories = [.. categories] },
            new Feature { Id = 2, Name = "security", Kind = FeatureKind.Categorical, Categories = [.. categories] },
        ]);
        SegmentText[] texts = SegmentDescriber.Describe(schema, new FeatureMatrix(2, 2, [0, 0, 1, 1]), [0, 1], 2);
        Assert.Equal("mostly no internet (100 %, average 50 %)", texts[1].Description);
    }

    [Fact]
    public void Describe_AlikeSegments_GetDistinctNames()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric }]);
        FeatureMatrix rows = new(6, 1, [9, 9, 9, 0, 0, 0]);
        SegmentText[] texts = SegmentDescriber.Describe(schema, rows, [0, 1, 2, 3, 3, 3], 4);
        Assert.Equal(["High x", "High x (2)", "High x (3)", "Low x"], texts.Select(t => t.Name));
    }

    [Fact]
    public void Describe_KeptName_StaysAndIsGivenToNoOther()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric }]);
        FeatureMatrix rows = new(4, 1, [9, 9, 0, 0]);
        SegmentText[] texts = SegmentDescriber.Describe(schema, rows, [0, 0, 1, 1], 2, [null, "High x"]);
        Assert.Equal(["High x (2)", "High x"], texts.Select(t => t.Name));
        Assert.StartsWith("low x", texts[1].Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_NothingStandsOut_IsAverage()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric }]);
        SegmentText[] texts = SegmentDescriber.Describe(schema, new FeatureMatrix(4, 1, [1, 2, 1, 2]), [0, 0, 1, 1], 2);
        Assert.Equal([new("Average", "close to the average customer"), new("Average (2)", "close to the average customer")], texts);
    }

    [Fact]
    public void Describe_SegmentThatLacksAFeature_SaysNothingOfIt()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric }]);
        FeatureMatrix rows = new(4, 1, [float.NaN, float.NaN, 1, 2]);
        Assert.Equal("close to the average customer", SegmentDescriber.Describe(schema, rows, [0, 0, 1, 1], 2)[0].Description);
    }

    [Fact]
    public void Describe_LengthsThatDoNotFit_AreRefused()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric }]);
        FeatureMatrix rows = new(2, 1);
        Assert.Throws<ArgumentException>(() => SegmentDescriber.Describe(schema, rows, [0], 1));
        Assert.Throws<ArgumentException>(() => SegmentDescriber.Describe(schema, rows, [0, 0], 1, ["a", "b"]));
    }
}
