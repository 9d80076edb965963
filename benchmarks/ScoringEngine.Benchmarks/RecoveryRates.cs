using System.Diagnostics;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Benchmarks;

/// <summary>How long a database of a size takes to load, to snapshot, and to open again from the snapshot and from the journal.</summary>
internal static class RecoveryRates
{
    public static async Task RunAsync(long customers, string folder, TextWriter output)
    {
        string directory = Path.Combine(folder, $"scoring-engine-recovery-{Environment.ProcessId}");
        FeatureSchema schema = new([.. Enumerable.Range(1, BenchmarkCustomers.Features).Select(i => new Feature { Id = i, Name = "f" + i, Kind = FeatureKind.Numeric })]);
        CustomerDatabaseOptions options = new()
        {
            Directory = directory,
            Durability = Durability.None,
            Store = new CustomerStoreOptions { ExpectedCustomers = customers, MemoryBytes = Math.Max(1L << 30, customers * 200) },
            SnapshotInterval = TimeSpan.FromDays(1),
            SnapshotJournalBytes = 1L << 40,
        };
        try
        {
            await using (CustomerDatabase database = CustomerDatabase.Open(options, schema, TimeProvider.System))
            {
                Report(output, "load with a journal", customers, Time(() => Load(database, customers)));
            }
            await using (CustomerDatabase database = Open("recovery from the journal"))
            {
                long start = Stopwatch.GetTimestamp();
                SnapshotInfo snapshot = await database.SnapshotAsync();
                Report(output, "snapshot, read back", customers, Stopwatch.GetElapsedTime(start));
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{snapshot.Bytes / (double)customers:F1} B a customer in the snapshot"));
            }
            await using (Open("recovery from it"))
            {
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        CustomerDatabase Open(string what)
        {
            long start = Stopwatch.GetTimestamp();
            CustomerDatabase database = CustomerDatabase.Open(options, schema, TimeProvider.System);
            Report(output, what, customers, Stopwatch.GetElapsedTime(start));
            return database.Customers.Count == customers ? database
                : throw new InvalidDataException($"recovered {database.Customers.Count} customers, expected {customers}");
        }
    }

    private static void Load(CustomerDatabase database, long customers)
    {
        int threads = Environment.ProcessorCount;
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(t => new Thread(() =>
        {
            byte[] id = new byte[BenchmarkCustomers.IdBytes];
            float[] features = new float[BenchmarkCustomers.Features];
            for (long i = customers * t / threads; i < customers * (t + 1) / threads; i++)
            {
                BenchmarkCustomers.WriteId(i, id);
                features.AsSpan().Fill(i);
                database.Customers.Upsert(id, features, new CustomerAttributes(1, 1));
            }
        }))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }
        foreach (Thread worker in workers)
        {
            worker.Join();
        }
    }

    private static TimeSpan Time(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start);
    }

    private static void Report(TextWriter output, string what, long customers, TimeSpan time)
        => output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-26} {time.TotalSeconds,7:F2} s  {customers / time.TotalSeconds / 1e6,6:F2} M customers/s"));
}
