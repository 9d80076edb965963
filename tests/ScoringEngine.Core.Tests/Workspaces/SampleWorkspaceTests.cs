using ScoringEngine.Core.Synthetic;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Workspaces;

/// <summary>The workspace that ships in models/telecom.</summary>
public class SampleWorkspaceTests
{
    private static readonly string Folder = Path.Combine(RealData.RepositoryRoot, "models", "telecom");

    [Fact]
    public void Load_ShippedWorkspace_HasCompleteStrategies()
    {
        Workspace workspace = Workspace.Load(Folder);

        Assert.NotEmpty(workspace.Strategies);
        Assert.All(workspace.Strategies, s => Assert.Empty(s.MissingElements));
    }

    [Fact]
    public void Load_ShippedWorkspace_ReadsTheFilesThatSampleWrites()
        => Assert.Equal(new SyntheticWorld(1).Schema.Hash, Workspace.Load(Folder).Schema.Features.Hash);
}
