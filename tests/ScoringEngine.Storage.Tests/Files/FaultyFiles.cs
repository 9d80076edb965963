using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Tests.Files;

/// <summary>What <see cref="FaultyFiles"/> can let fail.</summary>
public enum FileOperation
{
    Create,
    Open,
    Read,
    Write,
    SetLength,
    Flush,
    CreateDirectory,
    Move,
    Delete,
    FlushDirectory,
}

/// <summary>
/// A file system in memory that fails and crashes as a disk under Linux may:
/// <list type="bullet">
/// <item>A crash takes what was not flushed: of the 512-byte sectors written since a file's last flush any may survive, whole; its
/// length is the old or the new one; of the creations, moves and deletions since the last flush of a folder the oldest survive.
/// Folders themselves survive. When only the process is killed, all of it stays until a crash.</item>
/// <item>A write that fails has written its first half. One that finds no space has written what there was space for.</item>
/// <item>A flush that fails loses what was to be flushed: it can still be read, and later flushes succeed, but a crash takes it.</item>
/// <item>Holes take no space.</item>
/// </list>
/// Thread-safe.
/// </summary>
internal sealed class FaultyFiles : IStorageFiles
{
    private const int SectorBytes = 512;
    private const int InputOutputError = 5;
    private const int NoSpaceError = 28;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal);
    private readonly List<Fault> _faults = [];
    private readonly List<NameChange> _unflushedNames = [];
    private Dictionary<string, Node> _names = new(StringComparer.Ordinal);
    private Dictionary<string, Node> _flushedNames = new(StringComparer.Ordinal);
    private long? _freeBytes;
    private int _generation;
    private int _operationsToCrash;
    private bool _down;

    /// <summary>Called before each operation with its path, outside of any lock; may wait.</summary>
    public Action<FileOperation, string>? Before { get; set; }

    /// <summary>Operations that changed something so far, or tried to; what <see cref="CrashAfter"/> counts.</summary>
    public int Changes { get; private set; }

    /// <summary>Bytes that can still be written to new sectors; null is without end. Deleting and cutting files gives some back.</summary>
    public long? FreeBytes
    {
        get
        {
            lock (_lock)
            {
                return _freeBytes;
            }
        }
        set
        {
            lock (_lock)
            {
                _freeBytes = value;
            }
        }
    }

    /// <summary>Lets operations of a kind fail.</summary>
    /// <param name="operation">The kind.</param>
    /// <param name="nth">The first that fails, 1 being the next.</param>
    /// <param name="count">How many fail from then on.</param>
    /// <param name="outOfSpace">Whether they fail with ENOSPC rather than EIO.</param>
    /// <param name="path">Only on paths that contain this.</param>
    public void Fail(FileOperation operation, int nth = 1, int count = 1, bool outOfSpace = false, string path = "")
    {
        lock (_lock)
        {
            _faults.Add(new Fault(operation, path, outOfSpace) { Passes = nth - 1, Left = count });
        }
    }

    /// <summary>No operation fails any more, but for those after a crash.</summary>
    public void Heal()
    {
        lock (_lock)
        {
            _faults.Clear();
            _freeBytes = null;
        }
    }

    /// <summary>After this many further changes the machine stops in the midst of one: that one and all after it fail until <see cref="Crash"/> starts it again.</summary>
    public void CrashAfter(int changes)
    {
        lock (_lock)
        {
            _operationsToCrash = changes + 1;
        }
    }

    /// <summary>Stops the machine, unless that has happened, and starts it again. Open files fail from now on; faults are gone.</summary>
    /// <param name="random">Chooses what survives of what was not flushed; null: nothing.</param>
    public void Crash(Random? random = null)
    {
        lock (_lock)
        {
            int surviving = random?.Next(_unflushedNames.Count + 1) ?? 0;
            foreach (NameChange change in _unflushedNames.Take(surviving))
            {
                change.Apply(_flushedNames);
            }
            _unflushedNames.Clear();
            _names = new Dictionary<string, Node>(_flushedNames, StringComparer.Ordinal);
            foreach (Node node in _names.Values)
            {
                node.Crash(random);
            }
            Restart();
        }
    }

    /// <summary>Ends the process, unless the machine has stopped it, and starts another: open files fail from now on and faults are gone, but what was not flushed stays to be read until a <see cref="Crash"/> takes it.</summary>
    public void Kill()
    {
        lock (_lock)
        {
            Restart();
        }
    }

    /// <summary>Everything in a file.</summary>
    public byte[] Contents(string path)
    {
        lock (_lock)
        {
            Node node = Find(path);
            byte[] bytes = new byte[node.Length];
            node.Read(bytes, 0);
            return bytes;
        }
    }

    /// <summary>Puts a file there, as somebody else would; it survives a crash.</summary>
    public void SetContents(string path, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            Node node = new();
            node.Write(bytes, 0);
            node.Flush();
            _directories.Add(DirectoryOf(path));
            _names[path] = node;
            _flushedNames[path] = node;
        }
    }

    public IStorageFile Create(string path)
    {
        Begin(FileOperation.Create, path);
        lock (_lock)
        {
            Check(FileOperation.Create, path);
            RequireDirectory(DirectoryOf(path));
            if (_names.ContainsKey(path))
            {
                throw new IOException($"{path} exists");
            }
            Node node = new();
            Change(new NameChange(null, path, node));
            return new File(this, path, node, writable: true);
        }
    }

    public IStorageFile Open(string path, bool write)
    {
        Begin(FileOperation.Open, path);
        lock (_lock)
        {
            Check(FileOperation.Open, path);
            return new File(this, path, Find(path), write);
        }
    }

    public bool Exists(string path)
    {
        lock (_lock)
        {
            return _names.ContainsKey(path);
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_lock)
        {
            return [.. _names.Keys.Where(path => DirectoryOf(path) == directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        }
    }

    public IReadOnlyList<string> ListFolders(string directory)
    {
        lock (_lock)
        {
            return [.. _directories.Where(path => DirectoryOf(path) == directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        }
    }

    public void CreateDirectory(string path)
    {
        Begin(FileOperation.CreateDirectory, path);
        lock (_lock)
        {
            Check(FileOperation.CreateDirectory, path);
            for (string? directory = path; !string.IsNullOrEmpty(directory); directory = Path.GetDirectoryName(directory))
            {
                _directories.Add(directory);
            }
        }
    }

    public long? FreeSpaceOf(string directory) => FreeBytes;

    public void Move(string source, string target)
    {
        Begin(FileOperation.Move, source);
        lock (_lock)
        {
            Check(FileOperation.Move, source);
            RequireDirectory(DirectoryOf(target));
            Node node = Find(source);
            Free(target);
            Change(new NameChange(source, target, node));
        }
    }

    public void Delete(string path)
    {
        Begin(FileOperation.Delete, path);
        lock (_lock)
        {
            Check(FileOperation.Delete, path);
            Free(path);
            Change(new NameChange(path, null, null));
        }
    }

    public void FlushDirectory(string path)
    {
        Begin(FileOperation.FlushDirectory, path);
        lock (_lock)
        {
            Check(FileOperation.FlushDirectory, path);
            RequireDirectory(path);
            foreach (NameChange change in _unflushedNames.Where(change => change.IsIn(path)))
            {
                change.Apply(_flushedNames);
            }
            _unflushedNames.RemoveAll(change => change.IsIn(path));
        }
    }

    private static string DirectoryOf(string path) => Path.GetDirectoryName(path) ?? "";

    private static IOException Error(bool outOfSpace, string path)
        => outOfSpace ? new IOException($"No space left on device : '{path}'", NoSpaceError) : new IOException($"Input/output error : '{path}'", InputOutputError);

    private Node Find(string path) => _names.TryGetValue(path, out Node? node) ? node : throw new FileNotFoundException($"There is no {path}");

    private void RequireDirectory(string path)
    {
        if (!_directories.Contains(path))
        {
            throw new DirectoryNotFoundException($"There is no {path}");
        }
    }

    private void Change(NameChange change)
    {
        change.Apply(_names);
        _unflushedNames.Add(change);
    }

    private void Free(string path)
    {
        if (_names.TryGetValue(path, out Node? node))
        {
            _freeBytes += node.AllocatedBytes;
        }
    }

    private void Restart()
    {
        _faults.Clear();
        _generation++;
        _operationsToCrash = 0;
        _down = false;
    }

    private void Begin(FileOperation operation, string path) => Before?.Invoke(operation, path);

    private void Check(FileOperation operation, string path)
    {
        if (Refusal(operation, path) is { } refusal)
        {
            throw refusal;
        }
    }

    private IOException? Refusal(FileOperation operation, string path)
    {
        if (operation is not (FileOperation.Open or FileOperation.Read))
        {
            Changes++;
            _down |= _operationsToCrash > 0 && --_operationsToCrash == 0;
        }
        if (_down)
        {
            return Error(outOfSpace: false, path);
        }
        Fault? failing = null;
        foreach (Fault fault in _faults)
        {
            if (fault.Operation == operation && path.Contains(fault.Path, StringComparison.Ordinal) && fault.Hits())
            {
                failing ??= fault;
            }
        }
        return failing is null ? null : Error(failing.OutOfSpace, path);
    }

    private sealed class Fault(FileOperation operation, string path, bool outOfSpace)
    {
        public FileOperation Operation => operation;

        public string Path => path;

        public bool OutOfSpace => outOfSpace;

        public int Passes { get; set; }

        public int Left { get; set; }

        public bool Hits()
        {
            if (Passes > 0)
            {
                Passes--;
                return false;
            }
            return Left > 0 && Left-- > 0;
        }
    }

    /// <summary>A name that goes, a name that comes, or both at once.</summary>
    private sealed record NameChange(string? Source, string? Target, Node? Node)
    {
        public void Apply(Dictionary<string, Node> names)
        {
            if (Source is not null)
            {
                names.Remove(Source);
            }
            if (Target is not null)
            {
                names[Target] = Node!;
            }
        }

        public bool IsIn(string directory) => DirectoryOf(Target ?? Source!) == directory;
    }

    /// <summary>The contents of a file: as they are read, and as they are on the device.</summary>
    private sealed class Node
    {
        private readonly HashSet<long> _unflushed = [];
        private Dictionary<long, byte[]> _sectors = [];
        private Dictionary<long, byte[]> _flushed = [];
        private long _flushedLength;
        private bool _lengthUnflushed;

        public long Length { get; private set; }

        public long AllocatedBytes => _sectors.Count * (long)SectorBytes;

        public int Read(Span<byte> bytes, long offset)
        {
            int count = (int)Math.Clamp(Length - offset, 0, bytes.Length);
            bytes = bytes[..count];
            while (!bytes.IsEmpty)
            {
                (long sector, long at) = Math.DivRem(offset, SectorBytes);
                Span<byte> part = bytes[..(int)Math.Min(bytes.Length, SectorBytes - at)];
                if (_sectors.TryGetValue(sector, out byte[]? data))
                {
                    data.AsSpan((int)at, part.Length).CopyTo(part);
                }
                else
                {
                    part.Clear();
                }
                bytes = bytes[part.Length..];
                offset += part.Length;
            }
            return count;
        }

        /// <summary>Bytes that new sectors would take, were this written.</summary>
        public long NewBytes(int count, long offset)
        {
            long bytes = 0;
            for (long sector = offset / SectorBytes; sector * SectorBytes < offset + count; sector++)
            {
                bytes += _sectors.ContainsKey(sector) ? 0 : SectorBytes;
            }
            return bytes;
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            while (!bytes.IsEmpty)
            {
                (long sector, long at) = Math.DivRem(offset, SectorBytes);
                ReadOnlySpan<byte> part = bytes[..(int)Math.Min(bytes.Length, SectorBytes - at)];
                if (!_sectors.TryGetValue(sector, out byte[]? data))
                {
                    _sectors[sector] = data = new byte[SectorBytes];
                }
                part.CopyTo(data.AsSpan((int)at));
                _unflushed.Add(sector);
                bytes = bytes[part.Length..];
                offset += part.Length;
            }
            if (offset > Length)
            {
                Length = offset;
                _lengthUnflushed = true;
            }
        }

        public void SetLength(long length)
        {
            Length = length;
            _lengthUnflushed = true;
            foreach (long sector in Cut(_sectors, length))
            {
                _unflushed.Add(sector);
            }
        }

        public void Flush()
        {
            foreach (long sector in _unflushed)
            {
                Persist(sector);
            }
            _flushedLength = Length;
            LoseUnflushed();
        }

        /// <summary>What a failed flush does.</summary>
        public void LoseUnflushed()
        {
            _unflushed.Clear();
            _lengthUnflushed = false;
        }

        public void Crash(Random? random)
        {
            if (random is not null)
            {
                foreach (long sector in _unflushed.Order())
                {
                    if (random.Next(2) == 0)
                    {
                        Persist(sector);
                    }
                }
                if (_lengthUnflushed && random.Next(2) == 0)
                {
                    _flushedLength = Length;
                }
            }
            Cut(_flushed, _flushedLength);
            _sectors = _flushed.ToDictionary(sector => sector.Key, sector => (byte[])sector.Value.Clone());
            Length = _flushedLength;
            LoseUnflushed();
        }

        private static List<long> Cut(Dictionary<long, byte[]> sectors, long length)
        {
            (long last, long used) = Math.DivRem(length, SectorBytes);
            List<long> cut = [.. sectors.Keys.Where(sector => sector > last || (sector == last && used == 0))];
            foreach (long sector in cut)
            {
                sectors.Remove(sector);
            }
            if (used > 0 && sectors.TryGetValue(last, out byte[]? data))
            {
                data.AsSpan((int)used).Clear();
                cut.Add(last);
            }
            return cut;
        }

        private void Persist(long sector)
        {
            if (_sectors.TryGetValue(sector, out byte[]? data))
            {
                _flushed[sector] = (byte[])data.Clone();
            }
            else
            {
                _flushed.Remove(sector);
            }
        }
    }

    private sealed class File(FaultyFiles files, string path, Node node, bool writable) : IStorageFile
    {
        private readonly int _generation = files._generation;
        private bool _disposed;

        public string Path => path;

        public long Length
        {
            get
            {
                lock (files._lock)
                {
                    return node.Length;
                }
            }
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            files.Begin(FileOperation.Write, path);
            lock (files._lock)
            {
                CheckOpen(forWriting: true);
                IOException? refusal = files.Refusal(FileOperation.Write, path);
                if (refusal is not null)
                {
                    bytes = bytes[..(bytes.Length / 2)];
                }
                if (files._freeBytes < node.NewBytes(bytes.Length, offset))
                {
                    refusal ??= Error(outOfSpace: true, path);
                    while (files._freeBytes < node.NewBytes(bytes.Length, offset))
                    {
                        bytes = bytes[..^1];
                    }
                }
                files._freeBytes -= node.NewBytes(bytes.Length, offset);
                node.Write(bytes, offset);
                if (refusal is not null)
                {
                    throw refusal;
                }
            }
        }

        public int Read(Span<byte> bytes, long offset)
        {
            files.Begin(FileOperation.Read, path);
            lock (files._lock)
            {
                CheckOpen(forWriting: false);
                files.Check(FileOperation.Read, path);
                return node.Read(bytes, offset);
            }
        }

        public void SetLength(long bytes)
        {
            files.Begin(FileOperation.SetLength, path);
            lock (files._lock)
            {
                CheckOpen(forWriting: true);
                files.Check(FileOperation.SetLength, path);
                long before = node.AllocatedBytes;
                node.SetLength(bytes);
                files._freeBytes += before - node.AllocatedBytes;
            }
        }

        public void Flush()
        {
            files.Begin(FileOperation.Flush, path);
            lock (files._lock)
            {
                CheckOpen(forWriting: true);
                if (files.Refusal(FileOperation.Flush, path) is { } refusal)
                {
                    if (!files._down)
                    {
                        node.LoseUnflushed();
                    }
                    throw refusal;
                }
                node.Flush();
            }
        }

        public void ForgetCached()
        {
            // What a failed flush lost stays to be read: the worst that may happen.
        }

        public void Dispose() => _disposed = true;

        private void CheckOpen(bool forWriting)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_generation != files._generation)
            {
                throw Error(outOfSpace: false, path);
            }
            if (forWriting && !writable)
            {
                throw new UnauthorizedAccessException($"{path} is open for reading");
            }
        }
    }
}
