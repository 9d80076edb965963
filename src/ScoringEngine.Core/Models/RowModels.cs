using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models;

/// <summary>What training and loading ask of any model that reads rows.</summary>
internal static class RowModels
{
    /// <summary>The margins of rows held in memory.</summary>
    public static float[] Predict(this IRowModel model, Quantiser quantiser, FeatureMatrix rows)
    {
        float[] margins = new float[rows.Rows];
        byte[] bins = new byte[ObliviousEnsemble.BlockRows * quantiser.Columns.Length];
        float[] scratch = new float[model.ScratchLength];
        for (int r = 0; r < rows.Rows; r += ObliviousEnsemble.BlockRows)
        {
            int count = Math.Min(ObliviousEnsemble.BlockRows, rows.Rows - r);
            ReadOnlySpan<float> values = rows.Values.AsSpan(r * rows.Columns, count * rows.Columns);
            quantiser.Quantise(values, count, rows.Columns, bins);
            model.Margins(new RowBlock(values, count, rows.Columns, bins, scratch), margins.AsSpan(r));
        }
        return margins;
    }

    /// <summary>The propensities of rows held in memory.</summary>
    public static float[] Predict(this PropensityModel model, Quantiser quantiser, FeatureMatrix rows)
        => [.. (model.Model?.Predict(quantiser, rows) ?? new float[rows.Rows]).Select(model.Propensity)];

    /// <summary>Positions in a row of the features whose values make a difference to the margin; all, where the model does not say.</summary>
    public static IEnumerable<int> FeaturesUsed(this IRowModel model, Quantiser quantiser) => model switch
    {
        ObliviousEnsemble trees => trees.SplitColumns.Distinct().Select(c => quantiser.Columns[c].Feature).Distinct(),
        LogisticRegression regression => regression.Terms.Select(t => t.Feature).Distinct(),
        AveragedModel both => both.Trees.FeaturesUsed(quantiser).Union(both.Regression.FeaturesUsed(quantiser)),
        _ => Enumerable.Range(0, quantiser.RowLength),
    };
}
