using System.Diagnostics;
using System.Globalization;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// Customers a second through a simulation, on one thread and on one a processor: with rules that everything passes, and with rules that about
/// half and a seventh pass; against a baseline, and with what each rule costs. A customer against a baseline is two decisions.
/// </summary>
internal static class SimulationRates
{
    private const int Repeats = 3;

    public static void Run(int rows, TextWriter output)
    {
        FeatureMatrix data = BenchmarkModels.Rows(rows);
        CustomerChunk[] chunks = [.. Enumerable.Range(0, rows).Chunk(CustomerChunk.Size).Select(part => new CustomerChunk(
            [.. part.Select(i => new BatchCustomer($"C{i:D7}", ""))], data.Values[(part[0] * data.Columns)..((part[^1] + 1) * data.Columns)]))];
        output.WriteLine($"{Environment.ProcessorCount} processors, {rows} rows x {BenchmarkModels.Features}, {BenchmarkDecisions.Propositions} propositions x 3 rules, {BenchmarkModels.Trees} trees each");
        foreach (double threshold in (double[])[-100, -1, -0.25])
        {
            DecisionModel model = new BenchmarkDecisions(data, threshold).Model;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"threshold {threshold,5}: 1 thread {Rate(null, 1, false),4:F0} k/s, all {Rate(null, 0, false),4:F0} k/s; with baseline {Rate(model, 0, false),4:F0} k/s; drop-one {Rate(null, 0, true),4:F0} k/s"));

            double Rate(DecisionModel? before, int threads, bool dropOne)
            {
                double best = double.PositiveInfinity;
                for (int repeat = 0; repeat < Repeats; repeat++)
                {
                    long start = Stopwatch.GetTimestamp();
                    new Simulation(before, model, new SimulationOptions { TimeUnixMs = BenchmarkDecisions.Time, Threads = threads, DropOne = dropOne }).Run(chunks);
                    best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
                return rows / best / 1e3;
            }
        }
    }
}
