using System.Diagnostics;
using System.Globalization;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// Years of changes in fast motion: updates, deletions, insertions and records of another length over the same customers, with
/// journal and snapshots. Memory and disk must stay where they soon are, and after a restart every customer must be as it was
/// written last.
/// </summary>
internal sealed class Churn
{
    private const int Lines = 20;
    private const int MostFeatures = 60;

    // What the second half of the run may take more than the first.
    private const double Growth = 1.2;

    private readonly int[] _versions;
    private readonly int _threads = Environment.ProcessorCount;
    private readonly CustomerDatabaseOptions _options;
    private readonly TextWriter _output;
    private readonly long _updates;

    private Churn(long updates, int customers, string directory, TextWriter output)
    {
        _updates = updates;
        _versions = new int[customers];
        _output = output;
        long liveBytes = 200L * customers;
        _options = new CustomerDatabaseOptions
        {
            Directory = directory,
            Durability = Durability.Interval,
            // Some records are on disk.
            Store = new CustomerStoreOptions { ExpectedCustomers = customers, MemoryBytes = Math.Max(1 << 20, liveBytes), PageBytes = customers < 100_000 ? 1 << 16 : 4 << 20 },
            SnapshotInterval = TimeSpan.FromHours(1),
            SnapshotJournalBytes = Math.Max(1 << 20, liveBytes),
        };
    }

    /// <summary>Whether memory and disk were bounded and all customers right.</summary>
    public static async Task<bool> RunAsync(long updates, int customers, string? folder, TextWriter output)
    {
        DirectoryInfo parent = folder is null ? Directory.CreateTempSubdirectory("scoring-engine-churn-") : Directory.CreateDirectory(folder);
        try
        {
            Churn churn = new(updates, customers, Path.Combine(parent.FullName, "data"), output);
            return await churn.WriteAsync() & await churn.VerifyAsync();
        }
        finally
        {
            parent.Delete(recursive: true);
        }
    }

    private async Task<bool> WriteAsync()
    {
        await using CustomerDatabase database = CustomerDatabase.Open(_options, BenchmarkCustomers.Schema, TimeProvider.System);
        _output.WriteLine("updates, M  seconds  resident, MB  directory, MB  live store, MB  of which on disk, MB  customers");
        long[] highest = new long[4];
        long start = Stopwatch.GetTimestamp();
        for (int line = 0; line < Lines; line++)
        {
            Write(database, _updates * line / Lines, _updates * (line + 1) / Lines);
            CustomerStoreStatistics store = database.Customers.Statistics;
            // What is held is asked for, not what the collector has not come round to yet.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            using Process process = Process.GetCurrentProcess();
            long directory = Directory.EnumerateFiles(_options.Directory!, "*", SearchOption.AllDirectories).Sum(LengthOf);
            _output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{_updates * (line + 1) / Lines / 1e6,10:F2} {Stopwatch.GetElapsedTime(start).TotalSeconds,8:F1} {process.WorkingSet64 / 1e6,13:F0} {directory / 1e6,14:F0} {store.LogBytes / 1e6,15:F0} {store.DiskBytes / 1e6,21:F0} {store.Customers,10}"));
            int half = line < Lines / 2 ? 0 : 1;
            highest[half] = Math.Max(highest[half], process.WorkingSet64);
            highest[2 + half] = Math.Max(highest[2 + half], directory + store.LogBytes);
        }
        bool bounded = highest[1] <= Growth * highest[0] && highest[3] <= Growth * highest[2];
        _output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"second half over first: memory x {(double)highest[1] / highest[0]:F2}, disk x {(double)highest[3] / highest[2]:F2} (at most {Growth}): {(bounded ? "bounded" : "NOT BOUNDED")}"));
        return bounded;
    }

    /// <summary>Each thread writes customers of its own, so that the version stored last is known.</summary>
    private void Write(CustomerDatabase database, long from, long until)
    {
        Thread[] threads = [.. Enumerable.Range(0, _threads).Select(t =>
        {
            Thread thread = new(() =>
            {
                SeededRandom random = new((int)(from / 1000), t);
                byte[] id = new byte[BenchmarkCustomers.IdBytes];
                float[] features = new float[MostFeatures];
                ulong last = 0;
                for (long i = from + t; i < until; i += _threads)
                {
                    int number = (random.Next(_versions.Length / _threads) * _threads) + t;
                    BenchmarkCustomers.WriteId(number, id);
                    if (random.Next(20) == 0)
                    {
                        database.Customers.Delete(id, out _);
                        _versions[number] = 0;
                        continue;
                    }
                    int version = 1 + (int)(i % ((1 << 24) - 1));
                    Span<float> row = features.AsSpan(0, FeaturesOf(version));
                    row.Fill(version);
                    last = database.Customers.Upsert(id, row, default).Sequence;
                    _versions[number] = version;
                }
                database.CommittedAsync(last).AsTask().GetAwaiter().GetResult();
            });
            thread.Start();
            return thread;
        })];
        foreach (Thread thread in threads)
        {
            thread.Join();
        }
    }

    private async Task<bool> VerifyAsync()
    {
        long start = Stopwatch.GetTimestamp();
        await using CustomerDatabase database = CustomerDatabase.Open(_options, BenchmarkCustomers.Schema, TimeProvider.System);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        byte[] id = new byte[BenchmarkCustomers.IdBytes];
        int wrong = 0;
        int stored = 0;
        for (int number = 0; number < _versions.Length; number++)
        {
            BenchmarkCustomers.WriteId(number, id);
            VersionReader reader = default;
            database.Customers.Read(id, ref reader);
            wrong += reader.Version == _versions[number] ? 0 : 1;
            stored += _versions[number] == 0 ? 0 : 1;
        }
        bool right = wrong == 0 && stored == database.Customers.Count;
        _output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"opened again in {seconds:F2} s: {database.Customers.Count} customers, {stored} expected, {wrong} differ from what was written last: {(right ? "right" : "WRONG")}"));
        return right;
    }

    /// <summary>Nine of ten records have the same length.</summary>
    private static int FeaturesOf(int version) => version % 10 == 0 ? 1 + (version / 10 % MostFeatures) : BenchmarkCustomers.Features;

    private static long LengthOf(string path)
    {
        FileInfo file = new(path);
        return file.Exists ? file.Length : 0; // It may have been removed meanwhile.
    }

    private struct VersionReader : ICustomerReader
    {
        public int Version;

        public void Read(in CustomerView customer)
        {
            int version = (int)customer.Features[0];
            Version = customer.Features.Length == FeaturesOf(version) && !customer.Features.ContainsAnyExcept(version) ? version : -1;
        }
    }
}
