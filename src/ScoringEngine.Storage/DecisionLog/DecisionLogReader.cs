using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Schemas;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>
/// The decision log of a data directory that no server has open, or of a backup. Changes nothing. Its customers are in memory meanwhile,
/// for without them nobody can read what their decisions depended on.
/// </summary>
public sealed class DecisionLogReader : IDisposable
{
    private readonly DirectoryLock? _lock;
    private readonly CustomerStore _customers;
    private readonly DecisionState _state;
    private readonly RecordLog _records;
    private readonly RecordLog _values;

    private DecisionLogReader(DirectoryLock? held, CustomerStore customers, RecoveredDecisions recovered, DataDirectory directory, bool skipDamaged)
    {
        _lock = held;
        _customers = customers;
        _state = recovered.State;
        _records = new RecordLog(directory.Decisions, directory.Files, directory.Manifest.Lineage, JournalKind.Decisions, recovered.NextDecision) { SkipDamage = skipDamaged };
        _values = new RecordLog(directory.Values, directory.Files, directory.Manifest.Lineage, JournalKind.Values, recovered.NextValue) { SkipDamage = skipDamaged };
    }

    /// <summary>Numbers of the propositions.</summary>
    public Numbering Propositions => _state.Propositions;

    /// <summary>Numbers of the channels.</summary>
    public Numbering Channels => _state.Channels;

    /// <summary>Matured offers and acceptances.</summary>
    public AcceptanceCounts Counts => _state.Counts;

    /// <summary>What is used of the propositions' budgets.</summary>
    public BudgetLedger Budgets => _state.Budgets;

    /// <summary>Opens the log of a directory.</summary>
    /// <param name="directory">The data directory, or a backup.</param>
    /// <param name="store">Sizes of the store for the customers; null for the defaults.</param>
    /// <param name="skipDamaged">Whether to leave out what of the decisions and values a repair has found damaged.</param>
    /// <param name="progress">Told how far the customers have been read.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DataDirectoryException">The directory is in use, none, or newer than this program.</exception>
    /// <exception cref="StorageCorruptionException">Something is damaged.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static DecisionLogReader Open(string directory, CustomerStoreOptions? store = null, bool skipDamaged = false,
        IProgress<RecoveryProgress>? progress = null, CancellationToken cancellation = default)
    {
        string path = Path.GetFullPath(directory);
        DirectoryLock? held = DataTool.LockExisting(path);
        try
        {
            return Open(DataDirectory.Open(DiskFiles.Instance, path), held, store ?? new CustomerStoreOptions(), skipDamaged, progress, cancellation);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="DecisionLog.ArchiveOf"/>
    public ArchiveRecord? ArchiveOf(ReadOnlySpan<byte> hash) => _state.Archive(hash);

    /// <summary>Decisions with their outcomes, in the order they were made.</summary>
    /// <param name="query">Which.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StorageCorruptionException">A record is damaged.</exception>
    /// <exception cref="IOException">The journal cannot be read.</exception>
    public IEnumerable<LoggedDecision> Read(DecisionQuery query, CancellationToken cancellation = default)
        => new DecisionScan(_records, _customers, Environment.ProcessorCount).Read(query, cancellation);

    /// <inheritdoc cref="DecisionLog.ReadValues"/>
    public IEnumerable<(ulong Sequence, ValueRecord Value)> ReadValues(ulong from = 0) => ValueLog.Read(_values, from);

    /// <summary>Lets go of the directory.</summary>
    public void Dispose()
    {
        _customers.Dispose();
        _lock?.Dispose();
    }

    /// <summary>Opens the log of a directory whose lock is held.</summary>
    internal static DecisionLogReader Open(DataDirectory directory, DirectoryLock? held, CustomerStoreOptions store, bool skipDamaged,
        IProgress<RecoveryProgress>? progress, CancellationToken cancellation)
    {
        CustomerStore customers = new(store);
        try
        {
            RecoveredParts parts = new(customers, new StoredSchemas(), new RecentRequests(0), Erasures: null);
            new Recovery(directory, parts, repair: null, Environment.ProcessorCount, progress, cancellation).Run();
            RepairReport? damaged = skipDamaged ? new RepairReport() : null;
            return new DecisionLogReader(held, customers, DecisionRecovery.Run(directory, new DecisionLogOptions(), damaged, cancellation), directory, skipDamaged);
        }
        catch
        {
            customers.Dispose();
            throw;
        }
    }
}
