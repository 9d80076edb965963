using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class SegmentSampleTests
{
    private static SegmentSample Of(IEnumerable<int> customers, int most, long seed = 1)
    {
        SegmentSample sample = new(3, most, seed);
        foreach (int i in customers)
        {
            sample.Add(Encoding.UTF8.GetBytes($"C{i}"), i % 3 == 0 ? 0 : 1, i % 7 == 0 ? float.NaN : i);
        }
        return sample;
    }

    private static string[] Drawn(SegmentSample sample, int segment, int count) => [.. sample.Draw(segment, count).Select(Encoding.UTF8.GetString)];

    [Fact]
    public void Draw_AnyOrderOfTheFile_DrawsTheSameInTheSameOrder()
    {
        int[] customers = [.. Enumerable.Range(0, 5000)];
        SegmentSample first = Of(customers, 100);
        new SeededRandom(8).Shuffle(customers.AsSpan());
        SegmentSample second = Of(customers, 100);
        Assert.Equal(Drawn(first, 1, 100), Drawn(second, 1, 100));
        Assert.Equal(first.ProfitDeviations, second.ProfitDeviations);
        Assert.Equal([1667, 3333, 0], second.Sizes);
        Assert.Equal(100, Drawn(first, 0, 100).Distinct().Count());
        Assert.All(Drawn(first, 0, 100), id => Assert.Equal(0, int.Parse(id[1..]) % 3));
        Assert.Empty(Drawn(first, 2, 100));
    }

    [Fact]
    public void Draw_FewerOfTheSame_AreTheFirst()
        => Assert.Equal(Drawn(Of(Enumerable.Range(0, 5000), 100), 1, 20), Drawn(Of(Enumerable.Range(0, 5000), 20), 1, 20));

    [Fact]
    public void Draw_IdsThatComeTwice_AreDrawnOnce()
        => Assert.Equal(10, Drawn(Of(Enumerable.Range(0, 30).Concat(Enumerable.Range(0, 30)), 60), 0, 60).Length);

    // Chi-square over ten parts of the population with 9 degrees of freedom: 99.9 % is 27.9.
    [Fact]
    public void Draw_ManySeeds_DrawsEverybodyAlike()
    {
        int[] counts = new int[10];
        for (long seed = 0; seed < 200; seed++)
        {
            foreach (string id in Drawn(Of(Enumerable.Range(0, 1000), 30, seed), 1, 30))
            {
                counts[int.Parse(id[1..]) / 100]++;
            }
        }
        double expected = counts.Sum() / 10.0;
        Assert.InRange(counts.Sum(c => (c - expected) * (c - expected) / expected), 0, 27.9);
    }

    // The hold-out is those with the smallest hashes under its salt; a sample whose seed is the same number must not be them.
    [Fact]
    public void Draw_SeedOfTheHoldOutsSalt_DrawsNoMoreOfTheHoldOut()
    {
        string[] drawn = Drawn(Of(Enumerable.Range(0, 20_000), 2000, seed: 0), 1, 2000);
        double share = drawn.Count(id => CustomerHash.Share(CustomerHash.Of(Encoding.UTF8.GetBytes(id), salt: 0)) < 0.1) / 2000.0;
        Assert.InRange(share, 0.08, 0.12);
    }

    [Fact]
    public void ProfitDeviations_KnownProfits_AreThoseOfTheSample()
    {
        SegmentSample sample = new(2, 0, 1);
        double[] profits = [-250.5, 1000.25, 3, 1e9, 77];
        foreach (double profit in profits)
        {
            sample.Add(Encoding.UTF8.GetBytes($"{profit}"), 0, (float)profit);
        }
        sample.Add("x"u8, 0, float.NaN);
        double mean = profits.Average();
        Assert.Equal(Math.Sqrt(profits.Sum(p => (p - mean) * (p - mean)) / 4), sample.ProfitDeviations[0], 1.0);
        Assert.Equal(0, sample.ProfitDeviations[1]);
        Assert.Equal([6, 0], sample.Sizes);
    }
}
