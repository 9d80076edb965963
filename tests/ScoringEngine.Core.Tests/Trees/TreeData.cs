using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

/// <summary>Small generated data for the tests of trees.</summary>
internal static class TreeData
{
    public static FeatureSchema NumericSchema(int columns)
        => new(Enumerable.Range(0, columns).Select(i => new Feature { Id = i + 1, Name = "x" + i, Kind = FeatureKind.Numeric }));

    /// <summary>Standard normal values, a share of which is missing.</summary>
    public static FeatureMatrix Normal(int rows, int columns, long seed, double missing = 0)
    {
        SeededRandom random = new(seed);
        FeatureMatrix matrix = new(rows, columns);
        for (int i = 0; i < matrix.Values.Length; i++)
        {
            float value = (float)random.NextNormal();
            matrix.Values[i] = random.NextDouble() < missing ? float.NaN : value;
        }
        return matrix;
    }

    public static LabelledRows Label(Quantiser quantiser, FeatureMatrix rows, float[] targets, float[]? weights = null)
        => new(quantiser.Quantise(rows), targets, weights ?? []);

    public static float[] Predict(ObliviousEnsemble model, Quantiser quantiser, FeatureMatrix rows)
    {
        float[] margins = new float[rows.Rows];
        model.PredictMargins(quantiser, rows.Values, rows.Rows, rows.Columns, margins, new byte[model.ScratchLength]);
        return margins;
    }

    /// <summary>A smooth function of the first four columns with an interaction; missing counts as 0.</summary>
    public static double Signal(ReadOnlySpan<float> row)
    {
        double a = Known(row[0]);
        double b = Known(row[1]);
        return (a * b) + Math.Sin(2 * Known(row[2])) + (Known(row[3]) > 0.3 ? 2 : 0);

        static double Known(float v) => float.IsNaN(v) ? 0 : v;
    }

    public static float[] Targets(FeatureMatrix rows, double noise, long seed)
    {
        SeededRandom random = new(seed, 1);
        float[] targets = new float[rows.Rows];
        for (int r = 0; r < rows.Rows; r++)
        {
            targets[r] = (float)(Signal(rows.Row(r)) + (noise * random.NextNormal()));
        }
        return targets;
    }
}
