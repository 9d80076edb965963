using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Decisions;

/// <summary>A customer of a batch.</summary>
/// <param name="CustomerId">Id; each customer once.</param>
/// <param name="HouseholdId">Household whose contacts count; empty for the customer's own.</param>
public readonly record struct BatchCustomer(string CustomerId, string HouseholdId);

/// <summary>A customer's slot in a batch.</summary>
/// <param name="Choice">What was chosen for it.</param>
/// <param name="Value">What it is worth.</param>
/// <param name="Door">How it passed the differentiation gate.</param>
public readonly record struct BatchSlot(Choice Choice, PropositionValue Value, GateDoor Door);

/// <summary>What a batch decided for a customer.</summary>
public sealed class BatchDecision
{
    internal BatchDecision(BatchCustomer customer) => Customer = customer;

    /// <summary>Whom it is for.</summary>
    public BatchCustomer Customer { get; }

    /// <summary>Segment id.</summary>
    public int SegmentId { get; internal set; }

    /// <summary>Tier; null where no profit is known.</summary>
    public Tier? Tier { get; internal set; }

    /// <summary>Expected profit; NaN where not known.</summary>
    public float ExpectedProfit { get; internal set; }

    /// <summary>Potential; NaN where not known.</summary>
    public float Potential { get; internal set; }

    /// <summary>The customer is in the hold-out.</summary>
    public bool HeldOut { get; internal set; }

    /// <summary>What the customer gets, in slot order; never empty.</summary>
    public IReadOnlyList<BatchSlot> Offered { get; internal set; } = [];

    /// <summary>What was decided for slot 1: for a held-out customer what would have been.</summary>
    public BatchSlot First { get; internal set; }

    /// <summary>What the log would keep of it; null unless asked for.</summary>
    public DecisionRecord? Record { get; internal set; }

    /// <summary>What it depended on; null unless asked for.</summary>
    public DecisionInputs? Inputs { get; internal set; }

    // What the last pass needs to decide again: the row, where something may run short.
    internal float[]? Row { get; set; }

    internal bool TakesOfLimits { get; set; }
}
