using BenchmarkDotNet.Attributes;
using ScoringEngine.Storage;

namespace ScoringEngine.Benchmarks;

/// <summary>One operation of the customer store on one thread, in memory.</summary>
[MemoryDiagnoser]
public class CustomerStoreBenchmark
{
    private const int BlockSize = 256;

    private readonly byte[] _id = new byte[BenchmarkCustomers.IdBytes];
    private readonly float[] _features = new float[BenchmarkCustomers.Features];
    private readonly byte[] _blockBytes = new byte[BlockSize * BenchmarkCustomers.IdBytes];
    private readonly int[] _blockEnds = [.. Enumerable.Range(1, BlockSize).Select(i => i * BenchmarkCustomers.IdBytes)];
    private CustomerStore? _store;
    private ulong _draw;

    [Params(1_000_000)]
    public int Customers { get; set; }

    private CustomerStore Store => _store ?? throw new InvalidOperationException("the store is made in the setup");

    [GlobalSetup]
    public void Fill()
    {
        _store = new CustomerStore(new CustomerStoreOptions { ExpectedCustomers = Customers });
        for (int i = 0; i < Customers; i++)
        {
            BenchmarkCustomers.WriteId(i, _id);
            _features.AsSpan().Fill(i);
            _store.Upsert(_id, _features, default);
        }
    }

    [GlobalCleanup]
    public void Dispose() => Store.Dispose();

    [Benchmark]
    public double Read()
    {
        BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick(_draw++, Customers), _id);
        SumReader reader = default;
        Store.Read(_id, ref reader);
        return reader.Sum;
    }

    [Benchmark(OperationsPerInvoke = BlockSize)]
    public double ReadMany()
    {
        for (int i = 0; i < BlockSize; i++)
        {
            BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick(_draw++, Customers), _blockBytes.AsSpan(i * BenchmarkCustomers.IdBytes, BenchmarkCustomers.IdBytes));
        }
        SumReader reader = default;
        Store.ReadMany(new IdBlock(_blockBytes, _blockEnds), ref reader);
        return reader.Sum;
    }

    [Benchmark]
    public WriteReceipt Update()
    {
        BenchmarkCustomers.WriteId(BenchmarkCustomers.Pick(_draw++, Customers), _id);
        return Store.Upsert(_id, _features, default);
    }
}
