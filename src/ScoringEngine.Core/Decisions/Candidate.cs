namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Offers and acceptances of a proposition seen so far, as a decision used them: everywhere, and in the customer's segment.
/// </summary>
/// <param name="Offers">Matured offers of the proposition, 0 or more.</param>
/// <param name="Acceptances">Acceptances among them.</param>
/// <param name="SegmentOffers">Matured offers of it in the segment.</param>
/// <param name="SegmentAcceptances">Acceptances among them.</param>
public readonly record struct CandidateCounts(float Offers, float Acceptances, float SegmentOffers, float SegmentAcceptances);

/// <summary>One candidate of one decision: what it is worth and how far it came.</summary>
public record struct Candidate
{
    /// <summary>What it is worth, with the smoothed propensity.</summary>
    public PropositionValue Value { get; set; }

    /// <summary>The stage at which it fell; <see cref="Stage.None"/> when it is among those that are ranked.</summary>
    public Stage FellAt { get; set; }

    /// <summary>Why it fell.</summary>
    public Fall Fall { get; set; }

    /// <summary>How it passed the differentiation gate.</summary>
    public GateDoor Door { get; set; }

    /// <summary>Its concession is beyond the calling role's right: it may be offered once somebody approves.</summary>
    public bool NeedsApproval { get; set; }

    /// <summary>Probability with which the decision policy chose it for slot 1, after all rules, 0..1.</summary>
    public double ActionProbability { get; set; }

    /// <summary>Counts that its propensity was smoothed with.</summary>
    public CandidateCounts Counts { get; set; }
}
