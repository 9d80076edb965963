using System.Diagnostics;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>
/// Trees of any shape. A node compares one feature with a value; where the node says so, NaN goes the true way whatever
/// the comparison. The weights of the leaves are combined per target in order of trees, in single precision.
/// </summary>
internal sealed class TreeEnsemble
{
    // Rows that go through a tree together, so that its nodes stay in the cache.
    private const int BlockRows = 256;

    private readonly int[] _features;
    private readonly float[] _values;
    private readonly Mode[] _modes;
    private readonly bool[] _missingTrue;
    private readonly int[] _trueNodes;
    private readonly int[] _falseNodes;
    private readonly int[] _roots;

    // The weights of node n stand from _firstWeight[n] to _firstWeight[n + 1].
    private readonly int[] _firstWeight;
    private readonly int[] _weightTargets;
    private readonly float[] _weights;

    private readonly int _targets;
    private readonly int _columns;
    private readonly Aggregate _aggregate;

    private TreeEnsemble(OnnxNode node, string prefix, int targets, Aggregate aggregate)
    {
        _targets = targets;
        _aggregate = aggregate;
        long[] trees = node.Ints("nodes_treeids");
        int count = trees.Length;
        long[] ids = Sized(node.Ints("nodes_nodeids"));
        string[] modes = Sized(node.Texts("nodes_modes"));
        _values = Sized(node.Floats("nodes_values"));
        long[] features = Sized(node.Ints("nodes_featureids"));
        long[] trueIds = Sized(node.Ints("nodes_truenodeids"));
        long[] falseIds = Sized(node.Ints("nodes_falsenodeids"));
        long[] missing = node.Ints("nodes_missing_value_tracks_true");
        _missingTrue = [.. (missing.Length == 0 ? new long[count] : Sized(missing)).Select(m => m != 0)];
        node.Ignore("nodes_hitrates");

        Dictionary<(long Tree, long Id), int> places = new(count);
        _modes = new Mode[count];
        _features = new int[count];
        for (int n = 0; n < count; n++)
        {
            if (!places.TryAdd((trees[n], ids[n]), n))
            {
                throw new InvalidDataException($"node {ids[n]} of tree {trees[n]} comes twice");
            }
            _modes[n] = ModeOf(modes[n]);
            if (features[n] is < 0 or > OnnxTensor.MaxElements)
            {
                throw new InvalidDataException($"feature {features[n]} of node {ids[n]} of tree {trees[n]}");
            }
            _features[n] = (int)features[n];
            _columns = _modes[n] == Mode.Leaf ? _columns : Math.Max(_columns, _features[n] + 1);
        }
        _trueNodes = new int[count];
        _falseNodes = new int[count];
        _roots = Link(trees, places, trueIds, falseIds);
        (_firstWeight, _weightTargets, _weights) = ReadWeights(node, prefix, places);

        T[] Sized<T>(T[] values) => values.Length == count ? values
            : throw new InvalidDataException($"{values.Length} values for {count} nodes");
    }

    private enum Mode
    {
        LessOrEqual,
        Less,
        GreaterOrEqual,
        Greater,
        Equal,
        NotEqual,
        Leaf,
    }

    private enum Aggregate
    {
        Sum,
        Average,
        Min,
        Max,
    }

    public static OnnxKernel Regressor(OnnxNode node)
    {
        int targets = Targets(node.Int("n_targets", 1));
        PostTransformKind transform = PostTransform.Of(node);
        PostTransform.RequireDefined(transform, targets);
        float[] bases = node.Floats("base_values");
        if (bases.Length > 0 && bases.Length != targets)
        {
            throw new InvalidDataException($"{bases.Length} base values for {targets} targets");
        }
        Aggregate aggregate = node.Choice(
            "aggregate_function", "SUM", ("SUM", Aggregate.Sum), ("AVERAGE", Aggregate.Average), ("MIN", Aggregate.Min), ("MAX", Aggregate.Max));
        TreeEnsemble trees = new(node, "target", targets, aggregate);
        return inputs =>
        {
            (OnnxTensor<float> scores, _) = trees.Evaluate(inputs[0]!);
            for (int r = 0; r < scores.Dimensions[0]; r++)
            {
                Span<float> row = scores.Values.AsSpan(r * targets, targets);
                Add(row, bases);
                PostTransform.Apply(transform, row);
            }
            return [scores];
        };
    }

    public static OnnxKernel Classifier(OnnxNode node)
    {
        ClassLabels labels = new(node, "classlabels_int64s", "classlabels_strings");
        PostTransformKind transform = PostTransform.Of(node);
        float[] bases = node.Floats("base_values");
        TreeEnsemble trees = new(node, "class", labels.Count, Aggregate.Sum);

        // What two classes of which only the second has scores, or base values of two classes, mean is answered
        // differently by standard and runtimes.
        bool single = labels.Count == 2 && trees._weightTargets.All(t => t == 0);
        if (labels.Count == 1 || (labels.Count == 2 && trees._weightTargets.All(t => t == 1)))
        {
            throw new InvalidDataException($"scores of one class, number {trees._weightTargets[0]} of {labels.Count}, are not supported");
        }
        if (bases.Length > 0 && bases.Length != (single ? 1 : labels.Count == 2 ? 0 : labels.Count))
        {
            throw new InvalidDataException($"{bases.Length} base values for {labels.Count} classes, {(single ? "one" : "all")} with scores, are not supported");
        }
        return single ? trees.OneScore(labels, transform, bases) : trees.ScorePerClass(labels, transform, bases);
    }

    /// <summary>The label is the class of greatest score.</summary>
    private OnnxKernel ScorePerClass(ClassLabels labels, PostTransformKind transform, float[] bases) => inputs =>
    {
        (OnnxTensor<float> scores, bool[] present) = Evaluate(inputs[0]!);
        int[] classes = new int[scores.Dimensions[0]];
        for (int r = 0; r < classes.Length; r++)
        {
            Span<float> row = scores.Values.AsSpan(r * _targets, _targets);
            Add(row, bases);
            classes[r] = FirstGreatest(row, bases.Length > 0 ? [] : present.AsSpan(r * _targets, _targets));
            PostTransform.Apply(transform, row);
        }
        return [labels.ToTensor(classes), scores];
    };

    /// <summary>
    /// Two classes of which only the first has weights: by convention its score speaks for the second, and is a
    /// probability when no weight is negative.
    /// </summary>
    private OnnxKernel OneScore(ClassLabels labels, PostTransformKind transform, float[] bases)
    {
        PostTransform.RequireDefinedOfTwo(transform);
        bool probability = _weights.All(w => w >= 0);
        float offset = bases.Length == 0 ? 0 : bases[0];
        return inputs =>
        {
            (OnnxTensor<float> scores, _) = Evaluate(inputs[0]!);
            int[] classes = new int[scores.Dimensions[0]];
            for (int r = 0; r < classes.Length; r++)
            {
                Span<float> row = scores.Values.AsSpan(r * 2, 2);
                float score = row[0] + offset;
                classes[r] = score > (probability ? 0.5f : 0) ? 1 : 0;
                PostTransform.OfTwo(transform, score, probability, row);
            }
            return [labels.ToTensor(classes), scores];
        };
    }

    /// <summary>[rows x targets] the combined weights, and whether any tree had one.</summary>
    private (OnnxTensor<float> Scores, bool[] Present) Evaluate(OnnxTensor input)
    {
        OnnxTensor<float> tensor = Encoders.Rows(input is OnnxTensor<double>
            ? throw new InvalidDataException("trees over float64 are not supported") : input);
        int columns = tensor.Dimensions[1];
        if (columns < _columns)
        {
            throw new InvalidDataException($"rows of {columns} values, but a node reads feature {_columns - 1}");
        }
        int rows = tensor.Dimensions[0];
        OnnxTensor<float> scores = new([rows, _targets]);
        bool[] present = new bool[scores.Length];
        for (int first = 0; first < rows; first += BlockRows)
        {
            int last = Math.Min(first + BlockRows, rows);
            foreach (int root in _roots)
            {
                for (int r = first; r < last; r++)
                {
                    int leaf = Leaf(root, tensor.Values.AsSpan(r * columns, columns));
                    for (int w = _firstWeight[leaf]; w < _firstWeight[leaf + 1]; w++)
                    {
                        int at = (r * _targets) + _weightTargets[w];
                        scores.Values[at] = Combine(scores.Values[at], present[at], _weights[w]);
                        present[at] = true;
                    }
                }
            }
        }
        for (int i = 0; _aggregate == Aggregate.Average && i < scores.Length; i++)
        {
            scores.Values[i] /= _roots.Length;
        }
        return (scores, present);
    }

    private int Leaf(int node, ReadOnlySpan<float> row)
    {
        while (_modes[node] != Mode.Leaf)
        {
            float x = row[_features[node]];
            float value = _values[node];
            bool holds = _modes[node] switch
            {
                Mode.LessOrEqual => x <= value,
                Mode.Less => x < value,
                Mode.GreaterOrEqual => x >= value,
                Mode.Greater => x > value,
                Mode.Equal => x == value,
                _ => x != value,
            };
            node = holds || (_missingTrue[node] && float.IsNaN(x)) ? _trueNodes[node] : _falseNodes[node];
        }
        return node;
    }

    private float Combine(float score, bool present, float weight) => _aggregate switch
    {
        Aggregate.Min => present ? Math.Min(score, weight) : weight,
        Aggregate.Max => present ? Math.Max(score, weight) : weight,
        _ => score + weight,
    };

    /// <summary>The class of greatest score among those with any weight; all have one when <paramref name="present"/> is empty.</summary>
    private static int FirstGreatest(ReadOnlySpan<float> scores, ReadOnlySpan<bool> present)
    {
        int best = -1;
        for (int c = 0; c < scores.Length; c++)
        {
            bool counts = present.IsEmpty || present[c];
            best = counts && (best < 0 || scores[c] > scores[best]) ? c : best;
        }
        return Math.Max(best, 0);
    }

    private static void Add(Span<float> row, ReadOnlySpan<float> bases)
    {
        for (int t = 0; t < bases.Length; t++)
        {
            row[t] += bases[t];
        }
    }

    /// <summary>
    /// Resolves children and finds the root of each tree, in order of appearance. A node has at most one parent and a
    /// tree one root, so that every way ends at a leaf.
    /// </summary>
    private int[] Link(long[] trees, Dictionary<(long Tree, long Id), int> places, long[] trueIds, long[] falseIds)
    {
        bool[] hasParent = new bool[trees.Length];
        for (int n = 0; n < trees.Length; n++)
        {
            if (_modes[n] != Mode.Leaf)
            {
                _trueNodes[n] = Child(trees[n], trueIds[n]);
                _falseNodes[n] = Child(trees[n], falseIds[n]);
            }
        }
        List<int> roots = [];
        HashSet<long> rooted = [];
        for (int n = 0; n < trees.Length; n++)
        {
            if (!hasParent[n])
            {
                roots.Add(rooted.Add(trees[n]) ? n : throw new InvalidDataException($"tree {trees[n]} has two roots"));
            }
        }
        int missing = trees.Distinct().Count() - roots.Count;
        return missing == 0 && roots.Count > 0 ? [.. roots] : throw new InvalidDataException("a tree has no root, or there is no tree");

        int Child(long tree, long id)
        {
            if (!places.TryGetValue((tree, id), out int child) || hasParent[child])
            {
                throw new InvalidDataException($"node {id} of tree {tree} does not exist, or has two parents");
            }
            hasParent[child] = true;
            return child;
        }
    }

    private (int[] First, int[] Targets, float[] Weights) ReadWeights(
        OnnxNode node, string prefix, Dictionary<(long Tree, long Id), int> places)
    {
        long[] trees = node.Ints($"{prefix}_treeids");
        long[] ids = node.Ints($"{prefix}_nodeids");
        long[] targets = node.Ints($"{prefix}_ids");
        float[] weights = node.Floats($"{prefix}_weights");
        if (ids.Length != trees.Length || targets.Length != trees.Length || weights.Length != trees.Length || trees.Length == 0)
        {
            throw new InvalidDataException($"{trees.Length} trees, {ids.Length} nodes and {targets.Length} targets for {weights.Length} weights");
        }
        int[] leaves = new int[trees.Length];
        int[] first = new int[_modes.Length + 1];
        for (int w = 0; w < trees.Length; w++)
        {
            if (!places.TryGetValue((trees[w], ids[w]), out leaves[w]) || _modes[leaves[w]] != Mode.Leaf)
            {
                throw new InvalidDataException($"a weight is for node {ids[w]} of tree {trees[w]}, which is no leaf");
            }
            if (targets[w] < 0 || targets[w] >= _targets)
            {
                throw new InvalidDataException($"a weight is for target {targets[w]} of {_targets}");
            }
            first[leaves[w] + 1]++;
        }
        for (int n = 0; n < _modes.Length; n++)
        {
            first[n + 1] += first[n];
        }
        int[] order = [.. Enumerable.Range(0, trees.Length).OrderBy(w => leaves[w])];
        Debug.Assert(first[^1] == order.Length);
        return (first, [.. order.Select(w => (int)targets[w])], [.. order.Select(w => weights[w])]);
    }

    private static int Targets(long count) => count is > 0 and <= OnnxTensor.MaxElements ? (int)count
        : throw new InvalidDataException($"{count} targets");

    private static Mode ModeOf(string text) => text switch
    {
        "BRANCH_LEQ" => Mode.LessOrEqual,
        "BRANCH_LT" => Mode.Less,
        "BRANCH_GTE" => Mode.GreaterOrEqual,
        "BRANCH_GT" => Mode.Greater,
        "BRANCH_EQ" => Mode.Equal,
        "BRANCH_NEQ" => Mode.NotEqual,
        "LEAF" => Mode.Leaf,
        _ => throw new InvalidDataException($"node mode '{text}' is not supported"),
    };
}
