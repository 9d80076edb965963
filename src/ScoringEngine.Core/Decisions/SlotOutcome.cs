using ScoringEngine.Core.Decisions.Log;

namespace ScoringEngine.Core.Decisions;

/// <summary>What became of the offer in a slot, from all its outcomes.</summary>
/// <param name="Presented">The customer saw or heard it: told, or implied by an answer.</param>
/// <param name="Answer">The last answer by time: accepted or declined (converted counts as accepted); none where there is none.</param>
/// <param name="AnsweredUnixMs">When it was given; 0 where there is none.</param>
/// <param name="Reason">The reason that was last told; empty for none.</param>
/// <param name="Converted">The yes became business.</param>
/// <param name="Complained">The customer complained.</param>
/// <param name="PerceivedValue">The last one told, 0..1; NaN when none was.</param>
public readonly record struct SlotOutcome(
    bool Presented, ContactKind Answer, long AnsweredUnixMs, string Reason, bool Converted, bool Complained, double PerceivedValue)
{
    /// <summary>Joins the outcomes of a slot, in any order: of accepted and declined the later one stands.</summary>
    public static SlotOutcome Of(IEnumerable<OutcomeRecord> outcomes, int slot)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        SlotOutcome joined = new(false, ContactKind.None, 0, "", false, false, double.NaN);
        foreach (OutcomeRecord outcome in outcomes.Where(o => o.Slot == slot && !o.Matured).OrderBy(o => o.TimeUnixMs))
        {
            ContactKind kind = (ContactKind)outcome.Kind;
            joined = joined with
            {
                Presented = joined.Presented || kind != ContactKind.None,
                Converted = joined.Converted || kind == ContactKind.Converted,
                Complained = joined.Complained || kind == ContactKind.Complained,
                Reason = outcome.Reason.Length > 0 ? outcome.Reason : joined.Reason,
                PerceivedValue = outcome.HasPerceivedValue ? outcome.PerceivedValue : joined.PerceivedValue,
            };
            if (kind is ContactKind.Accepted or ContactKind.Declined or ContactKind.Converted)
            {
                joined = joined with { Answer = kind == ContactKind.Declined ? kind : ContactKind.Accepted, AnsweredUnixMs = outcome.TimeUnixMs };
            }
        }
        return joined;
    }
}
