using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>Settings of <see cref="PropensityTrainer"/>.</summary>
public sealed record PropensityOptions
{
    /// <summary>
    /// Settings of the trees; the loss is always logistic. Default: up to 300 trees of depth 4 at learning rate 0.05,
    /// stopped after 30 trees without improvement.
    /// </summary>
    public TreeTrainingOptions Trees { get; init; } = new()
    {
        Trees = 300,
        Depth = 4,
        LearningRate = 0.05,
        MinLeafWeight = 2,
        EarlyStoppingRounds = 30,
    };

    /// <summary>L2 penalty of the logistic regression on standardised features, above 0; default 1.</summary>
    public double LogisticL2 { get; init; } = 1;

    /// <summary>
    /// Share of the groups (customers) held out to calibrate and to choose the model, 0.05..0.5; default 0.2. As large a
    /// share of the others tells when to stop growing trees, before these are grown anew on all of the others.
    /// </summary>
    public double CalibrationShare { get; init; } = 0.2;

    /// <summary>
    /// Fewest acceptances, and fewest offers not accepted, among the training as well as (a quarter of it) among the
    /// calibration rows for which features are used; 4 or more, default 50. With less the propensity is the smoothed rate.
    /// </summary>
    public int MinOutcomes { get; init; } = 50;

    /// <summary>Weight of the prior, in offers; 0 or more, default 100.</summary>
    public double PriorStrength { get; init; } = 100;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Trees);
        if (CalibrationShare is not (>= 0.05 and <= 0.5))
        {
            throw new ArgumentOutOfRangeException(nameof(CalibrationShare), CalibrationShare, "expected 0.05..0.5");
        }
        if (!(LogisticL2 > 0 && double.IsFinite(LogisticL2)))
        {
            throw new ArgumentOutOfRangeException(nameof(LogisticL2), LogisticL2, "expected above 0");
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(MinOutcomes, 4);
        if (!(PriorStrength >= 0 && double.IsFinite(PriorStrength)))
        {
            throw new ArgumentOutOfRangeException(nameof(PriorStrength), PriorStrength, "expected 0 or more");
        }
    }
}
