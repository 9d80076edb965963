using System.Globalization;
using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Synthetic;
using ScoringEngine.Core.Tests.Decisions;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Quality;

/// <summary>
/// Decisions on synthetic customers that begin without any outcome: they explore, outcomes are counted as they come, and after 200,000 of them
/// the propensities are trained on what was logged.
/// </summary>
public sealed class ColdStartTests(ColdStartTests.Run run) : IClassFixture<ColdStartTests.Run>
{
    [Fact]
    public void Decide_AfterTwoHundredThousandOutcomes_IsWorthNinetySevenPercentOfTheOracle()
    {
        Assert.Equal(Run.Outcomes, run.Logged);
        Assert.True(run.Trained >= 0.97 * run.Oracle, $"{run.Trained / run.Oracle:0.0000} of the oracle's {run.Oracle:0.000}");
    }

    [Fact]
    public void Decide_CountsAlone_AreWorthMoreThanNothingCounted()
        => Assert.True(run.Untrained < run.Counted, $"priors {run.Untrained / run.Oracle:0.0000}, counts {run.Counted / run.Oracle:0.0000} of the oracle's value");

    [Fact]
    public void Decide_HoldOut_HasItsShareOfEachSegment() => Assert.All(run.HeldOutBySegment, segment =>
    {
        double expected = segment.Customers * Run.HoldOutShare;
        Assert.InRange(segment.HeldOut, expected - (4 * Math.Sqrt(expected * (1 - Run.HoldOutShare))), expected + (4 * Math.Sqrt(expected * (1 - Run.HoldOutShare))));
    });

    [Fact]
    public void Decide_HoldOut_IsTheSameAfterTraining() => Assert.Equal(run.HeldOutBefore, run.HeldOutAfter);

    public sealed class Run
    {
        public const int Outcomes = 200_000;
        public const double HoldOutShare = 0.1;

        private const int Customers = 20_000;
        private const int Measured = 10_000; // others, whom nobody offered anything

        private readonly SyntheticWorld _world;
        private readonly int[] _propositions; // of the catalogue in the world's order
        private readonly SyntheticCustomer _customer = new();

        public Run()
        {
            using SyntheticBase sample = new(Customers, 3);
            _world = sample.World;
            CustomerTable customers = sample.Customers();
            TrainingResult first = ModelTrainer.Train(sample.Workspace, customers, null, null, new TrainingOptions { Segments = 6 }, SyntheticBase.Now);
            sample.LearnNeeds(customers, first);
            _propositions = [.. sample.Workspace.Propositions.Select(p => IndexOf(p.Id))];
            Workspace cold = sample.Workspace.With(sample.Workspace.Policy with
            {
                Exploration = new ExplorationPolicy { Default = new Exploration(ExplorationKind.SquareCb, 30) },
            });
            DecisionModel before = ModelOf(sample.Workspace, first.Models);
            AcceptanceCounts counts = new();
            OutcomeTable outcomes = OutcomeTable.Read(
                CsvTable.Open("-", new MemoryStream(Encoding.UTF8.GetBytes(Explore(ModelOf(cold, first.Models), counts)))),
                new CategoryDictionary(sample.Workspace.Schema.Features), sample.Workspace.Propositions, null, r => throw new InvalidOperationException(r.ToString()));
            TrainingResult second = ModelTrainer.Train(sample.Workspace, customers, outcomes, first.Models, new TrainingOptions(), SyntheticBase.Now);
            DecisionModel after = ModelOf(sample.Workspace, second.Models);

            (Untrained, Oracle) = Measure(before, new AcceptanceCounts());
            (Counted, _) = Measure(before, counts);
            (Trained, _) = Measure(after, new AcceptanceCounts());
            TestContext.Current.SendDiagnosticMessage(
                $"of the oracle's {Oracle:0.000}: priors {Untrained / Oracle:0.0000}, counts {Counted / Oracle:0.0000}, trained {Trained / Oracle:0.0000}");
            Policy held = sample.Workspace.Policy with { HoldOut = new HoldOutPolicy(HoldOutShare, 77) };
            (HeldOutBefore, HeldOutBySegment) = HeldOut(ModelOf(sample.Workspace.With(held), first.Models));
            (HeldOutAfter, _) = HeldOut(ModelOf(sample.Workspace.With(held), second.Models));
        }

        public int Logged { get; private set; }

        public double Oracle { get; }

        public double Untrained { get; }

        public double Counted { get; }

        public double Trained { get; }

        public bool[] HeldOutBefore { get; }

        public bool[] HeldOutAfter { get; }

        public (int Customers, int HeldOut)[] HeldOutBySegment { get; }

        private static DecisionModel ModelOf(Workspace workspace, ModelSet models)
            => new(workspace, models, Numbering.Of(workspace.Propositions.Select(p => p.Id)), Numbering.Of(workspace.Channels));

        private int IndexOf(string proposition)
        {
            for (int a = 0; ; a++)
            {
                if (_world.Propositions[a].Id == proposition)
                {
                    return a;
                }
            }
        }

        /// <summary>Decides for one customer after the other until there are enough outcomes; the log as a file of outcomes.</summary>
        private string Explore(DecisionModel model, AcceptanceCounts counts)
        {
            FeatureSchema schema = model.Workspace.Schema.Features;
            StringBuilder log = new("customer,proposition,decided_at,channel,action_probability,presented,accepted,revenue,cost");
            foreach (Feature feature in schema.Features.Take(schema.CustomerCount))
            {
                log.Append(',').Append(feature.Name);
            }
            log.Append('\n');
            CandidateCounts[] read = new CandidateCounts[_propositions.Length];
            DecisionTrace trace = model.CreateTrace();
            ScoreBlock block = model.Scorer.CreateBlock(1);
            for (int visit = 0; Logged < Outcomes; visit++)
            {
                Fill(block, model, visit % Customers);
                model.ReadCounts(counts, block.SegmentIndexes[0], read);
                DecisionInput input = new() { TimeUnixMs = DecisionWorld.Noon, Channel = -1, Role = -1, Slots = 1, Seed = (ulong)visit, UnitHash = DecisionInput.NoUnit, Counts = read };
                model.Decide(block, 0, in input, trace);
                Choice choice = trace.Chosen[0];
                if (choice.Candidate == 0)
                {
                    continue;
                }
                int proposition = _propositions[choice.Candidate - 1];
                double propensity = _world.Propensity(proposition, _customer.Segment, _customer.Features, _world.DefaultChannel);
                bool accepted = new SeededRandom(visit, 99).NextDouble() < propensity;
                counts.Add(model.NumberOf(choice.Candidate), model.Models.Segments.Segments[trace.SegmentIndex].Id, 1, accepted ? 1 : 0);
                Append(log, schema, visit, model.Workspace.Propositions[choice.Candidate - 1].Id, choice.ActionProbability, accepted);
                Logged++;
            }
            return log.ToString();
        }

        private void Append(StringBuilder log, FeatureSchema schema, int visit, string proposition, double probability, bool accepted)
        {
            log.Append(CultureInfo.InvariantCulture, $"C{_customer.Index + 1:D7},{proposition},{new DateTime(2025, 1, 1).AddMinutes(visit):s}Z,");
            log.Append(CultureInfo.InvariantCulture, $"{_world.Channels[_world.DefaultChannel]},{probability:R},1,{(accepted ? 1 : 0)},,");
            for (int f = 0; f < schema.CustomerCount; f++)
            {
                float value = _customer.Features[f];
                log.Append(',');
                if (!float.IsNaN(value))
                {
                    _ = schema.Features[f].Kind == FeatureKind.Categorical ? log.Append(schema.Features[f].Categories[(int)value])
                        : log.Append(CultureInfo.InvariantCulture, $"{value:R}");
                }
            }
            log.Append('\n');
        }

        private void Fill(ScoreBlock block, DecisionModel model, int customer)
        {
            _world.Generate(customer, _customer);
            Span<float> row = block.Row(0);
            model.Scorer.Clear(row);
            _customer.Features.CopyTo(row);
            model.Score(block, 1);
        }

        /// <summary>Mean true value of what is decided without exploring, and the oracle's.</summary>
        private (double Value, double Oracle) Measure(DecisionModel model, AcceptanceCounts counts)
        {
            double value = 0;
            double oracle = 0;
            CandidateCounts[] read = new CandidateCounts[_propositions.Length];
            DecisionTrace trace = model.CreateTrace();
            ScoreBlock block = model.Scorer.CreateBlock(1);
            for (int i = Customers; i < Customers + Measured; i++)
            {
                Fill(block, model, i);
                model.ReadCounts(counts, block.SegmentIndexes[0], read);
                DecisionInput input = new() { TimeUnixMs = DecisionWorld.Noon, Channel = -1, Role = -1, Slots = 1, UnitHash = DecisionInput.NoUnit, Counts = read };
                model.Decide(block, 0, in input, trace);
                double best = 0;
                for (int c = 1; c <= _propositions.Length; c++)
                {
                    int a = _propositions[c - 1];
                    double propensity = _world.Propensity(a, _customer.Segment, _customer.Features, _world.DefaultChannel);
                    double worth = _world.Value(a, _customer.Segment, _customer.Features, _world.DefaultChannel, propensity);
                    best = Math.Max(best, worth);
                    value += trace.Chosen[0].Candidate == c ? worth : 0;
                }
                oracle += best;
            }
            return (value / Measured, oracle / Measured);
        }

        private (bool[] HeldOut, (int Customers, int HeldOut)[] BySegment) HeldOut(DecisionModel model)
        {
            bool[] heldOut = new bool[Customers];
            (int Customers, int HeldOut)[] bySegment = new (int, int)[model.Models.Segments.Segments.Length];
            DecisionTrace trace = model.CreateTrace();
            ScoreBlock block = model.Scorer.CreateBlock(1);
            for (int i = 0; i < Customers; i++)
            {
                Fill(block, model, i);
                DecisionInput input = new() { TimeUnixMs = DecisionWorld.Noon, Channel = -1, Role = -1, Slots = 1, UnitHash = model.UnitHashOf(Encoding.UTF8.GetBytes($"C{i + 1:D7}")) };
                model.Decide(block, 0, in input, trace);
                heldOut[i] = trace.HeldOut;
                ref (int Customers, int HeldOut) segment = ref bySegment[trace.SegmentIndex];
                segment = (segment.Customers + 1, segment.HeldOut + (trace.HeldOut ? 1 : 0));
            }
            return (heldOut, bySegment);
        }
    }
}
