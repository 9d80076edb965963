using ScoringEngine.Storage.Files;

namespace ScoringEngine.Storage.Tests.Files;

public class FaultyFilesTests
{
    private const string Path = "/data/a";

    private readonly FaultyFiles _files = new();

    public FaultyFilesTests() => _files.CreateDirectory("/data");

    [Fact]
    public void Crash_WithoutLuck_LosesWhatWasNotFlushed()
    {
        IStorageFile file = _files.Create(Path);
        file.Write([1, 2, 3], 0);
        file.Flush();
        _files.FlushDirectory("/data");
        file.Write([9, 9, 9, 9], 0);
        _files.Create("/data/b").Flush();
        _files.Delete(Path);

        _files.Crash();

        Assert.Equal(["a"], _files.List("/data"));
        Assert.Equal([1, 2, 3], _files.Contents(Path));
        Assert.Throws<IOException>(() => file.Write([1], 0));
    }

    [Fact]
    public void Crash_WithLuck_KeepsAnySectorsWhole()
    {
        HashSet<string> outcomes = [];
        for (int seed = 0; seed < 100; seed++)
        {
            FaultyFiles files = new();
            files.CreateDirectory("/data");
            IStorageFile file = files.Create(Path);
            file.SetLength(1024);
            file.Flush();
            files.FlushDirectory("/data");
            file.Write([.. Enumerable.Repeat((byte)7, 1024)], 0);

            files.Crash(new Random(seed));

            byte[] bytes = files.Contents(Path);
            Assert.Single(bytes[..512].Distinct());
            Assert.Single(bytes[512..].Distinct());
            outcomes.Add($"{bytes[0]}{bytes[512]}");
        }
        Assert.Equal(["00", "07", "70", "77"], outcomes.Order());
    }

    [Fact]
    public void Flush_ThatFailed_LosesItsDataEvenIfALaterOneSucceeds()
    {
        IStorageFile file = _files.Create(Path);
        _files.FlushDirectory("/data");
        file.SetLength(1024);
        file.Flush();
        file.Write([1], 0);
        _files.Fail(FileOperation.Flush);
        Assert.Throws<IOException>(file.Flush);
        file.Write([2], 512);
        file.Flush();
        Assert.Equal(1, _files.Contents(Path)[0]);

        _files.Crash();

        Assert.Equal(0, _files.Contents(Path)[0]);
        Assert.Equal(2, _files.Contents(Path)[512]);
    }

    [Fact]
    public void Write_ThatFails_HasWrittenHalf()
    {
        IStorageFile file = _files.Create(Path);
        _files.Fail(FileOperation.Write, nth: 2);
        file.Write([1, 1], 0);

        Assert.Throws<IOException>(() => file.Write([2, 2], 2));
        Assert.Equal([1, 1, 2], _files.Contents(Path));
    }

    [Fact]
    public void Write_OnAFullDisk_FailsUntilSpaceIsFreed()
    {
        _files.Create("/data/b").Write(new byte[600], 0);
        _files.FreeBytes = 512;
        IStorageFile file = _files.Create(Path);
        file.SetLength(100_000);

        IOException full = Assert.Throws<IOException>(() => file.Write([.. Enumerable.Repeat((byte)5, 1000)], 0));
        Assert.Equal(28, full.HResult);
        Assert.Equal(512, _files.Contents(Path).Count(b => b == 5));
        _files.Delete("/data/b");
        file.Write(new byte[1000], 0);
        Assert.Equal(512, _files.FreeBytes);
    }

    [Fact]
    public void CrashAfter_StopsEverythingUntilTheCrash()
    {
        IStorageFile file = _files.Create(Path);
        _files.FlushDirectory("/data");
        _files.CrashAfter(1);
        file.Write([1, 2], 0);

        Assert.Throws<IOException>(file.Flush);
        Assert.Throws<IOException>(() => _files.Create("/data/b"));
        _files.Crash();
        Assert.Empty(_files.Contents(Path));
    }

    [Fact]
    public void Kill_KeepsWhatWasWrittenUntilACrash()
    {
        IStorageFile file = _files.Create(Path);
        file.Flush();
        _files.FlushDirectory("/data");
        file.Write([1, 2], 0);

        _files.Kill();
        Assert.Throws<IOException>(() => file.Write([3], 0));
        Assert.Equal([1, 2], _files.Contents(Path));
        _files.Crash();
        Assert.Empty(_files.Contents(Path));
    }

    [Fact]
    public void Move_NotFlushed_IsUndoneByACrash()
    {
        _files.SetContents(Path, [1]);
        _files.SetContents("/data/b", [2]);
        _files.Move(Path, "/data/b");
        Assert.Equal([1], _files.Contents("/data/b"));

        _files.Crash();
        Assert.Equal([2], _files.Contents("/data/b"));
        Assert.Equal([1], _files.Contents(Path));
        _files.Move(Path, "/data/b");
        _files.FlushDirectory("/data");
        _files.Crash();
        Assert.Equal(["b"], _files.List("/data"));
        Assert.Equal([1], _files.Contents("/data/b"));
    }
}
