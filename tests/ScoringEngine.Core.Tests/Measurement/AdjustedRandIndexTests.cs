using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Measurement;

public class AdjustedRandIndexTests
{
    [Fact]
    public void Compute_HandExample_GivesTheFormula()
    {
        // Cells 2 (0,0), 1 (1,1), 1 (1,2): together 1 pair; in a 2, in b 1, of 6: (1 - 1/3) / (3/2 - 1/3) = 4/7.
        Assert.Equal(4.0 / 7, AdjustedRandIndex.Compute([0, 0, 1, 1], [0, 0, 1, 2]), 1e-15);
    }

    [Fact]
    public void Compute_HubertAndArabieTable_GivesTheFormula()
    {
        // Cells [1 1 0; 1 2 1; 0 0 4]: together 0+0+0+1+0+6 = 7, rows 1+6+6 = 13, columns 1+3+10 = 14, of 45.
        double expected = 13.0 * 14 / 45;
        Assert.Equal((7 - expected) / (13.5 - expected),
            AdjustedRandIndex.Compute([0, 0, 1, 1, 1, 1, 2, 2, 2, 2], [0, 1, 0, 1, 1, 2, 2, 2, 2, 2]), 1e-15);
    }

    [Fact]
    public void Compute_EveryPairSplit_IsNegative()
        => Assert.Equal(-0.5, AdjustedRandIndex.Compute([0, 0, 1, 1], [0, 1, 0, 1]), 1e-15);

    [Fact]
    public void Compute_OtherLabels_IsOne()
        => Assert.Equal(1, AdjustedRandIndex.Compute([0, 0, 1, 1, 2], [7, 7, -3, -3, 0]));

    [Theory]
    [InlineData(new int[0], new int[0])]
    [InlineData(new[] { 1 }, new[] { 5 })]
    [InlineData(new[] { 1, 1, 1 }, new[] { 2, 2, 2 })]
    [InlineData(new[] { 1, 2, 3 }, new[] { 3, 1, 2 })]
    public void Compute_TrivialPartitionsThatAgree_IsOne(int[] a, int[] b) => Assert.Equal(1, AdjustedRandIndex.Compute(a, b));

    [Fact]
    public void Compute_IndependentPartitions_IsNearZero()
    {
        SeededRandom random = new(4);
        int[] a = new int[10_000];
        int[] b = new int[10_000];
        for (int i = 0; i < a.Length; i++)
        {
            a[i] = random.Next(4);
            b[i] = random.Next(3);
        }
        Assert.Equal(0, AdjustedRandIndex.Compute(a, b), 0.005);
        Assert.Equal(AdjustedRandIndex.Compute(a, b), AdjustedRandIndex.Compute(b, a), 1e-15);
    }

    [Fact]
    public void Compute_LengthsDiffer_IsRefused()
        => Assert.Throws<ArgumentException>(() => AdjustedRandIndex.Compute([1, 2], [1]));
}
