using ScoringEngine.Core.Features;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class ObliviousEnsembleTests
{
    [Fact]
    public void PredictMargins_EveryRowCount_EqualsNaiveTwinBitForBit()
    {
        FeatureMatrix all = TreeData.Normal(600, 9, seed: 1, missing: 0.1);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(9), all);
        ObliviousEnsemble model = TreeData.Random(quantiser, trees: 30, seed: 2);
        float[] expected = [.. Enumerable.Range(0, all.Rows).Select(r => Naive(model, quantiser, all.Row(r)))];

        for (int count = 0; count <= 600; count += count < 140 ? 1 : 23)
        {
            float[] margins = new float[count];
            model.PredictMargins(quantiser, all.Values, count, 9, margins, new byte[model.ScratchLength]);
            Assert.Equal(expected[..count], margins);
        }
    }

    [Fact]
    public void Margin_OneRow_EqualsBlockBitForBit()
    {
        FeatureMatrix all = TreeData.Normal(200, 9, seed: 1, missing: 0.1);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(9), all);
        ObliviousEnsemble model = TreeData.Random(quantiser, trees: 30, seed: 3);
        float[] block = TreeData.Predict(model, quantiser, all);
        byte[] bins = new byte[9];

        for (int r = 0; r < all.Rows; r++)
        {
            quantiser.Quantise(all.Row(r), 1, 9, bins);
            Assert.Equal(block[r], model.Margin(bins));
        }
    }

    [Fact]
    public void PredictMargins_SteadyState_AllocatesNothing()
    {
        FeatureMatrix all = TreeData.Normal(600, 9, seed: 1);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(9), all);
        ObliviousEnsemble model = TreeData.Random(quantiser, trees: 30, seed: 3);
        float[] margins = new float[600];
        byte[] scratch = new byte[model.ScratchLength];
        model.PredictMargins(quantiser, all.Values, 600, 9, margins, scratch);

        long before = GC.GetAllocatedBytesForCurrentThread();
        model.PredictMargins(quantiser, all.Values, 600, 9, margins, scratch);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Constructor_InconsistentState_Throws()
    {
        Assert.Throws<ArgumentException>(() => new ObliviousEnsemble(1, 0, [1], [0], [1], [1f], [0.0]));
        Assert.Throws<ArgumentException>(() => new ObliviousEnsemble(1, 0, [1], [1], [1], [1f, 2f], [0.0]));
        Assert.Throws<ArgumentException>(() => new ObliviousEnsemble(1, 0, [1], [0], [1], [1f, float.NaN], [0.0]));
        Assert.Throws<ArgumentException>(() => new ObliviousEnsemble(1, 0, [1], [0], [], [1f, 2f], [0.0]));
        Assert.Throws<ArgumentException>(() => new ObliviousEnsemble(1, 0, [1], [0], [1], [1f, 2f], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ObliviousEnsemble(1, 0, [11], [0], [1], [1f, 2f], [0.0]));
        Assert.Equal(2.5f, new ObliviousEnsemble(1, 0.5f, [1], [0], [1], [1f, 2f], [0.0]).Margin([2]));
    }

    /// <summary>Compares raw values with thresholds, tree by tree.</summary>
    private static float Naive(ObliviousEnsemble model, Quantiser quantiser, ReadOnlySpan<float> row)
    {
        float margin = model.BaseMargin;
        int split = 0;
        int leaves = 0;
        foreach (byte depth in model.Depths)
        {
            int leaf = 0;
            for (int level = 0; level < depth; level++, split++)
            {
                QuantisedColumn column = quantiser.Columns[model.SplitColumns[split]];
                int bin = model.SplitBins[split];
                float v = row[column.Feature];
                bool right = bin == 0 ? !float.IsNaN(v) : bin - 1 < column.Thresholds.Length && v > column.Thresholds[bin - 1];
                leaf = (leaf * 2) + (right ? 1 : 0);
            }
            margin += model.LeafValues[leaves + leaf];
            leaves += 1 << depth;
        }
        return margin;
    }
}
