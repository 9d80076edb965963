using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Features;

/// <summary>
/// A stable 64-bit hash of a customer id: who is held out of training or of treatment follows from it alone, on every
/// machine and release.
/// </summary>
public static class CustomerHash
{
    /// <summary>The hash of a UTF-8 id under a salt: FNV-1a (Fowler, Noll, Vo) finished by SplitMix64.</summary>
    public static ulong Of(ReadOnlySpan<byte> id, long salt = 0)
    {
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte b in id)
        {
            hash = (hash ^ b) * 0x0000_0100_0000_01B3;
        }
        return SeededRandom.Mix(hash ^ SeededRandom.Mix((ulong)salt + 0x9E37_79B9_7F4A_7C15));
    }

    /// <summary>A hash as a number in [0, 1): customers below s are a share s of all.</summary>
    public static double Share(ulong hash) => (hash >> 11) * (1.0 / (1UL << 53));
}
