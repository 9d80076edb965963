using System.Collections.Immutable;

namespace ScoringEngine.Core.Decisions;

/// <summary>How a decision explores.</summary>
public enum ExplorationKind
{
    /// <summary>Not: the best candidate has action probability 1.</summary>
    None,

    /// <summary>With probability epsilon any candidate, else the best.</summary>
    Epsilon,

    /// <summary>Probability proportional to exp(lambda * score scaled to 0..1).</summary>
    Softmax,

    /// <summary>1 / (K + gamma * regret), the rest to the best (Foster and Rakhlin, 2020), costs scaled to 0..1.</summary>
    SquareCb,
}

/// <summary>How decisions in a channel explore.</summary>
/// <param name="Kind">The distribution.</param>
/// <param name="Parameter">Epsilon 0..1, lambda 0 or more, gamma 0 or more.</param>
public sealed record Exploration(ExplorationKind Kind, double Parameter)
{
    /// <summary>No exploration.</summary>
    public static Exploration None { get; } = new(ExplorationKind.None, 0);
}

/// <summary>Exploration by channel: off where the owner does not open it.</summary>
public sealed record ExplorationPolicy
{
    /// <summary>Exploration by channel.</summary>
    public ImmutableSortedDictionary<string, Exploration> Channels { get; init; } = ImmutableSortedDictionary<string, Exploration>.Empty;

    /// <summary>Where the channel is not told.</summary>
    public Exploration Default { get; init; } = Exploration.None;

    /// <summary>Score that counts as 1 when scores are scaled to 0..1 (0 is the worst candidate's), in currency; null for the best one's.</summary>
    public double? Scale { get; init; }
}

/// <summary>How much a prior weighs against counts, in offers.</summary>
/// <param name="Proposition">Weight of the catalogue's prior against the proposition's own rate.</param>
/// <param name="Segment">Weight of the proposition's rate against its rate in the segment.</param>
public sealed record SmoothingPolicy(double Proposition = 100, double Segment = 50)
{
    /// <summary>
    /// Rate of acceptance in the segment, shrunk towards the proposition's, which is shrunk towards the catalogue's prior: the
    /// posterior means of beta-binomial counts (Gelman et al., "Bayesian Data Analysis", 3rd ed., ch. 5) with given strengths. 0..1; the
    /// prior itself where nothing was counted.
    /// </summary>
    /// <param name="prior">The catalogue's rate, 0..1.</param>
    /// <param name="counts">What was counted.</param>
    public double Rate(double prior, in CandidateCounts counts)
        => Shrunk(counts.SegmentAcceptances, counts.SegmentOffers, Segment, Shrunk(counts.Acceptances, counts.Offers, Proposition, prior));

    // An acceptance that came before its offer was counted is clipped.
    private static double Shrunk(double acceptances, double offers, double strength, double towards)
        => offers > 0 ? Math.Clamp((acceptances + (strength * towards)) / (offers + strength), 0, 1) : towards;
}

/// <summary>What a role may grant.</summary>
/// <param name="MaximumConcession">Concession in currency up to which no approval is needed; positive infinity for any.</param>
/// <param name="Propositions">Ids it may grant at any concession.</param>
public sealed record DecisionRight(double MaximumConcession, ImmutableArray<string> Propositions);

/// <summary>What happens to a decision that cannot be logged.</summary>
public enum LogFailure
{
    /// <summary>It is refused: UNAVAILABLE.</summary>
    Refuse,

    /// <summary>The hold-out's standard treatment, flagged degraded.</summary>
    StandardTreatment,
}
