using System.Diagnostics;
using System.Runtime.InteropServices;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// An <see cref="ImportedModel"/>, trees or linear, as a part of a version. Rows are evaluated in strips without
/// allocation.
/// </summary>
internal sealed class ImportedRowModel : IRowModel
{
    private const int StripRows = GeneralEnsemble.BlockRows;

    /// <param name="model">The model.</param>
    /// <param name="inputs">Where its inputs come from.</param>
    /// <param name="prediction">Which of its predictions counts.</param>
    /// <param name="logOdds">Whether the margin is the log-odds of the prediction rather than the prediction.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public ImportedRowModel(ImportedModel model, InputMapping inputs, int prediction, bool logOdds)
    {
        if (inputs.Inputs.Length != model.FeatureCount)
        {
            throw new ArgumentException($"{inputs.Inputs.Length} inputs for a model that reads {model.FeatureCount}", nameof(inputs));
        }
        ArgumentOutOfRangeException.ThrowIfNegative(prediction);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(prediction, model.Outputs);
        if (logOdds && model.Transform.Link is not (MarginLink.Logistic or MarginLink.Softmax))
        {
            throw new ArgumentException($"objective '{model.Objective}' gives no probability", nameof(logOdds));
        }
        Model = model;
        Inputs = inputs;
        Prediction = prediction;
        LogOdds = logOdds;
        long scratch = ((long)StripRows * (model.FeatureCount + (2 * model.Outputs))) + model.MarginModel.ScratchLength;
        ScratchLength = scratch <= Array.MaxLength ? (int)scratch
            : throw new ArgumentException($"{model.FeatureCount} inputs and {model.Outputs} outputs are too many");
    }

    public ImportedModel Model { get; }

    public InputMapping Inputs { get; }

    public int Prediction { get; }

    public bool LogOdds { get; }

    public int ScratchLength { get; }

    public void RequireFit(Quantiser quantiser)
    {
        ArgumentNullException.ThrowIfNull(quantiser);
        if (Inputs.MinimumColumns > quantiser.RowLength)
        {
            throw new ArgumentException($"an imported model reads {Inputs.MinimumColumns} values of rows of {quantiser.RowLength}");
        }
    }

    public void Margins(in RowBlock rows, Span<float> margins)
    {
        if (rows.Scratch.Length < ScratchLength || margins.Length < rows.Count || rows.Stride < Inputs.MinimumColumns)
        {
            throw new ArgumentException("rows, margins or scratch are too short");
        }
        int outputs = Model.Outputs;
        Span<double> predictions = MemoryMarshal.Cast<float, double>(rows.Scratch[..(2 * StripRows * outputs)]);
        Span<float> inputs = rows.Scratch.Slice(2 * StripRows * outputs, StripRows * Model.FeatureCount);
        Span<float> scratch = rows.Scratch[(StripRows * ((2 * outputs) + Model.FeatureCount))..];
        for (int row = 0; row < rows.Count; row += StripRows)
        {
            int count = Math.Min(StripRows, rows.Count - row);
            Inputs.Map(rows.Values[(row * rows.Stride)..], count, rows.Stride, inputs);
            Model.MarginModel.Margins(inputs, count, Model.FeatureCount, predictions, scratch);
            for (int r = 0; r < count; r++)
            {
                margins[row + r] = (float)Margin(predictions.Slice(r * outputs, outputs));
            }
        }
    }

    private double Margin(Span<double> margins)
    {
        if (!LogOdds)
        {
            Model.Transform.Apply(margins);
            return margins[Prediction];
        }
        return Model.Transform.Link == MarginLink.Logistic ? Model.Transform.Scale * margins[Prediction] : LogOddsOfSoftmax(margins);
    }

    // ln(p / (1 - p)) with p = e^m / sum of e^others: no difference of nearly equal probabilities is taken.
    private double LogOddsOfSoftmax(ReadOnlySpan<double> margins)
    {
        Debug.Assert(margins.Length > 1);
        double greatest = double.NegativeInfinity;
        for (int k = 0; k < margins.Length; k++)
        {
            greatest = k == Prediction ? greatest : Math.Max(greatest, margins[k]);
        }
        double sum = 0;
        for (int k = 0; k < margins.Length; k++)
        {
            sum += k == Prediction ? 0 : DeterministicMath.Exp(margins[k] - greatest);
        }
        return margins[Prediction] - greatest - DeterministicMath.Log(sum);
    }
}
