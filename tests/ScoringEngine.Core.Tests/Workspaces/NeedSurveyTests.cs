using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Tests.Features;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class NeedSurveyTests
{
    private static readonly Needs Before = new(
        [new Need("price", "A fair price"), new Need("service", "Help")],
        new NeedWeights { Weights = ImmutableSortedDictionary<string, double>.Empty.Add("price", 0.5) },
        ImmutableSortedDictionary<int, NeedWeights>.Empty.Add(99, new NeedWeights()));

    private readonly List<string> _rejected = [];

    private SurveyedNeeds Survey(string text, NeedSurveyOptions? options = null)
        => NeedSurvey.Read(Csv.Of(text), Before, options ?? new NeedSurveyOptions { SegmentOf = SegmentOf }, r => _rejected.Add(r.ToString()));

    private Needs Read(string text) => Survey(text).Needs;

    private static int? SegmentOf(string id) => id.StartsWith('C') ? id[1] - '0' : null;

    private static string Rows(string prefix, int count, string answer) => string.Concat(Enumerable.Range(0, count).Select(i => $"{prefix}-{i},{answer}\n"));

    [Fact]
    public void Read_FiveAnswers_GivesTheHandComputedWeights()
    {
        // Totals 5, 4, 5, 4, 2 = 20; price 4, 3, 4, 2, 2 = 15: weight 15/20 = .75.
        // Residuals price - .75 total: .25, 0, .25, -1, .5; squares sum to 1.375; error = sqrt(1.375 * 5 / 4) / 20 = .06555;
        // times 2.7756 (Student's t, four degrees of freedom).
        Needs needs = Read("""
            customer,price,service,words
            C1a,4,1,too dear
            C1b,3,1,call me
            C1c,4,1,too dear
            C1d,2,2,
            C1e,2,0,be kind
            """);
        Assert.Empty(_rejected);
        NeedWeights weights = needs.Of(1);
        Assert.Equal([KeyValuePair.Create("price", 0.75), KeyValuePair.Create("service", 0.25)], weights.Weights);
        Assert.Equal([KeyValuePair.Create("price", 0.1819), KeyValuePair.Create("service", 0.1819)], weights.HalfWidths);
        Assert.Equal((Provenance.Surveyed, "(stdin)", 5), (weights.Provenance, weights.Source, weights.SampleSize));
        Assert.Equal(["too dear", "be kind", "call me"], weights.Words);
        Assert.Equal([1, 99], needs.BySegment.Keys);
        Assert.Same(Before.BySegment[99], needs.BySegment[99]);
        Assert.Same(Before.Default, needs.Default);
        Assert.Equal(Before.All, needs.All);
    }

    [Fact]
    public void Read_TooFewAnswersOrNoWeightAtAll_LeavesTheDefaultAndSaysWhy()
    {
        SurveyedNeeds surveyed = Survey("customer,price,service\n" + Rows("C2", 5, "0,0") + Rows("C1", NeedSurvey.MinAnswers - 1, "1,1") + Rows("C1x", 3, ",")
            + Rows("C3", NeedSurvey.MinAnswers, "1,0"), new NeedSurveyOptions { SegmentOf = SegmentOf, Segments = [1, 2, 3, 4] });
        Assert.Empty(_rejected);
        Needs needs = surveyed.Needs;
        Assert.Equal([3, 99], needs.BySegment.Keys);
        Assert.Same(Before.Default, needs.Of(1));
        Assert.Equal((1.0, 0.0), (needs.Of(3).Weights["price"], needs.Of(3).HalfWidths["price"]));
        Assert.Equal(
            [
                new SurveyedSegment(1, 7, 4, "4 answers, 5 are needed"), new SurveyedSegment(2, 5, 5, "no need was given any weight"),
                new SurveyedSegment(3, 5, 5, null), new SurveyedSegment(4, 0, 0, "0 answers, 5 are needed"),
            ], surveyed.Segments);
    }

    [Fact]
    public void Read_AnswersThatCannotBeUsed_AreRejectedWithTheirReasonAndDoNotCount()
    {
        Needs needs = Read("customer,price,service\nC1a,1,1\nX1,1,1\nC1b,much,1\nC1c,1,\nC1d,-1,1\nC1e,1,Infinity\nC1f,1\nC1a,1,1\n" + Rows("C1", 4, "1,1"));
        Assert.Equal(
            [
                "(stdin):3: column 'customer': 'X1': not in the customer file",
                "(stdin):4: column 'price': 'much': expected a weight of 0 or more",
                "(stdin):5: column 'service': '': expected a weight of 0 or more",
                "(stdin):6: column 'price': '-1': expected a weight of 0 or more",
                "(stdin):7: column 'service': 'Infinity': expected a weight of 0 or more",
                "(stdin):8: 2 fields, expected 3",
                "(stdin):9: column 'customer': 'C1a': answered in line 2 already",
            ], _rejected);
        Assert.Equal(5, needs.Of(1).SampleSize);
    }

    [Theory]
    [InlineData("id,price,service\n", "(stdin):1: no column 'customer'; found id, price, service")]
    [InlineData("customer,prise,service\n", "(stdin):1: no column 'price' (did you mean 'prise'?); found customer, prise, service")]
    public void Read_ColumnMissing_IsRefused(string text, string message)
        => Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Read(text)).Message);

    [Fact]
    public void Read_Thirds_SumToExactlyOne()
    {
        Needs three = Before with { All = [new Need("a", "a"), new Need("b", "b"), new Need("c", "c")] };
        Needs needs = NeedSurvey.Read(Csv.Of("customer,a,b,c\n" + Rows("C1x", 3, "2,2,1") + Rows("C1y", 3, "1,1,2")), three,
            new NeedSurveyOptions { SegmentOf = SegmentOf }, _ => { }).Needs;
        Assert.Equal([0.3334, 0.3333, 0.3333], needs.Of(1).Weights.Values);
    }

    [Fact]
    public void Read_SegmentsInTheFile_AreCheckedAgainstThoseThereAre()
    {
        SurveyedNeeds surveyed = Survey("customer,segment,price,service\na,7,1,1\nb,x,1,1\nc,0,1,1\n" + string.Concat(Enumerable.Range(0, 5).Select(i => $"d{i},2,3,1\n")),
            new NeedSurveyOptions { Segments = [1, 2] });
        Assert.Equal(
            [
                "(stdin):2: column 'segment': '7': no such segment, expected one of 1, 2",
                "(stdin):3: column 'segment': 'x': expected a segment id",
                "(stdin):4: column 'segment': '0': expected a segment id",
            ], _rejected);
        Assert.Equal(0.75, surveyed.Needs.Of(2).Weights["price"]);
        Assert.Equal([1, 2], surveyed.Segments.Select(s => s.SegmentId));
    }

    // Ratings 5, 2 above 1: 4 to 1.
    [Fact]
    public void Read_Ratings_CountFromOne()
    {
        NeedSurveyOptions options = new() { Method = SurveyMethod.Ratings, SegmentOf = SegmentOf, Source = "Spring 2026" };
        NeedWeights weights = Survey("customer,price,service\nC1a,0,1\nC1b,6,1\nC1c,2.5,1\n" + Rows("C1", 5, "5,2"), options).Needs.Of(1);
        Assert.Equal((0.8, 0.2), (weights.Weights["price"], weights.Weights["service"]));
        Assert.Equal("Spring 2026 (ratings 1 to 5)", weights.Source);
        Assert.Equal(["0", "6", "2.5"], _rejected.Select(r => r.Split('\'')[3]));
        Assert.All(_rejected, r => Assert.EndsWith("expected a rating of 1 to 5", r));
    }

    // Five customers; price 9 best, 1 worst of 20: s = .4; service 1 best, 9 worst of 20. Choice shares with one more of each kind:
    // (20 + 8 + 1) / (20 - 8 + 1) = 29/13 and 13/29: 841 to 169.
    [Fact]
    public void Read_BestWorstCounts_GivesTheHandComputedWeights()
    {
        NeedSurveyOptions options = new() { Method = SurveyMethod.BestWorst, SegmentOf = SegmentOf };
        NeedWeights weights = Survey("customer,price_best,price_worst,price_shown,service_best,service_worst,service_shown\n"
            + Rows("C1", 4, "2,0,4,0,2,4") + "C1z,1,1,4,1,1,4\n", options).Needs.Of(1);
        Assert.Empty(_rejected);
        Assert.Equal(841 / 1010.0, weights.Weights["price"], 4);
        Assert.Equal(1, weights.Weights.Values.Sum());
        Assert.Equal("(stdin) (best-worst counts)", weights.Source);

        // log(g1 / g2) = 2 log((B + V + 1) / (B - V + 1)); an answer moves it by 2 ((4 + v) / 29 - (4 - v) / 13), the weight by w (1 - w)
        // of that: four times 2 (6/29 - 2/13) = .106101, once 2 (4/29 - 4/13) = -.339523; about their mean .016976:
        // squares 4 * .0079433 + .1270917 = .1588649; error = .139329 * sqrt(.1588649 * 5 / 4) = .0620884; times 2.7756.
        Assert.Equal(0.1723, weights.HalfWidths["price"], 4);
    }

    [Fact]
    public void Read_BestWorstCountsThatCannotBe_AreRejected()
    {
        SurveyedNeeds surveyed = Survey("customer,price_best,price_worst,price_shown,service_best,service_worst,service_shown\n"
            + "C1a,3,2,4,0,1,4\nC1b,2,0,4,0,1,4\nC1c,0,0,4,0,0,4\nC1d,1,,4,0,1,4\n" + Rows("C1", 5, "0,0,0,1,1,2"),
            new NeedSurveyOptions { Method = SurveyMethod.BestWorst, SegmentOf = SegmentOf });
        Assert.Equal(
            [
                "(stdin):2: column 'price_shown': '4': was chosen more often than shown",
                "(stdin):3: 2 times a best and 1 times a worst one was chosen, expected as many of each and at least one",
                "(stdin):4: 0 times a best and 0 times a worst one was chosen, expected as many of each and at least one",
                "(stdin):5: column 'price_worst': '': expected a count of 0 or more",
            ], _rejected);
        Assert.Equal("not every need was shown", Assert.Single(surveyed.Segments).Obstacle);
    }

    // Every need's true share is a half. The second need is always stated as 1, so that all of its share's error comes
    // from the scale of the whole answer.
    [Theory]
    [InlineData(8)]
    [InlineData(60)]
    public void HalfWidths_ManySurveys_CoverTheTruthAboutAsOftenAsTheyClaim(int answers)
    {
        const int Surveys = 1000;
        SeededRandom random = new(5);
        int covered = 0;
        for (int s = 0; s < Surveys; s++)
        {
            StringBuilder text = new("customer,price,service\n");
            for (int i = 0; i < answers; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $"C1-{i},{2 * random.NextDouble()},1\n");
            }
            NeedWeights weights = Read(text.ToString()).Of(1);
            covered += Math.Abs(weights.Weights["service"] - 0.5) <= weights.HalfWidths["service"] ? 1 : 0;
        }
        Assert.InRange(covered / (double)Surveys, 0.92, 0.975);
    }

    // Customers choose the most important of three needs shown with the probability of its weight, the least important of the
    // others with that of its inverse; each sees every set of three of four needs.
    [Fact]
    public void Read_BestWorstChoicesByKnownWeights_FindsThemAndCoversThem()
    {
        const int Surveys = 200;
        const int Answers = 150;
        double[] truth = [0.4, 0.3, 0.2, 0.1];
        Needs four = Before with { All = [.. "abcd".Select(c => new Need(c.ToString(), ""))] };
        SeededRandom random = new(6);
        double[] sums = new double[4];
        List<double>[] estimates = [[], [], [], []];
        double halfWidths = 0;
        for (int s = 0; s < Surveys; s++)
        {
            StringBuilder text = new("customer,segment," + string.Join(',', four.All.Select(n => $"{n.Id}_best,{n.Id}_worst,{n.Id}_shown")) + "\n");
            for (int i = 0; i < Answers; i++)
            {
                int[] counts = new int[12];
                for (int left = 0; left < 4; left++)
                {
                    int[] shown = [.. Enumerable.Range(0, 4).Where(n => n != left)];
                    int best = Pick(shown, n => truth[n], ref random);
                    int worst = Pick([.. shown.Where(n => n != best)], n => 1 / truth[n], ref random);
                    counts[best * 3]++;
                    counts[(worst * 3) + 1]++;
                    Array.ForEach(shown, n => counts[(n * 3) + 2]++);
                }
                text.Append(CultureInfo.InvariantCulture, $"c{i},1,{string.Join(',', counts)}\n");
            }
            NeedWeights weights = NeedSurvey.Read(Csv.Of(text.ToString()), four, new NeedSurveyOptions { Method = SurveyMethod.BestWorst }, r => Assert.Fail(r.ToString())).Needs.Of(1);
            for (int n = 0; n < 4; n++)
            {
                sums[n] += weights.Weights[four.All[n].Id] / Surveys;
                estimates[n].Add(weights.Weights[four.All[n].Id]);
            }
            halfWidths += weights.HalfWidths["a"] / Surveys;
        }

        // The closed form is near the truth, not exactly it (.44, .30, .18, .07 here): the intervals are about what the counts converge to.
        Assert.All(truth.Zip(sums), pair => Assert.InRange(pair.Second, pair.First - 0.045, pair.First + 0.045));
        double deviation = Math.Sqrt(estimates[0].Sum(e => (e - sums[0]) * (e - sums[0])) / (Surveys - 1));
        Assert.InRange(halfWidths / (1.96 * deviation), 0.88, 1.12);
    }

    private static int Pick(int[] among, Func<int, double> weight, ref SeededRandom random)
    {
        double at = random.NextDouble() * among.Sum(weight);
        int picked = 0;
        while (picked < among.Length - 1 && (at -= weight(among[picked])) >= 0)
        {
            picked++;
        }
        return among[picked];
    }
}
