using System.Collections.Immutable;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>
/// Takes snapshots and backups of a running database. Two snapshots are kept, and the journals from the older one on, so
/// that either snapshot may be lost. Each call must be alone; writes to the database go on beside it.
/// </summary>
/// <remarks>
/// The order is what makes it safe: the snapshot is flushed, read back and renamed; then the register of erasures has all that
/// only older journal segments have; then the manifest names the snapshot; only then goes what nothing needs any more.
/// </remarks>
internal sealed class SnapshotKeeper(DataDirectory directory, RecoveredParts parts, CustomerLog log, ContactLog contactLog, Journal? journal, Journal? contacts, TimeProvider time)
{
    private readonly IStorageFiles _files = directory.Files;

    /// <summary>Takes a snapshot.</summary>
    /// <param name="keepOlder">Whether the newest one so far becomes the older one; else this is the only one, and nothing is deleted.</param>
    /// <param name="cancellation">Gives up; all is as before.</param>
    /// <exception cref="IOException">It cannot be written or a journal is at fault; the snapshots so far stand.</exception>
    public SnapshotInfo Take(bool keepOlder, CancellationToken cancellation)
    {
        (ulong firstSequence, ulong firstContact) = Mark();
        SnapshotInfo snapshot = Write(directory.Snapshots, firstSequence, firstContact, cancellation);
        ImmutableArray<SnapshotInfo> generations = [snapshot, .. keepOlder ? directory.Manifest.Generations.Take(1) : []];
        long erasures = parts.Erasures!.Save();
        directory.Save(directory.Manifest with
        {
            Generations = generations,
            Erasures = erasures,
            Closed = journal is null ? new JournalPosition(firstSequence, "", 0) : null,
            ContactsClosed = contacts is null ? new JournalPosition(firstContact, "", 0) : null,
        });
        if (keepOlder)
        {
            directory.DeleteUnnamedSnapshots();
            // As long as there is one snapshot, the whole journal stands in for the other.
            if (generations.Length > 1)
            {
                journal?.RemoveBefore(generations[^1].FirstSequence);
                contacts?.RemoveBefore(generations[^1].FirstContact);
            }
        }
        return snapshot;
    }

    /// <summary>
    /// Writes a data directory with the customers of now: a snapshot, and the journals of the time in which it was written; and with the decisions.
    /// </summary>
    /// <param name="folder">Where to.</param>
    /// <param name="decisions">The decision log when it is open.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DataDirectoryException">The folder holds other things.</exception>
    /// <exception cref="IOException">It cannot be written, or a journal is at fault.</exception>
    public BackupInfo Backup(string folder, DecisionLog? decisions, CancellationToken cancellation)
    {
        if (journal is null || contacts is null)
        {
            throw new InvalidOperationException("a database without a journal has no backup");
        }
        DataDirectory backup = DataDirectory.Begin(_files, folder, directory.Manifest.ErasureSalt, directory.Manifest.Lineage);
        (ulong firstSequence, ulong firstContact) = Mark();
        SnapshotInfo snapshot = Write(backup.Snapshots, firstSequence, firstContact, cancellation);
        ulong nextSequence = CopyJournal(journal, directory.Journal, backup.Journal, firstSequence, JournalKind.Customers, out JournalPosition closed);
        CopyJournal(contacts, directory.Contacts, backup.Contacts, firstContact, JournalKind.Contacts, out JournalPosition contactsClosed);
        if (decisions is not null || DecisionFiles.Exist(directory))
        {
            DecisionFiles.Begin(backup);
            if (decisions is null)
            {
                DecisionFiles.Copy(directory, backup);
            }
            decisions?.CopyTo(backup, (source, from, to, kind) => CopyJournal(source, from, to, first: 0, kind, out _));
        }
        long erasures = parts.Erasures!.Save();
        if (_files.Exists(directory.Erasures))
        {
            _files.Copy(directory.Erasures, backup.Erasures);
        }
        backup.Save(backup.Manifest with { Generations = [snapshot], Erasures = erasures, Closed = closed, ContactsClosed = contactsClosed });
        long bytes = new DirectoryCheck(backup, progress: null, cancellation).Run();
        return new BackupInfo(folder, bytes, snapshot.Customers, nextSequence - 1);
    }

    /// <summary>Ends what goes into a snapshot for certain.</summary>
    private (ulong FirstSequence, ulong FirstContact) Mark()
    {
        // So that no two snapshots have the same number.
        ulong mark = log.Append(CustomerRecordType.Snapshot, default, default);
        return journal is null || contacts is null ? (mark + 1, contactLog.LastSequence + 1) : (journal.Rotate(), contacts.Rotate());
    }

    private SnapshotInfo Write(string folder, ulong firstSequence, ulong firstContact, CancellationToken cancellation)
    {
        string path = Path.Combine(folder, SnapshotWriter.FileName(firstSequence));
        string temporary = path + StorageFiles.TemporarySuffix;
        _files.Delete(temporary);
        try
        {
            SnapshotInfo snapshot;
            using (SnapshotWriter writer = new(_files, temporary, new SnapshotHeader(directory.Manifest.Lineage, firstSequence, firstContact, time.GetUtcNow().ToUnixTimeMilliseconds())))
            {
                SnapshotWriter visitor = writer;
                parts.Customers.Scan(ref visitor, cancellation);
                SnapshotSchemas.Write(writer, parts.Schemas);
                byte[] requests = parts.Requests.Encode(out int count);
                writer.Add(SnapshotBlock.Requests, count, requests);
                // The scan has met writes that are not durable yet. They must not come back from a snapshot when the journal loses them.
                journal?.Flush();
                contacts?.Flush();
                snapshot = writer.Finish();
            }
            DirectoryCheck.Read(_files, temporary, directory.Manifest.Lineage, snapshot, cancellation);
            _files.Move(temporary, path);
            _files.FlushDirectory(folder);
            return snapshot;
        }
        catch
        {
            _files.Delete(temporary);
            throw;
        }
    }

    /// <summary>Copies the segments from a number up to now; returns the number that comes next.</summary>
    private ulong CopyJournal(Journal source, string from, string to, ulong first, uint kind, out JournalPosition closed)
    {
        ulong end = source.Rotate();
        foreach ((ulong segment, string path) in JournalReader.Segments(from, _files))
        {
            if (segment >= first && segment < end)
            {
                _files.Copy(path, Path.Combine(to, Path.GetFileName(path)));
            }
        }
        // The segment that follows says where the last one ends.
        using Journal next = Journal.Open(to, _files, new JournalOptions { Kind = kind }, directory.Manifest.Lineage, end, time);
        closed = next.Close();
        return end;
    }
}
