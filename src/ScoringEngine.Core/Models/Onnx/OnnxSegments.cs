using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>
/// Segments that an ONNX model gives as labels. Distance is that of the label and margin how much farther the next
/// segment is, where the model has distances; else both are NaN. Evaluation allocates, in proportion to the rows.
/// </summary>
internal sealed class OnnxSegments : ISegmentAssigner
{
    private readonly OnnxRows _rows;
    private readonly Dictionary<string, int> _indexes;

    /// <param name="file">The file.</param>
    /// <param name="model">What the file holds.</param>
    /// <param name="inputs">Where its inputs come from.</param>
    /// <param name="output">The output with the labels, text or whole numbers.</param>
    /// <param name="distances">The output with the distance to each segment, in the order of labels; null for none.</param>
    /// <param name="labels">The label of each segment.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public OnnxSegments(ReadOnlyMemory<byte> file, OnnxModel model, InputMapping inputs, string output, string? distances, ImmutableArray<string> labels)
    {
        if (labels.Distinct(StringComparer.Ordinal).Count() != labels.Length)
        {
            throw new ArgumentException("a label comes twice", nameof(labels));
        }
        _rows = new OnnxRows(distances is null ? model.ForOutputs(output) : model.ForOutputs(output, distances), inputs);
        _indexes = labels.Index().ToDictionary(l => l.Item, l => l.Index, StringComparer.Ordinal);
        File = file;
        Name = model.Name;
        Output = output;
        Distances = distances;
        Labels = labels;
    }

    public ReadOnlyMemory<byte> File { get; }

    public string Name { get; }

    public InputMapping Inputs => _rows.Inputs;

    public string Output { get; }

    public string? Distances { get; }

    public ImmutableArray<string> Labels { get; }

    public int SegmentCount => Labels.Length;

    public int MinimumColumns => Inputs.MinimumColumns;

    public IEnumerable<int> Features => _rows.Inputs.Features;

    public int ScratchLength => 0;

    public SegmentAssignment Assign(ReadOnlySpan<float> row, Span<float> scratch)
    {
        Span<int> index = stackalloc int[1];
        Span<float> distance = stackalloc float[1];
        Span<float> margin = stackalloc float[1];
        Assign(row, 1, row.Length, index, distance, margin, scratch);
        return new SegmentAssignment(index[0], distance[0], margin[0]);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The model cannot be evaluated, or gives a label that is no segment's.</exception>
    public void Assign(
        ReadOnlySpan<float> rows, int rowCount, int rowStride,
        Span<int> indexes, Span<float> distances, Span<float> margins, Span<float> scratch)
    {
        for (int row = 0; row < rowCount; row += _rows.BlockRows)
        {
            int count = Math.Min(_rows.BlockRows, rowCount - row);
            IReadOnlyDictionary<string, OnnxTensor> outputs = _rows.Evaluate(rows[(row * rowStride)..], count, rowStride);
            float[] scores = Distances is null ? [] : OnnxRows.Numbers(outputs[Distances], count, Distances);
            if (Distances is not null && scores.Length != (long)count * SegmentCount)
            {
                throw new InvalidDataException($"{Name}: output '{Distances}' has {scores.Length / count} columns for {SegmentCount} segments");
            }
            for (int r = 0; r < count; r++)
            {
                int index = IndexOf(outputs[Output], r, count);
                indexes[row + r] = index;
                (float distance, float margin) = Distances is null ? (float.NaN, float.NaN) : Nearness(scores.AsSpan(r * SegmentCount, SegmentCount), index);
                if (!distances.IsEmpty)
                {
                    distances[row + r] = distance;
                }
                if (!margins.IsEmpty)
                {
                    margins[row + r] = margin;
                }
            }
        }
    }

    /// <summary>The label of a row, as text.</summary>
    /// <exception cref="InvalidDataException">The output holds no labels.</exception>
    public static string LabelOf(OnnxTensor labels, int row, int rows, string name) => labels switch
    {
        _ when labels.Length != rows => throw new InvalidDataException(
            $"output '{name}' has {OnnxTensor.Describe(labels.Dimensions)} for {rows} rows, expected one label a row"),
        OnnxTensor<long> numbers => numbers.Values[row].ToString(CultureInfo.InvariantCulture),
        OnnxTensor<int> numbers => numbers.Values[row].ToString(CultureInfo.InvariantCulture),
        OnnxTensor<string> texts => texts.Values[row],
        _ => throw new InvalidDataException($"output '{name}' is {labels.ElementType}, expected labels (whole numbers or text)"),
    };

    private int IndexOf(OnnxTensor labels, int row, int rows)
    {
        string label = LabelOf(labels, row, rows, Output);
        return _indexes.TryGetValue(label, out int index) ? index
            : throw new InvalidDataException($"{Name}: label '{label}' is no segment's; there are {string.Join(", ", Labels)}");
    }

    private static (float Distance, float Margin) Nearness(ReadOnlySpan<float> distances, int index)
    {
        float next = float.NaN;
        for (int s = 0; s < distances.Length; s++)
        {
            next = s == index ? next : float.IsNaN(next) ? distances[s] : MathF.Min(next, distances[s]);
        }
        return (distances[index], next - distances[index]);
    }
}
