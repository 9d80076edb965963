using System.Collections.Immutable;
using System.Numerics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>An operator on two numbers of one type.</summary>
internal interface IBinaryOperator
{
    static abstract T Apply<T>(T a, T b) where T : INumber<T>;
}

/// <summary>An operator on one number.</summary>
internal interface IUnaryOperator
{
    static abstract T Apply<T>(T a) where T : INumber<T>;
}

/// <summary>A relation between two numbers; false where one is NaN.</summary>
internal interface IComparison
{
    static abstract bool Holds<T>(T a, T b) where T : INumber<T>;
}

/// <summary>Operators that work element by element, with broadcasting.</summary>
internal static class Elementwise
{
    public static OnnxTensor Arithmetic<TOperator>(OnnxTensor a, OnnxTensor b)
        where TOperator : IBinaryOperator
        => a switch
        {
            OnnxTensor<float> x => Zip(x, b.As<float>(), TOperator.Apply),
            OnnxTensor<double> x => Zip(x, b.As<double>(), TOperator.Apply),
            OnnxTensor<long> x => Zip(x, b.As<long>(), TOperator.Apply),
            OnnxTensor<int> x => Zip(x, b.As<int>(), TOperator.Apply),
            _ => throw Unsupported(a),
        };

    public static OnnxTensor Compare<TComparison>(OnnxTensor a, OnnxTensor b)
        where TComparison : IComparison
        => a switch
        {
            OnnxTensor<float> x => Zip(x, b.As<float>(), TComparison.Holds),
            OnnxTensor<double> x => Zip(x, b.As<double>(), TComparison.Holds),
            OnnxTensor<long> x => Zip(x, b.As<long>(), TComparison.Holds),
            OnnxTensor<int> x => Zip(x, b.As<int>(), TComparison.Holds),
            _ => throw Unsupported(a),
        };

    public static OnnxTensor Equal(OnnxTensor a, OnnxTensor b) => a switch
    {
        OnnxTensor<float> x => Zip(x, b.As<float>(), (p, q) => p == q),
        OnnxTensor<double> x => Zip(x, b.As<double>(), (p, q) => p == q),
        OnnxTensor<long> x => Zip(x, b.As<long>(), (p, q) => p == q),
        OnnxTensor<int> x => Zip(x, b.As<int>(), (p, q) => p == q),
        OnnxTensor<uint> x => Zip(x, b.As<uint>(), (p, q) => p == q),
        OnnxTensor<bool> x => Zip(x, b.As<bool>(), (p, q) => p == q),
        OnnxTensor<string> x => Zip(x, b.As<string>(), string.Equals),
        _ => throw Unsupported(a),
    };

    public static OnnxTensor Logic(OnnxTensor a, OnnxTensor b, Func<bool, bool, bool> apply) => Zip(a.As<bool>(), b.As<bool>(), apply);

    /// <summary>The operator over any number of inputs, from left to right.</summary>
    public static OnnxKernel Fold<TOperator>(OnnxNode node)
        where TOperator : IBinaryOperator
        => inputs => [inputs.Select(Required).Aggregate(Arithmetic<TOperator>)];

    public static OnnxTensor Signed<TOperator>(OnnxTensor a)
        where TOperator : IUnaryOperator
        => a switch
        {
            OnnxTensor<float> x => Map(x, TOperator.Apply),
            OnnxTensor<double> x => Map(x, TOperator.Apply),
            OnnxTensor<long> x => Map(x, TOperator.Apply),
            OnnxTensor<int> x => Map(x, TOperator.Apply),
            _ => throw Unsupported(a),
        };

    /// <summary>A function of real numbers, computed in double precision and rounded once.</summary>
    public static OnnxTensor Real(OnnxTensor a, Func<double, double> apply) => a switch
    {
        OnnxTensor<float> x => Map(x, v => (float)apply(v)),
        OnnxTensor<double> x => Map(x, apply),
        _ => throw Unsupported(a),
    };

    public static OnnxTensor IsNaN(OnnxTensor a) => a switch
    {
        OnnxTensor<float> x => Map(x, float.IsNaN),
        OnnxTensor<double> x => Map(x, double.IsNaN),
        _ => throw Unsupported(a),
    };

    public static double Tanh(double x)
    {
        // The quotient of exponentials cancels near 0, where the series x - x^3/3 + 2x^5/15 - 17x^7/315 is exact.
        if (Math.Abs(x) < 0.02)
        {
            double z = x * x;
            return x * (1 - (z * ((1.0 / 3) - (z * ((2.0 / 15) - (z * (17.0 / 315)))))));
        }
        double e = DeterministicMath.Exp(-2 * Math.Abs(x));
        return Math.CopySign((1 - e) / (1 + e), x);
    }

    /// <summary>a to the power b, in the type of a; the exponent may be of another type.</summary>
    public static OnnxTensor Pow(OnnxTensor a, OnnxTensor b)
    {
        OnnxTensor<double> exponents = Casting.ToDouble(b);
        return a switch
        {
            OnnxTensor<float> x => Zip(x, exponents, (p, q) => (float)Power(p, q)),
            OnnxTensor<double> x => Zip(x, exponents, Power),
            _ => throw Unsupported(a),
        };
    }

    public static OnnxKernel Where(OnnxNode node) => inputs =>
    {
        OnnxTensor<bool> condition = inputs[0]!.As<bool>();
        return [(inputs[1], inputs[2]) switch
        {
            (OnnxTensor<float> a, OnnxTensor<float> b) => Choose(condition, a, b),
            (OnnxTensor<double> a, OnnxTensor<double> b) => Choose(condition, a, b),
            (OnnxTensor<long> a, OnnxTensor<long> b) => Choose(condition, a, b),
            (OnnxTensor<int> a, OnnxTensor<int> b) => Choose(condition, a, b),
            (OnnxTensor<string> a, OnnxTensor<string> b) => Choose(condition, a, b),
            (OnnxTensor a, OnnxTensor b) => throw new InvalidDataException($"choice between {a.ElementType} and {b.ElementType} elements"),
            _ => throw new InvalidDataException("an input is absent"),
        }];
    };

    public static OnnxKernel Clip(OnnxNode node)
    {
        // Bounds are attributes before version 11 and inputs since.
        bool attributes = node.Version < 11;
        if (attributes && node.Inputs > 1)
        {
            throw new InvalidDataException("bounds as inputs before operator set 11");
        }
        OnnxTensor? minimum = attributes ? OnnxTensor.Create<float>([node.Float("min", float.MinValue)]) : null;
        OnnxTensor? maximum = attributes ? OnnxTensor.Create<float>([node.Float("max", float.MaxValue)]) : null;
        return inputs =>
        {
            OnnxTensor result = inputs[0]!;
            OnnxTensor? low = attributes ? minimum : inputs.ElementAtOrDefault(1);
            OnnxTensor? high = attributes ? maximum : inputs.ElementAtOrDefault(2);
            result = low is null ? result : Arithmetic<OnnxOperators.Maximum>(result, Scalar(low));
            return [high is null ? result : Arithmetic<OnnxOperators.Minimum>(result, Scalar(high))];
        };

        static OnnxTensor Scalar(OnnxTensor bound)
            => bound.Length == 1 ? bound.Reshape([]) : throw new InvalidDataException("a bound is no single number");
    }

    public static OnnxTensor<TOut> Map<T, TOut>(OnnxTensor<T> a, Func<T, TOut> apply)
    {
        OnnxTensor<TOut> result = new(a.Dimensions);
        for (int i = 0; i < result.Length; i++)
        {
            result.Values[i] = apply(a.Values[i]);
        }
        return result;
    }

    public static InvalidDataException Unsupported(OnnxTensor tensor) => new($"{tensor.ElementType} elements are not supported here");

    public static OnnxTensor Required(OnnxTensor? tensor) => tensor ?? throw new InvalidDataException("an input is absent");

    private static OnnxTensor<TOut> Zip<T, TOther, TOut>(OnnxTensor<T> a, OnnxTensor<TOther> b, Func<T, TOther, TOut> apply)
    {
        ImmutableArray<int> dimensions = Broadcast.Dimensions(a, b);
        OnnxTensor<TOut> result = new(dimensions);
        int[]? offsetsA = Broadcast.Offsets(a, dimensions);
        int[]? offsetsB = Broadcast.Offsets(b, dimensions);
        for (int i = 0; i < result.Length; i++)
        {
            result.Values[i] = apply(a.Values[offsetsA?[i] ?? i], b.Values[offsetsB?[i] ?? i]);
        }
        return result;
    }

    private static OnnxTensor<T> Choose<T>(OnnxTensor<bool> condition, OnnxTensor<T> a, OnnxTensor<T> b)
    {
        ImmutableArray<int> dimensions = Broadcast.Dimensions(condition, a, b);
        OnnxTensor<T> result = new(dimensions);
        int[]? offsets = Broadcast.Offsets(condition, dimensions);
        int[]? offsetsA = Broadcast.Offsets(a, dimensions);
        int[]? offsetsB = Broadcast.Offsets(b, dimensions);
        for (int i = 0; i < result.Length; i++)
        {
            result.Values[i] = condition.Values[offsets?[i] ?? i] ? a.Values[offsetsA?[i] ?? i] : b.Values[offsetsB?[i] ?? i];
        }
        return result;
    }

    private static double Power(double x, double y)
    {
        // Small whole exponents, which are the usual ones, by multiplication.
        if (y == Math.Floor(y) && Math.Abs(y) <= 16)
        {
            double product = 1;
            for (int i = 0; i < Math.Abs(y); i++)
            {
                product *= x;
            }
            return y < 0 ? 1 / product : product;
        }
        if (y == 0.5)
        {
            return Math.Sqrt(x);
        }
        if (x == 1)
        {
            return 1;
        }
        double power = DeterministicMath.Exp(y * DeterministicMath.Log(Math.Abs(x)));
        bool odd = Math.Abs(y % 2) == 1;
        return x >= 0 || double.IsNaN(x) ? power
            : y == Math.Floor(y) ? (odd ? -power : power)
            : double.IsInfinity(x) ? power
            : double.NaN;
    }
}
