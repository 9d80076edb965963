using System.Collections.Immutable;
using ScoringEngine.Core.Models.Onnx.Format;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>
/// Writes oblivious trees as a TreeEnsembleRegressor over raw feature values. Every bin is a question of the feature:
/// "bin above the k-th" is "value > threshold k", and "bin above missing" is "value >= the smallest float", both false for
/// NaN; "bin of the category" is "value = code". The bins of code columns are values of their own, behind the features. The base margin is the first tree, of one leaf, because the standard adds
/// base values last and float addition depends on the order.
/// </summary>
internal sealed class TreeEnsembleWriter
{
    private const string Leaf = "LEAF";

    private readonly List<long> _trees = [];
    private readonly List<long> _ids = [];
    private readonly List<string> _modes = [];
    private readonly List<float> _values = [];
    private readonly List<long> _features = [];
    private readonly List<long> _trueIds = [];
    private readonly List<long> _falseIds = [];
    private readonly List<long> _leafTrees = [];
    private readonly List<long> _leafIds = [];
    private readonly List<float> _leafValues = [];

    /// <summary>The same value for every row.</summary>
    public static AttributeProto[] Constant(float value)
    {
        TreeEnsembleWriter writer = new();
        writer.AddLeaf(0, 0, value);
        return writer.ToAttributes();
    }

    /// <summary>The attributes of the operator over [features of the quantiser's rows, bins of its code columns in their order].</summary>
    public static AttributeProto[] Attributes(ObliviousEnsemble ensemble, Quantiser quantiser)
    {
        TreeEnsembleWriter writer = new();
        ImmutableArray<QuantisedColumn> columns = quantiser.Columns;
        int codeColumns = 0;
        int[] places = [.. columns.Select(c => c.BinOfCode.IsEmpty ? c.Feature : quantiser.RowLength + codeColumns++)];
        writer.AddLeaf(0, 0, ensemble.BaseMargin);
        int split = 0;
        int leaf = 0;
        for (int tree = 0; tree < ensemble.TreeCount; tree++)
        {
            int depth = ensemble.Depths[tree];
            writer.AddTree(tree + 1, depth, level => Question(
                columns[ensemble.SplitColumns[split + level]], places[ensemble.SplitColumns[split + level]], ensemble.SplitBins[split + level]), ensemble.LeafValues.AsSpan(leaf, 1 << depth));
            split += depth;
            leaf += 1 << depth;
        }
        return writer.ToAttributes();
    }

    /// <summary>The question of raw values that a bin's question of quantised ones stands for.</summary>
    private static (int Place, string Mode, float Value) Question(QuantisedColumn column, int place, int bin)
        => !column.BinOfCode.IsEmpty ? (place, "BRANCH_GT", bin)
            : bin == 0 ? (place, "BRANCH_GTE", float.MinValue)
            : column.Category is { } category
                ? bin == 1 ? (place, "BRANCH_EQ", category) : Never(place)
            : bin <= column.Thresholds.Length ? (place, "BRANCH_GT", column.Thresholds[bin - 1])
            : Never(place);

    private static (int Place, string Mode, float Value) Never(int place) => (place, "BRANCH_GT", float.PositiveInfinity);

    /// <summary>Adds a complete tree: node i has the children 2i + 1 (no) and 2i + 2 (yes), so that leaves stand in order.</summary>
    private void AddTree(int tree, int depth, Func<int, (int Place, string Mode, float Value)> question, ReadOnlySpan<float> leaves)
    {
        int id = 0;
        for (int level = 0; level < depth; level++)
        {
            (int place, string mode, float value) = question(level);
            for (int i = 0; i < 1 << level; i++, id++)
            {
                AddNode(tree, id, mode, value, place, (2 * id) + 2, (2 * id) + 1);
            }
        }
        foreach (float leaf in leaves)
        {
            AddLeaf(tree, id++, leaf);
        }
    }

    private void AddLeaf(int tree, int id, float value)
    {
        AddNode(tree, id, Leaf, 0, 0, 0, 0);
        _leafTrees.Add(tree);
        _leafIds.Add(id);
        _leafValues.Add(value);
    }

    private void AddNode(int tree, int id, string mode, float value, int feature, int trueId, int falseId)
    {
        _trees.Add(tree);
        _ids.Add(id);
        _modes.Add(mode);
        _values.Add(value);
        _features.Add(feature);
        _trueIds.Add(trueId);
        _falseIds.Add(falseId);
    }

    private AttributeProto[] ToAttributes() =>
    [
        OnnxGraphBuilder.Attribute("n_targets", 1),
        OnnxGraphBuilder.Attribute("nodes_treeids", _trees),
        OnnxGraphBuilder.Attribute("nodes_nodeids", _ids),
        OnnxGraphBuilder.Attribute("nodes_modes", _modes),
        OnnxGraphBuilder.Attribute("nodes_values", _values),
        OnnxGraphBuilder.Attribute("nodes_featureids", _features),
        OnnxGraphBuilder.Attribute("nodes_truenodeids", _trueIds),
        OnnxGraphBuilder.Attribute("nodes_falsenodeids", _falseIds),
        OnnxGraphBuilder.Attribute("nodes_missing_value_tracks_true", _trees.Select(_ => 0L)),
        OnnxGraphBuilder.Attribute("target_treeids", _leafTrees),
        OnnxGraphBuilder.Attribute("target_nodeids", _leafIds),
        OnnxGraphBuilder.Attribute("target_ids", _leafTrees.Select(_ => 0L)),
        OnnxGraphBuilder.Attribute("target_weights", _leafValues),
    ];
}
