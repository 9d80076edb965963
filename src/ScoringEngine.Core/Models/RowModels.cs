using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Models.Onnx;
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
        quantiser.PredictMargins(model, rows, margins);
        return margins;
    }

    /// <summary>The propensities of rows held in memory.</summary>
    public static float[] Predict(this PropensityModel model, Quantiser quantiser, FeatureMatrix rows)
        => [.. (model.Model?.Predict(quantiser, rows) ?? new float[rows.Rows]).Select(margin => model.Propensity(margin))];

    /// <summary>Positions in a row of the features whose values make a difference to the margin; all, where the model does not say.</summary>
    public static IEnumerable<int> FeaturesUsed(this IRowModel model, Quantiser quantiser) => model switch
    {
        ObliviousEnsemble trees => trees.SplitColumns.Distinct().Select(c => quantiser.Columns[c].Feature).Distinct(),
        BoostedModel boosted => boosted.Trees.FeaturesUsed(quantiser).Union(boosted.Stage.FeaturesUsed()),
        ExponentialModel exponential => exponential.Inner.FeaturesUsed(quantiser),
        ImportedRowModel imported => imported.Inputs.Features,
        OnnxRowModel imported => imported.Inputs.Features,
        LogisticRegression regression => regression.Terms.Select(t => t.Feature).Distinct(),
        AveragedModel both => both.Trees.FeaturesUsed(quantiser).Union(both.Regression.FeaturesUsed(quantiser)),
        _ => Enumerable.Range(0, quantiser.RowLength),
    };

    private static IEnumerable<int> FeaturesUsed(this LinearStage stage)
        => stage.Terms.Select(t => t.Feature).Concat(stage.Pieces.Count > 1 ? [stage.Pieces.Feature] : []);
}
