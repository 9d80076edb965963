namespace ScoringEngine.Core.Decisions;

/// <summary>The stages of a decision at which a candidate can fall, in their order.</summary>
public enum Stage : byte
{
    /// <summary>It did not fall.</summary>
    None,

    /// <summary>Validity dates, channels of the proposition.</summary>
    Validity,

    /// <summary>Budget and volume of the proposition.</summary>
    Budget,

    /// <summary>Consent of the customer in the channel.</summary>
    Consent,

    /// <summary>Caps, suppression, quiet hours, what was declined in this interaction.</summary>
    ContactPolicy,

    /// <summary>Whether the customer may have it.</summary>
    Eligibility,

    /// <summary>Whether it is relevant now.</summary>
    Applicability,

    /// <summary>Whether it is good for the customer.</summary>
    Suitability,

    /// <summary>Whether something differentiated is justified for a customer of little value.</summary>
    Gate,
}

/// <summary>Why a candidate fell.</summary>
public enum FallReason : byte
{
    /// <summary>It did not fall.</summary>
    None,

    /// <summary>Before its first day; <see cref="Fall.Limit"/> is the day's start in unix seconds.</summary>
    NotYetValid,

    /// <summary>After its last day; <see cref="Fall.Limit"/> is the day's end in unix seconds.</summary>
    Expired,

    /// <summary>Not offered in the channel.</summary>
    OtherChannel,

    /// <summary>The budget left, <see cref="Fall.Was"/>, does not cover what an offer may cost, <see cref="Fall.Limit"/>.</summary>
    BudgetSpent,

    /// <summary>The volume left, <see cref="Fall.Was"/>, is below 1.</summary>
    VolumeReached,

    /// <summary>No consent in the channel.</summary>
    NoConsent,

    /// <summary>Cap number <see cref="Fall.Detail"/>: had <see cref="Fall.Was"/>, at most <see cref="Fall.Limit"/>.</summary>
    Cap,

    /// <summary>Suppression number <see cref="Fall.Detail"/>, until <see cref="Fall.Limit"/> in unix seconds.</summary>
    Suppressed,

    /// <summary>Quiet hours in the customer's zone.</summary>
    QuietHours,

    /// <summary>Declined in this interaction.</summary>
    DeclinedInInteraction,

    /// <summary>
    /// The stage's rule is not true. Only <see cref="DecisionModel.FallOf"/> tells of which comparison: number <see cref="Fall.Detail"/> of the rule, with
    /// the value <see cref="Fall.Was"/> (NaN: missing).
    /// </summary>
    Rule,

    /// <summary>Customer value <see cref="Fall.Was"/> is below the proposition's minimum <see cref="Fall.Limit"/>.</summary>
    CustomerValue,

    /// <summary>
    /// Differentiated, the customer's tier has little value, potential <see cref="Fall.Was"/> is below
    /// <see cref="Fall.Limit"/>, no measured evidence, not in the gate test.
    /// </summary>
    Gate,
}

/// <summary>Why a candidate fell, in figures; what they mean depends on the reason.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Detail">Which of several, from 0.</param>
/// <param name="Was">What was found.</param>
/// <param name="Limit">What was expected.</param>
public readonly record struct Fall(FallReason Reason, int Detail = 0, double Was = 0, double Limit = 0);

/// <summary>Through which door a differentiated proposition passed the gate.</summary>
public enum GateDoor : byte
{
    /// <summary>Not asked: standard, or the tier has value.</summary>
    NotNeeded,

    /// <summary>The customer could be worth enough.</summary>
    Potential,

    /// <summary>Its incremental value in this tier was measured above zero.</summary>
    Evidence,

    /// <summary>The customer is in the randomised test that produces the evidence.</summary>
    Test,

    /// <summary>None: it fell.</summary>
    Closed,
}
