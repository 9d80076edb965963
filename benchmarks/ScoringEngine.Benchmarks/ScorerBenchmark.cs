using BenchmarkDotNet.Attributes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Scoring;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// The whole scoring path with trained models on one thread (segment, tier, profit, potential, a propensity for each
/// proposition, ranking), the same models exported to ONNX, and reading their customers from CSV.
/// </summary>
[MemoryDiagnoser]
public class ScorerBenchmark
{
    private const int BlockRows = 256;

    private readonly TrainedWorld _world = new();
    private readonly Scorer _scorer;
    private readonly ScoreBlock _block;
    private readonly ScoreBlock _one;
    private readonly PropositionValue[] _ranked;
    private readonly OnnxModel _onnx;
    private readonly Dictionary<string, OnnxTensor> _onnxInputs;
    private int _row;

    public ScorerBenchmark()
    {
        _scorer = new Scorer(_world.Models, _world.Workspace);
        _block = _scorer.CreateBlock(BlockRows);
        for (int r = 0; r < BlockRows; r++)
        {
            _world.Rows.Row(r).CopyTo(_block.Row(r));
        }
        _scorer.Score(_block, BlockRows);
        _one = _scorer.CreateBlock(1);
        _ranked = new PropositionValue[_scorer.Values.CandidateCount];
        _onnx = OnnxModel.Parse(OnnxExport.ToBytes(_world.Models), "exported");
        float[] values = _world.Rows.Values[..(BlockRows * _world.Rows.Columns)];
        _onnxInputs = new() { [OnnxExport.FeaturesInput] = OnnxTensor.Create(values, BlockRows, _world.Rows.Columns) };
    }

    [Benchmark(OperationsPerInvoke = BlockRows)]
    public void Score() => _scorer.Score(_block, BlockRows);

    [Benchmark]
    public void ScoreOneRow()
    {
        _world.Rows.Row(NextRow(_world.Rows.Rows)).CopyTo(_one.Row(0));
        _scorer.Score(_one, 1);
    }

    [Benchmark]
    public void Rank() => _scorer.Rank(_block, NextRow(BlockRows), _ranked);

    [Benchmark(OperationsPerInvoke = BlockRows)]
    public int EvaluateOnnx() => _onnx.Evaluate(_onnxInputs).Count;

    [Benchmark(OperationsPerInvoke = TrainedWorld.Customers)]
    public int ReadCsv()
    {
        using CustomerFile file = _world.OpenCustomers();
        int rows = 0;
        while (file.Read())
        {
            rows++;
        }
        return rows;
    }

    // Another row each time, so that no branch can learn its values.
    private int NextRow(int rows) => _row = (_row + 1) % rows;
}
