using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class QuantiserTests
{
    [Fact]
    public void Fit_FewDistinctValues_CutsMidwayBetweenThem()
    {
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(1), new FeatureMatrix(5, 1, [3, 1, 1, 7, 3]));

        Assert.Equal([2f, 5f], quantiser.Columns[0].Thresholds);
        Assert.Equal(4, quantiser.Columns[0].BinCount);
    }

    [Fact]
    public void Fit_NeighbouringFloats_KeepsThemApart()
    {
        float low = 1;
        float high = MathF.BitIncrement(low);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(1), new FeatureMatrix(2, 1, [low, high]));

        Assert.Equal([1, 2], Bins(quantiser, [low, high], 2));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(255)]
    public void Fit_ManyValues_BinsHaveNearlyEqualMass(int maxBins)
    {
        FeatureMatrix rows = TreeData.Normal(20_000, 1, seed: 3);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(1), rows, new QuantiserOptions { MaxBins = maxBins });
        int[] counts = new int[256];
        foreach (byte bin in Bins(quantiser, rows.Values, rows.Rows))
        {
            counts[bin]++;
        }

        Assert.Equal(maxBins - 2, quantiser.Columns[0].Thresholds.Length);
        Assert.Equal(0, counts[0]);
        int expected = 20_000 / (maxBins - 1);
        Assert.All(counts[1..maxBins], count => Assert.InRange(count, expected - 5, expected + 5));
    }

    [Fact]
    public void Fit_HalfTheValuesEqual_SpendsOneBinOnThem()
    {
        FeatureMatrix rows = TreeData.Normal(4_000, 1, seed: 4);
        for (int r = 0; r < 2_000; r++)
        {
            rows[r, 0] = 0;
        }
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(1), rows, new QuantiserOptions { MaxBins = 41 });

        Assert.InRange(quantiser.Columns[0].Thresholds.Length, 36, 39);
    }

    [Fact]
    public void Fit_ProtectedConstantAndContextFeatures_GetNoColumn()
    {
        FeatureSchema schema = new(
        [
            new Feature { Id = 1, Name = "age", Kind = FeatureKind.Numeric, Protected = true },
            new Feature { Id = 2, Name = "constant", Kind = FeatureKind.Numeric },
            new Feature { Id = 3, Name = "spend", Kind = FeatureKind.Numeric },
            new Feature { Id = 4, Name = "constant or missing", Kind = FeatureKind.Boolean },
            new Feature { Id = 5, Name = "hour", Kind = FeatureKind.Numeric, Context = true },
        ]);
        FeatureMatrix rows = new(2, 5, [1, 5, 10, 1, 8, 2, 5, 20, float.NaN, 9]);

        Assert.Equal([2, 3], Quantiser.Fit(schema, rows).Columns.Select(c => c.Feature));
        Assert.Equal([2, 3, 4], Quantiser.Fit(schema, rows, new QuantiserOptions { IncludeContext = true }).Columns.Select(c => c.Feature));
        Assert.Throws<ArgumentException>(
            () => Quantiser.Fit(schema, new FeatureMatrix(1, 4), new QuantiserOptions { IncludeContext = true }));
    }

    [Fact]
    public void Quantise_Categories_TellsOneFromOthersAndMissing()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["a", "b", "c"] }]);
        FeatureMatrix rows = new(6, 1, [2, 2, 2, 0, 0, 1]);
        Quantiser quantiser = Quantiser.Fit(schema, rows, new QuantiserOptions { MaxCategories = 2 });

        Assert.Equal([0, 2], quantiser.Columns.Select(c => c.Category!.Value));
        Assert.Equal([2, 1, 1, 0, 1, /* second column */ 1, 1, 2, 0, 1], Bins(quantiser, [0, 1, 2, float.NaN, 99], 5));
    }

    [Fact]
    public void Fit_InfiniteValue_Throws()
        => Assert.Throws<ArgumentException>(
            () => Quantiser.Fit(TreeData.NumericSchema(1), new FeatureMatrix(2, 1, [1, float.PositiveInfinity])));

    [Fact]
    public void Quantise_EveryLengthAndThresholdCount_EqualsCountingThresholdsBelow()
    {
        for (int thresholds = 0; thresholds <= 253; thresholds += thresholds < 20 ? 1 : 31)
        {
            ImmutableArray<float> cuts = [.. Enumerable.Range(0, thresholds).Select(i => (i * 0.5f) - 3)];
            Quantiser quantiser = new(2, [QuantisedColumn.OfThresholds(1, cuts)]);
            for (int length = 0; length <= 70; length++)
            {
                float[] rows = new float[length * 3];
                for (int r = 0; r < length; r++)
                {
                    rows[(r * 3) + 1] = (r % 11) switch
                    {
                        0 => float.NaN,
                        1 => -1000,
                        2 => 1000,
                        _ => (r * 0.25f) - 3.5f,
                    };
                }
                byte[] bins = new byte[length];
                quantiser.Quantise(rows, length, rowStride: 3, bins);

                for (int r = 0; r < length; r++)
                {
                    float v = rows[(r * 3) + 1];
                    int expected = float.IsNaN(v) ? 0 : 1 + cuts.Count(t => t < v);
                    Assert.Equal(expected, bins[r]);
                }
            }
        }
    }

    [Fact]
    public void Quantise_Matrix_HoldsTheSameBinsInGroups()
    {
        FeatureMatrix rows = TreeData.Normal(3_000, 11, seed: 5, missing: 0.1);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(11), rows);
        byte[] bins = Bins(quantiser, rows.Values, rows.Rows);
        QuantisedMatrix matrix = quantiser.Quantise(rows);
        QuantisedMatrix selected = matrix.Select([2_999, 0]);

        for (int c = 0; c < 11; c++)
        {
            for (int r = 0; r < rows.Rows; r++)
            {
                Assert.Equal(bins[(c * rows.Rows) + r], matrix[r, c]);
            }
            Assert.Equal(matrix[2_999, c], selected[0, c]);
            Assert.Equal(matrix[0, c], selected[1, c]);
        }
    }

    [Fact]
    public void OfThresholds_NotAscending_Throws()
    {
        Assert.Throws<ArgumentException>(() => QuantisedColumn.OfThresholds(0, [1, 1]));
        Assert.Throws<ArgumentException>(() => QuantisedColumn.OfThresholds(0, [float.NaN]));
        Assert.Throws<ArgumentException>(() => QuantisedColumn.OfThresholds(0, [.. Enumerable.Range(0, 254).Select(i => (float)i)]));
    }

    private static byte[] Bins(Quantiser quantiser, float[] rows, int count)
    {
        byte[] bins = new byte[quantiser.Columns.Length * count];
        quantiser.Quantise(rows, count, quantiser.RowLength, bins);
        return bins;
    }
}
