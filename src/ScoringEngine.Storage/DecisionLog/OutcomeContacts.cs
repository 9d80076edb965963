using ScoringEngine.Core.Decisions;

namespace ScoringEngine.Storage;

/// <summary>
/// Brings the contacts of a customer or household to what became of a slot: presented in place of its reservation, the answer that
/// stands, and what else happened. Done again it changes nothing, so that a repetition mends what a failure left undone.
/// </summary>
internal readonly struct OutcomeContacts : IContactUpdate, IHouseholdUpdate
{
    private readonly UInt128 _pseudonym;
    private readonly ContactEvent _reserved;
    private readonly ContactEvent _presented;
    private readonly ContactEvent _withdrawn;
    private readonly ContactEvent _answer;
    private readonly ContactEvent _further;
    private readonly uint _now;

    /// <param name="decision">The decision.</param>
    /// <param name="before">The slot before the outcome.</param>
    /// <param name="after">The slot after it; the same when it is repeated.</param>
    /// <param name="timeUnixMs">When it happened.</param>
    /// <param name="nowUnixMs">When it was told.</param>
    public OutcomeContacts(OpenDecision decision, in OpenSlot before, in OpenSlot after, long timeUnixMs, long nowUnixMs)
    {
        _now = DecisionLog.ContactSeconds(nowUnixMs);
        _pseudonym = decision.Customer?.Pseudonym ?? UInt128.Zero;
        OpenSlot slot = after;
        _reserved = Event(ContactKind.Reserved, decision.ExpiresUnixMs);
        _presented = after.Has(SlotEvents.Presented) ? Event(ContactKind.Presented, after.PresentedUnixMs) : default;
        _answer = AnswerOf(after);
        _withdrawn = AnswerOf(before) is { Kind: not ContactKind.None } earlier && earlier != _answer ? earlier : default;
        SlotEvents news = after.Events & ~before.Events;
        _further = (news & SlotEvents.Converted) != 0 ? Event(ContactKind.Converted, timeUnixMs)
            : (news & SlotEvents.Complained) != 0 ? Event(ContactKind.Complained, timeUnixMs) : default;

        ContactEvent Event(ContactKind kind, long unixMs) => new(DecisionLog.ContactSeconds(unixMs), slot.Proposition, decision.Channel, kind);

        ContactEvent AnswerOf(in OpenSlot of) => of.Has(SlotEvents.Accepted) ? Event(ContactKind.Accepted, of.AnsweredUnixMs)
            : of.Has(SlotEvents.Declined) ? Event(ContactKind.Declined, of.AnsweredUnixMs) : default;
    }

    bool IContactUpdate.Update(in CustomerView customer, ref ContactList contacts)
        // There may be a new customer of an erased one's id.
        => customer.HasSecret && Pseudonym.Of(customer.Secret) == _pseudonym && Update(ref contacts);

    public bool Update(ref ContactList contacts)
    {
        bool changed = Remove(ref contacts, _withdrawn);
        if (_presented.Kind != ContactKind.None && contacts.Events.IndexOf(_presented) < 0)
        {
            Remove(ref contacts, _reserved);
            Insert(ref contacts, _presented);
            changed = true;
        }
        foreach (ContactEvent contact in (ReadOnlySpan<ContactEvent>)[_answer, _further])
        {
            if (contact.Kind != ContactKind.None && contacts.Events.IndexOf(contact) < 0)
            {
                Insert(ref contacts, contact);
                changed = true;
            }
        }
        return changed;
    }

    private static bool Remove(ref ContactList contacts, ContactEvent contact)
    {
        int index = contact.Kind == ContactKind.None ? -1 : contacts.Events.IndexOf(contact);
        if (index >= 0)
        {
            contacts.RemoveAt(index);
        }
        return index >= 0;
    }

    /// <summary>Adds an event where its time belongs: outcomes may come late.</summary>
    private void Insert(ref ContactList contacts, ContactEvent contact)
    {
        // What has expired goes before what happened.
        for (int i = contacts.Count - 1; i >= 0 && contacts.Count >= contacts.Bound; i--)
        {
            if (contacts.Events[i] is { Kind: ContactKind.Reserved } reserved && reserved.Seconds <= _now)
            {
                contacts.RemoveAt(i);
            }
        }
        contacts.Add(contact);
        Span<ContactEvent> events = contacts.Events;
        int at = events.Length - 1;
        while (at > 0 && events[at - 1].Seconds > contact.Seconds)
        {
            events[at] = events[at - 1];
            at--;
        }
        events[at] = contact;
    }
}
