using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class TrainCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _workspace;
    private readonly string _customers;

    public TrainCommandTests()
    {
        _workspace = _folder.At("telco");
        TrainedWorkspace.Create(_workspace, TrainedWorkspace.Schema, target: true);
        _customers = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(300));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Train_ThenAgain_KeepsTheSegmentsUnlessAskedForNewOnes()
    {
        JsonObject first = await TrainAsync("--segments", "3");
        JsonObject second = await TrainAsync("--seed", "5");
        JsonObject third = await TrainAsync("--segments", "2");

        Assert.Equal(("telco", 1, _folder.At("telco", "1")), ((string)first["model"]!, (int)first["version"]!, (string)first["folder"]!));
        Assert.Equal(300, (int)first["customers"]!["trained"]! + (int)first["customers"]!["held_out"]!);
        Assert.Equal((false, true, false), ((bool)first["segments_kept"]!, (bool)second["segments_kept"]!, (bool)third["segments_kept"]!));
        Assert.Equal((3, 3, 2), (Segments(first).Length, Segments(second).Length, Segments(third).Length));
        Assert.Equal(Segments(first), Segments(second));
        Assert.Equal(1, first["next_best"]!.AsArray().Sum(n => (double)n!["share"]!), 1e-9);
        Assert.Equal(("revenue - cost", "year", false), ((string)first["profit"]!["target"]!, (string)first["profit"]!["period"]!, (bool)first["profit"]!["proxy"]!));
        Assert.True((double)first["metrics"]!["profit.r2"]! > 0.2);
        Assert.Equal(0, (int)first["rejected"]!["count"]!);
        Assert.Equal([3, 2, 1], Workspace.Load(_workspace).Versions());

        static (int, string)[] Segments(JsonObject result) => [.. result["segments"]!.AsArray().Select(s => ((int)s!["id"]!, (string)s["name"]!)).Order()];
    }

    [Fact]
    public async Task Train_TheSameSeed_WritesTheSameParameters()
    {
        await TrainAsync("--segments", "3");
        await TrainAsync("--segments", "3");
        Assert.Equal(File.ReadAllBytes(_folder.At("telco", "1", "model.pb")), File.ReadAllBytes(_folder.At("telco", "2", "model.pb")));
        Assert.Equal(File.ReadAllBytes(_folder.At("telco", "1", "golden.pb")), File.ReadAllBytes(_folder.At("telco", "2", "golden.pb")));
    }

    [Fact]
    public async Task Train_ForAPerson_ShowsWhatTheReportSays()
    {
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", _customers, "--segments", "3");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string report = File.ReadAllText(_folder.At("telco", "1", "report.txt"));
        foreach (string text in new[] { "Segments", "Whale curve", "Expected profit, EUR per year, on held-out customers", "assumed (catalogue)", "Next best value proposition" })
        {
            Assert.Contains(text, run.Output);
            Assert.Contains(text, report);
        }
        Assert.DoesNotContain("NaN", run.Output);
        Assert.DoesNotContain("PROXY", run.Output);
        Assert.Contains("incomplete: ", run.Output);
    }

    [Fact]
    public async Task Train_WithOutcomesAndSurvey_EstimatesPropensitiesAndRewritesTheNeeds()
    {
        string sample = _folder.At("sample");
        await CommandRun.Succeed("sample", "-n", "2500", "--out", sample);
        JsonObject result = await CommandRun.Succeed("train", "-w", sample, "-d", Path.Combine(sample, "customers.csv"),
            "--outcomes", Path.Combine(sample, "outcomes.csv"), "--survey", Path.Combine(sample, "survey.csv"), "--segments", "6");
        Assert.True((int)result["outcomes"]! > 2500);
        Assert.Contains("average, platt", result["chosen"]!.AsObject().Select(c => (string)c.Value!));
        Workspace workspace = Workspace.Load(sample);
        Assert.Equal(result["segments"]!.AsArray().Select(s => (int)s!["id"]!).Order(), workspace.Needs.BySegment.Keys);
        Assert.All(workspace.Needs.BySegment.Values, n => Assert.Equal(Provenance.Surveyed, n.Provenance));
        ModelSet models = ModelPackage.Load(workspace);
        Assert.NotEmpty(models.Propensities);
        Assert.Equal(["customers", "outcomes"], models.Manifest.Data.Select(d => d.Role));
    }

    [Fact]
    public async Task Train_FromStandardInput_LearnsTheSame()
    {
        CommandRun run = await CommandRun.OfProcess(Encoding.UTF8.GetBytes(TrainedWorkspace.CustomerRows(300)),
            "train", "-w", _workspace, "--data", "-", "--segments", "3", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        await TrainAsync("--segments", "3");
        Assert.Equal((1, 300), ((int)run.Json["version"]!, (int)ModelPackage.ReadManifest(Workspace.Load(_workspace), 1).Data[0].Rows));
        Assert.Equal(File.ReadAllBytes(_folder.At("telco", "1", "model.pb")), File.ReadAllBytes(_folder.At("telco", "2", "model.pb")));
    }

    [Fact]
    public async Task Train_RowsThatCannotBeRead_WritesAVersionOnlyWhereTheyAreAllowed()
    {
        string file = _folder.Write("bad.csv", TrainedWorkspace.CustomerRows(300) + "X1,,1,1,basic,1,1\nX2,1,1,1,basic,much,1\nX3,1,1,1\n");
        string[] before = _folder.Content();
        CommandRun refused = await CommandRun.Of("train", "-w", _workspace, "-d", file, "--segments", "2", "--json");
        Assert.Equal(3, refused.ExitCode);
        Assert.Equal(3, (int)refused.Json["rejected"]!["count"]!);
        Assert.NotNull(refused.Json["error"]);
        Assert.Equal([302L, 303, 304], refused.Json["rejected"]!["first"]!.AsArray().Select(r => (long)r!["line"]!));
        Assert.Contains($"rejected: {file}:302: column 'tenure_months': '': missing, but a value is required", refused.Error);
        Assert.Contains("no version was written", refused.Error);
        Assert.Equal(before, _folder.Content());
        Assert.Equal(3, (await CommandRun.Of("train", "-w", _workspace, "-d", file, "--segments", "2", "--allow-rejects", "2")).ExitCode);
        Assert.Equal(before, _folder.Content());

        CommandRun allowed = await CommandRun.Of("train", "-w", _workspace, "-d", file, "--segments", "2", "--allow-rejects", "3", "--json");
        Assert.Equal((0, 1, 3), (allowed.ExitCode, (int)allowed.Json["version"]!, (int)allowed.Json["rejected"]!["count"]!));
    }

    [Fact]
    public async Task Train_SurveyAnswersThatCannotBeUsed_WritesNeitherVersionNorNeeds()
    {
        string survey = _folder.Write("survey.csv", "customer,price,service\n"
            + string.Concat(Enumerable.Range(0, 60).Select(i => $"C{i},0.25,0.75\n")) + "stranger,1,1\nC1,-1,1\n");
        string needs = File.ReadAllText(_folder.At("telco", "needs.yaml"));
        string[] before = _folder.Content();
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", _customers, "--survey", survey, "--segments", "2", "--json");
        Assert.Equal((3, 2), (run.ExitCode, (int)run.Json["rejected"]!["count"]!));
        Assert.Equal(before, _folder.Content());
        Assert.Equal(needs, File.ReadAllText(_folder.At("telco", "needs.yaml")));

        await TrainAllowing("2", "--survey", survey, "--segments", "2");
        Assert.Equal(0.75, Workspace.Load(_workspace).Needs.Of(1).Weights["service"]);
    }

    [Fact]
    public async Task Train_VersionCannotBeWritten_LeavesTheNeedsAsTheyWere()
    {
        string survey = _folder.Write("survey.csv", "customer,price,service\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"C{i},0.25,0.75\n")));
        _folder.Write("telco/1", "a file in the way");
        string needs = File.ReadAllText(_folder.At("telco", "needs.yaml"));
        string[] before = _folder.Content();
        await CommandRun.Fail(ExitCode.Failure, "train", "-w", _workspace, "-d", _customers, "--survey", survey, "--segments", "2");
        Assert.Equal(before, _folder.Content());
        Assert.Equal(needs, File.ReadAllText(_folder.At("telco", "needs.yaml")));
    }

    [Fact]
    public async Task Train_UnknownCategories_WarnsAndTakesThemAsMissing()
    {
        string file = _folder.Write("gold.csv", TrainedWorkspace.CustomerRows(300).Replace("premium", "gold"));
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", file, "--segments", "2", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("feature 'plan': 1 categories are not in schema.yaml and count as missing: gold\n", run.Error);
        Assert.Equal(1, (int)run.Json["version"]!);
    }

    [Fact]
    public async Task Train_DuplicateIds_AreCounted()
    {
        string file = _folder.Write("twice.csv", TrainedWorkspace.CustomerRows(300) + "C7,1,2,1,basic,3,4\n");
        JsonObject result = await CommandRun.Succeed("train", "-w", _workspace, "-d", file, "--segments", "2");
        Assert.Equal(1, (int)result["customers"]!["duplicates"]!);
        Assert.Equal(300, (int)result["customers"]!["trained"]! + (int)result["customers"]!["held_out"]!);
    }

    [Fact]
    public async Task Train_TargetIsAProxy_SaysSoEverywhere()
    {
        string schema = _folder.At("telco", "schema.yaml");
        File.WriteAllText(schema, File.ReadAllText(schema).Replace("columns: revenue - cost", "columns: revenue").Replace("proxy: false", "proxy: true"));
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", _customers, "--segments", "2");
        Assert.Contains("Expected PROXY of profit (revenue), EUR per year", run.Output);
        Assert.Contains("mean proxy", run.Output);
        Assert.Contains("PROXY of profit (revenue)", File.ReadAllText(_folder.At("telco", "1", "report.txt")));
        Assert.True((bool)(await TrainAsync())["profit"]!["proxy"]!);
    }

    [Fact]
    public async Task Train_SchemaHasGrown_KeepsTheSegments()
    {
        await TrainAsync("--segments", "3");
        string schema = _folder.At("telco", "schema.yaml");
        File.WriteAllText(schema, File.ReadAllText(schema).Replace("\ncontext:", "\n  - id: 6\n    name: visits\n    min: 0\n\ncontext:"));
        string[] rows = [.. TrainedWorkspace.CustomerRows(300).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select((r, i) => $"{r},{(i == 0 ? "visits" : i % 7)}")];
        string file = _folder.Write("grown.csv", string.Join('\n', rows));

        string failure = await CommandRun.Fail(ExitCode.Failure, "score", "-w", _workspace, "-d", file, "-o", _folder.At("scores.csv"));
        Assert.Contains("'visits' is new; train a new version", failure);
        JsonObject result = await CommandRun.Succeed("train", "-w", _workspace, "-d", file);
        Assert.True((bool)result["segments_kept"]!);
        Assert.Equal(2, (int)result["version"]!);
        Assert.Equal(300, (int)(await CommandRun.Succeed("score", "-w", _workspace, "-d", file, "-o", _folder.At("scores.csv")))["scored"]!);
    }

    [Fact]
    public async Task Train_WorkspaceWithManyFaults_ListsThemAll()
    {
        File.AppendAllText(_folder.At("telco", "policy.yaml"), "\nhorison_months: 3\n");
        File.AppendAllText(_folder.At("telco", "schema.yaml"), "\ncolour: blue\n");
        File.Delete(_folder.At("telco", "needs.yaml"));
        string[] before = _folder.Content();
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", _customers, "--json");
        Assert.Equal(1, run.ExitCode);
        (string File, int Line, string Message)[] problems = [.. run.Json["error"]!["problems"]!.AsArray().Select(p => (Path.GetFileName((string)p!["file"]!), (int)p["line"]!, (string)p["message"]!))];
        Assert.Contains(problems, p => p.File == "policy.yaml" && p.Line > 1 && p.Message.Contains("horison_months"));
        Assert.Contains(problems, p => p.File == "schema.yaml" && p.Line > 1 && p.Message.Contains("colour"));
        Assert.Contains(problems, p => p.File == "needs.yaml");
        Assert.All(problems, p => Assert.Contains(p.Message, run.Error));
        Assert.Equal(before, _folder.Content());
    }

    [Theory]
    [InlineData("customers", "no-such.csv: file not found")]
    [InlineData("outcomes", "no-such.csv: file not found")]
    [InlineData("survey", "no-such.csv: file not found")]
    [InlineData("workspace", "no such folder, expected a workspace")]
    [InlineData("columns", "the schema's column(s) 'plan' (did you mean 'plann'?) not found")]
    [InlineData("id", "no column 'customer'")]
    [InlineData("target", "no column 'cost'")]
    [InlineData("outcome columns", "no column 'proposition'")]
    [InlineData("outcome features", "--later-features")]
    [InlineData("survey columns", "no column 'price'")]
    [InlineData("few", "5 customers, expected at least 20 to train on")]
    [InlineData("segments", "segments: ")]
    public async Task Train_SomethingWrong_SaysItAndWritesNothing(string fault, string message)
    {
        string none = _folder.At("no-such.csv");
        string outcomes = _folder.Write("outcomes.csv", fault == "outcome features"
            ? "customer,proposition,decided_at,channel,action_probability,presented,accepted,revenue,cost\nC1,adviser,2025-01-01,web,1,1,1,,\n" : "customer,offer\n");
        string rows = TrainedWorkspace.CustomerRows(fault == "few" ? 5 : 60);
        string bad = _folder.Write("bad.csv", fault switch
        {
            "columns" => rows.Replace(",plan,", ",plann,"),
            "id" => rows.Replace("customer,", "id,"),
            "target" => rows.Replace(",cost", ",costs"),
            _ => rows,
        });
        string survey = _folder.Write("survey.csv", "customer,prices,service\nC1,1,1\n");
        string[] before = _folder.Content();
        string[] arguments = fault switch
        {
            "customers" => ["-w", _workspace, "-d", none],
            "outcomes" => ["-w", _workspace, "-d", _customers, "--outcomes", none],
            "survey" => ["-w", _workspace, "-d", _customers, "--survey", none],
            "workspace" => ["-w", _folder.At("nowhere"), "-d", _customers],
            "outcome columns" or "outcome features" => ["-w", _workspace, "-d", _customers, "--outcomes", outcomes],
            "survey columns" => ["-w", _workspace, "-d", _customers, "--survey", survey],
            "segments" => ["-w", _workspace, "-d", bad, "--segments", "100"],
            _ => ["-w", _workspace, "-d", bad],
        };
        Assert.Contains(message, await CommandRun.Fail(ExitCode.Failure, ["train", .. arguments]));
        Assert.Equal(before, _folder.Content());
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1001")]
    [InlineData("-2")]
    [InlineData("some")]
    public async Task Train_SegmentsThatAreNoNumber_IsAUsageError(string segments)
        => Assert.Contains("expected auto or a number from 1 to 1000",
            await CommandRun.Fail(ExitCode.Usage, "train", "-w", _workspace, "-d", _customers, "--segments", segments));

    [Fact]
    public async Task Train_NewestVersionDamaged_SaysWhichFileAndWritesNothing()
    {
        await TrainAsync("--segments", "2");
        string parameters = _folder.At("telco", "1", "model.pb");
        byte[] bytes = File.ReadAllBytes(parameters);
        bytes[^1] ^= 1;
        File.WriteAllBytes(parameters, bytes);
        string[] before = _folder.Content();
        Assert.StartsWith($"{parameters}: SHA-256", await CommandRun.Fail(ExitCode.Failure, "train", "-w", _workspace, "-d", _customers));
        Assert.Equal(before, _folder.Content());
    }

    [Fact]
    public async Task Train_ConstantTarget_IsRefused()
    {
        string file = Edited("constant.csv", TrainedWorkspace.CustomerRows(120), (cells, _) => [.. cells[..5], "0", "0"]);
        string[] before = _folder.Content();
        Assert.StartsWith("the target 'revenue - cost' is 0 for all 120 customers",
            await CommandRun.Fail(ExitCode.Failure, "train", "-w", _workspace, "-d", file, "--segments", "2"));
        Assert.Equal(before, _folder.Content());
    }

    [Theory]
    [InlineData("")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    public async Task Train_TargetsThatAreNone_AreRejectedRows(string target)
    {
        string file = Edited("gaps.csv", TrainedWorkspace.CustomerRows(100), (cells, i) => i is 7 or 9 ? [.. cells[..5], target, "1"] : cells);
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", file, "--segments", "2", "--json");
        Assert.Equal((3, 2), (run.ExitCode, (int)run.Json["rejected"]!["count"]!));
        Assert.Contains($"{file}:8: column 'revenue': '{target}': the target needs a finite number", run.Error);

        string none = Edited("none.csv", TrainedWorkspace.CustomerRows(100), (cells, _) => [.. cells[..5], target, "1"]);
        run = await CommandRun.Of("train", "-w", _workspace, "-d", none, "--allow-rejects", "1000", "--json");
        Assert.Equal((1, "0 customers, expected at least 20 to train on"), (run.ExitCode, (string)run.Json["error"]!["message"]!));
    }

    [Fact]
    public async Task Train_OutcomesOfAnUnknownProposition_AreRejectedRows()
    {
        string outcomes = _folder.Write("outcomes.csv", TrainedWorkspace.OutcomeRows(120).Replace("C7,loyalty_discount", "C7,loyalty_discont"));
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", _customers, "--outcomes", outcomes, "--segments", "2", "--json");
        Assert.Equal((3, 1), (run.ExitCode, (int)run.Json["rejected"]!["count"]!));
        Assert.Contains("'loyalty_discont': not in the catalogue (did you mean 'loyalty_discount'?)", run.Error);
    }

    [Fact]
    public async Task Train_DataToLookAt_WarnsOfEachInEveryForm()
    {
        await TrainAsync("--segments", "2");
        string customers = Edited("odd.csv", TrainedWorkspace.CustomerRows(300),
            (cells, i) => [cells[0], cells[5], $"{500 + i}", "", cells[4], cells[5], "0"]);
        string schema = _folder.At("telco", "schema.yaml");
        File.WriteAllText(schema, File.ReadAllText(schema).Replace("    max: 480\n", ""));
        string outcomes = _folder.Write("outcomes.csv", TrainedWorkspace.OutcomeRows(120).Replace(",0.5,1,1,", ",0.5,1,0,"));

        JsonObject result = await CommandRun.Succeed("train", "-w", _workspace, "-d", customers, "--outcomes", outcomes);
        (string Severity, string Kind, string Subject)[] warnings = [.. result["warnings"]!.AsArray()
            .Select(w => ((string)w!["severity"]!, (string)w["kind"]!, (string)w["subject"]!))];
        Assert.Contains(("warning", "leak", "tenure_months"), warnings);
        Assert.Contains(("warning", "drift", "monthly_spend"), warnings);
        Assert.Contains(("warning", "missing", "has_app"), warnings);
        Assert.Contains(("warning", "constant", "loyalty_discount"), warnings);
        Assert.Equal("rate", (string)result["chosen"]!["loyalty_discount"]!);
        string text = File.ReadAllText(_folder.At("telco", "2", "report.txt"));
        Assert.Contains("What to look at", text);
        Assert.Contains("warning: feature 'tenure_months' alone explains 100.0 % of the profit", text);
        JsonNode report = JsonNode.Parse(File.ReadAllText(_folder.At("telco", "2", "report.json")))!;
        Assert.Equal(warnings.Length, report["warnings"]!.AsArray().Count);
        Assert.Equal(1, (int)report["segments"]!["previous_version"]!);
    }

    [Fact]
    public async Task Train_NewSegments_TellsWhoMoved()
    {
        await TrainAsync("--segments", "3");
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", _customers, "--segments", "5");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"Customers who moved to another segment: \d+ of \d+ \([\d.]+ %\)", run.Output);
        JsonObject third = await TrainAsync("--segments", "2");
        Assert.NotEmpty(third["moved"]!.AsArray());
        Assert.All(third["moved"]!.AsArray(), m => Assert.NotEqual((int)m!["from"]!, (int)m["to"]!));
    }

    [Fact]
    public async Task Train_NobodyIsProfitable_SaysItInMoney()
    {
        string[] rows = TrainedWorkspace.CustomerRows(120).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string file = _folder.Write("loss.csv", string.Join('\n', rows.Select((r, i) => i == 0 ? r : string.Join(',', [.. r.Split(',')[..5], i == 1 ? "50" : "0", "10"]))));
        CommandRun run = await CommandRun.Of("train", "-w", _workspace, "-d", file, "--segments", "2");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("Whale curve: the best 0.8 % of customers make 40 EUR, all together -1,150", run.Output);
    }

    /// <summary>Writes a file with the cells of each row but the header changed; rows count from 1.</summary>
    private string Edited(string name, string csv, Func<string[], int, string[]> edit) => _folder.Write(name, string.Join('\n',
        csv.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select((row, i) => i == 0 ? row : string.Join(',', edit(row.Split(','), i)))));

    private Task<JsonObject> TrainAsync(params string[] arguments) => CommandRun.Succeed(["train", "-w", _workspace, "-d", _customers, .. arguments]);

    private async Task TrainAllowing(string rejects, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["train", "-w", _workspace, "-d", _customers, "--allow-rejects", rejects, "--json", .. arguments]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(rejects, ((int)run.Json["rejected"]!["count"]!).ToString(CultureInfo.InvariantCulture));
    }
}
