using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>What gives the margins of a propensity.</summary>
public enum PropensityMethod
{
    /// <summary>A <see cref="LogisticRegression"/>.</summary>
    Logistic,

    /// <summary>An <see cref="ObliviousEnsemble"/>, or a <see cref="BoostedModel"/> where a linear stage helps.</summary>
    Trees,

    /// <summary>Both, as an <see cref="AveragedModel"/>.</summary>
    Average,

    /// <summary>A model that was trained elsewhere.</summary>
    Imported,
}

/// <summary>What turns margins into probabilities.</summary>
public enum CalibrationMethod
{
    /// <summary>A <see cref="PlattCalibration"/>.</summary>
    Platt,

    /// <summary>An <see cref="IsotonicCalibration"/>.</summary>
    Isotonic,
}

/// <summary>One way to a propensity, and how good it was on held-out rows.</summary>
/// <param name="Method">What gives the margins.</param>
/// <param name="Calibration">What turns them into probabilities.</param>
/// <param name="LogLoss">Log-loss on the calibration rows, each calibrated without its fold.</param>
/// <param name="CalibrationError">Expected calibration error likewise, 10 bins of equal mass.</param>
/// <param name="Difference">Log-loss less that of the standard candidate, row by row; negative is better.</param>
/// <param name="StandardError">Standard error of the difference; 0 for the standard candidate itself.</param>
public readonly record struct PropensityCandidate(
    PropensityMethod Method, CalibrationMethod Calibration, double LogLoss, double CalibrationError, double Difference, double StandardError)
{
    /// <summary>
    /// Whether it is the one that is kept unless another is clearly better: Platt calibration of both averaged, or of a
    /// model from elsewhere.
    /// </summary>
    public bool IsStandard => Method is PropensityMethod.Average or PropensityMethod.Imported && Calibration == CalibrationMethod.Platt;
}

/// <summary>What propensity training yields.</summary>
/// <param name="Model">The model.</param>
/// <param name="CalibrationRows">Held-out rows on which the figures were taken; 0 where no features are used.</param>
/// <param name="AreaUnderCurve">Held-out area under the curve of the chosen margins; NaN where no features are used.</param>
/// <param name="Candidates">All that were tried, the chosen one first, then by log-loss; empty where no features are used.</param>
public sealed record PropensityTraining(
    PropensityModel Model, int CalibrationRows, double AreaUnderCurve, ImmutableArray<PropensityCandidate> Candidates)
{
    /// <summary>
    /// Held-out log-loss of the chosen candidate's unsmoothed probability; NaN where no features are used.
    /// </summary>
    public double LogLoss => Candidates.IsEmpty ? double.NaN : Candidates[0].LogLoss;

    /// <summary>Held-out expected calibration error of the chosen candidate; NaN where no features are used.</summary>
    public double CalibrationError => Candidates.IsEmpty ? double.NaN : Candidates[0].CalibrationError;
}

/// <summary>
/// Trains the propensity of one proposition: boosted trees and a logistic regression on most customers; each of them and
/// their average with Platt and with isotonic calibration on the rest. Calibration rows train no model and stop no
/// trees, and a row's probability comes from a calibration that was fitted without its customer. Deterministic for a
/// seed at any thread count.
/// </summary>
/// <remarks>
/// Kept is the average with Platt calibration, unless others have a held-out log-loss that is lower by more than two
/// standard errors of the paired difference: then the lowest of these. A few hundred held-out acceptances do not tell
/// candidates apart that differ by thousandths; the average was the best of the three on every synthetic base tried.
/// </remarks>
public static class PropensityTrainer
{
    private const int Folds = 5;
    private const double StandardErrors = 2;

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
        long acceptances = CountAcceptances(accepted, weights);
        Evidence evidence = Evidence.Of(accepted, weights);
        Parts parts = Split(rows.Rows, groups, options);
        int[] training = [.. parts.Fit, .. parts.Stopping];
        if (!IsEnough(training, accepted, weights, options.MinOutcomes)
            || !IsEnough(parts.Calibration, accepted, weights, options.MinOutcomes / 4))
        {
            return new PropensityTraining(Model(null, PlattCalibration.Identity), 0, double.NaN, []);
        }

        QuantisedMatrix quantised = quantiser.Quantise(rows, options.Trees.Threads);
        IRowModel ensemble = TrainTrees(
            rows, parts, training, Labelled(quantised, accepted, weights, parts.Fit), Labelled(quantised, accepted, weights, parts.Stopping),
            Labelled(quantised, accepted, weights, training)!, options.Trees, cancellation);
        LogisticRegression regression = LogisticTrainer.Fit(
            quantiser, rows.Select(training), Select(accepted, training), Select(weights, training), options.LogisticL2,
            options.Trees.ExcludedFeatures, options.Trees.Threads, cancellation);

        FeatureMatrix heldRows = rows.Select(parts.Calibration);
        Held held = new(Select(accepted, parts.Calibration), Select(weights, parts.Calibration), parts.Folds);
        float[] logistic = new float[heldRows.Rows];
        float[] trees = new float[heldRows.Rows];
        regression.Margins(heldRows.Values, heldRows.Rows, heldRows.Columns, logistic);
        quantiser.PredictMargins(ensemble, heldRows, trees);

        Dictionary<PropensityMethod, (IRowModel Model, float[] Margins)> ways = new()
        {
            [PropensityMethod.Average] = (new AveragedModel(ensemble, regression), [.. trees.Zip(logistic, AveragedModel.Mean)]),
            [PropensityMethod.Trees] = (ensemble, trees),
            [PropensityMethod.Logistic] = (regression, logistic),
        };
        ImmutableArray<PropensityCandidate> candidates = Candidates(held, ways.Select(way => (way.Key, way.Value.Margins)));
        PropensityCandidate chosen = candidates[0];
        (IRowModel model, float[] margins) = ways[chosen.Method];
        return new PropensityTraining(
            Model(model, Calibrate(chosen.Calibration, held.Accepted, margins, held.Weights)), heldRows.Rows,
            ClassificationMetrics.AreaUnderCurve(held.Accepted, margins, held.Weights), candidates);

        PropensityModel Model(IRowModel? model, Calibration calibration)
            => new(model, calibration, rows.Rows, acceptances, evidence.Rows, evidence.Rate, prior, options.PriorStrength);
    }

    /// <summary>
    /// Calibrates a model that was trained elsewhere, on other customers than these: Platt, or isotonic where that is
    /// better beyond doubt (as for <see cref="Fit"/>) on folds that it was not fitted on. Rows for which the model has no answer (NaN) do not count.
    /// </summary>
    /// <param name="model">Its margins rank the rows; it reads values, no bins.</param>
    /// <param name="rows">[offers x features]: the features as they were when the offer was made.</param>
    /// <param name="accepted">1 where the offer was accepted, else 0.</param>
    /// <param name="groups">Customer of each row, by any number: a fold has all rows of a customer. Empty when each row is one of its own.</param>
    /// <param name="prior">The rate expected without evidence, 0..1.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">Lengths differ, a value is out of range, or too few outcomes of either kind are left.</exception>
    public static PropensityTraining Calibrate(
        IRowModel model, FeatureMatrix rows, ReadOnlySpan<float> accepted, ReadOnlySpan<long> groups, double prior, PropensityOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(rows);
        options ??= new PropensityOptions();
        options.Validate();
        if (accepted.Length != rows.Rows || (!groups.IsEmpty && groups.Length != rows.Rows))
        {
            throw new ArgumentException($"expected {rows.Rows} outcomes, and as many or no groups");
        }
        CountAcceptances(accepted, []);
        float[] all = new float[rows.Rows];
        model.Margins(new RowBlock(rows.Values, rows.Rows, rows.Columns, [], new float[model.ScratchLength]), all);
        int[] answered = [.. Enumerable.Range(0, all.Length).Where(i => float.IsFinite(all[i]))];
        if (!IsEnough(answered, accepted, [], options.MinOutcomes / 4))
        {
            throw new ArgumentException($"expected at least {options.MinOutcomes / 4} acceptances and as many refusals among the {answered.Length} outcomes");
        }
        int[] folds = new int[answered.Length];
        for (int i = 0; i < folds.Length; i++)
        {
            folds[i] = new SeededRandom(options.Trees.Seed, groups.IsEmpty ? answered[i] : groups[answered[i]]).Next(Folds);
        }
        float[] margins = Select(all, answered);
        Held held = new(Select(accepted, answered), [], folds);
        ImmutableArray<PropensityCandidate> candidates = Candidates(held, [(PropensityMethod.Imported, margins)]);
        Evidence evidence = Evidence.Of(held.Accepted, []);
        PropensityModel calibrated = new(
            model, Calibrate(candidates[0].Calibration, held.Accepted, margins, []), answered.Length, CountAcceptances(held.Accepted, []),
            evidence.Rows, evidence.Rate, prior, options.PriorStrength);
        return new PropensityTraining(calibrated, answered.Length, ClassificationMetrics.AreaUnderCurve(held.Accepted, margins), candidates);
    }

    private static long CountAcceptances(ReadOnlySpan<float> accepted, ReadOnlySpan<float> weights)
    {
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
        return acceptances;
    }

    /// <summary>Finds the number of trees, and whether a linear stage helps, on rows of their own; then trains on all training rows.</summary>
    private static IRowModel TrainTrees(
        FeatureMatrix rows, Parts parts, int[] training, LabelledRows? fit, LabelledRows? stopping, LabelledRows all,
        TreeTrainingOptions options, CancellationToken cancellation)
    {
        options = options with { Loss = new LogisticLoss() };
        if (options.EarlyStoppingRounds > 0)
        {
            int trees = options.Trees;
            if (fit is not null && stopping is not null)
            {
                BoostedTraining found = BoostedTrainer.Train(
                    rows.Select(parts.Fit), fit, rows.Select(parts.Stopping), stopping, options, cancellation: cancellation);
                trees = Math.Max(found.Trees.BestIteration, 1);
                options = options with { LinearStage = found.Model is BoostedModel ? LinearStageUse.Always : LinearStageUse.Never };
            }
            options = options with { Trees = trees, EarlyStoppingRounds = 0 };
        }
        return BoostedTrainer.Train(rows.Select(training), all, options: options, cancellation: cancellation).Model;
    }

    /// <summary>Calibrates each fold by the others.</summary>
    private static float[] Probabilities(Held held, float[] margins, CalibrationMethod calibration)
    {
        float[] probabilities = new float[margins.Length];
        for (int fold = 0; fold < Folds; fold++)
        {
            int[] others = [.. Enumerable.Range(0, margins.Length).Where(i => held.Folds[i] != fold)];
            if (!(Evidence.Of(Select(held.Accepted, others), Select(held.Weights, others)).Rows > 0))
            {
                others = [.. Enumerable.Range(0, margins.Length)]; // One customer has all the weight: nothing else to learn from.
            }
            Calibration fitted = Calibrate(calibration, Select(held.Accepted, others), Select(margins, others), Select(held.Weights, others));
            for (int i = 0; i < margins.Length; i++)
            {
                probabilities[i] = held.Folds[i] == fold ? (float)fitted.Probability(margins[i]) : probabilities[i];
            }
        }
        return probabilities;
    }

    /// <summary>Every way with every calibration: first the one to keep, then the others by log-loss.</summary>
    private static ImmutableArray<PropensityCandidate> Candidates(Held held, IEnumerable<(PropensityMethod Method, float[] Margins)> ways)
    {
        (PropensityMethod Method, CalibrationMethod Calibration, float[] Probabilities)[] tried = [.. ways.SelectMany(way =>
            Enum.GetValues<CalibrationMethod>().Select(c => (way.Method, c, Probabilities(held, way.Margins, c))))];
        float[] standard = tried.First(t => new PropensityCandidate(t.Method, t.Calibration, 0, 0, 0, 0).IsStandard).Probabilities;
        PropensityCandidate[] candidates =
            [.. tried.Select(t => Measure(held, t.Method, t.Calibration, t.Probabilities, standard)).OrderBy(c => c.LogLoss)];
        PropensityCandidate chosen = candidates
            .Where(c => c.Difference < -StandardErrors * c.StandardError).Append(candidates.First(c => c.IsStandard)).First();
        return [chosen, .. candidates.Where(c => c != chosen)];
    }

    private static PropensityCandidate Measure(
        Held held, PropensityMethod method, CalibrationMethod calibration, float[] probabilities, float[] standard)
    {
        (double difference, double error) = ClassificationMetrics.LogLossDifference(held.Accepted, probabilities, standard, held.Weights);
        return new PropensityCandidate(
            method, calibration, ClassificationMetrics.LogLoss(held.Accepted, probabilities, held.Weights),
            ClassificationMetrics.ExpectedCalibrationError(held.Accepted, probabilities, held.Weights), difference, error);
    }

    private static Calibration Calibrate(CalibrationMethod method, float[] accepted, float[] margins, float[] weights)
        => method == CalibrationMethod.Platt
            ? PlattCalibration.Fit(accepted, margins, weights) : IsotonicCalibration.Fit(accepted, margins, weights);

    private static LabelledRows? Labelled(QuantisedMatrix rows, ReadOnlySpan<float> accepted, ReadOnlySpan<float> weights, int[] part)
    {
        float[] selected = Select(weights, part);
        return part.Length == 0 || (selected.Length > 0 && !(selected.Sum() > 0))
            ? null : new LabelledRows(rows.Select(part), Select(accepted, part), selected);
    }

    private readonly record struct Parts(int[] Fit, int[] Stopping, int[] Calibration, int[] Folds);

    private readonly record struct Held(float[] Accepted, float[] Weights, int[] Folds);

    /// <summary>
    /// A row's part follows from a hash of its group, so all rows of a customer stand on one side and never move when
    /// others join or leave.
    /// </summary>
    private static Parts Split(int rows, ReadOnlySpan<long> groups, PropensityOptions options)
    {
        List<int> fit = [];
        List<int> stopping = [];
        List<int> calibration = [];
        List<int> folds = [];
        for (int i = 0; i < rows; i++)
        {
            SeededRandom random = new(options.Trees.Seed, groups.IsEmpty ? i : groups[i]);
            if (random.NextDouble() < options.CalibrationShare)
            {
                calibration.Add(i);
                folds.Add(random.Next(Folds));
            }
            else
            {
                (random.NextDouble() < options.CalibrationShare ? stopping : fit).Add(i);
            }
        }
        return new Parts([.. fit], [.. stopping], [.. calibration], [.. folds]);
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
