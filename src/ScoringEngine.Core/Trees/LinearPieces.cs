using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// How a <see cref="LinearStage"/> tells its pieces: by the intervals between cuts of one feature, or by its categories.
/// Immutable and thread-safe.
/// </summary>
public sealed record LinearPieces
{
    private LinearPieces(int feature, bool isCategory, ImmutableArray<float> bounds)
    {
        if (bounds.Length >= LinearStage.MaxPieces)
        {
            throw new ArgumentException($"{bounds.Length + 1} pieces, expected at most {LinearStage.MaxPieces}", nameof(bounds));
        }
        for (int i = 0; i < bounds.Length; i++)
        {
            if (!float.IsFinite(bounds[i]) || (i > 0 && !(bounds[i - 1] < bounds[i])))
            {
                throw new ArgumentException($"bound {i} is not finite or not above the one before it", nameof(bounds));
            }
        }
        Feature = feature;
        IsCategory = isCategory;
        Bounds = bounds;
    }

    /// <summary>A single piece.</summary>
    public static LinearPieces One { get; } = new(-1, false, []);

    /// <summary>Position of the feature in a row; -1 where there is a single piece.</summary>
    public int Feature { get; }

    /// <summary>Whether the bounds are codes of categories rather than cuts.</summary>
    public bool IsCategory { get; }

    /// <summary>
    /// Cuts: a row's piece is the number of cuts below its value. Categories: it is 1 + the position of its code, 0 for
    /// codes not listed. A missing value is in piece 0. Strictly ascending, one fewer than there are pieces.
    /// </summary>
    public ImmutableArray<float> Bounds { get; }

    /// <summary>Number of pieces.</summary>
    public int Count => Bounds.Length + 1;

    /// <summary>Pieces between cuts.</summary>
    /// <exception cref="ArgumentException">The cuts are too many, not finite or not strictly ascending.</exception>
    public static LinearPieces OfCuts(int feature, ImmutableArray<float> cuts)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(feature);
        return new LinearPieces(feature, false, cuts);
    }

    /// <summary>A piece for each of some categories, and one for the rest.</summary>
    /// <exception cref="ArgumentException">The codes are too many, not finite or not strictly ascending.</exception>
    public static LinearPieces OfCategories(int feature, ImmutableArray<float> codes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(feature);
        return new LinearPieces(feature, true, codes);
    }

    /// <summary>The piece of a row.</summary>
    internal int Of(ReadOnlySpan<float> row) => Feature < 0 ? 0 : Of(Bounds.AsSpan(), IsCategory, row[Feature]);

    /// <summary>The piece of a value.</summary>
    internal static int Of(ReadOnlySpan<float> bounds, bool isCategory, float value)
    {
        int piece = 0;
        for (int i = 0; i < bounds.Length; i++)
        {
            piece += isCategory ? (i + 1) * Bit(bounds[i] == value) : Bit(bounds[i] < value);
        }
        return piece;

        static int Bit(bool value) => Unsafe.BitCast<bool, byte>(value);
    }

    /// <summary>The pieces of sixteen rows that are <paramref name="stride"/> apart.</summary>
    internal Vector512<int> Of(ref float rows, int stride)
    {
        Vector512<int> piece = Vector512<int>.Zero;
        if (Feature < 0)
        {
            return piece;
        }
        Vector512<float> value = default;
        for (int r = 0; r < WideLanes.Count; r++)
        {
            Unsafe.Add(ref Unsafe.As<Vector512<float>, float>(ref value), r) = Unsafe.Add(ref rows, (r * stride) + Feature);
        }
        for (int i = 0; i < Bounds.Length; i++)
        {
            Vector512<float> bound = Vector512.Create(Bounds[i]);
            piece += IsCategory
                ? Vector512.Equals(bound, value).AsInt32() & Vector512.Create(i + 1)
                : -Vector512.LessThan(bound, value).AsInt32(); // Comparisons give -1 for true.
        }
        return piece;
    }
}
