namespace ScoringEngine.Core.Value;

/// <summary>Where a figure comes from; shown wherever the figure is.</summary>
public enum Provenance
{
    /// <summary>Stated by somebody, not checked.</summary>
    Assumed,

    /// <summary>Asked of a sample of customers.</summary>
    Surveyed,

    /// <summary>Predicted by a model fitted to data.</summary>
    Estimated,

    /// <summary>Measured against a control group.</summary>
    Measured,
}
