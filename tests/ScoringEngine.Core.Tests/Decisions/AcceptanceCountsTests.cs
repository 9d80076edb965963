using ScoringEngine.Core.Decisions;

namespace ScoringEngine.Core.Tests.Decisions;

public sealed class AcceptanceCountsTests
{
    [Fact]
    public void Read_NothingCounted_IsZero()
    {
        AcceptanceCounts counts = new();
        Assert.Equal(default, counts.Read(3, 1));
        Assert.Equal(default, counts.Read(-1, -1));
        counts.Add(1, 1, 1, 0);
        Assert.Equal(default, counts.Read(3, 1));
    }

    [Fact]
    public void Add_SeveralSegments_AddUpEverywhere()
    {
        AcceptanceCounts counts = new();
        counts.Add(3, 1, 10, 2);
        counts.Add(3, 9, 5, 1);
        counts.Add(3, 0, 1, 1);
        counts.Add(2, 1, 7, 0);
        counts.Add(3, 1, 0, 1); // an answer after its maturity
        Assert.Equal(new CandidateCounts(16, 5, 10, 3), counts.Read(3, 1));
        Assert.Equal(new CandidateCounts(16, 5, 5, 1), counts.Read(3, 9));
        Assert.Equal(new CandidateCounts(16, 5, 0, 0), counts.Read(3, 4));
        Assert.Equal(new CandidateCounts(7, 0, 7, 0), counts.Read(2, 1));
    }

    [Fact]
    public void Add_MoreThanFloatsCanCount_LosesNothing()
    {
        AcceptanceCounts counts = new();
        counts.Add(1, 1, 1L << 24, 0);
        for (int i = 0; i < 1000; i++)
        {
            counts.Add(1, 1, 1, 1);
        }
        Assert.Equal((1, 1, (1L << 24) + 1000, 1000), Assert.Single(counts.Entries()));
    }

    [Fact]
    public void Add_OutOfRange_IsRefusedAndChangesNothing()
    {
        AcceptanceCounts counts = new();
        counts.Add(1, 1, 5, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => counts.Add(0, 1, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => counts.Add(65_536, 1, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => counts.Add(1, -1, 1, 0));
        Assert.StartsWith("-1 offers and 2 acceptances would be left", Assert.Throws<ArgumentException>(() => counts.Add(1, 1, -6, 0)).Message);
        Assert.Throws<ArgumentException>(() => counts.Add(1, 1, 0, uint.MaxValue));
        Assert.Throws<ArgumentException>(() => counts.Add(1, 2, -1, 0)); // everywhere there are enough, in the segment not
        Assert.Equal([(1, 1, 5L, 2L)], counts.Entries());
        Assert.Equal(new CandidateCounts(5, 2, 5, 2), counts.Read(1, 1));
    }

    [Fact]
    public void Entries_AddedToEmptyCounts_GiveTheSameCounts()
    {
        AcceptanceCounts counts = new();
        for (int i = 0; i < 500; i++)
        {
            counts.Add(1 + (i * 7 % 40), i % 6, 3, i % 3);
        }
        AcceptanceCounts copy = new();
        foreach ((int proposition, int segment, long offers, long acceptances) in counts.Entries())
        {
            copy.Add(proposition, segment, offers, acceptances);
        }
        Assert.Equal(counts.Entries(), copy.Entries());
        Assert.All(Enumerable.Range(1, 40), p => Assert.All(Enumerable.Range(0, 6), s => Assert.Equal(counts.Read(p, s), copy.Read(p, s))));
    }

    [Fact]
    public void Add_ManyThreads_LosesNothingAndNeverShowsHalfAPair()
    {
        AcceptanceCounts counts = new();
        const int Rounds = 4_000;
        int torn = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                counts.Add(1 + (i % 50), 1 + (thread % 3), 1, 1);
                CandidateCounts read = counts.Read(1 + (i % 50), 1 + (thread % 3));
                if (read.Offers != read.Acceptances || read.SegmentOffers != read.SegmentAcceptances)
                {
                    Interlocked.Increment(ref torn);
                }
            }
        });
        Assert.Equal(0, torn);
        Assert.Equal(8 * Rounds, counts.Entries().Sum(e => e.Offers));
        Assert.Equal(8 * Rounds, Enumerable.Range(1, 50).Sum(p => counts.Read(p, 1).Acceptances));
    }

    [Theory]
    [InlineData(0, 0, 0, 0, 0.2)] // nothing counted: the prior itself
    [InlineData(100, 50, 0, 0, 0.35)] // (50 + 100 * .2) / 200
    [InlineData(100, 50, 50, 0, 0.175)] // (0 + 50 * .35) / 100
    [InlineData(25, 5, 50, 50, 0.6)] // (5 + 20) / 125 = .2, (50 + 50 * .2) / 100
    public void Rate_HandComputed(float offers, float acceptances, float segmentOffers, float segmentAcceptances, double expected)
    {
        CandidateCounts counts = new(offers, acceptances, segmentOffers, segmentAcceptances);
        double rate = new SmoothingPolicy(100, 50).Rate(0.2, in counts);
        Assert.Equal(expected, rate, 1e-12);
    }

    [Fact]
    public void Rate_NoStrength_IsTheObservedRateAndNeverAboveOne()
    {
        Assert.Equal(0.25, new SmoothingPolicy(0, 0).Rate(0.9, new CandidateCounts(8, 4, 4, 1)));
        Assert.Equal(1, new SmoothingPolicy(0, 0).Rate(0.9, new CandidateCounts(1, 3, 1, 3)));
        Assert.Equal(0.5, new SmoothingPolicy(0, 0).Rate(0.9, new CandidateCounts(8, 4, 0, 0)));
    }
}
