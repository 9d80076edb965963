using System.Globalization;

namespace ScoringEngine.Core.Models.Import;

/// <summary>Reads XGBoost's JSON and UBJSON, which have the same document (https://xgboost.readthedocs.io, "Introduction to Model IO").</summary>
internal static class XgBoostDocument
{
    public static XgBoostContents Read(DocumentReader reader, string format)
    {
        XgBoostContents contents = new() { Format = format };
        bool learner = false;
        reader.BeginObject();
        while (reader.NextKey(out string key))
        {
            switch (key)
            {
                case "learner":
                    learner = true;
                    ReadLearner(reader, contents);
                    break;
                case "version":
                    contents.Version = ReadVersion(reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        reader.End();
        return learner ? contents : throw reader.Error("'learner' is missing: this is no XGBoost model");
    }

    private static Version ReadVersion(DocumentReader reader)
    {
        int[] parts = reader.Int32s();
        return parts.Length == 3 && parts.All(p => p >= 0)
            ? new Version(parts[0], parts[1], parts[2])
            : throw reader.Error("expected a version of 3 numbers");
    }

    private static void ReadLearner(DocumentReader reader, XgBoostContents contents)
    {
        reader.BeginObject();
        while (reader.NextKey(out string key))
        {
            switch (key)
            {
                case "attributes":
                    string? best = ReadMembers(reader).GetValueOrDefault("best_iteration");
                    contents.BestIteration = best is null ? null : Int32(reader, "best_iteration", best);
                    break;
                case "feature_names":
                    contents.FeatureNames = reader.Texts();
                    break;
                case "gradient_booster":
                    ReadBooster(reader, contents);
                    break;
                case "learner_model_param":
                    Dictionary<string, string> parameters = ReadMembers(reader);
                    contents.BaseScore = BaseScore(reader, Required(reader, parameters, "base_score"));
                    contents.FeatureCount = Int32(reader, "num_feature", Required(reader, parameters, "num_feature"));
                    contents.ClassCount = Int32(reader, "num_class", Required(reader, parameters, "num_class"));
                    contents.TargetCount = Int32(reader, "num_target", parameters.GetValueOrDefault("num_target", "1"));
                    break;
                case "objective":
                    contents.Objective = Required(reader, ReadMembers(reader), "name");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    // dart wraps a gbtree; gblinear has weights in place of trees.
    private static void ReadBooster(DocumentReader reader, XgBoostContents contents)
    {
        reader.BeginObject();
        while (reader.NextKey(out string key))
        {
            switch (key)
            {
                case "name":
                    contents.Booster = reader.Text();
                    break;
                case "model":
                    ReadModel(reader, contents);
                    break;
                case "gbtree":
                    reader.BeginObject();
                    while (reader.NextKey(out string inner))
                    {
                        if (inner == "model")
                        {
                            ReadModel(reader, contents);
                        }
                        else
                        {
                            reader.Skip();
                        }
                    }
                    break;
                case "weight_drop":
                    contents.TreeWeights = reader.Singles();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadModel(DocumentReader reader, XgBoostContents contents)
    {
        reader.BeginObject();
        while (reader.NextKey(out string key))
        {
            switch (key)
            {
                case "gbtree_model_param":
                    Dictionary<string, string> parameters = ReadMembers(reader);
                    contents.TreeCount = Int32(reader, "num_trees", Required(reader, parameters, "num_trees"));
                    contents.ParallelTrees = Int32(reader, "num_parallel_tree", parameters.GetValueOrDefault("num_parallel_tree", "1"));
                    break;
                case "tree_info":
                    contents.TreeInfo = reader.Int32s();
                    break;
                case "trees":
                    reader.BeginArray();
                    while (reader.NextElement())
                    {
                        contents.Trees.Add(ReadTree(reader));
                    }
                    break;
                case "weights":
                    contents.LinearWeights = reader.Singles();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static XgBoostTree ReadTree(DocumentReader reader)
    {
        XgBoostTree tree = new();
        reader.BeginObject();
        while (reader.NextKey(out string key))
        {
            switch (key)
            {
                case "left_children": tree.Left = reader.Int32s(); break;
                case "right_children": tree.Right = reader.Int32s(); break;
                case "split_indices": tree.Features = reader.Int32s(); break;
                case "split_conditions": tree.Conditions = reader.Singles(); break;
                case "default_left": tree.DefaultLeft = reader.Int32s(); break;
                case "split_type": tree.SplitTypes = reader.Int32s(); break;
                case "categories": tree.Categories = reader.Int32s(); break;
                case "categories_nodes": tree.CategoryNodes = reader.Int32s(); break;
                case "categories_segments": tree.CategorySegments = reader.Int32s(); break;
                case "categories_sizes": tree.CategorySizes = reader.Int32s(); break;
                case "tree_param":
                    Dictionary<string, string> parameters = ReadMembers(reader);
                    tree.NodeCount = Int32(reader, "num_nodes", Required(reader, parameters, "num_nodes"));
                    tree.LeafSize = Int32(reader, "size_leaf_vector", parameters.GetValueOrDefault("size_leaf_vector", "0"));
                    break;
                default: reader.Skip(); break;
            }
        }
        return tree;
    }

    /// <summary>The texts and numbers of an object; others are passed over.</summary>
    private static Dictionary<string, string> ReadMembers(DocumentReader reader)
    {
        Dictionary<string, string> members = [];
        reader.BeginObject();
        while (reader.NextKey(out string key))
        {
            if (reader.AtText)
            {
                members[key] = reader.Text();
            }
            else
            {
                reader.Skip();
            }
        }
        return members;
    }

    private static string Required(DocumentReader reader, Dictionary<string, string> members, string key)
        => members.GetValueOrDefault(key) ?? throw reader.Error($"'{key}' is missing");

    private static int Int32(DocumentReader reader, string key, string text)
        => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw reader.Error($"{key}: expected a whole number, found '{text}'");

    // Since 3.1 a list of one or more in brackets.
    private static float BaseScore(DocumentReader reader, string text)
        => float.TryParse(text.Trim('[', ']'), NumberStyles.Float, CultureInfo.InvariantCulture, out float value)
            ? value
            : throw reader.Error($"base_score: expected one number, found '{text}'");
}
