using System.Numerics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class ShapleyValuesTests
{
    [Theory]
    [InlineData(1, 3, 4, 1.0)]
    [InlineData(2, 6, 2, 1.0)]
    [InlineData(3, 4, 3, 0.6)]
    public void Contributions_SmallModel_EqualShapleyValuesOverTheTrainingRows(int seed, int depth, int trees, double subsample)
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] targets, float[] weights) = Mixed(160, seed);
        ObliviousEnsemble model = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, targets, weights),
            options: new() { Depth = depth, Trees = trees, LearningRate = 0.5, RowSubsample = subsample }).Model;
        byte[][] training = [.. Enumerable.Range(0, rows.Rows).Select(r => Bins(quantiser, rows.Row(r)))];
        ShapleyValues shapley = new(model, quantiser);
        double[] contributions = new double[rows.Columns];

        Assert.All(model.LeafWeights.Chunk(1 << depth), tree => Assert.Equal(weights.Sum(), tree.Sum(), 1e-3));
        foreach (int r in (int[])[0, 7, 31, 90, 159])
        {
            shapley.Contributions(training[r], contributions);

            double[] expected = BruteForce(r);
            for (int f = 0; f < expected.Length; f++)
            {
                Assert.Equal(expected[f], contributions[f], 1e-9);
            }
            Assert.Equal(DoubleMargin(model, training[r]), shapley.Expectation + contributions.Sum(), 1e-9);
            Assert.Equal(model.Margin(training[r]), shapley.Expectation + contributions.Sum(), 1e-5);
        }

        double[] BruteForce(int row) => ShapleyValuesTests.BruteForce(rows.Columns, weights, (coalition, t) => DoubleMargin(
            model, [.. quantiser.Columns.Select((column, c) => training[(coalition >> column.Feature & 1) == 1 ? row : t][c])]));
    }

    [Theory]
    [InlineData(2)] // told by intervals of a number that is a term too
    [InlineData(4)] // told by categories
    [InlineData(-1)]
    public void Contributions_LinearStage_EqualShapleyValuesOverTheTrainingRows(int pieceFeature)
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] targets, float[] weights) = Mixed(400, seed: 3);
        for (int r = 0; r < rows.Rows && pieceFeature >= 0; r++)
        {
            float known = float.IsNaN(rows[r, 0]) ? 0 : rows[r, 0];
            bool turned = pieceFeature == 4 ? rows[r, 4] == 2 : rows[r, 2] > 0;
            targets[r] = (turned ? -9 : 9) * known;
        }
        BoostedModel model = (BoostedModel)BoostedTrainer.Train(rows, TreeData.Label(quantiser, rows, targets, weights),
            options: new() { Depth = 3, Trees = 4, LearningRate = 0.5, LinearStage = LinearStageUse.Always }).Model;
        if (pieceFeature < 0)
        {
            LinearStage all = model.Stage;
            model = new BoostedModel(new LinearStage(
                all.RowLength, LinearPieces.One, all.Terms, [0.5f], [.. all.Terms.Select((_, t) => t - 1.5f)], [1],
                [.. all.Terms.Select((_, t) => Enumerable.Range(0, all.Pieces.Count).Sum(p => all.Averages[(t * all.Pieces.Count) + p]))]), model.Trees);
        }
        Assert.Equal(pieceFeature, model.Stage.Pieces.Feature);
        byte[][] training = [.. Enumerable.Range(0, rows.Rows).Select(r => Bins(quantiser, rows.Row(r)))];
        ShapleyValues shapley = new(model, quantiser);
        double[] contributions = new double[rows.Columns];
        foreach (int r in (int[])[0, 7, 31])
        {
            shapley.Contributions(rows.Row(r), training[r], contributions);

            double[] expected = BruteForce(rows.Columns, weights, (coalition, t) =>
            {
                float[] mixed = [.. Enumerable.Range(0, rows.Columns).Select(f => rows[(coalition >> f & 1) == 1 ? r : t, f])];
                return StageMargin(model.Stage, mixed) + DoubleMargin(model.Trees, Bins(quantiser, mixed));
            });
            for (int f = 0; f < expected.Length; f++)
            {
                Assert.Equal(expected[f], contributions[f], 1e-6);
            }
            Assert.Equal(StageMargin(model.Stage, rows.Row(r)) + DoubleMargin(model.Trees, training[r]), shapley.Expectation + contributions.Sum(), 1e-6);
        }
        Assert.Throws<InvalidOperationException>(() => shapley.Contributions(training[0], contributions));
    }

    private static double StageMargin(LinearStage stage, ReadOnlySpan<float> row)
    {
        int piece = 0;
        for (int i = 0; i < stage.Pieces.Bounds.Length; i++)
        {
            float value = row[stage.Pieces.Feature];
            piece = stage.Pieces.IsCategory ? (value == stage.Pieces.Bounds[i] ? i + 1 : piece) : (value > stage.Pieces.Bounds[i] ? i + 1 : piece);
        }
        double margin = stage.Intercepts[piece];
        for (int t = 0; t < stage.Terms.Length; t++)
        {
            margin += (double)stage.Weights[(t * stage.Pieces.Count) + piece] * stage.Terms[t].Answer(row[stage.Terms[t].Feature]);
        }
        return margin;
    }

    /// <summary>A coalition is worth the mean margin over the training rows with its features replaced: Shapley's definition on that.</summary>
    private static double[] BruteForce(int features, float[] weights, Func<int, int, double> marginOfMixed)
    {
        double total = weights.Sum(w => (double)w);
        double[] worth = [.. Enumerable.Range(0, 1 << features)
            .Select(coalition => weights.Select((w, t) => w * marginOfMixed(coalition, t)).Sum() / total)];
        double[] values = new double[features];
        for (int coalition = 0; coalition < worth.Length; coalition++)
        {
            for (int f = 0; f < features; f++)
            {
                if ((coalition >> f & 1) == 0)
                {
                    int size = BitOperations.PopCount((uint)coalition);
                    double share = Factorial(size) * Factorial(features - size - 1) / Factorial(features);
                    values[f] += share * (worth[coalition | (1 << f)] - worth[coalition]);
                }
            }
        }
        return values;
    }

    [Fact]
    public void Contributions_DeepestTree_EqualsPermutationSumOfTheTable()
    {
        // Ten levels over three features: repeated features act as one player.
        SeededRandom random = new(4);
        Quantiser quantiser = new(3, [.. Enumerable.Range(0, 3).Select(f => QuantisedColumn.OfThresholds(f, [1, 2, 3, 4]))]);
        ObliviousEnsemble model = new(
            3, 0.25f, [10], [.. Enumerable.Range(0, 10).Select(i => i % 3)], [.. Enumerable.Range(0, 10).Select(i => (byte)(1 + (i / 3)))],
            [.. Enumerable.Range(0, 1024).Select(_ => (float)random.NextNormal())], [0, 0, 0],
            [.. Enumerable.Range(0, 1024).Select(_ => (float)random.Next(9))]);
        ShapleyValues shapley = new(model, quantiser);
        double[] contributions = new double[3];
        byte[] row = [5, 2, 3];

        shapley.Contributions(row, contributions);

        int leaf = 0;
        int[] levels = new int[3];
        for (int level = 0; level < 10; level++)
        {
            leaf = (leaf * 2) + (row[level % 3] > 1 + (level / 3) ? 1 : 0);
            levels[level % 3] |= 1 << (9 - level);
        }
        double total = model.LeafWeights.Sum(w => (double)w);
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        double[] expected = new double[3];
        foreach (int[] order in orders)
        {
            int known = 0;
            foreach (int player in order)
            {
                double before = Worth(known);
                known |= levels[player];
                expected[player] += (Worth(known) - before) / orders.Length;
            }
        }
        Assert.Equal(expected[0], contributions[0], 1e-9);
        Assert.Equal(expected[1], contributions[1], 1e-9);
        Assert.Equal(expected[2], contributions[2], 1e-9);

        double Worth(int known) => Enumerable.Range(0, 1024)
            .Sum(i => model.LeafWeights[i] * (double)model.LeafValues[(i & ~known) | (leaf & known)]) / total;
    }

    [Fact]
    public void Contributions_AnyRow_AllocatesNothingAndIgnoresUnusedFeatures()
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] targets, _) = Mixed(500, seed: 5);
        ObliviousEnsemble model = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, targets), options: new() { Trees = 10, Depth = 4, ExcludedFeatures = [2] }).Model;
        ShapleyValues shapley = new(model, quantiser);
        byte[] bins = Bins(quantiser, rows.Row(3));
        double[] contributions = [.. Enumerable.Repeat(99.0, rows.Columns)];
        shapley.Contributions(bins, contributions);

        long before = GC.GetAllocatedBytesForCurrentThread();
        shapley.Contributions(bins, contributions);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(0, contributions[2]);
        Assert.NotEqual(0, contributions[0]);
    }

    [Fact]
    public void Constructor_WithoutLeafWeightsOrForeignColumns_Throws()
    {
        Quantiser quantiser = new(1, [QuantisedColumn.OfThresholds(0, [0])]);
        ObliviousEnsemble bare = new(1, 0, [1], [0], [1], [1f, 2f], [0.0]);
        ObliviousEnsemble weightless = new(1, 0, [1], [0], [1], [1f, 2f], [0.0], [0f, 0f]);
        ObliviousEnsemble model = new(1, 0, [1], [0], [1], [1f, 2f], [0.0], [3f, 1f]);

        Assert.Throws<ArgumentException>(() => new ShapleyValues(bare, quantiser));
        Assert.Throws<ArgumentException>(() => new ShapleyValues(weightless, quantiser));
        Assert.Throws<ArgumentException>(() => new ShapleyValues(model, new Quantiser(1, [])));
        Assert.Throws<ArgumentException>(() => new ObliviousEnsemble(1, 0, [1], [0], [1], [1f, 2f], [0.0], [3f]));
        Assert.Throws<ArgumentException>(() => new ObliviousEnsemble(1, 0, [1], [0], [1], [1f, 2f], [0.0], [3f, -1f]));
        ShapleyValues shapley = new(model, quantiser);
        Assert.Equal(1.25, shapley.Expectation);
        Assert.Throws<ArgumentException>(() => shapley.Contributions([], new double[1]));
        Assert.Throws<ArgumentException>(() => shapley.Contributions([1], []));
    }

    private static double DoubleMargin(ObliviousEnsemble model, byte[] bins)
    {
        double margin = model.BaseMargin;
        int split = 0;
        int leaves = 0;
        foreach (byte depth in model.Depths)
        {
            int leaf = 0;
            for (int level = 0; level < depth; level++, split++)
            {
                leaf = (leaf * 2) + (bins[model.SplitColumns[split]] > model.SplitBins[split] ? 1 : 0);
            }
            margin += model.LeafValues[leaves + leaf];
            leaves += 1 << depth;
        }
        return margin;
    }

    private static double Factorial(int n) => n < 2 ? 1 : n * Factorial(n - 1);

    private static byte[] Bins(Quantiser quantiser, ReadOnlySpan<float> row)
    {
        byte[] bins = new byte[quantiser.Columns.Length];
        quantiser.Quantise(row, 1, row.Length, bins);
        return bins;
    }

    // Two dependent numbers with missing values, two noisy ones, and categories.
    private static (Quantiser Quantiser, FeatureMatrix Rows, float[] Targets, float[] Weights) Mixed(int count, int seed)
    {
        FeatureSchema schema = new([.. TreeData.NumericSchema(4).Features,
            new Feature { Id = 5, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["a", "b", "c", "d"] }]);
        FeatureMatrix numbers = TreeData.Normal(count, 4, seed, missing: 0.1);
        FeatureMatrix rows = new(count, 5);
        SeededRandom random = new(seed, 7);
        float[] targets = TreeData.Targets(numbers, 0.2, seed);
        for (int r = 0; r < count; r++)
        {
            numbers.Row(r).CopyTo(rows.Row(r));
            rows[r, 1] += rows[r, 0];
            rows[r, 4] = random.Next(4);
            targets[r] += rows[r, 4] == 2 ? 2 * targets[r] : rows[r, 4] == 1 ? 1 : 0;
        }
        float[] weights = [.. targets.Select(_ => (float)(1 + random.Next(3)))];
        return (Quantiser.Fit(schema, rows, new QuantiserOptions { MaxBins = 12 }), rows, targets, weights);
    }
}
