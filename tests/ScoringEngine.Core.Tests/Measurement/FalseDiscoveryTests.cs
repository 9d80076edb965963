using ScoringEngine.Core.Measurement;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class FalseDiscoveryTests
{
    // The fifteen p values of Benjamini and Hochberg, 1995, section 4: at 5 % the first four are rejected.
    [Fact]
    public void Adjust_PublishedExample_RejectsTheSameFour()
    {
        double[] p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000];
        int[] shuffled = [7, 0, 14, 3, 9, 1, 12, 4, 2, 13, 5, 11, 6, 8, 10];
        double[] adjusted = FalseDiscovery.Adjust([.. shuffled.Select(i => p[i])]);
        Assert.Equal([0, 1, 2, 3], shuffled.Where((_, at) => adjusted[at] <= 0.05).Order());
        Assert.Equal(0.0015, adjusted[Array.IndexOf(shuffled, 0)], 12);
        Assert.Equal(0.0095 * 15 / 4, adjusted[Array.IndexOf(shuffled, 3)], 12);
        Assert.Equal(0.0201 * 15 / 5, adjusted[Array.IndexOf(shuffled, 4)], 12);

        // .0278 * 15 / 6 is more than .0298 * 15 / 7, which a larger p value has.
        Assert.Equal(0.0298 * 15 / 7, adjusted[Array.IndexOf(shuffled, 5)], 12);
        Assert.Equal(1, adjusted[Array.IndexOf(shuffled, 14)]);
    }

    [Fact]
    public void Adjust_OneOrNoTest_ChangesNothing()
    {
        Assert.Equal([0.03], FalseDiscovery.Adjust([0.03]));
        Assert.Empty(FalseDiscovery.Adjust([]));
    }
}
