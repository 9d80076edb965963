using System.Buffers.Binary;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;

namespace ScoringEngine.Storage.Tests.Journals;

/// <summary>A journal in simulated files, and what can be read of it.</summary>
internal static class JournalFixtures
{
    public const string Folder = "/data/journal";

    public static readonly Guid Lineage = new("0f8fad5b-d9cb-469f-a165-70867728950e");

    public static JournalOptions Small { get; } = new() { SegmentBytes = 4 << 10, PendingBytes = 64 << 10 };

    public static Journal Open(FaultyFiles files, ulong next = 1, JournalOptions? options = null, TimeProvider? time = null, JournalPosition? closed = null)
        => Journal.Open(Folder, files, options ?? Small, Lineage, next, time ?? new ManualTime(), closed);

    public static (JournalExtent Extent, List<Entry> Entries) Read(FaultyFiles files, ulong from = 1, JournalPosition? closed = null, bool repair = false)
    {
        Collector collector = new();
        JournalExtent extent = JournalReader.Read(Folder, files, Lineage, from, closed, collector, repair);
        Assert.Equal(collector.Entries.Count, extent.Records);
        return (extent, collector.Entries);
    }

    /// <summary>A payload that tells what it belongs to, 8 bytes or more.</summary>
    public static byte[] Payload(long number, int length)
    {
        byte[] payload = new byte[length];
        payload.AsSpan().Fill((byte)number);
        BinaryPrimitives.WriteInt64LittleEndian(payload, number);
        return payload;
    }

    public static string PathOf(ulong firstSequence) => Path.Combine(Folder, JournalFormat.FileName(firstSequence));

    internal sealed record Entry(ulong Sequence, uint Type, string Payload)
    {
        public static Entry Of(ulong sequence, uint type, ReadOnlySpan<byte> payload) => new(sequence, type, Convert.ToHexString(payload));
    }

    internal sealed class Collector : IJournalHandler
    {
        public List<Entry> Entries { get; } = [];

        public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload) => Entries.Add(Entry.Of(sequence, type, payload));
    }
}
