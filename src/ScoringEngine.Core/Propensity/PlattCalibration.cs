using System.Runtime.Intrinsics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Propensity;

/// <summary>Probability = sigmoid(slope * margin + intercept) (Platt, 1999).</summary>
/// <param name="Slope">Factor on the margin; finite and 0 or more, so that calibration never turns a ranking round.</param>
/// <param name="Intercept">Added to the scaled margin; finite.</param>
public sealed record PlattCalibration(double Slope, double Intercept) : Calibration
{
    private const int MaxSteps = 50;

    /// <summary>Leaves a logistic margin as it is.</summary>
    public static PlattCalibration Identity { get; } = new(1, 0);

    /// <inheritdoc/>
    public override double Probability(float margin) => DeterministicMath.Sigmoid((Slope * margin) + Intercept);

    /// <inheritdoc/>
    internal override void ProbabilitiesOf(ReadOnlySpan<float> margins, Span<double> probabilities)
    {
        int i = 0;
        for (; i <= margins.Length - Vector512<double>.Count; i += Vector512<double>.Count)
        {
            (Vector256<double> low, Vector256<double> high) = Vector256.Widen(Vector256.Create(margins[i..]));
            Vector512<double> x = (Vector512.Create(low, high) * Slope) + Vector512.Create(Intercept);
            DeterministicMath.Sigmoid(x).CopyTo(probabilities[i..]);
        }
        base.ProbabilitiesOf(margins[i..], probabilities[i..]);
    }

    /// <summary>
    /// Fits slope and intercept by Newton's method with step halving on the weighted log-loss. Targets are softened to
    /// (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) as Platt proposes, which keeps separable data finite; n0 and n1 are the
    /// weights of the two labels, scaled so that all weights add up to the effective number of rows.
    /// </summary>
    /// <param name="labels">0 or 1.</param>
    /// <param name="margins">One margin a row.</param>
    /// <param name="weights">One weight a row, or empty for 1 each.</param>
    /// <exception cref="ArgumentException">Lengths differ or there is no weight.</exception>
    public static PlattCalibration Fit(ReadOnlySpan<float> labels, ReadOnlySpan<float> margins, ReadOnlySpan<float> weights = default)
    {
        if (margins.Length != labels.Length || (!weights.IsEmpty && weights.Length != labels.Length))
        {
            throw new ArgumentException($"expected {labels.Length} margins and as many or no weights");
        }
        Evidence evidence = Evidence.Of(labels, weights);
        if (evidence.Rows <= 0)
        {
            throw new ArgumentException("there is no row with a positive weight", nameof(weights));
        }
        double n1 = evidence.Rows * evidence.Rate;
        double n0 = evidence.Rows - n1;
        double high = (n1 + 1) / (n1 + 2);
        double low = 1 / (n0 + 2);
        PlattCalibration at = Identity;
        (double loss, double ga, double gb, double haa, double hab, double hbb) = Derivatives(at, labels, margins, weights, low, high);
        for (int step = 0; step < MaxSteps; step++)
        {
            // A touch of ridge keeps the step defined where all margins are equal.
            double ridge = 1e-9 * (haa + hbb);
            double determinant = ((haa + ridge) * (hbb + ridge)) - (hab * hab);
            double da = (((hbb + ridge) * ga) - (hab * gb)) / determinant;
            double db = (((haa + ridge) * gb) - (hab * ga)) / determinant;
            if (!double.IsFinite(da) || !double.IsFinite(db) || Math.Abs(da) + Math.Abs(db) < 1e-10)
            {
                break;
            }
            bool better = false;
            for (double length = 1; length > 1e-6 && !better; length /= 2)
            {
                PlattCalibration next = new(at.Slope - (length * da), at.Intercept - (length * db));
                (double nextLoss, double a, double b, double aa, double ab, double bb) = Derivatives(next, labels, margins, weights, low, high);
                if (nextLoss < loss)
                {
                    (at, loss, ga, gb, haa, hab, hbb) = (next, nextLoss, a, b, aa, ab, bb);
                    better = true;
                }
            }
            if (!better)
            {
                break;
            }
        }
        // A negative slope says that the margins rank backwards: then they say nothing, and the rate is all there is.
        return at.Slope >= 0 ? at : new PlattCalibration(0, DeterministicMath.Logit((n1 + 1) / (evidence.Rows + 2)));
    }

    private static (double Loss, double A, double B, double AA, double AB, double BB) Derivatives(
        PlattCalibration at, ReadOnlySpan<float> labels, ReadOnlySpan<float> margins, ReadOnlySpan<float> weights,
        double low, double high)
    {
        (double Loss, double A, double B, double AA, double AB, double BB) sum = default;
        for (int i = 0; i < labels.Length; i++)
        {
            double w = weights.IsEmpty ? 1 : weights[i];
            double m = margins[i];
            double z = (at.Slope * m) + at.Intercept;
            double target = labels[i] == 1 ? high : low;
            double e = DeterministicMath.Exp(-Math.Abs(z));
            double small = e / (1 + e);
            double error = w * ((z >= 0 ? 1 - small : small) - target);
            double curvature = w * small * (1 - small);
            sum.Loss += w * (DeterministicMath.Log(1 + e) + Math.Max(z, 0) - (target * z));
            sum.A += error * m;
            sum.B += error;
            sum.AA += curvature * m * m;
            sum.AB += curvature * m;
            sum.BB += curvature;
        }
        return sum;
    }
}
