using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Tests.Trees;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>
/// Models that scikit-learn, ML.NET and others exported, against the outputs their own runtime gave. Tolerances are those
/// of single precision against a double-precision original.
/// </summary>
public class OnnxFixtureTests(ITestOutputHelper output)
{
    private const double ProbabilityTolerance = 2e-6;

    [Theory]
    [InlineData("telco_logreg_pipeline.onnx", "p1_logreg", "label", "probabilities")]
    [InlineData("telco_logreg_pipeline_zipmap.onnx", "p1_logreg", "output_label", "output_probability")]
    [InlineData("telco_gbm_pipeline.onnx", "p1_gbm", "label", "probabilities")]
    [InlineData("telco_rf_pipeline.onnx", "p1_rf", "label", "probabilities")]
    public void Evaluate_TelcoPipeline_HasLabelsAndProbabilitiesOfTheOriginal(string file, string expectedColumn, string label, string probability)
    {
        OnnxModel model = OnnxFixtures.Load("generated/" + file);
        Dictionary<string, string[]> data = OnnxFixtures.Columns("generated/telco_pipelines_expected.csv");
        double[] expected = OnnxFixtures.Doubles(data[expectedColumn]);
        Assert.Contains("NaN", data["TotalCharges"]);

        IReadOnlyDictionary<string, OnnxTensor> result = model.Evaluate(OnnxFixtures.Inputs(model, data));

        float[] probabilities = result[probability].As<float>().Values;
        AssertClose(expected, [.. Enumerable.Range(0, expected.Length).Select(r => (double)probabilities[(2 * r) + 1])], ProbabilityTolerance);
        Assert.All(Enumerable.Range(0, expected.Length), r => Assert.Equal(1, probabilities[2 * r] + probabilities[(2 * r) + 1], 1e-6));
        Assert.Equal(expected.Select(p => p > 0.5 ? 1L : 0L), result[label].As<long>().Values);
    }

    [Fact]
    public void Outputs_ZipMap_HaveTheClassesAsKeys()
    {
        OnnxModel model = OnnxFixtures.Load("generated/telco_logreg_pipeline_zipmap.onnx");
        Assert.Equal(["0", "1"], model.Outputs.Single(o => o.Name == "output_probability").Keys);
    }

    [Fact]
    public void Evaluate_LinearModels_HaveTheResultsOfTheOriginal()
    {
        Dictionary<string, string[]> data = OnnxFixtures.Columns("generated/telco_numeric_expected.csv");
        OnnxModel classifier = OnnxFixtures.Load("generated/telco_logreg_numeric.onnx");
        OnnxModel regressor = OnnxFixtures.Load("generated/telco_totalcharges_linreg.onnx");
        double[] expected = OnnxFixtures.Doubles(data["p1_logreg"]);

        IReadOnlyDictionary<string, OnnxTensor> classes = classifier.Evaluate(
            new Dictionary<string, OnnxTensor> { ["X"] = OnnxFixtures.Matrix(data, "tenure", "MonthlyCharges", "TotalCharges") });
        float[] amounts = regressor.Evaluate(
            new Dictionary<string, OnnxTensor> { ["X"] = OnnxFixtures.Matrix(data, "tenure", "MonthlyCharges") })["variable"].As<float>().Values;

        AssertClose(expected, [.. classes["probabilities"].As<float>().Values.Where((_, i) => i % 2 == 1).Select(p => (double)p)], ProbabilityTolerance);
        Assert.Equal(expected.Select(p => p > 0.5 ? 1L : 0L), classes["label"].As<long>().Values);

        // Relative to the terms, thousands, of which the sum may be small.
        AssertClose(OnnxFixtures.Doubles(data["linreg"]), [.. amounts.Select(a => (double)a)], 1e-3);
    }

    [Fact]
    public void Evaluate_KMeans_HasLabelsAndDistancesOfTheOriginal()
    {
        OnnxModel model = OnnxFixtures.Load("generated/kmeans_rfm_log1p_k4.onnx");
        Dictionary<string, string[]> data = OnnxFixtures.Columns("generated/kmeans_rfm_log1p_k4_expected.csv");

        IReadOnlyDictionary<string, OnnxTensor> result = model.Evaluate(new Dictionary<string, OnnxTensor>
        {
            ["X"] = OnnxFixtures.Matrix(data, "log1p_recency", "log1p_frequency", "log1p_monetary"),
        });

        Assert.Equal(OnnxFixtures.Doubles(data["label"]).Select(v => (long)v), result["label"].As<long>().Values);

        // The original computes squares as a difference of larger numbers, so these are what can be compared.
        double[] squares = [.. OnnxFixtures.Matrix(data, "d0", "d1", "d2", "d3").As<float>().Values.Select(d => (double)d * d)];
        double[] found = [.. result["scores"].As<float>().Values.Select(s => (double)s * s)];
        AssertClose([.. squares.Select(_ => 0.0)], [.. squares.Zip(found, (a, b) => (b - a) / Math.Max(a, 1))], ProbabilityTolerance);
    }

    [Theory]
    [InlineData("treecl.onnx", "label_0", "proba_0", 3)]
    [InlineData("treecl2.onnx", "label_2", "proba_2", 2)]
    [InlineData("treecl3.onnx", "label_0", "proba_0", 4)]
    public void Evaluate_TreeClassifier_LabelsTheGreatestScore(string file, string label, string scores, int classes)
    {
        OnnxModel model = OnnxFixtures.Load("skl2onnx_apache2/" + file);
        OnnxTensor rows = OnnxTensor.Create(TreeData.Normal(200, 20, seed: 5).Values, 200, 20);

        IReadOnlyDictionary<string, OnnxTensor> result = model.Evaluate(new Dictionary<string, OnnxTensor> { ["input"] = rows });

        float[] values = result[scores].As<float>().Values;
        long[] labels = result[label].As<long>().Values;
        Assert.Equal(200 * classes, values.Length);
        Assert.Equal(classes, labels.Distinct().Count());
        for (int r = 0; r < 200; r++)
        {
            float[] row = values[(r * classes)..((r + 1) * classes)];
            Assert.Equal(Array.IndexOf(row, row.Max()), labels[r]);
        }
    }

    private void AssertClose(double[] expected, double[] found, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        double worst = expected.Zip(found).Max(p => Math.Abs(p.First - p.Second));
        output.WriteLine($"worst difference {worst:e2} over {expected.Length} values");
        Assert.True(worst <= tolerance, $"worst difference {worst:e2}, expected at most {tolerance:e2}");
    }
}
