using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using ScoringEngine.Core.Decisions;

namespace ScoringEngine.Storage;

/// <summary>
/// Layout of a stored customer, little-endian: sequence number u64, time of update u48 (unix milliseconds), schema
/// version u16, consent bits u16, number of features u16, then the features as float32. From the first contact on, the
/// contact part follows: secret of 32 bytes, number of the last contact record u64, then the 8-byte
/// <see cref="ContactEvent"/>s, oldest first, with zeros behind them up to a multiple of <see cref="EventStep"/>.
/// </summary>
internal static class CustomerRecord
{
    public const int HeaderBytes = 20;

    public const int UpdatedAtOffset = 8;
    public const int SchemaVersionOffset = 14;
    public const int ConsentOffset = 16;
    public const int FeatureCountOffset = 18;

    public const long MaxUpdatedAt = (1L << 48) - 1;

    public const int SecretBytes = 32;

    /// <summary>Bytes of the contact part before its events.</summary>
    public const int ContactHeaderBytes = SecretBytes + sizeof(ulong);

    /// <summary>Room for events is made in this step, so that not every contact moves the record.</summary>
    public const int EventStep = 4;

    /// <summary>Bytes before the contact part.</summary>
    public static int Bytes(int features) => HeaderBytes + (features * sizeof(float));

    public static int ContactBytes(int events) => ContactHeaderBytes + ((events + EventStep - 1) / EventStep * EventStep * ContactEvent.Bytes);

    /// <summary>The contact part; empty when the customer has had no contact.</summary>
    public static ReadOnlySpan<byte> ContactPart(ReadOnlySpan<byte> record)
        => record[Bytes(BinaryPrimitives.ReadUInt16LittleEndian(record[FeatureCountOffset..]))..];

    public static ulong Sequence(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt64LittleEndian(record);

    public static void WriteSequence(Span<byte> record, ulong sequence) => BinaryPrimitives.WriteUInt64LittleEndian(record, sequence);

    /// <summary>Whether bytes have this layout.</summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> record)
    {
        if (record.Length < HeaderBytes)
        {
            return false;
        }
        int features = BinaryPrimitives.ReadUInt16LittleEndian(record[FeatureCountOffset..]);
        int contactBytes = record.Length - Bytes(features);
        return features <= CustomerStore.MaxFeatures
            && (contactBytes == 0 || (contactBytes >= ContactHeaderBytes && (contactBytes - ContactHeaderBytes) % (ContactEvent.Bytes * EventStep) == 0));
    }

    /// <summary>Writes what stands before the contact part.</summary>
    public static void Write(Span<byte> record, ulong sequence, in CustomerAttributes attributes, ReadOnlySpan<float> features)
    {
        Debug.Assert(record.Length >= Bytes(features.Length) && attributes.UpdatedAtUnixMs is >= 0 and <= MaxUpdatedAt);
        BinaryPrimitives.WriteUInt64LittleEndian(record, sequence);
        WriteAttributes(record[UpdatedAtOffset..], in attributes, features.Length);
        MemoryMarshal.AsBytes(features).CopyTo(record[HeaderBytes..]);
    }

    /// <summary>Writes what stands between sequence number and features; a journal has the same bytes.</summary>
    public static void WriteAttributes(Span<byte> bytes, in CustomerAttributes attributes, int features)
    {
        // The schema version shares the eight bytes with the time.
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)attributes.UpdatedAtUnixMs | ((ulong)attributes.SchemaVersion << 48));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[(ConsentOffset - UpdatedAtOffset)..], attributes.Consent);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[(FeatureCountOffset - UpdatedAtOffset)..], (ushort)features);
    }

    /// <summary>Writes a contact part of <see cref="ContactBytes"/>.</summary>
    public static void WriteContacts(Span<byte> part, ReadOnlySpan<byte> secret, ulong sequence, ReadOnlySpan<ContactEvent> events)
    {
        Debug.Assert(part.Length == ContactBytes(events.Length) && secret.Length == SecretBytes);
        secret.CopyTo(part);
        BinaryPrimitives.WriteUInt64LittleEndian(part[SecretBytes..], sequence);
        Span<ContactEvent> slots = MemoryMarshal.Cast<byte, ContactEvent>(part[ContactHeaderBytes..]);
        events.CopyTo(slots);
        slots[events.Length..].Clear();
    }
}

/// <summary>What is stored with a customer beside the features.</summary>
/// <param name="UpdatedAtUnixMs">Time of the update: unix milliseconds, 0 to 2^48-1.</param>
/// <param name="SchemaVersion">Version of the feature schema the features follow.</param>
/// <param name="Consent">Consent bits; their meaning is the workspace's.</param>
public readonly record struct CustomerAttributes(long UpdatedAtUnixMs, ushort SchemaVersion = 0, ushort Consent = 0);

/// <summary>A stored customer: valid only within the call that received it.</summary>
public readonly ref struct CustomerView
{
    private readonly ReadOnlySpan<byte> _record;

    internal CustomerView(ReadOnlySpan<byte> record)
    {
        Debug.Assert(record.Length >= CustomerRecord.HeaderBytes);
        _record = record;
    }

    internal ReadOnlySpan<byte> Record => _record;

    /// <summary>Number of the write that made this version; later writes of a store have higher numbers.</summary>
    public ulong Sequence => BinaryPrimitives.ReadUInt64LittleEndian(_record);

    /// <summary>Time of the update: unix milliseconds.</summary>
    public long UpdatedAtUnixMs => (long)(BinaryPrimitives.ReadUInt64LittleEndian(_record[CustomerRecord.UpdatedAtOffset..]) & CustomerRecord.MaxUpdatedAt);

    /// <summary>Version of the feature schema the features follow.</summary>
    public ushort SchemaVersion => BinaryPrimitives.ReadUInt16LittleEndian(_record[CustomerRecord.SchemaVersionOffset..]);

    /// <summary>Consent bits.</summary>
    public ushort Consent => BinaryPrimitives.ReadUInt16LittleEndian(_record[CustomerRecord.ConsentOffset..]);

    /// <summary>The features in the order of the schema; NaN is missing.</summary>
    public ReadOnlySpan<float> Features => MemoryMarshal.Cast<byte, float>(_record.Slice(CustomerRecord.HeaderBytes,
        sizeof(float) * BinaryPrimitives.ReadUInt16LittleEndian(_record[CustomerRecord.FeatureCountOffset..])));

    /// <summary>The contacts with the customer, oldest first.</summary>
    public ReadOnlySpan<ContactEvent> Contacts
    {
        get
        {
            ReadOnlySpan<byte> part = CustomerRecord.ContactPart(_record);
            return part.IsEmpty ? [] : MemoryMarshal.Cast<byte, ContactEvent>(part[CustomerRecord.ContactHeaderBytes..]).TrimEnd(default(ContactEvent));
        }
    }

    /// <summary>Number of the last contact record that is in <see cref="Contacts"/>; 0 before the first.</summary>
    public ulong ContactSequence
    {
        get
        {
            ReadOnlySpan<byte> part = CustomerRecord.ContactPart(_record);
            return part.IsEmpty ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(part[CustomerRecord.SecretBytes..]);
        }
    }

    /// <summary>Whether the customer has had a contact since it was stored first, and so has a secret.</summary>
    public bool HasSecret => !CustomerRecord.ContactPart(_record).IsEmpty;

    /// <summary>The customer's secret; empty before its first contact.</summary>
    internal ReadOnlySpan<byte> Secret
    {
        get
        {
            ReadOnlySpan<byte> part = CustomerRecord.ContactPart(_record);
            return part.IsEmpty ? [] : part[..CustomerRecord.SecretBytes];
        }
    }
}
