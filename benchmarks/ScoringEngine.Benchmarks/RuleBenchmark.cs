using BenchmarkDotNet.Attributes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// The rules of a catalogue: 50 propositions with three rules each over 28 features, of two or three comparisons, every fifth with an any in it.
/// Time is that of all 150 for a row. None may allocate.
/// </summary>
[MemoryDiagnoser]
public class RuleBenchmark
{
    private const int Batch = 4_096;
    private const int Propositions = 50;
    private const int RulesEach = 3;
    private const int Features = 28;
    private const int Categorical = 4;

    private readonly CompiledRule[] _rules = new CompiledRule[Propositions * RulesEach];
    private readonly float[] _rows = new float[Batch * Features];
    private readonly RuleScores[] _scores = new RuleScores[Batch];
    private readonly RuleBlock _block;
    private int _row;

    public RuleBenchmark()
    {
        FeatureSchema schema = new(Enumerable.Range(0, Features).Select(f => new Feature
        {
            Id = f + 1,
            Name = $"x{f}",
            Kind = f < Categorical ? FeatureKind.Categorical : FeatureKind.Numeric,
            Categories = f < Categorical ? ["a", "b", "c", "d"] : [],
        }));
        _block = new RuleBlock(schema);
        SeededRandom random = new(1);
        for (int r = 0; r < _rules.Length; r++)
        {
            Rule[] parts = [.. Enumerable.Range(0, 2 + (r % 2)).Select(_ => RandomComparison(ref random))];
            Rule last = new Compound(Junction.Any, [RandomComparison(ref random), RandomComparison(ref random)]);
            _rules[r] = CompiledRule.Compile(new Compound(Junction.All, r % 5 == 0 ? [parts[0], last] : [.. parts]), schema);
        }
        for (int i = 0; i < _rows.Length; i++)
        {
            _rows[i] = random.Next(20) == 0 ? float.NaN : i % Features < Categorical ? random.Next(4) : (float)random.NextNormal();
        }
        for (int r = 0; r < Batch; r++)
        {
            _scores[r] = new RuleScores(1 + random.Next(8), (Tier)random.Next(4), (float)random.NextNormal(), 1);
        }
    }

    [Benchmark]
    public int RulesOfOneRow()
    {
        _row = (_row + 1) % Batch;
        ReadOnlySpan<float> row = _rows.AsSpan(_row * Features, Features);
        int passed = 0;
        foreach (CompiledRule rule in _rules)
        {
            passed += rule.Evaluate(row, _scores[_row]) == Truth.True ? 1 : 0;
        }
        return passed;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public ulong RulesOfBlocks()
    {
        ulong passed = 0;
        for (int row = 0; row < Batch; row += RuleBlock.Capacity)
        {
            _block.Fill(_rows.AsSpan(row * Features), Features, _scores.AsSpan(row, RuleBlock.Capacity));
            foreach (CompiledRule rule in _rules)
            {
                rule.Evaluate(_block, out ulong isTrue, out _);
                passed ^= isTrue;
            }
        }
        return passed;
    }

    private static Comparison RandomComparison(ref SeededRandom random)
    {
        int feature = random.Next(Features);
        string text = feature < Categorical ? $"x{feature} in [a, c]"
            : random.Next(8) == 0 ? "tier >= marginal"
            : $"x{feature} {(random.Next(2) == 0 ? ">=" : "<")} {random.Next(3) - 1}";
        return RuleParser.TryParseComparison(text, out Comparison? comparison, out string? error) ? comparison : throw new InvalidDataException(error);
    }
}
