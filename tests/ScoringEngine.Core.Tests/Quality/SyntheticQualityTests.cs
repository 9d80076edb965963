using System.Diagnostics;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Tests.Decisions;
using ScoringEngine.Core.Tests.Models;

namespace ScoringEngine.Core.Tests.Quality;

/// <summary>
/// What the engine reaches on synthetic customers, from files to ranked propositions, against the truth it is not told.
/// SCORING_ENGINE_QUALITY_CUSTOMERS and SCORING_ENGINE_QUALITY_SEED run it at another size or on another world.
/// </summary>
public sealed class SyntheticQualityTests(SyntheticQualityTests.Run run) : IClassFixture<SyntheticQualityTests.Run>
{
    [Fact]
    public void Train_AutomaticSegments_FindsTheSix() => Assert.Equal(6, run.SegmentCount);

    [Fact]
    public void Score_Segments_AgreeWithTheTruthUpToNineTenthsOfTheCeiling()
        => AssertAtLeast(0.90, run.SegmentAri, run.SegmentAriCeiling, "adjusted Rand index");

    [Fact]
    public void Score_ExpectedProfit_ExplainsNineTenthsOfWhatTheOracleDoesOnHeldOutCustomers()
    {
        AssertAtLeast(0.90, run.ProfitR2, run.ProfitR2Ceiling, "R2 of profit on held-out customers");
        Assert.Equal(run.ReportedProfitR2, run.ProfitR2, 1e-9);
    }

    [Fact]
    public void Rank_TopProposition_IsWorthNineteenTwentiethsOfTheOraclesAndMoreThanSimplerRules()
    {
        AssertAtLeast(0.95, run.Value, run.OracleValue, "true value of the top proposition");
        foreach ((string rule, double value) in new[]
        {
            ("random", run.RandomValue),
            ("best single", run.BestSingleValue),
            ("the engine's propensity only", run.PropensityOnlyValue),
            ("the true propensity only", run.TruePropensityOnlyValue),
        })
        {
            Assert.True(value < run.Value, $"{rule}: {value:0.000}, the engine {run.Value:0.000}");
        }
    }

    // With the sample's 1.6 outcomes a customer; ColdStartTests has more of them, and reaches more.
    [Fact]
    public void Decide_TopProposition_IsWorthNinetySixPercentOfTheOracles()
        => AssertAtLeast(0.96, run.DecidedValue, run.OracleValue, "true value of what is decided");

    private static void AssertAtLeast(double share, double reached, double ceiling, string what)
        => Assert.True(reached >= share * ceiling, $"{what}: {reached:0.0000} is {reached / ceiling:0.0000} of the ceiling {ceiling:0.0000}, expected {share}");

    public sealed class Run
    {
        private const int Customers = 80_000;

        public Run()
        {
            Stopwatch watch = Stopwatch.StartNew();
            using SyntheticBase sample = new(Setting("CUSTOMERS", Customers), Setting("SEED", 1));
            CustomerTable customers = sample.Customers();
            TrainingOptions options = new();
            TrainingResult trained = ModelTrainer.Train(sample.Workspace, customers, sample.Outcomes(), null, options, SyntheticBase.Now);
            sample.LearnNeeds(customers, trained);
            ModelSet models = ModelPackage.Write(sample.Workspace, trained.Models, trained.GoldenRows, "");
            SegmentCount = models.Segments.Segments.Length;
            ReportedProfitR2 = trained.Profit!.RSquared;
            SegmentAriCeiling = sample.Summary.BayesSegmentAri;

            Measure(sample, customers, options, new Scorer(models, sample.Workspace));
            DecidedValue = Decide(sample, customers, models);
            TestContext.Current.SendDiagnosticMessage(
                $"{customers.Count} customers, {watch.Elapsed.TotalSeconds:0.0} s: {SegmentCount} segments; "
                + $"ARI {SegmentAri:0.000} of {SegmentAriCeiling:0.000} ({SegmentAri / SegmentAriCeiling:0.000}); "
                + $"R2 {ProfitR2:0.000} of {ProfitR2Ceiling:0.000} ({ProfitR2 / ProfitR2Ceiling:0.000}); "
                + $"decided {DecidedValue / OracleValue:0.0000}, value {Value:0.000} of {OracleValue:0.000} ({Value / OracleValue:0.000}); propensity only {PropensityOnlyValue / OracleValue:0.000} "
                + $"(true {TruePropensityOnlyValue / OracleValue:0.000}), best single {BestSingleValue / OracleValue:0.000}, random {RandomValue / OracleValue:0.000}");
        }

        public int SegmentCount { get; }

        public double SegmentAri { get; private set; }

        public double SegmentAriCeiling { get; }

        public double ProfitR2 { get; private set; }

        public double ProfitR2Ceiling { get; private set; }

        public double ReportedProfitR2 { get; }

        public double Value { get; private set; }

        /// <summary>Mean true value of what is decided.</summary>
        public double DecidedValue { get; }

        public double OracleValue { get; private set; }

        public double PropensityOnlyValue { get; private set; }

        public double TruePropensityOnlyValue { get; private set; }

        public double BestSingleValue { get; private set; }

        public double RandomValue { get; private set; }

        private void Measure(SyntheticBase sample, CustomerTable customers, TrainingOptions options, Scorer scorer)
        {
            Assert.Equal(sample.Workspace.Propositions.Select(p => p.Id), scorer.Values.Propositions.Select(p => p.Id));
            Dictionary<string, int> segmentIndexes = sample.World.Segments.Select((s, i) => (s.Name, i)).ToDictionary(s => s.Name, s => s.i);
            int propositions = sample.World.Propositions.Length;
            ScoreBlock block = scorer.CreateBlock(1);
            PropositionValue[] ranked = new PropositionValue[scorer.Values.CandidateCount];
            List<int> trueSegments = [];
            List<int> foundSegments = [];
            List<(float Actual, float Engine, float Oracle)> heldOut = [];
            double[] single = new double[propositions];
            foreach (Truth truth in sample.Truths())
            {
                int row = customers.RowOf(truth.Customer);
                customers.Rows.Row(row).CopyTo(block.Row(0));
                scorer.Score(block, 1);
                trueSegments.Add(segmentIndexes[truth.Segment]);
                foundSegments.Add(block.SegmentIndexes[0]);
                if (ModelTrainer.IsHeldOut(customers.Hashes[row], options))
                {
                    heldOut.Add((customers.Targets[row], block.Profits[0], (float)truth.ExpectedProfit));
                }
                scorer.Rank(block, 0, ranked);
                Value += ranked[0].Proposition == PropositionValue.DoNothing ? 0 : truth.Values[ranked[0].Proposition];
                OracleValue += Math.Max(0, truth.Values.Max());
                PropensityOnlyValue += truth.Values[IndexOfMax(block.PropensitiesOf(0))];
                TruePropensityOnlyValue += truth.Values[IndexOfMax<double>(truth.Probabilities)];
                RandomValue += truth.Values.Average();
                for (int a = 0; a < propositions; a++)
                {
                    single[a] += truth.Values[a];
                }
            }
            int count = trueSegments.Count;
            Assert.Equal(customers.Count, count);
            SegmentAri = AdjustedRandIndex.Compute([.. trueSegments], [.. foundSegments]);
            float[] actual = [.. heldOut.Select(h => h.Actual)];
            ProfitR2 = RegressionMetrics.RSquared(actual, [.. heldOut.Select(h => h.Engine)]);
            ProfitR2Ceiling = RegressionMetrics.RSquared(actual, [.. heldOut.Select(h => h.Oracle)]);
            BestSingleValue = single.Max() / count;
            Value /= count;
            OracleValue /= count;
            PropensityOnlyValue /= count;
            TruePropensityOnlyValue /= count;
            RandomValue /= count;
        }

        private static double Decide(SyntheticBase sample, CustomerTable customers, ModelSet models)
        {
            DecisionModel model = new(sample.Workspace, models, Numbering.Of(sample.Workspace.Propositions.Select(p => p.Id)), Numbering.Of(sample.Workspace.Channels));
            DecisionTrace trace = model.CreateTrace();
            ScoreBlock block = model.Scorer.CreateBlock(1);
            double sum = 0;
            foreach (Truth truth in sample.Truths())
            {
                customers.Rows.Row(customers.RowOf(truth.Customer)).CopyTo(block.Row(0));
                model.Score(block, 1);
                DecisionInput input = new() { TimeUnixMs = DecisionWorld.Noon, Channel = -1, Role = -1, Slots = 1, UnitHash = DecisionInput.NoUnit };
                model.Decide(block, 0, in input, trace);
                int candidate = trace.Chosen[0].Candidate;
                sum += candidate == 0 ? 0 : truth.Values[candidate - 1];
            }
            return sum / customers.Count;
        }

        private static int IndexOfMax<T>(ReadOnlySpan<T> values)
            where T : System.Numerics.INumber<T>
        {
            int best = 0;
            for (int i = 1; i < values.Length; i++)
            {
                best = values[i] > values[best] ? i : best;
            }
            return best;
        }

        private static long Setting(string name, long standard)
            => Environment.GetEnvironmentVariable("SCORING_ENGINE_QUALITY_" + name) is { Length: > 0 } text ? long.Parse(text) : standard;
    }
}
