using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ScoringEngine.Server.CommandLine;

/// <summary>A file that a command writes: it appears complete under its name or not at all.</summary>
internal static class OutputFile
{
    private const int RegularFile = 0x8;

    /// <summary>The place to write to, links followed.</summary>
    /// <exception cref="CommandFailure">There is no such folder, or the path is a folder, a device or a pipe: nothing to be replaced by a file.</exception>
    public static string Target(string path)
    {
        string target = Path.GetFullPath(path);
        target = new FileInfo(target) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName : target;
        string? obstacle = Directory.Exists(target) ? "is a folder"
            : !Directory.Exists(Path.GetDirectoryName(target)) ? "no such folder"
            : File.Exists(target) && !IsRegular(target) ? "is a device or a pipe" : null;
        return obstacle is null ? target : throw new CommandFailure($"{path}: {obstacle}, expected the name of a file to write");
    }

    /// <summary>Has a file written beside the target, which then takes its name.</summary>
    /// <param name="target">As <see cref="Target"/> gave it.</param>
    /// <param name="write">Writes the file of the name it is given.</param>
    /// <param name="overwrite">Whether a file of the target's name is replaced.</param>
    /// <exception cref="IOException">It cannot be written; nothing is left of it.</exception>
    public static T Write<T>(string target, Func<string, T> write, bool overwrite = true)
    {
        string temporary = $"{target}.{Guid.NewGuid():N}";
        try
        {
            T result = write(temporary);
            File.Move(temporary, target, overwrite);
            return result;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    // .NET does not tell kinds of files; Linux's statx has the mode at a fixed place, its kind in the highest four bits.
    private static bool IsRegular(string path)
    {
        const int CurrentDirectory = -100;
        const uint Type = 1;
        const int ModeAt = 28;
        byte[] status = new byte[256];
        return !OperatingSystem.IsLinux() || StatX(CurrentDirectory, path, 0, Type, status) != 0
            || BinaryPrimitives.ReadUInt16LittleEndian(status.AsSpan(ModeAt)) >> 12 == RegularFile;
    }

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int StatX(int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, [Out] byte[] status);
}
