namespace ScoringEngine.Core.Scoring;

/// <summary>What one feature does to a margin.</summary>
/// <param name="Feature">Position of the feature in a row.</param>
/// <param name="Amount">In units of the margin: positive raises it, negative lowers it.</param>
public readonly record struct FeatureContribution(int Feature, double Amount);

/// <summary>
/// One row's margin taken apart: base value, strongest contributions and the rest add up to it. Views the block that was
/// scored, so it is valid until the block's next explanation or scoring.
/// </summary>
public readonly ref struct Explanation
{
    internal Explanation(double baseValue, double margin, ReadOnlySpan<FeatureContribution> strongest)
    {
        BaseValue = baseValue;
        Strongest = strongest;
        double rest = margin - baseValue;
        foreach (FeatureContribution contribution in strongest)
        {
            rest -= contribution.Amount;
        }
        Other = rest;
    }

    /// <summary>The mean margin of the training rows.</summary>
    public double BaseValue { get; }

    /// <summary>Features with an influence, strongest first; of equals the first in the row comes first. Never a protected feature.</summary>
    public ReadOnlySpan<FeatureContribution> Strongest { get; }

    /// <summary>The features that <see cref="Strongest"/> leaves out, together, and the margin's rounding to single precision.</summary>
    public double Other { get; }
}
