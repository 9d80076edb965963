using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Benchmarks;

/// <summary>Rows a second of the scoring kernels on one thread and on one thread a processor: the best of several short runs.</summary>
internal static class KernelRates
{
    private const int Repeats = 7;

    public static void Run(int rows, TextWriter output)
    {
        FeatureMatrix data = BenchmarkModels.Rows(rows);
        Quantiser quantiser = BenchmarkModels.Quantiser(data);
        ObliviousEnsemble ensemble = BenchmarkModels.Ensemble(quantiser);
        float[] margins = new float[rows];
        int[] indexes = new int[rows];
        float[] distances = new float[rows];
        float[] separations = new float[rows];

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{RuntimeInformation.FrameworkDescription}, {Environment.ProcessorCount} processors, widest vector {(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128)} bits, {rows} rows x {BenchmarkModels.Features}"));
        Report(output, "quantise", rows, (from, until) =>
        {
            byte[] bins = new byte[ensemble.ScratchLength];
            for (int r = from; r < until; r += ObliviousEnsemble.BlockRows)
            {
                quantiser.Quantise(data.Values.AsSpan(r * data.Columns), Math.Min(ObliviousEnsemble.BlockRows, until - r), data.Columns, bins);
            }
        });
        Report(output, "trees, quantised", rows, (from, until) =>
        {
            byte[] bins = new byte[ensemble.ScratchLength];
            quantiser.Quantise(data.Values, Math.Min(ObliviousEnsemble.BlockRows, rows), data.Columns, bins);
            for (int r = from; r < until; r += ObliviousEnsemble.BlockRows)
            {
                ensemble.Margins(bins, Math.Min(ObliviousEnsemble.BlockRows, until - r), margins.AsSpan(r));
            }
        });
        Report(output, "trees, raw rows", rows, (from, until) =>
            ensemble.PredictMargins(quantiser, data.Values.AsSpan(from * data.Columns), until - from, data.Columns, margins.AsSpan(from), new byte[ensemble.ScratchLength]));
        Report(output, "trees, raw, row by row", Math.Min(rows, 100_000), (from, until) =>
        {
            byte[] scratch = new byte[ensemble.ScratchLength];
            float[] margin = new float[1];
            for (int r = from; r < until; r++)
            {
                ensemble.PredictMargins(quantiser, data.Row(r), 1, data.Columns, margin, scratch);
            }
        });
        foreach (bool log1P in (bool[])[false, true])
        {
            SegmentModel model = BenchmarkModels.SegmentModel(log1P);
            string suffix = log1P ? ", log1p" : "";
            Report(output, "segments" + suffix, rows, (from, until) =>
                model.Assign(data.Values.AsSpan(from * data.Columns), until - from, data.Columns, indexes.AsSpan(from), [], [], new float[model.ScratchLength]));
            Report(output, "segments, distances" + suffix, rows, (from, until) =>
                model.Assign(data.Values.AsSpan(from * data.Columns), until - from, data.Columns, indexes.AsSpan(from), distances.AsSpan(from), separations.AsSpan(from), new float[model.ScratchLength]));
            Report(output, "segments, row by row" + suffix, Math.Min(rows, 100_000), (from, until) =>
            {
                float[] scratch = new float[model.ScratchLength];
                for (int r = from; r < until; r++)
                {
                    indexes[r] = model.Assign(data.Row(r), scratch).Index;
                }
            });
        }
    }

    private static void Report(TextWriter output, string what, int rows, Action<int, int> work)
    {
        // Long enough for the runtime to reach its best code, whatever the rows.
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalSeconds < 0.3;)
        {
            work(0, Math.Min(rows, 4_000));
        }
        double one = Rate(rows, 1, work);
        double all = Rate(rows, Environment.ProcessorCount, work);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what,-28} 1 thread {one / 1e6,7:F2} M rows/s, {1e9 / one,6:F0} ns a row; {Environment.ProcessorCount} threads {all / 1e6,7:F2} M rows/s"));
    }

    private static double Rate(int rows, int threads, Action<int, int> work)
    {
        double best = double.PositiveInfinity;
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, t => work((int)((long)rows * t / threads), (int)((long)rows * (t + 1) / threads)));
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return rows / best;
    }
}
