using System.Diagnostics;
using System.Globalization;
using ScoringEngine.Storage;

namespace ScoringEngine.Benchmarks;

/// <summary>Bytes a customer and rates of the store at a size, with one thread a processor.</summary>
internal static class StoreLoad
{
    private const int BlockSize = 256;
    private const int Repetitions = 3;

    public static void Run(long customers, long memoryBytes, TextWriter output)
    {
        using CustomerStore store = new(new CustomerStoreOptions { ExpectedCustomers = customers, MemoryBytes = memoryBytes });
        int threads = Environment.ProcessorCount;

        Report(output, "insert", customers, threads, (thread, from, until) =>
        {
            byte[] id = new byte[BenchmarkCustomers.IdBytes];
            float[] features = new float[BenchmarkCustomers.Features];
            for (long i = from; i < until; i++)
            {
                BenchmarkCustomers.WriteId(i, id);
                features.AsSpan().Fill(i);
                store.Upsert(id, features, default);
            }
        });
        CustomerStoreStatistics statistics = store.Statistics;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{statistics.Customers} customers: {(double)statistics.LogBytes / customers:F1} B record + {(double)statistics.IndexBytes / customers:F1} B index"));
        WriteSizes(output, statistics);

        Repeat(output, "update, random", customers, threads, (thread, from, until) =>
        {
            byte[] id = new byte[BenchmarkCustomers.IdBytes];
            float[] features = new float[BenchmarkCustomers.Features];
            for (long i = from; i < until; i++)
            {
                long number = BenchmarkCustomers.Pick((ulong)i, customers);
                BenchmarkCustomers.WriteId(number, id);
                features.AsSpan().Fill(number);
                store.Upsert(id, features, default);
            }
        });
        Repeat(output, "read, random", customers, threads, (thread, from, until) =>
        {
            byte[] id = new byte[BenchmarkCustomers.IdBytes];
            SumReader reader = default;
            for (long i = from; i < until; i++)
            {
                BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick((ulong)i, customers), id);
                store.Read(id, ref reader);
            }
            GC.KeepAlive(reader.Sum);
        });
        Repeat(output, "read many, random", customers, threads, (thread, from, until) =>
        {
            byte[] ids = new byte[BlockSize * BenchmarkCustomers.IdBytes];
            int[] ends = [.. Enumerable.Range(1, BlockSize).Select(i => i * BenchmarkCustomers.IdBytes)];
            SumReader reader = default;
            for (long i = from; i < until; i += BlockSize)
            {
                for (int j = 0; j < BlockSize; j++)
                {
                    BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick((ulong)(i + j), customers), ids.AsSpan(j * BenchmarkCustomers.IdBytes, BenchmarkCustomers.IdBytes));
                }
                store.ReadMany(new IdBlock(ids, ends), ref reader);
            }
            GC.KeepAlive(reader.Sum);
        });
        Repeat(output, "scan, one thread", customers, 1, (thread, from, until) =>
        {
            SumReader visitor = default;
            store.Scan(ref visitor);
            GC.KeepAlive(visitor.Sum);
        });
        // Other lengths move the records: what they leave behind is given back.
        Repeat(output, "update, other length", customers, threads, (thread, from, until) =>
        {
            byte[] id = new byte[BenchmarkCustomers.IdBytes];
            float[] features = new float[BenchmarkCustomers.Features];
            for (long i = from; i < until; i++)
            {
                BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick((ulong)i, customers), id);
                store.Upsert(id, features.AsSpan(0, (int)(i % BenchmarkCustomers.Features)), default);
                if (thread == 0 && i % 10_000 == 0)
                {
                    store.CompactIfWorthwhile();
                }
            }
        });
        WriteSizes(output, store.Statistics);
    }

    private static void WriteSizes(TextWriter output, CustomerStoreStatistics sizes) => output.WriteLine(
        $"{sizes.LogBytes >> 20} MiB of records, {sizes.LiveBytes >> 20} MiB of them live; {sizes.MemoryBytes >> 20} MiB in memory, {sizes.DiskBytes >> 20} MiB on disk");

    /// <summary>Reports the median.</summary>
    private static void Repeat(TextWriter output, string what, long operations, int threads, Action<int, long, long> work)
    {
        double[] rates = [.. Enumerable.Range(0, Repetitions).Select(_ => Measure(operations, threads, work)).Order()];
        Write(output, what, rates[Repetitions / 2]);
    }

    private static void Report(TextWriter output, string what, long operations, int threads, Action<int, long, long> work)
        => Write(output, what, Measure(operations, threads, work));

    private static void Write(TextWriter output, string what, double rate)
        => output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-20} {rate / 1e6,6:F2} M/s"));

    private static double Measure(long operations, int threads, Action<int, long, long> work)
    {
        long start = Stopwatch.GetTimestamp();
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(t =>
        {
            Thread worker = new(() => work(t, operations * t / threads, operations * (t + 1) / threads));
            worker.Start();
            return worker;
        })];
        foreach (Thread worker in workers)
        {
            worker.Join();
        }
        return operations / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
