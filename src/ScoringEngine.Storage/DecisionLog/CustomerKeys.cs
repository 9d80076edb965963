using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;

namespace ScoringEngine.Storage;

/// <summary>
/// What a customer's secret gives to the decision log: names that only the customer's record connects with the customer, and the key
/// under which inputs are sealed. With the record they are gone.
/// </summary>
internal static class CustomerKeys
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    /// <summary>The interaction of a customer.</summary>
    public static UInt128 Interaction(ReadOnlySpan<byte> secret, string interactionId) => Keyed(secret, "interaction\0"u8, Encoding.UTF8.GetBytes(interactionId));

    /// <summary>Covers the name of a household in one decision; applied again it uncovers it.</summary>
    public static UInt128 Mask(ReadOnlySpan<byte> secret, UInt128 decision)
    {
        Span<byte> key = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(key, decision);
        return Keyed(secret, "household\0"u8, key);
    }

    /// <summary>First 128 bits of HMAC-SHA256 of label and text.</summary>
    public static UInt128 Keyed(ReadOnlySpan<byte> key, ReadOnlySpan<byte> label, ReadOnlySpan<byte> text)
    {
        byte[]? rented = label.Length + text.Length > 512 ? new byte[label.Length + text.Length] : null;
        Span<byte> bytes = rented ?? stackalloc byte[label.Length + text.Length];
        label.CopyTo(bytes);
        text.CopyTo(bytes[label.Length..]);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, bytes, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    /// <summary>Encrypts a message: nonce of 12 bytes, text, tag of 16 bytes.</summary>
    public static ByteString Seal(ReadOnlySpan<byte> secret, IMessage message)
    {
        int length = message.CalculateSize();
        byte[] sealedBytes = new byte[NonceBytes + length + TagBytes];
        Span<byte> text = sealedBytes.AsSpan(NonceBytes, length);
        message.WriteTo(text);
        RandomNumberGenerator.Fill(sealedBytes.AsSpan(0, NonceBytes));
        using AesGcm cipher = Cipher(secret);
        cipher.Encrypt(sealedBytes.AsSpan(0, NonceBytes), text, text, sealedBytes.AsSpan(NonceBytes + length));
        return UnsafeByteOperations.UnsafeWrap(sealedBytes);
    }

    /// <summary>Decrypts a message.</summary>
    /// <exception cref="InvalidDataException">It was sealed under another secret, or is not what was sealed.</exception>
    public static T Open<T>(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> sealedBytes, MessageParser<T> parser)
        where T : IMessage<T>
    {
        if (sealedBytes.Length < NonceBytes + TagBytes)
        {
            throw new InvalidDataException($"sealed inputs have {sealedBytes.Length} bytes, expected at least {NonceBytes + TagBytes}");
        }
        byte[] text = new byte[sealedBytes.Length - NonceBytes - TagBytes];
        using AesGcm cipher = Cipher(secret);
        try
        {
            cipher.Decrypt(sealedBytes[..NonceBytes], sealedBytes[NonceBytes..^TagBytes], sealedBytes[^TagBytes..], text);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new InvalidDataException("sealed inputs do not belong to the customer's secret", e);
        }
        return parser.ParseFrom(text);
    }

    private static AesGcm Cipher(ReadOnlySpan<byte> secret)
    {
        Span<byte> key = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, "decision inputs"u8, key);
        return new AesGcm(key, TagBytes);
    }
}

/// <summary>Names that the data directory's salt gives.</summary>
internal static class SaltedNames
{
    /// <summary>The key of a decision's id.</summary>
    public static UInt128 Decision(ReadOnlySpan<byte> salt, string id) => CustomerKeys.Keyed(salt, "decision\0"u8, Encoding.UTF8.GetBytes(id));

    /// <summary>The name of a household.</summary>
    public static UInt128 Household(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> id) => NotZero(CustomerKeys.Keyed(salt, "household\0"u8, id));

    /// <summary>An interaction with somebody of whom no customer record exists.</summary>
    public static UInt128 Interaction(ReadOnlySpan<byte> salt, string id) => CustomerKeys.Keyed(salt, "interaction\0"u8, Encoding.UTF8.GetBytes(id));

    /// <summary>The key of a value.</summary>
    public static UInt128 Value(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> customer, string key)
    {
        byte[] text = new byte[1 + customer.Length + Encoding.UTF8.GetByteCount(key)];
        text[0] = (byte)customer.Length;
        customer.CopyTo(text.AsSpan(1));
        Encoding.UTF8.GetBytes(key, text.AsSpan(1 + customer.Length));
        return CustomerKeys.Keyed(salt, "value\0"u8, text);
    }

    /// <summary>The hash of a request's id; 0 for none.</summary>
    public static ulong Request(ReadOnlySpan<byte> salt, string id)
        => id.Length == 0 ? 0 : Math.Max(1, (ulong)CustomerKeys.Keyed(salt, "request\0"u8, Encoding.UTF8.GetBytes(id)));

    // Zero stands for none.
    private static UInt128 NotZero(UInt128 name) => name == UInt128.Zero ? UInt128.One : name;
}

/// <summary>Hashes of 16 bytes in messages; empty is 0.</summary>
internal static class Hash128
{
    public static ByteString ToBytes(UInt128 hash)
    {
        if (hash == UInt128.Zero)
        {
            return ByteString.Empty;
        }
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, hash);
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    /// <exception cref="InvalidDataException">The bytes are neither 16 nor none.</exception>
    public static UInt128 From(ByteString bytes) => bytes.Length switch
    {
        0 => UInt128.Zero,
        16 => BinaryPrimitives.ReadUInt128LittleEndian(bytes.Span),
        _ => throw new InvalidDataException($"a hash has {bytes.Length} bytes, expected 16"),
    };
}
