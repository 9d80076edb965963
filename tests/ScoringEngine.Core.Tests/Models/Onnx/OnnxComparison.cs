using ScoringEngine.Core.Models.Onnx;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>How far two tensors are apart.</summary>
internal static class OnnxComparison
{
    /// <summary>Greatest difference relative to the greater of the value and 1; infinity for other types, sizes, integers or texts.</summary>
    public static double Difference(OnnxTensor ours, OnnxTensor theirs)
    {
        if (ours.ElementType != theirs.ElementType || !ours.Dimensions.SequenceEqual(theirs.Dimensions))
        {
            return double.PositiveInfinity;
        }
        return (ours, theirs) switch
        {
            (OnnxTensor<float> a, OnnxTensor<float> b) => Greatest(a.Values.Select(v => (double)v), b.Values.Select(v => (double)v)),
            (OnnxTensor<double> a, OnnxTensor<double> b) => Greatest(a.Values, b.Values),
            (OnnxTensor<long> a, OnnxTensor<long> b) => Equal(a, b),
            (OnnxTensor<int> a, OnnxTensor<int> b) => Equal(a, b),
            (OnnxTensor<uint> a, OnnxTensor<uint> b) => Equal(a, b),
            (OnnxTensor<bool> a, OnnxTensor<bool> b) => Equal(a, b),
            (OnnxTensor<string> a, OnnxTensor<string> b) => Equal(a, b),
            _ => double.PositiveInfinity,
        };

        static double Equal<T>(OnnxTensor<T> a, OnnxTensor<T> b) => a.Values.SequenceEqual(b.Values) ? 0 : double.PositiveInfinity;

        static double Greatest(IEnumerable<double> a, IEnumerable<double> b) => a.Zip(b, Relative).DefaultIfEmpty().Max();
    }

    private static double Relative(double a, double b)
        => (double.IsNaN(a) && double.IsNaN(b)) || a == b ? 0
            : double.IsFinite(a) && double.IsFinite(b) ? Math.Abs(a - b) / Math.Max(1, Math.Abs(b))
            : double.PositiveInfinity;
}
