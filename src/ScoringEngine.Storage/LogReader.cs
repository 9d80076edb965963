using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using FASTER.core;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage;

/// <summary>
/// Copies the log out chunk by chunk, beside writes. In memory, a chunk is copied under one protection of its page, and
/// a record that may change in place is copied again when it changed meanwhile. What memory has evicted is read page by
/// page from the device, where it never changes. FASTER's own iteration locks and copies record by record, several times slower.
/// </summary>
internal sealed unsafe class LogReader
{
    private const int ChunkBytes = 1 << 16;

    private readonly LogAccessor<SpanByte, SpanByte> _log;
    private readonly Func<long, long> _physicalAddress;
    private readonly LogDevice _device;
    private readonly SessionPool _sessions;
    private readonly WriteLocks _locks;
    private readonly int _pageBytes;
    private readonly int _maxRecordBytes; // in the log
    private readonly byte[] _chunkArray;
    private readonly byte* _chunk;
    private readonly List<int> _offsets = [];
    private byte[] _page = [];
    private long _pageAddress = -1;

    /// <param name="log">The log.</param>
    /// <param name="physicalAddress">From <see cref="LogLayout.PhysicalAddresses"/>.</param>
    /// <param name="device">The device behind the log.</param>
    /// <param name="sessions">Gives the protection.</param>
    /// <param name="locks">Tells whether a record changed.</param>
    /// <param name="pageBytes">Bytes of a page of the log.</param>
    /// <param name="maxRecordBytes">Most bytes of a customer's record.</param>
    public LogReader(LogAccessor<SpanByte, SpanByte> log, Func<long, long> physicalAddress, LogDevice device, SessionPool sessions,
        WriteLocks locks, int pageBytes, int maxRecordBytes)
    {
        _log = log;
        _physicalAddress = physicalAddress;
        _device = device;
        _sessions = sessions;
        _locks = locks;
        _pageBytes = pageBytes;
        _maxRecordBytes = LogLayout.SizeOf(FeatureSchema.MaxIdBytes, maxRecordBytes);
        _chunkArray = GC.AllocateUninitializedArray<byte>(ChunkBytes + _maxRecordBytes, pinned: true);
        _chunk = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_chunkArray, 0);
    }

    /// <summary>Address of the first record of the chunk.</summary>
    public long Start { get; private set; }

    /// <summary>Address of the first record behind the chunk.</summary>
    public long End { get; private set; }

    /// <summary>Number of customers in the chunk, superseded versions that FASTER has not marked included.</summary>
    public int Count => _offsets.Count;

    public bool IsStartOfPage(long address) => address % _pageBytes == 0;

    public long Address(int index) => Start + _offsets[index];

    /// <summary>The id of the customer at an index; valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> Id(int index) => LogLayout.Id(_chunk + _offsets[index]);

    /// <summary>The record of the customer at an index; valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> Record(int index) => LogLayout.Record(_chunk + _offsets[index]);

    /// <summary>Copies a chunk of one page.</summary>
    /// <param name="start">Address of a record, or the end of a page.</param>
    /// <param name="limit">Address of a record above <paramref name="start"/>, behind which nothing is copied.</param>
    /// <exception cref="IOException">The device cannot be read.</exception>
    public void Read(long start, long limit)
    {
        Start = start;
        _offsets.Clear();
        long pageEnd = (start / _pageBytes * _pageBytes) + _pageBytes;
        long until = Math.Min(Math.Min(limit, pageEnd), start + ChunkBytes);
        if (!TryReadMemory(start, until, pageEnd))
        {
            ReadDevice(start, until, pageEnd);
        }
    }

    private bool TryReadMemory(long start, long until, long pageEnd)
    {
        CustomerSession session = _sessions.Rent();
        session.BeginProtection();
        try
        {
            // Once protected, what is not evicted by now stays until the end of the protection.
            if (start < _log.HeadAddress)
            {
                return false;
            }
            Copy((byte*)_physicalAddress(start), start, until, pageEnd, changesFrom: _log.SafeReadOnlyAddress);
            return true;
        }
        finally
        {
            session.EndProtection();
            _sessions.Return(session);
        }
    }

    private void ReadDevice(long start, long until, long pageEnd)
    {
        long page = pageEnd - _pageBytes;
        if (_pageAddress != page)
        {
            if (_page.Length == 0)
            {
                _page = GC.AllocateUninitializedArray<byte>(_pageBytes);
            }
            _pageAddress = -1;
            _device.Read(page, _page);
            _pageAddress = page;
        }
        fixed (byte* bytes = _page)
        {
            Copy(bytes + (start - page), start, until, pageEnd, changesFrom: long.MaxValue);
        }
    }

    private void Copy(byte* source, long start, long until, long pageEnd, long changesFrom)
    {
        long address = start;
        while (address < until)
        {
            byte* record = source + (address - start);
            int size = LogLayout.SizeOf(record);
            if (address + size > pageEnd)
            {
                address = pageEnd; // FASTER's rule for the rest of a page
                break;
            }
            if (LogLayout.HoldsCustomer(record))
            {
                if ((uint)size > (uint)_maxRecordBytes)
                {
                    ThrowTooLong(address, size);
                }
                byte* copy = _chunk + (address - start);
                if (address < changesFrom)
                {
                    Buffer.MemoryCopy(record, copy, size, size);
                }
                else
                {
                    CopyWhole(record, copy, size);
                }
                _offsets.Add((int)(address - start));
            }
            address += size;
        }
        End = address;
    }

    // Apart from the loop, which is faster without it.
    [DoesNotReturn]
    private void ThrowTooLong(long address, int size) => throw new IOException($"the log has a record of {size} bytes at {address}, expected at most {_maxRecordBytes}");

    private void CopyWhole(byte* record, byte* copy, int size)
    {
        KeyLock* keyLock = _locks.Of(IdComparer.Hash(LogLayout.Id(record)));
        int version;
        do
        {
            version = keyLock->BeginRead();
            Buffer.MemoryCopy(record, copy, size, size);
        }
        while (!keyLock->EndRead(version));
    }
}
