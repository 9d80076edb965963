using System.Collections.Immutable;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Synthetic;

/// <summary>What a <see cref="WorldFactor"/> makes of a feature's value x.</summary>
public enum WorldShape
{
    /// <summary>(x - at) / scale.</summary>
    Linear,

    /// <summary>(log(1 + x) - at) / scale.</summary>
    Log,

    /// <summary>1 where x >= at, else 0.</summary>
    AtLeast,

    /// <summary>1 where x &lt; at, else 0.</summary>
    Below,

    /// <summary>1 where x = at (a category code, or 1 for a boolean), else 0.</summary>
    Is,
}

/// <summary>One feature seen through a shape.</summary>
/// <param name="Feature">Index of the feature in the world's schema.</param>
/// <param name="Shape">What is made of the value.</param>
/// <param name="At">Centre, threshold or category code.</param>
/// <param name="Scale">Divisor of <see cref="WorldShape.Linear"/> and <see cref="WorldShape.Log"/>.</param>
public readonly record struct WorldFactor(int Feature, WorldShape Shape, double At = 0, double Scale = 1)
{
    /// <summary>The factor for a row of customer features in schema order; 0 where the feature is missing (NaN).</summary>
    public double Evaluate(ReadOnlySpan<float> row)
    {
        double x = row[Feature];
        if (double.IsNaN(x))
        {
            return 0;
        }
        return Shape switch
        {
            WorldShape.Linear => (x - At) / Scale,
            WorldShape.Log => (DeterministicMath.Log1P(x) - At) / Scale,
            WorldShape.AtLeast => x >= At ? 1 : 0,
            WorldShape.Below => x < At ? 1 : 0,
            _ => x == At ? 1 : 0,
        };
    }
}

/// <summary>A coefficient times the product of its factors: a slope, a threshold or an interaction.</summary>
/// <param name="Coefficient">In the formula's unit.</param>
/// <param name="Factors">One or more factors.</param>
public sealed record WorldTerm(double Coefficient, ImmutableArray<WorldFactor> Factors)
{
    /// <summary>The term for a row of customer features.</summary>
    public double Evaluate(ReadOnlySpan<float> row)
    {
        double product = Coefficient;
        foreach (WorldFactor factor in Factors)
        {
            product *= factor.Evaluate(row);
        }
        return product;
    }
}

/// <summary>A base plus a sum of terms: the closed form behind every truth of the synthetic world.</summary>
/// <param name="Base">Value when every term is 0.</param>
/// <param name="Terms">Added in this order.</param>
public sealed record WorldFormula(double Base, ImmutableArray<WorldTerm> Terms)
{
    /// <summary>The formula for a row of customer features.</summary>
    public double Evaluate(ReadOnlySpan<float> row)
    {
        double sum = Base;
        foreach (WorldTerm term in Terms)
        {
            sum += term.Evaluate(row);
        }
        return sum;
    }
}

/// <summary>What one unit of a feature adds to a <see cref="WorldAmount"/>.</summary>
/// <param name="Feature">Index of a numeric or boolean feature that is never missing.</param>
/// <param name="PerUnit">EUR per unit of the feature.</param>
public readonly record struct WorldCoefficient(int Feature, double PerUnit);

/// <summary>An amount in EUR, linear in features: base + sum of coefficient x feature.</summary>
/// <param name="Base">EUR when every feature is 0.</param>
/// <param name="Coefficients">Added in this order.</param>
public sealed record WorldAmount(double Base, ImmutableArray<WorldCoefficient> Coefficients)
{
    /// <summary>The amount for a row of customer features.</summary>
    public double Evaluate(ReadOnlySpan<float> row)
    {
        double sum = Base;
        foreach (WorldCoefficient c in Coefficients)
        {
            sum += c.PerUnit * row[c.Feature];
        }
        return sum;
    }
}
