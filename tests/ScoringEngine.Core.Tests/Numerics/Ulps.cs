namespace ScoringEngine.Core.Tests.Numerics;

/// <summary>Distances in units in the last place, and grids of doubles that reach every exponent.</summary>
internal static class Ulps
{
    /// <summary>How many representable doubles lie from <paramref name="a"/> to <paramref name="b"/>; 0 for +0 and -0.</summary>
    public static long Between(double a, double b) => Math.Abs(Ordered(a) - Ordered(b));

    /// <summary>The double that lies <paramref name="steps"/> representable doubles above a positive one.</summary>
    public static double Above(double positive, long steps)
        => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(positive) + steps);

    /// <summary>Positive doubles, three for each binary exponent from the smallest subnormal to the largest finite one.</summary>
    public static IEnumerable<double> AllExponents()
    {
        for (int exponent = -1074; exponent <= 1023; exponent++)
        {
            double power = Math.ScaleB(1, exponent);
            yield return power;
            yield return power * 1.25;
            yield return power * 1.9999999;
        }
    }

    private static long Ordered(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        return bits >= 0 ? bits : long.MinValue - bits;
    }
}
