using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Measurement;

/// <summary>
/// How good probabilities of a yes-or-no outcome are. Labels are 0 or 1; an empty span of weights means that each row
/// weighs 1. Sums run in row order in double precision. Thread-safe.
/// </summary>
public static class ClassificationMetrics
{
    /// <summary>
    /// Area under the ROC curve: the probability that a random positive scores above a random negative, a tie counting
    /// half. 0..1; NaN when there is no positive or no negative weight.
    /// </summary>
    /// <exception cref="ArgumentException">Lengths differ, a label is not 0 or 1, or a score is NaN.</exception>
    public static double AreaUnderCurve(
        ReadOnlySpan<float> labels, ReadOnlySpan<float> scores, ReadOnlySpan<float> weights = default)
    {
        Rows.Require(labels, scores, weights);
        RequireLabels(labels);
        float[] sorted = scores.ToArray();
        int[] order = new int[sorted.Length];
        for (int i = 0; i < order.Length; i++)
        {
            if (float.IsNaN(sorted[i]))
            {
                throw new ArgumentException($"score of row {i} is NaN", nameof(scores));
            }
            order[i] = i;
        }
        Array.Sort(sorted, order);
        double negativesBelow = 0;
        double positives = 0;
        double pairs = 0;
        for (int i = 0; i < order.Length;)
        {
            double tiedPositives = 0;
            double tiedNegatives = 0;
            float score = sorted[i];
            for (; i < order.Length && sorted[i] == score; i++)
            {
                double w = Rows.Weight(weights, order[i]);
                if (labels[order[i]] == 1)
                {
                    tiedPositives += w;
                }
                else
                {
                    tiedNegatives += w;
                }
            }
            pairs += tiedPositives * (negativesBelow + (tiedNegatives / 2));
            negativesBelow += tiedNegatives;
            positives += tiedPositives;
        }
        return pairs / (positives * negativesBelow);
    }

    /// <summary>
    /// Mean negative log likelihood in nats; probabilities are first clipped to 1e-15..1 - 1e-15, as usual, so that one
    /// impossible outcome does not hide all others. NaN without rows.
    /// </summary>
    /// <exception cref="ArgumentException">Lengths differ, a label is not 0 or 1, or a probability is not in 0..1.</exception>
    public static double LogLoss(
        ReadOnlySpan<float> labels, ReadOnlySpan<float> probabilities, ReadOnlySpan<float> weights = default)
    {
        RequireProbabilities(labels, probabilities, weights);
        double sum = 0;
        double total = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            double w = Rows.Weight(weights, i);
            sum += w * RowLogLoss(labels[i], probabilities[i]);
            total += w;
        }
        return sum / total;
    }

    /// <summary>
    /// How much greater the log-loss of some probabilities is than that of others of the same rows, with the standard
    /// error of that: compared row by row, most of what is hard about the rows cancels out. NaN without rows.
    /// </summary>
    /// <exception cref="ArgumentException">Lengths differ, a label is not 0 or 1, or a probability is not in 0..1.</exception>
    public static (double Difference, double StandardError) LogLossDifference(
        ReadOnlySpan<float> labels, ReadOnlySpan<float> probabilities, ReadOnlySpan<float> others, ReadOnlySpan<float> weights = default)
    {
        RequireProbabilities(labels, probabilities, weights);
        RequireProbabilities(labels, others, weights);
        double[] differences = new double[labels.Length];
        double sum = 0;
        double total = 0;
        for (int i = 0; i < differences.Length; i++)
        {
            differences[i] = RowLogLoss(labels[i], probabilities[i]) - RowLogLoss(labels[i], others[i]);
            sum += Rows.Weight(weights, i) * differences[i];
            total += Rows.Weight(weights, i);
        }
        double mean = sum / total;
        double squares = 0;
        for (int i = 0; i < differences.Length; i++)
        {
            double deviation = Rows.Weight(weights, i) * (differences[i] - mean);
            squares += deviation * deviation;
        }
        return (mean, Math.Sqrt(squares) / total);
    }

    /// <summary>Mean squared difference of probability and label (Brier, 1950), 0..1. NaN without rows.</summary>
    /// <exception cref="ArgumentException">Lengths differ, a label is not 0 or 1, or a probability is not in 0..1.</exception>
    public static double BrierScore(
        ReadOnlySpan<float> labels, ReadOnlySpan<float> probabilities, ReadOnlySpan<float> weights = default)
    {
        RequireProbabilities(labels, probabilities, weights);
        double sum = 0;
        double total = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            double w = Rows.Weight(weights, i);
            double error = (double)probabilities[i] - labels[i];
            sum += w * error * error;
            total += w;
        }
        return sum / total;
    }

    /// <summary>
    /// Expected calibration error over bins of equal mass: rows sorted by probability (ties by row) are cut into
    /// <paramref name="bins"/> runs of equal numbers of rows (which differ by at most one); the result is the mean over
    /// bins, weighted by the rows' weights, of |mean probability - mean label|. 0..1; NaN without rows. Even a perfect
    /// model shows about 0.8 * sqrt(p (1 - p) * bins / rows).
    /// </summary>
    /// <exception cref="ArgumentException">Lengths differ, a label is not 0 or 1, or a probability is not in 0..1.</exception>
    public static double ExpectedCalibrationError(
        ReadOnlySpan<float> labels, ReadOnlySpan<float> probabilities, ReadOnlySpan<float> weights = default, int bins = 10)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bins);
        RequireProbabilities(labels, probabilities, weights);
        (float Probability, int Row)[] sorted = new (float, int)[labels.Length];
        for (int i = 0; i < sorted.Length; i++)
        {
            sorted[i] = (probabilities[i], i);
        }
        Array.Sort(sorted);
        double error = 0;
        double total = 0;
        for (int bin = 0; bin < bins; bin++)
        {
            double difference = 0;
            int end = (int)((long)sorted.Length * (bin + 1) / bins);
            for (int i = (int)((long)sorted.Length * bin / bins); i < end; i++)
            {
                (float p, int row) = sorted[i];
                double w = Rows.Weight(weights, row);
                difference += w * ((double)p - labels[row]);
                total += w;
            }
            error += Math.Abs(difference);
        }
        return error / total;
    }

    private static double RowLogLoss(float label, float probability)
    {
        const double Clip = 1e-15;
        double p = Math.Clamp(probability, Clip, 1 - Clip);
        return -(label == 1 ? DeterministicMath.Log(p) : DeterministicMath.Log1P(-p));
    }

    private static void RequireProbabilities(ReadOnlySpan<float> labels, ReadOnlySpan<float> probabilities, ReadOnlySpan<float> weights)
    {
        Rows.Require(labels, probabilities, weights);
        RequireLabels(labels);
        for (int i = 0; i < probabilities.Length; i++)
        {
            if (probabilities[i] is not (>= 0 and <= 1))
            {
                throw new ArgumentException($"probability of row {i} is {probabilities[i]}, expected 0..1", nameof(probabilities));
            }
        }
    }

    private static void RequireLabels(ReadOnlySpan<float> labels)
    {
        for (int i = 0; i < labels.Length; i++)
        {
            if (labels[i] is not (0 or 1))
            {
                throw new ArgumentException($"label of row {i} is {labels[i]}, expected 0 or 1", nameof(labels));
            }
        }
    }
}
