using System.Runtime.Intrinsics;

namespace ScoringEngine.Core.Numerics;

/// <summary>
/// Elementary functions whose bits do not depend on the C library, the instruction set or the runtime's choice of
/// intrinsics: plain double multiplications and additions in a fixed order. Everything that is scored or trained uses
/// these instead of <see cref="Math"/>; relative error is below 4 units in the last place (of <see cref="Logit"/> near
/// one half, where it passes through 0, only the absolute error is small).
/// </summary>
public static class DeterministicMath
{
    private const double Log2E = 1.4426950408889634074;

    // ln 2 split so that k * Ln2High is exact for |k| <= 1100 (Cody and Waite, 1980, ch. 6).
    private const double Ln2High = 0.693147180369123816490;
    private const double Ln2Low = 1.90821492927058770002e-10;

    /// <summary>e to the power <paramref name="x"/>; +infinity above 709.78, 0 below -745.13, NaN for NaN.</summary>
    public static double Exp(double x)
    {
        if (double.IsNaN(x))
        {
            return double.NaN;
        }
        if (x > 709.782712893384)
        {
            return double.PositiveInfinity;
        }
        if (x < -745.1332191019411)
        {
            return 0;
        }
        double k = Math.Floor((x * Log2E) + 0.5);
        double r = x - (k * Ln2High);
        r -= k * Ln2Low;

        // Taylor series on |r| <= ln2 / 2; the first term left out is below 2^-57.
        double p = 1.0 / 6227020800.0;
        p = (p * r) + (1.0 / 479001600.0);
        p = (p * r) + (1.0 / 39916800.0);
        p = (p * r) + (1.0 / 3628800.0);
        p = (p * r) + (1.0 / 362880.0);
        p = (p * r) + (1.0 / 40320.0);
        p = (p * r) + (1.0 / 5040.0);
        p = (p * r) + (1.0 / 720.0);
        p = (p * r) + (1.0 / 120.0);
        p = (p * r) + (1.0 / 24.0);
        p = (p * r) + (1.0 / 6.0);
        p = (p * r) + 0.5;
        p = (p * r) + 1.0;
        p = (p * r) + 1.0;
        return ScaleByPowerOfTwo(p, (int)k);
    }

    /// <summary>Natural logarithm; -infinity at 0, NaN for negative values and NaN.</summary>
    public static double Log(double x)
    {
        if (double.IsNaN(x) || x < 0)
        {
            return double.NaN;
        }
        if (x == 0)
        {
            return double.NegativeInfinity;
        }
        if (double.IsPositiveInfinity(x))
        {
            return x;
        }
        int exponent = 0;
        if (x < 2.2250738585072014e-308)
        {
            x *= 18014398509481984.0; // 2^54 brings a subnormal into range
            exponent = -54;
        }
        long bits = BitConverter.DoubleToInt64Bits(x);
        exponent += (int)(bits >> 52) - 1023;
        double m = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        if (m > 1.4142135623730951)
        {
            m *= 0.5;
            exponent++;
        }

        // log m = 2 atanh s with s = (m - 1) / (m + 1), |s| <= 0.1716.
        double s = (m - 1) / (m + 1);
        double z = s * s;
        double p = 1.0 / 25.0;
        p = (p * z) + (1.0 / 23.0);
        p = (p * z) + (1.0 / 21.0);
        p = (p * z) + (1.0 / 19.0);
        p = (p * z) + (1.0 / 17.0);
        p = (p * z) + (1.0 / 15.0);
        p = (p * z) + (1.0 / 13.0);
        p = (p * z) + (1.0 / 11.0);
        p = (p * z) + (1.0 / 9.0);
        p = (p * z) + (1.0 / 7.0);
        p = (p * z) + (1.0 / 5.0);
        p = (p * z) + (1.0 / 3.0);
        double twice = 2 * s;
        double logM = twice + (twice * z * p);
        return (exponent * Ln2High) + (logM + (exponent * Ln2Low));
    }

    /// <summary>log(1 + x) without cancellation for small x; -infinity at -1, NaN below.</summary>
    public static double Log1P(double x)
    {
        double u = 1 + x;
        if (u == 1)
        {
            return x;
        }
        double log = Log(u);
        return double.IsFinite(log) ? log - (((u - 1) - x) / u) : log;
    }

    /// <summary>The vector twin of <see cref="Log1P(double)"/>: the same operations lane by lane, hence the same bits.</summary>
    internal static Vector512<double> Log1P(Vector512<double> x)
    {
        Vector512<double> one = Vector512<double>.One;
        Vector512<double> u = one + x;

        // What Log does for arguments that are normal and above 0; 1 + x is never subnormal.
        Vector512<long> bits = u.AsInt64();
        Vector512<double> exponent = Vector512.ConvertToDouble((bits >> 52) - Vector512.Create(1023L));
        Vector512<double> m = ((bits & Vector512.Create(0x000F_FFFF_FFFF_FFFF)) | Vector512.Create(0x3FF0_0000_0000_0000)).AsDouble();
        Vector512<double> isHigh = Vector512.GreaterThan(m, Vector512.Create(1.4142135623730951));
        m = Vector512.ConditionalSelect(isHigh, m * 0.5, m);
        exponent = Vector512.ConditionalSelect(isHigh, exponent + one, exponent);
        Vector512<double> s = (m - one) / (m + one);
        Vector512<double> z = s * s;
        Vector512<double> p = Vector512.Create(1.0 / 25.0);
        for (double divisor = 23; divisor >= 3; divisor -= 2)
        {
            p = (p * z) + Vector512.Create(1 / divisor);
        }
        Vector512<double> twice = s + s;
        Vector512<double> logM = twice + (twice * z * p);
        Vector512<double> log = (exponent * Ln2High) + (logM + (exponent * Ln2Low));

        Vector512<double> result = log - (((u - one) - x) / u);
        result = Vector512.ConditionalSelect(Vector512.Equals(u, one), x, result);
        result = Vector512.ConditionalSelect(Vector512.Equals(u, Vector512.Create(double.PositiveInfinity)), u, result);
        result = Vector512.ConditionalSelect(Vector512.Equals(u, Vector512<double>.Zero), Vector512.Create(double.NegativeInfinity), result);
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(u, Vector512<double>.Zero), result, Vector512.Create(double.NaN));
    }

    /// <summary>The logistic function 1 / (1 + e^-x), 0..1.</summary>
    public static double Sigmoid(double x)
    {
        if (x >= 0)
        {
            return 1 / (1 + Exp(-x));
        }
        double e = Exp(x);
        return e / (1 + e);
    }

    /// <summary>The vector twin of <see cref="Sigmoid(double)"/>: the same operations lane by lane, hence the same bits.</summary>
    internal static Vector512<double> Sigmoid(Vector512<double> x)
    {
        Vector512<double> distance = Vector512.Abs(x);
        if (!Vector512.LessThanOrEqualAll(distance, Vector512.Create(700.0)))
        {
            // NaN, or an exponential that may be subnormal: seldom, so one by one.
            Span<double> lanes = stackalloc double[Vector512<double>.Count];
            x.CopyTo(lanes);
            foreach (ref double lane in lanes)
            {
                lane = Sigmoid(lane);
            }
            return Vector512.Create<double>(lanes);
        }
        Vector512<double> one = Vector512<double>.One;
        Vector512<double> k = Vector512.Floor((-distance * Log2E) + Vector512.Create(0.5));
        Vector512<double> r = -distance - (k * Ln2High);
        r -= k * Ln2Low;
        Vector512<double> p = Vector512.Create(1.0 / 6227020800.0);
        p = (p * r) + Vector512.Create(1.0 / 479001600.0);
        p = (p * r) + Vector512.Create(1.0 / 39916800.0);
        p = (p * r) + Vector512.Create(1.0 / 3628800.0);
        p = (p * r) + Vector512.Create(1.0 / 362880.0);
        p = (p * r) + Vector512.Create(1.0 / 40320.0);
        p = (p * r) + Vector512.Create(1.0 / 5040.0);
        p = (p * r) + Vector512.Create(1.0 / 720.0);
        p = (p * r) + Vector512.Create(1.0 / 120.0);
        p = (p * r) + Vector512.Create(1.0 / 24.0);
        p = (p * r) + Vector512.Create(1.0 / 6.0);
        p = (p * r) + Vector512.Create(0.5);
        p = (p * r) + one;
        p = (p * r) + one;
        Vector512<double> e = p * ((Vector512.ConvertToInt64(k) + Vector512.Create(1023L)) << 52).AsDouble();
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(x, Vector512<double>.Zero), one, e) / (one + e);
    }

    /// <summary>
    /// log(p / (1 - p)) for p between 0 (-infinity) and 1 (+infinity); NaN outside. Absolute error near one half below 1e-15.
    /// </summary>
    public static double Logit(double p) => Log(p / (1 - p));

    private static double ScaleByPowerOfTwo(double value, int k)
    {
        if (k is > -1022 and < 1024)
        {
            return value * BitConverter.Int64BitsToDouble((long)(k + 1023) << 52);
        }
        int half = k / 2;
        return value * BitConverter.Int64BitsToDouble((long)(half + 1023) << 52)
                     * BitConverter.Int64BitsToDouble((long)(k - half + 1023) << 52);
    }
}
