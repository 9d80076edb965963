using System.Globalization;
using CsvHelper;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Synthetic;

namespace ScoringEngine.Core.Tests.Synthetic;

public sealed class SampleWriterTests : IDisposable
{
    private static readonly string[] Files = ["customers.csv", "outcomes.csv", "truth.csv", "survey.csv"];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sample-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData(1, 20_000)]
    [InlineData(2, 30_000)]
    [InlineData(3, 50_000)]
    public void Write_AnySeed_KeepsTheCeilings(long seed, int customers)
    {
        SampleSummary summary = SampleWriter.Write(new SyntheticWorld(seed), customers, _directory.FullName);

        Assert.InRange(summary.BayesSegmentAri, 0.84, 0.92);
        Assert.InRange(summary.OracleProfitR2, 0.38, 0.50);
        Assert.InRange(summary.OracleAcceptanceAuc, 0.65, 0.75);
        Assert.InRange(summary.OracleAcceptanceAucWithinProposition, 0.65, 0.75);
        Assert.InRange(summary.BestSingleShare, 0.4, 0.8);
        Assert.InRange(summary.PropensityOnlyValue, summary.BestSingleValue, 0.95 * summary.OracleValue);
        Assert.InRange(summary.RandomValue, 0, summary.BestSingleValue);
        Assert.InRange(summary.DestroyerShare, 0.10, 0.20);
        Assert.InRange(summary.BestFifthProfitShare, 0.5, 0.8);
        Assert.Equal(2000, summary.Surveyed);
    }

    [Fact]
    public void Write_OneThreadOrTwo_GivesTheSameBytesAndSummary()
    {
        SyntheticWorld world = new(7);
        SampleSummary one = SampleWriter.Write(world, 9_000, At("one"), 1, null, CancellationToken.None);
        SampleSummary two = SampleWriter.Write(world, 9_000, At("two"), 2, null, CancellationToken.None);
        Assert.Equal(one, two);
        Assert.All(Files, file => Assert.True(Bytes("one", file).AsSpan().SequenceEqual(Bytes("two", file))));
    }

    [Fact]
    public void Write_FewerCustomers_IsAPrefix()
    {
        SyntheticWorld world = new(7);
        SampleWriter.Write(world, 5_000, At("few"));
        SampleWriter.Write(world, 9_000, At("many"));
        Assert.All(["customers.csv", "outcomes.csv", "truth.csv"],
            file => Assert.True(Bytes("many", file).AsSpan().StartsWith(Bytes("few", file))));
    }

    [Fact]
    public void Write_AnotherSeed_GivesOtherCustomers()
    {
        SampleWriter.Write(new SyntheticWorld(1), 100, At("one"));
        SampleWriter.Write(new SyntheticWorld(2), 100, At("two"));
        Assert.All(Files, file => Assert.NotEqual(Bytes("one", file), Bytes("two", file)));
    }

    [Fact]
    public void Write_CustomersAndTruth_FollowTheFormulasFromTheFilesAlone()
    {
        SyntheticWorld world = new(4);
        SampleSummary summary = SampleWriter.Write(world, 3_000, At("s"));
        List<Dictionary<string, string>> customers = Read("s", "customers.csv");
        List<Dictionary<string, string>> truth = Read("s", "truth.csv");
        Assert.Equal(3_000, customers.Count);
        Assert.Equal(3_000, truth.Count);

        double oracle = 0;
        double propensityOnly = 0;
        for (int i = 0; i < customers.Count; i++)
        {
            Assert.Equal($"C{i + 1:D7}", customers[i]["customer"]);
            Assert.Equal($"C{i + 1:D7}", truth[i]["customer"]);
            float[] row = Row(world.Schema, customers[i]);
            WorldSegment segment = world.Segments.Single(s => s.Name == truth[i]["segment"]);
            Assert.True(Value(customers[i], "annual_revenue") >= 0);
            Assert.True(Value(customers[i], "annual_cost") >= 0);
            Assert.Equal(Naive(world.Revenue, row) - Naive(world.Cost, row), Value(truth[i], "expected_profit"), 0.0051);

            double best = 0;
            (double P, double Value) likeliest = (0, 0);
            foreach (WorldProposition a in world.Propositions)
            {
                double affinity = segment.NeedWeights.Zip(a.Benefits, (w, b) => w * b).Sum();
                double sacrifice = segment.NeedWeights.Zip(a.Sacrifices, (w, b) => w * b).Sum();
                double p = 1 / (1 + Math.Exp(-Naive(a.Acceptance, row) - (world.AffinityWeight * affinity) - a.ChannelShifts[0]));
                double amount = Naive(a.Margin, row) + Naive(a.Saving, row);
                double value = (p * a.Incrementality * amount) + a.Differentiation - (p * a.Fulfilment)
                    - world.ContactCosts[0] + (world.CustomerWeight * p * (affinity - sacrifice));
                Assert.Equal(p, Value(truth[i], "p_" + a.Id), 0.00000051);
                Assert.Equal(value, Value(truth[i], "value_" + a.Id), 0.000051);
                best = Math.Max(best, value);
                likeliest = p > likeliest.P ? (p, value) : likeliest;
            }
            oracle += best;
            propensityOnly += likeliest.Value;
        }
        Assert.Equal(oracle / customers.Count, summary.OracleValue, 1e-9);
        Assert.Equal(propensityOnly / customers.Count, summary.PropensityOnlyValue, 1e-9);
        double single = truth.Average(t => Value(t, "value_" + summary.BestSingleProposition));
        Assert.Equal(single, summary.BestSingleValue, 1e-4);
        double[] profits = [.. truth.Select(t => Value(t, "expected_profit")).OrderDescending()];
        Assert.Equal(profits.Take(600).Sum() / profits.Sum(), summary.BestFifthProfitShare, 1e-4);
    }

    [Fact]
    public void Write_Outcomes_HoldTheOffersAsGenerated()
    {
        SyntheticWorld world = new(4);
        SampleSummary summary = SampleWriter.Write(world, 1_000, At("s"));
        List<Dictionary<string, string>> outcomes = Read("s", "outcomes.csv");
        Assert.Equal(summary.Outcomes, outcomes.Count);

        SyntheticCustomer customer = new();
        int next = 0;
        for (int i = 0; i < 1_000; i++)
        {
            world.Generate(i, customer);
            foreach (SyntheticOffer offer in customer.Offers.AsSpan(0, customer.OfferCount))
            {
                Dictionary<string, string> outcome = outcomes[next++];
                WorldProposition a = world.Propositions[offer.Proposition];
                Assert.Equal($"C{i + 1:D7}", outcome["customer"]);
                Assert.Equal(a.Id, outcome["proposition"]);
                Assert.Equal(world.Channels[offer.Channel], outcome["channel"]);
                Assert.Equal(world.AsOf.AddSeconds(-offer.SecondsAgo), DateTime.Parse(outcome["decided_at"],
                    CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal));
                Assert.Equal(offer.ActionPerTenThousand / 10_000.0, Value(outcome, "action_probability"));
                Assert.Equal(offer.Presented ? "1" : "0", outcome["presented"]);
                Assert.Equal(offer.Accepted ? "1" : "0", outcome["accepted"]);
                double cost = (offer.Presented ? world.ContactCosts[offer.Channel] : 0) + (offer.Accepted ? a.Fulfilment : 0);
                Assert.Equal(cost, Value(outcome, "cost"), 1e-9);
                Assert.Equal(offer.Accepted, Value(outcome, "revenue") > 0);
                Assert.Equal(offer.Features, Row(world.Schema, outcome));
            }
        }
    }

    [Fact]
    public void Write_Survey_AsksARandomPartAboutTheNeedsOfTheirSegment()
    {
        SyntheticWorld world = new(4);
        SampleSummary summary = SampleWriter.Write(world, 8_000, At("s"));
        List<Dictionary<string, string>> survey = Read("s", "survey.csv");
        Assert.Equal(2_000, survey.Count);
        Assert.Equal(2_000, summary.Surveyed);
        Assert.Equal(2_000, survey.Select(s => s["customer"]).Distinct().Count());
        Assert.InRange(survey.Average(s => int.Parse(s["customer"].AsSpan(1))), 3_700, 4_300);

        Dictionary<string, string> segments = Read("s", "truth.csv").ToDictionary(t => t["customer"], t => t["segment"]);
        HashSet<string> words = [.. world.Needs.SelectMany(n => n.Words)];
        Assert.All(survey, s => Assert.Contains(s["words"], words));
        foreach (WorldSegment segment in world.Segments)
        {
            List<Dictionary<string, string>> answers = [.. survey.Where(s => segments[s["customer"]] == segment.Name)];
            for (int n = 0; n < world.Needs.Length; n++)
            {
                // Clipping at 0 lifts a weight near 0 by up to 0.4 standard deviations of the noise.
                double mean = answers.Average(s => Value(s, world.Needs[n].Name));
                Assert.InRange(mean - segment.NeedWeights[n], -0.03, 0.06);
            }
        }
    }

    [Fact]
    public void Write_FewCustomers_SurveysAllOfThem()
    {
        SampleSummary summary = SampleWriter.Write(new SyntheticWorld(1), 3, At("s"));
        Assert.Equal(3, summary.Surveyed);
        Assert.Equal(3, Read("s", "survey.csv").Count);
    }

    [Fact]
    public void Write_ByBlocks_ReportsProgressUpToOne()
    {
        Recorder recorder = new();
        SampleWriter.Write(new SyntheticWorld(1), 10_000, At("s"), 1, recorder, CancellationToken.None);
        Assert.True(recorder.Reports.Count >= 2);
        Assert.Equal(recorder.Reports.Order(), recorder.Reports);
        Assert.Equal(1, recorder.Reports[^1]);
    }

    [Fact]
    public void Write_Cancelled_LeavesNoFinishedFile()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(
            () => SampleWriter.Write(new SyntheticWorld(1), 10_000, At("s"), null, source.Token));
        Assert.All(Files, file => Assert.False(File.Exists(Path.Combine(At("s"), file))));
    }

    [Fact]
    public void Write_NoCustomers_Throws()
        => Assert.Throws<ArgumentOutOfRangeException>(() => SampleWriter.Write(new SyntheticWorld(1), 0, At("s")));

    private string At(string name) => Path.Combine(_directory.FullName, name);

    private byte[] Bytes(string name, string file) => File.ReadAllBytes(Path.Combine(At(name), file));

    private List<Dictionary<string, string>> Read(string name, string file)
    {
        using CsvReader csv = CsvReader.FromFile(Path.Combine(At(name), file), CsvReaderOptions.Default);
        string[] columns = [.. csv.Headers];
        List<Dictionary<string, string>> rows = [];
        while (csv.Read())
        {
            Assert.Equal(columns.Length, csv.FieldCount);
            rows.Add(columns.Index().ToDictionary(column => column.Item, column => csv.GetString(column.Index)));
        }
        return rows;
    }

    private static double Value(Dictionary<string, string> row, string column)
        => double.Parse(row[column], CultureInfo.InvariantCulture);

    private static float[] Row(FeatureSchema schema, Dictionary<string, string> fields)
        => [.. schema.Features.Take(schema.CustomerCount).Select(feature => fields[feature.Name] switch
        {
            "" => float.NaN,
            string text when feature.Kind == FeatureKind.Categorical => feature.Categories.IndexOf(text),
            string text => float.Parse(text, CultureInfo.InvariantCulture),
        })];

    private static double Naive(WorldAmount amount, float[] row)
        => amount.Base + amount.Coefficients.Sum(c => c.PerUnit * row[c.Feature]);

    private static double Naive(WorldFormula formula, float[] row)
        => formula.Base + formula.Terms.Sum(term => term.Factors.Aggregate(term.Coefficient, (product, factor) =>
        {
            double x = row[factor.Feature];
            return double.IsNaN(x) ? 0 : product * factor.Shape switch
            {
                WorldShape.Linear => (x - factor.At) / factor.Scale,
                WorldShape.Log => (Math.Log(1 + x) - factor.At) / factor.Scale,
                WorldShape.AtLeast => x >= factor.At ? 1 : 0,
                WorldShape.Below => x < factor.At ? 1 : 0,
                WorldShape.Is => x == factor.At ? 1 : 0,
                _ => throw new InvalidOperationException($"unknown shape {factor.Shape}"),
            };
        }));

    private sealed class Recorder : IProgress<double>
    {
        public List<double> Reports { get; } = [];

        public void Report(double value) => Reports.Add(value);
    }
}
