using System.Globalization;

namespace ScoringEngine.Core.Tests.Models;

/// <summary>How long the fuzz tests run: <c>SCORING_ENGINE_FUZZ</c> times as many mutants, of another seed; 1 unless set.</summary>
internal static class Fuzzing
{
    public static int Scale { get; } = Environment.GetEnvironmentVariable("SCORING_ENGINE_FUZZ") is { Length: > 0 } text
        ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : 1;

    /// <summary>0 in a usual run.</summary>
    public static long Seed { get; } = Environment.GetEnvironmentVariable("SCORING_ENGINE_FUZZ_SEED") is { Length: > 0 } text
        ? long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
}
