using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Models.Import;

/// <summary>How predictions follow from margins.</summary>
public enum MarginLink
{
    /// <summary>The margin itself.</summary>
    Identity,

    /// <summary>1 / (1 + e^(-scale * margin)), each output by itself.</summary>
    Logistic,

    /// <summary>e^margin.</summary>
    Exponential,

    /// <summary>e^margin over the sum of all outputs' e^margin.</summary>
    Softmax,

    /// <summary>The square with the margin's sign.</summary>
    SignedSquare,

    /// <summary>ln(1 + e^margin).</summary>
    Softplus,
}

/// <summary>A link and its scale, which only <see cref="MarginLink.Logistic"/> uses.</summary>
public readonly record struct PredictionTransform(MarginLink Link, double Scale = 1)
{
    /// <summary>Turns the margins of one row into its predictions.</summary>
    /// <param name="margins">IN margins, OUT predictions of all outputs of one row.</param>
    public void Apply(Span<double> margins)
    {
        if (Link == MarginLink.Softmax)
        {
            Softmax(margins);
            return;
        }
        foreach (ref double margin in margins)
        {
            margin = Link switch
            {
                MarginLink.Identity => margin,
                MarginLink.Logistic => DeterministicMath.Sigmoid(Scale * margin),
                MarginLink.Exponential => DeterministicMath.Exp(margin),
                MarginLink.SignedSquare => margin * Math.Abs(margin),
                MarginLink.Softplus => Math.Max(margin, 0) + DeterministicMath.Log1P(DeterministicMath.Exp(-Math.Abs(margin))),
                _ => throw new InvalidOperationException($"link {Link} is not known"),
            };
        }
    }

    // The greatest margin is subtracted, so that no power overflows.
    private static void Softmax(Span<double> margins)
    {
        double greatest = double.NegativeInfinity;
        foreach (double margin in margins)
        {
            greatest = Math.Max(greatest, margin);
        }
        double sum = 0;
        foreach (ref double margin in margins)
        {
            margin = DeterministicMath.Exp(margin - greatest);
            sum += margin;
        }
        foreach (ref double margin in margins)
        {
            margin /= sum;
        }
    }
}
