using System.Security.Cryptography;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>
/// The folder of a durable database: where everything is in it, and its manifest. Whoever opens it for writing holds its
/// <see cref="DirectoryLock"/>. Not thread-safe.
/// </summary>
internal sealed class DataDirectory
{
    private const string LockName = "LOCK";
    private const string ManifestName = "MANIFEST";
    private const string JournalFolder = "journal";
    private const string SnapshotsFolder = "snapshots";
    private const string ErasuresName = "erasures";

    private DataDirectory(IStorageFiles files, string path, Manifest manifest)
    {
        Files = files;
        Root = path;
        Manifest = manifest;
    }

    public IStorageFiles Files { get; }

    public string Root { get; }

    /// <summary>What the manifest says; the one on the disk after a failed <see cref="Save"/> is this or the one that was to be saved.</summary>
    public Manifest Manifest { get; private set; }

    public string Journal => Path.Combine(Root, JournalFolder);

    public string Contacts => Path.Combine(Root, "contacts");

    /// <summary>The journal of decisions and outcomes.</summary>
    public string Decisions => Path.Combine(Root, "decisions");

    /// <summary>The journal of the value feed.</summary>
    public string Values => Path.Combine(Root, "values");

    /// <summary>What the journal of decisions adds up to.</summary>
    public string DecisionStates => Path.Combine(Root, "decision-states");

    public string Snapshots => Path.Combine(Root, SnapshotsFolder);

    /// <summary>Where a repair puts what it could not read.</summary>
    public string Damaged => Path.Combine(Root, "damaged");

    public string Erasures => Path.Combine(Root, ErasuresName);

    public string ManifestFile => PathOfManifest(Root);

    public byte[] Salt => Convert.FromHexString(Manifest.ErasureSalt);

    /// <summary>Whether a folder is a data directory.</summary>
    public static bool IsOne(IStorageFiles files, string path) => files.Exists(PathOfManifest(path));

    /// <summary>Refuses a folder that is no data directory and cannot become one.</summary>
    /// <exception cref="DataDirectoryException">It holds other things.</exception>
    public static void CheckUsable(IStorageFiles files, string path, bool repair)
    {
        if (!IsOne(files, path) && !(repair && WasOne(files, path)))
        {
            CheckFree(files, path);
        }
    }

    /// <summary>The folder for what memory cannot hold.</summary>
    public static string SpillOf(string path) => Path.Combine(path, "spill");

    /// <summary>Refuses a folder that is neither a data directory nor one to be: absent, empty, or begun and not finished.</summary>
    /// <exception cref="DataDirectoryException">It holds other things.</exception>
    public static void CheckFree(IStorageFiles files, string path)
    {
        string? other = files.List(path).FirstOrDefault(name => name is not (LockName or ManifestName + StorageFiles.TemporarySuffix))
            ?? files.ListFolders(path).FirstOrDefault(folder => files.ListFolders(Path.Combine(path, folder)).Count > 0
                || files.List(Path.Combine(path, folder)).Any(name => !name.EndsWith(StorageFiles.TemporarySuffix, StringComparison.Ordinal)));
        if (other is not null)
        {
            throw new DataDirectoryException(DataDirectoryProblem.OtherContent,
                $"{path} is no data directory (it has no {ManifestName}) and is not empty: it holds '{other}'; name an empty folder, or one that is not there yet");
        }
    }

    /// <summary>Makes the folders of an empty data directory; it is one after the first <see cref="Save"/>.</summary>
    /// <param name="files">Where to.</param>
    /// <param name="path">The folder.</param>
    /// <param name="salt">Key of the register of erasures; null for a new one.</param>
    /// <param name="lineage">Its name; null for a new one.</param>
    /// <exception cref="DataDirectoryException">The folder holds other things.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static DataDirectory Begin(IStorageFiles files, string path, string? salt = null, Guid? lineage = null)
    {
        CheckFree(files, path);
        DataDirectory directory = new(files, path, new Manifest
        {
            Lineage = lineage ?? Guid.NewGuid(),
            ErasureSalt = salt ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(ErasureRegister.SaltBytes)),
            Closed = new JournalPosition(1, "", 0),
            ContactsClosed = new JournalPosition(1, "", 0),
        });
        foreach (string folder in (string[])[directory.Journal, directory.Contacts, directory.Snapshots])
        {
            files.CreateDirectory(folder);
        }
        files.FlushDirectory(path);
        return directory;
    }

    /// <summary>Opens a data directory.</summary>
    /// <exception cref="DataDirectoryException">It is none, or a newer program has written it.</exception>
    /// <exception cref="StorageCorruptionException">Its manifest is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static DataDirectory Open(IStorageFiles files, string path)
    {
        if (!IsOne(files, path))
        {
            throw new DataDirectoryException(DataDirectoryProblem.Missing, $"{path} is no data directory: it has no {ManifestName}");
        }
        return new DataDirectory(files, path, Manifest.Decode(files.ReadAll(PathOfManifest(path)), PathOfManifest(path)));
    }

    /// <summary>Opens a data directory, or begins one where there is none.</summary>
    /// <param name="files">Where.</param>
    /// <param name="path">The folder.</param>
    /// <param name="repair">Told of a damaged manifest, which is then made anew; null to refuse it.</param>
    /// <exception cref="DataDirectoryException">The folder holds other things, or a newer program has written it.</exception>
    /// <exception cref="StorageCorruptionException">Its manifest is damaged.</exception>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static DataDirectory OpenOrBegin(IStorageFiles files, string path, RepairReport? repair)
    {
        if (!IsOne(files, path) && !(repair is not null && WasOne(files, path)))
        {
            DataDirectory begun = Begin(files, path);
            begun.Save(begun.Manifest);
            return begun;
        }
        try
        {
            return Open(files, path);
        }
        catch (Exception e) when (repair is not null && (e is StorageCorruptionException or DataDirectoryException { Problem: DataDirectoryProblem.Missing }))
        {
            repair.Note($"{e.Message}; it was made anew from the other files");
            return Rebuild(files, path);
        }
    }

    /// <summary>Opens a data directory whose manifest is damaged or gone, with what the other files say of themselves.</summary>
    /// <exception cref="StorageCorruptionException">No file says which directory it belongs to.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static DataDirectory Rebuild(IStorageFiles files, string path)
    {
        DataDirectory directory = new(files, path, new Manifest { Lineage = Guid.Empty, ErasureSalt = "" });
        List<SnapshotInfo> generations = [];
        Guid? lineage = null;
        foreach (string name in files.List(directory.Snapshots).Where(name => name.EndsWith(SnapshotWriter.Extension, StringComparison.Ordinal)).Reverse())
        {
            try
            {
                using SnapshotReader reader = new(files, Path.Combine(directory.Snapshots, name), lineage, expected: null);
                lineage = reader.Header.Lineage;
                generations.Add(reader.Describe());
            }
            catch (StorageCorruptionException)
            {
                continue; // Not even a header: as if it were not there. It stays where it is.
            }
        }
        foreach ((_, string segment) in JournalReader.Segments(directory.Journal, files))
        {
            byte[] header = new byte[JournalFormat.HeaderBytes];
            using IStorageFile file = files.Open(segment, write: false);
            if (lineage is null && file.Read(header, 0) == header.Length && JournalFormat.IsHeader(header))
            {
                lineage = JournalFormat.ReadHeader(header).Lineage;
            }
        }
        directory.Manifest = new Manifest
        {
            Lineage = lineage ?? throw new StorageCorruptionException(directory.ManifestFile, 0, "the whole directory: no other file says which one it is"),
            ErasureSalt = Convert.ToHexStringLower(ErasureRegister.SaltOf(files, directory.Erasures) ?? RandomNumberGenerator.GetBytes(ErasureRegister.SaltBytes)),
            Generations = [.. generations.Take(2)],
        };
        if (files.Exists(directory.ManifestFile))
        {
            files.CreateDirectory(directory.Damaged);
            files.Delete(Path.Combine(directory.Damaged, ManifestName));
            files.Copy(directory.ManifestFile, Path.Combine(directory.Damaged, ManifestName));
        }
        return directory;
    }

    /// <summary>Replaces the manifest.</summary>
    /// <exception cref="IOException">It cannot be written, or not be known to survive a crash.</exception>
    public void Save(Manifest manifest)
    {
        Files.Replace(ManifestFile, manifest.Encode());
        Manifest = manifest;
    }

    public string PathOf(SnapshotInfo snapshot) => Path.Combine(Snapshots, snapshot.File);

    /// <summary>Reads one of the two journals.</summary>
    /// <exception cref="StorageCorruptionException">Something that was committed is damaged or missing.</exception>
    /// <exception cref="InvalidDataException">A segment is of another directory or of a newer format.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public JournalExtent ReadJournal(string journal, uint kind, ulong first, JournalPosition? closed, IJournalHandler handler, bool repair)
    {
        // A journal gets its first segment before the directory counts as open.
        if (JournalReader.Segments(journal, Files).Count == 0)
        {
            return closed is { Segment: "" } ? new JournalExtent(closed.Value.Sequence, 0, 0, [])
                : throw new StorageCorruptionException(journal, 0, "all that was stored since the last snapshot: the files of the journal are missing");
        }
        return JournalReader.Read(journal, Files, Manifest.Lineage, first, closed, handler, repair, kind);
    }

    /// <summary>Reads the register of erasures.</summary>
    /// <exception cref="StorageCorruptionException">It is damaged, or lacks entries.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public IReadOnlyList<Erasure> ReadErasures()
    {
        IReadOnlyList<Erasure> erasures = ErasureRegister.Read(Files, Erasures, Salt);
        return erasures.Count >= Manifest.Erasures ? erasures
            : throw new StorageCorruptionException(Erasures, 0, $"the register of erasures: it has {erasures.Count} entries, expected at least {Manifest.Erasures}");
    }

    /// <summary>Deletes the snapshot files that the manifest does not name.</summary>
    /// <exception cref="IOException">One cannot be deleted.</exception>
    public void DeleteUnnamedSnapshots()
    {
        foreach (string name in Files.List(Snapshots).Where(name => Manifest.Generations.All(g => g.File != name)))
        {
            Files.Delete(Path.Combine(Snapshots, name));
        }
        Files.FlushDirectory(Snapshots);
    }

    /// <summary>Puts a file that could not be read aside.</summary>
    /// <exception cref="IOException">It cannot be moved.</exception>
    public void SetAside(string path)
    {
        Files.CreateDirectory(Damaged);
        // The folder's name in front, for the two journals have segments of equal names.
        Files.Move(path, Path.Combine(Damaged, $"{Path.GetFileName(Path.GetDirectoryName(path))}-{Path.GetFileName(path)}"));
        Files.FlushDirectory(Damaged);
        Files.FlushDirectory(Path.GetDirectoryName(path)!);
    }

    private static bool WasOne(IStorageFiles files, string path)
        => JournalReader.Segments(Path.Combine(path, JournalFolder), files).Count > 0
            || files.List(Path.Combine(path, SnapshotsFolder)).Any(name => name.EndsWith(SnapshotWriter.Extension, StringComparison.Ordinal));

    private static string PathOfManifest(string path) => Path.Combine(path, ManifestName);
}
