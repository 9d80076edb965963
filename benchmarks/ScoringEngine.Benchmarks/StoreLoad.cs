using System.Globalization;
using ScoringEngine.Storage;

namespace ScoringEngine.Benchmarks;

/// <summary>Bytes a customer and rates of the store at a size, with one thread a processor.</summary>
internal static class StoreLoad
{
    private const int Repetitions = 3;

    public static void Run(long customers, long memoryBytes, TextWriter output)
    {
        using CustomerStore store = new(new CustomerStoreOptions { ExpectedCustomers = customers, MemoryBytes = memoryBytes });
        StoreWorkload workload = new(store, customers, Environment.ProcessorCount);

        Write(output, "insert", customers / workload.Load());
        CustomerStoreStatistics statistics = store.Statistics;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{statistics.Customers} customers: {(double)statistics.LogBytes / customers:F1} B record + {(double)statistics.IndexBytes / customers:F1} B index"));
        WriteSizes(output, statistics);

        Repeat(output, "update, random", customers, workload.Update);
        Repeat(output, "read, random", customers, workload.Read);
        Repeat(output, "read many, random", customers, workload.ReadMany);
        Repeat(output, "scan, one thread", customers, _ => workload.Scan());
        Repeat(output, "update, other length", customers, workload.UpdateWithOtherLength);
        WriteSizes(output, store.Statistics);
    }

    private static void WriteSizes(TextWriter output, CustomerStoreStatistics sizes) => output.WriteLine(
        $"{sizes.LogBytes >> 20} MiB of records, {sizes.LiveBytes >> 20} MiB of them live; {sizes.MemoryBytes >> 20} MiB in memory, {sizes.DiskBytes >> 20} MiB on disk");

    /// <summary>Reports the median.</summary>
    private static void Repeat(TextWriter output, string what, long operations, Func<long, double> seconds)
    {
        double[] rates = [.. Enumerable.Range(0, Repetitions).Select(_ => operations / seconds(operations)).Order()];
        Write(output, what, rates[Repetitions / 2]);
    }

    private static void Write(TextWriter output, string what, double rate)
        => output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-20} {rate / 1e6,6:F2} M/s"));
}
