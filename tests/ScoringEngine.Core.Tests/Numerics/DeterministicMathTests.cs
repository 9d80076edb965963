using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Numerics;

/// <summary>
/// Against <see cref="Math"/>, whose own error is below 1 unit in the last place (ulp); the documented bound is 4.
/// </summary>
public sealed class DeterministicMathTests
{
    private const long MaxUlps = 4;

    [Fact]
    public void Exp_WholeRange_IsWithinTheBound()
    {
        SeededRandom random = new(1);
        for (int i = 0; i < 200_000; i++)
        {
            double x = -745.2 + (random.NextDouble() * (709.9 + 745.2));
            AssertNear(x, Math.Exp(x), DeterministicMath.Exp(x));
        }
    }

    [Fact]
    public void Exp_EveryMagnitudeOfArgument_IsWithinTheBound()
    {
        foreach (double x in Ulps.AllExponents())
        {
            AssertNear(x, Math.Exp(x), DeterministicMath.Exp(x));
            AssertNear(-x, Math.Exp(-x), DeterministicMath.Exp(-x));
        }
    }

    [Fact]
    public void Log_EveryMagnitude_IsWithinTheBound()
    {
        SeededRandom random = new(2);
        foreach (double x in Ulps.AllExponents())
        {
            AssertNear(x, Math.Log(x), DeterministicMath.Log(x));
        }
        for (int i = 0; i < 200_000; i++)
        {
            double x = BitConverter.Int64BitsToDouble((long)(random.NextUInt64() % 0x7FF0_0000_0000_0000));
            AssertNear(x, Math.Log(x), DeterministicMath.Log(x));
        }
    }

    [Fact]
    public void Log_AroundOneAndTheFold_IsWithinTheBound()
    {
        foreach (double centre in new[] { 0.5, Math.Sqrt(0.5), 1, Math.Sqrt(2), 2, 2.2250738585072014e-308 })
        {
            for (long step = -2000; step <= 2000; step++)
            {
                double x = Ulps.Above(centre, step);
                AssertNear(x, Math.Log(x), DeterministicMath.Log(x));
            }
        }
    }

    [Fact]
    public void Log1P_SmallAndLargeArguments_IsWithinTheBound()
    {
        foreach (double x in Ulps.AllExponents())
        {
            AssertNear(x, Log1P(x), DeterministicMath.Log1P(x));
            if (x < 1)
            {
                AssertNear(-x, Log1P(-x), DeterministicMath.Log1P(-x));
            }
        }

        // The series where it is exact to the last place, Math where 1 + x loses nothing that matters.
        static double Log1P(double x)
            => Math.Abs(x) > 0.5 ? Math.Log(1 + x) : 2 * Math.Atanh(x / (2 + x));
    }

    [Fact]
    public void Sigmoid_WholeRange_IsWithinTheBound()
    {
        for (double x = -745; x <= 745; x += 0.0371)
        {
            double expected = x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));
            AssertNear(x, expected, DeterministicMath.Sigmoid(x));
        }
    }

    [Fact]
    public void Sigmoid_ArgumentAndItsNegative_SumToOne()
    {
        for (double x = 0; x < 50; x += 0.013)
        {
            Assert.Equal(1, DeterministicMath.Sigmoid(x) + DeterministicMath.Sigmoid(-x), 2.5e-16);
        }
    }

    [Fact]
    public void Logit_OfSigmoidAndNearOneHalf_IsTheInverse()
    {
        for (double x = -30; x <= 8; x += 0.01)
        {
            Assert.Equal(x, DeterministicMath.Logit(DeterministicMath.Sigmoid(x)), 1e-12);
        }
        for (double p = 0.4; p < 0.6; p += 0.000_37)
        {
            Assert.Equal(2 * Math.Atanh((2 * p) - 1), DeterministicMath.Logit(p), 1e-15);
        }
        Assert.Equal(0, DeterministicMath.Logit(0.5));
        Assert.Equal(double.NaN, DeterministicMath.Logit(1.5));
        Assert.Equal(double.NaN, DeterministicMath.Logit(-0.5));
        Assert.Equal(double.NegativeInfinity, DeterministicMath.Logit(0));
        Assert.Equal(double.PositiveInfinity, DeterministicMath.Logit(1));
    }

    [Theory]
    [InlineData(double.NaN, double.NaN)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity, 0)]
    [InlineData(0, 1)]
    [InlineData(-0.0, 1)]
    [InlineData(double.Epsilon, 1)]
    [InlineData(-double.Epsilon, 1)]
    [InlineData(709.782712893385, double.PositiveInfinity)]
    [InlineData(double.MaxValue, double.PositiveInfinity)]
    [InlineData(-745.2, 0)]
    [InlineData(double.MinValue, 0)]
    [InlineData(-745.1, double.Epsilon)]
    public void Exp_SpecialValues_AreExact(double x, double expected) => Assert.Equal(expected, DeterministicMath.Exp(x));

    [Fact]
    public void Exp_LargestArgument_IsFinite() => Assert.True(double.IsFinite(DeterministicMath.Exp(709.782712893384)));

    [Theory]
    [InlineData(double.NaN, double.NaN)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity, double.NaN)]
    [InlineData(-double.Epsilon, double.NaN)]
    [InlineData(0, double.NegativeInfinity)]
    [InlineData(-0.0, double.NegativeInfinity)]
    [InlineData(1, 0)]
    public void Log_SpecialValues_AreExact(double x, double expected) => Assert.Equal(expected, DeterministicMath.Log(x));

    [Theory]
    [InlineData(double.NaN, double.NaN)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity, double.NaN)]
    [InlineData(-1.5, double.NaN)]
    [InlineData(-1, double.NegativeInfinity)]
    [InlineData(0, 0)]
    [InlineData(1e-300, 1e-300)]
    [InlineData(-1e-20, -1e-20)]
    public void Log1P_SpecialValues_AreExact(double x, double expected) => Assert.Equal(expected, DeterministicMath.Log1P(x));

    [Theory]
    [InlineData(double.NaN, double.NaN)]
    [InlineData(double.PositiveInfinity, 1)]
    [InlineData(double.NegativeInfinity, 0)]
    [InlineData(0, 0.5)]
    public void Sigmoid_SpecialValues_AreExact(double x, double expected) => Assert.Equal(expected, DeterministicMath.Sigmoid(x));

    [Fact]
    public void Functions_AroundTheirBranchPoints_NeverStepDown()
    {
        // Steps of 16 ulps are beyond what the error of 4 ulps can turn round.
        AssertMonotone(DeterministicMath.Exp, [.. Enumerable.Range(0, 1000).Select(k => (k + 0.5) * Math.Log(2)).Where(x => x < 709)]);
        AssertMonotone(x => -DeterministicMath.Exp(-x), [.. Enumerable.Range(0, 1000).Select(k => (k + 0.5) * Math.Log(2)), 708.4]);
        AssertMonotone(DeterministicMath.Log, [0.5, Math.Sqrt(0.5), 1, Math.Sqrt(2), 2, 2.2250738585072014e-308]);
        AssertMonotone(DeterministicMath.Log1P, [1.1102230246251565e-16, 2.220446049250313e-16, 1, Math.Sqrt(2) - 1]);
        AssertMonotone(DeterministicMath.Sigmoid, [1e-300, 1e-17, 0.5 * Math.Log(2), 36.7]);
        AssertMonotone(x => -DeterministicMath.Sigmoid(-x), [1e-300, 1e-17, 0.5 * Math.Log(2), 36.7, 708.4]);

        static void AssertMonotone(Func<double, double> function, double[] centres)
        {
            foreach (double centre in centres)
            {
                double previous = double.NegativeInfinity;
                for (long step = -100; step <= 100; step++)
                {
                    double value = function(Ulps.Above(centre, 16 * step));
                    if (!(value >= previous))
                    {
                        Assert.Fail($"steps down near {centre:R}");
                    }
                    previous = value;
                }
            }
        }
    }

    // Bits of the same formulas in another language (Python, IEEE doubles): they must not change, or every trained model
    // would.
    [Theory]
    [InlineData(0.1, 0x3FF1AEC7B35A00D4UL)]
    [InlineData(1, 0x4005BF0A8B14576AUL)]
    [InlineData(-1, 0x3FD78B56362CEF38UL)]
    [InlineData(20.25, 0x41C290D76D1966AAUL)]
    [InlineData(-700.5, 0x00C4FF475C68CA02UL)]
    [InlineData(-744, 0x0000000000000002UL)]
    [InlineData(709.5, 0x7FE81E9B4B52D0C9UL)]
    public void Exp_KnownArguments_HasItsGoldenBits(double x, ulong bits)
        => Assert.Equal(bits, BitConverter.DoubleToUInt64Bits(DeterministicMath.Exp(x)));

    [Theory]
    [InlineData(0.1, 0xC0026BB1BBB55515UL)]
    [InlineData(2, 0x3FE62E42FEFA39EFUL)]
    [InlineData(10, 0x40026BB1BBB55516UL)]
    [InlineData(1.4142135623730951, 0x3FD62E42FEFA39F1UL)]
    [InlineData(1.0000000001, 0x3DDB7CDFFFFA18D8UL)]
    [InlineData(1e300, 0x4085963447F87FB5UL)]
    [InlineData(5e-324, 0xC0874385446D71C3UL)]
    public void Log_KnownArguments_HasItsGoldenBits(double x, ulong bits)
        => Assert.Equal(bits, BitConverter.DoubleToUInt64Bits(DeterministicMath.Log(x)));

    [Theory]
    [InlineData(1e-9, 0x3E112E0BE801F1D9UL)]
    [InlineData(0.3, 0x3FD0CA937BE1B9DCUL)]
    [InlineData(-0.75, 0xBFF62E42FEFA39EFUL)]
    [InlineData(12345.678, 0x4022D79FF745B2FDUL)]
    public void Log1P_KnownArguments_HasItsGoldenBits(double x, ulong bits)
        => Assert.Equal(bits, BitConverter.DoubleToUInt64Bits(DeterministicMath.Log1P(x)));

    [Theory]
    [InlineData(0.3, 0x3FE261D545E46A8BUL)]
    [InlineData(-2.7, 0x3FB01F0598C8BEEFUL)]
    [InlineData(-40, 0x3C539792499B1A24UL)]
    public void Sigmoid_KnownArguments_HasItsGoldenBits(double x, ulong bits)
        => Assert.Equal(bits, BitConverter.DoubleToUInt64Bits(DeterministicMath.Sigmoid(x)));

    private static void AssertNear(double x, double expected, double actual)
    {
        long ulps = Ulps.Between(expected, actual);
        if (!(ulps <= MaxUlps))
        {
            Assert.Fail($"at {x:R}: {actual:R} is {ulps} ulps from {expected:R}");
        }
    }
}
