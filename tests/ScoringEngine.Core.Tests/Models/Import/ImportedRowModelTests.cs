using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Models.Import;

public class ImportedRowModelTests
{
    private const int Columns = 4;

    private static readonly InputMapping Mapping = new(
    [
        new ModelInput { Name = "number", Feature = 2, Missing = 0.25f },
        new ModelInput { Name = "indicator", Feature = 1, Category = 2, Missing = 0 },
        new ModelInput { Name = "code", Feature = 1, Codes = [7, 0, 3] },
        new ModelInput { Name = "constant", Feature = null, Missing = 1.5f },
    ]);

    [Fact]
    public void Margins_EveryCountAndStride_AreThoseOfRowByRowPrediction()
    {
        foreach ((ImportedModel model, bool logOdds) in new[] { (Model(MarginLink.Exponential, 1), false), (Model(MarginLink.Logistic, 1), true), (Model(MarginLink.Softmax, 3), true) })
        {
            ImportedRowModel part = new(model, Mapping, model.Outputs - 1, logOdds);
            for (int count = 0; count <= 70; count++)
            {
                int stride = Columns + (count % 3);
                float[] rows = Rows(count, stride);
                float[] margins = new float[count];
                part.Margins(new RowBlock(rows, count, stride, [], new float[part.ScratchLength]), margins);
                for (int r = 0; r < count; r++)
                {
                    double[] predictions = new double[model.Outputs];
                    model.Predict(Naive(rows.AsSpan(r * stride, Columns)), 1, Columns, predictions, new float[model.MarginModel.ScratchLength]);
                    double expected = predictions[^1];
                    double found = logOdds ? 1 / (1 + Math.Exp(-margins[r])) : margins[r];
                    Assert.Equal(expected, found, 1e-6 * Math.Max(1, Math.Abs(expected)));
                }
            }
        }
    }

    [Fact]
    public void Margins_OfABlock_AllocateNothing()
    {
        ImportedRowModel part = new(Model(MarginLink.Softmax, 3), Mapping, 0, logOdds: true);
        float[] rows = Rows(100, Columns);
        float[] margins = new float[100];
        float[] scratch = new float[part.ScratchLength];
        part.Margins(new RowBlock(rows, 100, Columns, [], scratch), margins);
        long before = GC.GetAllocatedBytesForCurrentThread();
        part.Margins(new RowBlock(rows, 100, Columns, [], scratch), margins);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Constructor_PartsThatDoNotFit_Throws()
    {
        ImportedModel model = Model(MarginLink.Identity, 1);
        Assert.Throws<ArgumentException>(() => new ImportedRowModel(model, new InputMapping([]), 0, logOdds: false));
        Assert.Throws<ArgumentException>(() => new ImportedRowModel(model, Mapping, 0, logOdds: true));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImportedRowModel(model, Mapping, 1, logOdds: false));
    }

    [Fact]
    public void RequireFit_FeatureThatNoModelMayRead_Throws()
    {
        FeatureSchema schema = new(
        [
            new Feature { Id = 1, Name = "sex", Kind = FeatureKind.Boolean, Protected = true },
            new Feature { Id = 2, Name = "age", Kind = FeatureKind.Numeric },
            new Feature { Id = 3, Name = "channel", Kind = FeatureKind.Numeric, Context = true },
        ]);
        Of(1).RequireFit(schema, withContext: false);
        Of(2).RequireFit(schema, withContext: true);
        Assert.Throws<ArgumentException>(() => Of(0).RequireFit(schema, withContext: true));
        Assert.Throws<ArgumentException>(() => Of(2).RequireFit(schema, withContext: false));
        Assert.Throws<ArgumentException>(() => Of(3).RequireFit(schema, withContext: true));
        Assert.Throws<ArgumentException>(() => new InputMapping([new ModelInput { Name = "x", Feature = 1, Category = 0 }]).RequireFit(schema, withContext: true));

        static InputMapping Of(int feature) => new([new ModelInput { Name = "x", Feature = feature }]);
    }

    [Fact]
    public void Propensity_ProbabilityAsItIs_IsNotSmoothedAndFallsBackToThePrior()
    {
        ImportedRowModel part = new(Model(MarginLink.Logistic, 1), Mapping, 0, logOdds: true);
        PropensityModel model = new(part, PlattCalibration.Identity, 0, 0, 0, 0, 0.07, 0);
        Assert.Equal((float)DeterministicMath.Sigmoid(1.25f), model.Propensity(1.25f));
        Assert.Equal(0.07f, model.Propensity(float.NaN));
    }

    [Fact]
    public void Calibrate_DistortedMargins_GivesTheRatesBack()
    {
        SeededRandom random = new(5);
        FeatureMatrix rows = new(4000, Columns, Rows(4000, Columns));
        ImportedRowModel part = new(Model(MarginLink.Identity, 1), Mapping, 0, logOdds: false);
        float[] margins = new float[4000];
        part.Margins(new RowBlock(rows.Values, 4000, Columns, [], new float[part.ScratchLength]), margins);
        float[] accepted = [.. margins.Select(m => random.NextDouble() < 1 / (1 + Math.Exp(-((0.5 * m) - 1))) ? 1f : 0f)];

        PropensityTraining training = PropensityTrainer.Calibrate(part, rows, accepted, [], 0.1);

        Assert.Equal(4000, training.CalibrationRows);
        Assert.Equal(PropensityMethod.Imported, training.Candidates[0].Method);
        Assert.InRange(training.CalibrationError, 0, 0.03);
        Assert.Equal(1 / (1 + Math.Exp(-((0.5 * margins[0]) - 1))), training.Model.Propensity(margins[0]), 0.06);
        Assert.Throws<ArgumentException>(() => PropensityTrainer.Calibrate(part, rows.Select([0, 1]), [0, 1], [], 0.1));
    }

    private static ImportedModel Model(MarginLink link, int outputs)
    {
        SeededRandom random = new(11);
        return new ImportedModel
        {
            Source = "test",
            Objective = "test",
            FeatureNames = [],
            Transform = new PredictionTransform(link),
            MarginModel = new LinearModel(Columns, [.. Enumerable.Range(0, Columns * outputs).Select(_ => (float)random.NextNormal() / 3)], [.. Enumerable.Range(0, outputs).Select(o => o * 0.5f)]),
        };
    }

    private static float[] Naive(ReadOnlySpan<float> row) =>
    [
        float.IsNaN(row[2]) ? 0.25f : row[2],
        row[1] == 2 ? 1 : 0,
        row[1] switch { 0 => 7, 1 => 0, 2 => 3, _ => float.NaN },
        1.5f,
    ];

    private static float[] Rows(int count, int stride)
    {
        SeededRandom random = new(count);
        float[] rows = new float[count * stride];
        for (int r = 0; r < count; r++)
        {
            rows[r * stride] = float.NaN;
            rows[(r * stride) + 1] = random.Next(4) is 3 ? float.NaN : random.Next(3);
            rows[(r * stride) + 2] = random.Next(5) == 0 ? float.NaN : (float)random.NextNormal();
        }
        return rows;
    }
}
