using System.Numerics;

namespace ScoringEngine.Core.Numerics;

/// <summary>
/// xoshiro256** (Blackman and Vigna, 2018) seeded through SplitMix64: the same numbers for the same seed on every
/// platform and release. A mutable struct: pass it by reference. Give each independent stream (a start of k-means, a
/// customer) its own <c>stream</c> so that results do not depend on the order of work.
/// </summary>
public struct SeededRandom
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    /// <summary>Stream <paramref name="stream"/> of the seed.</summary>
    public SeededRandom(long seed, long stream = 0)
    {
        ulong state = Mix((ulong)seed) ^ Mix((ulong)stream + 0x9E37_79B9_7F4A_7C15);
        _a = Mix(state += 0x9E37_79B9_7F4A_7C15);
        _b = Mix(state += 0x9E37_79B9_7F4A_7C15);
        _c = Mix(state += 0x9E37_79B9_7F4A_7C15);
        _d = Mix(state + 0x9E37_79B9_7F4A_7C15) | 1;
    }

    /// <summary>The SplitMix64 finaliser: a bijective mixing of 64 bits, usable as a hash.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>64 uniform bits.</summary>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        ulong t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1) with 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0..<paramref name="bound"/>-1 without bias (Lemire, 2019).</summary>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        ulong b = (ulong)bound;
        ulong high = Math.BigMul(NextUInt64(), b, out ulong low);
        if (low < b)
        {
            ulong threshold = (0UL - b) % b;
            while (low < threshold)
            {
                high = Math.BigMul(NextUInt64(), b, out low);
            }
        }
        return (int)high;
    }

    /// <summary>Standard normal, by the polar method (Marsaglia, 1964), one value a call.</summary>
    public double NextNormal()
    {
        while (true)
        {
            double x = (2 * NextDouble()) - 1;
            double y = (2 * NextDouble()) - 1;
            double s = (x * x) + (y * y);
            if (s is > 0 and < 1)
            {
                return x * Math.Sqrt(-2 * DeterministicMath.Log(s) / s);
            }
        }
    }

    /// <summary>Fisher-Yates shuffle.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
