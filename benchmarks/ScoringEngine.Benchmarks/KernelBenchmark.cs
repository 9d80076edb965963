using BenchmarkDotNet.Attributes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Benchmarks;

/// <summary>The scoring kernels on one thread: time of a row in a batch, and of a row by itself. None may allocate.</summary>
[MemoryDiagnoser]
public class KernelBenchmark
{
    private const int Batch = 16_384;

    private readonly FeatureMatrix _rows;
    private readonly Quantiser _quantiser;
    private readonly ObliviousEnsemble _ensemble;
    private readonly SegmentModel _segments;
    private readonly SegmentModel _logarithmicSegments;
    private readonly GeneralEnsemble _imported = BenchmarkModels.ImportedEnsemble();
    private readonly LogisticRegression _regression = BenchmarkModels.Regression();
    private readonly ShapleyValues _shapley;
    private readonly double[] _importedMargins = new double[Batch];
    private readonly float[] _importedScratch;
    private readonly double[] _contributions = new double[BenchmarkModels.Features];
    private readonly byte[] _bins;
    private readonly float[] _scratch;
    private readonly float[] _margins = new float[Batch];
    private readonly float[] _distances = new float[Batch];
    private readonly int[] _indexes = new int[Batch];
    private int _row;

    public KernelBenchmark()
    {
        _rows = BenchmarkModels.Rows(Batch);
        _quantiser = BenchmarkModels.Quantiser(_rows);
        _ensemble = BenchmarkModels.Ensemble(_quantiser);
        _segments = BenchmarkModels.SegmentModel(log1P: false);
        _logarithmicSegments = BenchmarkModels.SegmentModel(log1P: true);
        _shapley = new ShapleyValues(_ensemble, _quantiser);
        _importedScratch = new float[_imported.ScratchLength];
        _bins = new byte[Batch * _rows.Columns];
        _scratch = new float[_segments.ScratchLength];
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public void Quantise()
    {
        for (int row = 0; row < Batch; row += ObliviousEnsemble.BlockRows)
        {
            _quantiser.Quantise(_rows.Values.AsSpan(row * _rows.Columns), ObliviousEnsemble.BlockRows, _rows.Columns, _bins);
        }
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public void TreesOverBins()
    {
        for (int row = 0; row < Batch; row += ObliviousEnsemble.BlockRows)
        {
            _ensemble.Margins(_bins, ObliviousEnsemble.BlockRows, _margins.AsSpan(row));
        }
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public void TreesOverRawRows() => _ensemble.PredictMargins(_quantiser, _rows.Values, Batch, _rows.Columns, _margins, _bins);

    [Benchmark]
    public void TreesOverOneRawRow() => _ensemble.PredictMargins(_quantiser, NextRow(), 1, _rows.Columns, _margins, _bins);

    [Benchmark]
    public void ShapleyValuesOfOneRow()
    {
        _quantiser.Quantise(NextRow(), 1, _rows.Columns, _bins);
        _shapley.Contributions(_bins, _contributions);
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public void ImportedTrees() => _imported.Margins(_rows.Values, Batch, _rows.Columns, _importedMargins, _importedScratch);

    [Benchmark]
    public void ImportedTreesOverOneRow() => _imported.Margins(NextRow(), _importedMargins);

    [Benchmark(OperationsPerInvoke = Batch)]
    public void Regression() => _regression.Margins(_rows.Values, Batch, _rows.Columns, _margins);

    [Benchmark(OperationsPerInvoke = Batch)]
    public void Segments() => _segments.Assign(_rows.Values, Batch, _rows.Columns, _indexes, [], [], _scratch);

    [Benchmark(OperationsPerInvoke = Batch)]
    public void SegmentsAndDistances() => _segments.Assign(_rows.Values, Batch, _rows.Columns, _indexes, _distances, _margins, _scratch);

    [Benchmark(OperationsPerInvoke = Batch)]
    public void SegmentsOfLogarithms() => _logarithmicSegments.Assign(_rows.Values, Batch, _rows.Columns, _indexes, [], [], _scratch);

    [Benchmark]
    public SegmentAssignment SegmentOfOneRow() => _segments.Assign(NextRow(), _scratch);

    // Another row each time, so that no branch can learn its values.
    private Span<float> NextRow()
    {
        _row = (_row + 1) % Batch;
        return _rows.Row(_row);
    }
}
