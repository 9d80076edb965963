using System.Collections.Immutable;
using Microsoft.Extensions.ObjectPool;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
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
    /// <exception cref="InvalidDataException">The store cannot hold that many features, or holds another lineage of them.</exception>
    /// <exception cref="IOException">The store cannot keep a new schema version.</exception>
    public ServedModel(Workspace workspace, ModelSet models, StoredSchemas schemas)
    {
        if (models.Schema.Count > CustomerStore.MaxFeatures)
        {
            throw new InvalidDataException($"{workspace.Directory}: {models.Schema.Count} features, a server takes at most {CustomerStore.MaxFeatures}");
        }
        Workspace = workspace;
        Scorer = new Scorer(models, workspace);
        Explainer = new Explainer(Scorer);
        Schemas = schemas;
        // The same columns as the version's, and the workspace knows their earlier names.
        StoredRows = schemas.LayoutOf(schemas.Adopt(workspace.Schema.Features));
        ModelRows = schemas.MapTo(models.Schema);
        RequiredFeatures = [.. Enumerable.Range(0, Schema.CustomerCount).Where(f => Schema.Features[f].Missing == MissingHandling.Reject)];
        _work = new DefaultObjectPool<ScoreWork>(new WorkPolicy(Scorer), 4 * Environment.ProcessorCount);
    }

    /// <summary>Catalogue, needs and policy.</summary>
    public Workspace Workspace { get; }

    /// <summary>The one scoring path.</summary>
    public Scorer Scorer { get; }

    /// <summary>What makes its scores what they are.</summary>
    public Explainer Explainer { get; }

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

    private sealed class WorkPolicy(Scorer scorer) : PooledObjectPolicy<ScoreWork>
    {
        public override ScoreWork Create() => new(scorer);

        public override bool Return(ScoreWork obj) => true;
    }
}

/// <summary>A block with room for one ranking; used by one call at a time.</summary>
internal sealed class ScoreWork(Scorer scorer)
{
    public ScoreBlock Block { get; } = scorer.CreateBlock(ServedModel.BlockRows);

    public PropositionValue[] Ranked { get; } = new PropositionValue[scorer.Values.CandidateCount];
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
