using System.Diagnostics;
using ScoringEngine.Core.Decisions;

namespace ScoringEngine.Storage;

/// <summary>
/// The contacts of one customer while they are changed, oldest first; the oldest drop out at the bound
/// (<see cref="CustomerStoreOptions.MaxContactEvents"/>).
/// </summary>
public ref struct ContactList
{
    private readonly Span<ContactEvent> _events;

    /// <param name="events">Where the events stand: the first <paramref name="count"/> are there. At least <paramref name="bound"/> long.</param>
    /// <param name="count">How many there are; more than the bound when it was higher before.</param>
    /// <param name="bound">Most events after an <see cref="Add"/>, 1 or more.</param>
    /// <param name="sequence">Number of the last contact record that is in the events.</param>
    /// <param name="secret">The customer's secret.</param>
    internal ContactList(Span<ContactEvent> events, int count, int bound, ulong sequence, ReadOnlySpan<byte> secret)
    {
        Debug.Assert(bound >= 1 && events.Length >= Math.Max(bound, count) && secret.Length == CustomerRecord.SecretBytes);
        _events = events;
        Bound = bound;
        Count = count;
        Sequence = sequence;
        Secret = secret;
    }

    /// <summary>Most events after an <see cref="Add"/>.</summary>
    public int Bound { get; }

    /// <summary>Number of events.</summary>
    public int Count { get; private set; }

    /// <summary>The events, oldest first; they may be overwritten.</summary>
    public readonly Span<ContactEvent> Events => _events[..Count];

    /// <summary>Number of the last contact record that is in the events; 0 before the first.</summary>
    public ulong Sequence { get; set; }

    /// <summary>32 random bytes that only this record has, from the customer's first contact until its removal.</summary>
    internal ReadOnlySpan<byte> Secret { get; }

    /// <summary>Appends an event.</summary>
    public void Add(ContactEvent contact)
    {
        int surplus = Count - Bound + 1;
        if (surplus > 0)
        {
            RemoveRange(0, surplus);
        }
        _events[Count++] = contact;
    }

    /// <summary>Removes the event at an index.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public void RemoveAt(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        RemoveRange(index, 1);
    }

    private void RemoveRange(int index, int count)
    {
        _events[(index + count)..Count].CopyTo(_events[index..]);
        Count -= count;
    }
}

/// <summary>Changes the contacts of a customer, see <see cref="CustomerStore.UpdateContacts{TUpdate}"/>.</summary>
public interface IContactUpdate
{
    /// <summary>
    /// Called once, while the customer is locked against writers: be short, keep nothing of the arguments, and do not
    /// call the store (that throws <see cref="InvalidOperationException"/>). What it throws leaves the contacts as they were.
    /// </summary>
    /// <param name="customer">The customer before the update.</param>
    /// <param name="contacts">Its contacts, to change.</param>
    /// <returns>Whether to store the contacts; false leaves them as they were.</returns>
    bool Update(in CustomerView customer, ref ContactList contacts);
}
