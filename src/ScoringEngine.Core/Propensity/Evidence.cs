namespace ScoringEngine.Core.Propensity;

/// <summary>How much weighted outcomes say.</summary>
/// <param name="Rows">Effective number of rows, (sum of w)^2 / sum of w^2 (Kish, 1965); 0 without weight.</param>
/// <param name="Rate">Weighted share of label 1; 0 without weight.</param>
internal readonly record struct Evidence(double Rows, double Rate)
{
    public static Evidence Of(ReadOnlySpan<float> labels, ReadOnlySpan<float> weights)
    {
        double sum = 0;
        double squares = 0;
        double positive = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            double w = weights.IsEmpty ? 1 : weights[i];
            sum += w;
            squares += w * w;
            positive += w * labels[i];
        }
        return squares > 0 ? new Evidence(sum * sum / squares, positive / sum) : default;
    }
}
