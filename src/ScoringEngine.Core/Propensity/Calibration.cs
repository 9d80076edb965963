namespace ScoringEngine.Core.Propensity;

/// <summary>From the margin of a model to a probability; never turns a ranking round. Immutable and thread-safe.</summary>
public abstract record Calibration
{
    /// <summary>The calibrated probability of a finite margin, 0..1.</summary>
    public abstract double Probability(float margin);

    /// <summary>The calibrated probabilities of margins, bit by bit as <see cref="Probability"/> gives them.</summary>
    /// <param name="margins">The margins.</param>
    /// <param name="probabilities">OUT as many.</param>
    internal virtual void ProbabilitiesOf(ReadOnlySpan<float> margins, Span<double> probabilities)
    {
        for (int i = 0; i < margins.Length; i++)
        {
            probabilities[i] = Probability(margins[i]);
        }
    }
}
