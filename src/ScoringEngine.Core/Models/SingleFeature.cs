using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models;

/// <summary>
/// What one feature alone tells about a target, by the mean of the target in each of its bins: nearly everything only
/// where it is part of the target or known after it.
/// </summary>
internal sealed class SingleFeature
{
    // One bin for missing values, one more than thresholds, or one a category and one for codes beyond them.
    private readonly int _feature;
    private readonly ImmutableArray<float> _thresholds;
    private readonly int _bins;
    private readonly bool _categorical;

    private SingleFeature(int feature, ImmutableArray<float> thresholds, int categories)
    {
        _feature = feature;
        _thresholds = thresholds;
        _categorical = categories > 0;
        _bins = 2 + (_categorical ? categories : thresholds.Length);
    }

    /// <summary>The features that a quantiser found to vary, by position in a row.</summary>
    public static IEnumerable<(int Feature, SingleFeature Model)> All(FeatureSchema schema, Quantiser quantiser)
        => quantiser.Columns.DistinctBy(c => c.Feature)
            .Select(c => (c.Feature, new SingleFeature(c.Feature, c.Thresholds, schema.Features[c.Feature].Categories.Length)));

    /// <summary>Predictions of held-out rows by the means of training rows, drawn towards the mean of all by one row.</summary>
    public float[] Predict(FeatureMatrix rows, float[] targets, int[] training, int[] heldOut)
    {
        double[] sums = new double[_bins];
        int[] counts = new int[_bins];
        double sum = 0;
        foreach (int row in training)
        {
            int bin = Bin(rows[row, _feature]);
            sums[bin] += targets[row];
            counts[bin]++;
            sum += targets[row];
        }
        double mean = sum / training.Length;
        return [.. heldOut.Select(row => Bin(rows[row, _feature])).Select(bin => (float)((sums[bin] + mean) / (counts[bin] + 1)))];
    }

    /// <summary>
    /// R2 of held-out targets by the bins' means, or by a straight line where that is better: bins are wide where values
    /// are few.
    /// </summary>
    public double RSquared(FeatureMatrix rows, float[] targets, int[] training, int[] heldOut)
    {
        float[] actual = [.. heldOut.Select(row => targets[row])];
        double bins = RegressionMetrics.RSquared(actual, Predict(rows, targets, training, heldOut));
        return _categorical ? bins : Math.Max(bins, RegressionMetrics.RSquared(actual, PredictByLine(rows, targets, training, heldOut)));
    }

    private float[] PredictByLine(FeatureMatrix rows, float[] targets, int[] training, int[] heldOut)
    {
        int[] known = [.. training.Where(row => !float.IsNaN(rows[row, _feature]))];
        double x = 0;
        double y = 0;
        foreach (int row in known)
        {
            x += rows[row, _feature];
            y += targets[row];
        }
        (x, y) = known.Length > 0 ? (x / known.Length, y / known.Length) : (0, 0);
        double xx = 0;
        double xy = 0;
        foreach (int row in known)
        {
            double dx = rows[row, _feature] - x;
            xx += dx * dx;
            xy += dx * (targets[row] - y);
        }
        double slope = xx > 0 ? xy / xx : 0;
        return [.. heldOut.Select(row => rows[row, _feature]).Select(v => (float)(float.IsNaN(v) ? y : y + (slope * (v - x))))];
    }

    private int Bin(float value)
        => float.IsNaN(value) ? 0 : 1 + (_categorical ? Math.Min((int)value, _bins - 2) : Distribution.Bin(_thresholds, value));
}
