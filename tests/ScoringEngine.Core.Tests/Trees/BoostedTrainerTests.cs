using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class BoostedTrainerTests
{
    private const int Segments = 8;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_SlopesThatDifferBySegment_FindsTheSegmentsAndNearsTheNoise(bool categorical)
    {
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(8_000, categorical);
        (_, FeatureMatrix heldOut, float[] actual) = SegmentProfit(2_000, categorical, first: 8_000);
        Quantiser quantiser = Quantiser.Fit(schema, rows);

        BoostedTraining training = BoostedTrainer.Train(rows, TreeData.Label(quantiser, rows, targets), options: new() { Trees = 40 });

        BoostedModel model = Assert.IsType<BoostedModel>(training.Model);
        Assert.Equal(0, model.Stage.Pieces.Feature);
        Assert.Equal(categorical, model.Stage.Pieces.IsCategory);
        Assert.InRange(model.Stage.Pieces.Count, Segments, Segments + 1);
        Assert.True(training.Trial.WithStage < training.Trial.TreesAlone / 2);
        float[] margins = new float[heldOut.Rows];
        quantiser.PredictMargins(model, heldOut, margins);
        Assert.InRange(RegressionMetrics.RootMeanSquaredError(actual, margins), 0.9, 1.15);
    }

    [Fact]
    public void Train_StepsAlone_KeepsNoStage()
    {
        FeatureMatrix rows = TreeData.Normal(4_000, 4, seed: 1);
        float[] targets = [.. Enumerable.Range(0, rows.Rows).Select(r => MathF.Abs(rows[r, 0]) > 0.7f ? 1f : 0)];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);

        BoostedTraining training = BoostedTrainer.Train(rows, TreeData.Label(quantiser, rows, targets), options: new() { Trees = 30 });

        Assert.Same(training.Trees.Model, Assert.IsType<ObliviousEnsemble>(training.Model));
        Assert.True(double.IsFinite(training.Trial.TreesAlone) && double.IsFinite(training.Trial.WithStage));
    }

    [Theory]
    [InlineData("squared")]
    [InlineData("logistic")]
    [InlineData("quantile")]
    public void Train_AnyThreadsAndLoss_GivesTheSameBitsAndTheModelsOwnLoss(string name)
    {
        Loss loss = name == "logistic" ? new LogisticLoss() : name == "quantile" ? new QuantileLoss(0.8) : new SquaredLoss();
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(20_000, categorical: false);
        targets = name == "logistic" ? [.. targets.Select(y => y > 0 ? 1f : 0)] : targets;
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        LabelledRows labelled = TreeData.Label(quantiser, rows, targets);
        float[][] margins = [.. new[] { 1, 2, 3 }.Select(threads =>
        {
            BoostedTraining training = BoostedTrainer.Train(rows, labelled,
                options: new() { Trees = 6, Threads = threads, Loss = loss, LinearStage = LinearStageUse.Always });
            Assert.IsType<BoostedModel>(training.Model);
            float[] margins = new float[rows.Rows];
            quantiser.PredictMargins(training.Model, rows, margins);
            Assert.Equal(loss.Sum(targets, [], margins) / rows.Rows, training.Trees.TrainingLoss[^1], 1e-12);
            Assert.True(training.Trees.TrainingLoss[^1] < training.Trees.TrainingLoss[0]);
            return margins;
        })];

        Assert.Equal(margins[0], margins[1]);
        Assert.Equal(margins[0], margins[2]);
    }

    [Fact]
    public void Train_ConstrainedAndExcludedFeatures_StayOutOfTheStage()
    {
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(2_000, categorical: false);
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        BoostedModel model = (BoostedModel)BoostedTrainer.Train(rows, TreeData.Label(quantiser, rows, targets), options: new()
        {
            Trees = 2,
            LinearStage = LinearStageUse.Always,
            ExcludedFeatures = [0],
            MonotoneConstraints = [0, 1],
        }).Model;

        Assert.Equal([2, 3, 4, 5], model.Stage.Terms.Select(t => t.Feature));
        Assert.False(model.Stage.Pieces.Feature is 0 or 1);
    }

    [Fact]
    public void Train_MoreMissingThanPresentAndOutliers_StaysFinite()
    {
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(1_000, categorical: false);
        for (int r = 0; r < rows.Rows; r++)
        {
            rows[r, 1] = r % 10 == 0 ? rows[r, 1] : float.NaN;
            rows[r, 2] = float.NaN;
            rows[r, 3] = r == 5 ? 1e30f : rows[r, 3];
        }
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        IRowModel model = BoostedTrainer.Train(
            rows, TreeData.Label(quantiser, rows, targets), options: new() { Trees = 5, LinearStage = LinearStageUse.Always }).Model;
        float[] margins = new float[rows.Rows];
        quantiser.PredictMargins(model, rows, margins);

        Assert.All(margins, margin => Assert.True(float.IsFinite(margin)));
    }

    [Theory]
    [InlineData("squared", 3f)]
    [InlineData("logistic", 1f)]
    [InlineData("quantile", -2f)]
    public void Train_ConstantTarget_GivesTheConstantAndSaysSo(string name, float target)
    {
        Loss loss = name == "logistic" ? new LogisticLoss() : name == "quantile" ? new QuantileLoss(0.8) : new SquaredLoss();
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(500, categorical: false);
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        float[] constant = [.. targets.Select(_ => target)];
        foreach (LinearStageUse use in Enum.GetValues<LinearStageUse>())
        {
            BoostedTraining training = BoostedTrainer.Train(
                rows, TreeData.Label(quantiser, rows, constant), options: new() { Trees = 5, Loss = loss, LinearStage = use });
            float[] margins = new float[rows.Rows];
            quantiser.PredictMargins(training.Model, rows, margins);

            Assert.True(training.Trees.IsConstant);
            Assert.All(margins, margin => Assert.Equal(target, loss.Predict(margin), 1e-5));
        }
        Assert.False(BoostedTrainer.Train(rows, TreeData.Label(quantiser, rows, targets), options: new() { Trees = 5 }).Trees.IsConstant);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Train_TargetThatIsNotFinite_ThrowsWithItsRow(float target)
    {
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(300, categorical: false);
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        targets[123] = target;

        ArgumentException error = Assert.Throws<ArgumentException>(() => BoostedTrainer.Train(rows, TreeData.Label(quantiser, rows, targets)));

        Assert.Contains("training row 123", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_FewestRowsAndNoColumns_GivesTheMean()
    {
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(2), new FeatureMatrix(2, 2, [float.NaN, 1, float.NaN, 1]));
        FeatureMatrix rows = new(2, 2, [float.NaN, 1, 5, float.NaN]);

        BoostedTraining training = BoostedTrainer.Train(
            rows, TreeData.Label(quantiser, rows, [1, 4]), options: new() { Trees = 3, LinearStage = LinearStageUse.Always });

        Assert.Empty(quantiser.Columns);
        Assert.True(training.Trees.IsConstant);
        Assert.Equal(2.5f, training.Trees.Model.Margin([]));
        Assert.Throws<ArgumentException>(() => new LabelledRows(quantiser.Quantise(new FeatureMatrix(0, 2)), default));
    }

    [Fact]
    public void Train_RowsInAnotherOrder_ChangesOnlyRounding()
    {
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(3_000, categorical: true);
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        int[] order = [.. Enumerable.Range(0, rows.Rows)];
        new SeededRandom(5).Shuffle(order.AsSpan());
        TreeTrainingOptions options = new() { Trees = 10, LinearStage = LinearStageUse.Always };
        float[] margins = Margins(rows, targets);

        float[] shuffled = Margins(rows.Select(order), [.. order.Select(r => targets[r])]);

        // The dither of gradients goes by row number, so a near tie between two splits may fall the other way.
        double difference = RegressionMetrics.RootMeanSquaredError(margins, shuffled);
        double spread = RegressionMetrics.RootMeanSquaredError(targets, new float[targets.Length]);
        Assert.InRange(difference / spread, 0, 0.03);

        float[] Margins(FeatureMatrix values, float[] own)
        {
            float[] margins = new float[rows.Rows];
            quantiser.PredictMargins(BoostedTrainer.Train(values, TreeData.Label(quantiser, values, own), options: options).Model, rows, margins);
            return margins;
        }
    }

    [Fact]
    public void Train_RowsThatDoNotFit_Throws()
    {
        (FeatureSchema schema, FeatureMatrix rows, float[] targets) = SegmentProfit(300, categorical: false);
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        LabelledRows labelled = TreeData.Label(quantiser, rows, targets);

        Assert.Throws<ArgumentException>(() => BoostedTrainer.Train(rows.Select([0, 1]), labelled));
        Assert.Throws<ArgumentNullException>(() => BoostedTrainer.Train(rows, labelled, validation: labelled));
        Assert.Throws<ArgumentException>(() => BoostedTrainer.Train(rows, new LabelledRows(labelled.Rows, targets, default, targets)));
        Assert.Throws<ArgumentException>(() => new LabelledRows(labelled.Rows, targets, default, new float[3]));
    }

    /// <summary>Five numbers whose slopes differ by segment, and the segment's code before them; the noise has variance 1.</summary>
    private static (FeatureSchema Schema, FeatureMatrix Rows, float[] Targets) SegmentProfit(int count, bool categorical, int first = 0)
    {
        FeatureSchema schema = new(
        [
            categorical
                ? new Feature { Id = 1, Name = "segment", Kind = FeatureKind.Categorical, Categories = [.. Enumerable.Range(0, Segments).Select(s => "s" + s)] }
                : new Feature { Id = 1, Name = "segment", Kind = FeatureKind.Numeric },
            .. Enumerable.Range(2, 5).Select(i => new Feature { Id = i, Name = "x" + i, Kind = FeatureKind.Numeric }),
        ]);
        SeededRandom world = new(11);
        double[] slopes = [.. Enumerable.Range(0, Segments * 5).Select(_ => 3 * world.NextNormal())];
        FeatureMatrix rows = new(count, 6);
        float[] targets = new float[count];
        for (int r = 0; r < count; r++)
        {
            SeededRandom random = new(12, first + r);
            int segment = random.Next(Segments);
            rows[r, 0] = segment;
            double target = random.NextNormal();
            for (int f = 1; f < 6; f++)
            {
                rows[r, f] = (float)random.NextNormal();
                target += slopes[(segment * 5) + f - 1] * rows[r, f];
            }
            targets[r] = (float)target;
        }
        return (schema, rows, targets);
    }
}
