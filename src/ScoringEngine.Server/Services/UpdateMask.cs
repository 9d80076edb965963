using Google.Protobuf.WellKnownTypes;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Server.Services;

/// <summary>Which features of a customer an update is about (AIP-134): paths "features.NAME" with the name as in the schema.</summary>
internal static class UpdateMask
{
    private const string Features = "features";
    private const string Everything = "*";

    /// <summary>Reads a mask; what is wrong with it becomes violations.</summary>
    /// <param name="mask">From a request.</param>
    /// <param name="schema">The features there are.</param>
    /// <param name="violations">Receives what is wrong.</param>
    /// <returns>Indexes of the features; null when all are meant.</returns>
    public static HashSet<int>? Read(FieldMask? mask, FeatureSchema schema, ref Violations violations)
    {
        if (mask is null || mask.Paths.Count == 0 || (mask.Paths.Count == 1 && mask.Paths[0] is Features or Everything))
        {
            return null;
        }
        HashSet<int> features = [];
        for (int i = 0; i < mask.Paths.Count && !violations.Full; i++)
        {
            string path = mask.Paths[i];
            string name = path.StartsWith($"{Features}.", StringComparison.Ordinal) ? path[(Features.Length + 1)..] : "";
            int feature = schema.IndexOf(name);
            if (feature >= 0 && !schema.Features[feature].Context)
            {
                features.Add(feature);
                continue;
            }
            string? nearest = path.Length > InlineFeatures.MaxCategoryBytes ? null : schema.Nearest(name.Length > 0 ? name : path);
            violations.Add($"update_mask.paths[{i}]", feature >= 0 ? $"'{name}' is known only in an interaction and is not stored with a customer"
                : $"{Failure.Quote(path)}, expected {Features}.NAME{(nearest is null ? "" : $" (did you mean '{Features}.{nearest}'?)")}");
        }
        return features;
    }
}
