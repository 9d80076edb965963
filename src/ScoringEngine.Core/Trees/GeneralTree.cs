using System.Collections.Immutable;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// A binary decision tree of any shape over float32 values, as a struct of arrays. Split 0 is the root. A child is the
/// number of a split, or the bitwise complement of a leaf's number; a tree without splits is its one leaf.
/// </summary>
/// <remarks>
/// A split asks "at most the threshold?". "Below the threshold?" is the same question of the float32 value before it:
/// see <see cref="Below(float)"/>. Immutable and thread-safe.
/// </remarks>
public sealed class GeneralTree
{
    /// <summary>Magnitude up to which a value is zero for <see cref="SplitRules.ZeroIsMissing"/>.</summary>
    public const float ZeroMagnitude = 1e-35f;

    private const SplitRules AllRules = SplitRules.MissingLeft | SplitRules.ZeroIsMissing | SplitRules.Category;

    // Leaves are ranked from left to right. Left of split s are the ranks _leftBegin[s].._leftEnd[s] - 1.
    private readonly int[] _leftBegin;
    private readonly int[] _leftEnd;

    /// <summary>Builds a tree and checks that every split and leaf is reached from the root in exactly one way.</summary>
    /// <param name="features">Feature of each split.</param>
    /// <param name="thresholds">Threshold of each split; a <see cref="SplitRules.Category"/> split's is the number of its category set.</param>
    /// <param name="rules">Rules of each split.</param>
    /// <param name="left">Left child of each split.</param>
    /// <param name="right">Right child of each split.</param>
    /// <param name="leaves">Value of each leaf: one more than splits.</param>
    /// <param name="categoryOffsets">First word of each category set, and the end of the last; empty without sets.</param>
    /// <param name="categoryWords">Sets as bits: category c is bit c % 32 of word c / 32.</param>
    /// <exception cref="ArgumentException">Lengths disagree, it is not a tree, or a value is not finite.</exception>
    public GeneralTree(
        ImmutableArray<int> features, ImmutableArray<float> thresholds, ImmutableArray<SplitRules> rules, ImmutableArray<int> left,
        ImmutableArray<int> right, ImmutableArray<double> leaves, ImmutableArray<int> categoryOffsets, ImmutableArray<uint> categoryWords)
    {
        int splits = features.Length;
        Require(
            thresholds.Length == splits && rules.Length == splits && left.Length == splits && right.Length == splits,
            $"expected {splits} thresholds, rules and children, found {thresholds.Length}, {rules.Length}, {left.Length} and {right.Length}");
        Require(leaves.Length == splits + 1, $"expected {splits + 1} leaves, found {leaves.Length}");
        for (int i = 1; i < categoryOffsets.Length; i++)
        {
            Require(categoryOffsets[i] >= categoryOffsets[i - 1], $"category offset {i} is below the one before");
        }
        Require(
            categoryOffsets.IsEmpty ? categoryWords.IsEmpty : categoryOffsets[0] == 0 && categoryOffsets[^1] == categoryWords.Length,
            $"category offsets do not cover {categoryWords.Length} words");
        for (int s = 0; s < splits; s++)
        {
            Require(features[s] >= 0, $"split {s} has feature {features[s]}");
            Require(!float.IsNaN(thresholds[s]), $"threshold of split {s} is not a number");
            Require((rules[s] & ~AllRules) == 0, $"split {s} has rules {(int)rules[s]}, which are not known");
            Require(
                (rules[s] & SplitRules.Category) == 0 || (thresholds[s] >= 0 && thresholds[s] < categoryOffsets.Length - 1),
                $"split {s} has category set {thresholds[s]}, but there are {Math.Max(0, categoryOffsets.Length - 1)}");
        }
        for (int leaf = 0; leaf < leaves.Length; leaf++)
        {
            Require(double.IsFinite(leaves[leaf]), $"leaf {leaf} has value {leaves[leaf]}");
        }
        Features = features;
        Thresholds = thresholds;
        Rules = rules;
        Left = left;
        Right = right;
        Leaves = leaves;
        CategoryOffsets = categoryOffsets;
        CategoryWords = categoryWords;
        (LeavesByRank, _leftBegin, _leftEnd) = RankLeaves();
    }

    /// <summary>Feature of each split.</summary>
    public ImmutableArray<int> Features { get; }

    /// <summary>Threshold of each split; a category split's is the number of its category set.</summary>
    public ImmutableArray<float> Thresholds { get; }

    /// <summary>Rules of each split.</summary>
    public ImmutableArray<SplitRules> Rules { get; }

    /// <summary>Left child of each split: a split, or the complement of a leaf.</summary>
    public ImmutableArray<int> Left { get; }

    /// <summary>Right child of each split.</summary>
    public ImmutableArray<int> Right { get; }

    /// <summary>Value of each leaf.</summary>
    public ImmutableArray<double> Leaves { get; }

    /// <summary>First word of each category set, and the end of the last; empty without sets.</summary>
    public ImmutableArray<int> CategoryOffsets { get; }

    /// <summary>Category sets as bits.</summary>
    public ImmutableArray<uint> CategoryWords { get; }

    /// <summary>Number of splits.</summary>
    public int SplitCount => Features.Length;

    /// <summary>The leaves from left to right.</summary>
    internal ImmutableArray<int> LeavesByRank { get; }

    /// <summary>The greatest float32 below a threshold: x is below the threshold exactly when x is at most this.</summary>
    public static float Below(float threshold) => MathF.BitDecrement(threshold);

    /// <summary>The leaf that a row reaches.</summary>
    /// <param name="row">Values; NaN is missing.</param>
    /// <exception cref="IndexOutOfRangeException">The row lacks a feature that is asked for.</exception>
    public int Leaf(ReadOnlySpan<float> row)
    {
        ReadOnlySpan<int> features = Features.AsSpan();
        ReadOnlySpan<int> left = Left.AsSpan();
        ReadOnlySpan<int> right = Right.AsSpan();
        int node = features.IsEmpty ? ~0 : 0;
        while (node >= 0)
        {
            node = GoesLeft(node, row[features[node]]) ? left[node] : right[node];
        }
        return ~node;
    }

    /// <summary>Whether a value goes left at a split.</summary>
    internal bool GoesLeft(int split, float value)
    {
        SplitRules rules = Rules[split];
        if (float.IsNaN(value) || ((rules & SplitRules.ZeroIsMissing) != 0 && MathF.Abs(value) <= ZeroMagnitude))
        {
            return (rules & SplitRules.MissingLeft) != 0;
        }
        float threshold = Thresholds[split];
        return (rules & SplitRules.Category) != 0 ? InSet(CategorySet((int)threshold), value) : value <= threshold;
    }

    /// <summary>The words of a category set.</summary>
    internal ReadOnlySpan<uint> CategorySet(int set) => CategoryWords.AsSpan()[CategoryOffsets[set]..CategoryOffsets[set + 1]];

    /// <summary>Ranks of the leaves left of a split: <c>Begin</c> up to but without <c>End</c>.</summary>
    internal (int Begin, int End) RanksLeftOf(int split) => (_leftBegin[split], _leftEnd[split]);

    // A fraction is cut off; a negative value and one beyond the set's words are in no set.
    private static bool InSet(ReadOnlySpan<uint> words, float value)
    {
        if (!(value >= 0 && value < words.Length * 32f))
        {
            return false;
        }
        int category = (int)value;
        return ((words[category >> 5] >> category) & 1) != 0;
    }

    private (ImmutableArray<int> LeavesByRank, int[] LeftBegin, int[] LeftEnd) RankLeaves()
    {
        int splits = SplitCount;
        int[] begin = new int[splits];
        int[] end = new int[splits];
        bool[] splitSeen = new bool[splits];
        bool[] leafSeen = new bool[splits + 1];
        ImmutableArray<int>.Builder byRank = ImmutableArray.CreateBuilder<int>(splits + 1);

        // Left subtrees first; a split whose left subtree is done notes where it ended before its right one begins.
        Stack<(int Node, int Parent)> open = new();
        open.Push((splits == 0 ? ~0 : 0, -1));
        while (open.TryPop(out (int Node, int Parent) next))
        {
            (int node, int parent) = next;
            if (parent >= 0)
            {
                end[parent] = byRank.Count;
            }
            bool[] seen = node >= 0 ? splitSeen : leafSeen;
            int index = node >= 0 ? node : ~node;
            string kind = node >= 0 ? "split" : "leaf";
            Require(index < seen.Length, $"a child is {kind} {index}, but there are {seen.Length}");
            Require(!seen[index], $"{kind} {index} is reached twice");
            seen[index] = true;
            if (node < 0)
            {
                byRank.Add(index);
                continue;
            }
            begin[node] = byRank.Count;
            open.Push((Right[node], node));
            open.Push((Left[node], -1));
        }
        Require(byRank.Count == splits + 1, $"{splits + 1 - byRank.Count} leaves are not reached from the root");
        return (byRank.MoveToImmutable(), begin, end);
    }

    private static void Require(bool met, string message)
    {
        if (!met)
        {
            throw new ArgumentException(message);
        }
    }
}
