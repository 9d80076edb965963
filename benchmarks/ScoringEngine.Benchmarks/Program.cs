using System.Globalization;
using BenchmarkDotNet.Running;
using ScoringEngine.Benchmarks;

// store-load [customers] [memory MiB]: one plain run of the store at size; anything else goes to BenchmarkDotNet.
if (args is ["store-load", ..])
{
    long customers = args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 2_000_000;
    long memoryBytes = args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) << 20 : 1L << 30;
    StoreLoad.Run(customers, memoryBytes, Console.Out);
    return 0;
}
BenchmarkSwitcher.FromAssembly(typeof(CustomerStoreBenchmark).Assembly).Run(args);
return 0;
