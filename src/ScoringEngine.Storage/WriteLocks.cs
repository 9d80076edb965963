using System.Runtime.InteropServices;

namespace ScoringEngine.Storage;

/// <summary>
/// The lock of a group of index buckets, and the version that lets readers do without it (a seqlock: Lameter, "Effective
/// Synchronization on Linux/NUMA Systems", 2005): odd while a record of the group is changed in place.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)] // a cache line each
internal struct KeyLock
{
    private int _held;
    private int _version;

    public void Acquire()
    {
        SpinWait spin = default;
        while (_held != 0 || Interlocked.CompareExchange(ref _held, 1, 0) != 0)
        {
            spin.SpinOnce();
        }
    }

    public void Release() => Volatile.Write(ref _held, 0);

    /// <summary>Begins to change a record in place; the lock is held.</summary>
    public void BeginChange()
    {
        _version++;
        Volatile.WriteBarrier();
    }

    public void EndChange() => Volatile.Write(ref _version, _version + 1);

    /// <summary>Waits until no record of the group is being changed, and returns the version.</summary>
    public readonly int BeginRead()
    {
        SpinWait spin = default;
        int version;
        while (((version = Volatile.Read(in _version)) & 1) != 0)
        {
            spin.SpinOnce();
        }
        return version;
    }

    /// <summary>Whether what was read since <see cref="BeginRead"/> is whole.</summary>
    public readonly bool EndRead(int version)
    {
        Volatile.ReadBarrier();
        return Volatile.Read(in _version) == version;
    }
}

/// <summary>
/// One lock for each group of index buckets, held around every write. FASTER without locks of its own leaves a key to
/// one writer at a time, and when two writers meet in a bucket, the loser abandons a half-written record in the log
/// whose length field is wrong, and a log scan loses its way. With these locks they never meet.
/// </summary>
internal sealed unsafe class WriteLocks
{
    /// <summary>A power of two, at most the number of index buckets: keys of one bucket share a lock.</summary>
    public const int Count = 1024;

    private readonly KeyLock[] _locks = GC.AllocateArray<KeyLock>(Count, pinned: true);

    /// <summary>The lock of a key's hash; valid as long as this object.</summary>
    public KeyLock* Of(long hash) => (KeyLock*)Marshal.UnsafeAddrOfPinnedArrayElement(_locks, (int)(hash & (Count - 1)));
}
