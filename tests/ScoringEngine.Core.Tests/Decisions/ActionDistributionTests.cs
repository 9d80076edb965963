using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Decisions;

public sealed class ActionDistributionTests
{
    private const double Exact = 1e-12;

    private static double[] Probabilities(ExplorationKind kind, double parameter, double? scale, params double[] scores)
    {
        double[] probabilities = new double[scores.Length];
        ActionDistribution.Fill(new Exploration(kind, parameter), scale, scores, probabilities);
        return probabilities;
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, Exact));
    }

    [Fact]
    public void Fill_NoExploration_TakesTheBest()
        => AssertClose([1, 0, 0], Probabilities(ExplorationKind.None, 0, null, 5, 0, -3));

    [Fact]
    public void Fill_Epsilon_SharesEpsilonAmongAll()
        => AssertClose([0.7 + 0.1, 0.1, 0.1], Probabilities(ExplorationKind.Epsilon, 0.3, null, 5, 0, -3));

    [Fact]
    public void Fill_Softmax_IsProportionalToExponentials()
    {
        // Scaled: (6 + 2) / 8 = 1, (0 + 2) / 8 = .25, 0. Weights e^(2 * 1), e^(2 * .25), e^0.
        double sum = Math.Exp(2) + Math.Exp(0.5) + 1;
        AssertClose([Math.Exp(2) / sum, Math.Exp(0.5) / sum, 1 / sum], Probabilities(ExplorationKind.Softmax, 2, null, 6, 0, -2));
    }

    [Fact]
    public void Fill_SquareCb_GivesTheRestToTheBest()
    {
        // Scaled 1, .25, 0: regrets .75 and 1. 1 / (3 + 10 * .75) and 1 / (3 + 10).
        AssertClose([1 - (1 / 10.5) - (1 / 13.0), 1 / 10.5, 1 / 13.0], Probabilities(ExplorationKind.SquareCb, 10, null, 6, 0, -2));
    }

    [Fact]
    public void Fill_WithAScale_CountsItAsOneAndClipsWhatIsAbove()
    {
        // Scale 2 over -2: (6 + 2) / 4 is clipped to 1, (0 + 2) / 4 = .5.
        AssertClose([1 - (1 / 8.0) - (1 / 13.0), 1 / 8.0, 1 / 13.0], Probabilities(ExplorationKind.SquareCb, 10, 2, 6, 0, -2));
    }

    [Theory]
    [InlineData(ExplorationKind.Epsilon)]
    [InlineData(ExplorationKind.Softmax)]
    [InlineData(ExplorationKind.SquareCb)]
    public void Fill_EqualScores_AreEquallyLikelyAndOneAloneIsCertain(ExplorationKind kind)
    {
        double best = kind == ExplorationKind.Epsilon ? 0.5 + (0.5 / 4) : 0.25;
        double other = (1 - best) / 3;
        AssertClose([best, other, other, other], Probabilities(kind, 0.5, null, 3, 3, 3, 3));
        AssertClose([best, other, other, other], Probabilities(kind, 0.5, -8, 3, 3, 3, 3)); // no range below the scale either
        AssertClose([1], Probabilities(kind, 0.5, null, -4));
    }

    [Fact]
    public void Fill_RandomScores_SumToOneAndNeverRankALesserOneHigher()
    {
        SeededRandom random = new(3);
        for (int round = 0; round < 500; round++)
        {
            double[] scores = [.. Enumerable.Range(0, 1 + random.Next(60)).Select(_ => 100 * random.NextNormal()).OrderDescending()];
            double? scale = random.Next(3) == 0 ? 50 * random.NextDouble() : null;
            foreach ((ExplorationKind kind, double parameter) in new[]
            {
                (ExplorationKind.None, 0), (ExplorationKind.Epsilon, random.NextDouble()), (ExplorationKind.Softmax, 50 * random.NextDouble()),
                (ExplorationKind.Softmax, 5000.0), (ExplorationKind.SquareCb, 1000 * random.NextDouble()),
            })
            {
                double[] probabilities = Probabilities(kind, parameter, scale, scores);
                Assert.Equal(1, probabilities.Sum(), Exact);
                Assert.All(probabilities, p => Assert.InRange(p, 0, 1 + Exact));
                Assert.All(probabilities.Zip(probabilities.Skip(1)), p => Assert.True(p.First >= p.Second - Exact));
            }
        }
    }

    [Theory]
    [InlineData(ExplorationKind.Epsilon, 0.4)]
    [InlineData(ExplorationKind.Softmax, 3.0)]
    [InlineData(ExplorationKind.SquareCb, 20.0)]
    public void Draw_AMillionTimes_FollowsTheProbabilities(ExplorationKind kind, double parameter)
    {
        const int Draws = 1_000_000;
        double[] probabilities = Probabilities(kind, parameter, null, 9, 7, 2, 0, -1, -1, -4, -20);
        int[] counts = new int[probabilities.Length];
        SeededRandom random = new(41, (long)kind);
        for (int i = 0; i < Draws; i++)
        {
            counts[ActionDistribution.Draw(probabilities, random.NextDouble())]++;
        }
        double chiSquare = counts.Zip(probabilities, (n, p) => (n - (Draws * p)) * (n - (Draws * p)) / (Draws * p)).Sum();
        Assert.True(chiSquare < 24.32, $"chi-square {chiSquare}"); // 99.9 % of seven degrees of freedom
    }

    [Theory]
    [InlineData(0.0, 1)]
    [InlineData(0.4999, 1)]
    [InlineData(0.5, 3)]
    [InlineData(0.9999999999999999, 3)]
    public void Draw_ProbabilityZero_IsNeverDrawn(double uniform, int expected)
        => Assert.Equal(expected, ActionDistribution.Draw([0, 0.5, 0, 0.4999999, 0], uniform));

    [Fact]
    public void Fill_UnknownKind_IsRefused()
        => Assert.Throws<ArgumentException>(() => Probabilities((ExplorationKind)99, 0, null, 1));
}
