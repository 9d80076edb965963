using System.Text.Json.Nodes;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class DemoCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Demo_Synthetic_AnswersForCustomersOfSeveralTiers()
    {
        CommandRun run = await CommandRun.Of("demo", "--customers", "2000", "--exit", "--json", "--out", _folder.At("kept"));
        Assert.Equal(0, run.ExitCode);
        Assert.Equal((true, _folder.At("kept")), ((bool)run.Json["synthetic"]!, (string)run.Json["workspace"]!));
        AssertAnswers(run.Json);
        string[] tiers = [.. run.Json["answers"]!.AsArray().Select(a => (string)a!["tier"]!)];
        Assert.True(tiers.Length >= 2, string.Join(", ", tiers));
        Assert.Equal(tiers, tiers.Distinct());
        Assert.Contains("TIER_VALUE_CREATOR", tiers);
        Assert.Equal([1], Workspace.Load(_folder.At("kept")).Versions());
    }

    [Fact]
    public async Task Demo_OwnFile_LearnsFromItAndDeletesTheWorkspace()
    {
        string file = _folder.Write("mine.csv", TrainedWorkspace.CustomerRows(400));
        string[] before = _folder.Content();
        CommandRun run = await CommandRun.Of("demo", "--data", file, "--id", "customer", "--target", "revenue - cost", "--exit", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.False((bool)run.Json["synthetic"]!);
        AssertAnswers(run.Json);
        Assert.Equal(before, _folder.Content());
    }

    [Fact]
    public async Task Demo_ForAPerson_ShowsEveryStep()
    {
        CommandRun run = await CommandRun.Of("demo", "--customers", "1500", "--exit");
        Assert.Equal(0, run.ExitCode);
        foreach (string text in new[] { "SYNTHETIC", "Segments", "Whale curve", "Serving on", "importing the customers", "created 1,500", "Took" })
        {
            Assert.Contains(text, run.Output);
        }
        Assert.DoesNotContain("NaN", run.Output);
    }

    [Theory]
    [InlineData(2, "--customers", "999")]
    [InlineData(2, "--id", "customer")]
    [InlineData(2, "--data", "some.csv")]
    [InlineData(1, "--data", "no-such.csv", "--id", "customer")]
    public async Task Demo_SomethingWrong_SaysIt(int exitCode, params string[] arguments)
        => Assert.NotEmpty(await CommandRun.Fail((ExitCode)exitCode, ["demo", "--exit", .. arguments]));

    private static void AssertAnswers(JsonObject result)
    {
        JsonArray answers = result["answers"]!.AsArray();
        Assert.NotEmpty(answers);
        foreach (JsonNode? answer in answers)
        {
            Assert.NotEmpty((string)answer!["customerId"]!);
            Assert.NotEmpty((string)answer["segment"]!["name"]!);
            double[] scores = [.. answer["propositions"]!.AsArray().Select(p => (double)p!["score"]!)];
            Assert.Equal(3, scores.Length);
            // A customer who is held out gets nothing, and is told what would have been best behind it.
            double[] ranked = answer["heldOut"] is { } heldOut && (bool)heldOut ? scores[1..] : scores;
            Assert.Equal(ranked.OrderDescending(), ranked);
            Assert.All(answer["propositions"]!.AsArray(), p => Assert.InRange((double)p!["propensity"]!["probability"]!, 0, 1));
            Assert.Equal(1, (int)answer["modelVersion"]!);
        }
    }
}
