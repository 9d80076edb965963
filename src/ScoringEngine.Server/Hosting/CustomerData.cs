using ScoringEngine.Core.Features;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Hosting;

/// <summary>Opens databases of customers as the commands do: what a person can mend is told in a line.</summary>
internal static class CustomerData
{
    // Record, key and their padding beside the features; only sizes the index.
    private const int RecordOverheadBytes = 48;

    /// <summary>Sizes of the live store.</summary>
    /// <param name="memoryBytes">Memory for records.</param>
    /// <param name="expectedCustomers">What the index is made for; 0 for as many as fit into the memory.</param>
    /// <param name="schema">Tells how large a record is.</param>
    public static CustomerStoreOptions StoreOptions(long memoryBytes, long expectedCustomers, FeatureSchema schema) => new()
    {
        MemoryBytes = memoryBytes,
        ExpectedCustomers = expectedCustomers > 0 ? expectedCustomers : memoryBytes / (RecordOverheadBytes + (sizeof(float) * schema.CustomerCount)),
    };

    /// <inheritdoc cref="CustomerDatabase.Open(CustomerDatabaseOptions, FeatureSchema?, TimeProvider, IProgress{RecoveryProgress}?, CancellationToken)"/>
    /// <exception cref="CommandFailure">The directory is damaged, or the memory cannot be had.</exception>
    /// <exception cref="InvalidDataException">The directory holds customers of another schema.</exception>
    /// <exception cref="IOException">The directory is in use, is none, or cannot be read or written.</exception>
    public static CustomerDatabase Open(CustomerDatabaseOptions options, FeatureSchema? schema, TimeProvider time,
        IProgress<RecoveryProgress>? progress, CancellationToken cancellation)
    {
        try
        {
            return CustomerDatabase.Open(options, schema, time, progress, cancellation);
        }
        catch (StorageCorruptionException e)
        {
            throw Damaged(e, options.Repair);
        }
        catch (Exception e) when (e is OutOfMemoryException or OverflowException)
        {
            throw new CommandFailure($"{options.Store.MemoryBytes:N0} bytes for customers cannot be had on this machine; lower --memory");
        }
    }

    /// <inheritdoc cref="DecisionLog.Open"/>
    /// <exception cref="CommandFailure">The directory is damaged.</exception>
    public static DecisionLog OpenLog(DecisionLogOptions options, CustomerDatabase database, TimeProvider time, bool repair, CancellationToken cancellation)
    {
        try
        {
            return DecisionLog.Open(options, database, time, cancellation);
        }
        catch (StorageCorruptionException e)
        {
            throw Damaged(e, repair);
        }
    }

    private static CommandFailure Damaged(StorageCorruptionException e, bool repair)
        => new(repair ? e.Message : $"{e.Message}; serve --repair keeps what is provable, and lists what is lost");
}
