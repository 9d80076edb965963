namespace ScoringEngine.Core.Tests.Models.Import;

public class XgBoostImporterTests
{
    private const string Stump = """
        {"version":[1,7,4],"learner":{"attributes":{},"feature_names":[],"feature_types":[],
        "gradient_booster":{"name":"gbtree","model":{"gbtree_model_param":{"num_trees":"1","num_parallel_tree":"1"},"tree_info":[0],"trees":[{
        "left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[0,0,0],"split_conditions":[5E-1,-1E0,1E0],"default_left":[1,0,0],
        "tree_param":{"num_nodes":"3","size_leaf_vector":"0"}}]}},
        "learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"1"},"objective":{"name":"binary:logistic"}}}
        """;

    [Theory]
    [InlineData(0.5f, 1)]
    [InlineData(0.49999997f, -1)]
    [InlineData(float.NaN, -1)]
    public void Load_NumericSplit_SendsValuesBelowLeft(float value, double margin)
        => Assert.Equal([margin], ModelFixtures.Margins(TextModels.LoadXgBoost(Stump), [[value]]));

    [Theory]
    [InlineData("binary:logistic", "rank:pairwise", "objective 'rank:pairwise' is not supported")]
    [InlineData("\"gbtree\"", "\"gbforest\"", "booster 'gbforest' is not supported")]
    [InlineData("\"base_score\":\"5E-1\"", "\"base_score\":\"1E0\"", "base_score 1 is out of the range of objective 'binary:logistic'")]
    [InlineData("\"base_score\":\"5E-1\"", "\"base_score\":\"[5E-1,2E-1]\"", "base_score: expected one number, found '[5E-1,2E-1]'")]
    [InlineData("[1,-1,-1]", "[0,-1,-1]", "tree 0: node 0 is reached twice")]
    [InlineData("[1,-1,-1]", "[3,-1,-1]", "tree 0: a child is node 3 of 3")]
    [InlineData("[1,-1,-1]", "[1,-1]", "tree 0: expected 3 left_children (num_nodes), found 2")]
    [InlineData("\"split_indices\":[0", "\"split_indices\":[1", "tree 0: node 0 splits feature 1 of 1")]
    [InlineData("5E-1,-1E0", "true,-1E0", "line 3, byte 317: expected a number, found 'true,-1E0,1E'")]
    [InlineData("\"size_leaf_vector\":\"0\"", "\"size_leaf_vector\":\"3\"", "leaves of several values are not supported")]
    [InlineData("\"num_class\":\"0\"", "\"num_class\":\"3\"", "objective 'binary:logistic' does not fit num_class 3")]
    [InlineData("\"num_trees\":\"1\"", "\"num_trees\":\"9\"", "num_trees is 9, but there are 1 trees and 1 entries of tree_info")]
    [InlineData("\"tree_info\":[0]", "\"tree_info\":[0.5]", "expected a whole number of 32 bits, found '0.5]")]
    [InlineData("1E0]", "1E39]", "leaf 1 has value")]
    [InlineData("1E0]", "1E0", "expected a number, found '\"default_lef'")]
    [InlineData("1E0]", "NaN]", "leaf 1 has value")]
    [InlineData("[5E-1,-1E0", "[NaN,-1E0", "threshold of split 0 is not a number")]
    [InlineData("\"attributes\":{}", "\"attributes\":{", "expected")]
    [InlineData("\"name\":\"gbtree\"", "\"name\":\"gbtree\\", "a text is malformed")]
    [InlineData("\"name\":\"binary:logistic\"", "\"name\":\"binary:logistic\\", "a text does not end")]
    [InlineData("\"name\":\"gbtree\"", "\"name\":\"\\u12\"", "a text is malformed")]
    [InlineData("\"learner\"", "\"teacher\"", "'learner' is missing: this is no XGBoost model")]
    public void Load_BadDocument_NamesFoundAndExpected(string part, string replacement, string message)
    {
        Assert.Contains(part, Stump, StringComparison.Ordinal);
        InvalidDataException e = Assert.Throws<InvalidDataException>(
            () => TextModels.LoadXgBoost(Stump.Replace(part, replacement, StringComparison.Ordinal)));
        Assert.StartsWith("test.json: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_SparseCategoryCode_IsRefusedBeforeItsSetIsAllocated()
    {
        string text = Stump.Replace(
            "\"default_left\"",
            "\"split_type\":[1,0,0],\"categories\":[16000000],\"categories_nodes\":[0],\"categories_segments\":[0],\"categories_sizes\":[1],\"default_left\"",
            StringComparison.Ordinal);
        long before = GC.GetAllocatedBytesForCurrentThread();
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => TextModels.LoadXgBoost(text));
        Assert.Contains("category codes are too sparse", e.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("bs64AAAA")]
    [InlineData("{")]
    [InlineData("{L")]
    [InlineData("[]")]
    [InlineData("a text that is longer than nothing at all")]
    public void Load_NoModel_IsRefused(string text)
        => Assert.Throws<InvalidDataException>(() => TextModels.LoadXgBoost(text));

    [Fact]
    public void Load_DeepNesting_IsRefused()
    {
        string json = "{\"a\":" + new string('[', 100_000);
        string ubj = "{i\u0001a" + new string('[', 100_000);
        Assert.Throws<InvalidDataException>(() => TextModels.LoadXgBoost(json));
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => TextModels.LoadXgBoost(ubj));
        Assert.Contains("nested deeper than 64", e.Message, StringComparison.Ordinal);
    }
}
