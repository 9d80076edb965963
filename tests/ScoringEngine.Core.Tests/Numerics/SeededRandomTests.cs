using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Numerics;

/// <summary>Statistical bounds are five standard errors: for a fixed seed they hold or they do not, they never flicker.</summary>
public sealed class SeededRandomTests
{
    [Theory]
    [InlineData(0, 0, new ulong[] { 0xFB5405F7BD79C540, 0x780C98E26CEA5883, 0x2A146E0980FEA5E6 })]
    [InlineData(1, 0, new ulong[] { 0x9FB83845EFAF8163, 0xC7206727683B6AD3, 0xA9BCFC516E2B64D2 })]
    [InlineData(1, 1, new ulong[] { 0x959D71AA95271620, 0xAF45AE3E6E52CE2A, 0xD237C73D20340F7E })]
    [InlineData(-7, 42, new ulong[] { 0x18DA95D21DC5EE6C, 0x886FECE65EC5D9D0, 0x397F3D524B74739E })]
    [InlineData(long.MaxValue, long.MinValue, new ulong[] { 0x1032C3235CB2A259, 0xBEEA320CD5260553, 0xB72306CEEBA162D7 })]
    public void NextUInt64_KnownSeed_IsTheGoldenStream(long seed, long stream, ulong[] expected)
    {
        SeededRandom random = new(seed, stream);
        Assert.Equal(expected, Draw(ref random, expected.Length));
    }

    [Fact]
    public void Draws_OfEveryKind_AreTheGoldenOnes()
    {
        SeededRandom random = new(2024);
        Assert.Equal(0.4030129399428587, random.NextDouble());
        Assert.Equal(1.7841653543541585, random.NextNormal());
        Assert.Equal(519, random.Next(1000));
        int[] items = [.. Enumerable.Range(0, 10)];
        random.Shuffle<int>(items);
        Assert.Equal([1, 7, 3, 2, 8, 5, 0, 9, 6, 4], items);
    }

    [Fact]
    public void NextUInt64_Always_IsXoshiro256StarStar()
    {
        // The published algorithm over the state that SplitMix64 gives, written again with an array.
        ulong mixed = SeededRandom.Mix(99) ^ SeededRandom.Mix(5 + 0x9E37_79B9_7F4A_7C15);
        ulong[] s = [.. Enumerable.Range(1, 4).Select(i => SeededRandom.Mix(mixed + ((ulong)i * 0x9E37_79B9_7F4A_7C15)))];
        s[3] |= 1;
        SeededRandom random = new(99, 5);
        for (int i = 0; i < 1000; i++)
        {
            ulong expected = ulong.RotateLeft(s[1] * 5, 7) * 9;
            ulong t = s[1] << 17;
            s[2] ^= s[0];
            s[3] ^= s[1];
            s[1] ^= s[2];
            s[0] ^= s[3];
            s[2] ^= t;
            s[3] = ulong.RotateLeft(s[3], 45);
            Assert.Equal(expected, random.NextUInt64());
        }
    }

    // Outputs 1 to 3 of the reference SplitMix64 from state 0: Mix of the state's increments.
    [Theory]
    [InlineData(1, 0xE220A8397B1DCDAFUL)]
    [InlineData(2, 0x6E789E6AA1B965F4UL)]
    [InlineData(3, 0x06C45D188009454FUL)]
    public void Mix_IncrementsOfSplitMix64_GivesItsPublishedOutputs(ulong step, ulong expected)
        => Assert.Equal(expected, SeededRandom.Mix(step * 0x9E37_79B9_7F4A_7C15));

    [Fact]
    public void NextDouble_ManyDraws_IsUniform()
    {
        const int Draws = 200_000;
        SeededRandom random = new(3);
        int[] buckets = new int[100];
        double sum = 0;
        for (int i = 0; i < Draws; i++)
        {
            double x = random.NextDouble();
            Assert.InRange(x, 0, 1 - double.Epsilon);
            buckets[(int)(x * 100)]++;
            sum += x;
        }
        Assert.Equal(0.5, sum / Draws, 5 * Math.Sqrt(1.0 / 12 / Draws));
        AssertUniform(buckets, Draws);
    }

    [Fact]
    public void NextNormal_ManyDraws_HasTheMomentsOfTheStandardNormal()
    {
        const int Draws = 200_000;
        SeededRandom random = new(4);
        double[] moments = new double[5];
        int beyondTwo = 0;
        for (int i = 0; i < Draws; i++)
        {
            double x = random.NextNormal();
            double power = 1 / (double)Draws;
            for (int m = 1; m <= 4; m++)
            {
                power *= x;
                moments[m] += power;
            }
            beyondTwo += Math.Abs(x) > 2 ? 1 : 0;
        }
        double root = Math.Sqrt(Draws);
        Assert.Equal(0, moments[1], 5 * 1 / root);
        Assert.Equal(1, moments[2], 5 * Math.Sqrt(2) / root);
        Assert.Equal(0, moments[3], 5 * Math.Sqrt(15) / root);
        Assert.Equal(3, moments[4], 5 * Math.Sqrt(96) / root);
        Assert.Equal(0.0455, beyondTwo / (double)Draws, 5 * Math.Sqrt(0.0455) / root);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(100)]
    public void Next_SmallBound_IsUniform(int bound)
    {
        const int Draws = 100_000;
        SeededRandom random = new(5);
        int[] buckets = new int[bound];
        for (int i = 0; i < Draws; i++)
        {
            buckets[random.Next(bound)]++;
        }
        AssertUniform(buckets, Draws);
    }

    [Fact]
    public void Next_LargestBound_ReachesBothHalves()
    {
        SeededRandom random = new(6);
        int upper = 0;
        for (int i = 0; i < 10_000; i++)
        {
            int value = random.Next(int.MaxValue);
            Assert.InRange(value, 0, int.MaxValue - 1);
            upper += value >= int.MaxValue / 2 ? 1 : 0;
        }
        Assert.Equal(5000, upper, 5 * Math.Sqrt(2500));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Next_BoundThatIsNotPositive_IsRefused(int bound)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new SeededRandom(1).Next(bound));

    [Fact]
    public void Shuffle_ManyTimes_PutsEveryItemEverywhereEquallyOften()
    {
        const int Times = 20_000;
        SeededRandom random = new(7);
        int[,] at = new int[5, 5];
        for (int i = 0; i < Times; i++)
        {
            int[] items = [0, 1, 2, 3, 4];
            random.Shuffle<int>(items);
            Assert.Equal(10, items.Sum());
            for (int position = 0; position < 5; position++)
            {
                at[position, items[position]]++;
            }
        }
        for (int position = 0; position < 5; position++)
        {
            AssertUniform([.. Enumerable.Range(0, 5).Select(item => at[position, item])], Times);
        }
    }

    [Fact]
    public void Shuffle_EmptyOrOne_ChangesNothing()
    {
        SeededRandom random = new(8);
        random.Shuffle<int>([]);
        int[] one = [3];
        random.Shuffle<int>(one);
        Assert.Equal([3], one);
        SeededRandom untouched = new(8);
        Assert.Equal(untouched.NextUInt64(), random.NextUInt64());
    }

    [Fact]
    public void Streams_OfNeighbouringSeedsAndStreams_ShareNoDrawsAndDoNotCorrelate()
    {
        HashSet<ulong> seen = [];
        for (long seed = -10; seed < 10; seed++)
        {
            for (long stream = -10; stream < 10; stream++)
            {
                SeededRandom random = new(seed, stream);
                Assert.All(Draw(ref random, 20), value => Assert.True(seen.Add(value)));
            }
        }
        const int Draws = 50_000;
        SeededRandom a = new(1, 0);
        SeededRandom b = new(1, 1);
        double product = 0;
        for (int i = 0; i < Draws; i++)
        {
            product += (a.NextDouble() - 0.5) * (b.NextDouble() - 0.5) * 12 / Draws;
        }
        Assert.Equal(0, product, 5 / Math.Sqrt(Draws));
    }

    private static ulong[] Draw(ref SeededRandom random, int count)
    {
        ulong[] values = new ulong[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = random.NextUInt64();
        }
        return values;
    }

    private static void AssertUniform(int[] buckets, int draws)
    {
        double expected = draws / (double)buckets.Length;
        double chiSquared = buckets.Sum(n => (n - expected) * (n - expected) / expected);
        int freedom = buckets.Length - 1;
        Assert.InRange(chiSquared, 0, freedom + (5 * Math.Sqrt(2.0 * freedom)));
    }
}
