using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// The exponentials of another model's margins: the means that trees of <see cref="PoissonLoss"/> and
/// <see cref="TweedieLoss"/> predict.
/// </summary>
/// <param name="inner">Gives the logarithms.</param>
public sealed class ExponentialModel(IRowModel inner) : IRowModel
{
    /// <summary>Gives the logarithms.</summary>
    public IRowModel Inner { get; } = inner ?? throw new ArgumentNullException(nameof(inner));

    int IRowModel.ScratchLength => Inner.ScratchLength;

    void IRowModel.Margins(in RowBlock rows, Span<float> margins)
    {
        Inner.Margins(rows, margins);
        foreach (ref float margin in margins[..rows.Count])
        {
            margin = (float)DeterministicMath.Exp(margin);
        }
    }

    void IRowModel.RequireFit(Quantiser quantiser) => Inner.RequireFit(quantiser);
}
