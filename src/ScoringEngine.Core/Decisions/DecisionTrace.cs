using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Decisions;

/// <summary>What was chosen for one slot.</summary>
/// <param name="Candidate">Index of the candidate: 0 for do nothing, proposition index + 1 else.</param>
/// <param name="ActionProbability">Probability with which it was drawn for its slot, given the slots before it.</param>
/// <param name="NeedsApproval">Its concession is beyond the calling role's right.</param>
public readonly record struct Choice(int Candidate, double ActionProbability, bool NeedsApproval);

/// <summary>
/// What one decision came to, with what became of each candidate. Made by <see cref="DecisionModel.CreateTrace"/> and used again and
/// again by one caller at a time; deciding with it allocates nothing.
/// </summary>
public sealed class DecisionTrace
{
    private readonly bool[] _mandatory; // by candidate
    private readonly int[] _ranked;
    private int _rankedCount;

    internal DecisionTrace(bool[] mandatory, int contactScratch)
    {
        int candidates = mandatory.Length;
        _mandatory = mandatory;
        _ranked = new int[candidates];
        ContactScratch = new long[contactScratch];
        ContactFalls = new Fall[candidates - 1];
        Candidates = new Candidate[candidates];
        Open = new int[candidates];
        Scores = new double[candidates];
        Probabilities = new double[candidates];
        ChosenChoices = new Choice[candidates];
        OfferedChoices = new Choice[candidates];
    }

    /// <summary>
    /// Every candidate by index: 0 is do nothing, i + 1 the proposition with index i. One that fell before the ranking was not valued:
    /// its figures are NaN; <see cref="DecisionModel.ValueOf"/> tells them.
    /// </summary>
    public Candidate[] Candidates { get; }

    /// <summary>Indexes of the candidates that did not fall, best first: mandatory ones, then all others with do nothing among them.</summary>
    public ReadOnlySpan<int> Order
    {
        get
        {
            if (_rankedCount == 0)
            {
                _rankedCount = Rank(Rank(0, mandatory: true), mandatory: false);
            }
            return _ranked.AsSpan(0, _rankedCount);
        }
    }

    /// <summary>
    /// What was decided, in slot order; of a held-out customer what would have been. Never empty. Do nothing ends it: after it
    /// nothing is offered.
    /// </summary>
    public ReadOnlySpan<Choice> Chosen => ChosenChoices.AsSpan(0, ChosenCount);

    /// <summary>
    /// What the customer gets: <see cref="Chosen"/>, but for a held-out customer what is mandatory of it, and then the standard treatment
    /// or nothing.
    /// </summary>
    public ReadOnlySpan<Choice> Offered => OfferedChoices.AsSpan(0, OfferedCount);

    /// <summary>The customer is in the hold-out.</summary>
    public bool HeldOut { get; internal set; }

    /// <summary>The customer is in the gate test, and it runs.</summary>
    public bool InGateTest { get; internal set; }

    /// <summary>Index of the customer's segment.</summary>
    public int SegmentIndex { get; internal set; }

    /// <summary>Tier; null where no profit is known.</summary>
    public Tier? Tier { get; internal set; }

    /// <summary>Index of the strategy for the segment and tier; -1 where there is none.</summary>
    public int StrategyIndex { get; internal set; }

    internal long[] ContactScratch { get; }

    // By proposition.
    internal Fall[] ContactFalls { get; }

    internal Choice[] ChosenChoices { get; }

    internal int ChosenCount { get; set; }

    internal Choice[] OfferedChoices { get; }

    internal int OfferedCount { get; set; }

    // While slots are drawn: what is still open, best first, with its probabilities; scores also while candidates are ranked.
    internal int[] Open { get; }

    internal double[] Scores { get; }

    internal double[] Probabilities { get; }

    /// <summary>Forgets the order: sorting waits until somebody asks, for many decisions take the best and no more.</summary>
    internal void Unranked() => _rankedCount = 0;

    /// <summary>The first of <see cref="Order"/>.</summary>
    internal int Best()
    {
        int best = 0;
        for (int c = 1; c < Candidates.Length; c++)
        {
            ref Candidate candidate = ref Candidates[c];
            if (candidate.FellAt == Stage.None
                && (_mandatory[c] == _mandatory[best] ? candidate.Value.Score > Candidates[best].Value.Score : _mandatory[c]))
            {
                best = c;
            }
        }
        return best;
    }

    /// <summary>
    /// Sorts what did not fall behind what is there; the new number of ranked candidates. As in every ranking, equal scores keep do nothing
    /// first and then the order of the ids, which is that of the indexes: insertion sort is stable.
    /// </summary>
    private int Rank(int start, bool mandatory)
    {
        int count = start;
        for (int c = 0; c < Candidates.Length; c++)
        {
            if (Candidates[c].FellAt != Stage.None || _mandatory[c] != mandatory)
            {
                continue;
            }
            double score = Candidates[c].Value.Score;
            int position = count++;
            for (; position > start && Scores[position - 1] < score; position--)
            {
                _ranked[position] = _ranked[position - 1];
                Scores[position] = Scores[position - 1];
            }
            _ranked[position] = c;
            Scores[position] = score;
        }
        return count;
    }
}
