using System.Text;
using ScoringEngine.Core.Models.Import;

namespace ScoringEngine.Core.Tests.Models.Import;

/// <summary>Small models written by the tests themselves.</summary>
internal static class TextModels
{
    public static string LightGbmHeader(int features, string objective = "regression", int classes = 1, string extra = "") =>
        $"tree\nversion=v3\nnum_class={classes}\nnum_tree_per_iteration={classes}\nlabel_index=0\nmax_feature_idx={features - 1}\nobjective={objective}\n{extra}"
        + $"feature_names={string.Join(' ', Enumerable.Range(0, features).Select(f => $"f{f}"))}\n";

    /// <summary>A tree of one split, left leaf -1, right leaf 1.</summary>
    public static string LightGbmStump(int number, int decision, string threshold, string categories = "") =>
        $"\nTree={number}\nnum_leaves=2\nnum_cat={(categories.Length == 0 ? 0 : 1)}\nsplit_feature=0\nthreshold={threshold}\ndecision_type={decision}\n"
        + $"left_child=-1\nright_child=-2\nleaf_value=-1 1\n{categories}";

    public static ImportedModel LoadLightGbm(string text) => LightGbmImporter.Load(new MemoryStream(Encoding.UTF8.GetBytes(text)), "test.txt");

    public static ImportedModel LoadXgBoost(string text) => XgBoostImporter.Load(new MemoryStream(Encoding.UTF8.GetBytes(text)), "test.json");
}
