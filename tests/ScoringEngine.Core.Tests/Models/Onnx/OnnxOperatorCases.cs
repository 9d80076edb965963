using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Models.Onnx.Format;
using static ScoringEngine.Core.Models.Onnx.OnnxGraphBuilder;
using static ScoringEngine.Core.Tests.Models.Onnx.OnnxCases;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>A model and its inputs.</summary>
/// <param name="Name">What the case is about.</param>
/// <param name="Model">The file.</param>
/// <param name="Inputs">A tensor for each input.</param>
/// <param name="ScoresOnly">Whether the first output, the label, is not to be compared.</param>
internal sealed record OnnxCase(string Name, byte[] Model, Dictionary<string, OnnxTensor> Inputs, bool ScoresOnly = false);

/// <summary>A case for every operator and nearly every way to use it.</summary>
internal sealed class OnnxOperatorCases
{
    private const OnnxElementType Float = OnnxElementType.Float;
    private const OnnxElementType Bool = OnnxElementType.Bool;
    private const OnnxElementType Int64 = OnnxElementType.Int64;

    private static readonly string[] Transforms = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"];

    private readonly List<OnnxCase> _cases = [];

    public static List<OnnxCase> Trees()
    {
        OnnxOperatorCases all = new();
        all.AddTrees();
        return all._cases;
    }

    public static List<OnnxCase> Others()
    {
        OnnxOperatorCases all = new();
        all.AddOthers();
        return all._cases;
    }

    private void AddTrees()
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
    }

    private void AddOthers()
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
    }

    private void Add(string name, string domain, string type, OnnxTensor[] inputs, OnnxElementType[] outputs, params AttributeProto[] attributes)
    {
        (byte[] model, Dictionary<string, OnnxTensor> values) = Operator(domain, type, inputs, outputs, attributes);
        _cases.Add(new OnnxCase(name, model, values));
    }

    private static AttributeProto[] Bases(int count, float step)
        => count == 0 ? [] : [Attribute("base_values", Enumerable.Range(0, count).Select(i => 0.1f + (step * i)))];

    private static OnnxTensor<float> Scalar(float value) => OnnxTensor.Create<float>([value]);

    private static OnnxTensor<long> List(params long[] values) => OnnxTensor.Create(values, values.Length);
}
