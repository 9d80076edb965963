using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

public sealed class FeatureMatrixTests
{
    [Fact]
    public void Indexer_AndRow_AreViewsOfTheSameRowMajorValues()
    {
        float[] values = [1, 2, 3, 4, 5, 6];
        FeatureMatrix matrix = new(2, 3, values);
        Assert.Equal(6, matrix[1, 2]);
        matrix[1, 0] = 40;
        matrix.Row(0)[1] = 20;
        Assert.Equal([1, 20, 3, 40, 5, 6], values);
    }

    [Fact]
    public void Select_RowsInAnyOrderAndRepeated_CopiesThem()
    {
        FeatureMatrix matrix = new(3, 2, [1, 2, 3, 4, 5, 6]);
        FeatureMatrix selected = matrix.Select([2, 0, 2]);
        Assert.Equal([5, 6, 1, 2, 5, 6], selected.Values);
        selected[0, 0] = 9;
        Assert.Equal(5, matrix[2, 0]);
        Assert.Equal(0, matrix.Select([]).Rows);
    }

    [Fact]
    public void Constructor_WrongShape_IsRefused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new FeatureMatrix(2, 3, new float[5]));
        Assert.StartsWith("expected 2 x 3 values, found 5", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new FeatureMatrix(-1, 3, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FeatureMatrix(3, -1, []));
        Assert.Throws<OverflowException>(() => new FeatureMatrix(1 << 20, 1 << 20));
    }
}
