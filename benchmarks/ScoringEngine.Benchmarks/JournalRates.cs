using System.Diagnostics;
using System.Globalization;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Benchmarks;

/// <summary>Rates of the journal on the disk of a folder: committed single writes, bulk appends, replay.</summary>
internal static class JournalRates
{
    private const int RecordBytes = 150;
    private const int Type = 1;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(3);

    public static void Run(string parent, long bulkRecords, TextWriter output)
    {
        foreach (Durability durability in Enum.GetValues<Durability>())
        {
            foreach (int writers in (int[])[1, 64])
            {
                InFolder(parent, directory => Commits(directory, durability, writers, output));
            }
        }
        InFolder(parent, directory =>
        {
            Guid lineage = Guid.NewGuid();
            JournalPosition closed = Bulk(directory, lineage, bulkRecords, output);
            Replay(directory, lineage, closed, output);
        });
    }

    private static void InFolder(string parent, Action<string> run)
    {
        string directory = Path.Combine(parent, "journal-" + Guid.NewGuid().ToString("N"));
        try
        {
            run(directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Each writer appends a record and waits until it is acknowledged, over and over.</summary>
    private static void Commits(string directory, Durability durability, int writers, TextWriter output)
    {
        using Journal journal = Journal.Open(directory, DiskFiles.Instance, new JournalOptions { Durability = durability }, Guid.NewGuid(), 1, TimeProvider.System);
        Task<List<float>> Write(long start, TimeSpan duration) => Task.Run(async () =>
        {
            byte[] payload = new byte[RecordBytes];
            List<float> microseconds = [];
            for (long before = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start, before) < duration;)
            {
                await journal.CommittedAsync(journal.Append(Type, payload));
                long after = Stopwatch.GetTimestamp();
                microseconds.Add((float)Stopwatch.GetElapsedTime(before, after).TotalMicroseconds);
                before = after;
            }
            return microseconds;
        });
        List<float>[] All(long start, TimeSpan duration) => Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Write(start, duration))).GetAwaiter().GetResult();

        All(Stopwatch.GetTimestamp(), Duration / 6);
        long start = Stopwatch.GetTimestamp();
        float[] times = [.. All(start, Duration).SelectMany(t => t)];
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Array.Sort(times);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{durability,-8} {writers,2} writers {times.Length / seconds,10:F0} writes/s   p50 {times[times.Length / 2],7:F1} us   p99 {times[(int)(times.Length * 0.99)],7:F1} us   longest {times[^1] / 1e3,6:F1} ms"));
    }

    private static JournalPosition Bulk(string directory, Guid lineage, long records, TextWriter output)
    {
        const int Threads = 2;
        using Journal journal = Journal.Open(directory, DiskFiles.Instance, new JournalOptions { Durability = Durability.None }, lineage, 1, TimeProvider.System);
        long start = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            byte[] payload = new byte[RecordBytes];
            for (long i = t; i < records; i += Threads)
            {
                journal.Append(Type, payload);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        double appended = Stopwatch.GetElapsedTime(start).TotalSeconds;
        JournalPosition closed = journal.Close();
        double durable = Stopwatch.GetElapsedTime(start).TotalSeconds;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"bulk, {Threads} threads {records / appended / 1e6,6:F2} M records/s, {journal.Bytes / appended / 1e6:F0} MB/s; until on the device {records / durable / 1e6:F2} M records/s"));
        return closed;
    }

    private static void Replay(string directory, Guid lineage, JournalPosition closed, TextWriter output)
    {
        Counter counter = new();
        long start = Stopwatch.GetTimestamp();
        JournalReader.Read(directory, DiskFiles.Instance, lineage, 1, closed, counter);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"replay {counter.Records} records in {seconds:F2} s, {counter.Records / seconds / 1e6:F2} M records/s, {counter.Bytes / seconds / 1e6:F0} MB/s of payload"));
    }

    private sealed class Counter : IJournalHandler
    {
        public long Records { get; private set; }

        public long Bytes { get; private set; }

        public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload)
        {
            Records++;
            Bytes += payload.Length;
        }
    }
}
