using System.Text;
using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Tests.Models;

namespace ScoringEngine.Core.Tests.Decisions;

[Collection(TrainedSampleTests.Name)]
public sealed class DecisionBatchTests(TrainedSample trained)
{
    [Fact]
    public void Run_WithoutBudgets_IsTheUnaryPathByteForByte()
    {
        // 100,000 customers: the sample's, each under many ids, which give them other seeds and units.
        const int Copies = 100_000 / 3_000;
        using DecisionSample sample = new(trained);
        DecisionModel model = sample.Codec.Model;
        int[] order = [.. Enumerable.Range(0, sample.Count * Copies)];
        IReadOnlyList<BatchDecision> batch = Run(sample, [.. order.Chunk(CustomerChunk.Size).Select(part => new CustomerChunk(
            [.. part.Select(i => new BatchCustomer(DecisionSample.IdOf(i), ""))], [.. part.SelectMany(i => sample.Row(i % sample.Count))]))]);

        Parallel.ForEach(batch.Select((decision, i) => (decision, i)), () => (Block: model.Scorer.CreateBlock(1), Trace: model.CreateTrace()), (pair, _, desk) =>
        {
            (BatchDecision decision, int i) = pair;
            DecisionIdentity identity = new() { DecisionId = $"run/{DecisionSample.IdOf(i)}", CustomerId = DecisionSample.IdOf(i), RunId = "run" };
            DecisionInput input = new()
            {
                TimeUnixMs = DecisionSample.Now,
                Channel = 1,
                Role = 0,
                Slots = 2,
                Seed = DecisionModel.SeedOf(Encoding.UTF8.GetBytes(identity.DecisionId)),
                UnitHash = model.UnitHashOf(Encoding.UTF8.GetBytes(identity.CustomerId)),
            };
            sample.Row(i % sample.Count).CopyTo(desk.Block.Row(0));
            model.Scorer.Score(desk.Block, 1);
            model.Decide(desk.Block, 0, in input, desk.Trace);

            Assert.Equal(sample.Codec.ToRecord(desk.Trace, desk.Block, 0, in input, in identity).ToByteArray(), decision.Record!.ToByteArray());
            Assert.Equal(sample.Codec.ToInputs(desk.Block, 0, in input, in identity).ToByteArray(), decision.Inputs!.ToByteArray());
            return desk;
        }, _ => { });
        Assert.Equal(order.Length, batch.Count);
    }

    [Fact]
    public void Run_WithBudgets_DoesNotDependOnThreadsChunksOrOrder()
    {
        using DecisionSample sample = new(trained, propositions: Limited);
        int[] shuffled = [.. Enumerable.Range(0, 600).OrderBy(i => i * 7919 % 600)];
        Dictionary<string, string> expected = Texts(Run(sample, sample.Chunks(take: 600, household: Household), threads: 1));

        Assert.Equal(expected, Texts(Run(sample, sample.Chunks(size: 70, take: 600, household: Household), threads: 3)));
        Assert.Equal(expected, Texts(Run(sample, sample.Chunks(size: 64, order: shuffled, household: Household), threads: 2)));
    }

    [Fact]
    public void Run_WithBudgets_GoesToTheBestScoresAndOverdrawsNothing()
    {
        using DecisionSample sample = new(trained, DecisionSample.Plain, Limited);
        IReadOnlyList<BatchDecision> unlimited;
        using (DecisionSample free = new(trained, DecisionSample.Plain))
        {
            unlimited = Run(free, free.Chunks(take: 1000), slots: 1);
        }
        IReadOnlyList<BatchDecision> batch = Run(sample, sample.Chunks(take: 1000), slots: 1);

        for (int a = 0; a < sample.Workspace.Propositions.Length; a++)
        {
            Proposition proposition = sample.Workspace.Propositions[a];
            List<(double Score, string Id, bool Got)> wanted = [.. unlimited.Zip(batch)
                .Where(pair => pair.First.Offered[0].Choice.Candidate == a + 1)
                .Select(pair => (pair.First.Offered[0].Value.Score, pair.First.Customer.CustomerId, pair.Second.Offered[0].Choice.Candidate == a + 1))];
            long offers = batch.Count(d => d.Offered[0].Choice.Candidate == a + 1);
            double reserved = batch.Where(d => d.Offered[0].Choice.Candidate == a + 1).Sum(d => d.Record!.Chosen[0].Reserved);
            Assert.True(offers <= (proposition.Volume ?? long.MaxValue), $"{proposition.Id}: {offers} offers");
            Assert.True(reserved <= (proposition.Budget ?? double.MaxValue), $"{proposition.Id}: {reserved} reserved");

            // Whoever wants it first and has a better score has it before one with a worse score has it. Costs are equal within a channel.
            bool refused = false;
            foreach ((double _, string id, bool got) in wanted.OrderByDescending(w => w.Score).ThenBy(w => w.Id, StringComparer.Ordinal))
            {
                Assert.False(refused && got, $"{id} got {proposition.Id} after a better one was refused");
                refused |= !got;
            }
        }
        Assert.Contains(unlimited.Zip(batch), pair => pair.First.Offered[0].Choice.Candidate != pair.Second.Offered[0].Choice.Candidate);
    }

    [Fact]
    public void Run_WithBudgets_EveryDecisionReplays()
    {
        using DecisionSample sample = new(trained, propositions: Limited);
        DecisionReplay replay = new(_ => sample.Archive, sample.Workspace.Directory, sample.Propositions, sample.Channels);

        Assert.All(Run(sample, sample.Chunks(take: 400, household: Household)), d => Assert.Null(replay.Replay(d.Record!, d.Inputs!)));
    }

    [Fact]
    public void Run_Households_CapsHoldForAllMembersTogether()
    {
        using DecisionSample sample = new(trained, policy => DecisionSample.Plain(policy) with
        {
            Contact = policy.Contact with { Caps = [new ContactCap { Most = 2, Window = TimeSpan.FromDays(30) }] },
        });
        IReadOnlyList<BatchDecision> batch = Run(sample, sample.Chunks(take: 500, household: Household), slots: 1);

        ILookup<string, BatchDecision> households = batch.ToLookup(d => d.Customer.HouseholdId);
        Assert.All(households, household => Assert.InRange(household.Count(d => d.Offered[0].Choice.Candidate > 0), 0, 2));
        Assert.Contains(households, household => household.Count(d => d.Offered[0].Choice.Candidate > 0) == 2 && household.Count() == 5);
    }

    [Fact]
    public void Run_NoCustomers_IsEmpty()
    {
        using DecisionSample sample = new(trained);

        Assert.Empty(Run(sample, []));
    }

    // Five to a household.
    private static string Household(int customer) => $"H{customer % 100}";

    // Some are short of money, some of offers.
    private static Proposition Limited(Proposition proposition) => (proposition.Id.Length % 3) switch
    {
        0 => proposition with { Volume = 20 },
        1 => proposition with { Budget = 300 },
        _ => proposition,
    };

    private static Dictionary<string, string> Texts(IReadOnlyList<BatchDecision> batch)
        => batch.ToDictionary(d => d.Customer.CustomerId, d => $"{d.Record} {d.Inputs}");

    private static IReadOnlyList<BatchDecision> Run(DecisionSample sample, IEnumerable<CustomerChunk> customers, int threads = 0, int slots = 2)
        => new DecisionBatch(sample.Codec, sample.Channels, new BatchOptions
        {
            RunId = "run",
            TimeUnixMs = DecisionSample.Now,
            Channel = 1,
            Role = sample.Workspace.Policy.Roles.IsEmpty ? -1 : 0,
            Slots = slots,
            KeepRecords = true,
            Threads = threads,
        }, BatchState.Empty).Run(customers, TestContext.Current.CancellationToken);
}
