using ScoringEngine.Core.Models.Import;

namespace ScoringEngine.Core.Tests.Models.Import;

public class LightGbmImporterTests
{
    private const int Category = 1, DefaultLeft = 2, MissingZero = 4, MissingNaN = 8;

    [Theory]
    [InlineData(DefaultLeft, "-0.5", float.NaN, 1)]
    [InlineData(DefaultLeft, "0.5", float.NaN, -1)]
    [InlineData(0, "0.5", float.NaN, -1)]
    [InlineData(0, "0.5", 0.5f, -1)]
    [InlineData(0, "0.80000000000000016", 0.8f, -1)]
    [InlineData(0, "0.5", 0.50001f, 1)]
    [InlineData(DefaultLeft | MissingZero, "-0.5", 0f, -1)]
    [InlineData(DefaultLeft | MissingZero, "-0.5", 1e-36f, -1)]
    [InlineData(DefaultLeft | MissingZero, "-0.5", 1e-34f, 1)]
    [InlineData(DefaultLeft | MissingZero, "-0.5", float.NaN, -1)]
    [InlineData(MissingZero, "0.5", 0f, 1)]
    [InlineData(DefaultLeft | MissingNaN, "-0.5", float.NaN, -1)]
    [InlineData(DefaultLeft | MissingNaN, "-0.5", 0f, 1)]
    [InlineData(MissingNaN, "0.5", float.NaN, 1)]
    [InlineData(MissingNaN, "1e300", 3e38f, -1)]
    public void Load_NumericSplit_DecidesAsLightGbm(int decision, string threshold, float value, double leaf)
    {
        ImportedModel model = TextModels.LoadLightGbm(TextModels.LightGbmHeader(1) + TextModels.LightGbmStump(0, decision, threshold) + "\nend of trees\n");
        AssertMargin(model, value, leaf);
    }

    [Theory]
    [InlineData(0, -1)]
    [InlineData(1, 1)]
    [InlineData(2, -1)]
    [InlineData(32, -1)]
    [InlineData(33, 1)]
    [InlineData(64, 1)]
    [InlineData(1e30f, 1)]
    [InlineData(-1, 1)]
    [InlineData(float.NaN, 1)]
    [InlineData(2.9f, -1)]
    public void Load_CategorySplit_SendsMembersLeft(float value, double leaf)
    {
        foreach (int missing in new[] { 0, DefaultLeft, DefaultLeft | MissingNaN })
        {
            ImportedModel model = TextModels.LoadLightGbm(
                TextModels.LightGbmHeader(1) + TextModels.LightGbmStump(0, Category | missing, "0", "cat_boundaries=0 2\ncat_threshold=5 1\n") + "\nend of trees\n");
            Assert.Equal([0], model.CategoricalFeatures);
            AssertMargin(model, value, leaf);
        }
    }

    [Theory]
    [InlineData("regression", 2, 2)]
    [InlineData("regression sqrt", -3, -9)]
    [InlineData("quantile", 2, 2)]
    [InlineData("poisson", 2, 7.38905609893065)]
    [InlineData("tweedie", -1, 0.36787944117144233)]
    [InlineData("gamma", 0, 1)]
    [InlineData("binary sigmoid:2", 1, 0.8807970779778823)]
    [InlineData("cross_entropy", 2, 0.8807970779778823)]
    [InlineData("cross_entropy_lambda", 2, 2.1269280110429727)]
    [InlineData("cross_entropy_lambda", -40, 4.248354255291589e-18)]
    [InlineData("custom", 2, 2)]
    public void Load_Objective_TransformsMargins(string objective, double margin, double prediction)
    {
        ImportedModel model = TextModels.LoadLightGbm(TextModels.LightGbmHeader(1, objective) + TextModels.LightGbmStump(0, 0, "0") + "\nend of trees\n");
        double[] values = [margin];
        model.Transform.Apply(values);
        Assert.Equal(prediction, values[0], Math.Abs(prediction) * 1e-14);
    }

    [Fact]
    public void Load_OneVersusAll_TransformsEachClassByItself()
    {
        ImportedModel model = TextModels.LoadLightGbm(
            TextModels.LightGbmHeader(1, "multiclassova num_class:2 sigmoid:1", classes: 2)
            + TextModels.LightGbmStump(0, 0, "0") + TextModels.LightGbmStump(1, 0, "5") + "\nend of trees\n");
        double[] predictions = ModelFixtures.Predictions(model, [[3]]);
        Assert.Equal(0.7310585786300049, predictions[0], 1e-15);
        Assert.Equal(0.2689414213699951, predictions[1], 1e-15);
    }

    [Fact]
    public void FirstIterations_RandomForest_AveragesOverThem()
    {
        string trees = TextModels.LightGbmStump(0, 0, "0") + TextModels.LightGbmStump(1, 0, "2") + TextModels.LightGbmStump(2, 0, "4");
        ImportedModel model = TextModels.LoadLightGbm(TextModels.LightGbmHeader(1, extra: "average_output\n") + trees + "\nend of trees\n");
        Assert.Equal([1.0 / 3], ModelFixtures.Margins(model, [[3]]));
        Assert.Equal([1.0], ModelFixtures.Margins(model.FirstIterations(2), [[3]]));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.FirstIterations(4));
    }

    [Theory]
    [InlineData("version=v3", "version=v9", "line 2, version: expected v2, v3 or v4, found 'v9'")]
    [InlineData("objective=regression", "objective=astrology", "line 7, objective: objective 'astrology' is not supported")]
    [InlineData("num_leaves=2", "num_leaves=2\nis_linear=1", "line 12, is_linear: linear leaves are not supported")]
    [InlineData("split_feature=0", "split_feature=7", "line 13, split_feature: expected 0..0 (max_feature_idx), found 7")]
    [InlineData("left_child=-1", "left_child=0", "tree 0 (line 10): split 0 is reached twice")]
    [InlineData("left_child=-1", "left_child=-3", "tree 0 (line 10): a child is leaf 2, but there are 2")]
    [InlineData("leaf_value=-1 1", "leaf_value=-1", "line 18, leaf_value: expected 2 values, found 1")]
    [InlineData("leaf_value=-1 1", "leaf_value=-1 one", "line 18, leaf_value: expected a number, found 'one'")]
    [InlineData("num_leaves=2", "num_leaves=2000000000", "line 18, leaf_value: expected 2000000000 values, found 2")]
    [InlineData("threshold=0.5\n", "", "line 10: 'threshold' is missing from the section that begins here")]
    [InlineData("decision_type=2", "decision_type=14", "line 15, decision_type: found 14, which has no meaning")]
    [InlineData("Tree=0", "Tree=1", "line 10: expected 'Tree=0', found 'Tree=1'")]
    [InlineData("\nend of trees\n", "", "line 18: the file ends within its trees")]
    public void Load_BadText_NamesLineFoundAndExpected(string part, string replacement, string message)
    {
        string text = TextModels.LightGbmHeader(1) + TextModels.LightGbmStump(0, DefaultLeft, "0.5") + "\nend of trees\n";
        Assert.Contains(part, text, StringComparison.Ordinal);
        InvalidDataException e = Assert.Throws<InvalidDataException>(
            () => TextModels.LoadLightGbm(text.Replace(part, replacement, StringComparison.Ordinal)));
        Assert.Equal("test.txt: " + message, e.Message);
    }

    [Fact]
    public void Load_OldForestOfUnknownVersion_IsRefused()
    {
        string text = TextModels.LightGbmHeader(1, "binary sigmoid:1", extra: "average_output\n").Replace("v3", "v2", StringComparison.Ordinal)
            + TextModels.LightGbmStump(0, 0, "0") + "\nend of trees\n";
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => TextModels.LoadLightGbm(text));
        Assert.Contains("save it with LightGBM 2.3 or later", e.Message, StringComparison.Ordinal);
    }

    private static void AssertMargin(ImportedModel model, float value, double expected)
    {
        // 20 rows go through the strip kernel, which Margins compares with each row by itself.
        Assert.All(ModelFixtures.Margins(model, [.. Enumerable.Repeat(new[] { value }, 20)]), m => Assert.Equal(expected, m));
    }
}
