using FASTER.core;

namespace ScoringEngine.Storage;

/// <summary>
/// How FASTER 2.6 lays a record out in its log: header of 8 bytes (<see cref="RecordInfo"/>), key and value, each as a
/// length i32 and its bytes, each padded to 8 bytes; a header of zeros stands for 8 bytes of nothing. Records do not
/// cross pages. All that this project knows of FASTER's memory is here, and a test holds it against FASTER's own iterator.
/// </summary>
internal static unsafe class LogLayout
{
    private const int HeaderBytes = 8;

    /// <summary>Bytes in the log of a customer's record.</summary>
    public static int SizeOf(int idBytes, int recordBytes) => HeaderBytes + Pad(sizeof(int) + idBytes) + Pad(sizeof(int) + recordBytes);

    /// <summary>Bytes that a record takes; its lengths never change.</summary>
    public static int SizeOf(byte* record)
        => *(long*)record == 0 ? HeaderBytes : SizeOf(*(int*)(record + HeaderBytes), *(int*)(record + ValueOffset(record)));

    /// <summary>Whether a record holds a customer: not superseded, removed or abandoned, as far as FASTER has marked it.</summary>
    public static bool HoldsCustomer(byte* record)
    {
        RecordInfo info = *(RecordInfo*)record;
        return !info.IsNull() && !info.SkipOnScan && !info.Tombstone;
    }

    public static ReadOnlySpan<byte> Id(byte* record) => new(record + HeaderBytes + sizeof(int), *(int*)(record + HeaderBytes));

    public static ReadOnlySpan<byte> Record(byte* record)
    {
        int offset = ValueOffset(record);
        return new ReadOnlySpan<byte>(record + offset + sizeof(int), *(int*)(record + offset));
    }

    /// <summary>
    /// What maps an address of the log to memory; to be called and its result used under epoch protection, for
    /// addresses from the head on. FASTER has no public member for it.
    /// </summary>
    /// <exception cref="MissingMemberException">This is another FASTER.</exception>
    public static Func<long, long> PhysicalAddresses(FasterKV<SpanByte, SpanByte> faster)
    {
        const string Log = "hlog";
        object log = typeof(FasterKV<SpanByte, SpanByte>).GetField(Log, System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)?.GetValue(faster)
            ?? throw new MissingMemberException(nameof(FasterKV<,>), Log);
        return log.GetType().GetMethod("GetPhysicalAddress", [typeof(long)])?.CreateDelegate<Func<long, long>>(log)
            ?? throw new MissingMemberException(log.GetType().Name, "GetPhysicalAddress");
    }

    private static int ValueOffset(byte* record) => HeaderBytes + Pad(sizeof(int) + *(int*)(record + HeaderBytes));

    private static int Pad(int bytes) => (bytes + 7) & ~7;
}
