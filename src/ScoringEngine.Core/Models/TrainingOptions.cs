namespace ScoringEngine.Core.Models;

/// <summary>Settings of <see cref="ModelTrainer"/>.</summary>
public sealed record TrainingOptions
{
    /// <summary>Fit segments anew even where a previous version has some.</summary>
    public bool RefitSegments { get; init; }

    /// <summary>Number of segments when they are fitted, 1 or more; null picks it.</summary>
    public int? Segments { get; init; }

    /// <summary>Seed of every random choice.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Share of customers held out for the metrics, .05 to .5.</summary>
    public double HoldOutShare { get; init; } = 0.2;

    /// <summary>
    /// Propensities are measured on held-out customers' outcomes after this share of all outcomes in time, and trained
    /// on other customers' before it, .5 to .95.
    /// </summary>
    public double TimeShare { get; init; } = 0.85;

    /// <summary>Threads to use, 0 for all cores; no result depends on it.</summary>
    public int Threads { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Segments ?? 1, 1, nameof(Segments));
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
        if (HoldOutShare is not (>= 0.05 and <= 0.5))
        {
            throw new ArgumentOutOfRangeException(nameof(HoldOutShare), HoldOutShare, "expected .05 to .5");
        }
        if (TimeShare is not (>= 0.5 and <= 0.95))
        {
            throw new ArgumentOutOfRangeException(nameof(TimeShare), TimeShare, "expected .5 to .95");
        }
    }
}
