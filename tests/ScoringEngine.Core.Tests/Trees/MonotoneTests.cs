using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class MonotoneTests
{
    [Theory]
    [InlineData("squared", 1)]
    [InlineData("logistic", 2)]
    [InlineData("quantile", 3)]
    [InlineData("poisson", 4)]
    public void Train_Constrained_PredictsMonotonically(string loss, long seed)
    {
        // The targets fall in the first feature for half of the range, although the model may only rise.
        FeatureMatrix rows = TreeData.Normal(3_000, 4, seed, missing: 0.05);
        SeededRandom random = new(seed, 6);
        float[] targets = [.. Enumerable.Range(0, rows.Rows).Select(r =>
            (float)(Math.Abs(Known(rows[r, 0]) + 0.5) - (Known(rows[r, 1]) * Known(rows[r, 2])) + (0.3 * random.NextNormal())))];
        targets = loss is "logistic" ? [.. targets.Select(t => t > 1 ? 1f : 0f)] : loss is "poisson" ? [.. targets.Select(t => Math.Max(t, 0))] : targets;
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows, new QuantiserOptions { MaxBins = 64 });
        ObliviousEnsemble model = ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, targets), options: new()
        {
            Loss = loss switch { "logistic" => new LogisticLoss(), "quantile" => new QuantileLoss(0.7), "poisson" => new PoissonLoss(), _ => new SquaredLoss() },
            Trees = 60,
            LearningRate = 0.3,
            RowSubsample = 0.8,
            MonotoneConstraints = [1, -1, 0, 1],
        }).Model;

        Assert.True(model.FeatureGains(quantiser)[..2].Min() > 0);
        byte[] bins = new byte[quantiser.Columns.Length];
        for (int r = 0; r < 200; r++)
        {
            quantiser.Quantise(rows.Row(r), 1, 4, bins);
            foreach ((int feature, int direction) in ((int, int)[])[(0, 1), (1, -1), (3, 1)])
            {
                byte own = bins[feature];
                float last = float.NegativeInfinity;
                for (int b = 1; b < quantiser.Columns[feature].BinCount; b++)
                {
                    bins[feature] = (byte)b;
                    float margin = direction * model.Margin(bins);
                    Assert.True(margin >= last, $"row {r}, feature {feature}, bin {b}: {margin} < {last}");
                    last = margin;
                }
                bins[feature] = own;
            }
        }
        static double Known(float v) => float.IsNaN(v) ? 0 : v;
    }

    [Fact]
    public void Train_ConstraintsThatHoldAnyway_CostLittle()
    {
        FeatureMatrix rows = TreeData.Normal(10_000, 3, seed: 5);
        FeatureMatrix test = TreeData.Normal(4_000, 3, seed: 6);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(3), rows);
        LabelledRows labelled = TreeData.Label(quantiser, rows, Targets(rows, 0.5, 5));
        TreeTrainingOptions options = new() { Trees = 100 };

        double free = Error(options);
        double constrained = Error(options with { MonotoneConstraints = [1, -1] });

        Assert.True(constrained < free * 1.05, $"{constrained} against {free}");

        double Error(TreeTrainingOptions o) => RegressionMetrics.RootMeanSquaredError(
            Targets(test, 0, 6), TreeData.Predict(ObliviousTreeTrainer.Train(labelled, options: o).Model, quantiser, test));

        static float[] Targets(FeatureMatrix rows, double noise, long seed)
        {
            SeededRandom random = new(seed, 8);
            return [.. Enumerable.Range(0, rows.Rows).Select(r =>
                (float)((2 * rows[r, 0]) - (3 * DeterministicMath.Sigmoid(2 * rows[r, 1])) + (rows[r, 2] > 0 ? 1 : 0) + (noise * random.NextNormal())))];
        }
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 5)]
    public void Project_RandomTable_IsMonotoneAndNoOtherMonotoneTableIsNearer(long seed, int depth)
    {
        SeededRandom random = new(seed);
        int leaves = 1 << depth;
        double[] values = [.. Enumerable.Range(0, leaves).Select(_ => random.NextNormal())];
        double[] weights = [.. Enumerable.Range(0, leaves).Select(_ => 0.1 + (10 * random.NextDouble()))];
        int[] directions = [.. Enumerable.Range(0, depth).Select(level => level % 3 == 2 ? 0 : level % 2 == 0 ? 1 : -1)];
        double[] projected = [.. values];

        MonotoneLeaves.Project(projected, weights, directions);

        AssertMonotone(projected);
        // The projection onto a convex cone: the residual is orthogonal to it and has no positive part along any member.
        Assert.Equal(0, Inner(projected), 1e-5);
        for (int trial = 0; trial < 200; trial++)
        {
            double[] member = [.. Enumerable.Range(0, leaves).Select(_ => random.NextNormal())];
            MonotoneLeaves.Project(member, weights, directions);
            Assert.True(Inner(member) < 1e-5, $"{Inner(member)}");
        }

        double Inner(double[] table) => Enumerable.Range(0, leaves).Sum(i => weights[i] * (values[i] - projected[i]) * table[i]);

        void AssertMonotone(double[] table)
        {
            for (int level = 0; level < depth; level++)
            {
                int bit = 1 << (depth - 1 - level);
                for (int i = 0; i < leaves; i++)
                {
                    Assert.True(directions[level] * (table[i | bit] - table[i & ~bit]) >= 0, $"level {level}, leaf {i}");
                }
            }
        }
    }

    [Fact]
    public void Train_ImpossibleConstraints_Throws()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["a", "b"] }]);
        FeatureMatrix rows = new(4, 1, [0, 1, 0, 1]);
        LabelledRows labelled = TreeData.Label(Quantiser.Fit(schema, rows), rows, [1, 2, 1, 2]);

        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.Train(labelled, options: new() { MonotoneConstraints = [1] }));
        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.Train(labelled, options: new() { MonotoneConstraints = [0, 1] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ObliviousTreeTrainer.Train(labelled, options: new() { MonotoneConstraints = [2] }));
    }
}
