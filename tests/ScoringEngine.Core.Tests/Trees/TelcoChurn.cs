using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Trees;

/// <summary>The Telco churn data: 7,043 customers, 19 features.</summary>
internal static class TelcoChurn
{
    public static (FeatureSchema Schema, FeatureMatrix Rows, float[] Churned) Load()
    {
        string[][] lines = [.. File.ReadLines(RealData.File("telco/Telco-Customer-Churn.csv")).Select(line => line.Trim().Split(','))];
        string[] header = lines[0];
        string[][] data = lines[1..];
        int features = header.Length - 2; // without the id and the target
        FeatureMatrix rows = new(data.Length, features);
        List<Feature> schema = [];
        for (int c = 0; c < features; c++)
        {
            bool numeric = header[c + 1] is "SeniorCitizen" or "tenure" or "MonthlyCharges" or "TotalCharges";
            string[] categories = numeric ? [] : [.. data.Select(line => line[c + 1]).Distinct().Order(StringComparer.Ordinal)];
            schema.Add(new Feature
            {
                Id = c + 1,
                Name = header[c + 1],
                Kind = numeric ? FeatureKind.Numeric : FeatureKind.Categorical,
                Categories = [.. categories],
            });
            for (int r = 0; r < data.Length; r++)
            {
                string text = data[r][c + 1];
                rows[r, c] = !numeric ? Array.IndexOf(categories, text)
                    : string.IsNullOrWhiteSpace(text) ? float.NaN : float.Parse(text, CultureInfo.InvariantCulture);
            }
        }
        return (new FeatureSchema(schema), rows, [.. data.Select(line => line[^1] == "Yes" ? 1f : 0f)]);
    }
}
