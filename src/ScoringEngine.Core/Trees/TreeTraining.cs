using System.Collections.Immutable;

namespace ScoringEngine.Core.Trees;

/// <summary>Quantised rows with what is to be learned from them.</summary>
public sealed class LabelledRows
{
    /// <summary>Pairs rows with targets and weights, which are not copied.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="targets">One target a row.</param>
    /// <param name="weights">One weight a row, finite and 0 or more with a positive sum; empty for 1 each.</param>
    /// <param name="offsets">One margin a row, finite, that the trees are added to; empty where the loss's constant is.</param>
    /// <exception cref="ArgumentException">Lengths disagree, or a weight or offset is out of range.</exception>
    public LabelledRows(
        QuantisedMatrix rows, ReadOnlyMemory<float> targets, ReadOnlyMemory<float> weights = default, ReadOnlyMemory<float> offsets = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (targets.Length != rows.Rows || (!weights.IsEmpty && weights.Length != rows.Rows))
        {
            throw new ArgumentException(
                $"expected {rows.Rows} targets and as many or no weights, found {targets.Length} and {weights.Length}");
        }
        double total = weights.IsEmpty ? rows.Rows : 0;
        foreach (float weight in weights.Span)
        {
            if (!(weight >= 0 && float.IsFinite(weight)))
            {
                throw new ArgumentException($"weight {weight}, expected a finite number of at least 0", nameof(weights));
            }
            total += weight;
        }
        if (total <= 0)
        {
            throw new ArgumentException("there is no row with a positive weight");
        }
        if (!offsets.IsEmpty && offsets.Length != rows.Rows)
        {
            throw new ArgumentException($"expected {rows.Rows} or no offsets, found {offsets.Length}", nameof(offsets));
        }
        foreach (float offset in offsets.Span)
        {
            if (!float.IsFinite(offset))
            {
                throw new ArgumentException($"offset {offset}, expected a finite number", nameof(offsets));
            }
        }
        Offsets = offsets;
        Rows = rows;
        Targets = targets;
        Weights = weights;
        TotalWeight = total;
    }

    /// <summary>Rows of which only some were observed: a target of NaN makes the weight 0.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="targets">One target a row, NaN where it is not known; not all may be.</param>
    /// <param name="weights">One weight a row, or empty for 1 each.</param>
    /// <exception cref="ArgumentException">As for the constructor.</exception>
    public static LabelledRows OfObserved(QuantisedMatrix rows, ReadOnlySpan<float> targets, ReadOnlySpan<float> weights = default)
    {
        float[] known = targets.ToArray();
        float[] counted = weights.IsEmpty ? [.. Enumerable.Repeat(1f, known.Length)] : weights.ToArray();
        for (int i = 0; i < Math.Min(known.Length, counted.Length); i++)
        {
            if (float.IsNaN(known[i]))
            {
                known[i] = 0;
                counted[i] = 0;
            }
        }
        return new LabelledRows(rows, known, counted);
    }

    /// <summary>The rows.</summary>
    public QuantisedMatrix Rows { get; }

    /// <summary>One target a row.</summary>
    public ReadOnlyMemory<float> Targets { get; }

    /// <summary>One weight a row, or empty.</summary>
    public ReadOnlyMemory<float> Weights { get; }

    /// <summary>One margin a row that the trees are added to, or empty.</summary>
    public ReadOnlyMemory<float> Offsets { get; }

    /// <summary>Sum of the weights.</summary>
    public double TotalWeight { get; }

    /// <summary>The same rows, whose trees are added to these margins.</summary>
    internal LabelledRows OnTopOf(float[] margins) => new(Rows, Targets, Weights, margins);

    /// <summary>A copy of some rows, without offsets; null where they are none or weigh nothing.</summary>
    internal LabelledRows? Select(int[] rows)
    {
        float[] targets = Of(Targets.Span);
        float[] weights = Weights.IsEmpty ? [] : Of(Weights.Span);
        return rows.Length == 0 || (weights.Length > 0 && !(weights.Max() > 0)) ? null : new LabelledRows(Rows.Select(rows), targets, weights);

        float[] Of(ReadOnlySpan<float> values)
        {
            float[] selected = new float[rows.Length];
            for (int i = 0; i < rows.Length; i++)
            {
                selected[i] = values[rows[i]];
            }
            return selected;
        }
    }
}

/// <summary>How far training is.</summary>
/// <param name="Trees">Trees grown.</param>
/// <param name="TrainingLoss">Mean training loss before the last tree.</param>
/// <param name="ValidationLoss">Mean validation loss after the last tree; NaN without validation rows.</param>
public readonly record struct TreeTrainingProgress(int Trees, double TrainingLoss, double ValidationLoss);

/// <summary>What training yields.</summary>
/// <param name="Model">The ensemble, cut to <paramref name="BestIteration"/> trees if training stopped early.</param>
/// <param name="TrainingLoss">Mean training loss with 0, 1, 2, ... trees.</param>
/// <param name="ValidationLoss">Mean validation loss with 0, 1, 2, ... trees; empty without validation rows.</param>
/// <param name="BestIteration">
/// Number of trees with the smallest validation loss; without validation rows, the number of trees.
/// </param>
public sealed record TreeTraining(
    ObliviousEnsemble Model, ImmutableArray<double> TrainingLoss, ImmutableArray<double> ValidationLoss, int BestIteration)
{
    /// <summary>
    /// Whether the trees add the same to every row, because no split gained anything: a constant target, a single class,
    /// features that say nothing, or too few rows.
    /// </summary>
    public bool IsConstant => Model.SplitColumns.IsEmpty;
}

/// <summary>One of several outputs to be learned together.</summary>
/// <param name="Training">Its targets; rows without an observation have weight 0 (<see cref="LabelledRows.OfObserved"/>).</param>
/// <param name="Loss">What is minimised.</param>
/// <param name="Validation">Its targets in the validation rows; needed for early stopping.</param>
/// <param name="Weight">How much it has to say about the splits, above 0.</param>
public sealed record TrainingOutput(LabelledRows Training, Loss Loss, LabelledRows? Validation = null, double Weight = 1);

/// <summary>What training several outputs yields.</summary>
/// <param name="Model">All outputs.</param>
/// <param name="Outputs">Each output by itself. The gains are those of all outputs together.</param>
public sealed record MultiOutputTraining(MultiOutputEnsemble Model, ImmutableArray<TreeTraining> Outputs);

/// <summary>First and second derivatives of an output's loss, one a row, and their sums.</summary>
internal readonly record struct GradientSet(
    float[] Gradients, float[] Hessians, double SumAbsGradients, double SumSquares, double SumHessians);
