using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Scoring;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// Engine time of one decision (row to chosen, scoring included) on one thread, and decisions a second over blocks on one thread and on one a
/// processor, with rules that everything passes, and with rules that about half and a seventh pass.
/// </summary>
internal static class DecisionRates
{
    private const int Repeats = 5;

    public static void Run(int rows, TextWriter output)
    {
        FeatureMatrix data = BenchmarkModels.Rows(rows);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{RuntimeInformation.FrameworkDescription}, {Environment.ProcessorCount} processors, widest vector {(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128)} bits, {rows} rows x {BenchmarkModels.Features}, {BenchmarkDecisions.Propositions} propositions x 3 rules, {BenchmarkModels.Trees} trees each"));
        foreach (double threshold in (double[])[-100, -1, -0.25])
        {
            BenchmarkDecisions world = new(data, threshold);
            DecideOneByOne(world, 20_000);
            (double mean, TimeSpan[] times) = DecideOneByOne(world, 20_000);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{mean,5:F1} candidates pass: one decision p50 {Microseconds(times, 0.5):F2} us, p99 {Microseconds(times, 0.99):F2} us; blocks 1 thread {Rate(world, 1) / 1e3:F0} k/s, {Environment.ProcessorCount} threads {Rate(world, Environment.ProcessorCount) / 1e3:F0} k/s"));
        }
    }

    private static double Microseconds(TimeSpan[] sorted, double quantile) => sorted[(int)(quantile * (sorted.Length - 1))].TotalMicroseconds;

    private static (double Passed, TimeSpan[] Sorted) DecideOneByOne(BenchmarkDecisions world, int rows)
    {
        ScoreBlock block = world.Model.Scorer.CreateBlock(1);
        DecisionTrace trace = world.Model.CreateTrace();
        TimeSpan[] times = new TimeSpan[rows];
        long passed = 0;
        for (int r = 0; r < rows; r++)
        {
            long start = Stopwatch.GetTimestamp();
            world.Rows.Row(r % world.Rows.Rows).CopyTo(block.Row(0));
            world.Model.Score(block, 1);
            world.Model.Decide(block, 0, world.Input((ulong)r), trace);
            times[r] = Stopwatch.GetElapsedTime(start);
            passed += trace.Order.Length - 1;
        }
        Array.Sort(times);
        return ((double)passed / rows, times);
    }

    private static double Rate(BenchmarkDecisions world, int threads)
    {
        double best = double.PositiveInfinity;
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, t =>
                DecideBlocks(world, (int)((long)world.Rows.Rows * t / threads), (int)((long)world.Rows.Rows * (t + 1) / threads)));
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return world.Rows.Rows / best;
    }

    private static void DecideBlocks(BenchmarkDecisions world, int from, int until)
    {
        ScoreBlock block = world.Model.Scorer.CreateBlock(DecisionModel.BlockRows);
        DecisionTrace trace = world.Model.CreateTrace();
        for (int first = from; first < until; first += DecisionModel.BlockRows)
        {
            int count = Math.Min(DecisionModel.BlockRows, until - first);
            for (int r = 0; r < count; r++)
            {
                world.Rows.Row(first + r).CopyTo(block.Row(r));
            }
            world.Model.Score(block, count);
            for (int r = 0; r < count; r++)
            {
                world.Model.Decide(block, r, world.Input((ulong)(first + r)), trace);
            }
        }
    }
}
