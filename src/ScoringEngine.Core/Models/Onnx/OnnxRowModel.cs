using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>An ONNX model as a part of a version. Evaluation allocates, in proportion to the rows of a block.</summary>
internal sealed class OnnxRowModel : IRowModel
{
    // Log-odds stay finite; as probabilities both ends are 0 and 1 within half a float's precision.
    private const double LeastProbability = 1.17549435e-38;
    private const double GreatestProbability = 1 - 1.49e-8;

    private readonly OnnxRows _rows;

    /// <param name="file">The file.</param>
    /// <param name="model">What the file holds.</param>
    /// <param name="inputs">Where its inputs come from.</param>
    /// <param name="output">The output that is read.</param>
    /// <param name="prediction">Which of its columns counts.</param>
    /// <param name="logOdds">Whether the margin is the log-odds of the prediction, a probability, rather than the prediction.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public OnnxRowModel(ReadOnlyMemory<byte> file, OnnxModel model, InputMapping inputs, string output, int prediction, bool logOdds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prediction);
        _rows = new OnnxRows(model.ForOutputs(output), inputs);
        File = file;
        Name = model.Name;
        Output = output;
        Prediction = prediction;
        LogOdds = logOdds;
    }

    public ReadOnlyMemory<byte> File { get; }

    public string Name { get; }

    public InputMapping Inputs => _rows.Inputs;

    public string Output { get; }

    public int Prediction { get; }

    public bool LogOdds { get; }

    public int ScratchLength => 0;

    public void RequireFit(Quantiser quantiser)
    {
        ArgumentNullException.ThrowIfNull(quantiser);
        if (Inputs.MinimumColumns > quantiser.RowLength)
        {
            throw new ArgumentException($"an imported model reads {Inputs.MinimumColumns} values of rows of {quantiser.RowLength}");
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The model cannot be evaluated; see <see cref="OnnxModel.Evaluate"/>.</exception>
    public void Margins(in RowBlock rows, Span<float> margins)
    {
        if (margins.Length < rows.Count || rows.Stride < Inputs.MinimumColumns)
        {
            throw new ArgumentException("rows or margins are too short");
        }
        for (int row = 0; row < rows.Count; row += _rows.BlockRows)
        {
            int count = Math.Min(_rows.BlockRows, rows.Count - row);
            OnnxTensor output = _rows.Evaluate(rows.Values[(row * rows.Stride)..], count, rows.Stride)[Output];
            float[] values = OnnxRows.Numbers(output, count, Output);
            int width = values.Length / count;
            if (Prediction >= width)
            {
                throw new InvalidDataException($"{Name}: output '{Output}' has {width} columns, expected more than {Prediction}");
            }
            for (int r = 0; r < count; r++)
            {
                float value = values[(r * width) + Prediction];
                margins[row + r] = LogOdds ? (float)DeterministicMath.Logit(Math.Clamp(value, LeastProbability, GreatestProbability)) : value;
            }
        }
    }
}
