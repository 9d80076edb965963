using System.Collections.Immutable;
using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

/// <summary>A copy of the trained sample whose files make every kind of decision: rules, gate, caps, budgets, hold-out, exploration.</summary>
internal sealed class DecisionSample : IDisposable
{
    public const long Now = DecisionWorld.Noon;

    private readonly TemporaryFolder _folder = new();
    private readonly TrainedSample _sample;

    public DecisionSample(TrainedSample sample, Func<Policy, Policy>? policy = null, Func<Proposition, Proposition>? propositions = null)
    {
        _sample = sample;
        string folder = sample.CopyTo(_folder.Path, sample.Workspace.Name);
        Workspace now = Workspace.Load(folder);
        policy ??= Rich;
        propositions ??= p => p;
        WorkspaceWriter.Replace(Path.Combine(folder, Policy.FileName), WorkspaceWriter.PolicyText(policy(now.Policy)));
        WorkspaceWriter.Replace(Path.Combine(folder, "propositions.yaml"), WorkspaceWriter.PropositionsText(now.Propositions.Select(propositions)));
        Workspace = Workspace.Load(folder);
        Models = ModelPackage.Load(Workspace);
        Propositions = Numbering.Of(Workspace.Propositions.Select(p => p.Id));
        Channels = Numbering.Of(Workspace.Channels);
        Archive = WorkspaceArchive.Of(Workspace, Models.Manifest);
        Codec = new DecisionCodec(new DecisionModel(Workspace, Models, Propositions, Channels), Archive.Hash);
    }

    public Workspace Workspace { get; }

    public ModelSet Models { get; }

    public Numbering Propositions { get; }

    public Numbering Channels { get; }

    public ArchiveRecord Archive { get; }

    public DecisionCodec Codec { get; }

    public int Count => _sample.Customers.Count;

    /// <summary>Exploration in every channel, a tenth held out, a gate with a test, a cap, rights of an agent.</summary>
    public static Policy Rich(Policy policy) => policy with
    {
        HoldOut = new HoldOutPolicy(0.1, 5),
        Gate = new GatePolicy { PotentialThreshold = 5000, Test = new GateTest(0.2, 9, new DateOnly(2026, 1, 1), new DateOnly(2026, 12, 31), 1e9) },
        Exploration = new ExplorationPolicy
        {
            Channels = ImmutableSortedDictionary<string, Exploration>.Empty.Add("web", new Exploration(ExplorationKind.SquareCb, 20)),
            Default = new Exploration(ExplorationKind.Epsilon, 0.2),
        },
        Contact = policy.Contact with { Caps = [new ContactCap { Most = 3, Window = TimeSpan.FromDays(30) }] },
        Roles = ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new DecisionRight(20, [])),
    };

    /// <summary>The policy of the sample, without exploration and hold-out.</summary>
    public static Policy Plain(Policy policy) => policy;

    public float[] Row(int customer) => _sample.Customers.Rows.Row(customer).ToArray();

    public static string IdOf(int customer) => $"C{customer + 1:D7}";

    /// <summary>The customers in chunks; <paramref name="order"/> permutes them.</summary>
    public IEnumerable<CustomerChunk> Chunks(int size = CustomerChunk.Size, int? take = null, Func<int, string>? household = null, IReadOnlyList<int>? order = null)
    {
        foreach (int[] part in (order ?? [.. Enumerable.Range(0, take ?? Count)]).Chunk(size))
        {
            yield return new CustomerChunk(
                [.. part.Select(i => new BatchCustomer(IdOf(i), household?.Invoke(i) ?? ""))], [.. part.SelectMany(Row)]);
        }
    }

    /// <summary>A decision with contacts, counts and limits that depend on the customer's number; what the log would keep of it.</summary>
    public (DecisionRecord Record, DecisionInputs Inputs) Decide(int customer, int slots = 2)
    {
        DecisionModel model = Codec.Model;
        int propositions = Workspace.Propositions.Length;
        SeededRandom random = new(customer);
        ContactEvent[] contacts = [.. Enumerable.Range(0, random.Next(6)).Select(i => new ContactEvent(
            (uint)((Now / 1000) - ContactEvent.EpochUnixSeconds - (86_400 * (8 - i))), (ushort)(1 + random.Next(propositions)), 1, (ContactKind)(2 + random.Next(3))))];
        CandidateCounts[] counts = new CandidateCounts[propositions];
        double[] budgets = new double[propositions];
        double[] volumes = new double[propositions];
        for (int a = 0; a < propositions; a++)
        {
            counts[a] = customer % 3 == 0 ? default : new CandidateCounts(random.Next(500), random.Next(100), random.Next(50), random.Next(10));
            budgets[a] = a % 4 == 1 ? 40 * random.NextDouble() : double.PositiveInfinity;
            volumes[a] = a % 5 == 2 ? random.Next(3) : double.PositiveInfinity;
        }
        DecisionIdentity identity = new() { DecisionId = $"d{customer}", CustomerId = IdOf(customer), Reason = "bill", AgentId = "a7", Language = "de" };
        DecisionInput input = new()
        {
            TimeUnixMs = Now + customer,
            Channel = customer % (Workspace.Channels.Length + 1) - 1,
            Direction = (Direction)(customer % 3),
            Role = customer % 2 - 1,
            TimeZone = customer % 4 == 0 ? "Europe/Berlin" : null,
            Slots = slots,
            Seed = DecisionModel.SeedOf(Encoding.UTF8.GetBytes(identity.DecisionId)),
            UnitHash = model.UnitHashOf(Encoding.UTF8.GetBytes(identity.CustomerId)),
            Contacts = contacts,
            Declined = customer % 5 == 0 ? [(ushort)(1 + random.Next(propositions))] : [],
            Counts = counts,
            BudgetLeft = budgets,
            VolumeLeft = volumes,
            GateTestSpent = customer,
        };
        ScoreBlock block = model.Scorer.CreateBlock(1);
        Row(customer).CopyTo(block.Row(0));
        model.Score(block, 1);
        DecisionTrace trace = model.CreateTrace();
        model.Decide(block, 0, in input, trace);
        return (Codec.ToRecord(trace, block, 0, in input, in identity), Codec.ToInputs(block, 0, in input, in identity));
    }

    public void Dispose() => _folder.Dispose();
}
