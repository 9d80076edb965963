using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Tests.Commands;

namespace ScoringEngine.Server.Tests.CommandLine;

public sealed class OutputFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Target_OfLink_IsWhereItLeads()
    {
        string file = _folder.Write("file", "before");
        string link = _folder.At("link");
        File.CreateSymbolicLink(link, file);

        string target = OutputFile.Target(link);
        OutputFile.Write(target, temporary =>
        {
            File.WriteAllText(temporary, "after");
            return 0;
        });

        Assert.Equal(file, target);
        Assert.Equal("after", File.ReadAllText(file));
        Assert.NotNull(new FileInfo(link).LinkTarget);
    }

    [Fact]
    public void Target_OfDevice_IsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "devices are told from files on Linux only");
        CommandFailure failure = Assert.Throws<CommandFailure>(() => OutputFile.Target("/dev/null"));
        Assert.Contains("/dev/null: is a device or a pipe", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Target_OfFolderOrInNone_IsRefused()
    {
        Assert.Contains("is a folder", Assert.Throws<CommandFailure>(() => OutputFile.Target(_folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("no such folder", Assert.Throws<CommandFailure>(() => OutputFile.Target(_folder.At("no/file"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ThatFails_LeavesTheOldFileAndNothingElse()
    {
        string file = _folder.Write("file", "before");

        Assert.Throws<IOException>(() => OutputFile.Write<int>(file, temporary =>
        {
            File.WriteAllText(temporary, "half");
            throw new IOException("no space left");
        }));

        Assert.Equal("before", File.ReadAllText(file));
        Assert.Equal([file], Directory.GetFiles(_folder.Path));
    }
}
