using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Scoring;

/// <summary>
/// Rows on their way through a <see cref="Scorer"/> with room for their scores and for scratch work: fill rows, score,
/// read. Made once and used again; not thread-safe.
/// </summary>
public sealed class ScoreBlock
{
    private int _single = -1; // whose bins are in RowBins

    internal ScoreBlock(ModelSet models, int propositions, int capacity)
    {
        Columns = models.Schema.Count;
        Propositions = propositions;
        Capacity = capacity;
        Rows = new float[capacity * Columns];
        SegmentIndexes = new int[capacity];
        Distances = new float[capacity];
        Margins = new float[capacity];
        Profits = new float[capacity];
        Potentials = new float[capacity];
        Tiers = new Tier[capacity];
        Propensities = new float[capacity * propositions];
        Probabilities = new double[capacity * propositions];
        ProbabilitiesKnown = new bool[propositions];
        RuleRows = new RuleBlock(models.Schema);
        RulesPassed = new ulong[propositions * DecisionModel.RuleStages];
        Bins = new byte[capacity * models.Quantiser.Columns.Length];
        ModelMargins = new float[capacity];
        SegmentScratch = new float[models.Segments.ScratchLength];
        ModelScratch = new float[models.ScratchLength];
        RowBins = new byte[models.Quantiser.Columns.Length];
        Contributions = new double[Columns];
        Strongest = new FeatureContribution[Columns];
    }

    /// <summary>Most rows.</summary>
    public int Capacity { get; }

    /// <summary>Features of a row, context included.</summary>
    public int Columns { get; }

    /// <summary>Propositions with a propensity.</summary>
    public int Propositions { get; }

    /// <summary>Index of each row's segment in the model.</summary>
    public int[] SegmentIndexes { get; }

    /// <summary>Distance of each row to its segment's centroid; NaN where an imported model does not tell.</summary>
    public float[] Distances { get; }

    /// <summary>Distance to the second-best centroid minus distance; NaN when there is one segment only, or an imported model does not tell.</summary>
    public float[] Margins { get; }

    /// <summary>Expected profit; NaN without a profit model, and where an imported one has no answer for the row.</summary>
    public float[] Profits { get; }

    /// <summary>Potential; NaN where it is not known.</summary>
    public float[] Potentials { get; }

    /// <summary>Tier; meaningless where the expected profit is NaN.</summary>
    public Tier[] Tiers { get; }

    /// <summary>Rows that were scored last.</summary>
    public int Count { get; internal set; }

    internal float[] Rows { get; }

    internal float[] Propensities { get; }

    /// <summary>The scorer that scored the rows; null before.</summary>
    internal Scorer? ScoredBy { get; set; }

    /// <summary>[propositions x capacity]: what the propensity models say before any prior, for propositions with <see cref="ProbabilitiesKnown"/>.</summary>
    internal double[] Probabilities { get; }

    /// <summary>By proposition, whether the probabilities of all rows were computed.</summary>
    internal bool[] ProbabilitiesKnown { get; }

    /// <summary>The rows as rules read them.</summary>
    internal RuleBlock RuleRows { get; }

    /// <summary>Whose rules <see cref="RulesPassed"/> tells of; null where they were not evaluated.</summary>
    internal DecisionModel? RulesOf { get; set; }

    /// <summary>[propositions x <see cref="DecisionModel.RuleStages"/>]: a bit for each row whether the rule is true for it.</summary>
    internal ulong[] RulesPassed { get; }

    internal byte[] Bins { get; }

    internal float[] ModelMargins { get; }

    internal float[] SegmentScratch { get; }

    internal float[] ModelScratch { get; }

    // What an explanation works with and consists of: one row's.
    internal byte[] RowBins { get; }

    internal double[] Contributions { get; }

    internal FeatureContribution[] Strongest { get; }

    /// <summary>The values of a row, to be filled: customer features, then context features.</summary>
    public Span<float> Row(int row) => Rows.AsSpan(row * Columns, Columns);

    /// <summary>Propensity of each proposition for a row, after <see cref="Scorer.Score"/>: where nothing was counted since training.</summary>
    public ReadOnlySpan<float> PropensitiesOf(int row) => Propensities.AsSpan(row * Propositions, Propositions);

    /// <summary>A scored row as a block of one; valid until the next.</summary>
    internal RowBlock Single(int row)
    {
        if (_single != row)
        {
            for (int column = 0; column < RowBins.Length; column++)
            {
                RowBins[column] = Bins[(column * Count) + row];
            }
            _single = row;
        }
        return new RowBlock(Row(row), 1, Columns, RowBins, ModelScratch);
    }

    /// <summary>Tells that the first rows were scored anew, and nothing else of them is known.</summary>
    internal void Begin(Scorer scorer, int count)
    {
        Count = count;
        ScoredBy = scorer;
        RulesOf = null;
        ProbabilitiesKnown.AsSpan().Clear();
        _single = -1;
    }
}
