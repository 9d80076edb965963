using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Scoring;

/// <summary>
/// The one scoring path: a unary call, a stream, an offline file and a rescoring run all hand it blocks of rows (a unary
/// call is a block of one) and get the same bits for a row in any of them. Immutable and thread-safe; blocks are not.
/// Scoring allocates nothing, but for an imported ONNX model.
/// </summary>
public sealed class Scorer
{
    private readonly ValueModel? _values;
    private readonly PropensityModel?[] _propensities;
    private readonly double[] _priors;
    private readonly float[] _emptyRow;

    /// <summary>Joins a model with the workspace whose propositions it ranks.</summary>
    /// <exception cref="ArgumentException">The workspace's schema is not the model's, or protects what the model uses.</exception>
    public Scorer(ModelSet models, Workspace workspace)
        : this(models, workspace.Propositions.Select(p => (p.Id, p.PriorPropensity)))
    {
        if (models.Schema.Hash != workspace.Schema.Features.Hash)
        {
            throw new ArgumentException("the workspace's schema is not the one the model was trained with");
        }
        if (models.ProtectedInput(workspace.Schema.Features) is { } feature)
        {
            throw new ArgumentException($"the model uses feature '{feature}', which the workspace's schema protects");
        }
        _values = new ValueModel(workspace, models.Schema, [.. models.Segments.Segments.Select(s => s.Id)]);
    }

    /// <summary>Scores without ranking: propensities in the order given, each with its rate without evidence.</summary>
    internal Scorer(ModelSet models, IEnumerable<(string Id, double Prior)> propositions)
    {
        ArgumentNullException.ThrowIfNull(models);
        Models = models;
        (string Id, double Prior)[] ordered = [.. propositions];
        _propensities = [.. ordered.Select(p => models.Propensities.GetValueOrDefault(p.Id))];
        _priors = [.. ordered.Select(p => p.Prior)];
        _emptyRow = [.. models.Schema.Features.Select(f => f.Context ? f.Default : float.NaN)];
    }

    /// <summary>The models.</summary>
    public ModelSet Models { get; }

    /// <summary>What propositions are worth.</summary>
    public ValueModel Values => _values ?? throw new InvalidOperationException("this scorer was made without a workspace");

    /// <summary>A block for up to <paramref name="capacity"/> rows.</summary>
    public ScoreBlock CreateBlock(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        return new ScoreBlock(Models, _propensities.Length, capacity);
    }

    /// <summary>Sets a row to a customer about whom nothing is known, outside an interaction: NaN, and context at its defaults.</summary>
    public void Clear(Span<float> row) => _emptyRow.CopyTo(row);

    /// <summary>
    /// Scores the first <paramref name="count"/> rows of a block. A category code that the model does not know becomes
    /// NaN in the row.
    /// </summary>
    public void Score(ScoreBlock block, int count)
    {
        ScoreCustomers(block, count);
        for (int a = 0; a < _propensities.Length; a++)
        {
            Span<double> probabilities = Probabilities(block, a);
            for (int r = 0, i = a; r < count; r++, i += _propensities.Length)
            {
                block.Propensities[i] = Propensity(a, probabilities[r], _priors[a]);
            }
        }
    }

    /// <summary>All of <see cref="Score"/> but the propensities, which are what most of its time goes to.</summary>
    internal void ScoreCustomers(ScoreBlock block, int count)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, block.Capacity);
        float[] rows = block.Rows;
        int columns = block.Columns;
        Models.Schema.DropUnknownCategories(rows.AsSpan(0, count * columns));
        Models.Segments.Assign(rows, count, columns, block.SegmentIndexes, block.Distances, block.Margins, block.SegmentScratch);
        block.Begin(this, count);
        Models.Quantiser.Quantise(rows, count, columns, block.Bins.AsSpan(0, count * Models.Quantiser.Columns.Length));
        ScoreProfit(block, RowsOf(block));
    }

    /// <summary>What a proposition's propensity model says of each row of a block, before any prior; meaningless where it has none.</summary>
    internal Span<double> Probabilities(ScoreBlock block, int proposition)
    {
        Span<double> probabilities = block.Probabilities.AsSpan(proposition * block.Capacity, block.Count);
        if (!block.ProbabilitiesKnown[proposition])
        {
            _propensities[proposition]?.Probabilities(RowsOf(block), block.ModelMargins, probabilities);
            block.ProbabilitiesKnown[proposition] = true;
        }
        return probabilities;
    }

    /// <summary>The same of one row, taken from the block where it is known.</summary>
    internal double Probability(ScoreBlock block, int row, int proposition)
    {
        if (block.ProbabilitiesKnown[proposition])
        {
            return block.Probabilities[(proposition * block.Capacity) + row];
        }
        Span<float> margin = stackalloc float[1];
        Span<double> probability = stackalloc double[1];
        _propensities[proposition]?.Probabilities(block.Single(row), margin, probability);
        return probability[0];
    }

    /// <summary>The propensity that belongs to such a probability, where <paramref name="priorRate"/> is the rate expected without the model's evidence.</summary>
    internal float Propensity(int proposition, double probability, double priorRate)
        => _propensities[proposition]?.Smooth(probability, priorRate) ?? (float)priorRate;

    /// <summary>The model of a proposition's propensity; null where there is none, and it is the catalogue's prior.</summary>
    internal PropensityModel? PropensityModelOf(int proposition) => _propensities[proposition];

    /// <summary>Where the propensity of a proposition comes from.</summary>
    public Provenance PropensityProvenance(int proposition)
        => _propensities[proposition] is null ? Provenance.Assumed : Provenance.Estimated;

    /// <summary>The proposition behind a candidate; null for "do nothing".</summary>
    public Proposition? PropositionOf(in PropositionValue candidate)
        => candidate.Proposition == PropositionValue.DoNothing ? null : Values.Propositions[candidate.Proposition];

    /// <summary>Ranks the propositions for a scored row, best first; see <see cref="ValueModel.Rank"/>.</summary>
    public void Rank(ScoreBlock block, int row, Span<PropositionValue> ranked)
    {
        ArgumentNullException.ThrowIfNull(block);
        Values.Rank(block.Row(row), block.SegmentIndexes[row], block.PropensitiesOf(row), ranked);
    }

    private void ScoreProfit(ScoreBlock block, in RowBlock rows)
    {
        int count = rows.Count;
        if (Models.Profit is not { } profit)
        {
            block.Profits.AsSpan(0, count).Fill(float.NaN);
            block.Potentials.AsSpan(0, count).Fill(float.NaN);
            return;
        }
        profit.Expected.Margins(rows, block.Profits);
        block.ModelMargins.AsSpan(0, count).Fill(float.NaN);
        profit.Upper?.Margins(rows, block.ModelMargins);
        for (int r = 0; r < count; r++)
        {
            block.Potentials[r] = ProfitModel.Potential(block.Profits[r], block.ModelMargins[r]);
            block.Tiers[r] = profit.Tiers.Of(block.Profits[r]);
        }
    }

    private RowBlock RowsOf(ScoreBlock block)
    {
        Span<byte> bins = block.Bins.AsSpan(0, block.Count * Models.Quantiser.Columns.Length);
        return new RowBlock(block.Rows, block.Count, block.Columns, bins, block.ModelScratch);
    }
}
