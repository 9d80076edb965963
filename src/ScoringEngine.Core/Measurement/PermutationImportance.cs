using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Measurement;

/// <summary>
/// How much worse a model's predictions of held-out rows become when a feature's values are shuffled among the rows
/// (Breiman, 2001): what the model owes to it. Features that say the same share the credit or hide each other.
/// </summary>
public static class PermutationImportance
{
    /// <summary>Measures the importance of some features.</summary>
    /// <param name="rows">Held-out rows; shuffled in place one feature at a time, and as they were on return.</param>
    /// <param name="features">Columns of <paramref name="rows"/>.</param>
    /// <param name="loss">What a prediction of the rows loses against the outcomes: less is better. Any metric will do.</param>
    /// <param name="seed">Of the shuffles; a feature's do not depend on which others are asked for.</param>
    /// <param name="repeats">Shuffles of each feature, 1 or more.</param>
    /// <returns>Of each feature, the mean increase of the loss; about 0 or below where the model does not need it.</returns>
    /// <exception cref="ArgumentException">A feature is not a column.</exception>
    public static double[] Measure(
        FeatureMatrix rows, ReadOnlySpan<int> features, Func<FeatureMatrix, double> loss, long seed = 0, int repeats = 5)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(repeats);
        double before = loss(rows);
        double[] importance = new double[features.Length];
        float[] own = new float[rows.Rows];
        for (int i = 0; i < features.Length; i++)
        {
            int feature = features[i];
            if (feature < 0 || feature >= rows.Columns)
            {
                throw new ArgumentException($"feature {feature}, expected one of {rows.Columns} columns", nameof(features));
            }
            for (int r = 0; r < own.Length; r++)
            {
                own[r] = rows[r, feature];
            }
            try
            {
                SeededRandom random = new(seed, feature);
                for (int repeat = 0; repeat < repeats; repeat++)
                {
                    float[] shuffled = [.. own];
                    random.Shuffle(shuffled.AsSpan());
                    Set(feature, shuffled);
                    importance[i] += (loss(rows) - before) / repeats;
                }
            }
            finally
            {
                Set(feature, own);
            }
        }
        return importance;

        void Set(int feature, float[] values)
        {
            for (int r = 0; r < values.Length; r++)
            {
                rows[r, feature] = values[r];
            }
        }
    }
}
