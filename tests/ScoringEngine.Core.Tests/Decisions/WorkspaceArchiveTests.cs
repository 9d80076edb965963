using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

[Collection(TrainedSampleTests.Name)]
public sealed class WorkspaceArchiveTests(TrainedSample sample) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Open_FilesChangedSince_IsTheWorkspaceOfThen()
    {
        Workspace then = Workspace.Load(sample.CopyTo(_folder.Path));
        string policy = Path.Combine(then.Directory, Policy.FileName);
        File.WriteAllText(policy, File.ReadAllText(policy).Replace("customer_weight: 40", "customer_weight: 41"));

        ArchiveRecord archive = ArchiveRecord.Parser.ParseFrom(WorkspaceArchive.Of(then, sample.Models.Manifest).ToByteArray());
        (Workspace opened, ModelSet models) = WorkspaceArchive.Open(archive, then.Directory);

        Assert.Equal(40, opened.Policy.CustomerWeight);
        Assert.Equal(41, Workspace.Load(then.Directory).Policy.CustomerWeight);
        Assert.Equal(then.Directory, opened.Directory);
        Assert.Equal(then.Propositions.Select(p => p.Id), opened.Propositions.Select(p => p.Id));
        Assert.Equal(sample.Models.Manifest.Version, models.Manifest.Version);
    }

    [Fact]
    public void Of_SameFilesElsewhere_HasTheSameHash()
    {
        ArchiveRecord here = WorkspaceArchive.Of(sample.Workspace, sample.Models.Manifest);
        ArchiveRecord there = WorkspaceArchive.Of(Workspace.Load(sample.CopyTo(_folder.Path)), sample.Models.Manifest);
        ArchiveRecord other = WorkspaceArchive.Of(sample.Workspace, sample.Models.Manifest with { Seed = 2 });

        Assert.Equal(32, here.Hash.Length);
        Assert.Equal(here, there);
        Assert.NotEqual(here.Hash, other.Hash);
    }

    [Fact]
    public void Open_DamagedContent_IsRefused()
    {
        ArchiveRecord archive = WorkspaceArchive.Of(sample.Workspace, sample.Models.Manifest);
        archive.Contents[0] = ByteString.CopyFromUtf8("needs: []\n");

        InvalidDataException e = Assert.Throws<InvalidDataException>(() => WorkspaceArchive.Open(archive, sample.Workspace.Directory));
        Assert.EndsWith("its files do not have its hash", e.Message);
    }

    [Fact]
    public void Open_AnotherVersionOfThatNumber_IsRefused()
    {
        ArchiveRecord archive = WorkspaceArchive.Of(sample.Workspace, sample.Models.Manifest with { Seed = 2 });

        InvalidDataException e = Assert.Throws<InvalidDataException>(() => WorkspaceArchive.Open(archive, sample.Workspace.Directory));
        Assert.Contains("another version 1 than the one in workspace archive", e.Message);
    }

    public void Dispose() => _folder.Dispose();
}
