namespace ScoringEngine.Core.Trees;

/// <summary>How a split of a <see cref="GeneralTree"/> sends a value to the left or to the right.</summary>
[Flags]
public enum SplitRules : byte
{
    /// <summary>Values up to the threshold go left; NaN is missing and goes right.</summary>
    None = 0,

    /// <summary>What is missing goes left.</summary>
    MissingLeft = 1,

    /// <summary>Values of at most 1e-35 in magnitude are missing too (LightGBM's <c>missing_type</c> zero).</summary>
    ZeroIsMissing = 2,

    /// <summary>Members of a category set go left, other values right; NaN is missing.</summary>
    Category = 4,
}
