using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// Reads LightGBM's text format (<c>save_model</c>), versions v2, v3 and v4: boosting gbdt, goss, dart and rf, numeric
/// and categorical splits, all kinds of missing values. Linear leaves are refused.
/// </summary>
/// <remarks>
/// Thresholds are float64 in the file and rows are float32 here, so thresholds are rounded the way values are, to the
/// nearest: a value up to the threshold is so after rounding too (0.8 and 0.8000000000000002, say). Only a value that
/// is above the threshold by less than float32 can tell is decided otherwise. Leaf values and sums are float64, in order
/// of trees.
/// </remarks>
public static class LightGbmImporter
{
    private const int CategoryBit = 1;
    private const int DefaultLeftBit = 2;

    private enum MissingType
    {
        None,
        Zero,
        NaN,
    }

    /// <summary>Reads a model file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">It is not such a file, it is damaged, or it holds what is not supported; the message says where and what.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ImportedModel Load(string path) => Load(ModelFile.Read(path));

    /// <summary>Reads a model to the end of a stream.</summary>
    /// <param name="stream">The model.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="InvalidDataException">As for <see cref="Load(string)"/>.</exception>
    public static ImportedModel Load(Stream stream, string name = "model") => Load(ModelFile.Read(stream, name));

    private static ImportedModel Load(ModelFile file)
    {
        LightGbmLines lines = new(file);
        string first = lines.Next() ? lines.Text : "";
        if (first.StartsWith('{'))
        {
            throw lines.Error("this is the JSON of dump_model, which lacks what predictions need; expected the text of save_model");
        }
        if (first != "tree")
        {
            throw lines.Error($"expected 'tree', found '{Shorten(first)}'");
        }
        LightGbmSection header = lines.Section();
        string version = header.Text("version");
        if (version is not ("v2" or "v3" or "v4"))
        {
            throw header.Error("version", $"expected v2, v3 or v4, found '{Shorten(version)}'");
        }
        int classes = header.Int32("num_class", 1, int.MaxValue);
        int treesPerIteration = header.Int32("num_tree_per_iteration", 1, int.MaxValue);
        int features = header.Int32("max_feature_idx", -1, int.MaxValue - 1) + 1;
        string objective = header.Has("objective") ? header.Text("objective") : "custom";
        PredictionTransform transform = Transform(header, objective, classes, treesPerIteration);
        string[] names = header.Has("feature_names") ? header.Text("feature_names").Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
        if (names.Length != 0 && names.Length != features)
        {
            throw header.Error("feature_names", $"expected {features} names, found {names.Length}");
        }

        ImmutableArray<GeneralTree>.Builder trees = ImmutableArray.CreateBuilder<GeneralTree>();
        while (lines.AtTree)
        {
            if (lines.Text != $"Tree={trees.Count}")
            {
                throw lines.Error($"expected 'Tree={trees.Count}', found '{Shorten(lines.Text)}'");
            }
            trees.Add(Tree(file, lines.Section(), trees.Count, features));
        }
        if (!lines.AtEndOfTrees)
        {
            throw lines.Error("the file ends within its trees");
        }
        if (header.Has("tree_sizes") && header.Int32s("tree_sizes").Length != trees.Count)
        {
            throw header.Error("tree_sizes", $"{header.Int32s("tree_sizes").Length} trees are announced, {trees.Count} found");
        }
        if (trees.Count == 0 || trees.Count % treesPerIteration != 0)
        {
            throw lines.Error($"{trees.Count} trees found, expected a multiple of num_tree_per_iteration, {treesPerIteration}");
        }
        bool average = header.Has("average_output");
        if (average && version == "v2" && transform.Link != MarginLink.Identity)
        {
            RequireConvertedLeaves(file, header);
            transform = new PredictionTransform(MarginLink.Identity);
        }
        return new ImportedModel
        {
            Source = $"LightGBM text {version}",
            Objective = objective,
            FeatureNames = [.. names],
            Transform = transform,
            TreesPerIteration = treesPerIteration,
            MarginModel = file.Build("model", () => new GeneralEnsemble(
                features,
                [.. new double[treesPerIteration]],
                trees.ToImmutable(),
                [.. Enumerable.Range(0, trees.Count).Select(t => t % treesPerIteration)],
                MarginPrecision.Double,
                average ? trees.Count / treesPerIteration : 1)),
        };
    }

    private static PredictionTransform Transform(LightGbmSection header, string objective, int classes, int treesPerIteration)
    {
        string[] words = objective.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string name = words.FirstOrDefault("");
        PredictionTransform transform = name switch
        {
            "regression" or "regression_l1" or "huber" or "fair" or "quantile" or "mape"
                => new(words.Contains("sqrt") ? MarginLink.SignedSquare : MarginLink.Identity),
            "lambdarank" or "rank_xendcg" or "custom" => new(MarginLink.Identity),
            "poisson" or "gamma" or "tweedie" => new(MarginLink.Exponential),
            "binary" or "multiclassova" => new(MarginLink.Logistic, Sigmoid()),
            "cross_entropy" => new(MarginLink.Logistic),
            "cross_entropy_lambda" => new(MarginLink.Softplus),
            "multiclass" => new(MarginLink.Softmax),
            _ => throw header.Error("objective", $"objective '{Shorten(name)}' is not supported"),
        };
        int expected = name switch
        {
            "multiclass" or "multiclassova" => classes,
            "custom" => treesPerIteration,
            _ => 1,
        };
        return treesPerIteration == expected
            ? transform
            : throw header.Error("num_tree_per_iteration", $"expected {expected} for objective '{name}', found {treesPerIteration}");

        double Sigmoid()
        {
            const string prefix = "sigmoid:";
            string? word = words.FirstOrDefault(w => w.StartsWith(prefix, StringComparison.Ordinal));
            return word is null
                ? 1
                : Utf8Parser.TryParse(Encoding.UTF8.GetBytes(word[prefix.Length..]), out double k, out int used) && used == word.Length - prefix.Length && k > 0 && double.IsFinite(k)
                    ? k
                    : throw header.Error("objective", $"expected a positive number after sigmoid:, found '{Shorten(word)}'");
        }
    }

    /// <summary>
    /// A random forest has averages of predictions where LightGBM before 2.2 wrote it; version 2.2.3, which writes the same
    /// file version as 2.2.0, takes the prediction of the average. Parameter refit_decay_rate came with 2.2.
    /// </summary>
    private static void RequireConvertedLeaves(ModelFile file, LightGbmSection header)
    {
        ReadOnlySpan<byte> bytes = file.Bytes;
        if (bytes.IndexOf("\nparameters:"u8) < 0 || bytes.IndexOf("\n[refit_decay_rate:"u8) >= 0)
        {
            throw header.Error("average_output", "whether the leaves of this random forest are predictions or margins cannot be told; save it with LightGBM 2.3 or later");
        }
    }

    private static GeneralTree Tree(ModelFile file, LightGbmSection section, int number, int features)
    {
        int leaves = section.Int32("num_leaves", 1, int.MaxValue);
        if (section.Has("is_linear") && section.Int32("is_linear", 0, 1) == 1)
        {
            throw section.Error("is_linear", "linear leaves are not supported");
        }
        double[] leafValues = section.Doubles("leaf_value", leaves);
        if (leaves == 1)
        {
            return file.Build($"tree {number}", () => new GeneralTree([], [], [], [], [], [.. leafValues], [], []));
        }
        int splits = leaves - 1;
        int[] splitFeatures = section.Int32s("split_feature", splits);
        int[] decisions = section.Int32s("decision_type", splits);
        double[] values = section.Doubles("threshold", splits);
        int[] left = section.Int32s("left_child", splits);
        int[] right = section.Int32s("right_child", splits);
        bool categorical = section.Has("num_cat") && section.Int32("num_cat", 0, int.MaxValue) > 0;
        int[] categoryOffsets = categorical ? section.Int32s("cat_boundaries") : [];
        uint[] categoryWords = categorical ? section.UInt32s("cat_threshold") : [];

        float[] thresholds = new float[splits];
        SplitRules[] rules = new SplitRules[splits];
        for (int s = 0; s < splits; s++)
        {
            if (splitFeatures[s] >= features)
            {
                throw section.Error("split_feature", $"expected 0..{features - 1} (max_feature_idx), found {splitFeatures[s]}");
            }
            (rules[s], thresholds[s]) = Split(section, decisions[s], values[s]);
        }
        return file.Build($"tree {number} (line {section.Line})", () => new GeneralTree(
            [.. splitFeatures], [.. thresholds], [.. rules], [.. left], [.. right], [.. leafValues], [.. categoryOffsets], [.. categoryWords]));
    }

    /// <summary>The rules and threshold of LightGBM's decision type (Tree::NumericalDecision, Tree::CategoricalDecision).</summary>
    private static (SplitRules Rules, float Threshold) Split(LightGbmSection section, int decision, double threshold)
    {
        MissingType missing = (MissingType)((decision >> 2) & 3);
        if (decision is < 0 or > 15 || missing > MissingType.NaN)
        {
            throw section.Error("decision_type", $"found {decision}, which has no meaning");
        }
        if ((decision & CategoryBit) != 0)
        {
            // NaN is in no set: it goes right, whatever the default direction says.
            return (SplitRules.Category, (float)threshold);
        }
        bool defaultLeft = (decision & DefaultLeftBit) != 0;
        SplitRules rules = missing switch
        {
            // NaN counts as 0, which goes where the comparison sends it.
            MissingType.None => threshold >= 0 ? SplitRules.MissingLeft : SplitRules.None,
            MissingType.Zero => SplitRules.ZeroIsMissing | (defaultLeft ? SplitRules.MissingLeft : SplitRules.None),
            _ => defaultLeft ? SplitRules.MissingLeft : SplitRules.None,
        };
        return (rules, (float)threshold);
    }

    private static string Shorten(string text) => LightGbmLines.Shorten(text);
}
