using System.Diagnostics;
using ScoringEngine.Storage;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// What is measured of a customer store, on <see cref="BenchmarkCustomers"/>: each member runs one kind of operation from
/// all threads at once and returns the seconds it took. Customers are picked pseudo-randomly, in another order each time.
/// </summary>
internal sealed class StoreWorkload(CustomerStore store, long customers, int threads)
{
    private const int BlockSize = 256;
    private const int CompactionStep = 10_000;

    private long _picked;

    /// <summary>Stores the customers one by one.</summary>
    public double Load() => Run(customers, (from, until) =>
    {
        byte[] id = new byte[BenchmarkCustomers.IdBytes];
        float[] features = new float[BenchmarkCustomers.Features];
        for (long number = from; number < until; number++)
        {
            BenchmarkCustomers.WriteId(number, id);
            features.AsSpan().Fill(number);
            store.Upsert(id, features, default);
        }
    });

    /// <summary>Stores customers again, one by one.</summary>
    public double Update(long operations) => RunPicked(operations, (from, until) =>
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

    /// <summary>Stores customers again with other numbers of features, which moves their records; what they leave behind is given back.</summary>
    public double UpdateWithOtherLength(long operations) => RunPicked(operations, (from, until) =>
    {
        byte[] id = new byte[BenchmarkCustomers.IdBytes];
        float[] features = new float[BenchmarkCustomers.Features];
        for (long i = from; i < until; i++)
        {
            BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick((ulong)i, customers), id);
            store.Upsert(id, features.AsSpan(0, (int)(i % BenchmarkCustomers.Features)), default);
            if (i % CompactionStep == 0)
            {
                store.CompactIfWorthwhile();
            }
        }
    });

    /// <summary>Reads customers one by one.</summary>
    public double Read(long operations) => RunPicked(operations, (from, until) =>
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

    /// <summary>Reads customers in blocks of 256.</summary>
    public double ReadMany(long operations) => RunPicked(operations, (from, until) =>
    {
        byte[] ids = new byte[BlockSize * BenchmarkCustomers.IdBytes];
        int[] ends = [.. Enumerable.Range(1, BlockSize).Select(i => i * BenchmarkCustomers.IdBytes)];
        SumReader reader = default;
        for (long i = from; i < until; i += BlockSize)
        {
            int count = (int)Math.Min(BlockSize, until - i);
            for (int j = 0; j < count; j++)
            {
                BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick((ulong)(i + j), customers), ids.AsSpan(j * BenchmarkCustomers.IdBytes, BenchmarkCustomers.IdBytes));
            }
            store.ReadMany(new IdBlock(ids.AsSpan(0, count * BenchmarkCustomers.IdBytes), ends.AsSpan(0, count)), ref reader);
        }
        GC.KeepAlive(reader.Sum);
    });

    /// <summary>Visits all customers, on one thread.</summary>
    public double Scan()
    {
        SumReader visitor = default;
        long start = Stopwatch.GetTimestamp();
        store.Scan(ref visitor);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        GC.KeepAlive(visitor.Sum);
        return seconds;
    }

    private double RunPicked(long operations, Action<long, long> work)
    {
        long first = _picked;
        _picked += operations;
        return Run(operations, (from, until) => work(first + from, first + until));
    }

    private double Run(long operations, Action<long, long> work)
    {
        long start = Stopwatch.GetTimestamp();
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(t =>
        {
            Thread worker = new(() => work(operations * t / threads, operations * (t + 1) / threads));
            worker.Start();
            return worker;
        })];
        foreach (Thread worker in workers)
        {
            worker.Join();
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
