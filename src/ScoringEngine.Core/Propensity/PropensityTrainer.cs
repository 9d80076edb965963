using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>What propensity training yields.</summary>
/// <param name="Model">The model.</param>
/// <param name="CalibrationRows">Held-out rows on which the figures below were taken; 0 without trees.</param>
/// <param name="AreaUnderCurve">Held-out area under the curve; NaN without trees.</param>
/// <param name="LogLoss">Held-out log-loss of the calibrated, unsmoothed probability; NaN without trees.</param>
/// <param name="CalibrationError">
/// Held-out expected calibration error, 10 bins of equal mass; a little optimistic, as the calibration has its two
/// parameters from the same rows. NaN without trees.
/// </param>
public sealed record PropensityTraining(
    PropensityModel Model, int CalibrationRows, double AreaUnderCurve, double LogLoss, double CalibrationError);

/// <summary>
/// Trains the propensity of one proposition: boosted trees with logistic loss on most customers, early stopping and
/// Platt calibration on the rest. Deterministic for a seed at any thread count.
/// </summary>
public static class PropensityTrainer
{
    /// <summary>Trains on outcomes of offers.</summary>
    /// <param name="quantiser">Shared by all models that score the same rows.</param>
    /// <param name="rows">[offers x quantiser.RowLength]: the features as they were when the offer was made.</param>
    /// <param name="accepted">1 where the offer was accepted, else 0.</param>
    /// <param name="groups">
    /// Customer (or household) of each row, by any number: all rows of a group fall on the same side of the split.
    /// Empty when each row is a customer of its own.
    /// </param>
    /// <param name="weights">Such as clipped inverse action probabilities: finite, 0 or more; empty for 1 each.</param>
    /// <param name="prior">The rate expected without evidence, 0..1.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellation">Ends the training with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">Lengths differ or a value is out of range.</exception>
    public static PropensityTraining Fit(
        Quantiser quantiser, FeatureMatrix rows, ReadOnlySpan<float> accepted, ReadOnlySpan<long> groups,
        ReadOnlySpan<float> weights, double prior, PropensityOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(quantiser);
        ArgumentNullException.ThrowIfNull(rows);
        options ??= new PropensityOptions();
        options.Validate();
        if (accepted.Length != rows.Rows || (!groups.IsEmpty && groups.Length != rows.Rows) || (!weights.IsEmpty && weights.Length != rows.Rows))
        {
            throw new ArgumentException($"expected {rows.Rows} outcomes, and as many or no groups and weights");
        }
        long acceptances = 0;
        for (int i = 0; i < accepted.Length; i++)
        {
            if (accepted[i] is not (0 or 1))
            {
                throw new ArgumentException($"outcome of row {i} is {accepted[i]}, expected 0 or 1", nameof(accepted));
            }
            if (!weights.IsEmpty && !(weights[i] >= 0 && float.IsFinite(weights[i])))
            {
                throw new ArgumentException($"weight of row {i} is {weights[i]}, expected a finite number of at least 0", nameof(weights));
            }
            acceptances += (long)accepted[i];
        }
        Evidence evidence = Evidence.Of(accepted, weights);
        (int[] training, int[] calibration) = Split(rows.Rows, groups, options);
        if (!IsEnough(training, accepted, weights, options.MinOutcomes)
            || !IsEnough(calibration, accepted, weights, options.MinOutcomes / 4))
        {
            return new PropensityTraining(Model(null, PlattCalibration.Identity), 0, double.NaN, double.NaN, double.NaN);
        }

        QuantisedMatrix quantised = quantiser.Quantise(rows, options.Trees.Threads);
        LabelledRows held = new(quantised.Select(calibration), Select(accepted, calibration), Select(weights, calibration));
        ObliviousEnsemble ensemble = ObliviousTreeTrainer.Train(
            new LabelledRows(quantised.Select(training), Select(accepted, training), Select(weights, training)),
            held, options.Trees with { Loss = new LogisticLoss() }, cancellation: cancellation).Model;

        float[] values = new float[calibration.Length];
        FeatureMatrix heldRows = rows.Select(calibration);
        ensemble.PredictMargins(
            quantiser, heldRows.Values, heldRows.Rows, heldRows.Columns, values, new byte[ensemble.ScratchLength]);
        PlattCalibration platt = PlattCalibration.Fit(held.Targets.Span, values, held.Weights.Span);
        foreach (ref float value in values.AsSpan())
        {
            value = (float)platt.Probability(value);
        }
        return new PropensityTraining(
            Model(ensemble, platt), calibration.Length,
            ClassificationMetrics.AreaUnderCurve(held.Targets.Span, values, held.Weights.Span),
            ClassificationMetrics.LogLoss(held.Targets.Span, values, held.Weights.Span),
            ClassificationMetrics.ExpectedCalibrationError(held.Targets.Span, values, held.Weights.Span));

        PropensityModel Model(ObliviousEnsemble? trees, PlattCalibration platt)
            => new(trees, platt, rows.Rows, acceptances, evidence.Rows, evidence.Rate, prior, options.PriorStrength);
    }

    /// <summary>
    /// A row's side follows from a hash of its group, so a customer never stands on both and never moves when others
    /// join or leave.
    /// </summary>
    private static (int[] Training, int[] Calibration) Split(int rows, ReadOnlySpan<long> groups, PropensityOptions options)
    {
        List<int> training = [];
        List<int> calibration = [];
        for (int i = 0; i < rows; i++)
        {
            double u = new SeededRandom(options.Trees.Seed, groups.IsEmpty ? i : groups[i]).NextDouble();
            (u < options.CalibrationShare ? calibration : training).Add(i);
        }
        return ([.. training], [.. calibration]);
    }

    private static bool IsEnough(int[] rows, ReadOnlySpan<float> accepted, ReadOnlySpan<float> weights, int least)
    {
        int positives = 0;
        int negatives = 0;
        foreach (int row in rows)
        {
            if (weights.IsEmpty || weights[row] > 0)
            {
                positives += accepted[row] == 1 ? 1 : 0;
                negatives += accepted[row] == 1 ? 0 : 1;
            }
        }
        return Math.Min(positives, negatives) >= least;
    }

    private static float[] Select(ReadOnlySpan<float> values, int[] rows)
    {
        if (values.IsEmpty)
        {
            return [];
        }
        float[] selected = new float[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            selected[i] = values[rows[i]];
        }
        return selected;
    }
}
