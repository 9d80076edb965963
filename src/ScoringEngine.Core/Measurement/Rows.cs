namespace ScoringEngine.Core.Measurement;

/// <summary>What all metrics ask of their spans of rows.</summary>
internal static class Rows
{
    public static void Require(ReadOnlySpan<float> targets, ReadOnlySpan<float> predictions, ReadOnlySpan<float> weights)
    {
        if (predictions.Length != targets.Length || (!weights.IsEmpty && weights.Length != targets.Length))
        {
            throw new ArgumentException(
                $"expected as many predictions as targets ({targets.Length}) and as many or no weights, "
                + $"found {predictions.Length} and {weights.Length}");
        }
    }

    public static float Weight(ReadOnlySpan<float> weights, int row) => weights.IsEmpty ? 1 : weights[row];
}
