using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using ScoringEngine.Benchmarks;

// store-load [customers] [memory MiB]: one plain run of the store at size. kernels [rows]: rates of the scoring kernels.
// decide [rows]: time of a decision and decisions a second. simulate [rows]: customers a second through a simulation.
// recovery [customers] [folder]: time to recover that many from a snapshot, and from a journal.
// journal [folder] [records]: rates of the journal on a disk.
// commits [writers] [seconds] [folder]: durable single upserts. churn [million updates] [customers] [folder]: years of changes; fails when not bounded.
// allocations BUDGET: fails when a benchmark allocates more than its budget. tasks: answers the tasks of benchmarks/peers. Anything else goes to BenchmarkDotNet.
if (args is ["store-load", ..])
{
    long customers = args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 2_000_000;
    long memoryBytes = args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) << 20 : 1L << 30;
    StoreLoad.Run(customers, memoryBytes, Console.Out);
    return 0;
}
if (args is ["kernels", ..])
{
    KernelRates.Run(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 500_000, Console.Out);
    return 0;
}
if (args is ["decide", ..])
{
    DecisionRates.Run(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 100_000, Console.Out);
    return 0;
}
if (args is ["simulate", ..])
{
    SimulationRates.Run(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 200_000, Console.Out);
    return 0;
}
if (args is ["recovery", ..])
{
    await RecoveryRates.RunAsync(args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 10_000_000, args.Length > 2 ? args[2] : Path.GetTempPath(), Console.Out);
    return 0;
}
if (args is ["journal", ..])
{
    JournalRates.Run(args.Length > 1 ? args[1] : Path.GetTempPath(), args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) : 10_000_000, Console.Out);
    return 0;
}
if (args is ["commits", ..])
{
    await CommitRate.RunAsync(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 64,
        args.Length > 2 ? double.Parse(args[2], CultureInfo.InvariantCulture) : 10, args.Length > 3 ? args[3] : null, Console.Out);
    return 0;
}
if (args is ["churn", ..])
{
    double millions = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 100;
    int customers = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 1_000_000;
    return await Churn.RunAsync((long)(millions * 1e6), customers, args.Length > 3 ? args[3] : null, Console.Out) ? 0 : 1;
}
if (args is ["allocations", string budget])
{
    return AllocationBudget.Check(budget, Console.Out) ? 0 : 1;
}
if (args is ["tasks"])
{
    TaskSession.Run(Console.In, Console.Out);
    return 0;
}
// In this process: the project BenchmarkDotNet would generate does not restore, for it does not prune FASTER's missing dependency.
IConfig config = DefaultConfig.Instance
    .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
    .AddColumn(StatisticColumn.OperationsPerSecond);
BenchmarkSwitcher.FromAssembly(typeof(CustomerStoreBenchmark).Assembly).Run(args, config);
return 0;
