using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class MultiOutputTests
{
    [Fact]
    public void TrainTogether_OneOutput_IsTheSingleTraining()
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] targets, _, _) = Data(2_000, 1);
        LabelledRows labelled = TreeData.Label(quantiser, rows, targets);
        TreeTrainingOptions options = new() { Trees = 10, RowSubsample = 0.7 };

        ObliviousEnsemble single = ObliviousTreeTrainer.Train(labelled, options: options).Model;
        ObliviousEnsemble together = ObliviousTreeTrainer.TrainTogether([new TrainingOutput(labelled, new SquaredLoss())], options).Model.Outputs[0];

        Assert.Equal(single.SplitColumns, together.SplitColumns);
        Assert.Equal(single.SplitBins, together.SplitBins);
        Assert.Equal(single.LeafValues, together.LeafValues);
        Assert.Equal(single.ColumnGains, together.ColumnGains);
    }

    [Fact]
    public void TrainTogether_ThreeLossesPartlyObserved_LearnsEachNearlyAsWellAsAlone()
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] profit, float[] accepted, _) = Data(12_000, 2);
        (_, FeatureMatrix test, float[] testProfit, float[] testAccepted, float[] truth) = Data(6_000, 3);
        QuantisedMatrix quantised = quantiser.Quantise(rows);
        // Offers went to half of the customers; profit is in other units, which must not matter.
        float[] observed = [.. accepted.Select((a, r) => r % 2 == 0 ? a : float.NaN)];
        float[] scaled = [.. profit.Select(p => 1000 * p)];
        LabelledRows money = new(quantised, scaled);
        TreeTrainingOptions options = new() { Trees = 150, MinLeafWeight = 5 };

        MultiOutputTraining training = ObliviousTreeTrainer.TrainTogether(
        [
            new TrainingOutput(money, new SquaredLoss()),
            new TrainingOutput(money, new QuantileLoss(0.9)),
            new TrainingOutput(LabelledRows.OfObserved(quantised, observed), new LogisticLoss()),
        ], options);

        double alone = RegressionMetrics.RSquared(testProfit, Unscaled(ObliviousTreeTrainer.Train(money, options: options).Model));
        Assert.InRange(RegressionMetrics.RSquared(testProfit, Unscaled(training.Model.Outputs[0])), alone - 0.03, 1);
        float[] high = Unscaled(training.Model.Outputs[1]);
        Assert.InRange(testProfit.Zip(high).Count(p => p.First <= p.Second) / 6_000.0, 0.86, 0.93);
        double area = ClassificationMetrics.AreaUnderCurve(testAccepted, TreeData.Predict(training.Model.Outputs[2], quantiser, test));
        Assert.InRange(area, ClassificationMetrics.AreaUnderCurve(testAccepted, truth) - 0.02, 1);
        Assert.All(training.Outputs, o => Assert.True(o.TrainingLoss[^1] < o.TrainingLoss[0]));

        float[] Unscaled(ObliviousEnsemble model) => [.. TreeData.Predict(model, quantiser, test).Select(p => p / 1000)];
    }

    [Fact]
    public void TrainTogether_UnobservedRows_HaveNoInfluence()
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] profit, float[] accepted, _) = Data(1_000, 4);
        int[] seen = [.. Enumerable.Range(0, 1_000).Where(r => r % 3 != 0)];
        float[] holes = [.. profit.Select((p, r) => r % 3 != 0 ? p : float.NaN)];
        QuantisedMatrix quantised = quantiser.Quantise(rows);
        TreeTrainingOptions options = new() { Trees = 5, Depth = 3 };

        ObliviousEnsemble withHoles = ObliviousTreeTrainer.Train(LabelledRows.OfObserved(quantised, holes), options: options).Model;
        ObliviousEnsemble without = ObliviousTreeTrainer.Train(
            new LabelledRows(quantised.Select(seen), seen.Select(r => profit[r]).ToArray()), options: options).Model;

        Assert.Equal(without.SplitColumns, withHoles.SplitColumns);
        Assert.All(without.LeafValues.Zip(withHoles.LeafValues), p => Assert.Equal(p.First, p.Second, 1e-5f));
        Assert.Equal(without.LeafWeights, withHoles.LeafWeights);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(9)]
    public void Margins_AnyBlock_EqualEachOutputBitForBit(int depth)
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] profit, float[] accepted, _) = Data(700, 5);
        QuantisedMatrix quantised = quantiser.Quantise(rows);
        MultiOutputEnsemble model = ObliviousTreeTrainer.TrainTogether(
            [new TrainingOutput(new(quantised, profit), new SquaredLoss()), new TrainingOutput(new(quantised, accepted), new LogisticLoss())],
            new() { Trees = 12, Depth = depth, MinLeafWeight = 0.1 }).Model;
        foreach (int count in (int[])[0, 1, 63, 64, 65, 200])
        {
            byte[] bins = new byte[count * quantiser.Columns.Length];
            quantiser.Quantise(rows.Values, count, rows.Columns, bins);
            float[] margins = new float[2 * count];
            model.Margins(bins, count, margins);
            for (int o = 0; o < 2; o++)
            {
                float[] expected = new float[count];
                model.Outputs[o].Margins(bins, count, expected);
                Assert.Equal(expected, margins[(o * count)..((o + 1) * count)]);
            }
        }
        float[] two = new float[2];
        byte[] row = new byte[quantiser.Columns.Length];
        quantiser.Quantise(rows.Row(9), 1, rows.Columns, row);
        model.Margins(row, two);
        float[] expectedRow = [model.Outputs[0].Margin(row), model.Outputs[1].Margin(row)];
        Assert.Equal(expectedRow, two);
        Assert.Throws<ArgumentException>(() => model.Margins(row, new float[1]));
    }

    [Fact]
    public void TrainTogether_AnyNumberOfThreads_GivesTheSameBits()
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] profit, float[] accepted, _) = Data(20_000, 6);
        QuantisedMatrix quantised = quantiser.Quantise(rows);
        TrainingOutput[] outputs = [new(new(quantised, profit), new QuantileLoss(0.7)), new(new(quantised, accepted), new LogisticLoss(), Weight: 2)];
        MultiOutputEnsemble[] models = [.. ((int[])[1, 2, 7]).Select(threads =>
            ObliviousTreeTrainer.TrainTogether([.. outputs], new() { Trees = 6, Threads = threads }).Model)];

        foreach (MultiOutputEnsemble model in models[1..])
        {
            Assert.Equal(models[0].Outputs[0].LeafValues, model.Outputs[0].LeafValues);
            Assert.Equal(models[0].Outputs[1].LeafValues, model.Outputs[1].LeafValues);
            Assert.Equal(models[0].Outputs[0].ColumnGains, model.Outputs[0].ColumnGains);
        }
    }

    [Fact]
    public void TrainTogether_DifferentRowsOrNone_Throws()
    {
        (Quantiser quantiser, FeatureMatrix rows, float[] profit, _, _) = Data(50, 7);
        LabelledRows a = TreeData.Label(quantiser, rows, profit);
        LabelledRows b = TreeData.Label(quantiser, rows, profit);

        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.TrainTogether([]));
        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.TrainTogether([new(a, new SquaredLoss()), new(b, new SquaredLoss())]));
        Assert.Throws<ArgumentException>(() => new MultiOutputEnsemble([]));
        Assert.Throws<ArgumentException>(() => new MultiOutputEnsemble(
            [new(1, 0, [1], [0], [1], [1f, 2f], [0.0]), new(1, 0, [1], [0], [2], [1f, 2f], [0.0])]));
        Assert.Throws<ArgumentException>(() => LabelledRows.OfObserved(a.Rows, [.. Enumerable.Repeat(float.NaN, 50)]));
    }

    private static (Quantiser Quantiser, FeatureMatrix Rows, float[] Profit, float[] Accepted, float[] Truth) Data(int count, long seed)
    {
        FeatureMatrix rows = TreeData.Normal(count, 5, seed, missing: 0.02);
        SeededRandom random = new(seed, 11);
        float[] profit = TreeData.Targets(rows, 0.5, seed);
        float[] truth = [.. Enumerable.Range(0, count).Select(r =>
            (float)DeterministicMath.Sigmoid((float.IsNaN(rows[r, 4]) ? 0 : 1.5 * rows[r, 4]) + (rows[r, 0] > 0 ? 1 : -1)))];
        return (Quantiser.Fit(TreeData.NumericSchema(5), TreeData.Normal(4_000, 5, seed: 99, missing: 0.02)), rows, profit,
            [.. truth.Select(p => random.NextDouble() < p ? 1f : 0f)], truth);
    }
}
