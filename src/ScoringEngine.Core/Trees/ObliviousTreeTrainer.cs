using System.Collections.Immutable;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Gradient boosting (Friedman, 2001) with second-order steps (Chen and Guestrin, 2016) of oblivious trees on
/// quantised features. The model's bits depend on rows, options and seed alone: not on threads or instruction set.
/// </summary>
public sealed class ObliviousTreeTrainer
{
    private readonly QuantisedMatrix _rows;
    private readonly TreeTrainingOptions _options;
    private readonly TreeGrower _grower;
    private readonly double[] _weights;
    private readonly BoostedOutput[] _outputs;
    private readonly int[] _directions;
    private readonly List<byte> _depths = [];
    private readonly List<(int Column, byte Bin, double Gain)> _splits = [];

    private ObliviousTreeTrainer(ImmutableArray<TrainingOutput> outputs, TreeTrainingOptions options, CancellationToken cancellation)
    {
        _rows = outputs[0].Training.Rows;
        _options = options;
        Workers workers = new(options.Threads, cancellation);
        _directions = Directions(_rows.Quantiser, options.MonotoneConstraints);
        _grower = new TreeGrower(_rows, outputs.Length, options, workers, _directions);
        _weights = [.. outputs.Select(o => o.Weight)];
        _outputs = [.. outputs.Select(o => new BoostedOutput(o.Training, o.Validation, o.Loss, options, workers))];
    }

    /// <summary>Trains an ensemble.</summary>
    /// <param name="training">At least one row.</param>
    /// <param name="validation">Rows for the validation loss, made by the same quantiser; needed for early stopping.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told after each tree.</param>
    /// <param name="cancellation">Ends the training with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">An option, a target or the validation rows do not fit.</exception>
    public static TreeTraining Train(
        LabelledRows training, LabelledRows? validation = null, TreeTrainingOptions? options = null,
        IProgress<TreeTrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new TreeTrainingOptions();
        return Train([new TrainingOutput(training, options.Loss, validation)], options, progress, cancellation)[0];
    }

    /// <summary>
    /// Trains several outputs with trees that share their splits: one pass then predicts them all. A split's gain is the
    /// weighted sum over outputs of its gain, each in units of the variance of the output's gradients over its hessian.
    /// Where validation rows stop the training, the weighted mean of the outputs' losses counts, each relative to its
    /// loss without trees.
    /// </summary>
    /// <param name="outputs">At least one; their rows are one and the same matrix. The loss of the options is not used.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told after each tree, with the first output's training loss.</param>
    /// <param name="cancellation">Ends the training with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">An option, a target or the validation rows do not fit.</exception>
    public static MultiOutputTraining TrainTogether(
        ImmutableArray<TrainingOutput> outputs, TreeTrainingOptions? options = null,
        IProgress<TreeTrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        TreeTraining[] trainings = Train(outputs, options ?? new TreeTrainingOptions(), progress, cancellation);
        return new MultiOutputTraining(new MultiOutputEnsemble([.. trainings.Select(t => t.Model)]), [.. trainings]);
    }

    private static TreeTraining[] Train(
        ImmutableArray<TrainingOutput> outputs, TreeTrainingOptions options, IProgress<TreeTrainingProgress>? progress,
        CancellationToken cancellation)
    {
        RequireFit(outputs, options);
        return new ObliviousTreeTrainer(outputs, options, cancellation).Run(progress);
    }

    /// <exception cref="ArgumentException">An option, a target or the validation rows do not fit.</exception>
    internal static void RequireFit(ImmutableArray<TrainingOutput> outputs, TreeTrainingOptions options)
    {
        options.Validate();
        if (outputs.IsDefaultOrEmpty)
        {
            throw new ArgumentException("expected at least one output", nameof(outputs));
        }
        foreach (TrainingOutput output in outputs)
        {
            ArgumentNullException.ThrowIfNull(output.Training);
            if (output.Training.Rows != outputs[0].Training.Rows || output.Validation?.Rows != outputs[0].Validation?.Rows)
            {
                throw new ArgumentException("outputs have different rows", nameof(outputs));
            }
            if (output.Validation is { } validation && validation.Rows.Quantiser != output.Training.Rows.Quantiser)
            {
                throw new ArgumentException("validation rows were made by another quantiser", nameof(outputs));
            }
            if (options.EarlyStoppingRounds > 0 && output.Validation is null)
            {
                throw new ArgumentException("early stopping needs validation rows", nameof(outputs));
            }
            RequireTargets(output.Training, output.Loss, "training");
            if (output.Validation is not null)
            {
                RequireTargets(output.Validation, output.Loss, "validation");
            }
        }
    }

    private static void RequireTargets(LabelledRows rows, Loss loss, string name)
    {
        ReadOnlySpan<float> targets = rows.Targets.Span;
        for (int i = 0; i < targets.Length; i++)
        {
            if (loss.Violation(targets[i]) is { } violation)
            {
                throw new ArgumentException($"target of {name} row {i}: {violation}", nameof(rows));
            }
        }
    }

    private TreeTraining[] Run(IProgress<TreeTrainingProgress>? progress)
    {
        bool validated = _outputs[0].ValidationLoss.Count > 0;
        List<double> scores = validated ? [Score(0)] : [];
        int best = 0;
        bool sampled = _options.RowSubsample < 1 || _options.FeatureSubsample < 1;
        for (int tree = 0; tree < _options.Trees; tree++)
        {
            GradientSet[] gradients = [.. _outputs.Select(o => o.ComputeGradients())];
            List<(int Column, byte Bin, double Gain)> splits = _grower.Grow(tree, gradients, GainFactors(gradients), AllowedColumns(tree));
            if (splits.Count == 0 && !sampled)
            {
                break; // Every later tree would find the same.
            }
            foreach (BoostedOutput output in _outputs)
            {
                output.AddTree(_grower, splits, _directions);
            }
            _depths.Add((byte)splits.Count);
            _splits.AddRange(splits);
            if (validated)
            {
                scores.Add(Score(tree + 1));
                best = scores[^1] < scores[best] ? tree + 1 : best;
            }
            progress?.Report(new TreeTrainingProgress(tree + 1, _outputs[0].TrainingLoss[^1], validated ? scores[^1] : double.NaN));
            if (_options.EarlyStoppingRounds > 0 && tree + 1 - best >= _options.EarlyStoppingRounds)
            {
                break;
            }
        }
        best = validated ? best : _depths.Count;
        ImmutableArray<byte> depths = [.. _depths.Take(_options.EarlyStoppingRounds > 0 ? best : _depths.Count)];
        (int Column, byte Bin, double Gain)[] kept = [.. _splits.Take(depths.Sum(d => d))];
        double[] gains = new double[_rows.Columns];
        foreach ((int column, _, double gain) in kept)
        {
            gains[column] += gain;
        }
        ImmutableArray<int> columns = [.. kept.Select(s => s.Column)];
        ImmutableArray<byte> bins = [.. kept.Select(s => s.Bin)];
        foreach (BoostedOutput output in _outputs)
        {
            output.MeasureTraining(_depths.Count);
        }
        return [.. _outputs.Select(o => new TreeTraining(
            o.Model(depths, columns, bins, [.. gains]), [.. o.TrainingLoss], [.. o.ValidationLoss], best))];
    }

    /// <summary>What early stopping minimises: the loss of a single output as it is, of several relative to the start.</summary>
    private double Score(int trees)
    {
        if (_outputs.Length == 1)
        {
            return _outputs[0].ValidationLoss[trees];
        }
        double score = 0;
        for (int o = 0; o < _outputs.Length; o++)
        {
            List<double> losses = _outputs[o].ValidationLoss;
            score += _weights[o] * (losses[trees] - losses[0]) / Math.Max(Math.Abs(losses[0]), double.Epsilon);
        }
        return score / _weights.Sum();
    }

    /// <summary>
    /// Of several outputs, gains are divided by the variance that gradients have anyway (times the mean hessian), which
    /// makes them chi-squared statistics: outputs in different units may be added, and an output with few observed rows
    /// counts as little as it knows.
    /// </summary>
    private double[] GainFactors(GradientSet[] gradients) => _outputs.Length == 1 ? [1]
        : [.. gradients.Select((g, o) => g.SumSquares > 0 ? _weights[o] * g.SumHessians / g.SumSquares : 0)];

    private static int[] Directions(Quantiser quantiser, ImmutableArray<int> constraints)
    {
        if (constraints.Length > quantiser.RowLength)
        {
            throw new ArgumentException($"{constraints.Length} monotone constraints for rows of {quantiser.RowLength}");
        }
        int[] directions = [.. quantiser.Columns.Select(c => c.Feature < constraints.Length ? constraints[c.Feature] : 0)];
        for (int c = 0; c < directions.Length; c++)
        {
            if (directions[c] != 0 && quantiser.Columns[c].IsCategorical)
            {
                throw new ArgumentException($"feature {quantiser.Columns[c].Feature} is categorical: it cannot be monotone");
            }
        }
        return directions;
    }

    private bool[] AllowedColumns(int tree)
    {
        ImmutableArray<QuantisedColumn> columns = _rows.Quantiser.Columns;
        int[] features = [.. columns.Select(c => c.Feature).Distinct().Except(_options.ExcludedFeatures)];
        if (_options.FeatureSubsample < 1)
        {
            SeededRandom random = new(_options.Seed, 2L * tree);
            random.Shuffle(features.AsSpan());
            features = features[..(int)Math.Ceiling(features.Length * _options.FeatureSubsample)];
        }
        HashSet<int> chosen = [.. features];
        return [.. columns.Select(c => chosen.Contains(c.Feature))];
    }
}
