using System.Globalization;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>From one element type to another.</summary>
internal static class Casting
{
    public static OnnxKernel Cast(OnnxNode node)
    {
        OnnxElementType to = (OnnxElementType)node.Int("to", 0);
        if (!Enum.IsDefined(to))
        {
            throw new InvalidDataException($"a cast to elements of type {(int)to} is not supported");
        }

        // Says what happens to values beyond the range of eight-bit floats, which are not supported.
        node.Ignore("saturate");
        return inputs => [To(inputs[0]!, to)];
    }

    public static OnnxTensor<float> ToFloat(OnnxTensor tensor) => (OnnxTensor<float>)To(tensor, OnnxElementType.Float);

    public static OnnxTensor<double> ToDouble(OnnxTensor tensor) => (OnnxTensor<double>)To(tensor, OnnxElementType.Double);

    public static OnnxTensor<long> ToInt64(OnnxTensor tensor) => (OnnxTensor<long>)To(tensor, OnnxElementType.Int64);

    private static OnnxTensor To(OnnxTensor tensor, OnnxElementType to)
    {
        if (tensor.ElementType == to)
        {
            return tensor;
        }
        return to switch
        {
            OnnxElementType.Float => tensor is OnnxTensor<long> wide
                ? Elementwise.Map(wide, v => (float)v)
                : Elementwise.Map(Numbers(tensor), v => (float)v),
            OnnxElementType.Double => Numbers(tensor),
            OnnxElementType.Int64 => tensor is OnnxTensor<string> text
                ? Elementwise.Map(text, ParseInteger)
                : Elementwise.Map(Numbers(tensor), v => (long)Whole(v, long.MinValue, long.MaxValue)),
            OnnxElementType.Int32 => tensor is OnnxTensor<long> wide
                ? Elementwise.Map(wide, v => (int)Whole(v, int.MinValue, int.MaxValue))
                : Elementwise.Map(Numbers(tensor), v => (int)Whole(v, int.MinValue, int.MaxValue)),
            OnnxElementType.UInt32 => Elementwise.Map(Numbers(tensor), v => (uint)Whole(v, uint.MinValue, uint.MaxValue)),
            OnnxElementType.Bool => Elementwise.Map(Numbers(tensor), v => v != 0),
            _ => tensor switch
            {
                OnnxTensor<long> integers => Elementwise.Map(integers, v => v.ToString(CultureInfo.InvariantCulture)),
                OnnxTensor<int> integers => Elementwise.Map(integers, v => v.ToString(CultureInfo.InvariantCulture)),

                // How many digits a float is written with is not defined.
                _ => throw new InvalidDataException($"a cast from {tensor.ElementType} to text is not supported"),
            },
        };
    }

    private static OnnxTensor<double> Numbers(OnnxTensor tensor) => tensor switch
    {
        OnnxTensor<float> x => Elementwise.Map(x, v => (double)v),
        OnnxTensor<double> x => x,
        OnnxTensor<long> x => Elementwise.Map(x, v => (double)v),
        OnnxTensor<int> x => Elementwise.Map(x, v => (double)v),
        OnnxTensor<uint> x => Elementwise.Map(x, v => (double)v),
        OnnxTensor<bool> x => Elementwise.Map(x, v => v ? 1.0 : 0.0),
        OnnxTensor<string> x => Elementwise.Map(x, ParseNumber),
        _ => throw Elementwise.Unsupported(tensor),
    };

    /// <summary>The number without its fraction; out of range is an error, because runtimes differ there.</summary>
    private static double Whole(double value, double minimum, double maximum)
    {
        double whole = Math.Truncate(value);
        return whole >= minimum && whole <= maximum && whole != 9223372036854775808.0 ? whole
            : throw new InvalidDataException(FormattableString.Invariant($"{value} is no integer of the type that it is cast to"));
    }

    private static long ParseInteger(string text)
        => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value
            : throw new InvalidDataException($"'{text}' is no integer");

    private static double ParseNumber(string text)
        => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value
            : throw new InvalidDataException($"'{text}' is no number");
}
