using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage;

/// <summary>Kinds of journals; one is not read as another.</summary>
internal static class JournalKind
{
    /// <summary>The writes of customers, <see cref="CustomerRecordType"/>.</summary>
    public const uint Customers = 1;

    /// <summary>The contacts, <see cref="ContactRecordType"/>.</summary>
    public const uint Contacts = 2;

    /// <summary>The decisions, <see cref="DecisionRecordType"/>.</summary>
    public const uint Decisions = 3;

    /// <summary>The value feed, messages of type <see cref="ValueLog.ValueType"/>.</summary>
    public const uint Values = 4;
}

/// <summary>Types of the records in the journal of contacts. Each begins with the pseudonym of the customer, 16 bytes.</summary>
internal enum ContactRecordType : uint
{
    /// <summary>An event was added: 8 bytes.</summary>
    Added = 1,

    /// <summary>The events were replaced: 8 bytes for each that is there now.</summary>
    Replaced = 2,
}

/// <summary>What has to be durable before a contact is: waited for with <see cref="CustomerDatabase.CommittedAsync(ContactReceipt, CancellationToken)"/>.</summary>
/// <param name="Sequence">Number of the contact record; later contacts of a database have higher numbers.</param>
/// <param name="CustomerSequence">Number of the customer's latest write: without it nobody knows whose contact it was.</param>
public readonly record struct ContactReceipt(ulong Sequence, ulong CustomerSequence);

/// <summary>
/// The name of a customer outside the customer's own record: derived from the secret in it, so that with the record the
/// connection is gone.
/// </summary>
internal static class Pseudonym
{
    public const int Bytes = 16;

    /// <summary>First 128 bits of HMAC-SHA256 of a label under the secret.</summary>
    public static UInt128 Of(ReadOnlySpan<byte> secret)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, "pseudonym"u8, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}

/// <summary>Numbers the contacts and puts them into their journal; without a journal it only numbers them. Thread-safe.</summary>
internal sealed class ContactLog(Journal? journal, ulong lastSequence, int maxEvents)
{
    private ulong _lastSequence = lastSequence;

    /// <summary>Number of the last contact.</summary>
    public ulong LastSequence => journal is null ? Volatile.Read(ref _lastSequence) : journal.NextSequence - 1;

    /// <summary>Keeps how the contacts of a customer changed; returns the number.</summary>
    /// <exception cref="JournalUnavailableException">It cannot be kept.</exception>
    public ulong Append(ReadOnlySpan<byte> secret, ReadOnlySpan<ContactEvent> before, ReadOnlySpan<ContactEvent> after)
    {
        if (journal is null)
        {
            return Interlocked.Increment(ref _lastSequence);
        }
        Span<byte> head = stackalloc byte[Pseudonym.Bytes];
        BinaryPrimitives.WriteUInt128LittleEndian(head, Pseudonym.Of(secret));
        // The usual case; at the bound the oldest drops out, as it will when this is replayed.
        int dropped = before.Length >= maxEvents ? before.Length - maxEvents + 1 : 0;
        bool added = after.Length == before.Length - dropped + 1 && after[..^1].SequenceEqual(before[dropped..]);
        return added ? journal.Append((uint)ContactRecordType.Added, head, MemoryMarshal.AsBytes(after[^1..]))
            : journal.Append((uint)ContactRecordType.Replaced, head, MemoryMarshal.AsBytes(after));
    }

    /// <summary>Lets an update change the contacts and keeps the change, before the store does.</summary>
    public ref struct Update<TUpdate>(ContactLog log, ref TUpdate update) : IContactUpdate
        where TUpdate : IContactUpdate
    {
        private readonly ref TUpdate _update = ref update;

        /// <summary>Number of the change.</summary>
        public ulong Sequence { get; private set; }

        bool IContactUpdate.Update(in CustomerView customer, ref ContactList contacts)
        {
            if (!_update.Update(in customer, ref contacts))
            {
                return false;
            }
            Sequence = log.Append(contacts.Secret, customer.Contacts, contacts.Events);
            contacts.Sequence = Sequence;
            return true;
        }
    }
}

/// <summary>An update that adds one event.</summary>
internal readonly struct AddContact(ContactEvent contact) : IContactUpdate
{
    public bool Update(in CustomerView customer, ref ContactList contacts)
    {
        contacts.Add(contact);
        return true;
    }
}

/// <summary>
/// Replays the journal of contacts: gathers them by pseudonym, and looks then for the customers who have these. A pseudonym
/// that nobody has is that of an erased customer, also when there is a new one of the same id.
/// </summary>
internal sealed class ContactReplay(Action<long> progress) : IJournalHandler
{
    private readonly Dictionary<UInt128, List<(ulong Sequence, ContactRecordType Type, ContactEvent[] Events)>> _byPseudonym = [];

    /// <summary>Bytes of the records so far.</summary>
    public long Bytes { get; private set; }

    public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload)
    {
        if (type is not ((uint)ContactRecordType.Added or (uint)ContactRecordType.Replaced))
        {
            throw new InvalidDataException($"the contacts' record {sequence} has unknown type {type}");
        }
        int events = payload.Length - Pseudonym.Bytes;
        if (events < 0 || events % ContactEvent.Bytes != 0 || (type == (uint)ContactRecordType.Added && events != ContactEvent.Bytes))
        {
            throw new InvalidDataException($"the contacts' record {sequence} has {payload.Length} bytes");
        }
        ref List<(ulong, ContactRecordType, ContactEvent[])>? list = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPseudonym, BinaryPrimitives.ReadUInt128LittleEndian(payload), out _);
        (list ??= []).Add((sequence, (ContactRecordType)type, MemoryMarshal.Cast<byte, ContactEvent>(payload[Pseudonym.Bytes..]).ToArray()));
        Bytes += payload.Length;
    }

    /// <summary>Adds the contacts to the customers that are stored.</summary>
    /// <param name="customers">The live store.</param>
    /// <param name="threads">Threads that derive pseudonyms, which costs more than all the rest.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void ApplyTo(CustomerStore customers, int threads, CancellationToken cancellation)
    {
        if (_byPseudonym.Count == 0)
        {
            return;
        }
        SecretOwners.ForEach(customers, threads, (id, secret) => Apply(id, secret, customers), cancellation);
        progress(Bytes);
    }

    private void Apply(ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret, CustomerStore customers)
    {
        if (_byPseudonym.TryGetValue(Pseudonym.Of(secret), out List<(ulong Sequence, ContactRecordType Type, ContactEvent[] Events)>? contacts))
        {
            foreach ((ulong sequence, ContactRecordType type, ContactEvent[] events) in contacts)
            {
                Again again = new(sequence, type, events);
                customers.UpdateContacts(id, ref again, out _);
            }
        }
    }

    private readonly struct Again(ulong sequence, ContactRecordType type, ContactEvent[] events) : IContactUpdate
    {
        public bool Update(in CustomerView customer, ref ContactList contacts)
        {
            if (contacts.Sequence >= sequence)
            {
                return false; // The snapshot has it.
            }
            if (type == ContactRecordType.Replaced)
            {
                while (contacts.Count > 0)
                {
                    contacts.RemoveAt(contacts.Count - 1);
                }
            }
            foreach (ContactEvent contact in events)
            {
                contacts.Add(contact);
            }
            contacts.Sequence = sequence;
            return true;
        }
    }
}
