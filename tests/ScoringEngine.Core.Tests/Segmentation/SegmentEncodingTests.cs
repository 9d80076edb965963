using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Tests.Segmentation;

public class SegmentEncodingTests
{
    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "age", Kind = FeatureKind.Numeric, Protected = true },
        new Feature { Id = 3, Name = "spend", Kind = FeatureKind.Numeric, Log1P = true, Minimum = 0 },
        new Feature { Id = 4, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus", "pro", "unused"] },
        new Feature { Id = 5, Name = "score", Kind = FeatureKind.Numeric, Segments = false },
        new Feature { Id = 6, Name = "app", Kind = FeatureKind.Boolean },
        new Feature { Id = 7, Name = "constant", Kind = FeatureKind.Numeric },
        new Feature { Id = 8, Name = "region", Kind = FeatureKind.Categorical, Categories = ["north"] },
        new Feature { Id = 9, Name = "channel", Kind = FeatureKind.Numeric, Context = true },
    ]);

    private static FeatureMatrix Rows(int rows, bool context = true)
    {
        FeatureMatrix result = TestPoints.Normal(rows, context ? 9 : 8, seed: 1);
        for (int i = 0; i < rows; i++)
        {
            result[i, 0] = (5 * result[i, 0]) + 1000;
            result[i, 2] = Math.Abs(100 * result[i, 2]);
            result[i, 3] = i % 7 < 4 ? 0 : i % 7 < 6 ? 1 : 2;
            result[i, 5] = i % 5 == 0 ? 1 : 0;
            result[i, 6] = 0.1f;
            result[i, 7] = 0;
        }
        return result;
    }

    [Fact]
    public void Fit_MixedSchema_UsesOnlyVaryingCustomerFeaturesThatFormSegments()
    {
        SegmentEncoding encoding = SegmentEncoding.Fit(Schema, Rows(100));
        Assert.Equal([(0, -1), (2, -1), (3, 0), (3, 1), (3, 2), (5, -1)], encoding.Dimensions.Select(d => (d.Feature, d.Category)));
        Assert.Equal([false, true, false, false, false, false], encoding.Dimensions.Select(d => d.Log1P));
        Assert.Equal(6, encoding.MinimumColumns);
    }

    [Fact]
    public void Fit_RowsWithoutContextColumns_GivesTheSameEncoding()
    {
        FeatureMatrix all = Rows(50);
        FeatureMatrix customer = new(50, 8);
        for (int i = 0; i < 50; i++)
        {
            all.Row(i)[..8].CopyTo(customer.Row(i));
        }
        Assert.Equal(SegmentEncoding.Fit(Schema, all).Dimensions, SegmentEncoding.Fit(Schema, customer).Dimensions);
    }

    [Fact]
    public void Encode_TrainingRows_HaveMeanZeroAndVarianceOneForEachFeature()
    {
        FeatureMatrix rows = Rows(700);
        SegmentEncoding encoding = SegmentEncoding.Fit(Schema, rows);
        FeatureMatrix encoded = encoding.Encode(rows);
        Dictionary<int, double> variance = [];
        for (int d = 0; d < encoded.Columns; d++)
        {
            double[] column = [.. Enumerable.Range(0, rows.Rows).Select(i => (double)encoded[i, d])];
            Assert.Equal(0, column.Average(), 1e-4);
            int feature = encoding.Dimensions[d].Feature;
            variance[feature] = variance.GetValueOrDefault(feature) + column.Average(x => x * x);
        }
        Assert.Equal([0, 2, 3, 5], variance.Keys);
        Assert.All(variance.Values, v => Assert.Equal(1, v, 1e-5));
    }

    [Fact]
    public void Encode_NumberOnLogScale_GivesTheFormula()
    {
        FeatureMatrix rows = Rows(300);
        SegmentEncoding encoding = SegmentEncoding.Fit(Schema, rows);
        double[] logs = [.. Enumerable.Range(0, 300).Select(i => Math.Log(1 + (double)rows[i, 2]))];
        double mean = logs.Average();
        double deviation = Math.Sqrt(logs.Average(x => (x - mean) * (x - mean)));
        float[] encoded = new float[encoding.Dimensions.Length];
        encoding.Encode(rows.Row(17), encoded);
        Assert.Equal((logs[17] - mean) / deviation, encoded[1], 1e-5);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(3f)]
    [InlineData(99f)]
    [InlineData(-1f)]
    [InlineData(0.5f)]
    public void Encode_CategoryMissingOrNotSeen_IsTheMean(float code)
    {
        FeatureMatrix rows = Rows(70);
        SegmentEncoding encoding = SegmentEncoding.Fit(Schema, rows);
        float[] row = [.. rows.Row(0)];
        row[3] = code;
        float[] encoded = new float[6];
        encoding.Encode(row, encoded);
        Assert.Equal([0, 0, 0], encoded[2..5]);
    }

    [Fact]
    public void Encode_MissingNumber_IsTheMean()
    {
        SegmentEncoding encoding = SegmentEncoding.Fit(Schema, Rows(70));
        float[] row = new float[9];
        row.AsSpan().Fill(float.NaN);
        float[] encoded = new float[6];
        encoded.AsSpan().Fill(7);
        encoding.Encode(row, encoded);
        Assert.Equal(new float[6], encoded);
    }

    [Fact]
    public void Fit_ColumnWithoutValues_FormsNoDimension()
    {
        FeatureSchema schema = new(
            [new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric }, new Feature { Id = 2, Name = "never", Kind = FeatureKind.Numeric }]);
        FeatureMatrix rows = new(3, 2, [1, float.NaN, 2, float.NaN, 3, float.NaN]);
        Assert.Equal([0], SegmentEncoding.Fit(schema, rows).Dimensions.Select(d => d.Feature));
    }

    [Fact]
    public void Fit_MissingValues_DoNotCount()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric }]);
        SegmentEncoding encoding = SegmentEncoding.Fit(schema, new FeatureMatrix(4, 1, [1, float.NaN, 3, float.NaN]));
        Assert.Equal([new SegmentDimension(0, -1, false, 2, 1)], encoding.Dimensions);
    }

    [Fact]
    public void EncodePanel_AnyNumberOfRows_HasTheBitsOfTheSingleRow()
    {
        FeatureMatrix rows = Rows(RowPanels.PanelRows);
        SegmentEncoding encoding = SegmentEncoding.Fit(Schema, rows);
        rows[3, 0] = float.NaN;
        rows[4, 2] = float.NaN;
        rows[5, 2] = -2;
        rows[6, 3] = 9;
        rows[7, 0] = float.PositiveInfinity;
        rows[8, 0] = float.MinValue;
        FeatureMatrix expected = encoding.Encode(rows);
        for (int count = 1; count <= RowPanels.PanelRows; count++)
        {
            float[] panel = new float[encoding.Dimensions.Length * RowPanels.PanelRows];
            panel.AsSpan().Fill(float.NaN);
            encoding.EncodePanel(rows.Values, count, rows.Columns, panel);
            for (int at = 0; at < panel.Length; at++)
            {
                int lane = at % RowPanels.PanelRows;
                float value = lane < count ? expected[lane, at / RowPanels.PanelRows] : 0;
                Assert.Equal(BitConverter.SingleToInt32Bits(value), BitConverter.SingleToInt32Bits(panel[at]));
            }
        }
        Assert.Equal(RowPanels.Limit, expected[7, 0]);
        Assert.Equal(-RowPanels.Limit, expected[8, 0]);
    }

    [Fact]
    public void Fit_WrongColumns_IsRefused()
        => Assert.Throws<ArgumentException>(() => SegmentEncoding.Fit(Schema, new FeatureMatrix(3, 7)));

    [Fact]
    public void Fit_InfiniteValue_IsRefusedWithItsPlace()
    {
        FeatureMatrix rows = Rows(20);
        rows[11, 2] = float.PositiveInfinity;
        ArgumentException error = Assert.Throws<ArgumentException>(() => SegmentEncoding.Fit(Schema, rows));
        Assert.StartsWith("row 11: feature 'spend' is infinite", error.Message);
    }

    [Fact]
    public void Fit_NothingVaries_IsRefused()
        => Assert.Throws<ArgumentException>(() => SegmentEncoding.Fit(Schema, new FeatureMatrix(5, 9)));

    [Fact]
    public void Constructor_DimensionsThatDoNotFit_AreRefused()
    {
        SegmentDimension number = new(0, -1, false, 0, 1);
        SegmentDimension category = new(1, 0, false, 0, 1);
        ImmutableArray<SegmentDimension>[] wrong =
        [
            default, [],
            [number, number],
            [category, category],
            [category, number, category with { Category = 1 }],
            [number, number with { Category = 0 }],
            [number with { Feature = -1 }],
            [number with { Scale = 0 }],
            [number with { Scale = float.PositiveInfinity }],
            [number with { Mean = float.NaN }],
            [category with { Log1P = true }],
            [category with { Category = -2 }],
        ];
        Assert.All(wrong, dimensions => Assert.Throws<ArgumentException>(() => new SegmentEncoding(dimensions)));
        Assert.Equal(2, new SegmentEncoding([number, category, category with { Category = 4 }]).MinimumColumns);
    }

    [Fact]
    public void Encode_ShortSpans_AreRefused()
    {
        SegmentEncoding encoding = new([new SegmentDimension(2, -1, false, 0, 1)]);
        Assert.Throws<ArgumentException>(() => encoding.Encode(new float[2], new float[1]));
        Assert.Throws<ArgumentException>(() => encoding.Encode(new float[3], []));
        Assert.Throws<ArgumentException>(() => encoding.Encode(new FeatureMatrix(1, 2)));
    }
}
