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

    private Needs Read(string text)
        => NeedSurvey.Read(Csv.Of(text), Before, id => id.StartsWith('C') ? id[1] - '0' : null, r => _rejected.Add(r.ToString()));

    [Fact]
    public void Read_FiveAnswers_GivesTheHandComputedWeights()
    {
        // Totals 5, 4, 5, 4, 2 = 20; price 4, 3, 4, 2, 2 = 15: weight 15/20 = .75.
        // Residuals price - .75 total: .25, 0, .25, -1, .5; squares sum to 1.375; error = sqrt(1.375 * 5 / 4) / 20 = .06555.
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
        Assert.Equal([KeyValuePair.Create("price", 0.1285), KeyValuePair.Create("service", 0.1285)], weights.HalfWidths);
        Assert.Equal((Provenance.Surveyed, "(stdin)", 5), (weights.Provenance, weights.Source, weights.SampleSize));
        Assert.Equal(["too dear", "be kind", "call me"], weights.Words);
        Assert.Equal([1, 99], needs.BySegment.Keys);
        Assert.Same(Before.BySegment[99], needs.BySegment[99]);
        Assert.Same(Before.Default, needs.Default);
        Assert.Equal(Before.All, needs.All);
    }

    [Fact]
    public void Read_TooFewAnswersOrNoWeightAtAll_LeavesTheDefault()
    {
        Needs needs = Read("customer,price,service\n" + string.Concat(Enumerable.Range(0, 5).Select(i => $"C2,0,0\n")
            .Concat(Enumerable.Range(0, NeedSurvey.MinAnswers - 1).Select(i => $"C1,1,1\n"))
            .Concat(Enumerable.Range(0, NeedSurvey.MinAnswers).Select(i => $"C3,1,0\n"))));
        Assert.Equal([3, 99], needs.BySegment.Keys);
        Assert.Same(Before.Default, needs.Of(1));
        Assert.Equal((1.0, 0.0), (needs.Of(3).Weights["price"], needs.Of(3).HalfWidths["price"]));
    }

    [Fact]
    public void Read_AnswersThatCannotBeUsed_AreRejectedWithTheirReasonAndDoNotCount()
    {
        Needs needs = Read("customer,price,service\nC1,1,1\nX1,1,1\nC1,much,1\nC1,1,\nC1,-1,1\nC1,1,Infinity\nC1,1\nC1,1,1\nC1,1,1\nC1,1,1\nC1,1,1\n");
        Assert.Equal(
            [
                "(stdin):3: column 'customer': 'X1': not in the customer file",
                "(stdin):4: column 'price': 'much': expected a weight of 0 or more",
                "(stdin):5: column 'service': '': expected a weight of 0 or more",
                "(stdin):6: column 'price': '-1': expected a weight of 0 or more",
                "(stdin):7: column 'service': 'Infinity': expected a weight of 0 or more",
                "(stdin):8: 2 fields, expected 3",
            ], _rejected);
        Assert.Equal(5, needs.Of(1).SampleSize);
    }

    [Theory]
    [InlineData("id,price,service\n", "(stdin):1: no column 'customer'; found id, price, service")]
    [InlineData("customer,prise,service\n", "(stdin):1: no column 'price' (did you mean 'prise'?); found customer, prise, service")]
    public void Read_ColumnMissing_IsRefused(string text, string message)
        => Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Read(text)).Message);

    [Fact]
    public void Read_ThirdsThatRoundUp_NeverSumToMoreThanOne()
    {
        Needs three = Before with { All = [new Need("a", "a"), new Need("b", "b"), new Need("c", "c")] };
        Needs needs = NeedSurvey.Read(Csv.Of("customer,a,b,c\n" + string.Concat(Enumerable.Repeat("C1,2,2,1\nC1,1,1,2\n", 3))), three, _ => 1, _ => { });
        Assert.Equal([0.3333, 0.3333, 0.3333], needs.Of(1).Weights.Values);
    }

    // Every need's true share is a half. The second need is always stated as 1, so that all of its share's error comes
    // from the scale of the whole answer.
    [Fact]
    public void HalfWidths_ManySurveys_CoverTheTruthAboutAsOftenAsTheyClaim()
    {
        const int Surveys = 400;
        SeededRandom random = new(5);
        int covered = 0;
        for (int s = 0; s < Surveys; s++)
        {
            StringBuilder text = new("customer,price,service\n");
            for (int i = 0; i < 60; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $"C1,{2 * random.NextDouble()},1\n");
            }
            NeedWeights weights = Read(text.ToString()).Of(1);
            covered += Math.Abs(weights.Weights["service"] - 0.5) <= weights.HalfWidths["service"] ? 1 : 0;
        }
        Assert.InRange(covered / (double)Surveys, 0.91, 0.98);
    }
}
