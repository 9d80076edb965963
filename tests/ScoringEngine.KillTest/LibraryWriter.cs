using System.Diagnostics;
using System.Globalization;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.KillTest;

/// <summary>The process that is killed: opens the database, compares it with the audit, then writes until its input ends.</summary>
internal static class LibraryWriter
{
    /// <summary>Said once the database was found to be right.</summary>
    public const string Ready = "ready";

    /// <summary>Exit code when the database and the audit differ.</summary>
    public const int Differs = 3;

    public static async Task<int> RunAsync(string folder, int seed, TextReader input, TextWriter output)
    {
        using Audit audit = new(Path.Combine(folder, "audit"));
        CustomerDatabaseOptions options = new()
        {
            Directory = Path.Combine(folder, "data"),
            Durability = Durability.Commit,
            Store = new CustomerStoreOptions { ExpectedCustomers = Audit.Keys, MemoryBytes = 4 << 20, PageBytes = 1 << 16 },
            SnapshotInterval = TimeSpan.FromSeconds(1),
            SnapshotJournalBytes = 1 << 20,
        };
        long start = Stopwatch.GetTimestamp();
        await using CustomerDatabase database = CustomerDatabase.Open(options, LibraryTarget.Schema, TimeProvider.System);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        LibraryTarget target = new(database);
        Findings findings = audit.Verify(await target.ReadAllAsync());
        output.WriteLine(findings.Clean
            ? string.Create(CultureInfo.InvariantCulture, $"{Ready} after {seconds:F3} s: {findings}, {audit.AcknowledgedWrites} writes acknowledged so far")
            : string.Join('\n', [findings.ToString(), .. findings.Lost.Concat(findings.Phantom).Concat(findings.Torn).Take(20)]));
        output.Flush();
        if (!findings.Clean)
        {
            return Differs;
        }
        using CancellationTokenSource stop = new();
        Task work = Task.WhenAll(new Writers(target, audit, seed).RunAsync(stop.Token), CompactAsync(database, stop.Token));
        await Task.WhenAny(work, input.ReadToEndAsync());
        await stop.CancelAsync();
        await work;
        return 0;
    }

    // Beside the snapshots that the database makes by itself: kills meet one being written, verified or replaced.
    private static async Task CompactAsync(CustomerDatabase database, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            await Task.Delay(50, CancellationToken.None);
            await database.CompactAsync(CancellationToken.None);
        }
    }
}
