using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Tests.Trees;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>
/// A model set of random parts that has every kind of part: numbers with and without log, a boolean, categories known and
/// unknown to segments and trees, every bin of every column, trees of any depth, propensities with trees and without.
/// </summary>
internal static class SampleModels
{
    private const int Numbers = 5;
    private const int Columns = Numbers + 4;

    public static ModelSet Create(long seed, int trees = 40, bool logLink = false)
    {
        SeededRandom random = new(seed);
        FeatureSchema schema = new([
            .. Enumerable.Range(0, Numbers).Select(i => new Feature { Id = i + 1, Name = $"number {i}", Kind = FeatureKind.Numeric, Log1P = i == 1 }),
            new Feature { Id = 6, Name = "active", Kind = FeatureKind.Boolean },
            Category(7, "region", 4, context: false),
            Category(8, "product", 3, context: false),
            Category(9, "channel", 3, context: true),
        ]);
        Quantiser quantiser = new(Columns, [
            .. Enumerable.Range(0, Numbers).Select(i => QuantisedColumn.OfThresholds(i, [.. Enumerable.Range(0, 9).Select(t => (t - 4) * 0.4f)])),
            QuantisedColumn.OfThresholds(Numbers, [0.5f]),
            .. Enumerable.Range(0, 4).Select(c => QuantisedColumn.OfCategory(6, c)),
            .. Enumerable.Range(0, 2).Select(c => QuantisedColumn.OfCategory(7, c)),
            QuantisedColumn.OfCategory(8, 1),
            QuantisedColumn.OfCodes(7, [3, 0, 1]),
            QuantisedColumn.OfCodes(6, [2, 1, 5]),
        ]);
        SegmentEncoding encoding = new([
            new SegmentDimension(0, -1, false, 0.1f, 1.1f),
            .. Enumerable.Range(0, 3).Select(c => new SegmentDimension(6, c, false, 0.25f, 1.5f)),
            new SegmentDimension(1, -1, true, 0.4f, 1.9f),
            new SegmentDimension(5, -1, false, 0.5f, 2f),
            .. Enumerable.Range(1, 2).Select(c => new SegmentDimension(7, c, false, 0.3f, 1.2f)),
        ]);
        const int Segments = 5;
        SegmentModel segments = new(
            encoding,
            [.. Enumerable.Range(0, Segments * encoding.Dimensions.Length).Select(_ => (float)random.NextNormal())],
            [.. Enumerable.Range(0, Segments).Select(s => new Segment { Id = (3 * s) + 2, Name = $"s{s}", Description = "", Size = 10, Share = 1.0 / Segments })],
            nextId: 20);
        ProfitModel profit = new(
            logLink ? new ExponentialModel(Ensemble(seed + 1, quantiser, trees, scale: 0.3)) : Ensemble(seed + 1, quantiser, trees, scale: 20),
            Ensemble(seed + 2, quantiser, trees, scale: 20), 0.9, new TierBounds(25.1, 80.3),
            new ProfitTarget { Terms = [("profit", 1)] });
        ImmutableSortedDictionary<string, PropensityModel> propensities = ImmutableSortedDictionary.CreateRange(
            StringComparer.Ordinal, new Dictionary<string, PropensityModel>
            {
                ["trees"] = new(Ensemble(seed + 3, quantiser, trees, 0.3), new PlattCalibration(0.8, -1.1), 900, 200, 700.5, 0.2, 0.1, 100),
                ["rate"] = new(null, PlattCalibration.Identity, 30, 3, 25, 0.1, 0.02, 100),
                ["prior"] = PropensityModel.Prior(0.07, strength: 0),
                ["logistic"] = new(Regression(seed + 4), new PlattCalibration(1.2, 0.3), 800, 240, 790.25, 0.3, 0.1, 50),
                ["staged"] = new(new BoostedModel(Stage(seed + 7, LinearPieces.OfCuts(2, [-0.4f, 0.8f])), Ensemble(seed + 3, quantiser, trees, 0.3)),
                    new PlattCalibration(0.8, -1.1), 900, 200, 700.5, 0.2, 0.1, 100),
                ["staged by category"] = new(new BoostedModel(Stage(seed + 8, LinearPieces.OfCategories(6, [0, 2])), Ensemble(seed + 3, quantiser, 1, 0.3)),
                    new PlattCalibration(0.8, -1.1), 900, 200, 700.5, 0.2, 0.1, 100),
                ["isotonic"] = new(Ensemble(seed + 5, quantiser, trees, 0.3), Isotonic, 900, 300, 700.5, 0.3, 0.1, 100),
                ["constant"] = new(Regression(seed + 6), new IsotonicCalibration([0.5f], [0.25f]), 900, 300, 700.5, 0.3, 0.1, 100),
                ["average"] = new(
                    new AveragedModel(Ensemble(seed + 7, quantiser, trees, 0.3), Regression(seed + 8)), new PlattCalibration(1.1, -0.2), 900, 300, 700.5, 0.3, 0.1, 100),
            });
        ModelManifest manifest = new() { Name = "sample", Version = 1, CreatedAt = DateTimeOffset.UnixEpoch, SchemaHash = schema.Hash };
        return new ModelSet(schema, segments, [.. segments.Segments.Select(_ => new SegmentProfile(0, []))], quantiser, profit, propensities, manifest);
    }

    private static LinearStage Stage(long seed, LinearPieces pieces)
    {
        SeededRandom random = new(seed);
        return new LinearStage(
            Columns, pieces, [new LinearTerm(0, 0.1f, 2), new LinearTerm(2, -0.3f, 9), new LinearTerm(5, 0.5f, 4)],
            Normal(pieces.Count), Normal(3 * pieces.Count), [.. Enumerable.Repeat(1.0 / pieces.Count, pieces.Count)], [.. new double[3 * pieces.Count]]);

        ImmutableArray<float> Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(0.3 * random.NextNormal()))];
    }

    /// <summary>Rows with missing values, values on thresholds, and categories that are unknown to a part or to all.</summary>
    public static FeatureMatrix Rows(int count, long seed)
    {
        FeatureMatrix rows = TreeData.Normal(count, Columns, seed);
        SeededRandom random = new(seed, 1);
        for (int r = 0; r < count; r++)
        {
            rows[r, 1] = MathF.Abs(rows[r, 1]) * (r % 7 == 0 ? 1e-6f : 10);
            rows[r, 2] = MathF.Round(rows[r, 2] / 0.4f) * 0.4f;
            rows[r, 5] = rows[r, 5] > 0 ? 1 : 0;
            for (int c = Numbers + 1; c < Columns; c++)
            {
                rows[r, c] = (int)(random.NextDouble() * 6);
            }
            for (int c = 0; c < Columns; c++)
            {
                rows[r, c] = random.NextDouble() < 0.12 ? float.NaN : rows[r, c];
            }
        }
        rows.Row(0).Fill(float.NaN);
        return rows;
    }

    /// <summary>The scorer's results, propensities in the order of their ids.</summary>
    public static ScoreBlock Score(ModelSet models, FeatureMatrix rows)
    {
        Scorer scorer = new(models, models.Propensities.Select(p => (p.Key, p.Value.PriorRate)));
        ScoreBlock block = scorer.CreateBlock(rows.Rows);
        rows.Values.CopyTo(block.Rows.AsSpan());
        scorer.Score(block, rows.Rows);
        return block;
    }

    private static Feature Category(int id, string name, int categories, bool context) => new()
    {
        Id = id,
        Name = name,
        Kind = FeatureKind.Categorical,
        Context = context,
        Categories = [.. Enumerable.Range(0, categories).Select(c => $"{name} {c}")],
    };

    private static IsotonicCalibration Isotonic { get; } = new(
        [-1.5f, -0.75f, -0.7f, 0, 0.4f, 0.9f], [0.01f, 0.05f, 0.05f, 0.31f, 0.6f, 0.97f]);

    /// <summary>Every kind of term, mixed; context may be read, and a category that the schema does not have.</summary>
    private static LogisticRegression Regression(long seed)
    {
        SeededRandom random = new(seed);
        return new LogisticRegression(Columns, random.NextNormal(), [
            .. Enumerable.Range(0, 24).Select(i => new LogisticTerm(
                i % Columns, i % Columns <= Numbers ? i < Columns ? LogisticTermKind.Number : LogisticTermKind.Missing
                    : i < 2 * Columns ? LogisticTermKind.Category : LogisticTermKind.Missing,
                i % Columns > Numbers && i < 2 * Columns ? i % 5 : 0, i < Columns ? random.NextNormal() : 0,
                i < Columns ? 0.01 + random.NextDouble() : 1, random.NextNormal() / 4, 0)),
        ]);
    }

    private static ObliviousEnsemble Ensemble(long seed, Quantiser quantiser, int trees, double scale)
    {
        SeededRandom random = new(seed);
        byte[] depths = [.. Enumerable.Range(0, trees).Select(t => (byte)(t % 7))];
        int splits = depths.Sum(d => d);
        int[] columns = [.. Enumerable.Range(0, splits).Select(_ => (int)(random.NextDouble() * quantiser.Columns.Length))];
        return new ObliviousEnsemble(
            quantiser.Columns.Length,
            (float)(scale * random.NextNormal()),
            [.. depths],
            [.. columns],
            [.. columns.Select(c => (byte)(random.NextDouble() * quantiser.Columns[c].BinCount))],
            [.. Enumerable.Range(0, depths.Sum(d => 1 << d)).Select(_ => (float)(scale * random.NextNormal()))],
            [.. quantiser.Columns.Select(_ => 0.0)]);
    }
}
