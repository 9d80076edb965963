using System.Diagnostics;
using System.Globalization;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Benchmarks;

/// <summary>Rate and latency of single upserts, each waited for until it is on the device.</summary>
internal static class CommitRate
{
    private const int Customers = 1_000_000;

    public static async Task RunAsync(int writers, double seconds, string? folder, TextWriter output)
    {
        DirectoryInfo parent = folder is null ? Directory.CreateTempSubdirectory("scoring-engine-commits-") : Directory.CreateDirectory(folder);
        CustomerDatabaseOptions options = new()
        {
            Directory = Path.Combine(parent.FullName, "data"),
            Durability = Durability.Commit,
            Store = new CustomerStoreOptions { ExpectedCustomers = Customers },
        };
        try
        {
            await using CustomerDatabase database = CustomerDatabase.Open(options, BenchmarkCustomers.Schema, TimeProvider.System);
            await WriteAsync(database, writers, Math.Min(1, seconds));
            List<double> latencies = await WriteAsync(database, writers, seconds);
            latencies.Sort();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{writers} writers: {latencies.Count / seconds / 1000:F1} k committed upserts/s, p50 {1e3 * latencies[latencies.Count / 2]:F2} ms, p99 {1e3 * latencies[(int)(0.99 * latencies.Count)]:F2} ms, longest {1e3 * latencies[^1]:F1} ms"));
        }
        finally
        {
            parent.Delete(recursive: true);
        }
    }

    /// <summary>Writes for a time; the seconds that each write took.</summary>
    private static async Task<List<double>> WriteAsync(CustomerDatabase database, int writers, double seconds)
    {
        long start = Stopwatch.GetTimestamp();
        List<double>[] latencies = await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            List<double> own = [];
            byte[] id = new byte[BenchmarkCustomers.IdBytes];
            float[] features = new float[BenchmarkCustomers.Features];
            for (long i = 0; Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; i++)
            {
                BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick((ulong)((i * writers) + writer), Customers), id);
                features.AsSpan().Fill(i);
                long begin = Stopwatch.GetTimestamp();
                await database.CommittedAsync(database.Customers.Upsert(id, features, default).Sequence);
                own.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds);
            }
            return own;
        })));
        return [.. latencies.SelectMany(own => own)];
    }
}
