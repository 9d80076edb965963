using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>
/// The mean of the margins of trees and of a logistic regression trained on the same rows: the two err differently, so
/// their mean errs less than either where evidence is thin. Added and halved in single precision, so one row and any
/// block give the same bits. Immutable and thread-safe.
/// </summary>
public sealed class AveragedModel : IRowModel
{
    /// <summary>Joins the two.</summary>
    public AveragedModel(IRowModel trees, LogisticRegression regression)
    {
        ArgumentNullException.ThrowIfNull(trees);
        ArgumentNullException.ThrowIfNull(regression);
        Trees = trees;
        Regression = regression;
    }

    /// <summary>The trees.</summary>
    public IRowModel Trees { get; }

    /// <summary>The regression.</summary>
    public LogisticRegression Regression { get; }

    /// <inheritdoc/>
    public int ScratchLength => Trees.ScratchLength;

    /// <summary>The margin that belongs to one of each.</summary>
    public static float Mean(float trees, float regression) => 0.5f * (trees + regression);

    /// <inheritdoc/>
    public void Margins(in RowBlock rows, Span<float> margins)
    {
        Trees.Margins(rows, margins);
        for (int r = 0; r < rows.Count; r++)
        {
            margins[r] = Mean(margins[r], Regression.Margin(rows.Values[(r * rows.Stride)..]));
        }
    }

    /// <inheritdoc/>
    public void RequireFit(Quantiser quantiser)
    {
        Trees.RequireFit(quantiser);
        ((IRowModel)Regression).RequireFit(quantiser);
    }
}
