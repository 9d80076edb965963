using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Models.Onnx.Format;
using ScoringEngine.Tests;
using static ScoringEngine.Core.Models.Onnx.OnnxGraphBuilder;
using static ScoringEngine.Core.Tests.Models.Onnx.OnnxCases;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>Our evaluation against the reference runtime's, operator by operator and on whole models.</summary>
public class OnnxRuntimeTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-5;

    // The formula takes the difference of nearly equal numbers in single precision.
    private const double ProbitTolerance = 1e-3;

    private const OnnxElementType Float = OnnxElementType.Float;
    private const OnnxElementType Bool = OnnxElementType.Bool;
    private const OnnxElementType Int64 = OnnxElementType.Int64;

    private static readonly string[] Transforms = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"];

    private readonly List<Case> _cases = [];

    private sealed record Case(string Name, byte[] Model, Dictionary<string, OnnxTensor> Inputs, bool ScoresOnly = false);

    [Fact]
    public void Evaluate_TreeEnsembles_AgreeWithTheReferenceRuntime()
    {
        OnnxTensor<float> rows = Rows(60, 4, seed: 1);
        long seed = 0;
        foreach (string transform in Transforms)
        {
            AttributeProto after = Attribute("post_transform", transform);
            foreach ((int classes, long[] scored, int bases) in new (int, long[], int)[]
                { (2, [0], 0), (2, [0], 1), (2, [0, 1], 0), (3, [0, 1, 2], 0), (3, [0, 1, 2], 3), (3, [0, 2], 0), (3, [0, 2], 3) })
            {
                if (scored.Length == 1 && transform == "PROBIT")
                {
                    continue;
                }
                foreach (bool positive in new[] { false, true })
                {
                    // Where both of two classes have scores, the reference runtime labels by the sign of the second.
                    Add($"classifier {transform} {classes} classes, scored {string.Join(",", scored)}, {bases} bases, positive {positive}",
                        MachineLearning, "TreeEnsembleClassifier", [rows], [Int64, Float],
                        [.. TreeAttributes("class", scored, positive, seed++), Attribute("classlabels_int64s", Enumerable.Range(5, classes).Select(i => (long)i)),
                            .. Bases(bases, 0.2f), after]);
                    _cases[^1] = _cases[^1] with { ScoresOnly = scored.Length == 2 && classes == 2 };
                }
            }
            foreach (string aggregate in new[] { "SUM", "AVERAGE", "MIN", "MAX" })
            {
                foreach (int targets in transform is "NONE" or "PROBIT" ? new[] { 1, 3 } : [3])
                {
                    Add($"regressor {transform} {aggregate} {targets} targets", MachineLearning, "TreeEnsembleRegressor", [rows], [Float],
                        [.. TreeAttributes("target", [.. Enumerable.Range(0, targets).Select(i => (long)i)], false, seed++), Attribute("n_targets", targets),
                            Attribute("aggregate_function", aggregate), .. Bases(targets, 0.3f), after]);
                }
            }
        }
        AssertAgreement();
    }

    [Fact]
    public void Evaluate_Operators_AgreeWithTheReferenceRuntime()
    {
        OnnxTensor<float> x = Rows(7, 4, seed: 2);
        OnnxTensor<float> y = Rows(7, 4, seed: 3, missing: 0);
        OnnxTensor<float> full = Rows(7, 4, seed: 4, missing: 0);
        OnnxTensor<float> row = Rows(1, 4, seed: 5, missing: 0);
        OnnxTensor<float> positive = OnnxTensor.Create<float>([.. full.Values.Select(MathF.Abs)], 7, 4);
        OnnxTensor<long> integers = OnnxTensor.Create<long>([3, -7, 5, 1, -2, 6], 2, 3);
        OnnxTensor<long> divisors = OnnxTensor.Create<long>([2, -2, 3], 3);
        OnnxTensor<string> texts = OnnxTensor.Create<string>(["a", "b", "c", "b", "", "z"], 3, 2);
        foreach (string type in new[] { "Add", "Sub", "Mul", "Div", "Max", "Min" })
        {
            Add(type, "", type, [full, y], [Float]);
            Add(type + " row", "", type, [x, row], [Float]);
            Add(type + " integers", "", type, [integers, divisors], [Int64]);
        }
        Add("Pow 2", "", "Pow", [full, Scalar(2)], [Float]);
        Add("Pow 3", "", "Pow", [full, Scalar(3)], [Float]);
        Add("Pow", "", "Pow", [positive, y], [Float]);
        Add("Pow of negative", "", "Pow", [full, y], [Float]);
        Add("Sum", "", "Sum", [full, y, row], [Float]);
        foreach (string type in new[] { "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual" })
        {
            Add(type, "", type, [x, y], [Bool]);
            Add(type + " integers", "", type, [integers, divisors], [Bool]);
        }
        OnnxTensor<bool> condition = OnnxTensor.Create<bool>([true, false, false, true, true, false, true], 7, 1);
        OnnxTensor<bool> other = OnnxTensor.Create<bool>([true, false], 2);
        foreach (string type in new[] { "And", "Or", "Xor" })
        {
            Add(type, "", type, [condition, other], [Bool]);
        }
        Add("Not", "", "Not", [condition], [Bool]);
        Add("Where", "", "Where", [condition, x, row], [Float]);
        Add("IsNaN", "", "IsNaN", [x], [Bool]);
        foreach (string type in new[] { "Neg", "Abs", "Sign", "Relu", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Exp", "Log", "Sigmoid", "Tanh" })
        {
            Add(type, "", type, [x], [Float]);
        }
        Add("Clip", "", "Clip", [x, Scalar(-0.5f), Scalar(0.7f)], [Float]);
        Add("Cast to integer", "", "Cast", [y], [Int64], Attribute("to", 7));
        Add("Cast to text", "", "Cast", [integers], [OnnxElementType.String], Attribute("to", 8));
        Add("Cast to float", "", "Cast", [integers], [Float], Attribute("to", 1));
        Add("Cast to bool", "", "Cast", [y], [Bool], Attribute("to", 9));
        foreach (int axis in new[] { 0, 1, -1 })
        {
            Add($"Softmax {axis}", "", "Softmax", [full], [Float], Attribute("axis", axis));
            Add($"ArgMax {axis}", "", "ArgMax", [full], [Int64], Attribute("axis", axis), Attribute("keepdims", 0));
            Add($"ArgMin {axis}", "", "ArgMin", [full], [Int64], Attribute("axis", axis), Attribute("select_last_index", 1));
            Add($"TopK {axis}", "", "TopK", [full, List(2)], [Float, Int64], Attribute("axis", axis), Attribute("largest", axis == 0 ? 0 : 1));
            Add($"Gather {axis}", "", "Gather", [x, List(1, -1, 0)], [Float], Attribute("axis", axis));
            Add($"Concat {axis}", "", "Concat", [x, y], [Float], Attribute("axis", axis));
            Add($"ReduceSum {axis}", "", "ReduceSum", [full, List(axis)], [Float]);
            foreach (string type in new[] { "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceMean", "ReduceMax", "ReduceMin" })
            {
                Add($"{type} {axis}", "", type, [full], [Float], Attribute("axes", [(long)axis]), Attribute("keepdims", axis == 0 ? 0 : 1));
            }
        }
        Add("ReduceSum all", "", "ReduceSum", [full], [Float]);
        Add("MatMul", "", "MatMul", [full, OnnxTensor.Create(row.Values, 4, 1)], [Float]);
        Add("MatMul vector", "", "MatMul", [full, OnnxTensor.Create(row.Values, 4)], [Float]);
        Add("Gemm", "", "Gemm", [full, y, Scalar(0.5f)], [Float], Attribute("transB", 1), Attribute("alpha", -2f), Attribute("beta", 0.3f));
        Add("Gemm transposed", "", "Gemm", [full, y], [Float], Attribute("transA", 1));
        Add("Shape", "", "Shape", [x], [Int64]);
        Add("Reshape", "", "Reshape", [x, List(2, -1)], [Float]);
        Add("Reshape 0", "", "Reshape", [x, List(0, 2, 2)], [Float]);
        Add("Flatten", "", "Flatten", [OnnxTensor.Create(x.Values, 7, 2, 2)], [Float], Attribute("axis", 1));
        Add("Squeeze", "", "Squeeze", [OnnxTensor.Create(x.Values, 7, 1, 4, 1), List(1)], [Float]);
        Add("Squeeze all", "", "Squeeze", [OnnxTensor.Create(x.Values, 7, 1, 4, 1)], [Float]);
        Add("Unsqueeze", "", "Unsqueeze", [x, List(0, -1)], [Float]);
        Add("Transpose", "", "Transpose", [OnnxTensor.Create(x.Values, 7, 2, 2)], [Float], Attribute("perm", [2L, 0L, 1L]));
        Add("Scaler", MachineLearning, "Scaler", [x], [Float], Attribute("offset", [1f, 2f, 3f, 4f]), Attribute("scale", [0.1f, 0.2f, 0.3f, 0.4f]));
        Add("Scaler of integers", MachineLearning, "Scaler", [integers], [Float], Attribute("offset", [1.5f]), Attribute("scale", [0.1f]));
        Add("Imputer NaN", MachineLearning, "Imputer", [x], [Float], Attribute("imputed_value_floats", [1f, 2f, 3f, 4f]), Attribute("replaced_value_float", float.NaN));
        Add("Imputer value", MachineLearning, "Imputer", [x], [Float], Attribute("imputed_value_floats", [9f]), Attribute("replaced_value_float", 1f));
        Add("Imputer integers", MachineLearning, "Imputer", [integers], [Int64], Attribute("imputed_value_int64s", [9L]), Attribute("replaced_value_int64", 5L));
        Add("Binarizer", MachineLearning, "Binarizer", [y], [Float], Attribute("threshold", 0.3f));
        Add("OneHotEncoder texts", MachineLearning, "OneHotEncoder", [texts], [Float], Attribute("cats_strings", ["b", "c", "a"]));
        Add("OneHotEncoder integers", MachineLearning, "OneHotEncoder", [integers], [Float], Attribute("cats_int64s", [6L, -7L, 3L]));
        Add("OneHotEncoder floats", MachineLearning, "OneHotEncoder", [y], [Float], Attribute("cats_int64s", [0L, 1L, -1L]));
        Add("LabelEncoder text to integer", MachineLearning, "LabelEncoder", [texts], [Int64],
            Attribute("keys_strings", ["b", "c", "a"]), Attribute("values_int64s", [6L, -7L, 3L]), Attribute("default_int64", 11));
        Add("LabelEncoder text to text", MachineLearning, "LabelEncoder", [texts], [OnnxElementType.String],
            Attribute("keys_strings", ["b", "c"]), Attribute("values_strings", ["x", "y"]));
        Add("LabelEncoder integer to float", MachineLearning, "LabelEncoder", [integers], [Float],
            Attribute("keys_int64s", [6L, -7L]), Attribute("values_floats", [0.5f, 1.5f]), Attribute("default_float", -2f));
        Add("LabelEncoder float to text", MachineLearning, "LabelEncoder", [x], [OnnxElementType.String],
            Attribute("keys_floats", [0f, 1f]), Attribute("values_strings", ["zero", "one"]));
        foreach (string norm in new[] { "MAX", "L1", "L2" })
        {
            Add($"Normalizer {norm}", MachineLearning, "Normalizer", [full], [Float], Attribute("norm", norm));
            Add($"Normalizer {norm} of zeros", MachineLearning, "Normalizer", [OnnxTensor.Create(new float[4], 2, 2)], [Float], Attribute("norm", norm));
        }
        Add("FeatureVectorizer", MachineLearning, "FeatureVectorizer", [x, y], [Float], Attribute("inputdimensions", [4L, 4L]));
        Add("ArrayFeatureExtractor", MachineLearning, "ArrayFeatureExtractor", [x, List(2, 0)], [Float]);
        Add("ArrayFeatureExtractor of texts", MachineLearning, "ArrayFeatureExtractor", [texts, List(1)], [OnnxElementType.String]);
        foreach (string transform in Transforms)
        {
            AttributeProto after = Attribute("post_transform", transform);
            Add($"LinearRegressor {transform} 2", MachineLearning, "LinearRegressor", [y], [Float],
                Attribute("coefficients", y.Values[..8]), Attribute("intercepts", [0.1f, 0.4f]), Attribute("targets", 2), after);
            Add($"LinearClassifier {transform} 3", MachineLearning, "LinearClassifier", [y], [OnnxElementType.String, Float],
                Attribute("coefficients", full.Values[..12]), Attribute("intercepts", [0.1f, 0.2f, 0.3f]),
                Attribute("classlabels_strings", ["a", "b", "c"]), after);
            if (transform is "NONE" or "PROBIT")
            {
                Add($"LinearRegressor {transform}", MachineLearning, "LinearRegressor", [y], [Float],
                    Attribute("coefficients", row.Values), Attribute("intercepts", [0.1f]), after);
            }
            if (transform != "PROBIT")
            {
                Add($"LinearClassifier {transform}", MachineLearning, "LinearClassifier", [y], [Int64, Float],
                    Attribute("coefficients", row.Values), Attribute("intercepts", [0.1f]), Attribute("classlabels_ints", [4L, 5L]), after);
            }
        }
        AssertAgreement();
    }

    [Fact]
    public void Evaluate_ModelsOfOthers_AgreeWithTheReferenceRuntime()
    {
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
        AssertAgreement();

        static Dictionary<string, OnnxTensor> One(string name, OnnxTensor tensor) => new() { [name] = tensor };
    }

    private void AddFile(string file, Func<OnnxModel, Dictionary<string, OnnxTensor>> inputs)
    {
        byte[] bytes = File.ReadAllBytes(RealData.File("models/" + file));
        _cases.Add(new Case(file, bytes, inputs(OnnxModel.Parse(bytes, file))));
    }

    private static AttributeProto[] Bases(int count, float step)
        => count == 0 ? [] : [Attribute("base_values", Enumerable.Range(0, count).Select(i => 0.1f + (step * i)))];

    private static OnnxTensor<float> Scalar(float value) => OnnxTensor.Create<float>([value]);

    private static OnnxTensor<long> List(params long[] values) => OnnxTensor.Create(values, values.Length);

    private void Add(string name, string domain, string type, OnnxTensor[] inputs, OnnxElementType[] outputs, params AttributeProto[] attributes)
    {
        (byte[] model, Dictionary<string, OnnxTensor> values) = Operator(domain, type, inputs, outputs, attributes);
        _cases.Add(new Case(name, model, values));
    }

    /// <summary>Integers and texts equal, floats within a tolerance relative to the greater of the value and 1.</summary>
    private void AssertAgreement()
    {
        (Dictionary<string, OnnxTensor>? Outputs, string? Error)[] theirs = OnnxRuntime.Evaluate(
            [.. _cases.Select(c => (c.Model, (IReadOnlyDictionary<string, OnnxTensor>)c.Inputs))]);
        List<string> failures = [];
        double worst = 0;
        foreach ((Case at, (Dictionary<string, OnnxTensor>? outputs, string? error)) in _cases.Zip(theirs))
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
        output.WriteLine($"{_cases.Count} models, worst difference {worst:g2} of the tolerance");
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
