using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>
/// Keeps a data directory to one database at a time: an exclusive lock on the file LOCK, which holds the number of the process
/// that has it. The system gives the lock back when that process ends, however it ends.
/// </summary>
internal sealed partial class DirectoryLock : IDisposable
{
    private const int WouldBlock = 11;
    private const int SharingViolation = unchecked((int)0x80070020);

    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <summary>Takes the lock of a folder, which is made when there is none.</summary>
    /// <exception cref="DataDirectoryException">It is in use, or cannot be written.</exception>
    public static DirectoryLock Take(string directory)
    {
        string path = PathOf(directory);
        try
        {
            Directory.CreateDirectory(directory);
            // Exclusive on Unix only with FileShare.None; on Windows the holder's number must stay readable.
            FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None);
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n")));
            file.Flush();
            return new DirectoryLock(file);
        }
        catch (IOException e) when (e.HResult is WouldBlock or SharingViolation)
        {
            throw new DataDirectoryException(DataDirectoryProblem.InUse,
                $"{directory} is in use by {(Holder(directory) is int pid ? string.Create(CultureInfo.InvariantCulture, $"process {pid}") : "another process")}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataDirectoryException(DataDirectoryProblem.NotWritable, $"{directory} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Whether a folder was ever locked.</summary>
    public static bool Exists(string directory) => File.Exists(PathOf(directory));

    /// <summary>The process that has the lock of a folder; null when there is none, or it cannot be told.</summary>
    public static int? Holder(string directory)
    {
        try
        {
            using SafeFileHandle file = OpenUnlocked(PathOf(directory));
            Span<byte> text = stackalloc byte[16];
            int length = RandomAccess.Read(file, text, 0);
            if (!int.TryParse(Encoding.ASCII.GetString(text[..length]).TrimEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                return null;
            }
            using Process process = Process.GetProcessById(pid);
            return pid;
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            return null; // No file, or a process that has ended without giving the lock back.
        }
    }

    public void Dispose()
    {
        _file.SetLength(0);
        _file.Dispose();
    }

    private static string PathOf(string directory) => Path.Combine(directory, "LOCK");

    // On Unix .NET takes a shared lock on every file it opens, which the holder's excludes.
    private static SafeFileHandle OpenUnlocked(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        int descriptor = OpenDescriptor(path, 0);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw new IOException(Marshal.GetLastPInvokeErrorMessage());
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenDescriptor(string path, int flags);
}
