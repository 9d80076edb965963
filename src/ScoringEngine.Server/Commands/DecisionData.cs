using System.CommandLine;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary>The decision log of a data folder that no server has open.</summary>
internal static class DecisionData
{
    // Reading is no reason to remove anything.
    private static readonly DecisionLogOptions Keep = new() { DecisionRetention = TimeSpan.FromDays(36_500), ValueRetention = TimeSpan.FromDays(36_500) };

    /// <summary>The option that names the folder.</summary>
    public static Option<string?> Option(string name = "--data") => new(name)
    {
        Description = "Data folder, which no server has open",
        HelpName = "FOLDER",
    };

    /// <summary>Opens the log of a folder.</summary>
    /// <exception cref="IOException">It is no data folder, or a server has it open, or it cannot be read.</exception>
    public static Task<T> OpenAsync<T>(string folder, string title, CommandOutput output, Func<DecisionLog, IProgress<double>, T> work, CancellationToken cancellation)
        => OpenAsync(folder, title, output, (_, log, progress) => Task.FromResult(work(log, progress)), cancellation);

    /// <summary>Opens customers and log of a folder.</summary>
    /// <exception cref="IOException">It is no data folder, or a server has it open, or it cannot be read.</exception>
    public static async Task<T> OpenAsync<T>(
        string folder, string title, CommandOutput output, Func<CustomerDatabase, DecisionLog, IProgress<double>, Task<T>> work, CancellationToken cancellation)
    {
        // Opening makes a folder that is none a data folder: first see that it is one.
        CustomerDatabaseOptions options = new() { Directory = folder, Store = DataTarget.StoreOptions(folder, null) };
        return await output.WithProgressAsync(title, async progress =>
        {
            await using CustomerDatabase database = CustomerData.Open(options, schema: null, TimeProvider.System, new RecoveryBar(progress), cancellation);
            await using DecisionLog log = DecisionLog.Open(Keep, database, TimeProvider.System, cancellation);
            return await work(database, log, progress);
        });
    }
}
