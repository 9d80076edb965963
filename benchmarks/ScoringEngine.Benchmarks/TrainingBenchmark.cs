using BenchmarkDotNet.Attributes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Benchmarks;

/// <summary>The trainers on one thread: time and bytes of a training row.</summary>
[MemoryDiagnoser]
public class TrainingBenchmark
{
    private const int Rows = 20_000;

    private readonly FeatureMatrix _rows = BenchmarkModels.Rows(Rows);
    private readonly Quantiser _quantiser;
    private readonly LabelledRows _labelled;
    private readonly float[] _labels;

    public TrainingBenchmark()
    {
        _quantiser = BenchmarkModels.Quantiser(_rows);
        float[] targets = [.. Enumerable.Range(0, Rows).Select(r => (_rows[r, 0] * _rows[r, 1]) + MathF.Abs(_rows[r, 2]) + _rows[r, 3])];
        _labels = [.. targets.Select(t => t > 1 ? 1f : 0f)];
        _labelled = new LabelledRows(_quantiser.Quantise(_rows, threads: 1), targets);
    }

    [Benchmark(OperationsPerInvoke = Rows)]
    public Quantiser FitQuantiser() => BenchmarkModels.Quantiser(_rows);

    [Benchmark(OperationsPerInvoke = Rows)]
    public QuantisedMatrix Quantise() => _quantiser.Quantise(_rows, threads: 1);

    [Benchmark(OperationsPerInvoke = Rows)]
    public TreeTraining TrainTenTrees()
        => ObliviousTreeTrainer.Train(_labelled, options: new TreeTrainingOptions { Trees = 10, Depth = BenchmarkModels.Depth, Threads = 1 });

    [Benchmark(OperationsPerInvoke = Rows)]
    public LogisticRegression FitLogistic() => LogisticTrainer.Fit(_quantiser, _rows, _labels, threads: 1);

    [Benchmark(OperationsPerInvoke = Rows)]
    public KMeansResult FitClusters()
        => KMeans.Fit(_rows, new KMeansOptions { K = BenchmarkModels.Segments, Starts = 1, MaxIterations = 20, Threads = 1 });
}
