using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using FASTER.core;
using Microsoft.Win32.SafeHandles;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage;

/// <summary>Whether the reads of a session have worked since its operation began.</summary>
internal sealed class DeviceReads
{
    private volatile Exception? _fault;

    /// <summary>Why one of them failed, or null.</summary>
    public Exception? Fault
    {
        get => _fault;
        set => _fault = value;
    }
}

/// <summary>
/// The files behind FASTER's log. FASTER mishandles failing devices: after a failed write it waits forever, and it
/// parses whatever a failed read left in the buffer. So this device reports success to it in every case and keeps the
/// truth itself: a page that could not be written stays in memory and is read from there (<see cref="WriteFault"/> then
/// stops further writes to the store), and a failed read gives zeros, which match no customer, and is noted in the
/// <see cref="DeviceReads"/> of whoever reads. A read is also failed when it gives other bytes than were written: the checksum
/// of each sector is kept in memory, four bytes for 512. The files have no name where the system allows it, so that nothing is left of
/// them however the process ends.
/// </summary>
internal class LogDevice : StorageDeviceBase
{
    private const int Sector = 512;

    [ThreadStatic]
    private static DeviceReads? _reads;

    private readonly ConcurrentDictionary<int, SafeFileHandle> _segments = new();
    private readonly ConcurrentDictionary<int, uint[]> _checksums = new(); // by segment; of each sector, 0 where nothing was written
    private readonly Lock _lock = new();
    private readonly Lock _writingAgain = new();
    private volatile (long Address, byte[] Bytes)[] _unwritten = []; // replaced, never changed
    private long _end;
    private int _busy;
    private long _begin;
    private volatile Exception? _writeFault;

    public LogDevice(string directory)
        : base(Path.Combine(directory, $"customers-{Guid.NewGuid():N}.log"), Sector, Devices.CAPACITY_UNSPECIFIED)
    {
        // A folder that takes no files is an error now, not when memory is full.
        Segment(0);
    }

    /// <summary>Why a page could not be written, or null. It stays until <see cref="WriteAgain"/> has written all of them.</summary>
    public Exception? WriteFault => _writeFault;

    /// <summary>For whom this thread reads; to be set before FASTER is called.</summary>
    public static DeviceReads? Reads
    {
        get => _reads;
        set => _reads = value;
    }

    /// <summary>Bytes that take space on the disk.</summary>
    public long Bytes => Math.Max(0, Volatile.Read(ref _end) - (Volatile.Read(ref _begin) / segmentSize * segmentSize));

    public override void WriteAsync(nint sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite,
        DeviceIOCompletionCallback callback, object context)
    {
        Interlocked.Increment(ref _busy);
        ThreadPool.UnsafeQueueUserWorkItem(_ =>
        {
            WritePage(sourceAddress, segmentId, (long)destinationAddress, (int)numBytesToWrite);
            callback(0, numBytesToWrite, context);
            Interlocked.Decrement(ref _busy);
        }, null);
    }

    public override void ReadAsync(int segmentId, ulong sourceAddress, nint destinationAddress, uint readLength,
        DeviceIOCompletionCallback callback, object context)
    {
        Interlocked.Increment(ref _busy);
        DeviceReads? reads = Reads;
        ThreadPool.UnsafeQueueUserWorkItem(_ =>
        {
            ReadPart(Address(segmentId, (long)sourceAddress), destinationAddress, (int)readLength, reads);
            // FASTER follows a chain of records from here: for the same operation.
            Reads = reads;
            callback(0, readLength, context);
            Reads = null;
            Interlocked.Decrement(ref _busy);
        }, null);
    }

    /// <summary>Waits until no read or write is under way; FASTER frees its pages without asking.</summary>
    public void WaitUntilIdle() => SpinWait.SpinUntil(() => Volatile.Read(ref _busy) == 0);

    /// <summary>Reads what was written at an address of the log, zeros where nothing was.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public void Read(long address, Span<byte> bytes)
    {
        try
        {
            ReadAll(address, bytes);
        }
        catch (Exception e)
        {
            throw new IOException("the log device cannot be read: " + e.Message, e);
        }
    }

    /// <summary>Gives up what is before an address of the log: it reads as zeros, and whole segments give their space back.</summary>
    public void Truncate(long address)
    {
        Utility.MonotonicUpdate(ref _begin, address, out _);
        foreach (int segment in _segments.Keys)
        {
            if ((segment + 1) * segmentSize <= address)
            {
                RemoveSegment(segment);
            }
        }
        lock (_lock)
        {
            _unwritten = [.. _unwritten.Where(page => page.Address + page.Bytes.Length > address)];
        }
    }

    /// <summary>Tries to write the pages that could not be written; returns whether none is left.</summary>
    public bool WriteAgain()
    {
        lock (_writingAgain)
        {
            foreach ((long Address, byte[] Bytes) page in _unwritten)
            {
                (long segment, long offset) = Math.DivRem(page.Address, segmentSize);
                try
                {
                    Write(Segment((int)segment), page.Bytes, offset);
                }
                catch (Exception e)
                {
                    _writeFault = e;
                    return false;
                }
                lock (_lock)
                {
                    _unwritten = [.. _unwritten.Where(other => other != page)];
                }
            }
            lock (_lock)
            {
                _writeFault = _unwritten.Length == 0 ? null : _writeFault;
            }
            return _writeFault is null;
        }
    }

    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result)
    {
        RemoveSegment(segment);
        callback(result);
    }

    public override void RemoveSegment(int segment)
    {
        if (_segments.TryRemove(segment, out SafeFileHandle? handle))
        {
            handle.Dispose();
        }
        _checksums.TryRemove(segment, out _);
    }

    public override void Dispose()
    {
        WaitUntilIdle();
        foreach (int segment in _segments.Keys)
        {
            RemoveSegment(segment);
        }
    }

    /// <summary>Writes all of <paramref name="bytes"/>; a seam for tests.</summary>
    protected virtual void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(file, bytes, offset);

    /// <summary>Reads into <paramref name="bytes"/> and returns how many were there; a seam for tests.</summary>
    protected virtual int Read(SafeFileHandle file, Span<byte> bytes, long offset) => RandomAccess.Read(file, bytes, offset);

    private SafeFileHandle Segment(int segment)
    {
        if (_segments.TryGetValue(segment, out SafeFileHandle? handle))
        {
            return handle;
        }
        lock (_lock)
        {
            return _segments.GetOrAdd(segment, CreateFile);
        }
    }

    private SafeFileHandle CreateFile(int segment)
    {
        string path = GetSegmentFilename(FileName, segment);
        if (OperatingSystem.IsWindows())
        {
            return File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        }
        SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite);
        File.Delete(path);
        return handle;
    }

    private long Address(int segment, long offset) => (segment * Math.Max(segmentSize, 0)) + offset;

    // Any failure is a fault to report, and none may escape on a pool thread: it would end the process.
    private unsafe void WritePage(nint source, int segment, long offset, int length)
    {
        // FASTER may mark records of the page meanwhile as superseded: only of a copy the checksums are true.
        byte[] copy = ArrayPool<byte>.Shared.Rent(length);
        Span<byte> bytes = copy.AsSpan(0, length);
        new ReadOnlySpan<byte>((void*)source, length).CopyTo(bytes);
        long address = Address(segment, offset);
        try
        {
            KeepChecksums(segment, offset, bytes);
            Write(Segment(segment), bytes, offset);
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                _unwritten = [.. _unwritten, (address, bytes.ToArray())];
                _writeFault = e;
            }
        }
        ArrayPool<byte>.Shared.Return(copy);
        Utility.MonotonicUpdate(ref _end, address + length, out _);
    }

    private void KeepChecksums(int segment, long offset, ReadOnlySpan<byte> bytes)
    {
        Debug.Assert(offset % Sector == 0 && bytes.Length % Sector == 0);
        Span<uint> checksums = _checksums.GetOrAdd(segment, static (_, sectors) => new uint[sectors], segmentSize / Sector).AsSpan((int)(offset / Sector));
        for (int i = 0; i * Sector < bytes.Length; i++)
        {
            checksums[i] = Checksum(bytes.Slice(i * Sector, Sector));
        }
    }

    private static uint Checksum(ReadOnlySpan<byte> sector) => Math.Max(1, Crc32C.Compute(sector));

    private unsafe void ReadPart(long address, nint destination, int length, DeviceReads? reads)
    {
        Span<byte> bytes = new((void*)destination, length);
        try
        {
            ReadAll(address, bytes);
        }
        catch (Exception e)
        {
            bytes.Clear();
            Debug.Assert(reads is not null);
            reads?.Fault = e;
        }
    }

    private void ReadAll(long address, Span<byte> bytes)
    {
        bytes.Clear();
        // FASTER reads in whole sectors, so possibly past what it has written.
        int written = (int)Math.Clamp(Volatile.Read(ref _end) - address, 0, bytes.Length);
        // Taken once: what is written again meanwhile would be looked for in the file too early, and here too late.
        (long Address, byte[] Bytes)[] unwritten = _unwritten;
        if (CopyUnwritten(unwritten, address, bytes) >= written)
        {
            return;
        }
        (long segment, long offset) = Math.DivRem(address, segmentSize);
        try
        {
            if (!_segments.TryGetValue((int)segment, out SafeFileHandle? file))
            {
                throw new FileNotFoundException($"there is no {GetSegmentFilename(FileName, (int)segment)}");
            }
            int read = 0;
            while (read < written)
            {
                int n = Read(file, bytes[read..written], offset + read);
                if (n == 0)
                {
                    throw new EndOfStreamException($"{GetSegmentFilename(FileName, (int)segment)} ends at {offset + read}, expected at least {offset + written} bytes");
                }
                read += n;
            }
            CopyUnwritten(unwritten, address, bytes);
            CheckSectors((int)segment, offset, bytes[..written]);
        }
        catch (Exception) when (address < Volatile.Read(ref _begin))
        {
            bytes.Clear(); // Given up meanwhile.
        }
    }

    private void CheckSectors(int segment, long offset, ReadOnlySpan<byte> bytes)
    {
        Debug.Assert(offset % Sector == 0 && bytes.Length % Sector == 0);
        ReadOnlySpan<uint> checksums = _checksums.TryGetValue(segment, out uint[]? all) ? all.AsSpan((int)(offset / Sector)) : default;
        for (int i = 0; i * Sector < bytes.Length; i++)
        {
            if (checksums[i] != 0 && checksums[i] != Checksum(bytes.Slice(i * Sector, Sector)))
            {
                throw new IOException($"{GetSegmentFilename(FileName, segment)} is not what was written, at {offset + (i * Sector)}");
            }
        }
    }

    /// <summary>Copies what is kept of [address, address + length) and returns the number of bytes copied.</summary>
    private static int CopyUnwritten((long Address, byte[] Bytes)[] unwritten, long address, Span<byte> bytes)
    {
        int copied = 0;
        foreach ((long start, byte[] page) in unwritten)
        {
            long from = Math.Max(address, start);
            long until = Math.Min(address + bytes.Length, start + page.Length);
            if (from < until)
            {
                page.AsSpan((int)(from - start), (int)(until - from)).CopyTo(bytes[(int)(from - address)..]);
                copied += (int)(until - from);
            }
        }
        return copied;
    }
}
