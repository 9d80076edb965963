namespace ScoringEngine.Core.Rules;

/// <summary>What a rule says of a customer: three-valued, for values may be missing.</summary>
public enum Truth : byte
{
    /// <summary>It does not hold, whatever the missing values are.</summary>
    False,

    /// <summary>It depends on a missing value. A candidate passes true rules only.</summary>
    Unknown,

    /// <summary>It holds, whatever the missing values are.</summary>
    True,
}
