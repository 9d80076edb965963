using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Tests.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

/// <summary>
/// The kernels that quantise and predict, against twins that count thresholds and walk trees. Both only compare and add
/// in a fixed order, so results are equal bit by bit; rows, bins and margins end at a guard page.
/// </summary>
[Trait("Kind", "kernel")]
public sealed class TreeKernelTests
{
    private const int MaxRows = 256;

    [Fact]
    public void Quantise_EveryRowCount_EqualsNaiveTwin()
    {
        // Each level of the search tree full, one short and one over, and categories in between, some beyond the last table.
        int[] thresholds = [0, 1, 2, 3, 14, 15, 16, 30, 31, 32, 63, 64, 127, 128, 253];
        Quantiser quantiser = new(thresholds.Length + 1, [.. thresholds.SelectMany((count, f) => (QuantisedColumn[])
            [QuantisedColumn.OfThresholds(f, Cuts(count)), QuantisedColumn.OfCategory(thresholds.Length, f)]),
            QuantisedColumn.OfCodes(thresholds.Length, [7, 0, 254, 1, 1, 9, 200, 2, 3, 4, 5])]);
        FeatureMatrix rows = EdgeValues(MaxRows, quantiser.RowLength);
        for (int r = 0; r < MaxRows; r++)
        {
            rows[r, thresholds.Length] = r % 17 == 16 ? float.NaN : r % 17;
        }
        AssertEveryRowCount(quantiser, rows, rows.Columns);
    }

    [Fact]
    public void Quantise_EveryRowLengthAndStride_EqualsNaiveTwin()
    {
        for (int length = 1; length <= 9; length++)
        {
            // The last columns come first: columns need not follow the features' order.
            Quantiser quantiser = new(length, [.. Enumerable.Range(0, length).Reverse().Select(f => QuantisedColumn.OfThresholds(f, Cuts(5 + f)))]);
            foreach (int stride in (int[])[length, length + 3])
            {
                AssertEveryRowCount(quantiser, EdgeValues(40, stride), stride);
            }
        }
    }

    [Fact]
    public void Quantise_NoColumns_WritesNothing()
    {
        Quantiser quantiser = new(4, []);
        AssertEveryRowCount(quantiser, EdgeValues(40, 4), stride: 4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(28)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(128)]
    [InlineData(129)]
    public void Margins_EveryRowCountAndForm_EqualsNaiveTwin(int columns)
    {
        byte[] depths = [.. Enumerable.Range(0, 35).Select(t => (byte)(t % (ObliviousEnsemble.MaxDepth + 1)))];
        ObliviousEnsemble model = Random(columns, depths, seed: columns);
        SeededRandom random = new(columns);
        byte[] all = new byte[MaxRows * columns];
        foreach (ref byte bin in all.AsSpan())
        {
            bin = (byte)random.Next(256);
        }
        float[] expected = [.. Enumerable.Range(0, MaxRows).Select(r => Naive(model, c => all[(c * MaxRows) + r]))];
        using GuardedMemory<byte> binMemory = new(all.Length);
        using GuardedMemory<float> marginMemory = new(MaxRows);

        for (int count = 0; count <= MaxRows; count += count is > 20 and < 60 ? 7 : 1)
        {
            Span<byte> bins = binMemory.Last(count * columns);
            for (int c = 0; c < columns; c++)
            {
                all.AsSpan(c * MaxRows, count).CopyTo(bins[(c * count)..]);
            }
            Span<float> margins = marginMemory.Last(count);
            margins.Fill(float.NaN);
            model.Margins(bins, count, margins);
            Assert.Equal(expected[..count], margins.ToArray());
        }
        for (int r = 0; r < MaxRows; r++)
        {
            byte[] row = [.. Enumerable.Range(0, columns).Select(c => all[(c * MaxRows) + r])];
            Assert.Equal(expected[r], model.Margin(binMemory.Last(row)));
        }
    }

    [Fact]
    public void Margins_ManyTreesWithoutSplits_AddsThemInOrder()
    {
        ObliviousEnsemble model = Random(columns: 0, new byte[300], seed: 1);
        float[] margins = new float[70];
        model.Margins([], 70, margins);

        Assert.All(margins, margin => Assert.Equal(Naive(model, _ => 0), margin));
        Assert.Equal(margins[0], model.Margin([]));
    }

    [Fact]
    public void PredictMargins_AnySplitOfTheRows_GivesTheSameBits()
    {
        FeatureMatrix rows = EdgeValues(700, 6);
        Quantiser quantiser = new(6, [.. Enumerable.Range(0, 6).Select(f => QuantisedColumn.OfThresholds(f, Cuts(40)))]);
        ObliviousEnsemble model = Random(6, [.. Enumerable.Repeat((byte)6, 50)], seed: 5);
        byte[] scratch = new byte[model.ScratchLength];
        float[] whole = new float[rows.Rows];
        model.PredictMargins(quantiser, rows.Values, rows.Rows, 6, whole, scratch);

        foreach (int size in (int[])[1, 15, 16, 17, 63, 64, 65, 255, 256, 257])
        {
            float[] parts = new float[rows.Rows];
            for (int r = 0; r < rows.Rows; r += size)
            {
                model.PredictMargins(quantiser, rows.Values.AsSpan(r * 6), Math.Min(size, rows.Rows - r), 6, parts.AsSpan(r), scratch);
            }
            Assert.Equal(whole, parts);
        }
    }

    private static void AssertEveryRowCount(Quantiser quantiser, FeatureMatrix rows, int stride)
    {
        int columns = quantiser.Columns.Length;
        byte[,] expected = new byte[rows.Rows, columns];
        for (int r = 0; r < rows.Rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                QuantisedColumn column = quantiser.Columns[c];
                float v = rows[r, column.Feature];
                int bin = column.Category is { } category ? (v == category ? 2 : 1)
                    : column.BinOfCode.IsEmpty ? 1 + column.Thresholds.Count(t => t < v)
                    : v >= 0 && v < column.BinOfCode.Length ? column.BinOfCode[(int)v] : 0;
                expected[r, c] = (byte)(float.IsNaN(v) ? 0 : bin);
            }
        }
        using GuardedMemory<float> rowMemory = new(rows.Values.Length);
        using GuardedMemory<byte> binMemory = new(rows.Rows * columns);
        for (int count = 0; count <= rows.Rows; count++)
        {
            // The last row ends where its features end, not at the stride.
            int length = count == 0 ? 0 : ((count - 1) * stride) + quantiser.RowLength;
            Span<byte> bins = binMemory.Last(count * columns);
            bins.Fill(255);
            quantiser.Quantise(rowMemory.Last(rows.Values.AsSpan(0, length)), count, stride, bins);
            for (int r = 0; r < count; r++)
            {
                for (int c = 0; c < columns; c++)
                {
                    if (expected[r, c] != bins[(c * count) + r])
                    {
                        Assert.Fail($"row {r} of {count}, column {c}: expected bin {expected[r, c]}, found {bins[(c * count) + r]}");
                    }
                }
            }
        }
    }

    /// <summary>Thresholds around 0: the smallest subnormal numbers, then steps of one eighth.</summary>
    private static ImmutableArray<float> Cuts(int count)
        => [.. Enumerable.Range(0, count).Select(i => (i - (count / 2)) switch
        {
            -1 => -float.Epsilon,
            0 => 0f,
            1 => float.Epsilon,
            int step => step * 0.125f,
        })];

    /// <summary>Values on thresholds, beside them, subnormal, both zeros, infinite, largest and missing.</summary>
    private static FeatureMatrix EdgeValues(int rows, int columns)
    {
        SeededRandom random = new(rows);
        FeatureMatrix matrix = new(rows, columns);
        foreach (ref float value in matrix.Values.AsSpan())
        {
            float step = (random.Next(300) - 150) * 0.125f;
            value = random.Next(12) switch
            {
                0 => float.NaN,
                1 => float.PositiveInfinity,
                2 => float.NegativeInfinity,
                3 => -0f,
                4 => float.Epsilon,
                5 => -2 * float.Epsilon,
                6 => float.MaxValue,
                7 => MathF.BitIncrement(step),
                8 => MathF.BitDecrement(step),
                _ => step,
            };
        }
        return matrix;
    }

    private static ObliviousEnsemble Random(int columns, byte[] depths, long seed)
    {
        SeededRandom random = new(seed);
        int splits = depths.Sum(d => d);
        int[] splitColumns = [.. Enumerable.Range(0, splits).Select(_ => random.Next(columns))];
        byte[] splitBins = [.. Enumerable.Range(0, splits).Select(_ => (byte)random.Next(256))];
        float[] leaves = [.. Enumerable.Range(0, depths.Sum(d => 1 << d)).Select(_ => (float)random.NextNormal())];
        return new ObliviousEnsemble(columns, 0.25f, [.. depths], [.. splitColumns], [.. splitBins], [.. leaves], [.. new double[columns]]);
    }

    private static float Naive(ObliviousEnsemble model, Func<int, int> binOfColumn)
    {
        float margin = model.BaseMargin;
        int split = 0;
        int leaves = 0;
        foreach (byte depth in model.Depths)
        {
            int leaf = 0;
            for (int level = 0; level < depth; level++, split++)
            {
                leaf = (leaf * 2) + (binOfColumn(model.SplitColumns[split]) > model.SplitBins[split] ? 1 : 0);
            }
            margin += model.LeafValues[leaves + leaf];
            leaves += 1 << depth;
        }
        return margin;
    }
}
