using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Tests.Files;

public sealed class DiskFilesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("scoring-engine-tests-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void File_WrittenFlushedAndMoved_ReadsBack()
    {
        IStorageFiles files = DiskFiles.Instance;
        string path = Path.Combine(_folder.FullName, "a");
        using (IStorageFile file = files.Create(path))
        {
            file.Write([1, 2, 3], 2);
            file.SetLength(4);
            file.Flush();
        }
        files.Move(path, path + "b");
        files.FlushDirectory(_folder.FullName);

        Assert.Equal(["ab"], files.List(_folder.FullName));
        using IStorageFile moved = files.Open(path + "b", write: false);
        byte[] bytes = new byte[8];
        Assert.Equal(4, moved.Read(bytes, 0));
        Assert.Equal([0, 0, 1, 2], bytes[..4]);
    }

    [Fact]
    public void Create_OfAnExistingFile_Throws()
    {
        string path = Path.Combine(_folder.FullName, "a");
        File.WriteAllText(path, "x");

        Assert.Throws<IOException>(() => DiskFiles.Instance.Create(path));
    }

    /// <summary>.NET's own flush takes EINVAL, and EROFS of a file system that went read-only after an error, for success.</summary>
    [Fact]
    public void Flush_OfWhatCannotBeFlushed_Throws()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "this file is Linux's");
        using IStorageFile file = DiskFiles.Instance.Open("/dev/null", write: true);

        Assert.Contains("/dev/null", Assert.Throws<IOException>(file.Flush).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FlushDirectory_OfNone_NamesIt()
    {
        string none = Path.Combine(_folder.FullName, "none");

        Assert.Contains(none, Assert.Throws<IOException>(() => DiskFiles.Instance.FlushDirectory(none)).Message, StringComparison.Ordinal);
    }
}
