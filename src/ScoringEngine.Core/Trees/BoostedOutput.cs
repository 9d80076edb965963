using System.Collections.Immutable;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// One output of boosting: its targets and loss, the margins of its rows so far, and the leaf values of its trees. Sums
/// run over pieces of rows in order, so that threads do not matter. Holds buffers: not thread-safe.
/// </summary>
internal sealed class BoostedOutput
{
    // Rows whose sums are taken together; sums of pieces are added in order.
    private const int PieceRows = 4096;

    private readonly LabelledRows _training;
    private readonly LabelledRows? _validation;
    private readonly Loss _loss;
    private readonly TreeTrainingOptions _options;
    private readonly Workers _workers;
    private readonly float[] _gradients;
    private readonly float[] _hessians;
    private readonly float[] _margins;
    private readonly float[] _validationMargins;
    private readonly float _baseMargin;
    private readonly List<float> _leafValues = [];
    private readonly List<float> _leafWeights = [];

    public BoostedOutput(LabelledRows training, LabelledRows? validation, Loss loss, TreeTrainingOptions options, Workers workers)
    {
        _training = training;
        _validation = validation;
        _loss = loss;
        _options = options;
        _workers = workers;
        _gradients = new float[training.Rows.Rows];
        _hessians = new float[training.Rows.Rows];
        _baseMargin = (float)BaseMargin(training, loss);
        _margins = StartMargins(training);
        _validationMargins = validation is null ? [] : StartMargins(validation);
        MeasureValidation();
    }

    /// <summary>Mean training loss with 0, 1, 2, ... trees.</summary>
    public List<double> TrainingLoss { get; } = [];

    /// <summary>Mean validation loss with 0, 1, 2, ... trees; empty without validation rows.</summary>
    public List<double> ValidationLoss { get; } = [];

    /// <summary>Gradients at the present margins, and the mean loss to <see cref="TrainingLoss"/>.</summary>
    public GradientSet ComputeGradients()
    {
        (double Loss, double Gradients, double Squares, double Hessians)[] sums =
            new (double, double, double, double)[Pieces(_margins.Length)];
        _workers.For(sums.Length, piece =>
        {
            int start = piece * PieceRows;
            int count = Math.Min(PieceRows, _margins.Length - start);
            Span<float> gradients = _gradients.AsSpan(start, count);
            Span<float> hessians = _hessians.AsSpan(start, count);
            double loss = _loss.Gradients(
                Slice(_training.Targets, start, count), Slice(_training.Weights, start, count), _margins.AsSpan(start, count),
                gradients, hessians);
            double sumAbsGradients = 0;
            double sumSquares = 0;
            double sumHessians = 0;
            for (int i = 0; i < count; i++)
            {
                sumAbsGradients += Math.Abs(gradients[i]);
                sumSquares += (double)gradients[i] * gradients[i];
                sumHessians += hessians[i];
            }
            sums[piece] = (loss, sumAbsGradients, sumSquares, sumHessians);
        });
        (double Loss, double Gradients, double Squares, double Hessians) total = default;
        foreach ((double loss, double gradients, double squares, double hessians) in sums)
        {
            total = (total.Loss + loss, total.Gradients + gradients, total.Squares + squares, total.Hessians + hessians);
        }
        TrainingLoss.Add(total.Loss / _training.TotalWeight);
        return new GradientSet(_gradients, _hessians, total.Gradients, total.Squares, total.Hessians);
    }

    /// <summary>Adds the tree of the grower's last splits.</summary>
    public void AddTree(TreeGrower grower, List<(int Column, byte Bin, double Gain)> splits, int[] directions)
    {
        float[] leaves = splits.Count == 0 ? [0] : Leaves(grower, splits, directions);
        _leafValues.AddRange(leaves);
        double[] weights = AddToMargins(_training, splits, leaves, _margins, _options.RowSubsample >= 1 ? grower : null);
        _leafWeights.AddRange(weights.Select(w => (float)w));
        if (_validation is not null)
        {
            AddToMargins(_validation, splits, leaves, _validationMargins, sorted: null);
            MeasureValidation();
        }
    }

    /// <summary>The mean training loss after the last tree, unless it is known already.</summary>
    public void MeasureTraining(int trees)
    {
        if (TrainingLoss.Count == trees)
        {
            TrainingLoss.Add(MeanLoss(_training, _margins));
        }
    }

    /// <summary>The first trees as a model.</summary>
    public ObliviousEnsemble Model(
        ImmutableArray<byte> depths, ImmutableArray<int> splitColumns, ImmutableArray<byte> splitBins, ImmutableArray<double> columnGains)
    {
        int leaves = depths.Sum(d => 1 << d);
        return new ObliviousEnsemble(
            _training.Rows.Columns, _baseMargin, depths, splitColumns, splitBins, [.. _leafValues.Take(leaves)], columnGains,
            [.. _leafWeights.Take(leaves)]);
    }

    /// <summary>
    /// The best constant; on top of offsets that are fitted already, only where the loss wants something else than they were
    /// fitted to.
    /// </summary>
    private static double BaseMargin(LabelledRows training, Loss loss)
    {
        if (training.Offsets.IsEmpty)
        {
            return loss.InitialMargin(training.Targets.Span, training.Weights.Span);
        }
        return loss.RefitsLeaves ? loss.RefitLeaf(Residuals(training), training.Weights.ToArray()) : 0;
    }

    private static float[] Residuals(LabelledRows rows)
    {
        float[] residuals = rows.Targets.ToArray();
        ReadOnlySpan<float> offsets = rows.Offsets.Span;
        for (int i = 0; i < residuals.Length; i++)
        {
            residuals[i] -= offsets[i];
        }
        return residuals;
    }

    private float[] StartMargins(LabelledRows rows)
    {
        float[] margins = new float[rows.Rows.Rows];
        rows.Offsets.Span.CopyTo(margins);
        foreach (ref float margin in margins.AsSpan())
        {
            margin += _baseMargin;
        }
        return margins;
    }

    private void MeasureValidation()
    {
        if (_validation is not null)
        {
            ValidationLoss.Add(MeanLoss(_validation, _validationMargins));
        }
    }

    private double MeanLoss(LabelledRows rows, float[] margins)
    {
        double[] sums = new double[Pieces(margins.Length)];
        _workers.For(sums.Length, piece =>
        {
            int start = piece * PieceRows;
            int count = Math.Min(PieceRows, margins.Length - start);
            sums[piece] = _loss.Sum(
                Slice(rows.Targets, start, count), Slice(rows.Weights, start, count), margins.AsSpan(start, count));
        });
        double total = 0;
        foreach (double sum in sums)
        {
            total += sum;
        }
        return total / rows.TotalWeight;
    }

    /// <summary>
    /// Values of the last tree's leaves: Newton steps (or refits), shrunk by the learning rate. A leaf that is too
    /// light takes the value of its nearest ancestor that is not. Sums run over a leaf's rows in their order, in double
    /// precision, on the gradients before their rounding to fixed point. Monotone constraints come last.
    /// </summary>
    private float[] Leaves(TreeGrower grower, List<(int Column, byte Bin, double Gain)> splits, int[] directions)
    {
        int depth = splits.Count;
        int[] starts = grower.LeafStarts;
        // Nodes by heap index: the root is 1, the children of n are 2n and 2n + 1.
        int leaves = 1 << depth;
        double[] gradients = new double[2 * leaves];
        double[] hessians = new double[2 * leaves];
        double[] values = new double[2 * leaves];
        _workers.For(leaves, leaf =>
        {
            double g = 0;
            double h = 0;
            foreach (int row in grower.Rows.AsSpan(starts[leaf], starts[leaf + 1] - starts[leaf]))
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
            double step = !_loss.RefitsLeaves
                ? _loss.LeafStep(-gradients[node] / (hessians[node] + _options.L2))
                : hessians[node] > 0 ? Refit(grower, node, leaves) : 0;
            values[node] = double.IsFinite(step) ? _options.LearningRate * step : 0;
        });
        double[] steps = [.. source.Select(node => values[node])];
        // Leaves without rows have a little weight too, so that each has a place in the order.
        double[] weights = [.. Enumerable.Range(leaves, leaves).Select(node => hessians[node] + (1e-6 * (hessians[1] + 1)))];
        // The split between missing and present values orders nothing.
        MonotoneLeaves.Project(steps, weights, [.. splits.Select(s => s.Bin == 0 ? 0 : directions[s.Column])]);
        return [.. steps.Select(step => (float)step)];
    }

    private double Refit(TreeGrower grower, int node, int leaves)
    {
        int first = node;
        int end = node + 1;
        while (first < leaves)
        {
            first *= 2;
            end *= 2;
        }
        int start = grower.LeafStarts[first - leaves];
        int count = grower.LeafStarts[end - leaves] - start;
        float[] residuals = new float[count];
        float[] weights = new float[_training.Weights.IsEmpty ? 0 : count];
        ReadOnlySpan<int> rows = grower.Rows.AsSpan(start, count);
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
        return _loss.RefitLeaf(residuals, weights);
    }

    /// <summary>Adds a tree to the margins of some rows, which <paramref name="sorted"/> may have sorted by leaf.</summary>
    /// <returns>The weight of the rows in each leaf: pieces in order, rows in order.</returns>
    private double[] AddToMargins(
        LabelledRows rows, List<(int Column, byte Bin, double Gain)> splits, float[] leaves, float[] margins, TreeGrower? sorted)
    {
        double[][] weights = new double[Pieces(margins.Length)][];
        _workers.For(weights.Length, piece =>
        {
            weights[piece] = new double[leaves.Length];
            int start = piece * PieceRows;
            int count = Math.Min(PieceRows, margins.Length - start);
            if (sorted is not null)
            {
                AddSortedRows(rows, sorted, leaves, margins, start, start + count, weights[piece]);
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

    private static void AddSortedRows(
        LabelledRows rows, TreeGrower sorted, float[] leaves, float[] margins, int start, int end, double[] weights)
    {
        int[] starts = sorted.LeafStarts;
        ReadOnlySpan<float> rowWeights = rows.Weights.Span;
        for (int leaf = 0; leaf < leaves.Length; leaf++)
        {
            int from = Math.Max(start, starts[leaf]);
            int to = Math.Min(end, starts[leaf + 1]);
            for (int i = from; i < to; i++)
            {
                int row = sorted.Rows[i];
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

    private static ReadOnlySpan<float> Slice(ReadOnlyMemory<float> values, int start, int count)
        => values.IsEmpty ? default : values.Span.Slice(start, count);

    private static int Pieces(int rows) => (rows + PieceRows - 1) / PieceRows;
}
