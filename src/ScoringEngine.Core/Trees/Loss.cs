namespace ScoringEngine.Core.Trees;

/// <summary>
/// What boosting minimises: the mean over rows of weight * loss(target, margin). Methods take matching spans of any
/// part of the rows; an empty span of weights means that each row weighs 1. Stateless and thread-safe.
/// </summary>
public abstract class Loss
{
    /// <summary>Short name, such as "squared".</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Whether a leaf's value is <see cref="RefitLeaf"/> of its rows rather than a Newton step, for losses whose
    /// hessian says nothing.
    /// </summary>
    public virtual bool RefitsLeaves => false;

    /// <summary>Why <paramref name="target"/> cannot be learned, or null when it can.</summary>
    public virtual string? Violation(float target)
        => float.IsFinite(target) ? null : FormattableString.Invariant($"{target}, expected a finite number");

    /// <summary>The constant margin with the smallest loss; there is at least one row and positive total weight.</summary>
    public abstract double InitialMargin(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights);

    /// <summary>Gradients and hessians with respect to the margin, times weight.</summary>
    /// <returns>The sum (not the mean) of weighted losses.</returns>
    public abstract double Gradients(
        ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins,
        Span<float> gradients, Span<float> hessians);

    /// <summary>The sum (not the mean) of weighted losses.</summary>
    public abstract double Sum(ReadOnlySpan<float> targets, ReadOnlySpan<float> weights, ReadOnlySpan<float> margins);

    /// <summary>The prediction that belongs to a margin (the inverse link).</summary>
    public abstract double Predict(double margin);

    /// <summary>The step a leaf takes for a Newton step -G / (H + L2), before the learning rate; keeps its sign and order.</summary>
    public virtual double LeafStep(double newton) => newton;

    /// <summary>
    /// The best constant to add to the margins of some rows, from residuals = target - margin; both spans may be
    /// reordered. At least one row.
    /// </summary>
    public virtual double RefitLeaf(Span<float> residuals, Span<float> weights)
        => throw new NotSupportedException($"leaves of {Name} loss are Newton steps");

    internal static float Weight(ReadOnlySpan<float> weights, int i) => weights.IsEmpty ? 1 : weights[i];
}
