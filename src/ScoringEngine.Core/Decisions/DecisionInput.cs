namespace ScoringEngine.Core.Decisions;

/// <summary>Who started the interaction.</summary>
public enum Direction : byte
{
    /// <summary>Not told.</summary>
    Unspecified,

    /// <summary>The customer.</summary>
    Inbound,

    /// <summary>The company: quiet hours hold.</summary>
    Outbound,
}

/// <summary>
/// Everything a decision depends on besides the row, the model and the workspace. The same input gives the same decision, bit
/// for bit, on any path. Nothing is read from clocks or counters.
/// </summary>
public readonly ref struct DecisionInput
{
    /// <summary><see cref="UnitHash"/> of somebody without an id: neither in the hold-out nor in the gate test.</summary>
    public const ulong NoUnit = ulong.MaxValue;

    /// <summary>When, in unix milliseconds.</summary>
    public long TimeUnixMs { get; init; }

    /// <summary>Index among the workspace's channels, -1 when not told: then only propositions without a list of channels are offered.</summary>
    public int Channel { get; init; }

    /// <summary>Who started the interaction.</summary>
    public Direction Direction { get; init; }

    /// <summary>Index of the calling role among the policy's roles, -1 for none: no right to any concession.</summary>
    public int Role { get; init; }

    /// <summary>The customer's IANA time zone; null: the policy's.</summary>
    public string? TimeZone { get; init; }

    /// <summary>Hash of the decision id: seeds exploration.</summary>
    public ulong Seed { get; init; }

    /// <summary>Hash of the customer's or household's id under the policy's salt: decides on hold-out and gate test; see CustomerHash.</summary>
    public ulong UnitHash { get; init; }

    /// <summary>How many propositions to choose, 1 or more.</summary>
    public int Slots { get; init; }

    /// <summary>The customer's (or household's) contacts, oldest first.</summary>
    public ReadOnlySpan<ContactEvent> Contacts { get; init; }

    /// <summary>Numbers of the propositions that were declined in this interaction.</summary>
    public ReadOnlySpan<ushort> Declined { get; init; }

    /// <summary>Counts by proposition index in the customer's segment; empty where nothing was counted.</summary>
    public ReadOnlySpan<CandidateCounts> Counts { get; init; }

    /// <summary>Currency left by proposition index; positive infinity without a budget. Empty: none has one.</summary>
    public ReadOnlySpan<double> BudgetLeft { get; init; }

    /// <summary>Offers left by proposition index; positive infinity without a limit. Empty: none has one.</summary>
    public ReadOnlySpan<double> VolumeLeft { get; init; }

    /// <summary>
    /// Lower confidence bound of the measured incremental value a customer, in currency, by proposition index in the customer's tier;
    /// NaN where nothing was measured. Empty: what the policy states.
    /// </summary>
    public ReadOnlySpan<double> EvidenceBound { get; init; }

    /// <summary>Currency that offers through the door of the gate test cost so far, with what is reserved.</summary>
    public double GateTestSpent { get; init; }
}
