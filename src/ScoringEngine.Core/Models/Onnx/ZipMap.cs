using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Models.Onnx.Format;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Makes a map from class to score of each row. Here the scores stay a tensor, and the keys go with the output.</summary>
internal static class ZipMap
{
    private const string Integers = "classlabels_int64s";
    private const string Texts = "classlabels_strings";

    public static OnnxKernel Build(OnnxNode node)
    {
        int keys = new ClassLabels(node, Integers, Texts).Count;
        return inputs =>
        {
            OnnxTensor<float> rows = Encoders.Rows(inputs[0]!);
            return rows.Dimensions[1] == keys ? [rows] : throw new InvalidDataException($"rows of {rows.Dimensions[1]} values for {keys} keys");
        };
    }

    /// <summary>The keys of the maps; empty when the node is another operator.</summary>
    public static ImmutableArray<string> KeysOf(NodeProto node) => node.OpType != "ZipMap" ? [] :
    [
        .. node.Attribute.Where(a => a.Name == Integers).SelectMany(a => a.Ints).Select(i => i.ToString(CultureInfo.InvariantCulture)),
        .. node.Attribute.Where(a => a.Name == Texts).SelectMany(a => a.Strings).Select(s => s.ToString(Encoding.UTF8)),
    ];
}
