using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class ObliviousTreeTrainerTests
{
    [Theory]
    [InlineData(1, 0.0, 1.0)]
    [InlineData(2, 1.0, 1.0)]
    [InlineData(3, 5.0, 20.0)]
    public void Train_TinyData_ChoosesTheSplitsOfAnExhaustiveSearch(int seed, double l2, double minLeafWeight)
    {
        FeatureMatrix rows = TreeData.Normal(150, 4, seed, missing: 0.15);
        float[] targets = TreeData.Targets(rows, 0.3, seed);
        SeededRandom random = new(seed, 5);
        float[] weights = [.. targets.Select(_ => (float)(0.5 + random.NextDouble()))];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows, new QuantiserOptions { MaxBins = 20 });
        LabelledRows labelled = TreeData.Label(quantiser, rows, targets, weights);
        TreeTrainingOptions options = new() { Trees = 1, Depth = 4, L2 = l2, MinLeafWeight = minLeafWeight, LearningRate = 0.5 };

        ObliviousEnsemble model = ObliviousTreeTrainer.Train(labelled, options: options).Model;

        int[] leaves = new int[rows.Rows];
        double totalGain = 0;
        for (int level = 0; level < model.Depths[0]; level++)
        {
            double best = 0;
            for (int c = 0; c < 4; c++)
            {
                for (int b = 0; b < quantiser.Columns[c].BinCount - 1; b++)
                {
                    best = Math.Max(best, Gain(c, b));
                }
            }
            double chosen = Gain(model.SplitColumns[level], model.SplitBins[level]);
            Assert.True(chosen >= best * (1 - 1e-6), $"level {level}: {chosen} < {best}");
            totalGain += chosen / 2;
            for (int r = 0; r < leaves.Length; r++)
            {
                leaves[r] = (leaves[r] * 2) + (labelled.Rows[r, model.SplitColumns[level]] > model.SplitBins[level] ? 1 : 0);
            }
        }
        Assert.Equal(totalGain, model.ColumnGains.Sum(), totalGain * 1e-5);
        for (int leaf = 0; leaf < model.LeafValues.Length; leaf++)
        {
            Assert.Equal(LeafValue(leaf), model.LeafValues[leaf], 1e-5);
        }

        double Gain(int column, int bin)
        {
            double gain = 0;
            foreach (IGrouping<int, int> node in Enumerable.Range(0, leaves.Length).GroupBy(r => leaves[r]))
            {
                (double lg, double lh) = Sums(node.Where(r => labelled.Rows[r, column] <= bin));
                (double rg, double rh) = Sums(node.Where(r => labelled.Rows[r, column] > bin));
                if (lh >= minLeafWeight && rh >= minLeafWeight)
                {
                    gain += (lg * lg / (lh + l2)) + (rg * rg / (rh + l2)) - ((lg + rg) * (lg + rg) / (lh + rh + l2));
                }
            }
            return gain;
        }

        double LeafValue(int leaf)
        {
            for (int up = 0; ; up++)
            {
                (double g, double h) = Sums(Enumerable.Range(0, leaves.Length).Where(r => leaves[r] >> up == leaf >> up));
                if (h >= minLeafWeight || up == model.Depths[0])
                {
                    return -0.5 * g / (h + l2);
                }
            }
        }

        (double G, double H) Sums(IEnumerable<int> of)
            => of.Aggregate((G: 0.0, H: 0.0), (sum, r) => (sum.G + (weights[r] * (model.BaseMargin - targets[r])), sum.H + weights[r]));
    }

    [Theory]
    [InlineData("squared", 1.0)]
    [InlineData("logistic", 0.7)]
    [InlineData("quantile", 0.7)]
    public void Train_AnyNumberOfThreads_GivesTheSameBits(string loss, double subsample)
    {
        FeatureMatrix rows = TreeData.Normal(40_000, 11, seed: 8, missing: 0.05);
        float[] targets = TreeData.Targets(rows, 0.5, 8);
        if (loss == "logistic")
        {
            targets = [.. targets.Select(t => t > 1 ? 1f : 0f)];
        }
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(11), rows);
        LabelledRows labelled = TreeData.Label(quantiser, rows, targets);
        TreeTrainingOptions options = new()
        {
            Loss = loss switch { "logistic" => new LogisticLoss(), "quantile" => new QuantileLoss(0.8), _ => new SquaredLoss() },
            Trees = 8,
            Depth = 7,
            RowSubsample = subsample,
            FeatureSubsample = subsample,
            Threads = 1,
        };
        TreeTraining one = ObliviousTreeTrainer.Train(labelled, options: options);

        Assert.Equal(8, one.Model.TreeCount);
        foreach (int threads in (int[])[2, 7])
        {
            TreeTraining other = ObliviousTreeTrainer.Train(labelled, options: options with { Threads = threads });
            Assert.Equal(one.Model.SplitColumns, other.Model.SplitColumns);
            Assert.Equal(one.Model.SplitBins, other.Model.SplitBins);
            Assert.Equal(one.Model.LeafValues, other.Model.LeafValues);
            Assert.Equal(one.Model.ColumnGains, other.Model.ColumnGains);
            Assert.Equal(one.TrainingLoss, other.TrainingLoss);
        }
    }

    [Fact]
    public void Train_SquaredLoss_ComesNearTheOracle()
    {
        FeatureMatrix rows = TreeData.Normal(20_000, 8, seed: 9, missing: 0.02);
        float[] targets = TreeData.Targets(rows, 0.5, 9);
        FeatureMatrix test = TreeData.Normal(5_000, 8, seed: 10, missing: 0.02);
        float[] testTargets = TreeData.Targets(test, 0.5, 10);
        float[] oracle = TreeData.Targets(test, 0, 10);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(8), rows);

        TreeTraining training = ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, targets));

        float[] predictions = TreeData.Predict(training.Model, quantiser, test);
        double best = RegressionMetrics.RSquared(testTargets, oracle);
        Assert.InRange(RegressionMetrics.RSquared(testTargets, predictions), best - 0.02, best);
        Assert.All(training.TrainingLoss.Zip(training.TrainingLoss.Skip(1)), pair => Assert.True(pair.Second < pair.First));
        double[] gains = training.Model.FeatureGains(quantiser);
        Assert.True(gains[..4].Min() > 20 * gains[4..].Max());
    }

    [Fact]
    public void Train_TrainingMargins_EqualPredictedOnesBitForBit()
    {
        FeatureMatrix rows = TreeData.Normal(3_000, 5, seed: 11, missing: 0.1);
        float[] targets = TreeData.Targets(rows, 0.5, 11);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(5), rows);

        TreeTraining training = ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, targets), options: new() { Trees = 20 });

        float[] margins = TreeData.Predict(training.Model, quantiser, rows);
        Assert.Equal(new SquaredLoss().Sum(targets, [], margins) / rows.Rows, training.TrainingLoss[^1], 1e-12);
        Assert.Equal(21, training.TrainingLoss.Length);
    }

    [Fact]
    public void Train_LogisticLoss_RecoversProbabilities()
    {
        FeatureMatrix rows = TreeData.Normal(30_000, 6, seed: 12);
        FeatureMatrix test = TreeData.Normal(20_000, 6, seed: 13);
        (float[] labels, _) = Outcomes(rows, 12);
        (float[] testLabels, float[] truth) = Outcomes(test, 13);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(6), rows);
        LogisticLoss loss = new();

        TreeTraining training = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, labels), options: new() { Loss = loss, Trees = 80, LearningRate = 0.15, Depth = 5, MinLeafWeight = 5 });

        float[] p = [.. TreeData.Predict(training.Model, quantiser, test).Select(m => (float)loss.Predict(m))];
        double oracle = ClassificationMetrics.AreaUnderCurve(testLabels, truth);
        Assert.InRange(ClassificationMetrics.AreaUnderCurve(testLabels, p), oracle - 0.01, oracle + 0.002);
        Assert.InRange(ClassificationMetrics.ExpectedCalibrationError(testLabels, p), 0, 0.02);
        Assert.InRange(RegressionMetrics.MeanAbsoluteError(truth, p), 0, 0.04);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void Train_QuantileLoss_CoversItsShare(double alpha)
    {
        FeatureMatrix rows = TreeData.Normal(20_000, 5, seed: 14);
        FeatureMatrix test = TreeData.Normal(10_000, 5, seed: 15);
        float[] targets = TreeData.Targets(rows, 1, 14);
        float[] testTargets = TreeData.Targets(test, 1, 15);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(5), rows);

        ObliviousEnsemble model = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, targets),
            options: new() { Loss = new QuantileLoss(alpha), Trees = 80, Depth = 4, MinLeafWeight = 50 }).Model;

        float[] predictions = TreeData.Predict(model, quantiser, test);
        Assert.InRange(testTargets.Zip(predictions).Count(pair => pair.First <= pair.Second) / 10_000.0, alpha - 0.03, alpha + 0.03);
        float[] constant = [.. Enumerable.Repeat(model.BaseMargin, test.Rows)];
        Assert.True(RegressionMetrics.PinballLoss(testTargets, predictions, alpha)
            < 0.75 * RegressionMetrics.PinballLoss(testTargets, constant, alpha));
    }

    [Fact]
    public void Train_EffectOfMissingAndCategories_IsLearned()
    {
        FeatureSchema schema = new(
        [
            new Feature { Id = 1, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["a", "b", "c"] },
            new Feature { Id = 2, Name = "income", Kind = FeatureKind.Numeric },
            new Feature { Id = 3, Name = "active", Kind = FeatureKind.Boolean },
        ]);
        SeededRandom random = new(16);
        FeatureMatrix rows = new(2_000, 3);
        float[] targets = new float[rows.Rows];
        for (int r = 0; r < rows.Rows; r++)
        {
            rows[r, 0] = random.Next(3);
            rows[r, 1] = random.Next(2) == 0 ? float.NaN : (float)random.NextNormal();
            rows[r, 2] = random.Next(2);
            targets[r] = (rows[r, 0] == 1 ? 3 : 0) + (float.IsNaN(rows[r, 1]) ? 5 : 0) - rows[r, 2];
        }
        Quantiser quantiser = Quantiser.Fit(schema, rows);

        ObliviousEnsemble model = ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, targets)).Model;

        Assert.True(RegressionMetrics.RootMeanSquaredError(targets, TreeData.Predict(model, quantiser, rows)) < 0.01);
    }

    [Fact]
    public void Train_ConstantFeaturesOrTarget_PredictsTheConstant()
    {
        FeatureMatrix constant = new(50, 2, [.. Enumerable.Repeat(3f, 100)]);
        Quantiser none = Quantiser.Fit(TreeData.NumericSchema(2), constant);
        float[] targets = [.. Enumerable.Range(0, 50).Select(i => (float)i)];
        Assert.Empty(none.Columns);
        Assert.All(Predictions(none, constant, targets), p => Assert.Equal(24.5f, p));

        FeatureMatrix rows = TreeData.Normal(50, 2, seed: 17);
        float[] same = [.. Enumerable.Repeat(0.1f, 50)];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(2), rows);
        Assert.All(Predictions(quantiser, rows, same), p => Assert.Equal(0.1f, p, 1e-6f));

        FeatureMatrix single = TreeData.Normal(1, 2, seed: 18);
        Assert.Equal([7f], Predictions(Quantiser.Fit(TreeData.NumericSchema(2), single), single, [7]));
        Assert.Equal([7f], Predictions(quantiser, single, [7]));

        static float[] Predictions(Quantiser quantiser, FeatureMatrix rows, float[] targets)
            => TreeData.Predict(ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, targets)).Model, quantiser, rows);
    }

    [Fact]
    public void Train_WholeWeights_ActLikeRepeatedRows()
    {
        FeatureMatrix rows = TreeData.Normal(400, 3, seed: 19);
        float[] targets = TreeData.Targets(TreeData.Normal(400, 4, seed: 19), 0.5, 19);
        float[] weights = [.. Enumerable.Range(0, 400).Select(i => (float)(i % 3))];
        int[] repeated = [.. Enumerable.Range(0, 400).SelectMany(i => Enumerable.Repeat(i, i % 3))];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(3), rows);
        TreeTrainingOptions options = new() { Trees = 10, Depth = 3 };

        ObliviousEnsemble weighted = ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, targets, weights), options: options).Model;
        ObliviousEnsemble copies = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows.Select(repeated), [.. repeated.Select(r => targets[r])]), options: options).Model;

        Assert.Equal(copies.SplitColumns, weighted.SplitColumns);
        Assert.Equal(copies.SplitBins, weighted.SplitBins);
        Assert.All(copies.LeafValues.Zip(weighted.LeafValues), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [Fact]
    public void Train_ManySmallGradientsBesideFewHugeOnes_FindsTheSmallEffect()
    {
        // One row in a thousand is so large that the others' gradients are a sixth of a fixed-point step.
        FeatureMatrix rows = TreeData.Normal(20_000, 2, seed: 20);
        float[] targets = new float[rows.Rows];
        for (int r = 0; r < rows.Rows; r++)
        {
            rows[r, 1] = r % 1000 != 0 ? 0 : r % 2000 == 0 ? 1 : -1;
            targets[r] = rows[r, 1] != 0 ? rows[r, 1] * 1e9f : rows[r, 0] > 0 ? 5 : -5;
        }
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(2), rows);

        ObliviousEnsemble model = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, targets), options: new() { Trees = 1, Depth = 3, L2 = 0 }).Model;

        Assert.Equal([1, 1, 0], model.SplitColumns);
        Assert.Equal(25 * 20_000 / 2, model.FeatureGains(quantiser)[0], 25_000.0);
    }

    [Fact]
    public void Train_EarlyStopping_KeepsTheTreesWithTheBestValidationLoss()
    {
        FeatureMatrix rows = TreeData.Normal(400, 5, seed: 21);
        FeatureMatrix held = TreeData.Normal(400, 5, seed: 22);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(5), rows);
        LabelledRows validation = TreeData.Label(quantiser, held, TreeData.Targets(held, 2, 22));

        TreeTraining training = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, TreeData.Targets(rows, 2, 21)), validation,
            new() { Trees = 500, LearningRate = 0.3, EarlyStoppingRounds = 10 });

        Assert.InRange(training.BestIteration, 1, 100);
        Assert.Equal(training.BestIteration, training.Model.TreeCount);
        Assert.Equal(training.BestIteration + 11, training.ValidationLoss.Length);
        Assert.Equal(training.ValidationLoss.Min(), training.ValidationLoss[training.BestIteration]);
        float[] margins = TreeData.Predict(training.Model, quantiser, held);
        Assert.Equal(new SquaredLoss().Sum(validation.Targets.Span, [], margins) / 400, training.ValidationLoss[training.BestIteration], 1e-12);
    }

    [Fact]
    public void Train_ExcludedFeatures_AreNotUsed()
    {
        FeatureMatrix rows = TreeData.Normal(500, 4, seed: 23);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);

        ObliviousEnsemble model = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, TreeData.Targets(rows, 0.1, 23)), options: new() { Trees = 10, ExcludedFeatures = [0, 3] }).Model;

        Assert.Equal([1, 2], model.SplitColumns.Distinct().Order());
    }

    [Fact]
    public void Train_InvalidArguments_Throws()
    {
        FeatureMatrix rows = TreeData.Normal(10, 2, seed: 24);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(2), rows);
        LabelledRows labelled = TreeData.Label(quantiser, rows, new float[10]);
        LabelledRows foreign = TreeData.Label(Quantiser.Fit(TreeData.NumericSchema(2), rows), rows, new float[10]);

        Assert.Throws<ArgumentException>(() => TreeData.Label(quantiser, rows, new float[9]));
        Assert.Throws<ArgumentException>(() => TreeData.Label(quantiser, rows, new float[10], new float[10]));
        Assert.Throws<ArgumentException>(() => TreeData.Label(quantiser, rows, new float[10], [-1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.Train(labelled, foreign));
        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.Train(labelled, options: new() { EarlyStoppingRounds = 5 }));
        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, [float.NaN, .. new float[9]])));
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(
            () => ObliviousTreeTrainer.Train(labelled, options: new() { Depth = 11 }));
        Assert.Equal("Depth: expected 1..10 (Parameter 'Depth')", e.Message);
        Assert.ThrowsAny<OperationCanceledException>(
            () => ObliviousTreeTrainer.Train(labelled, cancellation: new CancellationToken(canceled: true)));
    }

    [Fact]
    public void RefitLeaf_Quantile_IsTheSmallestValueThatReachesItsShare()
    {
        QuantileLoss loss = new(0.5);

        Assert.Equal(2, loss.RefitLeaf([4, 1, 2, 3], []));
        Assert.Equal(4, loss.RefitLeaf([4, 1, 2, 3], [10, 1, 1, 1]));
        Assert.Equal(1, new QuantileLoss(0.01).RefitLeaf([4, 1, 2, 3], []));
        Assert.Equal(4, new QuantileLoss(0.99).RefitLeaf([4, 1, 2, 3], [1, 1, 1, 1]));
    }

    [Fact]
    public void RefitLeaf_AnyOrderAndTies_EqualsTheSortedScan()
    {
        SeededRandom random = new(33);
        for (int trial = 0; trial < 400; trial++)
        {
            int count = 1 + random.Next(200);
            int levels = 1 + random.Next(trial % 2 == 0 ? 8 : 10_000);
            float[] residuals = [.. Enumerable.Range(0, count).Select(i => trial % 5 == 0 ? i : (float)random.Next(levels))];
            float[] weights = [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(4))];
            double alpha = 0.01 + (0.98 * random.NextDouble());
            QuantileLoss loss = new(alpha);

            Assert.Equal(Scan(residuals, [.. Enumerable.Repeat(1f, count)]), loss.RefitLeaf([.. residuals], []));
            Assert.Equal(Scan(residuals, weights), loss.RefitLeaf([.. residuals], [.. weights]));

            double Scan(float[] r, float[] w)
            {
                double reached = 0;
                (float Residual, float Weight)[] sorted = [.. r.Zip(w).OrderBy(p => p.First)];
                foreach ((float residual, float weight) in sorted)
                {
                    reached += weight;
                    if (reached >= alpha * w.Sum())
                    {
                        return residual;
                    }
                }
                return sorted[^1].Residual;
            }
        }
    }

    [Fact]
    public void Gradients_EveryLoss_AreDerivativesOfTheSum()
    {
        foreach (Loss loss in (Loss[])[new SquaredLoss(), new LogisticLoss(), new QuantileLoss(0.3),
            new PoissonLoss(), new TweedieLoss(1.5), new TweedieLoss(1.1), new TweedieLoss(1.9)])
        {
            foreach (float margin in (float[])[-3, -0.5f, 0.75f, 4])
            {
                float[] g = new float[1];
                float[] h = new float[1];
                double sum = loss.Gradients([1], [2], [margin], g, h);
                const float Step = 1 / 64f;
                double up = loss.Sum([1], [2], [margin + Step]);
                double down = loss.Sum([1], [2], [margin - Step]);

                Assert.Equal(loss.Sum([1], [2], [margin]), sum, 1e-12);
                // Central differences err by Step^2 / 6 times a higher derivative, which exp(margin) bounds here.
                double tolerance = 1e-3 * (1 + Math.Abs(g[0]) + h[0]);
                Assert.Equal((up - down) / (2 * Step), g[0], tolerance);
                if (!loss.RefitsLeaves)
                {
                    Assert.Equal((up - (2 * sum) + down) / (Step * Step), h[0], tolerance);
                }
            }
        }
    }

    [Fact]
    public void InitialMargin_EveryLoss_HasTheSmallestLossOfAllConstants()
    {
        float[] targets = [0, 1, 0, 0.5f, 1, 0.25f, 0, 1];
        float[] weights = [1, 2, 0.5f, 1, 3, 1, 0, 1];
        foreach (Loss loss in (Loss[])[new SquaredLoss(), new LogisticLoss(), new QuantileLoss(0.3), new PoissonLoss(), new TweedieLoss(1.3)])
        {
            float best = (float)loss.InitialMargin(targets, weights);
            double least = At(best);

            Assert.True(least <= At(best - 0.01f) && least <= At(best + 0.01f), loss.Name);
            double At(float margin) => loss.Sum(targets, weights, [.. Enumerable.Repeat(margin, targets.Length)]);
        }
    }

    [Theory]
    [InlineData("poisson")]
    [InlineData("tweedie")]
    public void Train_MeanWithLogLink_IsRecovered(string name)
    {
        FeatureMatrix rows = TreeData.Normal(20_000, 4, seed: 30);
        FeatureMatrix test = TreeData.Normal(4_000, 4, seed: 31);
        SeededRandom random = new(30, 4);
        // Poisson counts, or sums of as many exponential amounts (a Tweedie variable of power 1.5).
        float[] targets = [.. Means(rows).Select(mean =>
        {
            int count = Count(mean);
            return name == "poisson" ? count : (float)Enumerable.Range(0, count).Sum(_ => -DeterministicMath.Log(1 - random.NextDouble()));
        })];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);
        Loss loss = name == "poisson" ? new PoissonLoss() : new TweedieLoss(1.5);

        TreeTraining training = ObliviousTreeTrainer.Train(
            TreeData.Label(quantiser, rows, targets), options: new() { Loss = loss, Trees = 100, Depth = 4, MinLeafWeight = 20 });

        float[] truth = Means(test);
        float[] predictions = [.. TreeData.Predict(training.Model, quantiser, test).Select(m => (float)loss.Predict(m))];
        Assert.True(RegressionMetrics.RSquared(truth, predictions) > 0.9, $"R2 {RegressionMetrics.RSquared(truth, predictions)}");
        Assert.Equal(truth.Average(), predictions.Average(), 0.06 * truth.Average());
        Assert.All(training.TrainingLoss.Zip(training.TrainingLoss.Skip(1)), pair => Assert.True(pair.Second < pair.First));

        static float[] Means(FeatureMatrix rows)
            => [.. Enumerable.Range(0, rows.Rows).Select(r => (float)DeterministicMath.Exp((0.6 * rows[r, 0]) + (rows[r, 1] > 0 ? 0.8 : -0.4)))];

        int Count(double mean)
        {
            int count = 0;
            for (double p = random.NextDouble(), limit = DeterministicMath.Exp(-mean); p > limit; p *= random.NextDouble())
            {
                count++;
            }
            return count;
        }
    }

    [Theory]
    [InlineData("poisson")]
    [InlineData("tweedie")]
    public void Train_ExtremeOrZeroTargetsWithLogLink_StaysFinite(string name)
    {
        Loss loss = name == "poisson" ? new PoissonLoss() : new TweedieLoss(1.5);
        FeatureMatrix rows = TreeData.Normal(400, 2, seed: 32);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(2), rows);
        float[] extreme = [.. Enumerable.Range(0, 400).Select(r => rows[r, 0] > 2 ? 1e6f : 0)];
        TreeTrainingOptions options = new() { Loss = loss, Trees = 50, LearningRate = 1, L2 = 0, MinLeafWeight = 1e-6 };

        ObliviousEnsemble model = ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, extreme), options: options).Model;
        ObliviousEnsemble zero = ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, new float[400]), options: options).Model;

        Assert.All(TreeData.Predict(model, quantiser, rows), (m, r) => Assert.InRange(loss.Predict(m), rows[r, 0] > 2 ? 5e5 : 0, 2e6));
        Assert.All(TreeData.Predict(zero, quantiser, rows), m => Assert.InRange(loss.Predict(m), 0, 1e-6));
        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.Train(TreeData.Label(quantiser, rows, [-1, .. new float[399]]), options: options));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TweedieLoss(2));
    }

    private static (float[] Labels, float[] Probabilities) Outcomes(FeatureMatrix rows, long seed)
    {
        SeededRandom random = new(seed, 2);
        float[] labels = new float[rows.Rows];
        float[] probabilities = new float[rows.Rows];
        for (int r = 0; r < rows.Rows; r++)
        {
            double p = DeterministicMath.Sigmoid(TreeData.Signal(rows.Row(r)) - 1.5);
            probabilities[r] = (float)p;
            labels[r] = random.NextDouble() < p ? 1 : 0;
        }
        return (labels, probabilities);
    }
}
