using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class ScoreFileTests : IDisposable
{
    private readonly TrainedWorkspace _trained;
    private readonly TemporaryFolder _folder = new();
    private readonly string _customers;
    private readonly string _scores;

    public ScoreFileTests(TrainedWorkspace trained)
    {
        _trained = trained;
        _customers = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(700));
        _scores = _folder.At("scores.csv");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Score_AFile_HasTheBitsOfOneCustomerAtATime()
    {
        JsonObject result = await ScoreAsync("-k", "4");
        Assert.Equal(("telco", 1, 700, false), ((string)result["model"]!, (int)result["version"]!, (int)result["scored"]!, (bool)result["proxy"]!));

        Scorer scorer = new(_trained.Models, _trained.Workspace);
        ScoreBlock block = scorer.CreateBlock(1);
        PropositionValue[] ranked = new PropositionValue[scorer.Values.CandidateCount];
        using CustomerFile customers = CustomerFile.Open(CsvTable.Open(_customers), new CategoryDictionary(_trained.Models.Schema), "customer", null,
            r => Assert.Fail(r.ToString()), withContext: true);
        using CsvTable scores = CsvTable.Open(_scores);
        Assert.Equal(8 + (6 * 4), scores.Header.Count);
        int count = 0;
        while (customers.Read())
        {
            Assert.True(scores.Read());
            Assert.True(customers.Id.SequenceEqual(scores[scores.Require("customer")]));
            customers.Values.CopyTo(block.Row(0));
            scorer.Score(block, 1);
            scorer.Rank(block, 0, ranked);
            Core.Segmentation.Segment segment = _trained.Models.Segments.Segments[block.SegmentIndexes[0]];
            Assert.Equal(($"{segment.Id}", segment.Name), (Text("segment_id"), Text("segment")));
            Assert.Equal(SnakeCase.Of(block.Tiers[0]), Text("tier"));
            Assert.Equal([block.Distances[0], block.Margins[0], block.Profits[0], block.Potentials[0]],
                new[] { "distance", "margin", "expected_profit", "potential" }.Select(c => float.Parse(Text(c), CultureInfo.InvariantCulture)));
            for (int slot = 1; slot <= 4; slot++)
            {
                PropositionValue value = ranked[slot - 1];
                Assert.Equal(scorer.PropositionOf(value)?.Id ?? "do_nothing", Text($"proposition_{slot}"));
                Assert.Equal(SnakeCase.Of(value.Label), Text($"label_{slot}"));
                Assert.Equal([value.Score, value.Propensity, value.OrganisationValue, value.CustomerValue],
                    new[] { "score", "propensity", "organisation_value", "customer_value" }.Select(c => double.Parse(Text($"{c}_{slot}"), CultureInfo.InvariantCulture)));
            }
            count++;
        }
        Assert.False(scores.Read());
        Assert.Equal(700, count);

        string Text(string column) => scores.Text(scores.Require(column));
    }

    [Fact]
    public async Task Score_Explained_AddsTheStrongestReasonsOfEachRow()
    {
        await ScoreAsync("-k", "1");
        string[] plain = File.ReadAllLines(_scores);
        await ScoreAsync("-k", "1", "--explain", "5");
        string[] explained = File.ReadAllLines(_scores);

        Scorer scorer = new(_trained.Models, _trained.Workspace);
        MarginExplainer explainer = new Explainer(scorer).Profit;
        ScoreBlock block = scorer.CreateBlock(1);
        using CustomerFile customers = CustomerFile.Open(CsvTable.Open(_customers), new CategoryDictionary(_trained.Models.Schema), "customer", null,
            r => Assert.Fail(r.ToString()), withContext: true);
        Assert.Equal($"{plain[0]},{string.Join(',', Enumerable.Range(1, 5).Select(i => $"profit_reason_{i},profit_contribution_{i}"))}", explained[0]);
        for (int line = 1; customers.Read(); line++)
        {
            customers.Values.CopyTo(block.Row(0));
            scorer.Score(block, 1);
            FeatureContribution[] reasons = explainer.Explain(block, 0, 5).Strongest.ToArray();
            Assert.InRange(reasons.Length, 1, 4);
            Assert.Equal([.. plain[line].Split(','), .. reasons.SelectMany(r => new[]
            {
                _trained.Models.Schema.Features[r.Feature].Name, r.Amount.ToString(CultureInfo.InvariantCulture),
            }), .. Enumerable.Repeat("", 2 * (5 - reasons.Length))], explained[line].Split(','));
        }
    }

    [Fact]
    public async Task Score_MoreSlotsThanCandidates_GivesThemAll()
    {
        await ScoreAsync("-k", "100");
        Assert.Equal(8 + (6 * 4), File.ReadLines(_scores).First().Split(',').Length);
        await ScoreAsync("-k", "1");
        Assert.Equal(8 + 6, File.ReadLines(_scores).First().Split(',').Length);
    }

    [Fact]
    public async Task Score_PackedInAndOut_IsTheSame()
    {
        await ScoreAsync();
        string packed = _folder.Write("customers.csv.gz", File.ReadAllText(_customers));
        await CommandRun.Succeed("score", "-w", _trained.Path, "-d", packed, "-o", _scores + ".gz");
        using StreamReader reader = new(new GZipStream(File.OpenRead(_scores + ".gz"), CompressionMode.Decompress));
        Assert.Equal(File.ReadAllText(_scores), await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task Score_FromStandardInputToStandardOutput_IsTheSame()
    {
        await ScoreAsync();
        CommandRun run = await CommandRun.OfProcess(File.ReadAllBytes(_customers), "score", "-w", _trained.Path, "-d", "-", "-o", "-");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(File.ReadAllText(_scores), run.Output);
    }

    [Fact]
    public async Task Score_ForAPerson_SaysHowManyAndWhere()
    {
        CommandRun run = await CommandRun.Of("score", "-w", _trained.Path, "-d", _customers, "-o", _scores);
        Assert.Equal((0, $"scored 700 customers with telco version 1 into {_scores}\n", ""), (run.ExitCode, run.Output, run.Error));
    }

    [Fact]
    public async Task Score_NoRows_WritesTheHeader()
    {
        string empty = _folder.Write("empty.csv", TrainedWorkspace.CustomerRows(0));
        Assert.Equal(0, (int)(await CommandRun.Succeed("score", "-w", _trained.Path, "-d", empty, "-o", _scores))["scored"]!);
        Assert.Single(File.ReadAllLines(_scores));
    }

    [Fact]
    public async Task Score_WithoutTheTargetsColumns_IsTheSame()
    {
        await ScoreAsync();
        string expected = File.ReadAllText(_scores);
        string file = _folder.Write("untargeted.csv", string.Join('\n', File.ReadLines(_customers).Select(l => string.Join(',', l.Split(',')[..5]))));
        await CommandRun.Succeed("score", "-w", _trained.Path, "-d", file, "-o", _scores);
        Assert.Equal(expected, File.ReadAllText(_scores));
    }

    [Fact]
    public async Task Score_ModelWithoutTarget_LeavesProfitTierAndPotentialEmpty()
    {
        string workspace = _folder.At("untargeted");
        TrainedWorkspace.Create(workspace, TrainedWorkspace.Schema, target: false);
        JsonObject trained = await CommandRun.Succeed("train", "-w", workspace, "-d", _customers, "--segments", "1");
        Assert.Null(trained["profit"]);
        Assert.Null((await CommandRun.Succeed("score", "-w", workspace, "-d", _customers, "-o", _scores))["proxy"]);
        string[] header = File.ReadLines(_scores).First().Split(',');
        string[] row = File.ReadLines(_scores).ElementAt(1).Split(',');
        Assert.All(["tier", "expected_profit", "potential", "margin"], c => Assert.Equal("", row[Array.IndexOf(header, c)]));
        Assert.NotEqual("", row[Array.IndexOf(header, "distance")]);

        CommandRun explained = await CommandRun.Of("score", "-w", workspace, "-d", _customers, "-o", _scores, "--explain", "1");
        Assert.Equal((0, "no reasons for the expected profit: the model was trained without a profit target\n"), (explained.ExitCode, explained.Error));
        Assert.EndsWith(",profit_reason_1,profit_contribution_1", File.ReadLines(_scores).First());
        Assert.EndsWith(",,", File.ReadLines(_scores).ElementAt(1));
    }

    [Fact]
    public async Task Score_RowsThatCannotBeRead_ScoresTheOthersAndExitsWith3UnlessAllowed()
    {
        string file = _folder.Write("bad.csv", TrainedWorkspace.CustomerRows(10) + "X1,,1,1,basic,1,1\nX2,1,1,maybe,basic,1,1\nC10,5,5,1,gold,1,1\n");
        CommandRun run = await CommandRun.Of("score", "-w", _trained.Path, "-d", file, "-o", _scores, "--json");
        Assert.Equal((3, 11, 2), (run.ExitCode, (int)run.Json["scored"]!, (int)run.Json["rejected"]!["count"]!));
        Assert.Contains($"rejected: {file}:13: column 'has_app': 'maybe': expected yes/no, true/false or 1/0", run.Error);
        Assert.Equal(12, File.ReadAllLines(_scores).Length);

        CommandRun allowed = await CommandRun.Of("score", "-w", _trained.Path, "-d", file, "-o", _scores, "--allow-rejects", "2");
        Assert.Equal(0, allowed.ExitCode);
        Assert.Equal(3, (await CommandRun.Of("score", "-w", _trained.Path, "-d", file, "-o", _scores, "--allow-rejects", "1")).ExitCode);
    }

    [Theory]
    [InlineData("data", "no-such.csv: file not found")]
    [InlineData("workspace", "no such folder, expected a workspace")]
    [InlineData("untrained", "no trained version (scoring-engine train makes one)")]
    [InlineData("version", "no such version; there are 1")]
    [InlineData("out folder", "no such folder, expected the name of a file to write")]
    [InlineData("out is a folder", "is a folder, expected the name of a file to write")]
    [InlineData("columns", "the schema's column(s) 'plan' (did you mean 'plann'?) not found")]
    [InlineData("id", "no column 'customer'")]
    public async Task Score_SomethingWrong_SaysItAndLeavesNothing(string fault, string message)
    {
        string untrained = _folder.At("untrained");
        TrainedWorkspace.Create(untrained, TrainedWorkspace.Schema, target: true);
        string rows = TrainedWorkspace.CustomerRows(30);
        string bad = _folder.Write("bad.csv", fault == "id" ? rows.Replace("customer,", "id,") : rows.Replace(",plan", ",plann"));
        string[] before = _folder.Content();
        string[] arguments = fault switch
        {
            "data" => ["-w", _trained.Path, "-d", _folder.At("no-such.csv"), "-o", _scores],
            "workspace" => ["-w", _folder.At("nowhere"), "-d", _customers, "-o", _scores],
            "untrained" => ["-w", untrained, "-d", _customers, "-o", _scores],
            "version" => ["-w", _trained.Path, "-d", _customers, "-o", _scores, "--version", "7"],
            "out folder" => ["-w", _trained.Path, "-d", _customers, "-o", _folder.At("nowhere", "scores.csv")],
            "out is a folder" => ["-w", _trained.Path, "-d", _customers, "-o", _folder.Path],
            _ => ["-w", _trained.Path, "-d", bad, "-o", _scores],
        };
        Assert.Contains(message, await CommandRun.Fail(ExitCode.Failure, ["score", .. arguments]));
        Assert.Equal(before, _folder.Content());
    }

    [Theory]
    [InlineData("-k", "0")]
    [InlineData("-k", "101")]
    [InlineData("-k", "4000000000")]
    [InlineData("-o", "-")]
    [InlineData("--feature", "plan=basic")]
    [InlineData("C1")]
    public async Task Score_ArgumentsThatDoNotFit_AreAUsageError(params string[] arguments)
    {
        string[] output = arguments[0] == "-o" ? [] : ["-o", _scores];
        Assert.NotEmpty(await CommandRun.Fail(ExitCode.Usage, ["score", "-w", _trained.Path, "-d", _customers, .. output, .. arguments]));
        Assert.False(File.Exists(_scores));
    }

    [Fact]
    public async Task Score_DataWithoutOut_IsAUsageError()
        => Assert.Contains("--data and --out come together", await CommandRun.Fail(ExitCode.Usage, "score", "-w", _trained.Path, "-d", _customers));

    [Fact]
    public async Task Score_FileThatEndsInTheMiddle_LeavesTheOldScores()
    {
        await ScoreAsync();
        string before = File.ReadAllText(_scores);
        byte[] packed = File.ReadAllBytes(_folder.Write("c.csv.gz", TrainedWorkspace.CustomerRows(20_000)));
        File.WriteAllBytes(_folder.At("c.csv.gz"), packed[..(packed.Length / 2)]);
        string[] content = _folder.Content();
        Assert.Contains("c.csv.gz", await CommandRun.Fail(ExitCode.Failure, "score", "-w", _trained.Path, "-d", _folder.At("c.csv.gz"), "-o", _scores));
        Assert.Equal(content, _folder.Content());
        Assert.Equal(before, File.ReadAllText(_scores));
    }

    [Fact]
    public async Task Score_DamagedVersion_SaysWhichFile()
    {
        string workspace = _folder.At("damaged");
        TrainedWorkspace.Create(workspace, TrainedWorkspace.Schema, target: true);
        await CommandRun.Succeed("train", "-w", workspace, "-d", _customers, "--segments", "2");
        string golden = _folder.At("damaged", "1", "golden.pb");
        byte[] bytes = File.ReadAllBytes(golden);
        bytes[100] ^= 4;
        File.WriteAllBytes(golden, bytes);
        Assert.StartsWith($"{golden}: SHA-256", await CommandRun.Fail(ExitCode.Failure, "score", "-w", workspace, "-d", _customers, "-o", _scores));
        Assert.False(File.Exists(_scores));
    }

    private Task<JsonObject> ScoreAsync(params string[] arguments)
        => CommandRun.Succeed(["score", "-w", _trained.Path, "-d", _customers, "-o", _scores, .. arguments]);
}
