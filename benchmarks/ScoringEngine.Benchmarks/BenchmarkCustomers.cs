using System.Buffers.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Storage;

namespace ScoringEngine.Benchmarks;

/// <summary>The customers every store benchmark uses: 10-byte ids, 28 features that all equal the number of the customer.</summary>
internal static class BenchmarkCustomers
{
    public const int IdBytes = 10;
    public const int Features = 28;

    /// <summary>The schema of the features.</summary>
    public static FeatureSchema Schema { get; } = new(Enumerable.Range(1, Features).Select(f => new Feature { Id = f, Name = $"x{f}", Kind = FeatureKind.Numeric }));

    public static void WriteId(long number, Span<byte> id)
    {
        // Leading digit 1: ten digits for every number below 10^9.
        Utf8Formatter.TryFormat(1_000_000_000 + number, id, out _);
    }

    /// <summary>A pseudo-random customer number.</summary>
    public static long Pick(ulong draw, long customers) => (long)(SeededRandom.Mix(draw) % (ulong)customers);
}

/// <summary>Adds all features up, so that a read touches the whole record.</summary>
internal struct SumReader : ICustomerReader, ICustomerBlockReader, ICustomerVisitor
{
    public double Sum;

    public void Read(in CustomerView customer) => Add(customer.Features);

    public void Read(int index, in CustomerView customer) => Add(customer.Features);

    public void Visit(ReadOnlySpan<byte> id, in CustomerView customer) => Add(customer.Features);

    private void Add(ReadOnlySpan<float> features)
    {
        float sum = 0;
        foreach (float feature in features)
        {
            sum += feature;
        }
        Sum += sum;
    }
}
