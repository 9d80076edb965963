using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Tests.Trees;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class PermutationImportanceTests
{
    [Fact]
    public void Measure_LinearModel_IsTwiceTheVarianceOfEachTerm()
    {
        FeatureMatrix rows = TreeData.Normal(20_000, 3, seed: 1);
        float[] before = [.. rows.Values];
        float[] targets = Predict(rows);

        double[] importance = PermutationImportance.Measure(rows, [0, 1, 2], MeanSquaredError, seed: 2);

        // E (w x - w x')^2 = 2 w^2 for independent x, x' of variance 1.
        Assert.Equal(8, importance[0], 0.3);
        Assert.Equal(2, importance[1], 0.1);
        Assert.Equal(0, importance[2]);
        Assert.Equal(before, rows.Values);
        Assert.Equal([importance[1]], PermutationImportance.Measure(rows, [1], MeanSquaredError, seed: 2));

        double MeanSquaredError(FeatureMatrix at)
        {
            double rmse = RegressionMetrics.RootMeanSquaredError(targets, Predict(at));
            return rmse * rmse;
        }

        static float[] Predict(FeatureMatrix at) => [.. Enumerable.Range(0, at.Rows).Select(r => (2 * at[r, 0]) - at[r, 1])];
    }

    [Fact]
    public void Measure_LossThatThrowsOrUnknownColumn_LeavesTheRowsAsTheyWere()
    {
        FeatureMatrix rows = TreeData.Normal(50, 2, seed: 3);
        float[] before = [.. rows.Values];
        int calls = 0;

        Assert.Throws<InvalidOperationException>(() => PermutationImportance.Measure(
            rows, [0], _ => calls++ == 0 ? 1 : throw new InvalidOperationException()));
        Assert.Throws<ArgumentException>(() => PermutationImportance.Measure(rows, [2], _ => 1));
        Assert.Equal(before, rows.Values);
    }
}
