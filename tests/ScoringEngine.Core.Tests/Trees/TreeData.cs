using System.Collections.Immutable;
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

    /// <summary>An ensemble with trees of every depth and random splits and leaves.</summary>
    public static ObliviousEnsemble Random(Quantiser quantiser, int trees, long seed)
    {
        SeededRandom random = new(seed);
        byte[] depths = [.. Enumerable.Range(0, trees).Select(t => (byte)(t % (ObliviousEnsemble.MaxDepth + 1)))];
        ImmutableArray<int>.Builder columns = ImmutableArray.CreateBuilder<int>();
        ImmutableArray<byte>.Builder bins = ImmutableArray.CreateBuilder<byte>();
        for (int i = 0; i < depths.Sum(d => d); i++)
        {
            columns.Add(random.Next(quantiser.Columns.Length));
            bins.Add((byte)random.Next(quantiser.Columns[columns[i]].BinCount - 1));
        }
        float[] leaves = new float[depths.Sum(d => 1 << d)];
        foreach (ref float leaf in leaves.AsSpan())
        {
            leaf = (float)random.NextNormal();
        }
        return new ObliviousEnsemble(
            quantiser.Columns.Length, 0.25f, [.. depths], columns.ToImmutable(), bins.ToImmutable(), [.. leaves],
            [.. new double[quantiser.Columns.Length]]);
    }
}
