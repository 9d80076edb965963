using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.ObjectPool;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Server.Hosting;

/// <summary>
/// Everything that answers a request: workspace, scorer, the way from stored customers to its rows, and a pool of blocks to
/// score in. Thread-safe.
/// </summary>
internal sealed class ServedModel
{
    /// <summary>Rows of a block: what a batch scores at a time; a unary call uses one.</summary>
    public const int BlockRows = 64;

    private readonly DefaultObjectPool<ScoreWork> _work;

    /// <summary>Joins a workspace with one of its versions.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="models">The version.</param>
    /// <param name="schemas">The store's schemas, which adopt the workspace's.</param>
    /// <param name="propositions">Numbers of the propositions; null to number them by id, where nothing is logged.</param>
    /// <param name="channels">Numbers of the channels; null to number them by name, where nothing is logged.</param>
    /// <exception cref="InvalidDataException">The store cannot hold that many features, or holds another lineage of them.</exception>
    /// <exception cref="IOException">The store cannot keep a new schema version.</exception>
    public ServedModel(Workspace workspace, ModelSet models, StoredSchemas schemas, Numbering? propositions = null, Numbering? channels = null)
    {
        if (models.Schema.Count > CustomerStore.MaxFeatures)
        {
            throw new InvalidDataException($"{workspace.Directory}: {models.Schema.Count} features, a server takes at most {CustomerStore.MaxFeatures}");
        }
        Workspace = workspace;
        channels ??= Numbering.Of(workspace.Channels);
        Decisions = new DecisionModel(workspace, models, propositions ?? Numbering.Of(workspace.Propositions.Select(p => p.Id)), channels);
        Archive = WorkspaceArchive.Of(workspace, models.Manifest);
        Codec = new DecisionCodec(Decisions, Archive.Hash);
        CandidateIndexes = IndexesOf([PropositionValue.DoNothingId, .. workspace.Propositions.Select(p => p.Id)]);
        Interaction = new InteractionFeatures(models.Schema);
        ChannelIndexes = IndexesOf(workspace.Channels);
        ChannelNumbers = [.. workspace.Channels.Select(c => (byte)channels.NumberOf(c))];
        RoleIndexes = IndexesOf(Decisions.Roles);
        HasBudgets = workspace.Propositions.Any(p => p.Budget is not null || p.Volume is not null);
        PropositionNumbers = [.. Enumerable.Range(1, workspace.Propositions.Length).Select(Decisions.NumberOf)];
        Explanations = new DecisionExplainer(Decisions);
        Schemas = schemas;
        // The same columns as the version's, and the workspace knows their earlier names.
        StoredRows = schemas.LayoutOf(schemas.Adopt(workspace.Schema.Features));
        ModelRows = schemas.MapTo(models.Schema);
        RequiredFeatures = [.. Enumerable.Range(0, Schema.CustomerCount).Where(f => Schema.Features[f].Missing == MissingHandling.Reject)];
        _work = new DefaultObjectPool<ScoreWork>(new WorkPolicy(Decisions), 4 * Environment.ProcessorCount);
    }

    /// <summary>Catalogue, needs and policy.</summary>
    public Workspace Workspace { get; }

    /// <summary>What decides, on rows that it scores.</summary>
    public DecisionModel Decisions { get; }

    /// <summary>The one scoring path.</summary>
    public Scorer Scorer => Decisions.Scorer;

    /// <summary>The workspace's files and the version's manifest: what decisions are replayed with.</summary>
    public ArchiveRecord Archive { get; }

    /// <summary>Decisions as records of the log.</summary>
    public DecisionCodec Codec { get; }

    /// <summary>Index by proposition id of the candidates, "do nothing" among them.</summary>
    public IReadOnlyDictionary<string, int> CandidateIndexes { get; }

    /// <summary>Fields of an interaction that are features.</summary>
    public InteractionFeatures Interaction { get; }

    /// <summary>Index by name of the workspace's channels.</summary>
    public IReadOnlyDictionary<string, int> ChannelIndexes { get; }

    /// <summary>Number by index of the workspace's channels.</summary>
    public ImmutableArray<byte> ChannelNumbers { get; }

    /// <summary>Index by name of the policy's roles.</summary>
    public IReadOnlyDictionary<string, int> RoleIndexes { get; }

    /// <summary>Number by index of the propositions.</summary>
    public int[] PropositionNumbers { get; }

    /// <summary>Whether any proposition has a budget or a volume.</summary>
    public bool HasBudgets { get; }

    /// <summary>Why it decides as it does.</summary>
    public DecisionExplainer Explanations { get; }

    /// <summary>What makes its scores what they are.</summary>
    public Explainer Explainer => Explanations.Features;

    /// <summary>The version.</summary>
    public ModelSet Models => Scorer.Models;

    /// <summary>The features of a row.</summary>
    public FeatureSchema Schema => Scorer.Models.Schema;

    /// <summary>What stored values mean.</summary>
    public StoredSchemas Schemas { get; }

    /// <summary>The version under which customers are stored now: the customer features of <see cref="Schema"/>.</summary>
    public ushort SchemaVersion => StoredRows.SchemaVersion;

    /// <summary>Stored customers as rows to score.</summary>
    public RowMapping ModelRows { get; }

    /// <summary>Stored customers as if all had been stored now: <see cref="SchemaVersion"/>, with the store's category codes.</summary>
    public StoredLayout StoredRows { get; }

    /// <summary>Indexes of the customer features that must have a value.</summary>
    public ImmutableArray<int> RequiredFeatures { get; }

    /// <summary>A place to score in; hand it back with <see cref="Return"/>.</summary>
    public ScoreWork Rent() => _work.Get();

    /// <summary>Takes back what <see cref="Rent"/> gave.</summary>
    public void Return(ScoreWork work) => _work.Return(work);

    /// <summary>Whether a customer is in the hold-out.</summary>
    public bool IsHeldOut(ReadOnlySpan<byte> customerId) => CustomerHash.Share(Decisions.UnitHashOf(customerId)) < Workspace.Policy.HoldOut.Share;

    /// <inheritdoc cref="IsHeldOut(ReadOnlySpan{byte})"/>
    public bool IsHeldOut(string customerId)
    {
        Span<byte> id = stackalloc byte[FeatureSchema.MaxIdBytes];
        return Workspace.Policy.HoldOut.Share > 0 && IsHeldOut(id[..Encoding.UTF8.GetBytes(customerId, id)]);
    }

    /// <summary>Scores and decides once, on nobody: what is lazy is done before somebody waits.</summary>
    public void WarmUp()
    {
        ScoreWork work = Rent();
        Scorer.Clear(work.Block.Row(0));
        Decisions.Score(work.Block, 1);
        Decisions.Decide(work.Block, 0, new DecisionInput { Channel = -1, Role = -1, Slots = 1, UnitHash = DecisionInput.NoUnit }, work.Trace);
        Return(work);
    }

    /// <summary>The proposition behind a candidate other than "do nothing".</summary>
    public Proposition PropositionOf(int candidate) => Workspace.Propositions[candidate - 1];

    /// <summary>What may be used of each proposition's budget, and of the gate test's.</summary>
    public IEnumerable<BudgetLimit> BudgetLimits()
        => Workspace.Propositions.Select((p, i) => new BudgetLimit(PropositionNumbers[i], p.Budget ?? double.PositiveInfinity, p.Volume ?? double.PositiveInfinity))
            .Append(new BudgetLimit(BudgetLedger.GateTest, Workspace.Policy.Gate.Test?.Budget ?? double.PositiveInfinity, double.PositiveInfinity));

    private static Dictionary<string, int> IndexesOf(ImmutableArray<string> names)
        => names.Select((name, i) => (name, i)).ToDictionary(n => n.name, n => n.i, StringComparer.Ordinal);

    private sealed class WorkPolicy(DecisionModel model) : PooledObjectPolicy<ScoreWork>
    {
        public override ScoreWork Create() => new(model);

        public override bool Return(ScoreWork obj) => true;
    }
}

/// <summary>A block with room for one ranking and one decision; used by one call at a time.</summary>
internal sealed class ScoreWork(DecisionModel model)
{
    private readonly float[] _propensities = new float[model.CandidateCount - 1];
    private ContactEvent[] _contacts = [];
    private int _contactCount;

    public ScoreBlock Block { get; } = model.Scorer.CreateBlock(ServedModel.BlockRows);

    public PropositionValue[] Ranked { get; } = new PropositionValue[model.CandidateCount];

    public DecisionTrace Trace { get; } = model.CreateTrace();

    /// <summary>Ranks every candidate for a scored row into <see cref="Ranked"/>, best first.</summary>
    /// <param name="row">The row.</param>
    /// <param name="heldOut">Whether "do nothing" comes first, whatever its score.</param>
    /// <param name="live">What propensities are smoothed with; null for nothing.</param>
    public void Rank(int row, bool heldOut, AcceptanceCounts? live)
    {
        if (live is not null)
        {
            model.ReadCounts(live, Block.SegmentIndexes[row], Counts);
        }
        if (live is null || !Counts.AsSpan().ContainsAnyExcept(default(CandidateCounts)))
        {
            model.Scorer.Rank(Block, row, Ranked);
        }
        else
        {
            DecisionInput input = new() { Channel = -1, Role = -1, Slots = 1, Counts = Counts };
            for (int a = 0; a < _propensities.Length; a++)
            {
                _propensities[a] = (float)model.ValueOf(Block, row, a + 1, in input).Propensity;
            }
            model.Scorer.Values.Rank(Block.Row(row), Block.SegmentIndexes[row], _propensities, Ranked);
        }
        int nothing = heldOut ? Array.FindIndex(Ranked, v => v.Proposition == PropositionValue.DoNothing) : 0;
        if (nothing > 0)
        {
            PropositionValue first = Ranked[nothing];
            Ranked.AsSpan(0, nothing).CopyTo(Ranked.AsSpan(1));
            Ranked[0] = first;
        }
    }

    /// <summary>Counts by proposition index.</summary>
    public CandidateCounts[] Counts { get; } = new CandidateCounts[model.CandidateCount - 1];

    /// <summary>Currency left by proposition index.</summary>
    public double[] BudgetLeft { get; } = new double[model.CandidateCount - 1];

    /// <summary>Offers left by proposition index.</summary>
    public double[] VolumeLeft { get; } = new double[model.CandidateCount - 1];

    /// <summary>Currency that the gate test has cost.</summary>
    public double GateTestSpent { get; set; }

    /// <summary>Numbers of the propositions that were declined in the interaction.</summary>
    public ImmutableArray<ushort> Declined { get; set; } = [];

    /// <summary>The contacts that are decided on, oldest first.</summary>
    public ReadOnlySpan<ContactEvent> Contacts => _contacts.AsSpan(0, _contactCount);

    /// <summary>Sets <see cref="Contacts"/> to a copy.</summary>
    public void SetContacts(ReadOnlySpan<ContactEvent> contacts)
    {
        if (_contacts.Length < contacts.Length)
        {
            _contacts = new ContactEvent[contacts.Length];
        }
        contacts.CopyTo(_contacts);
        _contactCount = contacts.Length;
    }
}

/// <summary>Holds the model in use. A request reads <see cref="Current"/> once and uses nothing else.</summary>
internal sealed class ModelHolder(ServedModel initial)
{
    private volatile ServedModel _current = initial;

    /// <summary>The model in use.</summary>
    public ServedModel Current
    {
        get => _current;
        set => _current = value;
    }
}
