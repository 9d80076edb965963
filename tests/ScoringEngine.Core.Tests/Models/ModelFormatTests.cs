using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Models;

public sealed class ModelFormatTests
{
    // Written by this version; later versions must read it alike.
    private const string GoldenRegression
        = "CgV0cmlhbChkMAU5AAAAAAAAWUBBmpmZmZmZqT9JexSuR+F6hD9RAAAAAAAASUBadQgDEQAAAAAAAPC/GiQhAAAAAAAAAEApAAAAAAAA4D8xAA"
        + "AAAAAA6D85AAAAAAAAwD8aIQgBEAEYAykAAAAAAADwPzEAAAAAAAD4vzkAAAAAAADQPxofCAIQAikAAAAAAADwPzEAAAAAAAAIQDkAAAAAAACw"
        + "P2IcCgwAAIC/AAAAAAAAIEASDAAAAD4AAIA+AABAPw==";

    private static readonly FeatureSchema Schema = new([new Feature { Id = 1, Name = "only", Kind = FeatureKind.Numeric }]);

    [Fact]
    public void Propensity_EveryKind_SurvivesTheRoundTrip()
    {
        ObliviousEnsemble trees = new(2, 0.5f, [1, 2], [0, 1, 0], [1, 2, 3], [1, 2, 3, 4, 5, 6], [0.5, 0.25], [7, 1, 2, 2, 2, 2]);
        PropensityModel[] models =
        [
            new(trees, new PlattCalibration(1.25, -0.5), 100, 5, 90, 0.05, 0.01, 50),
            new(trees, Isotonic(), 100, 5, 90, 0.05, 0.01, 50),
            new(new BoostedModel(Stage(LinearPieces.One, 1), trees), Isotonic(), 100, 5, 90, 0.05, 0.01, 50),
            new(new BoostedModel(Stage(LinearPieces.OfCuts(1, [2.5f]), 2), trees), Isotonic(), 100, 5, 90, 0.05, 0.01, 50),
            new(new BoostedModel(Stage(LinearPieces.OfCategories(2, [0, 1]), 3), trees), Isotonic(), 100, 5, 90, 0.05, 0.01, 50),
            Regression(),
            new(new AveragedModel(trees, (LogisticRegression)Regression().Model!), new PlattCalibration(1.25, -0.5), 100, 5, 90, 0.05, 0.01, 50),
            PropensityModel.Prior(0.07),
        ];
        foreach (PropensityModel model in models)
        {
            byte[] bytes = ModelFormat.ToMessage("trial", model).ToByteArray();

            PropensityModel read = ModelFormat.FromMessage(PropensityParameters.Parser.ParseFrom(bytes), Schema);

            Assert.Equal(bytes, ModelFormat.ToMessage("trial", read).ToByteArray());
            Assert.Equal(model.Model?.GetType(), read.Model?.GetType());
            Assert.Equal((model.Model as ObliviousEnsemble)?.LeafWeights, (read.Model as ObliviousEnsemble)?.LeafWeights);
            Assert.Equal((model.Model as ObliviousEnsemble)?.LeafValues, (read.Model as ObliviousEnsemble)?.LeafValues);
            Assert.Equal((model.Model as LogisticRegression)?.Terms, (read.Model as LogisticRegression)?.Terms);
            foreach ((float[] row, byte[] bins) in ((float[], byte[])[])[([3, 3, 1], [1, 1]), ([float.NaN, 0, float.NaN], [0, 4])])
            {
                Assert.Equal(Propensity(model, row, bins), Propensity(read, row, bins));
            }
        }
    }

    [Fact]
    public void Propensity_GoldenBytes_ReadAsWritten()
    {
        PropensityModel written = Regression();
        PropensityModel read = ModelFormat.FromMessage(PropensityParameters.Parser.ParseFrom(Convert.FromBase64String(GoldenRegression)), Schema);

        LogisticRegression regression = Assert.IsType<LogisticRegression>(written.Model);
        Assert.Equal(regression.Terms, Assert.IsType<LogisticRegression>(read.Model).Terms);
        Assert.Equal(regression.Intercept, ((LogisticRegression)read.Model).Intercept);
        Assert.Equal(((IsotonicCalibration)written.Calibration).Margins, Assert.IsType<IsotonicCalibration>(read.Calibration).Margins);
        Assert.Equal(GoldenRegression, Convert.ToBase64String(ModelFormat.ToMessage("trial", written).ToByteArray()));
    }

    private static LinearStage Stage(LinearPieces pieces, int count) => new(
        3, pieces, [new LinearTerm(0, 0.5f, 4), new LinearTerm(2, -1, 8)], [.. Enumerable.Range(0, count).Select(p => 0.5f * p)],
        [.. Enumerable.Range(0, 2 * count).Select(i => i - 2.25f)], [.. Enumerable.Repeat(1.0 / count, count)],
        [.. Enumerable.Range(0, 2 * count).Select(i => 0.125 * i)]);

    private static PropensityModel Regression() => new(
        new LogisticRegression(3, -1,
        [
            new LogisticTerm(0, LogisticTermKind.Number, 0, 2, 0.5, 0.75, 0.125),
            new LogisticTerm(1, LogisticTermKind.Category, 3, 0, 1, -1.5, 0.25),
            new LogisticTerm(2, LogisticTermKind.Missing, 0, 0, 1, 3, 0.0625),
        ]),
        Isotonic(), 100, 5, 100, 0.05, 0.01, 50);

    private static float Propensity(PropensityModel model, float[] row, byte[] bins)
    {
        float[] propensity = new float[1];
        model.Propensities(new RowBlock(row, 1, row.Length, bins), propensity);
        return propensity[0];
    }

    private static IsotonicCalibration Isotonic() => new([-1, 0, 2.5f], [0.125f, 0.25f, 0.75f]);
}
