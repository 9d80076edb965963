using System.Text.Json.Nodes;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class InitCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("customers.csv")]
    [InlineData("customers.csv.gz")]
    public async Task Init_CustomerFile_MakesAValidIncompleteWorkspace(string name)
    {
        string file = _folder.Write(name, TrainedWorkspace.CustomerRows(200));
        JsonObject result = await CommandRun.Succeed("init", "--data", file, "--id", "customer", "--target", "revenue - cost", "--out", _folder.At("mine"));

        Assert.Equal((_folder.At("mine"), 200), ((string)result["workspace"]!, (int)result["customers"]!));
        Assert.Equal(
            [("tenure_months", "numeric"), ("monthly_spend", "numeric"), ("has_app", "boolean"), ("plan", "categorical")],
            result["features"]!.AsArray().Select(f => ((string)f!["name"]!, (string)f["kind"]!)));
        Assert.Equal(("revenue - cost", false), ((string)result["target"]!, (bool)result["proxy"]!));
        Assert.Contains(result["incomplete"]!.AsArray(), i => ((string)i!).Contains("lacks"));
        Workspace workspace = Workspace.Load(_folder.At("mine"));
        Assert.Equal("mine", workspace.Name);
        Assert.NotEmpty(workspace.Propositions);
    }

    [Fact]
    public async Task Init_RevenueAsTarget_SaysItIsAProxy()
    {
        string file = _folder.Write("c.csv", TrainedWorkspace.CustomerRows(200));
        CommandRun run = await CommandRun.Of("init", "--data", file, "--id", "customer", "--target", "revenue", "--out", _folder.At("mine"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("a PROXY for profit", run.Output);
        Assert.True(Workspace.Load(_folder.At("mine")).Schema.Target!.Proxy);
    }

    [Fact]
    public async Task Init_WithoutTarget_SaysThereWillBeNoProfitability()
    {
        string file = _folder.Write("c.csv", TrainedWorkspace.CustomerRows(200));
        JsonObject result = await CommandRun.Succeed("init", "--data", file, "--id", "customer", "--out", _folder.At("mine"));
        Assert.Null(result["target"]);
        Assert.Null(result["proxy"]);
        Assert.Null(Workspace.Load(_folder.At("mine")).Schema.Target);
    }

    [Theory]
    [InlineData(1, "no column 'custmer' (did you mean 'customer'?)", "--id", "custmer")]
    [InlineData(1, "no column 'revenu' (did you mean 'revenue'?)", "--id", "customer", "--target", "revenu - cost")]
    [InlineData(1, "target column 'plan' is not numeric", "--id", "customer", "--target", "plan")]
    [InlineData(2, "expected column names joined by", "--id", "customer", "--target", "revenue -")]
    [InlineData(2, "comes twice", "--id", "customer", "--target", "cost - cost")]
    [InlineData(2, "'--id' is required")]
    public async Task Init_SomethingWrong_SaysItAndMakesNothing(int exitCode, string message, params string[] arguments)
    {
        string file = _folder.Write("c.csv", TrainedWorkspace.CustomerRows(200));
        string[] before = _folder.Content();
        Assert.Contains(message, await CommandRun.Fail((ExitCode)exitCode, ["init", "--data", file, "--out", _folder.At("mine"), .. arguments]));
        Assert.Equal(before, _folder.Content());
    }

    [Theory]
    [InlineData("", "empty, expected a header")]
    [InlineData("customer,a\n", "no rows after the header")]
    [InlineData("customer,a,a\nx,1,2\n", "column 'a' comes twice")]
    [InlineData("customer\nx\ny\n", "no column to learn from")]
    [InlineData("customer,same\nx,1\ny,1\n", "no column to learn from")]
    public async Task Init_FileWithNothingToLearnFrom_SaysSoAndMakesNothing(string text, string message)
    {
        string file = _folder.Write("c.csv", text);
        string[] before = _folder.Content();
        string failure = await CommandRun.Fail(ExitCode.Failure, "init", "--data", file, "--id", "customer", "--out", _folder.At("mine"));
        Assert.Contains(file, failure);
        Assert.Contains(message, failure);
        Assert.Equal(before, _folder.Content());
    }

    [Fact]
    public async Task Init_NoFile_SaysWhich()
    {
        Assert.Equal($"{_folder.At("none.csv")}: file not found", await CommandRun.Fail(
            ExitCode.Failure, "init", "--data", _folder.At("none.csv"), "--id", "customer", "--out", _folder.At("mine")));
        string folder = await CommandRun.Fail(ExitCode.Failure, "init", "--data", _folder.Path, "--id", "customer", "--out", _folder.At("mine"));
        Assert.Contains(_folder.Path, folder);
        Assert.Empty(_folder.Content());
    }

    [Fact]
    public async Task Init_FileThatIsNotPackedAsItSays_SaysWhich()
    {
        File.WriteAllText(_folder.At("c.csv.gz"), TrainedWorkspace.CustomerRows(5));
        Assert.Contains(_folder.At("c.csv.gz"), await CommandRun.Fail(
            ExitCode.Failure, "init", "--data", _folder.At("c.csv.gz"), "--id", "customer", "--out", _folder.At("mine")));
        Assert.False(Directory.Exists(_folder.At("mine")));
    }

    [Fact]
    public async Task Init_IntoAFolderThatIsNotEmpty_LeavesItAsItIs()
    {
        string file = _folder.Write("c.csv", TrainedWorkspace.CustomerRows(200));
        string[] before = _folder.Content();
        Assert.Contains("expected a new or empty folder", await CommandRun.Fail(
            ExitCode.Failure, "init", "--data", file, "--id", "customer", "--out", _folder.Path));
        Assert.Contains("expected a new or empty folder", await CommandRun.Fail(
            ExitCode.Failure, "init", "--data", file, "--id", "customer", "--out", file));
        Assert.Equal(before, _folder.Content());
    }

    [Fact]
    public async Task Init_IntoAnEmptyFolder_FillsIt()
    {
        string file = _folder.Write("c.csv", TrainedWorkspace.CustomerRows(200));
        Directory.CreateDirectory(_folder.At("mine"));
        await CommandRun.Succeed("init", "--data", file, "--id", "customer", "--out", _folder.At("mine"));
        Workspace.Load(_folder.At("mine"));
    }
}
