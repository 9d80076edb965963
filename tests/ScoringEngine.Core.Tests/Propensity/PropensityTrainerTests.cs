using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Tests.Trees;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Propensity;

public sealed class PropensityTrainerTests
{
    [Theory]
    [InlineData(2_000, 0.04, 0.09)]
    [InlineData(30_000, 0.01, 0.025)]
    public void Fit_KnownProbabilities_RanksAndCalibrates(int offers, double areaShortfall, double calibrationError)
    {
        (FeatureMatrix rows, float[] accepted, _) = Offers(offers, seed: 1);
        (FeatureMatrix test, float[] testAccepted, float[] truth) = Offers(20_000, seed: 2);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);

        PropensityTraining training = PropensityTrainer.Fit(quantiser, rows, accepted, [], [], prior: 0.1);

        float[] p = Predict(training.Model, quantiser, test);
        double oracle = ClassificationMetrics.AreaUnderCurve(testAccepted, truth);
        Assert.InRange(ClassificationMetrics.AreaUnderCurve(testAccepted, p), oracle - areaShortfall, oracle + 0.002);
        Assert.InRange(ClassificationMetrics.ExpectedCalibrationError(testAccepted, p), 0, calibrationError);
        Assert.InRange(training.CalibrationRows, offers * 0.17, offers * 0.23);
        Assert.InRange(training.CalibrationError, 0, calibrationError);
        Assert.Equal(offers, training.Model.Offers);
    }

    [Fact]
    public void Fit_ThinEvidence_IsTheRateSmoothedTowardsThePrior()
    {
        FeatureMatrix rows = TreeData.Normal(300, 4, seed: 3);
        float[] accepted = [.. Enumerable.Range(0, 300).Select(i => i % 10 == 0 ? 1f : 0f)];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);

        PropensityTraining training = PropensityTrainer.Fit(
            quantiser, rows, accepted, [], [], prior: 0.02, new PropensityOptions { PriorStrength = 100 });

        Assert.False(training.Model.Model is not null);
        Assert.Empty(training.Candidates);
        Assert.Equal(0, training.CalibrationRows);
        Assert.True(double.IsNaN(training.AreaUnderCurve));
        double expected = (30 + (100 * 0.02)) / 400;
        Assert.All(Predict(training.Model, quantiser, rows), p => Assert.Equal(expected, p, 1e-7));
    }

    [Fact]
    public void Fit_InverseActionProbabilities_UndoTheSelectionOfOffers()
    {
        // The policy offered mostly to the unlikely; the weights restore the population.
        (FeatureMatrix all, float[] acceptedAll, float[] truth) = Offers(40_000, seed: 4);
        SeededRandom random = new(4, 9);
        double[] chosen = [.. Enumerable.Range(0, all.Rows).Select(r => all[r, 0] > 0 ? 0.1 : 0.8)];
        int[] offered = [.. Enumerable.Range(0, all.Rows).Where(r => random.NextDouble() < chosen[r])];
        FeatureMatrix rows = all.Select(offered);
        float[] accepted = [.. offered.Select(r => acceptedAll[r])];
        float[] weights = [.. offered.Select(r => (float)(1 / chosen[r]))];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);

        PropensityModel model = PropensityTrainer.Fit(quantiser, rows, accepted, [], weights, prior: 0.1).Model;

        Assert.Equal(truth.Average(), model.Rate, 0.01);
        Assert.NotEqual(truth.Average(), accepted.Average(), 0.03);
        Assert.InRange(model.EffectiveOffers, 1, offered.Length * 0.7);
        Assert.Equal(truth.Average(), Predict(model, quantiser, all).Average(), 0.015);
    }

    [Fact]
    public void Fit_Groups_KeepsACustomersRowsOnOneSide()
    {
        // Labels belong to customers at random; features identify the customer. A split by rows would find a "signal".
        SeededRandom random = new(5);
        FeatureMatrix rows = new(4_000, 4);
        float[] accepted = new float[4_000];
        long[] groups = new long[4_000];
        for (int customer = 0; customer < 400; customer++)
        {
            float[] features = [(float)random.NextNormal(), (float)random.NextNormal(), (float)random.NextNormal(), (float)random.NextNormal()];
            float label = random.Next(2);
            for (int r = customer * 10; r < (customer * 10) + 10; r++)
            {
                features.CopyTo(rows.Row(r));
                accepted[r] = label;
                groups[r] = customer * 1_000_003L;
            }
        }
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);

        double byRow = PropensityTrainer.Fit(quantiser, rows, accepted, [], [], 0.5).AreaUnderCurve;
        double byCustomer = PropensityTrainer.Fit(quantiser, rows, accepted, groups, [], 0.5).AreaUnderCurve;

        Assert.True(byRow > 0.9, $"by row {byRow}");
        Assert.True(byCustomer < 0.7, $"by customer {byCustomer}");
    }

    [Fact]
    public void Fit_AnyNumberOfThreads_GivesTheSameBits()
    {
        (FeatureMatrix rows, float[] accepted, _) = Offers(6_000, seed: 6);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);
        PropensityOptions options = new();

        float[][] results = [.. ((int[])[1, 2, 7]).Select(threads => Predict(
            PropensityTrainer.Fit(quantiser, rows, accepted, [], [], 0.1, options with { Trees = options.Trees with { Threads = threads } }).Model,
            quantiser, rows))];

        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Fact]
    public void Prior_NoOutcomes_IsThePriorForEveryone()
    {
        PropensityModel model = PropensityModel.Prior(0.07);
        float[] p = new float[3];
        model.Propensities(new RowBlock([], 3, 0, []), p);

        Assert.Equal([0.07f, 0.07f, 0.07f], p);
        Assert.Throws<ArgumentException>(() => PropensityModel.Prior(1.5));
    }

    [Theory]
    [InlineData(PropensityMethod.Average)]
    [InlineData(PropensityMethod.Trees)]
    [InlineData(PropensityMethod.Logistic)]
    public void Fit_AnyMethod_ScoresOneRowAsABlockBitForBit(PropensityMethod method)
    {
        // A sharp step is what trees find and a sum of numbers blurs; a steep sum is the other way round.
        (FeatureMatrix rows, float[] accepted) = method switch
        {
            PropensityMethod.Trees => Labelled(20_000, row => row[0] > 0 ? 3 : -3),
            PropensityMethod.Logistic => Labelled(20_000, row => (3 * row[0]) - (3 * row[1]) + (2 * row[2]) - (2 * row[3])),
            _ => Labelled(3_000, row => (row[0] * row[1]) + row[2] - 1),
        };
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(4), rows);
        PropensityTraining training = PropensityTrainer.Fit(quantiser, rows, accepted, [], [], 0.1);
        PropensityModel model = training.Model;
        float[] block = Predict(model, quantiser, rows);

        Assert.Equal(method, training.Candidates[0].Method);
        Assert.IsType(method switch { PropensityMethod.Trees => typeof(ObliviousEnsemble), PropensityMethod.Logistic => typeof(LogisticRegression), _ => typeof(AveragedModel) }, model.Model);
        for (int r = 0; r < 200; r++)
        {
            Assert.Equal(block[r], Predict(model, quantiser, rows.Select([r]))[0]);
        }
    }

    [Fact]
    public void Fit_Candidates_KeepsTheAverageUnlessAnotherIsClearlyBetter()
    {
        for (int seed = 1; seed <= 8; seed++)
        {
            (FeatureMatrix rows, float[] accepted, _) = Offers(3_000, seed);
            PropensityTraining training = PropensityTrainer.Fit(Quantiser.Fit(TreeData.NumericSchema(4), rows), rows, accepted, [], [], 0.1);
            Assert.Equal(6, training.Candidates.Select(c => (c.Method, c.Calibration)).Distinct().Count());
            PropensityCandidate standard = Assert.Single(training.Candidates, c => c.IsStandard);
            Assert.Equal((0, 0), (standard.Difference, standard.StandardError));
            Assert.All(training.Candidates, c => Assert.Equal(c.LogLoss - standard.LogLoss, c.Difference, 1e-12));
            PropensityCandidate[] better = [.. training.Candidates.Where(c => c.Difference < -2 * c.StandardError)];
            Assert.Equal(better.Length == 0 ? standard : better.MinBy(c => c.LogLoss), training.Candidates[0]);
            Assert.Equal(training.Candidates[0].LogLoss, training.LogLoss);
        }
    }

    [Theory]
    [InlineData(1.0, 0.0)]
    [InlineData(0.5, -1.0)]
    [InlineData(2.0, 0.7)]
    public void Platt_DistortedMargins_RecoversSlopeAndIntercept(double slope, double intercept)
    {
        SeededRandom random = new(8);
        float[] margins = new float[30_000];
        float[] labels = new float[margins.Length];
        for (int i = 0; i < margins.Length; i++)
        {
            margins[i] = (float)random.NextNormal();
            labels[i] = random.NextDouble() < DeterministicMath.Sigmoid((slope * margins[i]) + intercept) ? 1 : 0;
        }

        PlattCalibration calibration = PlattCalibration.Fit(labels, margins);

        Assert.Equal(slope, calibration.Slope, 0.05);
        Assert.Equal(intercept, calibration.Intercept, 0.05);
    }

    [Fact]
    public void Platt_SeparableConstantOrBackwardMargins_StaysFinite()
    {
        PlattCalibration separable = PlattCalibration.Fit([0, 0, 0, 1, 1, 1], [-3, -2, -1, 1, 2, 3]);
        Assert.True(double.IsFinite(separable.Slope) && separable.Slope > 0);

        PlattCalibration constant = PlattCalibration.Fit([0, 0, 0, 1], [2, 2, 2, 2]);
        Assert.Equal(2.0 / 6, constant.Probability(2), 0.1);

        PlattCalibration backward = PlattCalibration.Fit([1, 1, 0, 0], [-3, -2, 2, 3]);
        Assert.Equal(0, backward.Slope);
        Assert.Equal(0.5, backward.Probability(3), 1e-9);
    }

    [Fact]
    public void Fit_ProbabilitiesInSteps_AreCalibratedIsotonically()
    {
        // One feature, two levels of probability: no sigmoid of a sum of numbers, and trees may not use it.
        FeatureMatrix rows = TreeData.Normal(20_000, 1, seed: 8);
        SeededRandom random = new(8, 4);
        float[] accepted = [.. Enumerable.Range(0, rows.Rows).Select(r => random.NextDouble() < (rows[r, 0] > 0.5 ? 0.9 : 0.05) ? 1f : 0f)];
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(1), rows, new QuantiserOptions { MaxBins = 3 });

        PropensityOptions options = new() { Trees = new PropensityOptions().Trees with { LinearStage = LinearStageUse.Never } };

        PropensityTraining training = PropensityTrainer.Fit(quantiser, rows, accepted, [], [], 0.1, options);

        Assert.Equal(new(PropensityMethod.Logistic, CalibrationMethod.Isotonic), (training.Candidates[0].Method, training.Candidates[0].Calibration));
        Assert.IsType<IsotonicCalibration>(training.Model.Calibration);
        Assert.True(training.CalibrationError < 0.02);
    }

    private static (FeatureMatrix Rows, float[] Accepted) Labelled(int count, Func<float[], double> logOdds)
    {
        FeatureMatrix rows = TreeData.Normal(count, 4, seed: 7);
        SeededRandom random = new(7, 3);
        return (rows, [.. Enumerable.Range(0, count).Select(r => random.NextDouble() < DeterministicMath.Sigmoid(logOdds(rows.Row(r).ToArray())) ? 1f : 0f)]);
    }

    private static (FeatureMatrix Rows, float[] Accepted, float[] Truth) Offers(int count, long seed, double step = 0.7)
    {
        FeatureMatrix rows = TreeData.Normal(count, 4, seed);
        SeededRandom random = new(seed, 3);
        float[] accepted = new float[count];
        float[] truth = new float[count];
        for (int r = 0; r < count; r++)
        {
            double p = DeterministicMath.Sigmoid((1.2 * rows[r, 0]) - (0.8 * rows[r, 1]) + (rows[r, 2] > 0 ? step : -step) - 2);
            truth[r] = (float)p;
            accepted[r] = random.NextDouble() < p ? 1 : 0;
        }
        return (rows, accepted, truth);
    }

    private static float[] Predict(PropensityModel model, Quantiser quantiser, FeatureMatrix rows)
    {
        byte[] bins = new byte[quantiser.Columns.Length * rows.Rows];
        quantiser.Quantise(rows.Values, rows.Rows, rows.Columns, bins);
        float[] p = new float[rows.Rows];
        model.Propensities(new RowBlock(rows.Values, rows.Rows, rows.Columns, bins), p);
        return p;
    }
}
