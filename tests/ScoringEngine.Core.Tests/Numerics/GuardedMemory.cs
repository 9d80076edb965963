using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ScoringEngine.Core.Tests.Numerics;

/// <summary>
/// Memory between two pages that nobody may touch: a kernel that reads or writes beyond its spans ends the process.
/// Where pages cannot be protected (not Linux) it is ordinary memory.
/// </summary>
internal sealed class GuardedMemory<T> : IDisposable
    where T : unmanaged
{
    private const int ProtectNone = 0;
    private const int ProtectReadWrite = 3;
    private const int MapPrivateAnonymous = 0x22;

    private readonly nint _start;
    private readonly nint _bytes;
    private readonly T[] _plain = [];

    internal GuardedMemory(int capacity)
    {
        Capacity = capacity;
        if (!OperatingSystem.IsLinux())
        {
            _plain = new T[capacity];
            return;
        }
        nint page = Environment.SystemPageSize;
        nint inner = (((nint)capacity * Unsafe.SizeOf<T>()) + page - 1) / page * page;
        _bytes = inner + (2 * page);
        _start = Pages.Map(0, _bytes, ProtectNone, MapPrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, _start);
        Assert.Equal(0, Pages.Protect(_start + page, inner, ProtectReadWrite));
    }

    internal int Capacity { get; }

    /// <summary>The last <paramref name="length"/> values before the guard.</summary>
    internal Span<T> Last(int length)
    {
        Assert.InRange(length, 0, Capacity);
        if (_bytes == 0)
        {
            return _plain.AsSpan(Capacity - length);
        }
        nint end = _start + _bytes - Environment.SystemPageSize;
        return MemoryMarshal.CreateSpan(ref Unsafe.AddByteOffset(ref Unsafe.NullRef<T>(), end - ((nint)length * Unsafe.SizeOf<T>())), length);
    }

    /// <summary>A copy of <paramref name="values"/> that ends at the guard.</summary>
    internal Span<T> Last(ReadOnlySpan<T> values)
    {
        Span<T> copy = Last(values.Length);
        values.CopyTo(copy);
        return copy;
    }

    public void Dispose()
    {
        if (_bytes != 0)
        {
            Assert.Equal(0, Pages.Unmap(_start, _bytes));
        }
    }
}

/// <summary>The C library's calls on pages.</summary>
file static class Pages
{
    [DllImport("libc", EntryPoint = "mmap")]
    internal static extern nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "mprotect")]
    internal static extern int Protect(nint address, nint length, int protection);

    [DllImport("libc", EntryPoint = "munmap")]
    internal static extern int Unmap(nint address, nint length);
}
