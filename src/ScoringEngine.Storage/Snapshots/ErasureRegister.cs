using System.Buffers.Binary;
using System.Security.Cryptography;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>An erased customer, known by a keyed hash of the id only.</summary>
/// <param name="Customer">First 128 bits of HMAC-SHA256 of the id under the directory's salt.</param>
/// <param name="Sequence">Number of the erasure: whatever is stored of the customer under a lower number is erased.</param>
internal readonly record struct Erasure(UInt128 Customer, ulong Sequence);

/// <summary>
/// The customers that were erased, kept so that a backup which still has them does not bring them back. An erasure is in the
/// journal first, and durable there; each snapshot moves those of the journal here, in a whole new file. Thread-safe, except <see cref="Save"/>,
/// which must be alone.
/// </summary>
internal sealed class ErasureRegister
{
    /// <summary>Bytes of the salt.</summary>
    public const int SaltBytes = 32;

    private const int HeaderBytes = 64;
    private const int SaltOffset = 24;
    private const int EntryBytes = 24;
    private const uint CurrentFormat = 1;

    private readonly IStorageFiles _files;
    private readonly string _path;
    private readonly byte[] _salt;
    private readonly Lock _lock = new();
    private List<Erasure> _pending = [];

    public ErasureRegister(IStorageFiles files, string path, byte[] salt)
    {
        _files = files;
        _path = path;
        _salt = salt;
    }

    private static ReadOnlySpan<byte> Magic => "SEERAS\0\x01"u8;

    /// <summary>The hash under which an id is in the register.</summary>
    public static UInt128 HashOf(ReadOnlySpan<byte> id, ReadOnlySpan<byte> salt)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(salt, id, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    /// <summary>Takes note of an erasure that is in the journal.</summary>
    public void Add(ReadOnlySpan<byte> id, ulong sequence)
    {
        Erasure erasure = new(HashOf(id, _salt), sequence);
        lock (_lock)
        {
            _pending.Add(erasure);
        }
    }

    /// <summary>Takes note of erasures that are in another register.</summary>
    public void Add(IEnumerable<Erasure> erasures)
    {
        lock (_lock)
        {
            _pending.AddRange(erasures);
        }
    }

    /// <summary>Erases again, in a store that older files have brought back to life; returns how many customers it had.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static long Apply(IEnumerable<Erasure> erasures, byte[] salt, CustomerStore customers, CancellationToken cancellation)
        => Find(erasures, salt, customers, cancellation).LongCount(found => customers.ApplyDelete(found.Sequence, found.Id));

    /// <summary>The customers of a store that were erased after what is stored of them, with the numbers of the erasures.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static List<(byte[] Id, ulong Sequence)> Find(IEnumerable<Erasure> erasures, byte[] salt, CustomerStore customers, CancellationToken cancellation)
    {
        ErasedVisitor visitor = new(Latest(erasures), salt, []);
        if (visitor.Erasures > 0)
        {
            customers.Scan(ref visitor, cancellation);
        }
        return visitor.Found;
    }

    // The last erasure of a customer stands for those before it.
    private static Dictionary<UInt128, ulong> Latest(IEnumerable<Erasure> erasures)
    {
        Dictionary<UInt128, ulong> sequences = [];
        foreach (Erasure erasure in erasures)
        {
            sequences[erasure.Customer] = Math.Max(erasure.Sequence, sequences.GetValueOrDefault(erasure.Customer));
        }
        return sequences;
    }

    /// <summary>Writes what was added since the last time into the file; returns the number of entries it has then.</summary>
    /// <param name="journal">Has the erasures, and is flushed first: the register is never ahead of it. Null where there is none.</param>
    /// <exception cref="IOException">It cannot be written; the entries are kept for the next time.</exception>
    /// <exception cref="StorageCorruptionException">The file there is damaged.</exception>
    public long Save(Journal? journal)
    {
        List<Erasure> added;
        lock (_lock)
        {
            added = _pending;
            _pending = [];
        }
        try
        {
            IReadOnlyList<Erasure> saved = Read(_files, _path, _salt);
            if (added.Count == 0)
            {
                return saved.Count;
            }
            journal?.Flush();
            Erasure[] all = [.. Latest(saved.Concat(added)).Select(e => new Erasure(e.Key, e.Value)).OrderBy(e => e.Sequence)];
            Write(_files, _path, _salt, all);
            return all.Length;
        }
        catch
        {
            lock (_lock)
            {
                added.AddRange(_pending);
                _pending = added;
            }
            throw;
        }
    }

    /// <summary>Writes a register.</summary>
    /// <exception cref="IOException">It cannot be written; the one there stays.</exception>
    public static void Write(IStorageFiles files, string path, ReadOnlySpan<byte> salt, ReadOnlySpan<Erasure> erasures)
    {
        byte[] bytes = new byte[HeaderBytes + ((long)erasures.Length * EntryBytes)];
        Span<byte> entries = bytes.AsSpan(HeaderBytes);
        for (int i = 0; i < erasures.Length; i++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(entries[(i * EntryBytes)..], erasures[i].Customer);
            BinaryPrimitives.WriteUInt64LittleEndian(entries[((i * EntryBytes) + 16)..], erasures[i].Sequence);
        }
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), CurrentFormat);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), erasures.Length);
        salt.CopyTo(bytes.AsSpan(SaltOffset));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(56), Crc32C.Compute(entries));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(60), Crc32C.Compute(bytes.AsSpan(0, 60)));
        files.Replace(path, bytes);
    }

    /// <summary>The salt that a register was written with; null when there is none or its header is damaged.</summary>
    public static byte[]? SaltOf(IStorageFiles files, string path)
    {
        byte[] bytes = files.Exists(path) ? files.ReadAll(path) : [];
        return IsHeader(bytes) ? bytes[SaltOffset..(SaltOffset + SaltBytes)] : null;
    }

    /// <summary>Reads a register, in the order of sequence numbers; none when there is no file.</summary>
    /// <exception cref="StorageCorruptionException">It is not what was written, or of another lineage.</exception>
    /// <exception cref="DataDirectoryException">A newer program has written it.</exception>
    public static IReadOnlyList<Erasure> Read(IStorageFiles files, string path, ReadOnlySpan<byte> salt)
    {
        if (!files.Exists(path))
        {
            return [];
        }
        byte[] bytes = files.ReadAll(path);
        if (!IsHeader(bytes))
        {
            throw new StorageCorruptionException(path, 0, "the register of erasures: its header is damaged");
        }
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)) > CurrentFormat)
        {
            throw new DataDirectoryException(DataDirectoryProblem.NewerFormat, $"{path} has a newer format than this program reads: use the version that has written it, or a later one");
        }
        if (!bytes.AsSpan(SaltOffset, SaltBytes).SequenceEqual(salt))
        {
            throw new StorageCorruptionException(path, SaltOffset, "the register of erasures: it belongs to other customers");
        }
        ReadOnlySpan<byte> entries = bytes.AsSpan(HeaderBytes);
        if (entries.Length != BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16)) * EntryBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(56)) != Crc32C.Compute(entries))
        {
            throw new StorageCorruptionException(path, HeaderBytes, "the register of erasures: its entries are damaged");
        }
        Erasure[] erasures = new Erasure[entries.Length / EntryBytes];
        for (int i = 0; i < erasures.Length; i++)
        {
            erasures[i] = new Erasure(BinaryPrimitives.ReadUInt128LittleEndian(entries[(i * EntryBytes)..]),
                BinaryPrimitives.ReadUInt64LittleEndian(entries[((i * EntryBytes) + 16)..]));
        }
        return erasures;
    }

    private static bool IsHeader(ReadOnlySpan<byte> bytes) => bytes.Length >= HeaderBytes && bytes.StartsWith(Magic)
        && BinaryPrimitives.ReadUInt32LittleEndian(bytes[60..]) == Crc32C.Compute(bytes[..60]);

    private readonly struct ErasedVisitor(Dictionary<UInt128, ulong> sequences, byte[] salt, List<(byte[] Id, ulong Sequence)> found) : ICustomerVisitor
    {
        public int Erasures => sequences.Count;

        public List<(byte[] Id, ulong Sequence)> Found => found;

        public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
        {
            if (sequences.TryGetValue(HashOf(id, salt), out ulong sequence) && sequence > customer.Sequence)
            {
                found.Add((id.ToArray(), sequence));
            }
        }
    }
}
