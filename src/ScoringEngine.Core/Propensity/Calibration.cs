namespace ScoringEngine.Core.Propensity;

/// <summary>From the margin of a model to a probability; never turns a ranking round. Immutable and thread-safe.</summary>
public abstract record Calibration
{
    /// <summary>The calibrated probability of a finite margin, 0..1.</summary>
    public abstract double Probability(float margin);
}
