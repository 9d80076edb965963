using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Decisions;

/// <summary>What became of one candidate of a decision, for people.</summary>
public sealed record CandidateExplanation
{
    /// <summary>Index of the candidate: 0 for do nothing.</summary>
    public required int Candidate { get; init; }

    /// <summary>Id of the proposition, or of do nothing.</summary>
    public required string Id { get; init; }

    /// <summary>Place in the ranking from 1; 0 for one that fell.</summary>
    public int Rank { get; init; }

    /// <summary>The stage at which it fell; <see cref="Stage.None"/> when it is among those that are ranked.</summary>
    public Stage FellAt { get; init; }

    /// <summary>Why it fell, with what was found, such as <c>tenure_months >= 12, was 3</c>; empty when it did not.</summary>
    public string Reason { get; init; } = "";

    /// <summary>How it passed the differentiation gate.</summary>
    public GateDoor Door { get; init; }

    /// <summary>The role that may approve its concession, where the calling one may not; null where nothing has to be approved, or nobody may.</summary>
    public string? Approver { get; init; }

    /// <summary>Whether its concession is beyond the calling role's right.</summary>
    public bool NeedsApproval { get; init; }

    /// <summary>What it is worth, or would be had it not fallen.</summary>
    public PropositionValue Value { get; init; }

    /// <summary>Where the propensity comes from.</summary>
    public Provenance PropensityProvenance { get; init; }

    /// <summary>Where the amounts behind the organisation's value come from.</summary>
    public Provenance EconomicsProvenance { get; init; }

    /// <summary>Where the weights behind the customer's value come from.</summary>
    public Provenance CustomerValueProvenance { get; init; }

    /// <summary>
    /// What would have made it the first of those that are not mandatory; null for that one itself, for mandatory ones, and for do
    /// nothing.
    /// </summary>
    public WinningChange? ToWin { get; init; }
}

/// <summary>
/// The smallest change of one figure, all others as they were, with which a candidate would have scored as high as the best of the others: with any
/// more of it the candidate wins. For one that fell, had it not.
/// </summary>
/// <param name="Value">Currency that an offer of it would have to be worth more, 0 or more.</param>
/// <param name="CustomerWeight">Customer weight at which it would be first, 0 or more; NaN where none does that.</param>
/// <param name="Propensity">Its propensity at which it would be first, 0..1; NaN where none does that.</param>
public readonly record struct WinningChange(double Value, double CustomerWeight, double Propensity);
