using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Tests;
using static ScoringEngine.Core.Tests.Models.Onnx.OnnxCases;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>Our evaluation against the reference runtime's, operator by operator and on whole models.</summary>
public class OnnxRuntimeTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-5;

    // The formula takes the difference of nearly equal numbers in single precision.
    private const double ProbitTolerance = 1e-3;

    [Fact]
    public void Evaluate_TreeEnsembles_AgreeWithTheReferenceRuntime() => AssertAgreement(OnnxOperatorCases.Trees());

    [Fact]
    public void Evaluate_Operators_AgreeWithTheReferenceRuntime() => AssertAgreement(OnnxOperatorCases.Others());

    [Fact]
    public void Evaluate_ModelsOfOthers_AgreeWithTheReferenceRuntime()
    {
        List<OnnxCase> cases = [];
        Dictionary<string, string[]> telco = OnnxFixtures.Columns("generated/telco_pipelines_expected.csv");
        Dictionary<string, string[]> numeric = OnnxFixtures.Columns("generated/telco_numeric_expected.csv");
        Dictionary<string, string[]> rfm = OnnxFixtures.Columns("generated/kmeans_rfm_log1p_k4_expected.csv");
        foreach (string file in new[] { "telco_logreg_pipeline", "telco_gbm_pipeline", "telco_rf_pipeline" })
        {
            AddFile($"generated/{file}.onnx", model => OnnxFixtures.Inputs(model, telco));
        }
        AddFile("generated/telco_logreg_numeric.onnx", _ => One("X", OnnxFixtures.Matrix(numeric, "tenure", "MonthlyCharges", "TotalCharges")));
        AddFile("generated/telco_totalcharges_linreg.onnx", _ => One("X", OnnxFixtures.Matrix(numeric, "tenure", "MonthlyCharges")));
        AddFile("generated/kmeans_rfm_log1p_k4.onnx", _ => One("X", OnnxFixtures.Matrix(rfm, "log1p_recency", "log1p_frequency", "log1p_monetary")));
        foreach (string file in new[] { "treecl", "treecl2", "treecl3" })
        {
            AddFile($"skl2onnx_apache2/{file}.onnx", _ => One("input", Rows(300, 20, seed: 9)));
        }
        AddFile("mlnet_mit/Kmeans.from_baseline.onnx", _ => One("Features", Rows(50, 9, seed: 10, missing: 0)));
        AddFile("mlnet_mit/LightGbmBinaryClassificationOnnxConversionTest.from_baseline.onnx", _ => new()
        {
            ["FeatureVector"] = Rows(50, 11, seed: 11),
            ["Target"] = Rows(50, 1, seed: 12),
        });
        AddFile("mlnet_mit/MultiClassificationLogisticRegressionSaveModelToOnnxTest.onnx", _ => new()
        {
            ["Features"] = Rows(1, 8, seed: 13, missing: 0),
            ["Label"] = OnnxTensor.Create<string>(["10"], 1, 1),
        });
        AssertAgreement(cases);

        void AddFile(string file, Func<OnnxModel, Dictionary<string, OnnxTensor>> inputs)
        {
            byte[] bytes = File.ReadAllBytes(RealData.File("models/" + file));
            cases.Add(new OnnxCase(file, bytes, inputs(OnnxModel.Parse(bytes, file))));
        }

        static Dictionary<string, OnnxTensor> One(string name, OnnxTensor tensor) => new() { [name] = tensor };
    }

    /// <summary>Integers and texts equal, floats within a tolerance relative to the greater of the value and 1.</summary>
    private void AssertAgreement(List<OnnxCase> cases)
    {
        (Dictionary<string, OnnxTensor>? Outputs, string? Error)[] theirs = OnnxRuntime.Evaluate(
            [.. cases.Select(c => (c.Model, (IReadOnlyDictionary<string, OnnxTensor>)c.Inputs))]);
        List<string> failures = [];
        double worst = 0;
        foreach ((OnnxCase at, (Dictionary<string, OnnxTensor>? outputs, string? error)) in cases.Zip(theirs))
        {
            if (outputs is null)
            {
                failures.Add($"{at.Name}: theirs: {error}");
                continue;
            }
            foreach ((string name, OnnxTensor value) in OnnxModel.Parse(at.Model, at.Name).Evaluate(at.Inputs).Skip(at.ScoresOnly ? 1 : 0))
            {
                double tolerance = at.Name.Contains("PROBIT", StringComparison.Ordinal) ? ProbitTolerance : Tolerance;
                double difference = OnnxComparison.Difference(value, outputs[name]);
                if (!(difference <= tolerance))
                {
                    failures.Add($"{at.Name}: {name} differs by {difference:e2}: {Text(value)} and {Text(outputs[name])}");
                }
                worst = Math.Max(worst, difference / tolerance);
            }
        }
        output.WriteLine($"{cases.Count} models, worst difference {worst:g2} of the tolerance");
        Assert.True(failures.Count == 0, $"{failures.Count} failures\n" + string.Join("\n", failures));
    }

    private static string Text(OnnxTensor t) => $"{t.ElementType} [{string.Join(",", t.Dimensions)}] " + t switch
    {
        OnnxTensor<float> f => string.Join(" ", f.Values.Take(12)),
        OnnxTensor<long> f => string.Join(" ", f.Values.Take(12)),
        OnnxTensor<string> f => string.Join(" ", f.Values.Take(12)),
        _ => "",
    };
}
