using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Models;

/// <summary>What <see cref="ModelTrainer"/> yields: models to be written as a version, and what to tell people.</summary>
public sealed record TrainingResult
{
    /// <summary>The models; the manifest has no version yet.</summary>
    public required ModelSet Models { get; init; }

    /// <summary>Rows to record as golden rows.</summary>
    public required FeatureMatrix GoldenRows { get; init; }

    /// <summary>Every figure, to be written beside the models.</summary>
    public required TrainingReport Report { get; init; }

    /// <summary>How segments were found; null where the previous version's were kept.</summary>
    public SegmentTraining? Segmentation { get; init; }

    /// <summary>Segment index of each customer of the training file.</summary>
    public required int[] Assignments { get; init; }

    /// <summary>Realised profit of all customers of the file from best to worst; null without a profit target.</summary>
    public WhaleCurve? WhaleCurve { get; init; }

    /// <summary>Profit on held-out customers; null without a profit target.</summary>
    public ProfitMetrics? Profit => Report.Profit?.Metrics;

    /// <summary>One entry for each proposition of the catalogue.</summary>
    public ImmutableArray<PropensityMetrics> Propensities => [.. Report.Propensities.Select(p => p.Metrics)];

    /// <summary>Customers trained on, and held out.</summary>
    public (int Training, int HeldOut) Customers => (Report.Data.TrainingCustomers, Report.Data.HeldOutCustomers);
}

/// <summary>How well profit is predicted, on held-out customers, in the currency of the target.</summary>
/// <param name="RSquared">1 - squared error over that of the mean.</param>
/// <param name="RootMeanSquaredError">Of the model.</param>
/// <param name="BaselineRootMeanSquaredError">Of the training mean.</param>
/// <param name="MeanAbsoluteError">Of the model.</param>
/// <param name="BaselineMeanAbsoluteError">Of the training mean.</param>
/// <param name="QuantileCoverage">Share of customers whose profit is at most the predicted upper quantile; should be the quantile.</param>
public sealed record ProfitMetrics(double RSquared, double RootMeanSquaredError, double BaselineRootMeanSquaredError,
    double MeanAbsoluteError, double BaselineMeanAbsoluteError, double QuantileCoverage);

/// <summary>How well acceptance of one proposition is predicted, on held-out customers after the training period.</summary>
/// <param name="PropositionId">The proposition.</param>
/// <param name="Offers">Presented offers trained on.</param>
/// <param name="Acceptances">Acceptances among them.</param>
/// <param name="HeldOutOffers">Presented offers measured on.</param>
/// <param name="AreaUnderCurve">NaN where it cannot be computed.</param>
/// <param name="LogLoss">Of the model; NaN without held-out offers.</param>
/// <param name="BaselineLogLoss">Of the training rate; NaN without held-out offers.</param>
/// <param name="CalibrationError">Expected calibration error; NaN without held-out offers.</param>
public sealed record PropensityMetrics(string PropositionId, int Offers, int Acceptances, int HeldOutOffers,
    double AreaUnderCurve, double LogLoss, double BaselineLogLoss, double CalibrationError);
