using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public class GeneralEnsembleTests
{
    private const int Features = 7;

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 5)]
    [InlineData(31, 40)]
    [InlineData(32, 10)]
    [InlineData(33, 10)]
    [InlineData(64, 10)]
    [InlineData(65, 10)]
    [InlineData(200, 4)]
    [InlineData(256, 4)]
    [InlineData(257, 3)]
    [InlineData(700, 2)]
    public void Margins_RandomTrees_EqualTheNaiveTwin(int leaves, int trees)
    {
        SeededRandom random = new(leaves);
        Node[] nodes = RandomNodes(ref random, trees, leaves);
        foreach (MarginPrecision precision in Enum.GetValues<MarginPrecision>())
        {
            GeneralEnsemble ensemble = Ensemble(nodes, outputs: 2, precision);
            foreach (int rows in new[] { 0, 1, 7, 8, 63, 64, 65, 150 })
            {
                float[] values = RandomValues(ref random, rows * Features);
                double[] margins = new double[rows * 2];
                ensemble.Margins(values, rows, Features, margins, new float[ensemble.ScratchLength]);
                double[] one = new double[2];
                for (int r = 0; r < rows; r++)
                {
                    ReadOnlySpan<float> row = values.AsSpan(r * Features, Features);
                    ensemble.Margins(row, one);
                    double[] twin = Twin(nodes, row, precision);
                    Assert.Equal(twin, margins[(r * 2)..((r + 1) * 2)]);
                    Assert.Equal(twin, one);
                }
            }
        }
    }

    [Fact]
    public void Margins_Chain_IsWalkedWithoutRecursion()
    {
        // A tree as deep as it has splits: split s sends values above s to the right.
        const int splits = 200_000;
        GeneralTree chain = new(
            [.. new int[splits]],
            [.. Enumerable.Range(0, splits).Select(s => (float)s)],
            [.. new SplitRules[splits]],
            [.. Enumerable.Range(0, splits).Select(s => ~s)],
            [.. Enumerable.Range(0, splits).Select(s => s == splits - 1 ? ~splits : s + 1)],
            [.. Enumerable.Range(0, splits + 1).Select(l => (double)l)], [], []);
        Assert.Equal(199_998, chain.Leaf([199_997.5f]));
        Assert.Equal(splits, chain.Leaf([float.NaN]));
    }

    [Fact]
    public void Margins_SteadyState_AllocatesNothing()
    {
        SeededRandom random = new(3);
        GeneralEnsemble ensemble = Ensemble([RandomNode(ref random, 31), RandomNode(ref random, 400)], 2, MarginPrecision.Single);
        float[] rows = RandomValues(ref random, 100 * Features);
        double[] margins = new double[200];
        float[] scratch = new float[ensemble.ScratchLength];
        ensemble.Margins(rows, 100, Features, margins, scratch);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ensemble.Margins(rows, 100, Features, margins, scratch);
        ensemble.Margins(rows, margins);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Margins_ShortSpans_AreRefused()
    {
        SeededRandom random = new(1);
        GeneralEnsemble ensemble = Ensemble([RandomNode(ref random, 40)], 2, MarginPrecision.Single);
        float[] scratch = new float[ensemble.ScratchLength];
        Assert.Throws<ArgumentException>(() => ensemble.Margins(new float[Features - 1], new double[2]));
        Assert.Throws<ArgumentException>(() => ensemble.Margins(new float[Features], new double[1]));
        Assert.Throws<ArgumentException>(() => ensemble.Margins(new float[(2 * Features) - 1], 2, Features, new double[4], scratch));
        Assert.Throws<ArgumentException>(() => ensemble.Margins(new float[2 * Features], 2, Features, new double[3], scratch));
        Assert.Throws<ArgumentException>(() => ensemble.Margins(new float[2 * Features], 2, Features, new double[4], scratch[1..]));
        Assert.Throws<ArgumentOutOfRangeException>(() => ensemble.Margins(new float[2 * Features], 2, Features - 1, new double[4], scratch));
    }

    [Theory]
    [InlineData(new[] { 0 }, new[] { ~1 }, "split 0 is reached twice")]
    [InlineData(new[] { ~0 }, new[] { ~0 }, "leaf 0 is reached twice")]
    [InlineData(new[] { 1 }, new[] { ~0 }, "a child is split 1, but there are 1")]
    [InlineData(new[] { ~0, 1 }, new[] { ~1, ~2 }, "1 leaves are not reached from the root")]
    public void Tree_NotATree_IsRefused(int[] left, int[] right, string message)
    {
        int n = left.Length;
        ArgumentException e = Assert.Throws<ArgumentException>(() => new GeneralTree(
            [.. new int[n]], [.. new float[n]], [.. new SplitRules[n]], [.. left], [.. right], [.. new double[n + 1]], [], []));
        Assert.Equal(message, e.Message);
    }

    private static float[] RandomValues(ref SeededRandom random, int count)
    {
        float[] values = new float[count];
        foreach (ref float value in values.AsSpan())
        {
            value = random.Next(8) switch
            {
                0 => float.NaN,
                1 => 0,
                2 => -0f,
                3 => float.Epsilon,
                _ => random.Next(40) - 4f,
            };
        }
        return values;
    }

    private static Node[] RandomNodes(ref SeededRandom random, int trees, int leaves)
    {
        Node[] nodes = new Node[trees];
        foreach (ref Node node in nodes.AsSpan())
        {
            node = RandomNode(ref random, leaves);
        }
        return nodes;
    }

    private static Node RandomNode(ref SeededRandom random, int leaves)
    {
        if (leaves == 1)
        {
            return new Node { Value = (float)random.NextDouble() };
        }
        int left = 1 + random.Next(leaves - 1);
        List<int>? members = random.Next(10) == 0 ? [] : null;
        for (int category = 0; category < 34; category++)
        {
            if (random.Next(2) == 0)
            {
                members?.Add(category);
            }
        }
        return new Node
        {
            Feature = random.Next(Features),
            Threshold = random.Next(30) - 2f,
            Members = members,
            MissingLeft = random.Next(2) == 0,
            ZeroIsMissing = random.Next(10) == 0,
            Left = RandomNode(ref random, left),
            Right = RandomNode(ref random, leaves - left),
        };
    }

    private static double[] Twin(Node[] trees, ReadOnlySpan<float> row, MarginPrecision precision)
    {
        double[] margins = [0.25, -0.5];
        for (int t = 0; t < trees.Length; t++)
        {
            float leaf = trees[t].Predict(row);
            margins[t % 2] = precision == MarginPrecision.Single ? (float)margins[t % 2] + leaf : margins[t % 2] + leaf;
        }
        return margins;
    }

    private static GeneralEnsemble Ensemble(Node[] trees, int outputs, MarginPrecision precision) => new(
        Features, [0.25, -0.5], [.. trees.Select(t => t.Build())], [.. trees.Select((_, t) => t % outputs)], precision);

    /// <summary>A tree as objects.</summary>
    private sealed class Node
    {
        public int Feature { get; init; }

        public float Threshold { get; init; }

        public List<int>? Members { get; init; }

        public bool MissingLeft { get; init; }

        public bool ZeroIsMissing { get; init; }

        public Node? Left { get; init; }

        public Node? Right { get; init; }

        public float Value { get; init; }

        public float Predict(ReadOnlySpan<float> row)
        {
            if (Left is null)
            {
                return Value;
            }
            float x = row[Feature];
            bool missing = float.IsNaN(x) || (ZeroIsMissing && MathF.Abs(x) <= 1e-35f);
            bool left = missing ? MissingLeft : Members is null ? x <= Threshold : x >= 0 && Members.Contains((int)x);
            return (left ? Left : Right!).Predict(row);
        }

        public GeneralTree Build()
        {
            List<int> features = [], left = [], right = [], offsets = [0];
            List<float> thresholds = [];
            List<SplitRules> rules = [];
            List<double> leaves = [];
            List<uint> words = [];
            Add(this);
            return new GeneralTree(
                [.. features], [.. thresholds], [.. rules], [.. left], [.. right], [.. leaves], offsets.Count == 1 ? [] : [.. offsets], [.. words]);

            int Add(Node node)
            {
                if (node.Left is null)
                {
                    leaves.Add(node.Value);
                    return ~(leaves.Count - 1);
                }
                int split = features.Count;
                features.Add(node.Feature);
                left.Add(0);
                right.Add(0);
                thresholds.Add(node.Members is null ? node.Threshold : offsets.Count - 1);
                rules.Add((node.MissingLeft ? SplitRules.MissingLeft : 0) | (node.ZeroIsMissing ? SplitRules.ZeroIsMissing : 0)
                    | (node.Members is null ? 0 : SplitRules.Category));
                if (node.Members is { } members)
                {
                    uint[] set = new uint[2];
                    foreach (int member in members)
                    {
                        set[member / 32] |= 1u << (member % 32);
                    }
                    words.AddRange(set);
                    offsets.Add(words.Count);
                }

                // Right before left, so that numbers are not ranks.
                right[split] = Add(node.Right!);
                left[split] = Add(node.Left);
                return split;
            }
        }
    }
}
