using System.Runtime.InteropServices;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;

namespace ScoringEngine.Storage;

/// <summary>What became of a decision's slot, as it is told.</summary>
public readonly record struct DecisionOutcome
{
    /// <summary>Id of the decision.</summary>
    public required string DecisionId { get; init; }

    /// <summary>Slot, from 1.</summary>
    public required int Slot { get; init; }

    /// <summary>Number of the proposition that was offered in it.</summary>
    public required int Proposition { get; init; }

    /// <summary>Presented, accepted, declined, converted or complained; none with a perceived value only.</summary>
    public required ContactKind Kind { get; init; }

    /// <summary>Why it was declined; empty when not told.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Perceived value, 0..1; NaN when not told.</summary>
    public double PerceivedValue { get; init; } = double.NaN;

    /// <summary>When it happened, unix milliseconds.</summary>
    public required long TimeUnixMs { get; init; }

    /// <summary>Who approved the concession; empty for nobody.</summary>
    public string ApprovedBy { get; init; } = "";

    /// <summary>Id of the request that tells it, so that its repetition is known; empty for none.</summary>
    public string RequestId { get; init; } = "";

    /// <summary>Makes an outcome whose optional parts are not told.</summary>
    public DecisionOutcome()
    {
    }
}

/// <summary>What was done with an outcome.</summary>
public enum OutcomeStatus
{
    /// <summary>It was recorded.</summary>
    Recorded,

    /// <summary>It was recorded before, or it changes nothing.</summary>
    Repeated,

    /// <summary>The decision is unknown, or older than its maturity and 30 days.</summary>
    UnknownDecision,

    /// <summary>The proposition was not offered in the slot.</summary>
    NotOffered,

    /// <summary>The decision has more outcomes than anybody can mean: <see cref="DecisionLog.MaxOutcomes"/>.</summary>
    TooMany,
}

/// <summary>What has to be durable before an outcome is.</summary>
/// <param name="Sequence">Number of its record.</param>
/// <param name="Contact">The customer's contact that it changed.</param>
public readonly record struct OutcomeReceipt(ulong Sequence, ContactReceipt Contact);

/// <summary>What has to be durable before a decision is.</summary>
/// <param name="Sequence">Number of its record; of the earlier one when it is not new.</param>
/// <param name="CustomerSequence">Number of the customer's write without which nobody knows whose decision it was.</param>
/// <param name="IsNew">False when a decision of that id was in the log; nothing was added then.</param>
public readonly record struct DecisionReceipt(ulong Sequence, ulong CustomerSequence, bool IsNew);

/// <summary>A decision as it is in the log.</summary>
/// <param name="Record">What is there for good.</param>
/// <param name="Inputs">What it depended on; null when the customer was erased.</param>
/// <param name="Outcomes">Its outcomes in the order they were recorded.</param>
public sealed record LoggedDecision(DecisionRecord Record, DecisionInputs? Inputs, IReadOnlyList<OutcomeRecord> Outcomes)
{
    /// <summary>Whether the customer was erased, and what the decision depended on with it (or that was not asked for).</summary>
    public bool IsErased => Inputs is null;

    /// <summary>Id of the decision; the hash of it, in hex, where the customer was erased with whose id it was made.</summary>
    public string Id => Record.DecisionId.Length > 0 ? Record.DecisionId
        : Inputs?.DecisionId ?? Convert.ToHexStringLower(Record.DecisionKey.Span);
}

/// <summary>Which decisions to read.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct DecisionQuery
{
    /// <summary>Those from this time on, unix milliseconds; 0 for all.</summary>
    public long SinceUnixMs { get; init; }

    /// <summary>Those before this time, unix milliseconds; 0 for all.</summary>
    public long UntilUnixMs { get; init; }

    /// <summary>Those of this customer; empty for all.</summary>
    public ReadOnlyMemory<byte> CustomerId { get; init; }

    /// <summary>Whether to leave out what they depended on, which takes time to decrypt: <see cref="LoggedDecision.Inputs"/> is null then.</summary>
    public bool WithoutInputs { get; init; }
}

/// <summary>Revenue and cost of a customer on a day.</summary>
public readonly record struct CustomerValue
{
    /// <summary>The customer's id.</summary>
    public required ReadOnlyMemory<byte> CustomerId { get; init; }

    /// <summary>The day.</summary>
    public required DateOnly Day { get; init; }

    /// <summary>Revenue, in currency.</summary>
    public required double Revenue { get; init; }

    /// <summary>Cost, in currency.</summary>
    public required double Cost { get; init; }

    /// <summary>Key under which it is told, so that its repetition is known; empty: the customer and the day.</summary>
    public string Key { get; init; } = "";

    /// <summary>Whether the customer is in the hold-out.</summary>
    public bool HeldOut { get; init; }

    /// <summary>Segment id of now; 0 where not known.</summary>
    public int SegmentId { get; init; }

    /// <summary>Tier plus 1 of now; 0 where not known.</summary>
    public int Tier { get; init; }

    /// <summary>Makes a value whose optional parts are not told.</summary>
    public CustomerValue()
    {
    }
}

/// <summary>What was done with a value.</summary>
public enum ValueStatus : byte
{
    /// <summary>It was recorded.</summary>
    Recorded,

    /// <summary>A value with its key was recorded before.</summary>
    Repeated,

    /// <summary>The customer is not stored.</summary>
    UnknownCustomer,
}

/// <summary>What has to be durable before values are.</summary>
/// <param name="Sequence">Number of the last one's record; 0 when none was recorded.</param>
/// <param name="CustomerSequence">Number of the latest write of their customers.</param>
public readonly record struct ValueReceipt(ulong Sequence, ulong CustomerSequence);

/// <summary>Changes the contacts of a household, see <see cref="DecisionLog.UpdateHousehold{TUpdate}"/>.</summary>
public interface IHouseholdUpdate
{
    /// <summary>Called once, while the household is locked: be short, and do not call for a household again. What it throws leaves the contacts as they were.</summary>
    /// <param name="contacts">The contacts, to change.</param>
    /// <returns>Whether to keep the change.</returns>
    bool Update(ref ContactList contacts);
}
