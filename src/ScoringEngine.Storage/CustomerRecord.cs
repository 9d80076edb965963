using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ScoringEngine.Storage;

/// <summary>
/// Layout of a stored customer, little-endian: sequence number u64, time of update u48 (unix milliseconds), schema
/// version u16, consent bits u16, number of features u16, then the features as float32. What follows the features is
/// reserved for the ring of 8-byte contact events; the number of features tells where it starts.
/// </summary>
internal static class CustomerRecord
{
    public const int HeaderBytes = 20;

    public const int UpdatedAtOffset = 8;
    public const int SchemaVersionOffset = 14;
    public const int ConsentOffset = 16;
    public const int FeatureCountOffset = 18;

    public const long MaxUpdatedAt = (1L << 48) - 1;

    public static int Bytes(int features) => HeaderBytes + (features * sizeof(float));

    public static void Write(Span<byte> record, ulong sequence, in CustomerAttributes attributes, ReadOnlySpan<float> features)
    {
        Debug.Assert(record.Length == Bytes(features.Length) && attributes.UpdatedAtUnixMs is >= 0 and <= MaxUpdatedAt);
        BinaryPrimitives.WriteUInt64LittleEndian(record, sequence);
        // The schema version shares the eight bytes with the time.
        BinaryPrimitives.WriteUInt64LittleEndian(record[UpdatedAtOffset..],
            (ulong)attributes.UpdatedAtUnixMs | ((ulong)attributes.SchemaVersion << 48));
        BinaryPrimitives.WriteUInt16LittleEndian(record[ConsentOffset..], attributes.Consent);
        BinaryPrimitives.WriteUInt16LittleEndian(record[FeatureCountOffset..], (ushort)features.Length);
        MemoryMarshal.AsBytes(features).CopyTo(record[HeaderBytes..]);
    }
}

/// <summary>What is stored with a customer beside the features.</summary>
/// <param name="UpdatedAtUnixMs">Time of the update: unix milliseconds, 0 to 2^48-1.</param>
/// <param name="SchemaVersion">Version of the feature schema the features follow.</param>
/// <param name="Consent">Consent bits; their meaning is the workspace's.</param>
public readonly record struct CustomerAttributes(long UpdatedAtUnixMs, ushort SchemaVersion = 0, ushort Consent = 0);

/// <summary>A stored customer, read in place: valid only within the call that received it.</summary>
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
}
