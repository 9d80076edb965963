using System.Reflection;
using System.Runtime.Intrinsics.X86;
using FASTER.core;

namespace ScoringEngine.Storage;

/// <summary>
/// Has the processor fetch what an operation on a key will touch: its bucket of FASTER's index, then its record. FASTER
/// 2.6 does not, and a random access waits for memory most of its time. Nothing but speed depends on what is known here:
/// a bucket is 64 bytes, seven entries and the link to the next one; an entry has the address of the latest record in
/// 48 bits and, above, 14 bits of tag, the uppermost of the hash; the lowest bits of the hash choose the bucket. The
/// index does not move, for it does not grow.
/// </summary>
internal sealed unsafe class IndexPrefetch
{
    private const int LineBytes = 64;
    private const int EntriesPerBucket = 7;
    private const int AddressBits = 48;
    private const int TagBits = 14;

    private readonly byte* _buckets;
    private readonly long _mask;
    private readonly LogAccessor<SpanByte, SpanByte> _log;
    private readonly Func<long, long> _physicalAddress;

    /// <exception cref="MissingMemberException">This is another FASTER.</exception>
    public IndexPrefetch(FasterKV<SpanByte, SpanByte> faster, Func<long, long> physicalAddress)
    {
        const string Tables = "state";
        object table = (typeof(FasterBase).GetField(Tables, BindingFlags.Instance | BindingFlags.NonPublic)?.GetValue(faster) as Array)?.GetValue(0)
            ?? throw new MissingMemberException(nameof(FasterBase), Tables);
        _buckets = (byte*)Pointer.Unbox(Field(table, "tableAligned"));
        _mask = (long)Field(table, "size_mask");
        _log = faster.Log;
        _physicalAddress = physicalAddress;
    }

    /// <summary>Fetches the bucket of a hash.</summary>
    public void Bucket(long hash)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(BucketOf(hash));
        }
    }

    /// <summary>Fetches the first lines of the record that the index has for a hash, if it is in memory; its bucket should be at hand.</summary>
    public void Record(long hash)
    {
        if (Sse.IsSupported)
        {
            long address = Find(hash);
            if (address >= _log.HeadAddress && address > 0)
            {
                // Not protected: the page may have been evicted, which a prefetch does not mind.
                Lines((byte*)_physicalAddress(address));
            }
        }
    }

    /// <summary>Fetches the first lines of a record: they are then on their way together.</summary>
    public static void Lines(byte* record)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(record);
            Sse.Prefetch0(record + LineBytes);
            Sse.Prefetch0(record + (2 * LineBytes));
        }
    }

    /// <summary>Address of the record that the index most likely has for a hash; 0 when it has none in the first bucket.</summary>
    internal long Find(long hash)
    {
        long* entries = (long*)BucketOf(hash);
        ulong tag = (ulong)hash >> (64 - TagBits);
        for (int i = 0; i < EntriesPerBucket; i++)
        {
            ulong entry = (ulong)Volatile.Read(ref entries[i]);
            if ((entry >> AddressBits) == tag)
            {
                return (long)(entry & ((1UL << AddressBits) - 1));
            }
        }
        return 0;
    }

    private byte* BucketOf(long hash) => _buckets + ((hash & _mask) * LineBytes);

    private static object Field(object table, string name)
        => table.GetType().GetField(name)?.GetValue(table) ?? throw new MissingMemberException(table.GetType().Name, name);
}
