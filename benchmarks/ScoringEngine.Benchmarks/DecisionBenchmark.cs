using BenchmarkDotNet.Attributes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Scoring;

namespace ScoringEngine.Benchmarks;

/// <summary>Decisions with 50 propositions of three rules and 100 trees each, about half of which pass.</summary>
[MemoryDiagnoser]
public class DecisionBenchmark
{
    private const int Rows = 1_000;

    private readonly BenchmarkDecisions _world = new(BenchmarkModels.Rows(Rows), threshold: -1);
    private readonly ScoreBlock _one;
    private readonly ScoreBlock _block;
    private readonly DecisionTrace _trace;
    private int _row;

    public DecisionBenchmark()
    {
        _one = _world.Model.Scorer.CreateBlock(1);
        _block = _world.Model.Scorer.CreateBlock(DecisionModel.BlockRows);
        _trace = _world.Model.CreateTrace();
        for (int r = 0; r < DecisionModel.BlockRows; r++)
        {
            _world.Rows.Row(r).CopyTo(_block.Row(r));
        }
    }

    [Benchmark]
    public void ScoreAndDecideOneRow()
    {
        _row = (_row + 1) % Rows;
        _world.Rows.Row(_row).CopyTo(_one.Row(0));
        _world.Model.Score(_one, 1);
        _world.Model.Decide(_one, 0, _world.Input((ulong)_row), _trace);
    }

    [Benchmark(OperationsPerInvoke = DecisionModel.BlockRows)]
    public void ScoreAndDecideBlock()
    {
        _world.Model.Score(_block, DecisionModel.BlockRows);
        for (int r = 0; r < DecisionModel.BlockRows; r++)
        {
            _world.Model.Decide(_block, r, _world.Input((ulong)r), _trace);
        }
    }

    [Benchmark(OperationsPerInvoke = DecisionModel.BlockRows)]
    public void ScoreBlock() => _world.Model.Score(_block, DecisionModel.BlockRows);
}
