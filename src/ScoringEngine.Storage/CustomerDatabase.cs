using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Storage;

/// <summary>
/// The customers and what keeps them: the live <see cref="Customers"/>, and the durability of their writes. A write is
/// made on <see cref="Customers"/> and may be acknowledged once <see cref="CommittedAsync"/> has completed for its number.
/// Thread-safe, except <see cref="DisposeAsync"/>, which must be alone.
/// </summary>
public sealed class CustomerDatabase : IAsyncDisposable
{
    private CustomerDatabase(CustomerStore customers, StoredSchemas schemas)
    {
        Customers = customers;
        Schemas = schemas;
    }

    /// <summary>The live customers.</summary>
    public CustomerStore Customers { get; }

    /// <summary>What the customers' features mean.</summary>
    public StoredSchemas Schemas { get; }

    /// <summary>A database that keeps nothing beyond this process.</summary>
    /// <param name="options">Sizes and places.</param>
    /// <param name="schema">The schema that customers are stored under first.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="InvalidDataException">The schema has more features than a store takes.</exception>
    /// <exception cref="IOException">The folder for what memory cannot hold takes no files.</exception>
    public static CustomerDatabase InMemory(CustomerStoreOptions options, FeatureSchema schema)
    {
        StoredSchemas schemas = new();
        schemas.Adopt(schema);
        return new CustomerDatabase(new CustomerStore(options), schemas);
    }

    /// <summary>Completes when the write of a number, and all before it, are as durable as they are to be.</summary>
    /// <param name="sequence">From the receipt of a write.</param>
    /// <param name="cancellation">Stops waiting; the write stands.</param>
    /// <exception cref="IOException">The write could not be made durable: it may or may not survive.</exception>
    public ValueTask CommittedAsync(ulong sequence, CancellationToken cancellation = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Customers.Dispose();
        return ValueTask.CompletedTask;
    }
}
