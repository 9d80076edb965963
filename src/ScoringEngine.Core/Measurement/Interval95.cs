namespace ScoringEngine.Core.Measurement;

/// <summary>What 95 % intervals are made of. Stateless.</summary>
public static class Interval95
{
    /// <summary>Half-width of the 95 % interval of a normal quantity, in standard deviations.</summary>
    public const double Z = 1.959963984540054;

    // Student's t for 1, 2 and 3 degrees of freedom, where the expansion is not good enough.
    private static readonly double[] FewDegrees = [12.706204736, 4.302652730, 3.182446305];

    /// <summary>The interval of a rate (Wilson, 1927): it covers what it claims also where successes are few or none.</summary>
    /// <param name="successes">0..<paramref name="trials"/>.</param>
    /// <param name="trials">More than 0.</param>
    /// <returns>Lower and upper end, 0..1; the rate is never outside.</returns>
    public static (double Low, double High) Wilson(double successes, double trials)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(trials);
        double rate = successes / trials;
        double spread = Z * Z / trials;
        double centre = (rate + (spread / 2)) / (1 + spread);
        double half = Z * Math.Sqrt((rate * (1 - rate) / trials) + (spread / (4 * trials))) / (1 + spread);
        return (Math.Min(rate, Math.Max(0, centre - half)), Math.Max(rate, Math.Min(1, centre + half)));
    }

    /// <summary>
    /// Half-width of the 95 % interval of Student's t, in standard errors (Abramowitz and Stegun, 26.7.5: Cornish and Fisher's
    /// expansion; within 0.001).
    /// </summary>
    /// <param name="degrees">Degrees of freedom, 1 or more.</param>
    public static double StudentT(int degrees)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(degrees);
        if (degrees <= FewDegrees.Length)
        {
            return FewDegrees[degrees - 1];
        }
        const double Z2 = Z * Z;
        double first = Z * (Z2 + 1) / 4;
        double second = Z * ((((5 * Z2) + 16) * Z2) + 3) / 96;
        double third = Z * ((((((3 * Z2) + 19) * Z2) + 17) * Z2) - 15) / 384;
        double fourth = Z * ((((((((79 * Z2) + 776) * Z2) + 1482) * Z2) - 1920) * Z2) - 945) / 92160;
        return Z + ((first + ((second + ((third + (fourth / degrees)) / degrees)) / degrees)) / degrees);
    }
}
