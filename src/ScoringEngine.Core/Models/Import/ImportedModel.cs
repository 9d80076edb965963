using System.Collections.Immutable;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>A model that was trained elsewhere, as the runtime evaluates it. Immutable and thread-safe.</summary>
public sealed record ImportedModel
{
    /// <summary>Format and version of the file, e.g. <c>XGBoost JSON 1.7.4</c>.</summary>
    public required string Source { get; init; }

    /// <summary>The objective with its parameters, as the file names it; <c>custom</c> where it names none.</summary>
    public required string Objective { get; init; }

    /// <summary>Names of the inputs in order; empty where the file has none.</summary>
    public required ImmutableArray<string> FeatureNames { get; init; }

    /// <summary>What gives the margins.</summary>
    public required IMarginModel MarginModel { get; init; }

    /// <summary>How predictions follow from margins.</summary>
    public required PredictionTransform Transform { get; init; }

    /// <summary>Trees that one boosting iteration adds; 0 for a linear model.</summary>
    public int TreesPerIteration { get; init; }

    /// <summary>The iteration that early stopping chose, from 0, where the file says so.</summary>
    public int? BestIteration { get; init; }

    /// <summary>Values of a row.</summary>
    public int FeatureCount => MarginModel.FeatureCount;

    /// <summary>Predictions of a row: 1, or one for each class.</summary>
    public int Outputs => MarginModel.Outputs;

    /// <summary>Features that are split by category codes (whole numbers from 0), in ascending order.</summary>
    public ImmutableArray<int> CategoricalFeatures => MarginModel is GeneralEnsemble ensemble
        ? [.. ensemble.Trees
            .SelectMany(t => t.Features.Where((_, s) => (t.Rules[s] & SplitRules.Category) != 0))
            .Distinct()
            .Order()]
        : [];

    /// <summary>Predicts a block of rows. Allocates nothing.</summary>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>. NaN is missing.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowStride">Values from one row to the next, at least <see cref="FeatureCount"/>.</param>
    /// <param name="predictions">OUT [rowCount x <see cref="Outputs"/>], row-major.</param>
    /// <param name="scratch">At least the margin model's <see cref="IMarginModel.ScratchLength"/> values, overwritten.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public void Predict(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<double> predictions, Span<float> scratch)
    {
        MarginModel.Margins(rows, rowCount, rowStride, predictions, scratch);
        for (int row = 0; row < rowCount; row++)
        {
            Transform.Apply(predictions.Slice(row * Outputs, Outputs));
        }
    }

    /// <summary>The same model with its first iterations only, as for <see cref="BestIteration"/> + 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 or more than the model has.</exception>
    /// <exception cref="InvalidOperationException">The model has no iterations: it is linear.</exception>
    public ImportedModel FirstIterations(int iterations)
    {
        if (MarginModel is not GeneralEnsemble ensemble)
        {
            throw new InvalidOperationException("a linear model has no iterations");
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(iterations, ensemble.Trees.Length / TreesPerIteration);
        int trees = iterations * TreesPerIteration;
        int averagedOver = ensemble.AveragedOver == 1 ? 1 : iterations;
        return this with
        {
            MarginModel = new GeneralEnsemble(
                FeatureCount, ensemble.BaseMargins, ensemble.Trees[..trees], ensemble.TreeOutputs[..trees], ensemble.Precision, averagedOver),
        };
    }
}
