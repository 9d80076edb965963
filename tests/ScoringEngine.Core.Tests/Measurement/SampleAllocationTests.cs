using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Measurement;

public sealed class SampleAllocationTests
{
    [Fact]
    public void BySize_SizesAsWeights_IsProportional()
        => Assert.Equal([50, 30, 20], SampleAllocation.BySize([5000, 3000, 2000], [5000, 3000, 2000], 100));

    // Neyman: 5000 x 10, 3000 x 30, 2000 x 5 = 50 : 90 : 10, of 150.
    [Fact]
    public void BySize_SizesTimesDeviationsAsWeights_IsNeymans()
        => Assert.Equal([50, 90, 10], SampleAllocation.BySize([5000, 3000, 2000], [50_000, 90_000, 10_000], 150));

    [Fact]
    public void BySize_SmallOrConstantSegments_GetTwoOrAllTheyHave()
        => Assert.Equal([89, 2, 1, 0, 8], SampleAllocation.BySize([5000, 3000, 1, 0, 8], [1, 0, 1, 1, 1], 100));

    [Fact]
    public void BySize_WeightsAllZero_FallsBackToSizes()
        => Assert.Equal([75, 25], SampleAllocation.BySize([3000, 1000], [0, 0], 100));

    [Fact]
    public void BySize_MoreThanThereAre_AsksEverybody()
        => Assert.Equal([7, 3], SampleAllocation.BySize([7, 3], [1, 1], 100));

    [Fact]
    public void BySize_FewerThanTwoASegment_IsRefused()
        => Assert.StartsWith("5 to ask, expected at least 6: 2 of each segment", Assert.Throws<ArgumentException>(() => SampleAllocation.BySize([9, 9, 9], [1, 1, 1], 5)).Message);

    // No way to move one customer from one segment to another lowers the variance.
    [Fact]
    public void BySize_SizesTimesDeviations_HasTheLeastVariance()
    {
        SeededRandom random = new(3);
        for (int round = 0; round < 200; round++)
        {
            long[] sizes = [.. Enumerable.Range(0, 5).Select(_ => 50 + (long)random.Next(1000))];
            double[] deviations = [.. sizes.Select(_ => random.NextDouble())];
            int[] best = SampleAllocation.BySize(sizes, [.. sizes.Zip(deviations, (n, s) => n * s * Math.Sqrt(n / (n - 1.0)))], 12 + random.Next(100));
            double least = SampleAllocation.Margin(sizes, best, deviations);
            for (int from = 0; from < 5; from++)
            {
                for (int to = 0; to < 5; to++)
                {
                    int[] other = [.. best];
                    other[from]--;
                    other[to]++;
                    Assert.True(other[from] < SampleAllocation.LeastPerSegment || other[to] > sizes[to]
                        || SampleAllocation.Margin(sizes, other, deviations) >= least * (1 - 1e-12));
                }
            }
        }
    }

    [Fact]
    public void BySize_LargerSample_ContainsTheSmaller()
    {
        int[] before = [2, 2, 2];
        for (int total = 6; total < 300; total++)
        {
            int[] asked = SampleAllocation.BySize([100, 120, 80], [7, 3, 1.5], total);
            Assert.Equal(total, asked.Sum());
            Assert.All(asked.Zip(before), pair => Assert.True(pair.First >= pair.Second));
            before = asked;
        }
    }

    // Cochran, 1977, section 4.4: .96 / .05^2 ... for E = 5 points at 95 %: 384.1, of a large population; of 1,000: 278.
    [Theory]
    [InlineData(1_000_000_000, 0.05, 385)]
    [InlineData(1000, 0.05, 278)]
    [InlineData(1_000_000_000, 0.03, 1068)]
    public void ByMargin_OneSegment_IsTheTextbookSize(long size, double margin, int asked)
    {
        Assert.Equal([asked], SampleAllocation.ByMargin([size], [1], margin, perSegment: true));
        Assert.Equal([asked], SampleAllocation.ByMargin([size], [1], margin, perSegment: false));
        Assert.InRange(SampleAllocation.Margin(size, asked, SampleAllocation.WorstCase), 0, margin);
        Assert.True(SampleAllocation.Margin(size, asked - 1, SampleAllocation.WorstCase) > margin);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ByMargin_ManySegments_ReachesItAndAsksNobodyMore(bool perSegment)
    {
        long[] sizes = [90_000, 9000, 900, 90, 9, 1];
        double[] weights = [.. sizes.Select(s => (double)s)];
        double[] worst = [.. sizes.Select(_ => SampleAllocation.WorstCase)];
        int[] asked = SampleAllocation.ByMargin(sizes, weights, 0.04, perSegment);
        double Reached(int[] of) => perSegment
            ? sizes.Zip(of).Max(s => SampleAllocation.Margin(s.First, s.Second, SampleAllocation.WorstCase)) : SampleAllocation.Margin(sizes, of, worst);
        Assert.InRange(Reached(asked), 0, 0.04);
        Assert.All(asked, n => Assert.InRange(n, 0, SampleAllocation.MostPerSegment(0.04)));
        Assert.True(Reached(SampleAllocation.BySize(sizes, weights, asked.Sum() - 1)) > 0.04);
    }

    // By hand: W = .6, .4; n = 30 of 300, 20 of 200; S = 2, 3 over N - 1:
    // .36 * 4/30 * 270/299 + .16 * 9/20 * 180/199 = .0433445 + .0651256 = .1084701; 1.959964 * sqrt = .645514.
    [Fact]
    public void Margin_TwoSegments_IsTheHandComputed()
    {
        Assert.Equal(0.645514, SampleAllocation.Margin([300, 200], [30, 20], [2, 3]), 5);
        Assert.Equal(0, SampleAllocation.Margin(5, 5, 1));
        Assert.Equal(double.PositiveInfinity, SampleAllocation.Margin(5, 0, 1));
    }

    // A population of answers is sampled over and over; the interval around the estimate covers the population's mean.
    [Fact]
    public void Margin_ManySamples_CoversTheTruthAboutAsOftenAsItClaims()
    {
        const int Samples = 2000;
        SeededRandom random = new(11);
        double[][] answers = [.. new[] { (400, 0.2), (150, 0.8) }.Select(s => Enumerable.Range(0, s.Item1).Select(i => i < s.Item1 * s.Item2 ? 1.0 : 0).ToArray())];
        long[] sizes = [.. answers.Select(a => (long)a.Length)];
        double truth = answers.Sum(a => a.Sum()) / sizes.Sum();
        double[] deviations = [.. answers.Select(a => Math.Sqrt(a.Average() * (1 - a.Average())))];
        int[] asked = SampleAllocation.BySize(sizes, [.. sizes.Select(s => (double)s)], 110);
        double margin = SampleAllocation.Margin(sizes, asked, deviations);
        int covered = 0;
        for (int s = 0; s < Samples; s++)
        {
            double estimate = 0;
            for (int h = 0; h < answers.Length; h++)
            {
                random.Shuffle(answers[h].AsSpan());
                estimate += answers[h].Take(asked[h]).Average() * sizes[h] / sizes.Sum();
            }
            covered += Math.Abs(estimate - truth) <= margin ? 1 : 0;
        }
        Assert.InRange(covered / (double)Samples, 0.935, 0.97);
    }
}
