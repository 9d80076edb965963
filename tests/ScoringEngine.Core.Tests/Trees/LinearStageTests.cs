using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Tests.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class LinearStageTests
{
    private const int MaxRows = 256;

    [Theory]
    [Trait("Kind", "kernel")]
    [InlineData(3, 2)]
    [InlineData(4, 4)]
    [InlineData(9, 5)]
    [InlineData(29, 28)]
    public void Margins_EveryRowCountAndPieces_EqualNaiveTwin(int rowLength, int terms)
    {
        FeatureMatrix rows = TreeData.Normal(MaxRows, rowLength, seed: rowLength, missing: 0.1);
        for (int r = 0; r < MaxRows; r += 9)
        {
            rows[r, r % rowLength] = r % 2 == 0 ? float.PositiveInfinity : r % 3 == 0 ? float.NegativeInfinity : float.MaxValue;
            rows[r, 0] = 2;
        }
        ImmutableArray<float> codes = [.. Enumerable.Range(0, LinearStage.MaxPieces - 1).Select(i => (float)i)];
        LinearPieces[] forms =
        [
            LinearPieces.One, LinearPieces.OfCuts(rowLength - 1, [-1, 0, 0.5f]),
            LinearPieces.OfCategories(0, codes), LinearPieces.OfCuts(0, [.. codes.Select(c => (c - 7) / 4)]),
        ];
        using GuardedMemory<float> rowMemory = new(rows.Values.Length);
        using GuardedMemory<float> marginMemory = new(MaxRows);
        foreach (LinearPieces pieces in forms)
        {
            LinearStage stage = Random(rowLength, terms, pieces);
            float[] expected = [.. Enumerable.Range(0, MaxRows).Select(r => Naive(stage, rows.Row(r)))];
            for (int count = 0; count <= MaxRows; count++)
            {
                Span<float> margins = marginMemory.Last(count);
                margins.Fill(float.NaN);
                stage.Margins(rowMemory.Last(rows.Values.AsSpan(0, count * rowLength)), count, rowLength, margins);
                Assert.Equal(expected[..count], margins.ToArray());
            }
            for (int r = 0; r < MaxRows; r++)
            {
                Assert.Equal(expected[r], stage.Margin(rowMemory.Last(rows.Row(r))));
            }
        }
    }

    [Fact]
    public void Constructor_PartsThatDoNotFit_Throws()
    {
        LinearTerm term = new(0, 0, 1);
        Assert.Equal(3.5f, Stage([term], [3], [0.5f]).Margin([7]));
        Assert.Equal(2.5f, Stage([term], [3], [0.5f]).Margin([-7]));
        Assert.Equal(3, Stage([term], [3], [0.5f]).Margin([float.NaN]));
        Assert.Throws<ArgumentException>(() => Stage([term], [3], []));
        Assert.Throws<ArgumentException>(() => Stage([term], [], [1]));
        Assert.Throws<ArgumentException>(() => Stage([term], [float.NaN], [1]));
        Assert.Throws<ArgumentException>(() => Stage([term with { Feature = 1 }], [3], [1]));
        Assert.Throws<ArgumentException>(() => Stage([term with { Limit = 0 }], [3], [1]));
        Assert.Throws<ArgumentException>(() => LinearPieces.OfCuts(0, [1, 1]));
        Assert.Throws<ArgumentException>(() => LinearPieces.OfCategories(0, [.. Enumerable.Range(0, 16).Select(i => (float)i)]));
        Assert.Throws<ArgumentException>(() => Stage([term], [3], [1]).Margin([]));

        static LinearStage Stage(ImmutableArray<LinearTerm> terms, ImmutableArray<float> intercepts, ImmutableArray<float> weights)
            => new(1, LinearPieces.One, terms, intercepts, weights, [1], [.. weights.Select(_ => 0.0)]);
    }

    private static LinearStage Random(int rowLength, int terms, LinearPieces pieces)
    {
        SeededRandom random = new(rowLength + pieces.Count);
        int[] features = [.. Enumerable.Range(0, rowLength)];
        random.Shuffle(features.AsSpan());
        float[] numbers = [.. Enumerable.Range(0, pieces.Count * (terms + 1)).Select(_ => (float)random.NextNormal())];
        return new LinearStage(
            rowLength, pieces, [.. features[..terms].Order().Select(f => new LinearTerm(f, f * 0.1f, 1 + (f % 3)))],
            [.. numbers[..pieces.Count]], [.. numbers[pieces.Count..]], [.. Enumerable.Repeat(1.0 / pieces.Count, pieces.Count)],
            [.. new double[terms * pieces.Count]]);
    }

    private static float Naive(LinearStage stage, ReadOnlySpan<float> row)
    {
        int piece = 0;
        for (int i = 0; i < stage.Pieces.Bounds.Length; i++)
        {
            float value = row[stage.Pieces.Feature];
            bool met = stage.Pieces.IsCategory ? value == stage.Pieces.Bounds[i] : value > stage.Pieces.Bounds[i];
            piece = met ? i + 1 : piece;
        }
        float margin = stage.Intercepts[piece];
        for (int t = 0; t < stage.Terms.Length; t++)
        {
            LinearTerm term = stage.Terms[t];
            float value = row[term.Feature];
            float answer = float.IsNaN(value) ? 0 : Math.Clamp(value - term.Center, -term.Limit, term.Limit);
            float product = stage.Weights[(t * stage.Pieces.Count) + piece] * answer;
            margin += product;
        }
        return margin;
    }
}
