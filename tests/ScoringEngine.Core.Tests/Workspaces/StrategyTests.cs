using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class StrategyTests
{
    private const string Header = "strategies:\n  - id: keep\n";

    [Fact]
    public void Load_EveryKey_IsReadAndWhatIsNotWrittenIsMissing()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("strategies.yaml", Header + """
                name: Keep the best
                owner: Ada
                segments: [3, 1]
                is_and_is_not: "not: a campaign"
                timeframe: "  "
                capabilities: ""
            """));
        Strategy strategy = Assert.Single(Workspace.Load(folder.Path).Strategies);
        Assert.Equal(("keep", "Keep the best", "Ada"), (strategy.Id, strategy.Name, strategy.Owner));
        Assert.Equal([3, 1], strategy.Segments);
        Assert.Equal("not: a campaign", strategy.Articulation["is_and_is_not"]);
        Assert.Equal(["difference_from_today", "segments_addressed", "path_to_value", "capabilities", "timeframe", "changed_expectations"],
            strategy.MissingElements);
    }

    [Theory]
    [InlineData(Header, "2: strategies[0].segments: missing, expected all or a list of segment ids")]
    [InlineData(Header + "    segments: []\n", "3: strategies[0].segments: missing, expected all or a list of segment ids")]
    [InlineData(Header + "    segments: some\n", "3: strategies[0].segments: 'some', expected all or segment ids (whole numbers from 1)")]
    [InlineData(Header + "    segments: [1, all]\n", "3: strategies[0].segments: 'all', expected all or segment ids (whole numbers from 1)")]
    [InlineData(Header + "    segments: [0, 1.5]\n", "3: strategies[0].segments: '0', expected all or segment ids (whole numbers from 1)|3: strategies[0].segments: '1.5', expected all or segment ids (whole numbers from 1)")]
    [InlineData(Header + "    segments: all\n  - id: keep\n    segments: all\n", "4: strategies[1].id: 'keep' is used twice")]
    [InlineData("strategies:\n  - segments: all\n  - segments: all\n", "2: strategies[0].id: missing, expected text|3: strategies[1].id: missing, expected text")]
    [InlineData(Header + "    segments: all\n    time_frame: soon\n", "4: unknown key 'strategies[0].time_frame' (did you mean 'timeframe'?)")]
    [InlineData(Header + "    segments: all\n    timeframe: [soon]\n", "4: strategies[0].timeframe: expected text")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problems)
        => Assert.Equal(problems.Split('|').Select(p => "strategies.yaml:" + p), WorkspaceFiles.Problems(("strategies.yaml", text)));
}
