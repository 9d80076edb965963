using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using BenchmarkDotNet.Attributes;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// Holds every benchmark of this assembly to the bytes that one call of it may allocate. Bytes, unlike times, are the same on
/// any machine, so a build can depend on them.
/// </summary>
internal static class AllocationBudget
{
    private const double WarmUpSeconds = 0.25;
    private const double MeasuredSeconds = 0.1;
    private const int Rounds = 3;

    /// <summary>Measures all benchmarks and compares them with a budget file, a JSON object from "class.method" to bytes.</summary>
    /// <returns>False when a benchmark is over its budget or has none, or when the file names one that is not there.</returns>
    public static bool Check(string path, TextWriter output)
    {
        SortedDictionary<string, long> budgets = JsonSerializer.Deserialize<SortedDictionary<string, long>>(File.ReadAllText(path))
            ?? throw new InvalidDataException($"{path}: expected an object from benchmark to bytes");
        bool met = true;
        output.WriteLine($"{"benchmark",-44} {"bytes a call",14} {"budget",14}");
        foreach ((string benchmark, long bytes) in Measure())
        {
            bool known = budgets.Remove(benchmark, out long budget);
            string verdict = !known ? "NOT IN THE BUDGET" : bytes > budget ? "OVER" : "";
            Write(benchmark, $"{bytes}", known ? $"{budget}" : "", verdict);
            met &= verdict.Length == 0;
        }
        foreach ((string benchmark, long budget) in budgets)
        {
            Write(benchmark, "", $"{budget}", "NO SUCH BENCHMARK");
            met = false;
        }
        return met;

        void Write(string benchmark, string bytes, string budget, string verdict)
            => output.WriteLine($"{benchmark,-44} {bytes,14} {budget,14}  {verdict}".TrimEnd());
    }

    private static IEnumerable<(string Benchmark, long Bytes)> Measure()
    {
        foreach (Type type in typeof(AllocationBudget).Assembly.GetTypes().OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            MethodInfo[] benchmarks = MethodsWith<BenchmarkAttribute>(type);
            if (benchmarks.Length == 0)
            {
                continue;
            }
            object instance = Activator.CreateInstance(type)!;
            foreach (PropertyInfo property in type.GetProperties())
            {
                if (property.GetCustomAttribute<ParamsAttribute>() is { } parameters)
                {
                    property.SetValue(instance, parameters.Values[0]);
                }
            }
            Invoke<GlobalSetupAttribute>(instance);
            foreach (MethodInfo benchmark in benchmarks)
            {
                yield return ($"{type.Name}.{benchmark.Name}", BytesOfCall(Bind(benchmark, instance)));
            }
            Invoke<GlobalCleanupAttribute>(instance);
        }
    }

    /// <summary>Bytes that a call allocates on its thread, rounded up: the least of several rounds, for the runtime now and then allocates too.</summary>
    private static long BytesOfCall(Action call)
    {
        Repeat(call, WarmUpSeconds);
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long calls = Repeat(call, MeasuredSeconds);
            least = Math.Min(least, (GC.GetAllocatedBytesForCurrentThread() - before + calls - 1) / calls);
        }
        return least;
    }

    private static long Repeat(Action call, double seconds)
    {
        long calls = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            call();
            calls++;
        }
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds);
        return calls;
    }

    /// <summary>The method without its result; reflection would box that at each call.</summary>
    private static Action Bind(MethodInfo method, object instance) => method.ReturnType == typeof(void)
        ? method.CreateDelegate<Action>(instance)
        : (Action)typeof(AllocationBudget).GetMethod(nameof(Discard), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(method.ReturnType).Invoke(null, [method, instance])!;

    private static Action Discard<T>(MethodInfo method, object instance)
    {
        Func<T> call = method.CreateDelegate<Func<T>>(instance);
        return () => call();
    }

    private static void Invoke<TAttribute>(object instance)
        where TAttribute : Attribute
    {
        foreach (MethodInfo method in MethodsWith<TAttribute>(instance.GetType()))
        {
            method.Invoke(instance, []);
        }
    }

    private static MethodInfo[] MethodsWith<TAttribute>(Type type)
        where TAttribute : Attribute
        => [.. type.GetMethods().Where(m => m.GetCustomAttribute<TAttribute>() is not null).OrderBy(m => m.Name, StringComparer.Ordinal)];
}
