using System.Buffers.Binary;
using System.Text;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage.Schemas;

/// <summary>
/// Schema versions and categories as bytes, for journal and snapshot. Little-endian; the length of a payload is known from
/// where it stands. A version: version u16, number of features u16, then for each feature id u32, kind u8 (0 numeric,
/// 1 categorical, 2 boolean), bytes of the name u32, name. A category: feature id u32, code u32, and the name as the rest.
/// Names are UTF-8.
/// </summary>
internal static class SchemaPayload
{
    private const int VersionHeaderBytes = 4;
    private const int FeatureHeaderBytes = 9;
    private const int CategoryHeaderBytes = 8;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="InvalidDataException">A name is not Unicode.</exception>
    public static byte[] OfVersion(ushort version, ReadOnlySpan<StoredFeature> features)
    {
        byte[][] names = new byte[features.Length][];
        int length = VersionHeaderBytes;
        for (int i = 0; i < names.Length; i++)
        {
            names[i] = Encode(features[i].Name);
            length += FeatureHeaderBytes + names[i].Length;
        }
        byte[] payload = new byte[length];
        BinaryPrimitives.WriteUInt16LittleEndian(payload, version);
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(2), (ushort)features.Length);
        Span<byte> rest = payload.AsSpan(VersionHeaderBytes);
        for (int i = 0; i < names.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(rest, features[i].Id);
            rest[4] = (byte)features[i].Kind;
            BinaryPrimitives.WriteInt32LittleEndian(rest[5..], names[i].Length);
            names[i].CopyTo(rest[FeatureHeaderBytes..]);
            rest = rest[(FeatureHeaderBytes + names[i].Length)..];
        }
        return payload;
    }

    /// <exception cref="InvalidDataException">It is no version.</exception>
    public static (ushort Version, StoredFeature[] Features) ToVersion(ReadOnlySpan<byte> payload)
    {
        Require(payload.Length >= VersionHeaderBytes, "is cut off");
        ushort version = BinaryPrimitives.ReadUInt16LittleEndian(payload);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]);
        Require(count <= CustomerStore.MaxFeatures, $"has {count} features, expected at most {CustomerStore.MaxFeatures}");
        StoredFeature[] features = new StoredFeature[count];
        HashSet<int> ids = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        payload = payload[VersionHeaderBytes..];
        for (int i = 0; i < count; i++)
        {
            Require(payload.Length >= FeatureHeaderBytes, "is cut off");
            int id = BinaryPrimitives.ReadInt32LittleEndian(payload);
            byte kind = payload[4];
            int length = BinaryPrimitives.ReadInt32LittleEndian(payload[5..]);
            payload = payload[FeatureHeaderBytes..];
            Require(length >= 0 && length <= payload.Length, "is cut off");
            string name = Decode(payload[..length]);
            payload = payload[length..];
            Require(id >= 1 && ids.Add(id), $"has feature id {id}, expected other ids of 1 or more each");
            Require(kind <= (byte)FeatureKind.Boolean, $"has a feature of kind {kind}, expected 0 to {(byte)FeatureKind.Boolean}");
            Require(names.Add(name), $"has two features '{name}'");
            features[i] = new StoredFeature(id, (FeatureKind)kind, name);
        }
        Require(payload.IsEmpty, $"has {payload.Length} bytes too many");
        return (version, features);

        static void Require(bool holds, string otherwise)
        {
            if (!holds)
            {
                throw new InvalidDataException($"a schema version {otherwise}");
            }
        }
    }

    /// <exception cref="InvalidDataException">The name is not Unicode.</exception>
    public static byte[] OfCategory(int feature, int code, string name)
    {
        byte[] utf8 = Encode(name);
        byte[] payload = new byte[CategoryHeaderBytes + utf8.Length];
        BinaryPrimitives.WriteInt32LittleEndian(payload, feature);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(4), code);
        utf8.CopyTo(payload, CategoryHeaderBytes);
        return payload;
    }

    /// <exception cref="InvalidDataException">It is no category.</exception>
    public static (int Feature, int Code, string Name) ToCategory(ReadOnlySpan<byte> payload)
        => payload.Length < CategoryHeaderBytes ? throw new InvalidDataException("a category is cut off")
            : (BinaryPrimitives.ReadInt32LittleEndian(payload), BinaryPrimitives.ReadInt32LittleEndian(payload[4..]), Decode(payload[CategoryHeaderBytes..]));

    private static byte[] Encode(string name)
    {
        try
        {
            return StrictUtf8.GetBytes(name);
        }
        catch (EncoderFallbackException e)
        {
            throw new InvalidDataException($"name '{name}' is not Unicode: {e.Message}", e);
        }
    }

    private static string Decode(ReadOnlySpan<byte> name)
    {
        try
        {
            return StrictUtf8.GetString(name);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"a name is not UTF-8: {e.Message}", e);
        }
    }
}
