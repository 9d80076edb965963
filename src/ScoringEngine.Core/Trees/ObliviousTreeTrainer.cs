using System.Collections.Immutable;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Gradient boosting (Friedman, 2001) with second-order steps (Chen and Guestrin, 2016) of oblivious trees on
/// quantised features. The model's bits depend on rows, options and seed alone: not on threads or instruction set.
/// </summary>
public sealed class ObliviousTreeTrainer
{
    // Rows whose sums are taken together; sums of pieces are added in order.
    private const int PieceRows = 4096;

    private readonly LabelledRows _training;
    private readonly LabelledRows? _validation;
    private readonly TreeTrainingOptions _options;
    private readonly Workers _workers;
    private readonly TreeGrower _grower;
    private readonly float[] _gradients;
    private readonly float[] _hessians;
    private readonly float[] _margins;
    private readonly float[] _validationMargins;
    private readonly float _baseMargin;
    private readonly int[] _directions;
    private readonly List<byte> _depths = [];
    private readonly List<int> _splitColumns = [];
    private readonly List<byte> _splitBins = [];
    private readonly List<double> _splitGains = [];
    private readonly List<float> _leafValues = [];
    private readonly List<float> _leafWeights = [];

    private ObliviousTreeTrainer(LabelledRows training, LabelledRows? validation, TreeTrainingOptions options, CancellationToken cancellation)
    {
        _training = training;
        _validation = validation;
        _options = options;
        _workers = new Workers(options.Threads, cancellation);
        _directions = Directions(training.Rows.Quantiser, options.MonotoneConstraints);
        _grower = new TreeGrower(training.Rows, options, _workers, _directions);
        _gradients = new float[training.Rows.Rows];
        _hessians = new float[training.Rows.Rows];
        _baseMargin = (float)options.Loss.InitialMargin(training.Targets.Span, training.Weights.Span);
        _margins = new float[training.Rows.Rows];
        Array.Fill(_margins, _baseMargin);
        _validationMargins = new float[validation?.Rows.Rows ?? 0];
        Array.Fill(_validationMargins, _baseMargin);
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
        ArgumentNullException.ThrowIfNull(training);
        options ??= new TreeTrainingOptions();
        options.Validate();
        if (validation is not null && validation.Rows.Quantiser != training.Rows.Quantiser)
        {
            throw new ArgumentException("validation rows were made by another quantiser", nameof(validation));
        }
        if (options.EarlyStoppingRounds > 0 && validation is null)
        {
            throw new ArgumentException("early stopping needs validation rows", nameof(validation));
        }
        RequireTargets(training, options.Loss, nameof(training));
        if (validation is not null)
        {
            RequireTargets(validation, options.Loss, nameof(validation));
        }
        return new ObliviousTreeTrainer(training, validation, options, cancellation).Run(progress);
    }

    private static void RequireTargets(LabelledRows rows, Loss loss, string name)
    {
        ReadOnlySpan<float> targets = rows.Targets.Span;
        for (int i = 0; i < targets.Length; i++)
        {
            if (loss.Violation(targets[i]) is { } violation)
            {
                throw new ArgumentException($"target of row {i}: {violation}", name);
            }
        }
    }

    private TreeTraining Run(IProgress<TreeTrainingProgress>? progress)
    {
        List<double> trainingLoss = [];
        List<double> validationLoss = [];
        int best = 0;
        if (_validation is not null)
        {
            validationLoss.Add(MeanLoss(_validation, _validationMargins));
        }
        bool sampled = _options.RowSubsample < 1 || _options.FeatureSubsample < 1;
        for (int tree = 0; tree < _options.Trees; tree++)
        {
            (double loss, double sumAbsGradients, double sumHessians) = ComputeGradients();
            trainingLoss.Add(loss);
            List<(int Column, byte Bin, double Gain)> splits =
                _grower.Grow(tree, _gradients, _hessians, sumAbsGradients, sumHessians, AllowedColumns(tree));
            if (splits.Count == 0 && !sampled)
            {
                break; // Every later tree would find the same.
            }
            float[] leaves = splits.Count == 0 ? [0] : LeafValues(splits);
            Append(splits, leaves, AddToMargins(_training, splits, leaves, _margins, _options.RowSubsample >= 1));
            if (_validation is not null)
            {
                AddToMargins(_validation, splits, leaves, _validationMargins, sortedByLeaf: false);
                validationLoss.Add(MeanLoss(_validation, _validationMargins));
                best = validationLoss[^1] < validationLoss[best] ? tree + 1 : best;
            }
            progress?.Report(new TreeTrainingProgress(tree + 1, loss, _validation is null ? double.NaN : validationLoss[^1]));
            if (_options.EarlyStoppingRounds > 0 && tree + 1 - best >= _options.EarlyStoppingRounds)
            {
                break;
            }
        }
        if (trainingLoss.Count == _depths.Count)
        {
            trainingLoss.Add(MeanLoss(_training, _margins));
        }
        best = _validation is null ? _depths.Count : best;
        return new TreeTraining(
            Model(_options.EarlyStoppingRounds > 0 ? best : _depths.Count), [.. trainingLoss], [.. validationLoss], best);
    }

    private static int[] Directions(Quantiser quantiser, ImmutableArray<int> constraints)
    {
        if (constraints.Length > quantiser.RowLength)
        {
            throw new ArgumentException($"{constraints.Length} monotone constraints for rows of {quantiser.RowLength}");
        }
        int[] directions = [.. quantiser.Columns.Select(c => c.Feature < constraints.Length ? constraints[c.Feature] : 0)];
        for (int c = 0; c < directions.Length; c++)
        {
            if (directions[c] != 0 && quantiser.Columns[c].Category is not null)
            {
                throw new ArgumentException($"feature {quantiser.Columns[c].Feature} is categorical: it cannot be monotone");
            }
        }
        return directions;
    }

    private (double Loss, double SumAbsGradients, double SumHessians) ComputeGradients()
    {
        (double Loss, double Gradients, double Hessians)[] sums = new (double, double, double)[Pieces(_margins.Length)];
        _workers.For(sums.Length, piece =>
        {
            int start = piece * PieceRows;
            int count = Math.Min(PieceRows, _margins.Length - start);
            Span<float> gradients = _gradients.AsSpan(start, count);
            Span<float> hessians = _hessians.AsSpan(start, count);
            double loss = _options.Loss.Gradients(
                Slice(_training.Targets, start, count), Slice(_training.Weights, start, count), _margins.AsSpan(start, count),
                gradients, hessians);
            double sumAbsGradients = 0;
            double sumHessians = 0;
            for (int i = 0; i < count; i++)
            {
                sumAbsGradients += Math.Abs(gradients[i]);
                sumHessians += hessians[i];
            }
            sums[piece] = (loss, sumAbsGradients, sumHessians);
        });
        (double Loss, double Gradients, double Hessians) total = default;
        foreach ((double loss, double gradients, double hessians) in sums)
        {
            total = (total.Loss + loss, total.Gradients + gradients, total.Hessians + hessians);
        }
        return (total.Loss / _training.TotalWeight, total.Gradients, total.Hessians);
    }

    private double MeanLoss(LabelledRows rows, float[] margins)
    {
        double[] sums = new double[Pieces(margins.Length)];
        _workers.For(sums.Length, piece =>
        {
            int start = piece * PieceRows;
            int count = Math.Min(PieceRows, margins.Length - start);
            sums[piece] = _options.Loss.Sum(
                Slice(rows.Targets, start, count), Slice(rows.Weights, start, count), margins.AsSpan(start, count));
        });
        double total = 0;
        foreach (double sum in sums)
        {
            total += sum;
        }
        return total / rows.TotalWeight;
    }

    private bool[] AllowedColumns(int tree)
    {
        ImmutableArray<QuantisedColumn> columns = _training.Rows.Quantiser.Columns;
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

    /// <summary>
    /// Values of the last tree's leaves: Newton steps (or refits), shrunk by the learning rate. A leaf that is too
    /// light takes the value of its nearest ancestor that is not. Sums run over a leaf's rows in their order, in double
    /// precision, on the gradients before their rounding to fixed point. Monotone constraints come last.
    /// </summary>
    private float[] LeafValues(List<(int Column, byte Bin, double Gain)> splits)
    {
        int depth = splits.Count;
        int[] starts = _grower.LeafStarts;
        // Nodes by heap index: the root is 1, the children of n are 2n and 2n + 1.
        int leaves = 1 << depth;
        double[] gradients = new double[2 * leaves];
        double[] hessians = new double[2 * leaves];
        double[] values = new double[2 * leaves];
        _workers.For(leaves, leaf =>
        {
            double g = 0;
            double h = 0;
            foreach (int row in _grower.Rows.AsSpan(starts[leaf], starts[leaf + 1] - starts[leaf]))
            {
                g += _gradients[row];
                h += _hessians[row];
            }
            gradients[leaves + leaf] = g;
            hessians[leaves + leaf] = h;
        });
        for (int node = leaves - 1; node > 0; node--)
        {
            gradients[node] = gradients[2 * node] + gradients[(2 * node) + 1];
            hessians[node] = hessians[2 * node] + hessians[(2 * node) + 1];
        }
        int[] source = new int[leaves];
        for (int leaf = 0; leaf < leaves; leaf++)
        {
            int node = leaves + leaf;
            while (node > 1 && hessians[node] < _options.MinLeafWeight)
            {
                node >>= 1;
            }
            source[leaf] = node;
        }
        int[] nodes = [.. source.Distinct()];
        _workers.For(nodes.Length, i =>
        {
            int node = nodes[i];
            double step = _options.Loss.RefitsLeaves ? Refit(node, leaves)
                : _options.Loss.LeafStep(-gradients[node] / (hessians[node] + _options.L2));
            values[node] = double.IsFinite(step) ? _options.LearningRate * step : 0;
        });
        double[] steps = [.. source.Select(node => values[node])];
        // Leaves without rows have a little weight too, so that each has a place in the order.
        double[] weights = [.. Enumerable.Range(leaves, leaves).Select(node => hessians[node] + (1e-6 * (hessians[1] + 1)))];
        // The split between missing and present values orders nothing.
        MonotoneLeaves.Project(steps, weights, [.. splits.Select(s => s.Bin == 0 ? 0 : _directions[s.Column])]);
        return [.. steps.Select(step => (float)step)];
    }

    private double Refit(int node, int leaves)
    {
        int first = node;
        int end = node + 1;
        while (first < leaves)
        {
            first *= 2;
            end *= 2;
        }
        int start = _grower.LeafStarts[first - leaves];
        int count = _grower.LeafStarts[end - leaves] - start;
        float[] residuals = new float[count];
        float[] weights = new float[_training.Weights.IsEmpty ? 0 : count];
        ReadOnlySpan<int> rows = _grower.Rows.AsSpan(start, count);
        ReadOnlySpan<float> targets = _training.Targets.Span;
        ReadOnlySpan<float> allWeights = _training.Weights.Span;
        for (int i = 0; i < count; i++)
        {
            residuals[i] = targets[rows[i]] - _margins[rows[i]];
        }
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = allWeights[rows[i]];
        }
        return _options.Loss.RefitLeaf(residuals, weights);
    }

    /// <summary>Adds a tree to the margins of some rows.</summary>
    /// <returns>The weight of the rows in each leaf: pieces in order, rows in order.</returns>
    private double[] AddToMargins(
        LabelledRows rows, List<(int Column, byte Bin, double Gain)> splits, float[] leaves, float[] margins, bool sortedByLeaf)
    {
        double[][] weights = new double[Pieces(margins.Length)][];
        _workers.For(weights.Length, piece =>
        {
            weights[piece] = new double[leaves.Length];
            int start = piece * PieceRows;
            int count = Math.Min(PieceRows, margins.Length - start);
            if (sortedByLeaf)
            {
                AddSortedRows(rows, leaves, margins, start, start + count, weights[piece]);
            }
            else
            {
                AddRows(rows, splits, leaves, margins, start, count, weights[piece]);
            }
        });
        double[] total = new double[leaves.Length];
        foreach (double[] part in weights)
        {
            for (int leaf = 0; leaf < total.Length; leaf++)
            {
                total[leaf] += part[leaf];
            }
        }
        return total;
    }

    private void AddSortedRows(LabelledRows rows, float[] leaves, float[] margins, int start, int end, double[] weights)
    {
        int[] starts = _grower.LeafStarts;
        ReadOnlySpan<float> rowWeights = rows.Weights.Span;
        for (int leaf = 0; leaf < leaves.Length; leaf++)
        {
            int from = Math.Max(start, starts[leaf]);
            int to = Math.Min(end, starts[leaf + 1]);
            for (int i = from; i < to; i++)
            {
                int row = _grower.Rows[i];
                margins[row] += leaves[leaf];
                weights[leaf] += Loss.Weight(rowWeights, row);
            }
        }
    }

    private static void AddRows(
        LabelledRows rows, List<(int Column, byte Bin, double Gain)> splits, float[] leaves, float[] margins, int start, int count,
        double[] weights)
    {
        Span<ushort> leaf = stackalloc ushort[count];
        leaf.Clear();
        foreach ((int column, byte bin, _) in splits)
        {
            ReadOnlySpan<ulong> bins = rows.Rows.Group(column / QuantisedMatrix.GroupColumns).AsSpan(start, count);
            int shift = QuantisedMatrix.Shift(column);
            for (int i = 0; i < count; i++)
            {
                leaf[i] = (ushort)((leaf[i] << 1) | ObliviousEnsemble.GreaterBit((byte)(bins[i] >> shift), bin));
            }
        }
        ReadOnlySpan<float> rowWeights = rows.Weights.Span;
        for (int i = 0; i < count; i++)
        {
            margins[start + i] += leaves[leaf[i]];
            weights[leaf[i]] += Loss.Weight(rowWeights, start + i);
        }
    }

    private void Append(List<(int Column, byte Bin, double Gain)> splits, float[] leaves, double[] leafWeights)
    {
        _depths.Add((byte)splits.Count);
        foreach ((int column, byte bin, double gain) in splits)
        {
            _splitColumns.Add(column);
            _splitBins.Add(bin);
            _splitGains.Add(gain);
        }
        _leafValues.AddRange(leaves);
        _leafWeights.AddRange(leafWeights.Select(w => (float)w));
    }

    private ObliviousEnsemble Model(int trees)
    {
        int splits = _depths.Take(trees).Sum(d => d);
        int leaves = _depths.Take(trees).Sum(d => 1 << d);
        double[] gains = new double[_training.Rows.Columns];
        for (int i = 0; i < splits; i++)
        {
            gains[_splitColumns[i]] += _splitGains[i];
        }
        return new ObliviousEnsemble(
            _training.Rows.Columns, _baseMargin, [.. _depths.Take(trees)], [.. _splitColumns.Take(splits)],
            [.. _splitBins.Take(splits)], [.. _leafValues.Take(leaves)], [.. gains],
            [.. _leafWeights.Take(leaves)]);
    }

    private static ReadOnlySpan<float> Slice(ReadOnlyMemory<float> values, int start, int count)
        => values.IsEmpty ? default : values.Span.Slice(start, count);

    private static int Pieces(int rows) => (rows + PieceRows - 1) / PieceRows;
}
