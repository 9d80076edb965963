using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ScoringEngine.Storage.Files;

/// <summary>The files of this machine.</summary>
internal sealed partial class DiskFiles : IStorageFiles
{
    private const int NotNeeded = 4; // POSIX_FADV_DONTNEED of Linux

    /// <summary>The one instance.</summary>
    public static DiskFiles Instance { get; } = new();

    private DiskFiles()
    {
    }

    public IStorageFile Create(string path) => OpenFile(path, FileMode.CreateNew, FileAccess.ReadWrite);

    public IStorageFile Open(string path, bool write) => OpenFile(path, FileMode.Open, write ? FileAccess.ReadWrite : FileAccess.Read);

    public bool Exists(string path) => File.Exists(path);

    public IReadOnlyList<string> List(string directory)
        => Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)] : [];

    public IReadOnlyList<string> ListFolders(string directory)
        => Directory.Exists(directory) ? [.. Directory.EnumerateDirectories(directory).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)] : [];

    public void CreateDirectory(string path) => Directory.CreateDirectory(path);

    public long? FreeSpaceOf(string directory) => new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(directory)! : directory).AvailableFreeSpace;

    public void Move(string source, string target) => File.Move(source, target, overwrite: true);

    public void Delete(string path) => File.Delete(path);

    public void FlushDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS journals names by itself; a folder cannot be flushed there.
        }
        // .NET opens no folders.
        int descriptor = OpenDescriptor(path, 0);
        if (descriptor < 0)
        {
            throw Failed("open", path);
        }
        try
        {
            if (FlushDescriptor(descriptor) != 0)
            {
                throw Failed("fsync", path);
            }
        }
        finally
        {
            _ = CloseDescriptor(descriptor);
        }
    }

    private static DiskFile OpenFile(string path, FileMode mode, FileAccess access) => new(path, File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete));

    private static IOException Failed(string call, string path) => new($"{path}: {call} failed: {Marshal.GetLastPInvokeErrorMessage()}", Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenDescriptor(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FlushDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FlushDescriptor(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeFileHandle file, nint offset, nint length, int advice);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int CloseDescriptor(int descriptor);

    private sealed class DiskFile(string path, SafeFileHandle handle) : IStorageFile
    {
        public string Path => path;

        public long Length => RandomAccess.GetLength(handle);

        public void Write(ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(handle, bytes, offset);

        public int Read(Span<byte> bytes, long offset)
        {
            int read = 0;
            while (read < bytes.Length)
            {
                int n = RandomAccess.Read(handle, bytes[read..], offset + read);
                if (n == 0)
                {
                    break;
                }
                read += n;
            }
            return read;
        }

        public void SetLength(long bytes) => RandomAccess.SetLength(handle, bytes);

        public void Flush()
        {
            // .NET's flush takes EROFS, EINVAL and ENOTSUP for success, but what a file system that went read-only says of
            // unwritten data is EROFS.
            if (!OperatingSystem.IsWindows() && FlushDescriptor(handle) != 0)
            {
                throw Failed("fsync", path);
            }
            // On a Mac it also flushes the drive's own memory.
            if (!OperatingSystem.IsLinux())
            {
                RandomAccess.FlushToDisk(handle);
            }
        }

        public void ForgetCached()
        {
            if (OperatingSystem.IsLinux())
            {
                // Only advice: when it is not taken, what is read is right as far as can be seen.
                _ = Advise(handle, 0, 0, NotNeeded);
            }
        }

        public void Dispose() => handle.Dispose();
    }
}
