using BenchmarkDotNet.Attributes;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// What it costs to make a stored customer a row of a model: 28 features, four of them categorical. Copying is what it would
/// cost if there were but one schema.
/// </summary>
[MemoryDiagnoser]
public class RowMappingBenchmark
{
    private const int Categorical = 4;

    private readonly StoredSchemas _schemas = new();
    private readonly RowMapping _sameSchema;
    private readonly RowMapping _laterSchema;
    private readonly float[] _stored = new float[BenchmarkCustomers.Features];
    private readonly float[] _row = new float[BenchmarkCustomers.Features];

    public RowMappingBenchmark()
    {
        Feature[] features = [.. Enumerable.Range(1, BenchmarkCustomers.Features).Select(id => id <= Categorical
            ? new Feature { Id = id, Name = $"f{id}", Kind = FeatureKind.Categorical, Categories = ["a", "b"] }
            : new Feature { Id = id, Name = $"f{id}", Kind = FeatureKind.Numeric })];
        FeatureSchema first = new(features);
        // One feature is gone, one is new, the others and the categories have another order.
        FeatureSchema later = new(features[1..].Append(features[0] with { Id = 99 }).Reverse().Select(f => f with { Categories = [.. f.Categories.Reverse()] }));
        _schemas.Adopt(first);
        _schemas.Adopt(later);
        _sameSchema = _schemas.MapTo(first);
        _laterSchema = _schemas.MapTo(later);
        _stored.AsSpan().Fill(1);
    }

    [Benchmark(Baseline = true)]
    public void Copy() => _stored.CopyTo(_row.AsSpan());

    [Benchmark]
    public void SameSchema() => _sameSchema.Map(1, _stored, _row);

    [Benchmark]
    public void LaterSchema() => _laterSchema.Map(1, _stored, _row);
}
