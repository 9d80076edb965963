using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Tests.Workspaces;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

public sealed class ValueModelTests
{
    private const double Exact = 1e-9;

    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "app", Kind = FeatureKind.Boolean },
        new Feature { Id = 3, Name = "charges", Kind = FeatureKind.Numeric },
        new Feature { Id = 4, Name = "channel", Kind = FeatureKind.Categorical, Categories = ["phone", "chat", "mail"], Context = true, Default = 0 },
    ]);

    private static readonly Needs StandardNeeds = new(
        [new Need("price", "price"), new Need("service", "service")],
        new NeedWeights { Weights = Map(("price", 0.5), ("service", 0.5)) },
        ImmutableSortedDictionary<int, NeedWeights>.Empty.Add(7, new NeedWeights { Weights = Map(("price", 1)) }));

    private static readonly Proposition Plain = new()
    {
        Id = "plain",
        Name = "plain",
        Margin = new Amount(100, Map()),
        Fulfilment = 10,
        DefaultContact = 2,
        Incrementality = 0.5,
    };

    private static ImmutableSortedDictionary<string, double> Map(params (string Key, double Value)[] values)
        => values.ToImmutableSortedDictionary(v => v.Key, v => v.Value, StringComparer.Ordinal);

    private static ValueModel Compile(Policy policy, params Proposition[] propositions)
    {
        using TemporaryFolder folder = new();
        return new ValueModel(WorkspaceFiles.Load(folder, Schema, policy, StandardNeeds, propositions), Schema, [7, 8]);
    }

    private static ValueModel Compile(params Proposition[] propositions) => Compile(new Policy(), propositions);

    private static float[] Row(float tenure = 0, float app = 0, float charges = 0, float channel = 0) => [tenure, app, charges, channel];

    [Fact]
    public void Evaluate_RandomCatalogues_AgreesWithTheNaiveFormulas()
    {
        SeededRandom random = new(17);
        for (int round = 0; round < 40; round++)
        {
            Policy policy = new()
            {
                HorizonMonths = 1 + random.Next(60),
                DiscountRate = Between(ref random, 0, 0.3),
                CustomerWeight = Between(ref random, 0, 100),
                MinimumCustomerValue = Between(ref random, -0.5, 0.5),
                DefaultIncrementality = random.NextDouble(),
            };
            Proposition[] catalogue = [.. Enumerable.Range(0, 1 + random.Next(6)).Select(i => Arbitrary(ref random, i))];
            ValueModel model = Compile(policy, catalogue);
            for (int customer = 0; customer < 10; customer++)
            {
                float[] row = Row(random.Next(100), random.Next(2), (float)Between(ref random, -50, 500), random.Next(5));
                row[random.Next(4)] = random.Next(3) == 0 ? float.NaN : 1;
                int segment = random.Next(2);
                for (int a = 0; a < catalogue.Length; a++)
                {
                    double p = random.NextDouble();
                    AssertIsTheFormula(catalogue[a], policy, segment, row, p, model.Evaluate(a, row, segment, p));
                }
            }
        }
    }

    // Section 6 of the design, written out term by term.
    private static void AssertIsTheFormula(Proposition a, Policy policy, int segment, float[] row, double propensity, PropositionValue actual)
    {
        double p = a.NeedsAcceptance ? propensity : 1;
        double dp = p * (a.Incrementality ?? policy.DefaultIncrementality);
        double margin = Money(a.Margin);
        double saving = Money(a.Saving);
        double contact = float.IsNaN(row[3]) || row[3] >= 3 ? a.DefaultContact
            : a.Contact.GetValueOrDefault(Schema.Features[3].Categories[(int)row[3]], a.DefaultContact);
        double organisation = (dp * (margin + saving)) + a.Differentiation - (p * a.Fulfilment) - contact;
        double customer = 0;
        foreach (Need need in StandardNeeds.All)
        {
            double weight = segment == 0 ? (need.Id == "price" ? 1 : 0) : 0.5;
            customer += weight * (a.Benefits.GetValueOrDefault(need.Id) - a.Sacrifices.GetValueOrDefault(need.Id));
        }
        customer = Math.Max(-1, Math.Min(1, customer));
        Assert.Equal(p, actual.Propensity);
        Assert.Equal(dp, actual.IncrementalPropensity, Exact);
        Assert.Equal(dp * margin, actual.Revenue, Exact);
        Assert.Equal(dp * saving, actual.Saving, Exact);
        Assert.Equal(p * a.Fulfilment, actual.FulfilmentCost, Exact);
        Assert.Equal(contact, actual.ContactCost);
        Assert.Equal(a.Differentiation, actual.Differentiation);
        Assert.Equal(organisation, actual.OrganisationValue, Exact);
        Assert.Equal(customer, actual.CustomerValue, Exact);
        Assert.Equal(organisation + (policy.CustomerWeight * p * customer), actual.Score, Exact);
        Label label = organisation > 0
            ? customer >= policy.MinimumCustomerValue ? Label.BothWin : Label.OrganisationOnly
            : customer >= policy.MinimumCustomerValue ? Label.CustomerOnly : Label.Neither;
        Assert.Equal(label, actual.Label);
        Assert.Equal(organisation, actual.Revenue + actual.Saving + actual.Differentiation - actual.FulfilmentCost - actual.ContactCost, Exact);

        double Money(Amount amount)
        {
            double sum = amount.Base;
            foreach ((string feature, double perUnit) in amount.PerFeature)
            {
                float value = row[Schema.IndexOf(feature)];
                sum += float.IsNaN(value) ? 0 : perUnit * value;
            }
            double factor = amount.Every == Frequency.Once ? 1 : 0;
            int step = amount.Every == Frequency.Month ? 1 : 12;
            for (int month = step; amount.Every != Frequency.Once && month <= policy.HorizonMonths; month += step)
            {
                factor += Math.Pow(1 + policy.DiscountRate, -month / 12.0);
            }
            return sum * factor;
        }
    }

    private static Proposition Arbitrary(ref SeededRandom random, int index)
    {
        ImmutableSortedDictionary<string, double> contact = Map(("chat", Between(ref random, 0, 5)));
        contact = random.Next(2) == 0 ? contact : contact.Add("phone", Between(ref random, 0, 20));
        return new Proposition
        {
            Id = $"p{index}",
            Name = $"p{index}",
            NeedsAcceptance = random.Next(4) > 0,
            Margin = Money(ref random),
            Saving = Money(ref random),
            Differentiation = random.Next(2) * Between(ref random, 0, 5),
            Fulfilment = Between(ref random, 0, 60),
            Contact = random.Next(3) == 0 ? Map() : contact,
            DefaultContact = Between(ref random, 0, 10),
            Incrementality = random.Next(3) == 0 ? null : random.NextDouble(),
            Benefits = Map(("price", Between(ref random, -1, 1)), ("service", Between(ref random, -1, 1))),
            Sacrifices = random.Next(2) == 0 ? Map() : Map(("price", Between(ref random, -1, 1))),
        };

        static Amount Money(ref SeededRandom random) => new(
            Between(ref random, -50, 200),
            random.Next(2) == 0 ? Map() : Map(("tenure", Between(ref random, -1, 2)), ("app", Between(ref random, -10, 10)), ("charges", 0.2)),
            (Frequency)random.Next(3));
    }

    private static double Between(ref SeededRandom random, double low, double high) => low + ((high - low) * random.NextDouble());

    [Fact]
    public void Evaluate_AtTheBreakEvenPropensity_OrganisationValueIsZero()
    {
        SeededRandom random = new(23);
        Proposition[] catalogue = [.. Enumerable.Range(0, 300).Select(i => i % 3 == 0
            ? Arbitrary(ref random, i) with { NeedsAcceptance = true }
            : Plain with { Id = $"p{i}", Fulfilment = random.Next(60), DefaultContact = random.Next(50) })];
        ValueModel model = Compile(catalogue);
        float[] row = Row(3, 1, 50);
        int found = 0;
        for (int a = 0; a < catalogue.Length; a++)
        {
            double breakEven = model.Evaluate(a, row, 0, 0.3).BreakEvenPropensity;
            double atNone = model.Evaluate(a, row, 0, 0).OrganisationValue;
            double atAll = model.Evaluate(a, row, 0, 1).OrganisationValue;
            if (double.IsNaN(breakEven))
            {
                Assert.True(atNone * atAll > 0 || atNone == atAll, $"{atNone} and {atAll} have a zero between them");
                continue;
            }
            found++;
            Assert.InRange(breakEven, 0, 1);
            Assert.Equal(0, model.Evaluate(a, row, 0, breakEven).OrganisationValue, Exact);
        }
        Assert.InRange(found, 100, 299);
    }

    [Theory]
    [InlineData(0.0, 20.0, double.NaN)] // no propensity changes Vorg
    [InlineData(0.5, 10.0, 0.05)]
    [InlineData(0.5, 60.0, double.NaN)] // loses money at every propensity
    public void Evaluate_BreakEven_IsTheHandComputedOne(double incrementality, double fulfilment, double expected)
    {
        double factor = incrementality == 0 ? 0 : 1;
        ValueModel model = Compile(Plain with { Incrementality = incrementality, Fulfilment = fulfilment * factor });
        Assert.Equal(expected, model.Evaluate(0, Row(), 0, 0.5).BreakEvenPropensity, Exact);
    }

    [Theory]
    [InlineData(0.1, 1.0, Label.BothWin)]
    [InlineData(0.1, -1.0, Label.OrganisationOnly)]
    [InlineData(0.04, 1.0, Label.CustomerOnly)]
    [InlineData(0.04, -1.0, Label.Neither)]
    [InlineData(0.05, 0.2, Label.CustomerOnly)] // Vorg of exactly 0 is no gain
    [InlineData(0.1, 0.2, Label.BothWin)] // the minimum itself is reached
    public void Evaluate_Label_SaysWhoWins(double p, double benefit, Label expected)
    {
        ValueModel model = Compile(new Policy { MinimumCustomerValue = 0.2 }, Plain with { Benefits = Map(("price", benefit)) });
        Assert.Equal(expected, model.Evaluate(0, Row(), 0, p).Label);
    }

    [Fact]
    public void Evaluate_NothingToAccept_UsesAPropensityOfOne()
    {
        PropositionValue value = Compile(Plain with { NeedsAcceptance = false }).Evaluate(0, Row(), 0, 0.01);
        Assert.Equal((1, 0.5, 50 - 10 - 2), (value.Propensity, value.IncrementalPropensity, value.OrganisationValue));
    }

    [Theory]
    [InlineData(0f, 3.0)]
    [InlineData(1f, 2.0)]
    [InlineData(2f, 0.0)]
    [InlineData(3f, 2.0)]
    [InlineData(1000f, 2.0)]
    [InlineData(-1f, 2.0)]
    [InlineData(float.NaN, 2.0)]
    public void Evaluate_Channel_PaysItsContactCostAndTheDefaultWhereNotNamed(float channel, double expected)
    {
        ValueModel model = Compile(Plain with { Contact = Map(("phone", 3), ("mail", 0)) });
        Assert.Equal(expected, model.Evaluate(0, Row(channel: channel), 0, 0.5).ContactCost);
    }

    [Fact]
    public void Evaluate_MissingFeature_AddsNothing()
    {
        ValueModel model = Compile(Plain with { Margin = new Amount(10, Map(("tenure", 2), ("charges", 1))), Incrementality = 1 });
        Assert.Equal(10 + 6 + 5, model.Evaluate(0, Row(tenure: 3, charges: 5), 0, 1).Revenue);
        Assert.Equal(10 + 5, model.Evaluate(0, Row(tenure: float.NaN, charges: 5), 0, 1).Revenue);
        Assert.Equal(10, model.Evaluate(0, Row(float.NaN, float.NaN, float.NaN, float.NaN), 0, 1).Revenue);
    }

    [Fact]
    public void Evaluate_RecurringAmounts_ArePresentValues()
    {
        // 12 monthly payments of 10 at 12 % a year: i = 1.12^(1/12) - 1 = .948879 %, 10 (1 - 1.12^-1) / i = 112.9152.
        Policy policy = new() { HorizonMonths = 12, DiscountRate = 0.12 };
        Proposition monthly = Plain with { Margin = new Amount(10, Map(), Frequency.Month), Incrementality = 1 };
        Assert.Equal(112.9152, Compile(policy, monthly).Evaluate(0, Row(), 0, 1).Revenue, 1e-4);

        // 2 yearly payments of 100 in 30 months at 8 %: 100/1.08 + 100/1.08^2 = 178.3265.
        policy = new Policy { HorizonMonths = 30, DiscountRate = 0.08 };
        Proposition yearly = Plain with { Saving = new Amount(100, Map(), Frequency.Year), Incrementality = 1 };
        Assert.Equal(178.3265, Compile(policy, yearly).Evaluate(0, Row(), 0, 1).Saving, 1e-4);
    }

    [Fact]
    public void PerceivedValue_SumOverNeeds_StaysWithinOne()
    {
        NeedWeights weights = new() { Weights = Map(("price", 0.6), ("service", 0.4)) };
        Proposition proposition = Plain with { Benefits = Map(("price", 0.5)), Sacrifices = Map(("service", 0.25)) };
        Assert.Equal((0.6 * 0.5) - (0.4 * 0.25), ValueModel.PerceivedValue(weights, proposition), Exact);
        Proposition best = Plain with { Benefits = Map(("price", 1), ("service", 1)), Sacrifices = Map(("price", -1), ("service", -1)) };
        Assert.Equal(1, ValueModel.PerceivedValue(weights, best));
        Assert.Equal(-1, ValueModel.PerceivedValue(weights, best with { Benefits = best.Sacrifices, Sacrifices = best.Benefits }));
        Assert.Equal(0, ValueModel.PerceivedValue(weights, Plain));
    }

    [Fact]
    public void Constructor_SegmentIds_PickTheirNeeds()
    {
        ValueModel model = Compile(Plain with { Benefits = Map(("price", 0.8)) });
        Assert.Equal(0.8, model.Evaluate(0, Row(), 0, 0.5).CustomerValue, Exact); // segment 7 has weights of its own
        Assert.Equal(0.4, model.Evaluate(0, Row(), 1, 0.5).CustomerValue, Exact); // segment 8 has the default
        Assert.Equal([1, 2], model.SegmentNeeds.Select(n => n.Weights.Count));
    }

    [Fact]
    public void Constructor_AmountOfAFeatureThatTheSchemaLacks_IsRefused()
    {
        using TemporaryFolder folder = new();
        Proposition proposition = Plain with { Margin = new Amount(0, Map(("tenure", 1))) };
        Workspace workspace = WorkspaceFiles.Load(folder, Schema, new Policy(), StandardNeeds, [proposition]);
        FeatureSchema other = new([Schema.Features[1]]);
        ArgumentException error = Assert.Throws<ArgumentException>(() => new ValueModel(workspace, other, [1]));
        Assert.StartsWith("an amount depends on 'tenure', which is no feature of the schema", error.Message);
    }

    [Fact]
    public void Rank_Always_HoldsEveryCandidateBestFirstAndDoNothingAtZero()
    {
        SeededRandom random = new(31);
        for (int round = 0; round < 30; round++)
        {
            Proposition[] catalogue = [.. Enumerable.Range(0, random.Next(7)).Select(i => Arbitrary(ref random, i))];
            ValueModel model = Compile(catalogue);
            Assert.Equal(catalogue.Length + 1, model.CandidateCount);
            double[] unordered = new double[catalogue.Length];
            float[] row = Row(random.Next(50), 1, 100, random.Next(3));
            float[] propensities = [.. catalogue.Select((_, i) => (float)((i + 0.5) / 8))];
            PropositionValue[] ranked = new PropositionValue[model.CandidateCount];
            model.Rank(row, 1, propensities, ranked);
            Assert.Equal(Enumerable.Range(-1, ranked.Length), ranked.Select(r => r.Proposition).Order());
            Assert.Equal(ranked.Select(r => r.Score).OrderDescending(), ranked.Select(r => r.Score));
            PropositionValue nothing = ranked.Single(r => r.Proposition == PropositionValue.DoNothing);
            Assert.Equal((0, 0, 0, Label.Neither), (nothing.Score, nothing.OrganisationValue, nothing.CustomerValue, nothing.Label));
            Assert.True(double.IsNaN(nothing.BreakEvenPropensity));
            Assert.All(ranked.Where(r => r.Proposition >= 0), r =>
                Assert.Equal(model.Evaluate(r.Proposition, row, 1, propensities[r.Proposition]), r));
        }
    }

    [Fact]
    public void Rank_EqualScores_KeepDoNothingFirstThenTheCataloguesOrder()
    {
        Proposition free = new() { Id = "a", Name = "a" };
        Proposition good = Plain with { Id = "z" };
        ValueModel model = Compile(free, good, free with { Id = "b" }, good with { Id = "y" }, Plain with { Id = "bad", DefaultContact = 99 });
        PropositionValue[] ranked = new PropositionValue[6];
        model.Rank(Row(), 0, [0.5f, 0.5f, 0.5f, 0.5f, 0.5f], ranked);
        // By id: a, b, bad, y, z.
        Assert.Equal([3, 4, PropositionValue.DoNothing, 0, 1, 2], ranked.Select(r => r.Proposition));
    }

    [Fact]
    public void Rank_SpansThatDoNotFit_AreRefused()
    {
        ValueModel model = Compile(Plain);
        Assert.Throws<ArgumentException>(() => model.Rank(Row(), 0, [], new PropositionValue[2]));
        Assert.Throws<ArgumentException>(() => model.Rank(Row(), 0, [0.5f], new PropositionValue[1]));
    }

    [Fact]
    public void Rank_SteadyState_AllocatesNothing()
    {
        ValueModel model = Compile(Plain, Plain with { Id = "other", Contact = Map(("phone", 1)), Margin = new Amount(1, Map(("tenure", 1))) });
        PropositionValue[] ranked = new PropositionValue[3];
        float[] row = Row(5);
        float[] propensities = [0.1f, 0.9f];
        model.Rank(row, 0, propensities, ranked);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            model.Rank(row, 0, propensities, ranked);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
