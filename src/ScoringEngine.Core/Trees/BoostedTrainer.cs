using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>What a trial says about the linear stage: the least mean loss of rows kept apart, without and with it.</summary>
/// <param name="TreesAlone">Least loss of trees alone; NaN where nothing was tried.</param>
/// <param name="WithStage">Least loss of trees on top of the stage; NaN where nothing was tried.</param>
/// <param name="StandardError">Standard error of the paired difference of the two; NaN where nothing was tried.</param>
public readonly record struct LinearStageTrial(double TreesAlone, double WithStage, double StandardError)
{
    // Less than this share of the loss is not worth a second kind of model.
    private const double MinGain = 0.005;

    /// <summary>Nothing was tried.</summary>
    internal static LinearStageTrial None { get; } = new(double.NaN, double.NaN, double.NaN);

    /// <summary>Whether the stage lowers the loss by more than chance may: a few large targets can make any difference.</summary>
    public bool Helps => TreesAlone - WithStage > Math.Max(MinGain * Math.Abs(TreesAlone), StandardError);
}

/// <summary>What <see cref="BoostedTrainer"/> yields.</summary>
/// <param name="Model">A <see cref="BoostedModel"/>, or an <see cref="ObliviousEnsemble"/> where there is no linear stage.</param>
/// <param name="Trees">The trees, with their losses; those include the stage.</param>
/// <param name="Trial">Why there is a stage or none.</param>
public sealed record BoostedTraining(IRowModel Model, TreeTraining Trees, LinearStageTrial Trial);

/// <summary>
/// Trains oblivious trees, on top of a <see cref="LinearStage"/> where that lowers the loss of rows kept apart: trees
/// find interactions and steps quickly but need many splits for slopes, above all where these differ between groups of
/// customers. The model's bits depend on rows, options and seed alone.
/// </summary>
public static class BoostedTrainer
{
    private const int MinTrialRows = 200;
    private const int MaxTrialRows = 20_000;
    private const int TrialStoppingRounds = 10;
    private const int BlockRows = 4096;

    // One row in so many is kept apart in the trial.
    private const int TrialShare = 4;

    /// <summary>Trains a model.</summary>
    /// <param name="values">The training rows as they are scored: [rows x the quantiser's row length].</param>
    /// <param name="training">The same rows with their targets.</param>
    /// <param name="validationValues">The validation rows as they are scored; null without any.</param>
    /// <param name="validation">The same rows with their targets; needed for early stopping.</param>
    /// <param name="options">Null for the defaults. Features with a monotone constraint stay out of the stage.</param>
    /// <param name="progress">Told after each tree of the final model.</param>
    /// <param name="cancellation">Ends the training with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">An option, a target or the rows do not fit.</exception>
    public static BoostedTraining Train(
        FeatureMatrix values, LabelledRows training, FeatureMatrix? validationValues = null, LabelledRows? validation = null,
        TreeTrainingOptions? options = null, IProgress<TreeTrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(training);
        options ??= new TreeTrainingOptions();
        RequireSameRows(values, training, nameof(values));
        if (validation is not null)
        {
            RequireSameRows(validationValues, validation, nameof(validationValues));
        }
        ObliviousTreeTrainer.RequireFit([new TrainingOutput(training, options.Loss, validation)], options);

        Workers workers = new(options.Threads, cancellation);
        LinearStageTrial trial = LinearStageTrial.None;
        LinearStage? stage = null;
        if (options.LinearStage == LinearStageUse.Always)
        {
            stage = FitStage(values, training, options, workers);
        }
        else if (options.LinearStage == LinearStageUse.WhereItHelps && values.Rows >= MinTrialRows)
        {
            (stage, trial) = Try(values, training, options, workers, cancellation);
            stage = stage is not null && trial.Helps ? LinearStageTrainer.Refit(stage, values, training, options.Loss, workers) : null;
        }
        if (stage is null)
        {
            TreeTraining alone = ObliviousTreeTrainer.Train(training, validation, options, progress, cancellation);
            return new BoostedTraining(alone.Model, alone, trial);
        }
        TreeTraining trees = ObliviousTreeTrainer.Train(
            OnTop(stage, values, training, workers), validation is null ? null : OnTop(stage, validationValues!, validation, workers),
            options, progress, cancellation);
        return new BoostedTraining(new BoostedModel(stage, trees.Model), trees, trial);
    }

    private static (LinearStage? Stage, LinearStageTrial Trial) Try(
        FeatureMatrix values, LabelledRows training, TreeTrainingOptions options, Workers workers, CancellationToken cancellation)
    {
        int count = Math.Min(values.Rows, MaxTrialRows);
        List<int> fit = [];
        List<int> check = [];
        for (int i = 0; i < count; i++)
        {
            int row = (int)((long)i * values.Rows / count);
            (SeededRandom.Mix((ulong)row ^ SeededRandom.Mix((ulong)options.Seed)) % TrialShare == 0 ? check : fit).Add(row);
        }
        FeatureMatrix fitValues = values.Select([.. fit]);
        if (training.Select([.. fit]) is not { } fitRows || training.Select([.. check]) is not { } checkRows
            || FitStage(fitValues, fitRows, options, workers) is not { } stage)
        {
            return (null, LinearStageTrial.None);
        }
        options = options with { EarlyStoppingRounds = TrialStoppingRounds };
        FeatureMatrix checkValues = values.Select([.. check]);
        ObliviousEnsemble alone = ObliviousTreeTrainer.Train(fitRows, checkRows, options, cancellation: cancellation).Model;
        ObliviousEnsemble onTop = ObliviousTreeTrainer.Train(
            OnTop(stage, fitValues, fitRows, workers), OnTop(stage, checkValues, checkRows, workers), options, cancellation: cancellation).Model;
        return (stage, Compare(Losses(alone), Losses(new BoostedModel(stage, onTop)), checkRows.TotalWeight));

        double[] Losses(IRowModel model)
        {
            float[] margins = new float[check.Count];
            training.Rows.Quantiser.PredictMargins(model, checkValues, margins);
            return [.. Enumerable.Range(0, margins.Length).Select(i => options.Loss.Sum(
                checkRows.Targets.Span.Slice(i, 1), checkRows.Weights.IsEmpty ? [] : checkRows.Weights.Span.Slice(i, 1), margins.AsSpan(i, 1)))];
        }
    }

    private static LinearStageTrial Compare(double[] alone, double[] withStage, double totalWeight)
    {
        double meanDifference = (alone.Sum() - withStage.Sum()) / alone.Length;
        double squares = alone.Zip(withStage, (a, b) => (a - b - meanDifference) * (a - b - meanDifference)).Sum();
        return new LinearStageTrial(alone.Sum() / totalWeight, withStage.Sum() / totalWeight, Math.Sqrt(squares) / totalWeight);
    }

    private static LinearStage? FitStage(FeatureMatrix values, LabelledRows training, TreeTrainingOptions options, Workers workers)
        => LinearStageTrainer.Fit(
            values, training, options.Loss,
            f => !options.ExcludedFeatures.Contains(f) && (f >= options.MonotoneConstraints.Length || options.MonotoneConstraints[f] == 0),
            workers);

    private static LabelledRows OnTop(LinearStage stage, FeatureMatrix values, LabelledRows rows, Workers workers)
    {
        float[] margins = new float[values.Rows];
        workers.For((values.Rows + BlockRows - 1) / BlockRows, block =>
        {
            int start = block * BlockRows;
            int count = Math.Min(BlockRows, values.Rows - start);
            stage.Margins(values.Values.AsSpan(start * values.Columns), count, values.Columns, margins.AsSpan(start));
        });
        return rows.OnTopOf(margins);
    }

    private static void RequireSameRows(FeatureMatrix? values, LabelledRows rows, string name)
    {
        ArgumentNullException.ThrowIfNull(values, name);
        if (values.Rows != rows.Rows.Rows || values.Columns != rows.Rows.Quantiser.RowLength)
        {
            throw new ArgumentException($"expected {rows.Rows.Rows} rows of {rows.Rows.Quantiser.RowLength}, found {values.Rows} of {values.Columns}", name);
        }
        if (!rows.Offsets.IsEmpty)
        {
            throw new ArgumentException("the rows have offsets already", name);
        }
    }
}
