using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Journals;

/// <summary>
/// Reads records that are known to be in a journal, also while it is written: those of a range of sequence numbers. Where one is not
/// valid there is damage, for its end is known. Not thread-safe.
/// </summary>
internal sealed class JournalCursor : IDisposable
{
    private readonly IStorageFiles _files;
    private readonly uint _seed;
    private readonly bool _skipDamage;
    private readonly ulong _end;
    private readonly List<(ulong First, string Path)> _segments;
    private SegmentWindow? _window;
    private int _segment;
    private long _offset;
    private ulong _next;

    /// <summary>Begins to read.</summary>
    /// <param name="directory">Folder of the journal.</param>
    /// <param name="files">The files.</param>
    /// <param name="lineage">That of the data directory.</param>
    /// <param name="kind"><see cref="JournalOptions.Kind"/>.</param>
    /// <param name="from">First sequence that is wanted; earlier than the journal's first means that.</param>
    /// <param name="end">First sequence that is not wanted; all before it are in the files.</param>
    /// <param name="skipDamage">Whether to go on with the next segment where something is damaged.</param>
    /// <exception cref="StorageCorruptionException">The journal does not have the first record.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public JournalCursor(string directory, IStorageFiles files, Guid lineage, uint kind, ulong from, ulong end, bool skipDamage = false)
    {
        _files = files;
        _seed = JournalFormat.Seed(lineage, kind);
        _skipDamage = skipDamage;
        _end = end;
        _segments = JournalReader.Segments(directory, files);
        _segment = Math.Max(0, _segments.FindLastIndex(segment => segment.First <= from));
        if (_segments.Count > 0)
        {
            OpenSegment();
            SkipTo(from);
        }
    }

    /// <summary>Damage that was skipped.</summary>
    public long Damages { get; private set; }

    /// <summary>First sequence of the segment that is read.</summary>
    public ulong SegmentFirst => _segments.Count == 0 ? 0 : _segments[_segment].First;

    /// <summary>Reads the next record that is no mark; false at the end.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="type">Its type.</param>
    /// <param name="payload">Its payload; valid until the next call.</param>
    /// <exception cref="StorageCorruptionException">It is damaged.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public bool Read(out ulong sequence, out uint type, out ReadOnlySpan<byte> payload)
    {
        while (_segments.Count > 0 && _next < _end)
        {
            if (_segment + 1 < _segments.Count && _next >= _segments[_segment + 1].First)
            {
                _segment++;
                OpenSegment();
                continue;
            }
            if (!JournalReader.TryRecord(_window!, _seed, _offset, _next, out type, out payload))
            {
                GoOnBehindDamage();
                continue;
            }
            sequence = _next++;
            _offset += JournalFormat.RecordHeaderBytes + payload.Length;
            type &= ~JournalFormat.AfterFlush;
            if (type != JournalFormat.Mark)
            {
                return true;
            }
        }
        sequence = 0;
        type = 0;
        payload = default;
        return false;
    }

    public void Dispose() => _window?.Dispose();

    private void OpenSegment()
    {
        _window?.Dispose();
        _window = null;
        _window = new SegmentWindow(_files.Open(_segments[_segment].Path, write: false));
        _offset = JournalFormat.HeaderBytes;
        _next = _segments[_segment].First;
    }

    // By the lengths alone: what is skipped was checked, or is nobody's concern.
    private void SkipTo(ulong sequence)
    {
        while (_next < sequence && _next < _end)
        {
            ReadOnlySpan<byte> header = _window!.At(_offset, JournalFormat.RecordHeaderBytes);
            if (header.Length < JournalFormat.RecordHeaderBytes)
            {
                return;
            }
            (uint length, _, ulong found, _) = JournalFormat.ReadRecordHeader(header);
            if (found != _next || length > JournalFormat.MaximumPayloadBytes)
            {
                return; // The next read says so.
            }
            _offset += JournalFormat.RecordHeaderBytes + length;
            _next++;
        }
    }

    private void GoOnBehindDamage()
    {
        ulong end = _segment + 1 < _segments.Count ? Math.Min(_end, _segments[_segment + 1].First) : _end;
        JournalDamage damage = new(_segments[_segment].Path, _offset, _next, end, "the bytes are not what was written");
        if (!_skipDamage)
        {
            throw new StorageCorruptionException(damage.File, damage.Offset, damage.Affected);
        }
        Damages++;
        _next = end;
    }
}
