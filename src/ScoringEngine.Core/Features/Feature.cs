using System.Collections.Immutable;

namespace ScoringEngine.Core.Features;

/// <summary>How a feature's float32 value is to be read.</summary>
public enum FeatureKind
{
    /// <summary>A number.</summary>
    Numeric,

    /// <summary>A code: the index into <see cref="Feature.Categories"/>, as a float.</summary>
    Categorical,

    /// <summary>0 or 1.</summary>
    Boolean,
}

/// <summary>What happens to a row in which the feature is absent.</summary>
public enum MissingHandling
{
    /// <summary>NaN is a value like any other: models have a place for it.</summary>
    Allow,

    /// <summary>The row is rejected.</summary>
    Reject,
}

/// <summary>
/// One column of the feature schema. Values are float32; missing is NaN; infinity is never a value.
/// </summary>
public sealed record Feature
{
    /// <summary>Permanent id, 1 or more, never reused for another meaning.</summary>
    public required int Id { get; init; }

    /// <summary>Column name in files and field name in calls.</summary>
    public required string Name { get; init; }

    /// <summary>How the value is to be read.</summary>
    public required FeatureKind Kind { get; init; }

    /// <summary>Unit for people, such as "months" or "EUR"; null when it has none.</summary>
    public string? Unit { get; init; }

    /// <summary>What happens to a row without this feature.</summary>
    public MissingHandling Missing { get; init; } = MissingHandling.Allow;

    /// <summary>Smallest allowed value, inclusive; null for no bound. Numeric features only.</summary>
    public float? Minimum { get; init; }

    /// <summary>Largest allowed value, inclusive; null for no bound. Numeric features only.</summary>
    public float? Maximum { get; init; }

    /// <summary>Whether distances between customers use log(1 + x) of the value. Needs a minimum of at least 0.</summary>
    public bool Log1P { get; init; }

    /// <summary>Whether segments are built from this feature.</summary>
    public bool Segments { get; init; } = true;

    /// <summary>Personal data: never in logs or metrics.</summary>
    public bool Personal { get; init; }

    /// <summary>Protected attribute: serves fairness reports only, never an input of a model or a rule.</summary>
    public bool Protected { get; init; }

    /// <summary>
    /// Known only in the interaction (channel, reason, time); <see cref="Default"/> stands for it elsewhere.
    /// Context features come after all others in a schema; only propensities and rules use them.
    /// </summary>
    public bool Context { get; init; }

    /// <summary>Value of a context feature outside an interaction; NaN is missing.</summary>
    public float Default { get; init; } = float.NaN;

    /// <summary>The category names in the order of their codes. Empty unless categorical. Append-only.</summary>
    public ImmutableArray<string> Categories { get; init; } = [];

    /// <summary>
    /// Earlier names, so that what was stored under them is still read: a name may change only when the old one is told here.
    /// Says nothing about rows: neither part of a schema's hash nor of a model.
    /// </summary>
    public ImmutableArray<string> Formerly { get; init; } = [];

    /// <summary>Whether a model may use the feature.</summary>
    public bool IsModelInput => !Protected;
}
