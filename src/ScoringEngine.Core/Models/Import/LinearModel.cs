using System.Collections.Immutable;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// Linear margins in float32, as XGBoost's gblinear adds them: bias plus base margin, then each present feature's value
/// times its weight, in order of features. What is missing adds nothing. Immutable and thread-safe.
/// </summary>
public sealed class LinearModel : IMarginModel
{
    /// <summary>Builds a linear model.</summary>
    /// <param name="featureCount">Values of a row.</param>
    /// <param name="weights">[features x outputs], row-major.</param>
    /// <param name="intercepts">Margin of each output where every feature is missing.</param>
    /// <exception cref="ArgumentException">Lengths disagree or a value is not finite.</exception>
    public LinearModel(int featureCount, ImmutableArray<float> weights, ImmutableArray<float> intercepts)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(featureCount);
        if (intercepts.IsEmpty || weights.Length != (long)featureCount * intercepts.Length)
        {
            throw new ArgumentException($"expected {(long)featureCount * intercepts.Length} weights, found {weights.Length}");
        }
        if (!weights.All(float.IsFinite) || !intercepts.All(float.IsFinite))
        {
            throw new ArgumentException("a weight or intercept is not finite");
        }
        FeatureCount = featureCount;
        Weights = weights;
        Intercepts = intercepts;
    }

    /// <inheritdoc/>
    public int FeatureCount { get; }

    /// <inheritdoc/>
    public int Outputs => Intercepts.Length;

    /// <inheritdoc/>
    public int ScratchLength => 0;

    /// <summary>[features x outputs], row-major.</summary>
    public ImmutableArray<float> Weights { get; }

    /// <summary>Margin of each output where every feature is missing.</summary>
    public ImmutableArray<float> Intercepts { get; }

    /// <inheritdoc/>
    public void Margins(ReadOnlySpan<float> row, Span<double> margins) => Margins(row, 1, FeatureCount, margins, []);

    /// <inheritdoc/>
    public void Margins(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<double> margins, Span<float> scratch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowStride, FeatureCount);
        if (rowCount > 0 && rows.Length < ((long)(rowCount - 1) * rowStride) + FeatureCount)
        {
            throw new ArgumentException($"rows are too short for {rowCount} rows, {rowStride} apart", nameof(rows));
        }
        if (margins.Length < (long)rowCount * Outputs)
        {
            throw new ArgumentException($"margins are too short for {rowCount} rows", nameof(margins));
        }
        ReadOnlySpan<float> weights = Weights.AsSpan();
        for (int r = 0; r < rowCount; r++)
        {
            ReadOnlySpan<float> row = rows.Slice(r * rowStride, FeatureCount);
            for (int output = 0; output < Outputs; output++)
            {
                float margin = Intercepts[output];
                for (int f = 0; f < row.Length; f++)
                {
                    float term = float.IsNaN(row[f]) ? 0 : row[f] * weights[(f * Outputs) + output];
                    margin += term;
                }
                margins[(r * Outputs) + output] = margin;
            }
        }
    }
}
