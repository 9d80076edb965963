using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Tests.Decisions;

[Collection(TrainedSampleTests.Name)]
public sealed class SimulationTests(TrainedSample trained)
{
    private static readonly SimulationOptions Options = new() { TimeUnixMs = DecisionSample.Now, Channel = "web", Slots = 2, DropOne = true };

    [Fact]
    public void Run_TwoWorkspaces_IsWhatADecisionForEachCustomerSays()
    {
        using DecisionSample before = new(trained);
        using DecisionSample after = new(trained, propositions: Ruled);
        SimulationResult result = Simulate(before, after, Options);

        List<(Dictionary<string, Stage> Stages, string[] Offered, double Score, int Segment, Tier? Tier, bool HeldOut)> old = [.. Naive(before)];
        List<(Dictionary<string, Stage> Stages, string[] Offered, double Score, int Segment, Tier? Tier, bool HeldOut)> now = [.. Naive(after)];
        Assert.Equal(before.Count, result.Customers);
        foreach ((SimulationSide side, List<(Dictionary<string, Stage> Stages, string[] Offered, double Score, int Segment, Tier? Tier, bool HeldOut)> naive)
            in new[] { (result.Before!, old), (result.After, now) })
        {
            foreach (SimulationCell cell in side.Cells)
            {
                var there = naive.Where(d => d.Segment == cell.SegmentId && d.Tier == cell.Tier).ToList();
                Assert.Equal(there.Count(d => d.Stages[cell.Proposition] == Stage.None), cell.Reach);
                Assert.Equal(there.Count(d => d.Offered.Contains(cell.Proposition)), cell.Volume);
            }
            Assert.Equal(naive.Sum(d => d.Offered.Count(o => o != PropositionValue.DoNothingId)), side.Volume);
            Assert.Equal(naive.Sum(d => d.Score), side.Score, 1e-6);
            Assert.Equal(naive.Count, side.Groups.Sum(g => g.Customers));
            Assert.Equal(naive.Count(d => d.HeldOut), side.Groups.Sum(g => g.HeldOut));
            Assert.Equal(naive.Count(d => !d.HeldOut && d.Offered[0] == PropositionValue.DoNothingId), side.WithoutOffer);
            Assert.Equal(naive.Count(d => !d.HeldOut && d.Stages.Values.All(s => s != Stage.None)), side.Groups.Sum(g => g.WithoutCandidate));
            Assert.All(side.Falls, fall => Assert.Equal(naive.Count(d => d.Stages[fall.Proposition] == fall.Stage), fall.Customers));
        }
        foreach (SimulationMove move in result.Moves)
        {
            List<int> those = [.. Enumerable.Range(0, old.Count).Where(i => old[i].Offered[0] == move.Before && now[i].Offered[0] == move.After)];
            Assert.Equal(those.Count, move.Customers);
            Assert.Equal(those.Sum(i => now[i].Score - old[i].Score), move.Gain, 1e-6);
        }
        Assert.Equal(result.Customers, result.Moves.Sum(m => m.Customers));
        Assert.Contains(result.Moves, m => m.Before != m.After);
    }

    [Theory]
    [InlineData("web")] // explores
    [InlineData("store")] // does not
    public void Run_DropOne_IsTheDifferenceWithoutTheRule(string channel)
    {
        using DecisionSample after = new(trained, propositions: Ruled);
        SimulationOptions options = Options with { Channel = channel };
        SimulationResult result = Simulate(null, after, options);

        Assert.Equal(5, result.Rules.Length);
        Assert.Equal(result.Rules.OrderByDescending(r => r.Cost), result.Rules);
        foreach (RuleCost rule in result.Rules)
        {
            using DecisionSample without = new(trained, propositions: p => p.Id != rule.Proposition ? Ruled(p) : rule.Stage switch
            {
                Stage.Eligibility => Ruled(p) with { Eligibility = null },
                Stage.Applicability => Ruled(p) with { Applicability = null },
                _ => Ruled(p) with { Suitability = null },
            });
            SimulationResult other = Simulate(after, without, options with { DropOne = false });

            Assert.Equal(other.After.Score - other.Before!.Score, rule.Cost, 1e-6);
            Assert.InRange(rule.Cost, rule.Low, rule.High);
            Assert.True(rule.Changed <= rule.Stopped);
            Assert.Equal(result.After.Falls.Where(f => f.Proposition == rule.Proposition && f.Stage == rule.Stage).Sum(f => f.Customers), rule.Stopped);
        }
        Assert.Contains(result.Rules, r => r is { Changed: > 0 } && r.Low < r.High);
    }

    [Fact]
    public void Run_OtherThreadsAndChunks_IsTheSame()
    {
        using DecisionSample before = new(trained);
        using DecisionSample after = new(trained, propositions: Ruled);
        string one = Text(new Simulation(before.Codec.Model, after.Codec.Model, Options with { Threads = 1 }).Run(after.Chunks(size: 500), TestContext.Current.CancellationToken));

        Assert.Equal(one, Text(new Simulation(before.Codec.Model, after.Codec.Model, Options with { Threads = 3 }).Run(after.Chunks(size: 500), TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void Constructor_AnotherSchema_IsRefused()
        => Assert.Throws<ArgumentException>("before", () =>
        {
            using DecisionSample sample = new(trained);
            return new Simulation(DecisionWorld.Model(DecisionWorld.Plain), sample.Codec.Model, Options);
        });

    // Two rules for one, and one for three others.
    private static Proposition Ruled(Proposition proposition) => proposition.Id switch
    {
        "rate_rebate" => proposition with { Eligibility = DecisionWorld.Where("tenure_months >= 12"), Suitability = DecisionWorld.Where("tier >= sustainer") },
        "device_insurance" => proposition with { Applicability = DecisionWorld.Where("tenure_months < 48") },
        "loyalty_bonus" or "unlimited_data" => proposition with { Eligibility = DecisionWorld.Where("tenure_months < 24") },
        _ => proposition,
    };

    private static SimulationResult Simulate(DecisionSample? before, DecisionSample after, SimulationOptions options)
        => new Simulation(before?.Codec.Model, after.Codec.Model, options).Run(after.Chunks(), TestContext.Current.CancellationToken);

    private static string Text(SimulationResult result)
        => string.Join("\n", [.. result.Before!.Cells, .. result.After.Cells, .. result.After.Falls, .. result.After.Groups, .. result.Moves, .. result.Rules.Cast<object>()]);

    /// <summary>One decision after the other.</summary>
    private static IEnumerable<(Dictionary<string, Stage> Stages, string[] Offered, double Score, int Segment, Tier? Tier, bool HeldOut)> Naive(DecisionSample sample)
    {
        DecisionModel model = sample.Codec.Model;
        for (int i = 0; i < sample.Count; i++)
        {
            byte[] id = Encoding.UTF8.GetBytes(DecisionSample.IdOf(i));
            DecisionInput input = new()
            {
                TimeUnixMs = DecisionSample.Now,
                Channel = sample.Workspace.Channels.IndexOf("web"),
                Role = -1,
                Slots = 2,
                Seed = DecisionModel.SeedOf([.. "simulation/"u8, .. id]),
                UnitHash = model.UnitHashOf(id),
            };
            ScoreBlock block = model.Scored(sample.Row(i));
            DecisionTrace trace = model.CreateTrace();
            model.Decide(block, 0, in input, trace);
            yield return (
                trace.Candidates.Skip(1).Select((c, a) => (sample.Workspace.Propositions[a].Id, c.FellAt)).ToDictionary(p => p.Id, p => p.FellAt),
                model.Names(trace.Offered), trace.Offered.ToArray().Sum(c => trace.Candidates[c.Candidate].Value.Score),
                model.Models.Segments.Segments[trace.SegmentIndex].Id, trace.Tier, trace.HeldOut);
        }
    }
}
