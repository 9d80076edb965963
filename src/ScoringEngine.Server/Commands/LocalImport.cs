using System.Threading.Channels;
using ScoringEngine.Core.Features;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Server.Services;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary>
/// Loads blocks into a data directory that no server holds, by the rules of an import. Nothing is durable before the snapshot at
/// the end, which makes it as fast as the file can be read.
/// </summary>
internal static class LocalImport
{
    private const int BlocksAhead = 16;

    /// <summary>Loads all blocks; returns what was done once it is durable.</summary>
    /// <param name="blocks">The file.</param>
    /// <param name="options">Directory and sizes.</param>
    /// <param name="schema">The features that customers have.</param>
    /// <param name="progress">The share of the file that is loaded.</param>
    /// <param name="cancellation">Gives up; the directory may keep none, some or all of the rows.</param>
    public static async Task<UploadTotals> RunAsync(FileBlocks blocks, CustomerDatabaseOptions options, FeatureSchema schema,
        IProgress<double> progress, CancellationToken cancellation)
    {
        await using CustomerDatabase database = CustomerData.Open(options, schema, TimeProvider.System, progress: null, cancellation);
        CustomerImport import = new(schema, database.Schemas.Adopt(schema), database, TimeProvider.System);
        UploadTotals totals = new();
        Channel<FileBlock> read = Channel.CreateBounded<FileBlock>(new BoundedChannelOptions(BlocksAhead) { SingleReader = true, SingleWriter = true });
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task reading = Task.Run(() => ReadAsync(blocks, read.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (FileBlock block in read.Reader.ReadAllAsync(cancellation))
            {
                totals.Add(Acknowledgement.Of(import.Add(block.Customers)));
                progress.Report(block.Progress);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await reading;
        }
        await database.SnapshotAsync(cancellation);
        return totals;
    }

    private static async Task ReadAsync(FileBlocks blocks, ChannelWriter<FileBlock> read, CancellationToken stop)
    {
        Exception? failure = null;
        try
        {
            while (!stop.IsCancellationRequested && blocks.Next() is { } block)
            {
                await read.WriteAsync(block, stop);
            }
        }
        catch (Exception e)
        {
            // The one who takes the blocks throws it.
            failure = e;
        }
        read.Complete(failure);
    }
}
