using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Journals;

/// <summary>
/// A log of records with contiguous sequence numbers, in segment files of one folder. <see cref="Append(uint, ReadOnlySpan{byte})"/>
/// copies a record to memory; one thread, the committer, writes what has gathered as a group and flushes it, and then those
/// who wait for it go on. Thread-safe.
/// <para>
/// When a write or a flush fails, the journal is at fault: whoever waits is told, and nothing is taken any more. What was not
/// committed stays in memory, and each second it is written to a new segment, for a file whose flush failed cannot be trusted
/// again. When that works the journal goes on by itself.
/// </para>
/// </summary>
internal sealed class Journal : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MarkDelay = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly IStorageFiles _files;
    private readonly JournalOptions _options;
    private readonly Guid _lineage;
    private readonly uint _seed;
    private readonly Thread _committer;
    private readonly ITimer _timer;

    // Everything below belongs to who holds this object, except where it says otherwise. It is waited on by the committer
    // when there is nothing to do, by appenders when there is no room, and by Flush.
    private readonly object _lock = new();
    private readonly Queue<PendingGroup> _groups = new(); // taken by the committer and not yet let go; only it changes the queue
    private readonly Stack<PendingGroup> _spare = new();
    private readonly List<PendingGroup> _unwritten = []; // the committer's
    private readonly List<TaskCompletionSource> _completed = []; // the committer's
    private PendingGroup _open; // takes records
    private JournalSegment? _segment; // the committer's; null after a failure
    private ulong _end; // first sequence not given out
    private ulong _committed; // first sequence not committed
    private ulong _flushed; // first sequence not on the device
    private ulong _flushTarget; // somebody waits for _flushed to get here
    private long _pendingBytes; // in _groups and _open
    private long _bytes;
    private bool _marked = true; // nothing after the last mark
    private bool _committerWaits;
    private int _othersWait;
    private bool _alarmed;
    private Alarm _alarm;
    private TaskCompletionSource<ulong>? _rotation;
    private bool _closing;
    private JournalPosition _position;
    private JournalUnavailableException? _fault;

    private Journal(string directory, IStorageFiles files, JournalOptions options, Guid lineage, ulong nextSequence, TimeProvider time)
    {
        _directory = directory;
        _files = files;
        _options = options;
        _lineage = lineage;
        _seed = JournalFormat.Seed(lineage, options.Kind);
        _end = _committed = _flushed = nextSequence;
        _open = NewGroup();
        _open.AfterFlush = true;
        _segment = JournalSegment.Create(directory, files, options, lineage, nextSequence);
        _timer = time.CreateTimer(static journal => ((Journal)journal!).Ring(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _committer = new Thread(Run) { IsBackground = true, Name = "journal committer" };
    }

    private enum Alarm
    {
        None,
        Mark,
        Flush,
        Retry,
    }

    /// <summary>Why nothing can be written at the moment, or null.</summary>
    public JournalUnavailableException? Fault => Volatile.Read(ref _fault);

    /// <summary>Sequence the next record will have.</summary>
    public ulong NextSequence => Volatile.Read(ref _end);

    /// <summary>Last sequence that is on the device, or with <see cref="Durability.None"/> was given to the operating system.</summary>
    public ulong CommittedSequence => Volatile.Read(ref _committed) - 1;

    /// <summary>Bytes of the records appended since it was opened.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Goes on with a journal in a new segment. It, and all records before it, are on the device when this returns.</summary>
    /// <param name="directory">Its folder; made when there is none.</param>
    /// <param name="files">The files.</param>
    /// <param name="options">How it is written.</param>
    /// <param name="lineage">Random number of the data directory; not that of any other.</param>
    /// <param name="nextSequence">As <see cref="JournalReader"/> gives it, 1 for a new journal.</param>
    /// <param name="time">For retries, marks and the commit interval.</param>
    /// <param name="closed">Where it was closed, when it was not opened since; null when the process may have been killed, or the last flush have failed.</param>
    /// <exception cref="JournalUnavailableException">The segment cannot be made.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range, or the sequence is 0.</exception>
    /// <exception cref="ArgumentException">The journal has segments from that sequence on.</exception>
    public static Journal Open(string directory, IStorageFiles files, JournalOptions options, Guid lineage, ulong nextSequence, TimeProvider time,
        JournalPosition? closed = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfZero(nextSequence);
        options.Validate();
        try
        {
            files.CreateDirectory(directory);
            if (Path.GetDirectoryName(Path.GetFullPath(directory)) is { } parent)
            {
                files.FlushDirectory(parent);
            }
            if (JournalReader.HasRecords(directory, files, lineage, options.Kind, nextSequence))
            {
                throw new ArgumentException($"{directory} has records from sequence {nextSequence} on", nameof(nextSequence));
            }
            foreach (string name in files.List(directory).Where(name => name.EndsWith(JournalSegment.TemporaryExtension, StringComparison.Ordinal)
                && JournalFormat.TryParseFileName(Path.GetFileNameWithoutExtension(name), out _)))
            {
                files.Delete(Path.Combine(directory, name));
            }
            // Records that were read back may be in the memory of the operating system only. Nothing may follow them before they
            // are on the device, and a flush of that file proves nothing when one has failed before.
            if (closed is null && JournalReader.Segments(directory, files) is [.., (ulong first, string last)] && first < nextSequence)
            {
                JournalSegment.Rewrite(directory, files, last);
            }
            Journal journal = new(directory, files, options, lineage, nextSequence, time);
            journal._committer.Start();
            return journal;
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            throw new JournalUnavailableException(e);
        }
    }

    /// <summary>Appends a record; see the other overload.</summary>
    public ulong Append(uint type, ReadOnlySpan<byte> payload) => Append(type, payload, default);

    /// <summary>Appends a record; waits while too much is on its way to the disk.</summary>
    /// <param name="type">1 or more, below 2^31.</param>
    /// <param name="head">First part of the payload.</param>
    /// <param name="tail">Rest of the payload; together at most <see cref="JournalFormat.MaximumPayloadBytes"/>.</param>
    /// <returns>Its sequence number: one more than that of the record before.</returns>
    /// <exception cref="JournalUnavailableException">The journal is at fault; the record was not taken.</exception>
    /// <exception cref="ObjectDisposedException">The journal is closed.</exception>
    public ulong Append(uint type, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        ArgumentOutOfRangeException.ThrowIfZero(type);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(type, JournalFormat.AfterFlush);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)head.Length + tail.Length, JournalFormat.MaximumPayloadBytes, nameof(tail));
        uint crc = Crc32C.Append(Crc32C.Append(_seed, head), tail);
        int bytes = JournalFormat.RecordHeaderBytes + head.Length + tail.Length;
        lock (_lock)
        {
            ThrowIfUnavailable();
            while (_pendingBytes > 0 && _pendingBytes + bytes > _options.PendingBytes)
            {
                WaitForCommitter();
                ThrowIfUnavailable();
            }
            ulong sequence = Add(type, crc, head, tail);
            _marked = false;
            if (_committerWaits)
            {
                WakeCommitter();
            }
            return sequence;
        }
    }

    /// <summary>
    /// Completes when a record, and all before it, are as durable as <see cref="JournalOptions.Durability"/> says: with
    /// <see cref="Durability.Commit"/> on the device, with <see cref="Durability.None"/> given to the operating system, else at once.
    /// </summary>
    /// <param name="sequence">Of a record that was appended.</param>
    /// <param name="cancellation">Stops waiting; the record stands.</param>
    /// <exception cref="JournalUnavailableException">It is not committed, and the journal is at fault; it may become durable later.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such record.</exception>
    public ValueTask CommittedAsync(ulong sequence, CancellationToken cancellation = default)
    {
        if (sequence < Volatile.Read(ref _committed))
        {
            return ValueTask.CompletedTask;
        }
        Task committed;
        lock (_lock)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequence, _end);
            if (sequence < _committed)
            {
                return ValueTask.CompletedTask;
            }
            if (_fault is { } fault)
            {
                return ValueTask.FromException(fault);
            }
            if (_options.Durability == Durability.Interval)
            {
                return ValueTask.CompletedTask;
            }
            PendingGroup group = GroupOf(sequence);
            group.Completion ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            committed = group.Completion.Task;
        }
        return new ValueTask(cancellation.CanBeCanceled ? committed.WaitAsync(cancellation) : committed);
    }

    /// <summary>Waits until all that was appended is on the device, whatever the durability.</summary>
    /// <exception cref="JournalUnavailableException">The journal is at fault.</exception>
    /// <exception cref="ObjectDisposedException">The journal is closed.</exception>
    public void Flush()
    {
        lock (_lock)
        {
            ThrowIfUnavailable();
            ulong target = _end;
            _flushTarget = target;
            while (_flushed < target)
            {
                WakeCommitter();
                WaitForCommitter();
                if (_flushed < target)
                {
                    ThrowIfUnavailable();
                }
            }
        }
    }

    /// <summary>Commits all that was appended and goes on in a new segment, unless the current one has no records.</summary>
    /// <returns>The first sequence of the current segment.</returns>
    /// <exception cref="JournalUnavailableException">The journal is at fault.</exception>
    /// <exception cref="ObjectDisposedException">The journal is closed.</exception>
    public ulong Rotate()
    {
        Task<ulong> rotated;
        lock (_lock)
        {
            ThrowIfUnavailable();
            _rotation ??= new TaskCompletionSource<ulong>(TaskCreationOptions.RunContinuationsAsynchronously);
            rotated = _rotation.Task;
            WakeCommitter();
        }
        return rotated.GetAwaiter().GetResult();
    }

    /// <summary>Deletes the segments all of whose records have lower sequences.</summary>
    /// <exception cref="IOException">A file cannot be deleted; the journal is not harmed.</exception>
    public void RemoveBefore(ulong sequence)
    {
        List<(ulong First, string Path)> segments = JournalReader.Segments(_directory, _files);
        int count = 0;
        while (count + 1 < segments.Count && segments[count + 1].First <= sequence)
        {
            // Oldest first: what is left is contiguous.
            _files.Delete(segments[count].Path);
            count++;
        }
        if (count > 0)
        {
            _files.FlushDirectory(_directory);
        }
    }

    /// <summary>Commits all that was appended, writes a mark, and ends. A second call gives the same.</summary>
    /// <returns>Where the journal ends.</returns>
    /// <exception cref="JournalUnavailableException">Not all could be committed.</exception>
    public JournalPosition Close()
    {
        Shut();
        return _fault is null ? _position : throw Unavailable(_fault);
    }

    /// <summary>Closes it. Unlike <see cref="Close"/> it says nothing when the journal is at fault, as everybody concerned has been told.</summary>
    public void Dispose() => Shut();

    private static bool IsUnavailable(Exception e) => e is IOException or UnauthorizedAccessException;

    // A new one for each thread that throws it.
    private static JournalUnavailableException Unavailable(JournalUnavailableException fault) => new(fault.InnerException!);

    private void Shut()
    {
        lock (_lock)
        {
            _closing = true;
            Monitor.PulseAll(_lock);
        }
        _committer.Join();
        _timer.Dispose();
    }

    private void ThrowIfUnavailable()
    {
        ObjectDisposedException.ThrowIf(_closing, this);
        if (_fault is { } fault)
        {
            throw Unavailable(fault);
        }
    }

    private void WaitForCommitter()
    {
        _othersWait++;
        Monitor.Wait(_lock);
        _othersWait--;
    }

    private void WakeCommitter()
    {
        _committerWaits = false;
        Monitor.PulseAll(_lock);
    }

    private void Ring()
    {
        lock (_lock)
        {
            _alarmed = true;
            WakeCommitter();
        }
    }

    private ulong Add(uint type, uint crc, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        long before = _open.Bytes;
        _open.Add(type, crc, head, tail);
        _pendingBytes += _open.Bytes - before;
        Volatile.Write(ref _bytes, _bytes + _open.Bytes - before);
        ulong sequence = _end;
        Volatile.Write(ref _end, sequence + 1);
        return sequence;
    }

    private PendingGroup NewGroup()
    {
        PendingGroup group = _spare.TryPop(out PendingGroup? spare) ? spare : new PendingGroup();
        group.Start(_end);
        return group;
    }

    private PendingGroup GroupOf(ulong sequence)
    {
        foreach (PendingGroup group in _groups)
        {
            if (sequence < group.EndSequence)
            {
                return group;
            }
        }
        return _open;
    }

    private void Run()
    {
        bool last;
        do
        {
            bool flush;
            TaskCompletionSource<ulong>? rotation;
            lock (_lock)
            {
                WaitForWork();
                last = Take(out flush, out rotation);
            }
            try
            {
                Commit(flush);
                if (rotation is not null)
                {
                    if (!_segment!.IsEmpty)
                    {
                        StartSegment(_open.FirstSequence);
                    }
                    rotation.SetResult(_segment.FirstSequence);
                }
                if (last)
                {
                    _segment!.Complete();
                    _position = new JournalPosition(_end, JournalFormat.FileName(_segment.FirstSequence), _segment.End);
                }
                Recover();
            }
            catch (Exception e) when (IsUnavailable(e))
            {
                Fail(new JournalUnavailableException(e));
                rotation?.TrySetException(_fault!);
            }
        }
        while (!last);
        _segment?.Dispose();
    }

    private void WaitForWork()
    {
        SetAlarm();
        while (!_closing && !_alarmed
            && (_fault is not null || (_open.IsEmpty && _rotation is null && _flushTarget <= _flushed)))
        {
            _committerWaits = true;
            Monitor.Wait(_lock);
        }
        _committerWaits = false;
    }

    /// <summary>Decides what is to be done now; returns whether it is the last.</summary>
    private bool Take(out bool flush, out TaskCompletionSource<ulong>? rotation)
    {
        Alarm alarm = _alarmed ? _alarm : Alarm.None;
        if (_alarmed)
        {
            _alarmed = false;
            _alarm = Alarm.None;
        }
        rotation = _rotation;
        _rotation = null;
        bool last = _closing && (_fault is not null || (_open.IsEmpty && _groups.Count == 0));
        if ((last || alarm == Alarm.Mark) && _fault is null && !_marked && _open.IsEmpty)
        {
            // A mark proves that what is before it was committed.
            _open.AfterFlush = true;
            Add(JournalFormat.Mark, _seed, default, default);
            _marked = true;
        }
        flush = _options.Durability == Durability.Commit || _closing || rotation is not null || _flushTarget > _flushed || alarm == Alarm.Flush
            || (_options.Durability == Durability.Interval && _pendingBytes > _options.PendingBytes / 2);
        if (!_open.IsEmpty)
        {
            _groups.Enqueue(_open);
            _open = NewGroup();
        }
        _open.AfterFlush |= flush;
        return last;
    }

    /// <summary>Writes the groups that were taken.</summary>
    private void Commit(bool flush)
    {
        if (_segment is null)
        {
            StartSegment(_groups.TryPeek(out PendingGroup? first) ? first.FirstSequence : _open.FirstSequence);
        }
        _unwritten.Clear();
        _unwritten.AddRange(_groups.Where(group => !group.Written));
        foreach (PendingGroup group in _unwritten)
        {
            if (!_segment!.IsEmpty && _segment.End + group.Bytes > _options.SegmentBytes)
            {
                StartSegment(group.FirstSequence);
            }
            _segment.Write(group);
            group.Written = true;
        }
        if (flush)
        {
            _segment!.Flush();
        }
        Advance(flush);
    }

    private void StartSegment(ulong firstSequence)
    {
        // The name of the new segment says that all before it is on the device; and what is let go here is not written once
        // more should this fail, so that no segment ever starts before one that is there.
        if (_segment is not null)
        {
            _segment.Complete();
            Advance(flushed: true);
            _segment.Dispose();
            _segment = null;
        }
        _segment = JournalSegment.Create(_directory, _files, _options, _lineage, firstSequence);
    }

    /// <summary>Lets go of the groups that are committed, and those who wait for them.</summary>
    private void Advance(bool flushed)
    {
        lock (_lock)
        {
            bool committed = flushed || _options.Durability == Durability.None;
            while (committed && _groups.TryPeek(out PendingGroup? group) && group.Written)
            {
                Volatile.Write(ref _committed, group.EndSequence);
                _pendingBytes -= group.Bytes;
                if (group.Completion is { } completion)
                {
                    _completed.Add(completion);
                }
                group.Start(0);
                _spare.Push(_groups.Dequeue());
            }
            if (flushed)
            {
                Volatile.Write(ref _flushed, _committed);
            }
            if (_othersWait > 0)
            {
                Monitor.PulseAll(_lock);
            }
        }
        foreach (TaskCompletionSource completion in _completed)
        {
            completion.SetResult();
        }
        _completed.Clear();
    }

    private void Recover()
    {
        if (_fault is not null)
        {
            lock (_lock)
            {
                Volatile.Write(ref _fault, null);
            }
        }
    }

    private void Fail(JournalUnavailableException fault)
    {
        _segment?.Dispose();
        _segment = null;
        lock (_lock)
        {
            Volatile.Write(ref _fault, fault);
            foreach (PendingGroup group in _groups.Append(_open))
            {
                group.Written = false;
                group.Completion?.SetException(fault);
                group.Completion = null;
            }
            _rotation?.SetException(fault);
            _rotation = null;
            Monitor.PulseAll(_lock);
        }
    }

    private void SetAlarm()
    {
        Alarm alarm = _fault is not null ? Alarm.Retry
            : _options.Durability == Durability.Interval && _groups.Count > 0 ? Alarm.Flush
            : _options.Durability != Durability.None && !_marked ? Alarm.Mark
            : Alarm.None;
        // A flush is due some time after the first write, a mark some time after the last.
        if (alarm == _alarm && alarm is Alarm.Flush or Alarm.None)
        {
            return;
        }
        _alarm = alarm;
        _alarmed = false;
        _timer.Change(alarm switch
        {
            Alarm.Flush => _options.CommitInterval,
            Alarm.Retry => RetryInterval,
            Alarm.Mark => MarkDelay,
            _ => Timeout.InfiniteTimeSpan,
        }, Timeout.InfiniteTimeSpan);
    }
}
