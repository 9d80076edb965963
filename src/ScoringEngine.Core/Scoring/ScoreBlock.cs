using ScoringEngine.Core.Models;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Scoring;

/// <summary>
/// Rows on their way through a <see cref="Scorer"/> with room for their scores and for scratch work: fill rows, score,
/// read. Made once and used again; not thread-safe.
/// </summary>
public sealed class ScoreBlock
{
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

    /// <summary>Propensity of each proposition for a row, after scoring.</summary>
    public ReadOnlySpan<float> PropensitiesOf(int row) => Propensities.AsSpan(row * Propositions, Propositions);

    /// <summary>A scored row as a block of one; valid until the next.</summary>
    internal RowBlock Single(int row)
    {
        for (int column = 0; column < RowBins.Length; column++)
        {
            RowBins[column] = Bins[(column * Count) + row];
        }
        return new RowBlock(Row(row), 1, Columns, RowBins, ModelScratch);
    }
}
