using System.Collections.Immutable;

namespace ScoringEngine.Core.Rules;

/// <summary>How the value of a feature is compared.</summary>
public enum Comparator
{
    /// <summary>&lt;, numbers and tiers only.</summary>
    Less,

    /// <summary>&lt;=, numbers and tiers only.</summary>
    AtMost,

    /// <summary>&gt;, numbers and tiers only.</summary>
    Greater,

    /// <summary>&gt;=, numbers and tiers only.</summary>
    AtLeast,

    /// <summary>=</summary>
    Equal,

    /// <summary>!=</summary>
    NotEqual,

    /// <summary>in [a, b]</summary>
    In,

    /// <summary>not in [a, b]</summary>
    NotIn,

    /// <summary>is known: never unknown itself.</summary>
    Known,

    /// <summary>is missing: never unknown itself.</summary>
    Missing,
}

/// <summary>How the parts of a rule are joined.</summary>
public enum Junction
{
    /// <summary>Every part.</summary>
    All,

    /// <summary>At least one part.</summary>
    Any,

    /// <summary>No part.</summary>
    None,
}

/// <summary>
/// A condition that people write: comparisons joined by all, any and none. A comparison with a missing value is unknown, whatever is
/// compared, except for is known and is missing. All is false when a part is false, else unknown when a part is unknown, else true; any is true
/// when a part is true, else unknown when one is unknown, else false; none is the opposite of any. Only what is true passes.
/// </summary>
public abstract record Rule
{
    private protected Rule()
    {
    }
}

/// <summary>One comparison of a feature with what is written.</summary>
/// <param name="Text">As written, such as <c>tenure_months >= 12</c>.</param>
/// <param name="Subject">
/// A feature, or where there is none of that name one of <c>segment</c> (an id), <c>tier</c> (ordered from worst to best), <c>expected_profit</c>
/// and <c>potential</c>.
/// </param>
/// <param name="Comparator">How.</param>
/// <param name="Values">Numbers or names as written; one, or any number for in and not in, none for known and missing.</param>
public sealed record Comparison(string Text, string Subject, Comparator Comparator, ImmutableArray<string> Values) : Rule;

/// <summary>Rules joined.</summary>
/// <param name="Junction">How.</param>
/// <param name="Parts">One or more.</param>
public sealed record Compound(Junction Junction, ImmutableArray<Rule> Parts) : Rule;
