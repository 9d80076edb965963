using System.Buffers;
using Google.Protobuf;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage;

/// <summary>Messages in a journal, or without one the latest of them in memory. Thread-safe.</summary>
internal sealed class RecordLog : IDisposable
{
    /// <summary>Records that are kept without a journal.</summary>
    public const int MemoryRecords = 100_000;

    private readonly Journal? _journal;
    private readonly string _folder;
    private readonly IStorageFiles? _files;
    private readonly Guid _lineage;
    private readonly uint _kind;
    private readonly Lock _lock = new();
    private readonly (uint Type, byte[]? Payload)[] _memory = [];
    private ulong _memoryNext = 1;

    /// <summary>Keeps the latest records in memory.</summary>
    public RecordLog()
    {
        _folder = "";
        _memory = new (uint, byte[]?)[MemoryRecords];
    }

    /// <summary>Keeps records in a journal, which it closes.</summary>
    public RecordLog(Journal journal, string folder, IStorageFiles files, Guid lineage, uint kind)
    {
        _journal = journal;
        _folder = folder;
        _files = files;
        _lineage = lineage;
        _kind = kind;
    }

    /// <summary>Reads the records of a journal that nobody writes.</summary>
    public RecordLog(string folder, IStorageFiles files, Guid lineage, uint kind, ulong next)
    {
        _folder = folder;
        _files = files;
        _lineage = lineage;
        _kind = kind;
        _memoryNext = next;
    }

    /// <summary>Whether to leave out what is damaged: the rest of its segment.</summary>
    public bool SkipDamage { get; init; }

    /// <summary>The journal, if there is one.</summary>
    public Journal? Journal => _journal;

    /// <summary>Number that the next record gets.</summary>
    public ulong NextSequence => _journal?.NextSequence ?? Volatile.Read(ref _memoryNext);

    /// <summary>Appends a message; returns its number.</summary>
    /// <exception cref="JournalUnavailableException">It cannot be kept.</exception>
    public ulong Append(uint type, IMessage message)
    {
        int length = message.CalculateSize();
        if (_journal is null)
        {
            byte[] payload = new byte[length];
            message.WriteTo(payload.AsSpan());
            lock (_lock)
            {
                _memory[_memoryNext % MemoryRecords] = (type, payload);
                return _memoryNext++;
            }
        }
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            message.WriteTo(rented.AsSpan(0, length));
            return _journal.Append(type, rented.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>First sequences of the journal's segments; none without one.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public IEnumerable<ulong> SegmentFirsts() => _files is null ? [] : JournalReader.Segments(_folder, _files!).Select(segment => segment.First);

    public ValueTask CommittedAsync(ulong sequence, CancellationToken cancellation)
        => sequence == 0 || _journal is null ? ValueTask.CompletedTask : _journal.CommittedAsync(sequence, cancellation);

    /// <summary>Reads records in their order, up to the last one of now.</summary>
    /// <param name="from">First sequence that is wanted.</param>
    /// <param name="end">First sequence that is not wanted.</param>
    /// <exception cref="StorageCorruptionException">A record is damaged.</exception>
    /// <exception cref="IOException">A file cannot be read, or what was appended not be written.</exception>
    public IEnumerable<(ulong Sequence, uint Type, byte[] Payload)> Read(ulong from, ulong end)
    {
        end = Math.Min(end, NextSequence);
        return _files is null ? ReadMemory(from, end) : ReadJournal(from, end);
    }

    /// <summary>Reads one record.</summary>
    /// <returns>False when it is not kept any more.</returns>
    public bool TryRead(ulong sequence, out uint type, out byte[] payload)
    {
        foreach ((ulong found, uint foundType, byte[] bytes) in Read(sequence, sequence + 1))
        {
            type = foundType;
            payload = bytes;
            return found == sequence;
        }
        type = 0;
        payload = [];
        return false;
    }

    public void Dispose() => _journal?.Dispose();

    private IEnumerable<(ulong, uint, byte[])> ReadJournal(ulong from, ulong end)
    {
        if (_journal is not null && end > _journal.CommittedSequence + 1)
        {
            // What still waits in memory for the disk.
            _journal.Flush();
        }
        using JournalCursor cursor = new(_folder, _files!, _lineage, _kind, from, end, SkipDamage);
        while (Next(cursor, out ulong sequence, out uint type, out byte[] payload))
        {
            yield return (sequence, type, payload);
        }

        static bool Next(JournalCursor cursor, out ulong sequence, out uint type, out byte[] payload)
        {
            bool read = cursor.Read(out sequence, out type, out ReadOnlySpan<byte> bytes);
            payload = bytes.ToArray();
            return read;
        }
    }

    private IEnumerable<(ulong, uint, byte[])> ReadMemory(ulong from, ulong end)
    {
        for (ulong sequence = Math.Max(1, from); sequence < end; sequence++)
        {
            (uint Type, byte[]? Payload) record = default;
            lock (_lock)
            {
                if (sequence + MemoryRecords >= _memoryNext)
                {
                    record = _memory[sequence % MemoryRecords];
                }
            }
            if (record.Payload is { } payload)
            {
                yield return (sequence, record.Type, payload);
            }
        }
    }
}
