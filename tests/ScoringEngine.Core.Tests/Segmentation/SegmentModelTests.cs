using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Tests.Segmentation;

public class SegmentModelTests
{
    /// <summary>Numbers, one on a log scale, and a categorical feature with three categories.</summary>
    private static SegmentEncoding Encoding(int numbers)
        => new([
            .. Enumerable.Range(0, numbers).Select(i => new SegmentDimension(i, -1, i == 1, 0.1f * i, 1 + (0.1f * i))),
            .. Enumerable.Range(0, 3).Select(c => new SegmentDimension(numbers, c, false, 0.25f, 1.5f)),
        ]);

    private static SegmentModel Model(int numbers, int k)
        => new(Encoding(numbers), [.. TestPoints.Normal(k, numbers + 3, seed: k).Values], Segments(k), k + 1);

    private static ImmutableArray<Segment> Segments(int k)
        => [.. Enumerable.Range(1, k).Select(id => new Segment { Id = id, Name = $"s{id}", Description = "", Size = 1, Share = 1.0 / k })];

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 3)]
    [InlineData(25, 16)]
    [InlineData(40, 20)]
    public void Assign_BlockOfAnySize_HasTheBitsOfTheSingleRow(int numbers, int k)
    {
        SegmentModel model = Model(numbers, k);
        int stride = numbers + 3;
        FeatureMatrix rows = TestPoints.Normal(100, stride, seed: 2);
        for (int i = 0; i < rows.Rows; i++)
        {
            rows[i, numbers] = i % 5;
            if (i % 9 == 0)
            {
                rows[i, i % numbers] = float.NaN;
            }
        }
        float[] scratch = new float[model.ScratchLength];
        SegmentAssignment[] expected = [.. Enumerable.Range(0, 100).Select(i => model.Assign(rows.Row(i), scratch))];
        for (int count = 0; count <= 100; count++)
        {
            int[] indexes = new int[count];
            float[] distances = new float[count];
            float[] margins = new float[count];
            model.Assign(rows.Values.AsSpan(0, count * stride), count, stride, indexes, distances, margins, scratch);
            for (int i = 0; i < count; i++)
            {
                // Equality of the records holds NaN equal to NaN.
                Assert.Equal(expected[i], new SegmentAssignment(indexes[i], distances[i], margins[i]));
            }
        }
    }

    [Fact]
    public void Assign_LastRowWithoutItsStride_IsRead()
    {
        SegmentModel model = Model(4, 3);
        float[] rows = TestPoints.Normal(1, 15, seed: 1).Values;
        int[] indexes = new int[2];
        model.Assign(rows, 2, 10, indexes, [], [], new float[model.ScratchLength]);
        Assert.Equal(model.Assign(rows.AsSpan(10), new float[model.ScratchLength]).Index, indexes[1]);
    }

    [Fact]
    public void Assign_HandExample_GivesDistanceAndMargin()
    {
        SegmentModel model = new(
            new SegmentEncoding([new SegmentDimension(0, -1, false, 10, 0.5f), new SegmentDimension(1, -1, false, 0, 1)]),
            [0, 0, 3, 8], Segments(2), 3);
        Assert.Equal(new SegmentAssignment(1, 4, 1), model.Assign([16, 4], new float[model.ScratchLength]));
    }

    [Fact]
    public void Assign_OneSegment_HasNoMargin()
    {
        SegmentModel model = Model(2, 1);
        Assert.Equal(float.NaN, model.Assign([1, 2, 0], new float[model.ScratchLength]).Margin);
    }

    [Fact]
    public void Assign_AfterWarmUp_AllocatesNothing()
    {
        SegmentModel model = Model(25, 16);
        FeatureMatrix rows = TestPoints.Normal(500, 28, seed: 2);
        float[] scratch = new float[model.ScratchLength];
        int[] indexes = new int[500];
        float[] distances = new float[500];
        model.Assign(rows.Values, 500, 28, indexes, distances, distances, scratch);
        model.Assign(rows.Row(0), scratch);

        long before = GC.GetAllocatedBytesForCurrentThread();
        model.Assign(rows.Values, 500, 28, indexes, distances, distances, scratch);
        model.Assign(rows.Row(0), scratch);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Assign_ShortSpans_AreRefused()
    {
        SegmentModel model = Model(4, 3);
        float[] scratch = new float[model.ScratchLength];
        Assert.Throws<ArgumentException>(() => model.Assign(new float[4], scratch));
        Assert.Throws<ArgumentException>(() => model.Assign(new float[5], scratch.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => model.Assign(new float[9], 2, 5, new int[2], [], [], scratch));
        Assert.Throws<ArgumentException>(() => model.Assign(new float[10], 2, 4, new int[2], [], [], scratch));
        Assert.Throws<ArgumentException>(() => model.Assign(new float[10], 2, 5, new int[1], [], [], scratch));
        Assert.Throws<ArgumentException>(() => model.Assign(new float[10], 2, 5, new int[2], new float[1], [], scratch));
        Assert.Throws<ArgumentException>(() => model.Assign(new float[10], 2, 5, new int[2], [], new float[1], scratch));
        Assert.Throws<ArgumentException>(() => model.Assign(new float[10], 2, 5, new int[2], [], [], scratch.AsSpan(1)));
    }

    [Fact]
    public void Constructor_PartsThatDoNotFit_AreRefused()
    {
        SegmentEncoding encoding = new([new SegmentDimension(0, -1, false, 0, 1)]);
        ImmutableArray<Segment> two = Segments(2);
        Assert.Throws<ArgumentException>(() => new SegmentModel(encoding, [1, 2], [], 3));
        Assert.Throws<ArgumentException>(() => new SegmentModel(encoding, [1], two, 3));
        Assert.Throws<ArgumentException>(() => new SegmentModel(encoding, [1, float.NaN], two, 3));
        Assert.Throws<ArgumentException>(() => new SegmentModel(encoding, [1, 2], two, 2));
        Assert.Throws<ArgumentException>(() => new SegmentModel(encoding, [1, 2], [two[0], two[1] with { Id = 1 }], 3));
        Assert.Throws<ArgumentException>(() => new SegmentModel(encoding, [1, 2], [two[0], two[1] with { Id = 0 }], 3));
        Assert.Throws<ArgumentException>(() => new SegmentModel(encoding, [1, 2], [two[0], two[1] with { Name = "s1" }], 3));
    }
}
