using System.Text.Json.Nodes;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class SampleCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Sample_TheSameSeed_WritesTheSameFiles()
    {
        JsonObject first = await CommandRun.Succeed("sample", "-n", "2100", "--seed", "7", "--out", _folder.At("one"));
        JsonObject second = await CommandRun.Succeed("sample", "-n", "2100", "--seed", "7", "--out", _folder.At("two"));
        await CommandRun.Succeed("sample", "-n", "2100", "--seed", "8", "--out", _folder.At("three"));

        string[] files = [.. Directory.GetFiles(_folder.At("one")).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
        Assert.Equal(
            ["customers.csv", "needs.yaml", "outcomes.csv", "policy.yaml", "propositions.yaml", "schema.yaml", "strategies.yaml", "survey.csv", "truth.csv"], files);
        Assert.All(files, f => Assert.Equal(File.ReadAllBytes(_folder.At("one", f)), File.ReadAllBytes(_folder.At("two", f))));
        Assert.NotEqual(File.ReadAllBytes(_folder.At("one", "customers.csv")), File.ReadAllBytes(_folder.At("three", "customers.csv")));
        Assert.True(JsonNode.DeepEquals(first["ceilings"], second["ceilings"]));
        Assert.Equal((2100, 2000, true), ((int)first["customers"]!, (int)first["surveyed"]!, (bool)first["synthetic"]!));
        Assert.Equal(2101, File.ReadLines(_folder.At("one", "customers.csv")).Count());
        Workspace.Load(_folder.At("one"));
    }

    [Fact]
    public async Task Sample_OneCustomer_HasFiguresThatAreNone()
    {
        JsonObject result = await CommandRun.Succeed("sample", "-n", "1", "--out", _folder.At("one"));
        Assert.Equal(1, (int)result["customers"]!);
    }

    [Fact]
    public async Task Sample_ForAPerson_SaysTheyAreSyntheticAndShowsTheCeilings()
    {
        CommandRun run = await CommandRun.Of("sample", "-n", "500", "--out", _folder.At("one"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("500 synthetic customers", run.Output);
        Assert.Contains("adjusted Rand index", run.Output);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("100000001")]
    [InlineData("many")]
    public async Task Sample_NumberOutOfRange_IsAUsageError(string customers)
    {
        string message = await CommandRun.Fail(ExitCode.Usage, "sample", "-n", customers, "--out", _folder.At("one"));
        Assert.NotEmpty(message);
        Assert.Empty(_folder.Content());
    }

    [Fact]
    public async Task Sample_IntoAFolderThatIsNotEmpty_LeavesItAsItIs()
    {
        Directory.CreateDirectory(_folder.At("one"));
        _folder.Write("one/mine.txt", "mine");
        string[] before = _folder.Content();
        Assert.Contains("expected a new or empty folder", await CommandRun.Fail(ExitCode.Failure, "sample", "-n", "5", "--out", _folder.At("one")));
        Assert.Equal(before, _folder.Content());
    }
}
