using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Synthetic;
using ScoringEngine.Core.Tests.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class WorkspaceStarterTests
{
    private static Workspace Start(TemporaryFolder folder, CsvTable table, string id, string target)
    {
        ImmutableArray<(string, int)> terms = target.Length == 0 ? [] : ProfitTarget.Parse(target);
        using CsvTable disposed = table;
        InferredSchema inferred = SchemaInference.Infer(table, id, terms, r => Assert.Fail(r.ToString()));
        WorkspaceWriter.Create(folder["starter"], WorkspaceStarter.Files(inferred, id, terms));
        Workspace workspace = Workspace.Load(folder["starter"]);
        Assert.Equal(inferred.Features.Hash, workspace.Schema.Features.Hash);
        Assert.All(StrategyCheck.Check(workspace.Source, new DateOnly(2030, 1, 1)), p => Assert.Equal(Severity.Incomplete, p.Severity));
        return workspace;
    }

    [Fact]
    public void Files_ForTelco_AreValidAndIncomplete()
    {
        using TemporaryFolder folder = new();
        Workspace workspace = Start(folder, CsvTable.Open(RealData.File("telco/Telco-Customer-Churn.csv")), "customerID", "MonthlyCharges");
        Assert.True(workspace.Schema.Target!.Proxy);
        Assert.Equal(3, workspace.Incompleteness().Count());
        Assert.NotEmpty(workspace.Propositions);
        Assert.Equal(13, workspace.Policy.CustomerWeight); // a fifth of the mean absolute target of 64.76
    }

    [Theory]
    [InlineData("x", true)]
    [InlineData("x - y", false)]
    [InlineData("x + y", true)]
    public void Files_Target_IsAProxyWithoutCosts(string target, bool proxy)
    {
        using TemporaryFolder folder = new();
        Assert.Equal(proxy, Start(folder, Csv.Of("id,x,y,z\n1,1,1,1\n2,2,1,2\n"), "id", target).Schema.Target!.Proxy);
    }

    [Fact]
    public void Files_AwkwardColumns_AreStillValid()
    {
        using TemporaryFolder folder = new();
        Workspace workspace = Start(folder,
            Csv.Of("\"id: #1\",\"a\nb\",\"# c\",,\"say \"\"x\"\"\",k,date\n1,1,x: y,1,yes,\"k\nk\",2024-01-01\n2,2,\"[z\nz]\",2,no,\"k\nk\",2024-01-02\n"), "id: #1", "");
        Assert.Equal(["a\nb", "# c", "say \"x\""], workspace.Schema.Features.Features.Select(f => f.Name));
        Assert.Null(workspace.Schema.Target);
    }

    [Fact]
    public void SyntheticFiles_Always_AreValid()
    {
        using TemporaryFolder folder = new();
        SyntheticWorld world = new(3);
        WorkspaceWriter.Create(folder["synthetic"], SyntheticWorkspace.Files(world));
        Workspace workspace = Workspace.Load(folder["synthetic"]);
        Assert.Equal(world.Schema.Hash, workspace.Schema.Features.Hash);
        Assert.All(StrategyCheck.Check(workspace.Source, new DateOnly(2030, 1, 1)), p => Assert.Equal(Severity.Incomplete, p.Severity));
        Assert.Equal(world.Propositions.Select(p => p.Id).Order(StringComparer.Ordinal), workspace.Propositions.Select(p => p.Id));
    }
}
