using System.Diagnostics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// With which probability a decision takes each of the candidates that are left: exactly what is logged, so that
/// the log can be evaluated. Every candidate that is left can be drawn, those that rank behind "do nothing" too; what must not
/// be offered fell at an earlier stage.
/// </summary>
internal static class ActionDistribution
{
    /// <summary>Fills the probabilities; they sum to 1 but for rounding.</summary>
    /// <param name="exploration">How to explore.</param>
    /// <param name="scale">Score that counts as 1 where scores are scaled to 0..1; null for the best one's.</param>
    /// <param name="scores">Finite scores, best first, one or more; 0 on the scale is the last one's.</param>
    /// <param name="probabilities">OUT one a score.</param>
    public static void Fill(Exploration exploration, double? scale, ReadOnlySpan<double> scores, Span<double> probabilities)
    {
        Debug.Assert(scores.Length > 0 && probabilities.Length == scores.Length);
        int count = scores.Length;
        double low = scores[^1];
        double range = (scale ?? scores[0]) - low;
        switch (exploration.Kind)
        {
            case ExplorationKind.None:
                probabilities.Clear();
                probabilities[0] = 1;
                break;
            case ExplorationKind.Epsilon:
                probabilities.Fill(exploration.Parameter / count);
                probabilities[0] += 1 - exploration.Parameter;
                break;
            case ExplorationKind.Softmax:
                // Relative to the best one's: its weight is 1, none overflows, and the sum is at least 1.
                double sum = 0;
                for (int i = 0; i < count; i++)
                {
                    probabilities[i] = DeterministicMath.Exp(exploration.Parameter * (Scaled(scores[i]) - Scaled(scores[0])));
                    sum += probabilities[i];
                }
                for (int i = 0; i < count; i++)
                {
                    probabilities[i] /= sum;
                }
                break;
            case ExplorationKind.SquareCb:
                double rest = 0;
                for (int i = 1; i < count; i++)
                {
                    probabilities[i] = 1 / (count + (exploration.Parameter * (Scaled(scores[0]) - Scaled(scores[i]))));
                    rest += probabilities[i];
                }
                probabilities[0] = 1 - rest;
                break;
            default:
                throw new ArgumentException($"no distribution for {exploration.Kind}", nameof(exploration));
        }

        double Scaled(double score) => range > 0 ? Math.Clamp((score - low) / range, 0, 1) : 0;
    }

    /// <summary>The position that a uniform number in [0, 1) falls on; one with probability 0 is never drawn.</summary>
    public static int Draw(ReadOnlySpan<double> probabilities, double uniform)
    {
        int last = 0;
        for (int i = 0; i < probabilities.Length; i++)
        {
            if (probabilities[i] > 0)
            {
                if (uniform < probabilities[i])
                {
                    return i;
                }
                uniform -= probabilities[i];
                last = i;
            }
        }
        return last; // rounding left a crumb
    }
}
