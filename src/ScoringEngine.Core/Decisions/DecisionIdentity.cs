using ScoringEngine.Core.Decisions.Log;

namespace ScoringEngine.Core.Decisions;

/// <summary>Whom and what a decision was about, as told; a decision does not depend on it but for what is in its <see cref="DecisionInput"/>.</summary>
public readonly record struct DecisionIdentity
{
    /// <summary>An identity of which only the decision's id is known.</summary>
    public DecisionIdentity()
    {
    }

    /// <summary>Id of the decision: the request id; run id and customer id of a batch, see <see cref="OfBatch"/>.</summary>
    public required string DecisionId { get; init; }

    /// <summary>Id of the customer; empty for a prospect.</summary>
    public string CustomerId { get; init; } = "";

    /// <summary>Household; empty for none.</summary>
    public string HouseholdId { get; init; } = "";

    /// <summary>Interaction; empty for none.</summary>
    public string InteractionId { get; init; } = "";

    /// <summary>Agent; empty for none.</summary>
    public string AgentId { get; init; } = "";

    /// <summary>Team; empty for none.</summary>
    public string TeamId { get; init; } = "";

    /// <summary>Reason for the contact; empty for none.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Language asked for; empty for none.</summary>
    public string Language { get; init; } = "";

    /// <summary>Name of the batch run; empty for a call.</summary>
    public string RunId { get; init; } = "";

    /// <summary>The identity of a customer's decision in a batch run.</summary>
    public static DecisionIdentity OfBatch(string runId, string customerId, string householdId = "")
        => new() { DecisionId = $"{runId}/{customerId}", CustomerId = customerId, HouseholdId = householdId, RunId = runId };

    /// <summary>Id of a decision that was logged: where it had the customer's id in it, only the inputs have it; of an erased customer its keyed hash is left.</summary>
    public static string IdOf(DecisionRecord record, DecisionInputs? inputs)
    {
        ArgumentNullException.ThrowIfNull(record);
        return record.DecisionId.Length > 0 ? record.DecisionId : inputs?.DecisionId ?? Convert.ToHexStringLower(record.DecisionKey.Span);
    }
}
