using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Schemas;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>A damaged file of a data directory.</summary>
/// <param name="File">Its path.</param>
/// <param name="Problem">What is wrong with it and what is affected.</param>
public sealed record DamagedFile(string File, string Problem);

/// <summary>What <see cref="DataTool.Verify"/> found.</summary>
/// <param name="Bytes">Bytes that were read.</param>
/// <param name="Customers">Number of customers in the newest snapshot; 0 without one.</param>
/// <param name="Snapshots">The snapshots, newest first.</param>
/// <param name="Damages">What is damaged; empty when all is well.</param>
public sealed record VerificationReport(long Bytes, long Customers, IReadOnlyList<SnapshotInfo> Snapshots, IReadOnlyList<DamagedFile> Damages);

/// <summary>What a data directory says of itself, without reading all of it.</summary>
/// <param name="Lineage">Its random name.</param>
/// <param name="Format">Its format.</param>
/// <param name="InUseBy">The process that has it open; null when none has, or it cannot be told.</param>
/// <param name="ClosedInOrder">Whether it was closed in order and not opened since.</param>
/// <param name="Snapshots">The snapshots, newest first, at most two.</param>
/// <param name="JournalFiles">Number of segments of the journal.</param>
/// <param name="JournalBytes">Their length together; the last one is longer than what is written in it while the directory is open.</param>
/// <param name="ContactFiles">Number of segments of the contacts journal.</param>
/// <param name="ContactBytes">Their length together.</param>
/// <param name="Erasures">Number of entries in the register of erasures; those since the last snapshot are in the journal.</param>
/// <param name="DecisionFiles">Number of segments of the journal of decisions.</param>
/// <param name="DecisionBytes">Their length together.</param>
/// <param name="ValueFiles">Number of segments of the journal of values.</param>
/// <param name="ValueBytes">Their length together.</param>
public sealed record DirectoryStatistics(Guid Lineage, int Format, int? InUseBy, bool ClosedInOrder, IReadOnlyList<SnapshotInfo> Snapshots,
    int JournalFiles, long JournalBytes, int ContactFiles, long ContactBytes, long Erasures,
    int DecisionFiles, long DecisionBytes, int ValueFiles, long ValueBytes);

/// <summary>What <see cref="DataTool.Restore"/> did.</summary>
/// <param name="Customers">Number of customers that the new directory has.</param>
/// <param name="Erased">Number of customers that the backup had and a register of erasures took away.</param>
/// <param name="Warnings">Damage of the directory whose erasures were asked for, for a person to read: some erasures may be unknown.</param>
public sealed record RestoreInfo(long Customers, long Erased, IReadOnlyList<string> Warnings);

/// <summary>What can be done with a data directory that no database has open.</summary>
public static class DataTool
{
    // Later than any number that the directory of the backup can have given to a write since: years of a million writes a
    // second. A chain of 65,000 restores has room.
    private const ulong SequenceJump = 1UL << 48;

    /// <summary>Reads every file and checks every byte that counts; changes nothing.</summary>
    /// <exception cref="DataDirectoryException">The directory is in use, none, or newer than this program.</exception>
    /// <exception cref="StorageCorruptionException">Its manifest is damaged, so that nothing can be said of the rest.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static VerificationReport Verify(string directory, IProgress<RecoveryProgress>? progress = null, CancellationToken cancellation = default)
    {
        string path = Path.GetFullPath(directory);
        using DirectoryLock? held = LockExisting(path);
        DataDirectory data = DataDirectory.Open(DiskFiles.Instance, path);
        List<DamagedFile> damages = [];
        long bytes = new DirectoryCheck(data, progress, cancellation).Run((file, problem) => damages.Add(new DamagedFile(file, problem)));
        return new VerificationReport(bytes, data.Manifest.Generations is [SnapshotInfo newest, ..] ? newest.Customers : 0, data.Manifest.Generations, damages);
    }

    /// <summary>What a directory says of itself; may be asked while a database has it open.</summary>
    /// <exception cref="DataDirectoryException">It is none, or newer than this program.</exception>
    /// <exception cref="StorageCorruptionException">Its manifest is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static DirectoryStatistics Stats(string directory)
    {
        string path = Path.GetFullPath(directory);
        DataDirectory data = DataDirectory.Open(DiskFiles.Instance, path);
        long[] journal = LengthsOf(data.Journal);
        long[] contacts = LengthsOf(data.Contacts);
        long[] decisions = LengthsOf(data.Decisions);
        long[] values = LengthsOf(data.Values);
        Manifest manifest = data.Manifest;
        return new DirectoryStatistics(manifest.Lineage, manifest.Format, DirectoryLock.Holder(path), manifest.Closed is not null, manifest.Generations,
            journal.Length, journal.Sum(), contacts.Length, contacts.Sum(), manifest.Erasures,
            decisions.Length, decisions.Sum(), values.Length, values.Sum());

        static long[] LengthsOf(string folder) => [.. JournalReader.Segments(folder, DiskFiles.Instance).Select(segment => DiskFiles.Instance.LengthOf(segment.Path))];
    }

    /// <summary>Makes a data directory of the customers of a backup, without those that were erased since.</summary>
    /// <remarks>
    /// The new directory has a lineage of its own and later sequence numbers than the one the backup is of; it has the same salt, so that
    /// their registers of erasures stand for the same customers.
    /// </remarks>
    /// <param name="backup">Folder of the backup, or another data directory; it is not changed.</param>
    /// <param name="directory">Folder of the new data directory: absent or empty.</param>
    /// <param name="erasuresFrom">The data directory whose erasures are to be applied, usually the one the backup is of; null for those the backup itself knows.</param>
    /// <param name="store">Sizes of the store through which the customers pass; null for the defaults.</param>
    /// <param name="progress">Told how far it has got.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DataDirectoryException">A folder is in use, not what it should be, or newer than this program.</exception>
    /// <exception cref="StorageCorruptionException">The backup, or the register of erasures, is damaged.</exception>
    /// <exception cref="InvalidDataException">The erasures are of other customers.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static RestoreInfo Restore(string backup, string directory, string? erasuresFrom = null, CustomerStoreOptions? store = null,
        IProgress<RecoveryProgress>? progress = null, CancellationToken cancellation = default)
    {
        IStorageFiles files = DiskFiles.Instance;
        string target = Path.GetFullPath(directory);
        string source = Path.GetFullPath(backup);
        if (DataDirectory.IsOne(files, target))
        {
            throw new DataDirectoryException(DataDirectoryProblem.OtherContent, $"{target} is a data directory already; name an empty folder, or one that is not there yet");
        }
        DataDirectory.CheckFree(files, target);
        using DirectoryLock? sourceLock = LockExisting(source);
        DataDirectory from = DataDirectory.Open(files, source);
        using DirectoryLock targetLock = DirectoryLock.Take(target);
        return RestoreInto(from, target, erasuresFrom is null ? null : Path.GetFullPath(erasuresFrom), store ?? new CustomerStoreOptions(), progress, cancellation);
    }

    private static RestoreInfo RestoreInto(DataDirectory from, string target, string? erasuresFrom, CustomerStoreOptions store, IProgress<RecoveryProgress>? progress, CancellationToken cancellation)
    {
        using CustomerStore customers = new(store);
        DataDirectory to = DataDirectory.Begin(from.Files, target, from.Manifest.ErasureSalt);
        ErasureRegister register = new(to.Files, to.Erasures, to.Salt);
        RecoveredParts parts = new(customers, new StoredSchemas(), new RecentRequests(new CustomerDatabaseOptions().RecentRequests), register);
        Recovery recovery = new(from, parts, repair: null, Environment.ProcessorCount, progress, cancellation);
        recovery.Run();
        List<Erasure> erasures = [.. from.ReadErasures()];
        List<string> warnings = [];
        if (erasuresFrom is not null)
        {
            using DirectoryLock? held = LockExisting(erasuresFrom);
            erasures.AddRange(ErasuresOf(DataDirectory.Open(from.Files, erasuresFrom), from, warnings));
        }
        register.Add(erasures);
        long erased = ErasureRegister.Apply(erasures, to.Salt, customers, cancellation);
        ulong last = Math.Max(recovery.NextSequence, erasures.Count == 0 ? 0 : erasures.Max(e => e.Sequence));
        CustomerLog log = new(journal: null, last + SequenceJump, customers, parts.Requests, register);
        ContactLog contactLog = new(journal: null, recovery.NextContact + SequenceJump, store.MaxContactEvents);
        if (DecisionFiles.Exist(from))
        {
            DecisionFiles.Rewrite(from, to, TimeProvider.System, cancellation);
        }
        SnapshotInfo snapshot = new SnapshotKeeper(to, parts, log, contactLog, journal: null, contacts: null, TimeProvider.System).Take(keepOlder: true, cancellation);
        return new RestoreInfo(snapshot.Customers, erased, warnings);
    }

    /// <summary>All erasures that a directory knows: of its register, and since then of its journal, as far as that can be read.</summary>
    private static IEnumerable<Erasure> ErasuresOf(DataDirectory directory, DataDirectory backup, List<string> warnings)
    {
        if (directory.Manifest.ErasureSalt != backup.Manifest.ErasureSalt)
        {
            throw new InvalidDataException($"{directory.Root} holds other customers than {backup.Root}: its erasures mean nothing there");
        }
        DeleteCollector deletes = new(directory.Salt);
        ulong first = directory.Manifest.Generations is [SnapshotInfo newest, ..] ? newest.FirstSequence : 1;
        JournalExtent extent = directory.ReadJournal(directory.Journal, JournalKind.Customers, first, directory.Manifest.Closed, deletes, repair: true);
        warnings.AddRange(extent.Damages.Select(damage => new StorageCorruptionException(damage.File, damage.Offset, damage.Affected).Message));
        return directory.ReadErasures().Concat(deletes.Erasures);
    }

    /// <summary>Locks a folder for reading; where nothing can be written, and where nobody has ever locked it, it is in nobody's use.</summary>
    internal static DirectoryLock? LockExisting(string path)
    {
        try
        {
            return DirectoryLock.Exists(path) ? DirectoryLock.Take(path) : null;
        }
        catch (DataDirectoryException e) when (e.Problem == DataDirectoryProblem.NotWritable)
        {
            return null;
        }
    }

    private sealed class DeleteCollector(byte[] salt) : IJournalHandler
    {
        public List<Erasure> Erasures { get; } = [];

        public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload)
        {
            if (type == (uint)CustomerRecordType.Delete)
            {
                Erasures.Add(new Erasure(ErasureRegister.HashOf(WriteHead.Read(payload, out _).Id, salt), sequence));
            }
        }
    }
}
