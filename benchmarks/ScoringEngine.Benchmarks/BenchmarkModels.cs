using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// The models every kernel benchmark uses, over 28 numeric features: 100 trees of depth 6 on columns of 254 bins with
/// splits and leaves drawn at random (the kernels' work does not depend on them), and 16 segments.
/// </summary>
internal static class BenchmarkModels
{
    public const int Features = 28;
    public const int Trees = 100;
    public const int Depth = 6;
    public const int Segments = 16;

    /// <summary>[rows x <see cref="Features"/>] standard normal values.</summary>
    public static FeatureMatrix Rows(int rows)
    {
        SeededRandom random = new(1);
        FeatureMatrix matrix = new(rows, Features);
        foreach (ref float value in matrix.Values.AsSpan())
        {
            value = (float)random.NextNormal();
        }
        return matrix;
    }

    /// <summary>The schema of the rows.</summary>
    public static FeatureSchema Schema { get; }
        = new(Enumerable.Range(0, Features).Select(f => new Feature { Id = f + 1, Name = $"x{f}", Kind = FeatureKind.Numeric }));

    public static Quantiser Quantiser(FeatureMatrix rows) => Core.Trees.Quantiser.Fit(Schema, rows);

    public static ObliviousEnsemble Ensemble(Quantiser quantiser, long seed = 2)
    {
        SeededRandom random = new(seed);
        int columns = quantiser.Columns.Length;
        int[] splitColumns = [.. Enumerable.Range(0, Trees * Depth).Select(_ => random.Next(columns))];
        byte[] splitBins = [.. splitColumns.Select(c => (byte)random.Next(quantiser.Columns[c].BinCount - 1))];
        float[] leaves = [.. Enumerable.Range(0, Trees << Depth).Select(_ => (float)random.NextNormal())];
        return new ObliviousEnsemble(
            columns, 0.5f, [.. Enumerable.Repeat((byte)Depth, Trees)], [.. splitColumns], [.. splitBins], [.. leaves], [.. new double[columns]],
            [.. Enumerable.Repeat(1f, leaves.Length)]);
    }

    /// <summary>As many complete trees of the same depth in which every split has its own feature and threshold, as an import yields.</summary>
    public static GeneralEnsemble ImportedEnsemble()
    {
        const int Splits = (1 << Depth) - 1;
        SeededRandom random = new(4);
        GeneralTree[] trees = [.. Enumerable.Range(0, Trees).Select(_ => new GeneralTree(
            [.. Enumerable.Range(0, Splits).Select(_ => random.Next(Features))],
            [.. Enumerable.Range(0, Splits).Select(_ => (float)random.NextNormal())],
            [.. Enumerable.Repeat(SplitRules.MissingLeft, Splits)],
            [.. Enumerable.Range(0, Splits).Select(s => Child((2 * s) + 1))],
            [.. Enumerable.Range(0, Splits).Select(s => Child((2 * s) + 2))],
            [.. Enumerable.Range(0, Splits + 1).Select(_ => (double)(float)random.NextNormal())],
            [], []))];
        return new GeneralEnsemble(Features, [0.5], [.. trees], [.. new int[Trees]], MarginPrecision.Single);

        // Splits as in a heap, then leaves.
        static int Child(int node) => node < Splits ? node : ~(node - Splits);
    }

    /// <summary>A weight for every feature.</summary>
    public static LogisticRegression Regression()
    {
        SeededRandom random = new(5);
        return new LogisticRegression(Features, 0.5, [.. Enumerable.Range(0, Features)
            .Select(f => new LogisticTerm(f, LogisticTermKind.Number, 0, 0.1, 1.1, random.NextNormal(), 0))]);
    }

    /// <summary>Sixteen random centroids; every feature taken as it is, or its logarithm.</summary>
    public static SegmentModel SegmentModel(bool log1P)
    {
        SeededRandom random = new(3);
        ImmutableArray<SegmentDimension> dimensions = [.. Enumerable.Range(0, Features).Select(f => new SegmentDimension(f, -1, log1P, 0.1f, 1.1f))];
        ImmutableArray<float> centroids = [.. Enumerable.Range(0, Segments * Features).Select(_ => (float)random.NextNormal())];
        ImmutableArray<Segment> segments = [.. Enumerable.Range(1, Segments).Select(id => new Segment { Id = id, Name = $"segment {id}", Description = "", Size = 1, Share = 1.0 / Segments })];
        return new SegmentModel(new SegmentEncoding(dimensions), centroids, segments, Segments + 1);
    }
}
