using System.Numerics;
using ScoringEngine.Core.Models.Onnx.Format;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Computes the outputs of one node from its inputs; null is an absent optional input.</summary>
/// <exception cref="InvalidDataException">The inputs do not fit the operator.</exception>
internal delegate OnnxTensor[] OnnxKernel(OnnxTensor?[] inputs);

/// <summary>The operators that are supported, by domain and name.</summary>
internal static class OnnxOperators
{
    private const string MachineLearning = "ai.onnx.ml";

    /// <summary>How an operator is built, and how many inputs and outputs it may have.</summary>
    private sealed record Entry(int MinInputs, int MaxInputs, int MaxOutputs, Func<OnnxNode, OnnxKernel> Build);

    private static readonly Dictionary<(string Domain, string Name), Entry> Entries = new()
    {
        [("", "Add")] = Binary(Elementwise.Arithmetic<Add>),
        [("", "Sub")] = Binary(Elementwise.Arithmetic<Subtract>),
        [("", "Mul")] = Binary(Elementwise.Arithmetic<Multiply>),
        [("", "Div")] = Binary(Elementwise.Arithmetic<Divide>),
        [("", "Pow")] = Binary(Elementwise.Pow),
        [("", "Max")] = new(1, int.MaxValue, 1, Elementwise.Fold<Maximum>),
        [("", "Min")] = new(1, int.MaxValue, 1, Elementwise.Fold<Minimum>),
        [("", "Sum")] = new(1, int.MaxValue, 1, Elementwise.Fold<Add>),
        [("", "Equal")] = Binary(Elementwise.Equal),
        [("", "Less")] = Binary(Elementwise.Compare<Less>),
        [("", "LessOrEqual")] = Binary(Elementwise.Compare<LessOrEqual>),
        [("", "Greater")] = Binary(Elementwise.Compare<Greater>),
        [("", "GreaterOrEqual")] = Binary(Elementwise.Compare<GreaterOrEqual>),
        [("", "And")] = Binary((a, b) => Elementwise.Logic(a, b, (x, y) => x & y)),
        [("", "Or")] = Binary((a, b) => Elementwise.Logic(a, b, (x, y) => x | y)),
        [("", "Xor")] = Binary((a, b) => Elementwise.Logic(a, b, (x, y) => x ^ y)),
        [("", "Not")] = Unary(a => Elementwise.Map(a.As<bool>(), x => !x)),
        [("", "Where")] = new(3, 3, 1, Elementwise.Where),
        [("", "IsNaN")] = Unary(Elementwise.IsNaN),
        [("", "Neg")] = Unary(Elementwise.Signed<Negate>),
        [("", "Abs")] = Unary(Elementwise.Signed<Absolute>),
        [("", "Sign")] = Unary(Elementwise.Signed<SignOf>),
        [("", "Relu")] = Unary(a => Elementwise.Real(a, x => x < 0 ? 0 : x)),
        [("", "Sqrt")] = Unary(a => Elementwise.Real(a, Math.Sqrt)),
        [("", "Reciprocal")] = Unary(a => Elementwise.Real(a, x => 1 / x)),
        [("", "Floor")] = Unary(a => Elementwise.Real(a, Math.Floor)),
        [("", "Ceil")] = Unary(a => Elementwise.Real(a, Math.Ceiling)),
        [("", "Round")] = Unary(a => Elementwise.Real(a, x => Math.Round(x, MidpointRounding.ToEven))),
        [("", "Exp")] = Unary(a => Elementwise.Real(a, DeterministicMath.Exp)),
        [("", "Log")] = Unary(a => Elementwise.Real(a, DeterministicMath.Log)),
        [("", "Sigmoid")] = Unary(a => Elementwise.Real(a, DeterministicMath.Sigmoid)),
        [("", "Tanh")] = Unary(a => Elementwise.Real(a, Elementwise.Tanh)),
        [("", "Clip")] = new(1, 3, 1, Elementwise.Clip),
        [("", "Cast")] = new(1, 1, 1, Casting.Cast),
        [("", "Identity")] = Unary(a => a),
        [("", "Softmax")] = new(1, 1, 1, Reductions.Softmax),
        [("", "ReduceSum")] = new(1, 2, 1, n => Reductions.Reduce(n, 13, (v, _) => Reductions.Sum(v, x => x))),
        [("", "ReduceSumSquare")] = new(1, 2, 1, n => Reductions.Reduce(n, 18, (v, _) => Reductions.Sum(v, x => x * x))),
        [("", "ReduceL1")] = new(1, 2, 1, n => Reductions.Reduce(n, 18, (v, _) => Reductions.Sum(v, Math.Abs))),
        [("", "ReduceL2")] = new(1, 2, 1, n => Reductions.Reduce(n, 18, (v, _) => MathF.Sqrt(Reductions.Sum(v, x => x * x)))),
        [("", "ReduceMean")] = new(1, 2, 1, n => Reductions.Reduce(n, 18, (v, count) => Reductions.Sum(v, x => x) / count)),
        [("", "ReduceMax")] = new(1, 2, 1, n => Reductions.Reduce(n, 18, (v, _) => Reductions.Extreme(v, MathF.Max))),
        [("", "ReduceMin")] = new(1, 2, 1, n => Reductions.Reduce(n, 18, (v, _) => Reductions.Extreme(v, MathF.Min))),
        [("", "ArgMax")] = new(1, 1, 1, n => Reductions.ArgExtreme(n, sign: 1)),
        [("", "ArgMin")] = new(1, 1, 1, n => Reductions.ArgExtreme(n, sign: -1)),
        [("", "TopK")] = new(1, 2, 2, Reductions.TopK),
        [("", "MatMul")] = Binary(LinearAlgebra.MatMul),
        [("", "Gemm")] = new(2, 3, 1, LinearAlgebra.Gemm),
        [("", "Constant")] = new(0, 0, 1, Shapes.Constant),
        [("", "Shape")] = Unary(Shapes.Shape),
        [("", "Reshape")] = new(2, 2, 1, Shapes.Reshape),
        [("", "Flatten")] = new(1, 1, 1, Shapes.Flatten),
        [("", "Squeeze")] = new(1, 2, 1, Shapes.Squeeze),
        [("", "Unsqueeze")] = new(1, 2, 1, Shapes.Unsqueeze),
        [("", "Transpose")] = new(1, 1, 1, Shapes.Transpose),
        [("", "Concat")] = new(1, int.MaxValue, 1, Shapes.Concat),
        [("", "Gather")] = new(2, 2, 1, Shapes.Gather),
        [(MachineLearning, "ArrayFeatureExtractor")] = new(2, 2, 1, Encoders.ArrayFeatureExtractor),
        [(MachineLearning, "Binarizer")] = new(1, 1, 1, Encoders.Binarizer),
        [(MachineLearning, "FeatureVectorizer")] = new(1, int.MaxValue, 1, Encoders.FeatureVectorizer),
        [(MachineLearning, "Imputer")] = new(1, 1, 1, Encoders.Imputer),
        [(MachineLearning, "LabelEncoder")] = new(1, 1, 1, LabelEncoder.Build),
        [(MachineLearning, "LinearClassifier")] = new(1, 1, 2, LinearModels.Classifier),
        [(MachineLearning, "LinearRegressor")] = new(1, 1, 1, LinearModels.Regressor),
        [(MachineLearning, "Normalizer")] = new(1, 1, 1, Encoders.Normalizer),
        [(MachineLearning, "OneHotEncoder")] = new(1, 1, 1, Encoders.OneHotEncoder),
        [(MachineLearning, "Scaler")] = new(1, 1, 1, Encoders.Scaler),
        [(MachineLearning, "TreeEnsembleClassifier")] = new(1, 1, 2, TreeEnsemble.Classifier),
        [(MachineLearning, "TreeEnsembleRegressor")] = new(1, 1, 1, TreeEnsemble.Regressor),
        [(MachineLearning, "ZipMap")] = new(1, 1, 1, ZipMap.Build),
    };

    /// <summary>The version that a model imports of each domain.</summary>
    /// <exception cref="InvalidDataException">A version or domain is not supported.</exception>
    public static Dictionary<string, long> Versions(IEnumerable<OperatorSetIdProto> imports)
    {
        Dictionary<string, long> versions = new(StringComparer.Ordinal);
        foreach (OperatorSetIdProto import in imports)
        {
            string domain = Domain(import.Domain);
            (long minimum, long maximum) = domain switch
            {
                "" => (7L, 22L),
                MachineLearning => (1L, 4L),

                // Converters import domains that they do not use; a node of such a domain is refused below.
                _ => (long.MinValue, long.MaxValue),
            };
            if (import.Version < minimum || import.Version > maximum)
            {
                throw new InvalidDataException(
                    $"operator set {(domain.Length > 0 ? domain : "ai.onnx")} {import.Version} is not supported, expected {minimum} to {maximum}");
            }
            if (!versions.TryAdd(domain, import.Version))
            {
                throw new InvalidDataException($"operator set '{domain}' is imported twice");
            }
        }
        return versions;
    }

    /// <summary>Builds the operator of a node.</summary>
    /// <exception cref="InvalidDataException">The operator, or the way it is used, is not supported.</exception>
    public static OnnxKernel Build(NodeProto message, Dictionary<string, long> versions)
    {
        string domain = Domain(message.Domain);
        if (!Entries.TryGetValue((domain, message.OpType), out Entry? entry))
        {
            throw new InvalidDataException("the operator is not supported");
        }
        if (!versions.TryGetValue(domain, out long version))
        {
            throw new InvalidDataException("the model does not import the operator's domain");
        }
        if (message.Input.Count < entry.MinInputs || message.Input.Count > entry.MaxInputs
            || message.Input.Take(entry.MinInputs).Any(i => i.Length == 0))
        {
            throw new InvalidDataException($"{message.Input.Count} inputs, or an absent one");
        }
        if (message.Output.Count == 0 || message.Output.Count > entry.MaxOutputs)
        {
            throw new InvalidDataException($"{message.Output.Count} outputs, expected 1 to {entry.MaxOutputs}");
        }
        OnnxNode node = new(message, version);
        OnnxKernel kernel = entry.Build(node);
        node.RequireAllRead();
        return kernel;
    }

    private static string Domain(string domain) => domain == "ai.onnx" ? "" : domain;

    private static Entry Unary(Func<OnnxTensor, OnnxTensor> apply) => new(1, 1, 1, _ => inputs => [apply(inputs[0]!)]);

    private static Entry Binary(Func<OnnxTensor, OnnxTensor, OnnxTensor> apply)
        => new(2, 2, 1, _ => inputs => [apply(inputs[0]!, inputs[1]!)]);

    internal readonly struct Add : IBinaryOperator
    {
        public static T Apply<T>(T a, T b) where T : INumber<T> => a + b;
    }

    internal readonly struct Subtract : IBinaryOperator
    {
        public static T Apply<T>(T a, T b) where T : INumber<T> => a - b;
    }

    internal readonly struct Multiply : IBinaryOperator
    {
        public static T Apply<T>(T a, T b) where T : INumber<T> => a * b;
    }

    internal readonly struct Divide : IBinaryOperator
    {
        public static T Apply<T>(T a, T b) where T : INumber<T>
        {
            // -1 as well: the smallest integer divided by it overflows.
            bool integer = T.IsZero(T.One / (T.One + T.One));
            return integer && T.IsZero(b) ? throw new InvalidDataException("division by zero")
                : integer && b + T.One == T.Zero ? T.Zero - a
                : a / b;
        }
    }

    internal readonly struct Maximum : IBinaryOperator
    {
        public static T Apply<T>(T a, T b) where T : INumber<T> => T.Max(a, b);
    }

    internal readonly struct Minimum : IBinaryOperator
    {
        public static T Apply<T>(T a, T b) where T : INumber<T> => T.Min(a, b);
    }

    internal readonly struct Less : IComparison
    {
        public static bool Holds<T>(T a, T b) where T : INumber<T> => a < b;
    }

    internal readonly struct LessOrEqual : IComparison
    {
        public static bool Holds<T>(T a, T b) where T : INumber<T> => a <= b;
    }

    internal readonly struct Greater : IComparison
    {
        public static bool Holds<T>(T a, T b) where T : INumber<T> => a > b;
    }

    internal readonly struct GreaterOrEqual : IComparison
    {
        public static bool Holds<T>(T a, T b) where T : INumber<T> => a >= b;
    }

    internal readonly struct Negate : IUnaryOperator
    {
        public static T Apply<T>(T a) where T : INumber<T> => -a;
    }

    internal readonly struct Absolute : IUnaryOperator
    {
        // Not T.Abs, which refuses the smallest integer.
        public static T Apply<T>(T a) where T : INumber<T> => T.IsNegative(a) ? -a : a;
    }

    internal readonly struct SignOf : IUnaryOperator
    {
        public static T Apply<T>(T a) where T : INumber<T> => a > T.Zero ? T.One : a < T.Zero ? -T.One : a;
    }
}
