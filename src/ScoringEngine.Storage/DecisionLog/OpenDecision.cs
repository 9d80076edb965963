using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ScoringEngine.Core.Decisions;

namespace ScoringEngine.Storage;

/// <summary>What has happened to a slot; at most one of accepted and declined stands. The numbers are in snapshots.</summary>
[Flags]
internal enum SlotEvents : ushort
{
    None = 0,
    Presented = 1,
    Accepted = 2,
    Declined = 4,
    Converted = 8,
    Complained = 16,

    /// <summary>The decision reserved budget for it.</summary>
    Reserves = 32,

    /// <summary>The reservation has expired.</summary>
    Expired = 64,

    /// <summary>It is mature: unanswered it counts as declined.</summary>
    Matured = 128,

    /// <summary>An acceptance was told, whether it stands or not.</summary>
    ToldAccepted = 256,

    /// <summary>A refusal was told, whether it stands or not.</summary>
    ToldDeclined = 512,
}

/// <summary>What was offered in a slot and what became of it. What it counts for is a function of this alone, so that no order of outcomes matters.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct OpenSlot
{
    private const SlotEvents Answer = SlotEvents.Accepted | SlotEvents.Declined;

    /// <summary>Number of the proposition; 0 for do nothing.</summary>
    public ushort Proposition { get; init; }

    public ushort MaturityDays { get; init; }

    public SlotEvents Events { get; init; }

    public bool IsGateTest { get; init; }

    public long ContactMicros { get; init; }

    public long FulfilmentMicros { get; init; }

    public long PresentedUnixMs { get; init; }

    public long AnsweredUnixMs { get; init; }

    /// <summary>Perceived value, 0..1; NaN when not told.</summary>
    public float PerceivedValue { get; init; }

    public bool IsAnswered => (Events & Answer) != 0;

    /// <summary>Whether it counts as an offer that has its answer.</summary>
    public bool CountsAsOffer => Has(SlotEvents.Presented) && (IsAnswered || Has(SlotEvents.Matured));

    /// <summary>What it uses of its budget.</summary>
    public SlotUse Use
    {
        get
        {
            if (!Has(SlotEvents.Reserves))
            {
                return default;
            }
            if (Has(SlotEvents.Presented))
            {
                bool accepted = Has(SlotEvents.Accepted);
                bool open = !IsAnswered && !Has(SlotEvents.Matured);
                return new SlotUse(ContactMicros + (accepted ? FulfilmentMicros : 0), open ? FulfilmentMicros : 0, 1, 0);
            }
            return Has(SlotEvents.Expired) || Has(SlotEvents.Matured) ? default : new SlotUse(0, ContactMicros + FulfilmentMicros, 0, 1);
        }
    }

    public bool Has(SlotEvents events) => (Events & events) != 0;

    /// <summary>
    /// The slot after an outcome. The latest answer stands, an acceptance before a refusal of the same time; whatever became of an
    /// offer, it was presented.
    /// </summary>
    public OpenSlot With(ContactKind kind, long timeUnixMs, float perceivedValue)
    {
        OpenSlot slot = float.IsNaN(perceivedValue) ? this : this with { PerceivedValue = perceivedValue };
        if (kind == ContactKind.None)
        {
            return slot;
        }
        if (!Has(SlotEvents.Presented))
        {
            slot = slot with { Events = slot.Events | SlotEvents.Presented, PresentedUnixMs = timeUnixMs };
        }
        return kind switch
        {
            ContactKind.Accepted => slot.And(SlotEvents.ToldAccepted).Answered(SlotEvents.Accepted, timeUnixMs),
            ContactKind.Declined => slot.And(SlotEvents.ToldDeclined).Answered(SlotEvents.Declined, timeUnixMs),
            ContactKind.Converted => slot.And(SlotEvents.Converted).Answered(SlotEvents.Accepted, timeUnixMs),
            ContactKind.Complained => slot.And(SlotEvents.Complained),
            _ => slot,
        };
    }

    /// <summary>The slot, with what also happened to it.</summary>
    public OpenSlot And(SlotEvents events) => this with { Events = Events | events };

    private OpenSlot Answered(SlotEvents answer, long timeUnixMs)
        => Has(answer) || (IsAnswered && (timeUnixMs < AnsweredUnixMs || (timeUnixMs == AnsweredUnixMs && answer == SlotEvents.Declined))) ? this
            : this with { Events = (Events & ~Answer) | answer, AnsweredUnixMs = timeUnixMs };
}

/// <summary>The customers of open decisions, by the pseudonym that is in the log.</summary>
internal sealed class OpenCustomer(UInt128 pseudonym)
{
    public UInt128 Pseudonym { get; } = pseudonym;

    /// <summary>The customer's id; null when there is no such customer any more.</summary>
    public byte[]? Id { get; set; }

    /// <summary>Open decisions of it.</summary>
    public int Decisions { get; set; }
}

/// <summary>A decision whose outcomes may still come. Immutable but for its customer, which may be forgotten.</summary>
internal sealed record OpenDecision
{
    /// <summary>How long outcomes are taken after the last slot's maturity.</summary>
    public static readonly TimeSpan LateOutcomes = TimeSpan.FromDays(30);

    public required UInt128 Key { get; init; }

    /// <summary>Number of its record.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>Null for a prospect.</summary>
    public OpenCustomer? Customer { get; init; }

    public required long TimeUnixMs { get; init; }

    public required long ExpiresUnixMs { get; init; }

    public required int SegmentId { get; init; }

    public byte Channel { get; init; }

    /// <summary>The decision's id is not to stand in the log.</summary>
    public bool HasHiddenId { get; init; }

    /// <summary>Keyed hash of the household, masked; 0 for none.</summary>
    public UInt128 Household { get; init; }

    /// <summary>Keyed hash of the interaction; 0 for none.</summary>
    public UInt128 Interaction { get; init; }

    public required ImmutableArray<OpenSlot> Slots { get; init; }

    /// <summary>Its outcomes: number of the record, and hash of the request.</summary>
    public ImmutableArray<(ulong Sequence, ulong Request)> Outcomes { get; init; } = [];

    /// <summary>When it is forgotten, unix milliseconds.</summary>
    public long ForgottenUnixMs => MaturityOf(Slots.IsEmpty ? 0 : Slots.Max(slot => slot.MaturityDays)) + (long)LateOutcomes.TotalMilliseconds;

    /// <summary>When a slot is mature, unix milliseconds.</summary>
    public long MaturityOf(int days) => TimeUnixMs + (days * (long)TimeSpan.FromDays(1).TotalMilliseconds);

    /// <summary>When time alone changes something next, unix milliseconds.</summary>
    public long DueUnixMs
    {
        get
        {
            long due = ForgottenUnixMs;
            foreach (OpenSlot slot in Slots)
            {
                if (slot.Proposition != 0 && !slot.Has(SlotEvents.Matured))
                {
                    due = Math.Min(due, MaturityOf(slot.MaturityDays));
                }
                if (slot.Has(SlotEvents.Reserves) && !slot.Has(SlotEvents.Expired))
                {
                    due = Math.Min(due, ExpiresUnixMs);
                }
            }
            return due;
        }
    }
}
