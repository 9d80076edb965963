using System.Buffers.Binary;
using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Journals;

/// <summary>
/// Reads a journal back. Every record is proven by its checksum, and each that was committed is either delivered or reported:
/// what is invalid is taken for the unfinished writes of a crash only where nothing proves that it was committed. There are
/// three proofs: a later segment (its name is the first sequence that was not on the device when it was made), a later record that says
/// that all before it was on the device when it was written, and the position where the journal was closed.
/// </summary>
internal sealed class JournalReader
{
    private readonly string _directory;
    private readonly IStorageFiles _files;
    private readonly Guid _lineage;
    private readonly uint _kind;
    private readonly uint _seed;
    private readonly ulong _fromSequence;
    private readonly ulong _closedSequence;
    private readonly IJournalHandler _handler;
    private readonly bool _repair;
    private readonly List<JournalDamage> _damages = [];
    private ulong _next;
    private long _records;
    private long _tornBytes;

    private JournalReader(string directory, IStorageFiles files, Guid lineage, uint kind, ulong fromSequence, JournalPosition? closed, IJournalHandler handler, bool repair)
    {
        _directory = directory;
        _files = files;
        _lineage = lineage;
        _kind = kind;
        _seed = JournalFormat.Seed(lineage, kind);
        _fromSequence = fromSequence;
        _closedSequence = closed?.Sequence ?? 0;
        _handler = handler;
        _repair = repair;
    }

    /// <summary>Delivers all records from a sequence on.</summary>
    /// <param name="directory">Folder of the journal; none is a journal without segments.</param>
    /// <param name="files">The files; none is changed.</param>
    /// <param name="lineage">That of the data directory.</param>
    /// <param name="fromSequence">First sequence that is wanted, 1 or more. Unless it is 1 it must be in the journal, or follow its last record.</param>
    /// <param name="closed">Where it was closed, when it was not opened since.</param>
    /// <param name="handler">Takes the records.</param>
    /// <param name="repair">Whether to keep what is provable when something is lost, and report the rest in <see cref="JournalExtent.Damages"/>.</param>
    /// <param name="kind"><see cref="JournalOptions.Kind"/>.</param>
    /// <exception cref="StorageCorruptionException">Something that was committed is damaged or missing; the records before it have been delivered.</exception>
    /// <exception cref="InvalidDataException">A segment is of another lineage or kind, or of a newer format.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static JournalExtent Read(string directory, IStorageFiles files, Guid lineage, ulong fromSequence, JournalPosition? closed,
        IJournalHandler handler, bool repair = false, uint kind = 1)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentOutOfRangeException.ThrowIfZero(fromSequence);
        return new JournalReader(directory, files, lineage, kind, fromSequence, closed, handler, repair).Read();
    }

    /// <summary>First sequences and paths of the segments, in their order.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static List<(ulong First, string Path)> Segments(string directory, IStorageFiles files)
    {
        List<(ulong First, string Path)> segments = [];
        foreach (string name in files.List(directory))
        {
            if (JournalFormat.TryParseFileName(name, out ulong first))
            {
                segments.Add((first, Path.Combine(directory, name)));
            }
        }
        return segments;
    }

    /// <summary>Whether a new segment that starts with a sequence would hide records.</summary>
    /// <exception cref="IOException">The folder or a file cannot be read.</exception>
    public static bool HasRecords(string directory, IStorageFiles files, Guid lineage, uint kind, ulong sequence)
    {
        foreach ((ulong first, string path) in Segments(directory, files).Where(segment => segment.First >= sequence))
        {
            using SegmentWindow window = new(files.Open(path, write: false));
            if (first > sequence || TryRecord(window, JournalFormat.Seed(lineage, kind), JournalFormat.HeaderBytes, sequence, out _, out _))
            {
                return true;
            }
        }
        return false;
    }

    private JournalExtent Read()
    {
        List<(ulong First, string Path)> segments = Segments(_directory, _files);
        int start = Math.Max(0, segments.FindLastIndex(segment => segment.First <= _fromSequence));
        _next = segments.Count > 0 ? Math.Min(segments[start].First, _fromSequence) : 1;
        if (segments.Count > 0 && _next < segments[start].First)
        {
            Lose(_directory, 0, segments[start].First, "the segments with them are missing");
        }
        for (int i = start; i < segments.Count; i++)
        {
            _next = segments[i].First;
            ReadSegment(segments[i].Path, i + 1 < segments.Count ? segments[i + 1].First : null);
        }
        ulong known = Math.Max(_fromSequence, _closedSequence);
        if (_next < known)
        {
            Lose(segments.Count > 0 ? segments[^1].Path : _directory, 0, known, "the journal ends before");
        }
        return new JournalExtent(_next, _records, _tornBytes, _damages);
    }

    /// <summary>Reads one segment up to <paramref name="end"/>, the first sequence of the next; what stands behind that was written once more there.</summary>
    private void ReadSegment(string path, ulong? end)
    {
        using SegmentWindow window = new(_files.Open(path, write: false));
        if (!CheckHeader(window, path, end))
        {
            return;
        }
        long offset = JournalFormat.HeaderBytes;
        while (end is null || _next < end)
        {
            if (TryRecord(window, _seed, offset, _next, out uint type, out ReadOnlySpan<byte> payload))
            {
                if ((type & ~JournalFormat.AfterFlush) != JournalFormat.Mark && _next >= _fromSequence)
                {
                    _handler.Record(_next, type & ~JournalFormat.AfterFlush, payload);
                    _records++;
                }
                _next++;
                offset += JournalFormat.RecordHeaderBytes + payload.Length;
            }
            else if (!TrySkip(window, path, end, ref offset))
            {
                break;
            }
        }
    }

    /// <summary>Checks a segment's header; returns whether there may be records.</summary>
    private bool CheckHeader(SegmentWindow window, string path, ulong? end)
    {
        ReadOnlySpan<byte> header = window.At(0, JournalFormat.HeaderBytes);
        if (!JournalFormat.IsHeader(header))
        {
            // The header is on the device before the first record is written.
            if (end is null && _closedSequence <= _next && FindRecord(window, 0, _next, null, 0) is null)
            {
                _tornBytes += window.EndOfData(0);
                return false;
            }
            Lose(path, 0, _next, "the header of the segment is damaged");
            return true;
        }
        (uint version, uint kind, Guid lineage, ulong first) = JournalFormat.ReadHeader(header);
        if (version != JournalFormat.Version)
        {
            throw new InvalidDataException($"{path} has format version {version}; this program reads version {JournalFormat.Version}");
        }
        if (lineage != _lineage)
        {
            throw new InvalidDataException($"{path} belongs to data directory {lineage}, not to {_lineage}");
        }
        if (kind != _kind)
        {
            throw new InvalidDataException($"{path} is a journal of kind {kind}, not {_kind}");
        }
        if (first != _next)
        {
            throw new InvalidDataException($"{path} was renamed: it is {JournalFormat.FileName(first)}");
        }
        return true;
    }

    /// <summary>
    /// There is no record where the next should be. Finds the one to go on with when something was lost; returns false where
    /// the segment ends.
    /// </summary>
    private bool TrySkip(SegmentWindow window, string path, ulong? end, ref long offset)
    {
        long endOfData = window.EndOfData(offset);
        (long Offset, ulong Sequence)? following = endOfData > offset ? FindRecord(window, offset, _next + 1, end, 0) : null;
        ulong committed = end ?? Math.Max(_closedSequence,
            following is null ? 0 : FindRecord(window, following.Value.Offset, _next + 1, null, JournalFormat.AfterFlush)?.Sequence ?? 0);
        if (committed <= _next)
        {
            _tornBytes += endOfData - offset;
            return false;
        }
        Lose(path, offset, following?.Sequence ?? committed, endOfData > offset ? "the bytes are not what was written"
            : end is null ? "the segment ends before" : "the segment ends before the next begins; it was cut, or one between them is missing");
        if (following is null)
        {
            return false;
        }
        offset = following.Value.Offset;
        return true;
    }

    /// <summary>Finds the first valid record from an offset on with a sequence from <paramref name="from"/> to below <paramref name="below"/> and these bits in its type.</summary>
    private (long Offset, ulong Sequence)? FindRecord(SegmentWindow window, long offset, ulong from, ulong? below, uint typeBits)
    {
        const int Block = 64 << 10;
        ulong count = Math.Min(below ?? ulong.MaxValue, from + (ulong)(window.Length / JournalFormat.RecordHeaderBytes)) - from;
        for (; offset + JournalFormat.RecordHeaderBytes <= window.Length; offset++)
        {
            // Most places are out of the question by what would be the sequence.
            ReadOnlySpan<byte> bytes = window.At(offset, (int)Math.Min(Block, window.Length - offset));
            int at = 0;
            while (at + JournalFormat.RecordHeaderBytes <= bytes.Length && BinaryPrimitives.ReadUInt64LittleEndian(bytes[(at + 8)..]) - from >= count)
            {
                at++;
            }
            offset += at;
            if (at + JournalFormat.RecordHeaderBytes > bytes.Length)
            {
                offset--;
                continue;
            }
            ulong sequence = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(at + 8)..]);
            if (TryRecord(window, _seed, offset, sequence, out uint type, out _) && (type & typeBits) == typeBits)
            {
                return (offset, sequence);
            }
        }
        return null;
    }

    /// <summary>Reads the record of a sequence number at an offset; false when there is none that is valid.</summary>
    public static bool TryRecord(SegmentWindow window, uint seed, long offset, ulong sequence, out uint type, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        type = 0;
        ReadOnlySpan<byte> header = window.At(offset, JournalFormat.RecordHeaderBytes);
        if (header.Length < JournalFormat.RecordHeaderBytes)
        {
            return false;
        }
        (uint length, uint crc, ulong found, type) = JournalFormat.ReadRecordHeader(header);
        if (found != sequence || length > JournalFormat.MaximumPayloadBytes)
        {
            return false;
        }
        ReadOnlySpan<byte> record = window.At(offset, JournalFormat.RecordHeaderBytes + (int)length);
        if (record.Length < JournalFormat.RecordHeaderBytes + (int)length)
        {
            return false;
        }
        payload = record[JournalFormat.RecordHeaderBytes..];
        return JournalFormat.Seal(Crc32C.Append(seed, payload), (int)length, sequence, type) == crc;
    }

    private void Lose(string file, long offset, ulong endSequence, string problem)
    {
        JournalDamage damage = new(file, offset, _next, endSequence, problem);
        if (!_repair)
        {
            throw new StorageCorruptionException(file, offset, damage.Affected);
        }
        _damages.Add(damage);
        _next = endSequence;
    }
}
