using System.Collections.Immutable;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// Reads models of XGBoost in JSON, UBJSON and the deprecated binary format: boosters gbtree, dart and gblinear,
/// numeric and categorical splits, one output or one for each class. The format is told by the contents.
/// </summary>
/// <remarks>
/// As in XGBoost's predictor a value below the threshold goes left, a missing one in the split's default direction, and
/// leaf values are added to the base margin in float32, in order of trees. <c>multi:softmax</c> gives the same
/// probabilities as <c>multi:softprob</c>; its class is the first that has the greatest.
/// </remarks>
public static class XgBoostImporter
{
    private const int Leaf = -1;

    // Category sets may take this many times the file's length: a set takes memory for its greatest category, not its size.
    private const long SetBytesPerFileByte = 16;

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
        XgBoostContents contents = Contents(file);
        PredictionTransform transform = Transform(file, contents.Objective);
        if (contents.FeatureCount < 0 || contents.ClassCount < 0)
        {
            throw file.Error($"num_feature is {contents.FeatureCount} and num_class {contents.ClassCount}, expected 0 or more");
        }
        if (contents.TargetCount > 1)
        {
            throw file.Error($"num_target is {contents.TargetCount}; models of several targets are not supported");
        }
        if (contents.FeatureNames.Length != 0 && contents.FeatureNames.Length != contents.FeatureCount)
        {
            throw file.Error($"expected {contents.FeatureCount} feature names (num_feature), found {contents.FeatureNames.Length}");
        }
        bool multiclass = transform.Link == MarginLink.Softmax;
        if (multiclass != contents.ClassCount > 1)
        {
            throw file.Error($"objective '{contents.Objective}' does not fit num_class {contents.ClassCount}");
        }
        int outputs = Math.Max(contents.ClassCount, 1);
        float baseMargin = BaseMargin(file, contents, transform.Link);
        return new ImportedModel
        {
            Source = $"XGBoost {contents.Format} {(contents.Version.Major == 0 ? "before 1.0" : contents.Version.ToString())}",
            Objective = contents.Objective,
            FeatureNames = [.. contents.FeatureNames],
            Transform = transform,
            TreesPerIteration = contents.Booster == "gblinear" ? 0 : outputs * contents.ParallelTrees,
            BestIteration = contents.BestIteration,
            MarginModel = contents.Booster switch
            {
                "gbtree" or "dart" => Ensemble(file, contents, outputs, baseMargin),
                "gblinear" => Linear(file, contents, outputs, baseMargin),
                _ => throw file.Error($"booster '{contents.Booster}' is not supported"),
            },
        };
    }

    private static XgBoostContents Contents(ModelFile file)
    {
        ReadOnlySpan<byte> bytes = file.Bytes;
        if (bytes.IsEmpty)
        {
            throw file.Error("the file is empty");
        }
        if (bytes.StartsWith("bs64"u8))
        {
            throw file.Error("the base64 form of the binary format is not supported; expected JSON, UBJSON or binary");
        }
        if (bytes[0] != '{')
        {
            return XgBoostBinary.Read(file);
        }

        // The first key of UBJSON begins with the type of its length, of JSON with a quotation mark.
        return bytes.Length > 1 && bytes[1] is (byte)'i' or (byte)'U' or (byte)'I' or (byte)'l' or (byte)'L' or (byte)'#' or (byte)'$' or (byte)'N'
            ? XgBoostDocument.Read(new UbjDocumentReader(file), "UBJSON")
            : XgBoostDocument.Read(new JsonDocumentReader(file), "JSON");
    }

    private static PredictionTransform Transform(ModelFile file, string objective) => objective switch
    {
        "reg:squarederror" or "reg:linear" or "binary:logitraw" => new(MarginLink.Identity),
        "reg:logistic" or "binary:logistic" => new(MarginLink.Logistic),
        "count:poisson" or "reg:gamma" or "reg:tweedie" => new(MarginLink.Exponential),
        "multi:softprob" or "multi:softmax" => new(MarginLink.Softmax),
        _ => throw file.Error($"objective '{(objective.Length > 64 ? objective[..64] + "..." : objective)}' is not supported"),
    };

    /// <summary>The objective's ProbToMargin of the base score.</summary>
    private static float BaseMargin(ModelFile file, XgBoostContents contents, MarginLink link)
    {
        float score = contents.BaseScore;
        if (contents.BaseScoreIsMargin)
        {
            return float.IsFinite(score) ? score : throw file.Error($"base_score is {score}, expected a number");
        }
        bool logistic = link == MarginLink.Logistic;
        bool inRange = logistic ? score is > 0 and < 1 : link != MarginLink.Exponential || score > 0;
        if (!inRange || !float.IsFinite(score))
        {
            throw file.Error($"base_score {score} is out of the range of objective '{contents.Objective}'");
        }
        return logistic
            ? -(float)DeterministicMath.Log((1f / score) - 1f)
            : link == MarginLink.Exponential ? (float)DeterministicMath.Log(score) : score;
    }

    private static LinearModel Linear(ModelFile file, XgBoostContents contents, int outputs, float baseMargin)
    {
        float[] weights = contents.LinearWeights;
        if (weights.Length != (contents.FeatureCount + 1L) * outputs)
        {
            throw file.Error($"expected {(contents.FeatureCount + 1L) * outputs} weights (num_feature + 1 for each output), found {weights.Length}");
        }
        int biases = contents.FeatureCount * outputs;
        return file.Build("weights", () => new LinearModel(
            contents.FeatureCount, [.. weights.AsSpan(0, biases)], [.. weights.AsSpan(biases).ToArray().Select(b => b + baseMargin)]));
    }

    private static GeneralEnsemble Ensemble(ModelFile file, XgBoostContents contents, int outputs, float baseMargin)
    {
        int count = contents.Trees.Count;
        long perIteration = (long)outputs * contents.ParallelTrees;
        if (contents.TreeCount != count || contents.TreeInfo.Length != count)
        {
            throw file.Error($"num_trees is {contents.TreeCount}, but there are {count} trees and {contents.TreeInfo.Length} entries of tree_info");
        }
        if (contents.ParallelTrees < 1 || count == 0 || count % perIteration != 0)
        {
            throw file.Error($"{count} trees found, expected a multiple of {outputs} outputs x {contents.ParallelTrees} parallel trees");
        }
        bool dart = contents.Booster == "dart";
        if (dart && contents.TreeWeights.Length != count)
        {
            throw file.Error($"expected {count} weights of trees (weight_drop), found {contents.TreeWeights.Length}");
        }
        SetBudget budget = new(SetBytesPerFileByte * file.Bytes.Length);
        ImmutableArray<GeneralTree> trees =
        [
            .. contents.Trees.Select((tree, t) => file.Build(
                $"tree {t}", () => Tree(tree, contents.FeatureCount, dart ? contents.TreeWeights[t] : 1, budget))),
        ];
        double[] baseMargins = new double[outputs];
        baseMargins.AsSpan().Fill(baseMargin);
        return file.Build("trees", () => new GeneralEnsemble(
            contents.FeatureCount, [.. baseMargins], trees, [.. contents.TreeInfo], MarginPrecision.Single));
    }

    /// <summary>Numbers the nodes that are reached from the root; pruned ones stay behind.</summary>
    /// <exception cref="ArgumentException">It is not a tree.</exception>
    private static GeneralTree Tree(XgBoostTree source, int featureCount, float weight, SetBudget budget)
    {
        int nodes = source.NodeCount;
        Require(nodes > 0, "no nodes");
        Require(source.LeafSize is 0 or 1, $"size_leaf_vector is {source.LeafSize}; leaves of several values are not supported");
        foreach ((string name, int length) in new[]
        {
            ("left_children", source.Left.Length), ("right_children", source.Right.Length), ("split_indices", source.Features.Length),
            ("split_conditions", source.Conditions.Length), ("default_left", source.DefaultLeft.Length),
        })
        {
            Require(length == nodes, $"expected {nodes} {name} (num_nodes), found {length}");
        }
        Require(source.SplitTypes.Length == 0 || source.SplitTypes.Length == nodes, $"expected {nodes} split_type, found {source.SplitTypes.Length}");
        Dictionary<int, int> setOfNode = CategorySets(source, nodes);

        List<int> features = [], left = [], right = [], categoryOffsets = [];
        List<float> thresholds = [];
        List<SplitRules> rules = [];
        List<double> leaves = [];
        List<uint> categoryWords = [];
        bool[] seen = new bool[nodes];
        Stack<(int Node, List<int>? Children, int Parent)> open = new();
        open.Push((0, null, 0));
        while (open.TryPop(out (int Node, List<int>? Children, int Parent) next))
        {
            int node = next.Node;
            Require(node >= 0 && node < nodes, $"a child is node {node} of {nodes}");
            Require(!seen[node], $"node {node} is reached twice");
            seen[node] = true;
            bool isLeaf = source.Left[node] == Leaf;
            next.Children?[next.Parent] = isLeaf ? ~leaves.Count : features.Count;
            if (isLeaf)
            {
                leaves.Add(source.Conditions[node] * weight);
                continue;
            }
            Require(source.Features[node] >= 0 && source.Features[node] < featureCount, $"node {node} splits feature {source.Features[node]} of {featureCount}");
            bool category = source.SplitTypes.Length != 0 && source.SplitTypes[node] != 0;
            bool missingLeft = source.DefaultLeft[node] != 0;
            int split = features.Count;
            features.Add(source.Features[node]);
            left.Add(0);
            right.Add(0);
            if (category)
            {
                // The categories listed go right here, but left in GeneralTree: the children change places.
                Require(source.SplitTypes[node] == 1, $"split_type of node {node} is {source.SplitTypes[node]}, which has no meaning");
                Require(setOfNode.TryGetValue(node, out int segment), $"node {node} splits by categories but has none");
                thresholds.Add(categoryOffsets.Count);
                categoryOffsets.Add(categoryWords.Count);
                AddSet(categoryWords, source, segment, budget);
                rules.Add(SplitRules.Category | (missingLeft ? SplitRules.None : SplitRules.MissingLeft));
            }
            else
            {
                thresholds.Add(GeneralTree.Below(source.Conditions[node]));
                rules.Add(missingLeft ? SplitRules.MissingLeft : SplitRules.None);
            }
            open.Push((source.Right[node], category ? left : right, split));
            open.Push((source.Left[node], category ? right : left, split));
        }
        if (categoryOffsets.Count > 0)
        {
            categoryOffsets.Add(categoryWords.Count);
        }
        return new GeneralTree(
            [.. features], [.. thresholds], [.. rules], [.. left], [.. right], [.. leaves], [.. categoryOffsets], [.. categoryWords]);
    }

    /// <summary>The segment of each node that splits by categories.</summary>
    private static Dictionary<int, int> CategorySets(XgBoostTree source, int nodes)
    {
        int[] segments = source.CategorySegments;
        int[] sizes = source.CategorySizes;
        Require(
            segments.Length == source.CategoryNodes.Length && sizes.Length == source.CategoryNodes.Length,
            $"expected {source.CategoryNodes.Length} categories_segments and categories_sizes, found {segments.Length} and {sizes.Length}");
        Dictionary<int, int> setOfNode = [];
        long covered = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            Require(segments[i] >= 0 && sizes[i] >= 1 && sizes[i] <= source.Categories.Length - segments[i], $"category set {i} is {sizes[i]} categories from {segments[i]} of {source.Categories.Length}");
            Require(source.CategoryNodes[i] >= 0 && source.CategoryNodes[i] < nodes && setOfNode.TryAdd(source.CategoryNodes[i], i), $"category set {i} is of node {source.CategoryNodes[i]}");
            covered += sizes[i];
        }
        Require(covered <= source.Categories.Length, "category sets overlap");
        return setOfNode;
    }

    private static void AddSet(List<uint> words, XgBoostTree source, int segment, SetBudget budget)
    {
        ReadOnlySpan<int> categories = source.Categories.AsSpan(source.CategorySegments[segment], source.CategorySizes[segment]);
        int greatest = 0;
        foreach (int category in categories)
        {
            Require(category >= 0, $"category {category} is negative");
            greatest = Math.Max(greatest, category);
        }
        int length = (greatest >> 5) + 1;
        budget.Take((long)length * sizeof(uint));
        int begin = words.Count;
        words.AddRange(Enumerable.Repeat(0u, length));
        foreach (int category in categories)
        {
            words[begin + (category >> 5)] |= 1u << category;
        }
    }

    private static void Require(bool met, string message)
    {
        if (!met)
        {
            throw new ArgumentException(message);
        }
    }

    /// <summary>Bytes that category sets may still take.</summary>
    private sealed class SetBudget(long bytes)
    {
        private long _bytes = bytes;

        public void Take(long bytes)
        {
            _bytes -= bytes;
            Require(_bytes >= 0, $"category sets need more than {SetBytesPerFileByte} bytes for each byte of the file: category codes are too sparse");
        }
    }
}
