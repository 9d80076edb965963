using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>model import, export and list on a small workspace, as a person would call them.</summary>
public sealed class ModelCommandTests : IDisposable
{
    // The left leaf where 'plan' is category 0 or 2 of the model, and where 'has_app' is 0.
    private const string LightGbm = "tree\nversion=v3\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective={0}\nfeature_names=plan has_app\n"
        + "\nTree=0\nnum_leaves=2\nnum_cat=1\nsplit_feature=0\nthreshold=0\ndecision_type=1\nleft_child=-1\nright_child=-2\nleaf_value=-1.5 0.5\ncat_boundaries=0 1\ncat_threshold=5\n"
        + "\nTree=1\nnum_leaves=2\nnum_cat=0\nsplit_feature=1\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=-0.25 0.25\n\nend of trees\n";

    private const string Map = "categories:\n  plan: { 0: premium, 1: basic, 2: standard }\n";

    private readonly TemporaryFolder _folder = new();
    private readonly string _workspace;

    public ModelCommandTests(TrainedWorkspace trained)
    {
        _workspace = _folder.At("telco");
        foreach (string file in Directory.EnumerateFiles(trained.Path, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(_workspace, Path.GetRelativePath(trained.Path, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Import_LightGbmWithCategories_IsThePropensityThatScoreGives()
    {
        string model = _folder.Write("model.txt", Format(LightGbm, "binary sigmoid:1"));
        string map = _folder.Write("map.yaml", Map);
        string check = _folder.Write("check.csv", "plan,has_app,expected\n0,0,0.14804719803168948\n1,1,0.679178699175393\n2,1,0.22270013882530884\n,0,0.5621765008857981\n");

        JsonObject result = await CommandRun.Succeed(
            "model", "import", "--format", "lightgbm", "--file", model, "--as", "propensity:adviser", "-w", _workspace, "--map", map, "--check", check, check);

        Assert.Equal((2, 1, 4), ((int)result["version"]!, (int)result["base_version"]!, (int)result["check"]!["rows"]!));
        Assert.InRange((double)result["check"]!["largest_difference"]!, 0, 1e-7);
        Assert.Equal("propensity.adviser", (string)result["import"]!["part"]!);
        Assert.Equal("binary sigmoid:1", (string)result["import"]!["objective"]!);
        Assert.Equal(64, ((string)result["import"]!["sha256"]!).Length);
        ImportedFile listed = Assert.Single(ModelPackage.ReadManifest(Workspace.Load(_workspace), 2).Imports);
        Assert.Equal(("model.txt", "propensity.adviser", "LightGBM text v3"), (listed.Name, listed.Part, listed.Format));

        Dictionary<string, double> propensities = await ScoreAsync("adviser",
            "customer,tenure_months,monthly_spend,has_app,plan\nP,1,2,no,premium\nB,1,2,yes,basic\nS,1,2,yes,standard\nN,1,2,no,\nU,1,2,no,unheard\n");
        Assert.Equal(0.14804719803168948, propensities["P"], 2e-7);
        Assert.Equal(0.679178699175393, propensities["B"], 2e-7);
        Assert.Equal(0.22270013882530884, propensities["S"], 2e-7);
        Assert.Equal(0.5621765008857981, propensities["N"], 2e-7);
        Assert.Equal(propensities["N"], propensities["U"]);
    }

    [Fact]
    public async Task Import_CheckThatDisagrees_IsRefusedWithRowsAndWritesNothing()
    {
        string model = _folder.Write("model.txt", Format(LightGbm, "regression"));
        string map = _folder.Write("map.yaml", Map);
        string check = _folder.Write("check.csv", "plan,has_app,expected\n0,0,-1.75\n1,1,0.80\n2,1,-1.25\n");

        string message = await CommandRun.Fail(ExitCode.Failure,
            "model", "import", "--format", "lightgbm", "--file", model, "--as", "profit", "-w", _workspace, "--map", map, "--check", check, check);

        Assert.Contains("1 of 3 rows differ from expected", message);
        Assert.Contains("at most 6.25e-2", message);
        Assert.Contains("row 2: expected 0.80, found 0.75", message);
        Assert.False(Directory.Exists(Path.Combine(_workspace, "2")));

        JsonObject within = await CommandRun.Succeed(
            "model", "import", "--format", "lightgbm", "--file", model, "--as", "profit", "-w", _workspace, "--map", map, "--check", check, check, "--tolerance", "0.07");
        Assert.Equal((2, true), ((int)within["version"]!, (bool)within["potential_known"]!));
    }

    [Fact]
    public async Task Import_WhatDoesNotFit_TellsEveryProblemAtOnce()
    {
        string model = _folder.Write("model.txt", Format(LightGbm, "binary sigmoid:1").Replace("plan has_app", "plann channel", StringComparison.Ordinal));

        string message = await CommandRun.Fail(ExitCode.Failure,
            "model", "import", "--format", "lightgbm", "--file", model, "--as", "profit", "-w", _workspace);

        Assert.Contains("input 'plann': the schema has no feature 'plann' (did you mean 'plan'?)", message);
        Assert.Contains("input 'channel': feature 'channel' is known only in an interaction", message);
        string map = _folder.Write("map.yaml", "inputs:\n  plann: plan\n  chanel: has_app\ncategories:\n  plan: { 0: premium, x: basic, 1: standrd }\n  plam: { 0: a }\nother: 1\n");
        message = await CommandRun.Fail(ExitCode.Failure,
            "model", "import", "--format", "lightgbm", "--file", model, "--as", "propensity:advisor", "-w", _workspace, "--map", map);
        Assert.Contains("inputs.chanel: model.txt has no such input (did you mean 'channel'?)", message);
        Assert.Contains("input 'plann': code 'x', expected a number", message);
        Assert.Contains("feature 'plan' has no category 'standrd' (did you mean 'standard'?)", message);
        Assert.Contains("input 'channel': takes a number, but feature 'channel' is categorical", message);
        Assert.Contains("categories.plam: no input reads such a feature", message);
        Assert.Contains("unknown key 'other'", message);
        Assert.Contains("no proposition 'advisor' (did you mean 'adviser'?)", message);
    }

    [Theory]
    [InlineData("profit", "binary sigmoid:1", "objective 'binary sigmoid:1' predicts no amount")]
    [InlineData("profit", "lambdarank", "objective 'lambdarank' predicts no amount")]
    [InlineData("propensity:adviser", "tweedie", "objective 'tweedie' gives no probability: fit one with --calibrate")]
    [InlineData("propensity:adviser", "nonsense", "objective 'nonsense' is not supported")]
    [InlineData("propensity:online_bill", "binary sigmoid:1", "proposition 'online_bill' needs no acceptance")]
    [InlineData("segments", "binary sigmoid:1", "segments need the labels of an ONNX model, LightGBM text v3 has none")]
    public async Task Import_WrongObjectiveOrPart_IsRefusedByName(string part, string objective, string expected)
    {
        string model = _folder.Write("model.txt", Format(LightGbm, objective));
        string map = _folder.Write("map.yaml", Map);

        Assert.Contains(expected, await CommandRun.Fail(ExitCode.Failure,
            "model", "import", "--format", "lightgbm", "--file", model, "--as", part, "-w", _workspace, "--map", map));

        Assert.False(Directory.Exists(Path.Combine(_workspace, "2")));
    }

    [Theory]
    [InlineData("lightgbm")]
    [InlineData("xgboost")]
    [InlineData("onnx")]
    public async Task Import_DamagedFile_NamesIt(string format)
    {
        string text = Format(LightGbm, "binary sigmoid:1");
        string model = _folder.Write("model.txt", text[..(text.Length / 2)]);
        string absent = _folder.At("absent.txt");

        Assert.StartsWith(model + ": ", await CommandRun.Fail(ExitCode.Failure, "model", "import", "--format", format, "--file", model, "--as", "profit", "-w", _workspace));
        Assert.Equal(absent + ": file not found", await CommandRun.Fail(ExitCode.Failure, "model", "import", "--format", format, "--file", absent, "--as", "profit", "-w", _workspace));
    }

    [Theory]
    [InlineData("--as: 'tier'", "--as", "tier")]
    [InlineData("--tolerance: -1", "--as", "profit", "--tolerance", "-1")]
    [InlineData("--calibrate fits probabilities", "--as", "profit", "--calibrate", "x.csv")]
    [InlineData("--names names segments", "--as", "profit", "--names", "a,b")]
    [InlineData("are of use with --check only", "--as", "profit", "--tolerance", "0.1")]
    public async Task Import_CommandLineWithoutSense_IsAUsageError(string expected, params string[] arguments)
        => Assert.Contains(expected, await CommandRun.Fail(
            ExitCode.Usage, ["model", "import", "--format", "onnx", "--file", "x", "-w", _workspace, .. arguments]));

    [Fact]
    public async Task Import_Calibrated_GivesTheRatesOfTheOutcomes()
    {
        string model = _folder.Write("model.txt", Format(LightGbm, "tweedie"));
        string map = _folder.Write("map.yaml", Map);
        System.Text.StringBuilder csv = new("customer,tenure_months,monthly_spend,has_app,plan,label\n");
        for (int i = 0; i < 2000; i++)
        {
            bool premium = i % 2 == 0;
            csv.Append(CultureInfo.InvariantCulture, $"C{i},1,2,no,{(premium ? "premium" : "basic")},{(i / 2 % 10 < (premium ? 1 : 6) ? "yes" : "no")}\n");
        }
        string outcomes = _folder.Write("outcomes.csv", csv.ToString());

        JsonObject result = await CommandRun.Succeed("model", "import", "--format", "lightgbm", "--file", model, "--as", "propensity:adviser",
            "-w", _workspace, "--map", map, "--calibrate", outcomes);

        Assert.Equal(2000, (int)result["calibration"]!["rows"]!);
        Assert.InRange((double)result["calibration"]!["calibration_error"]!, 0, 0.05);
        ModelManifest manifest = ModelPackage.ReadManifest(Workspace.Load(_workspace), 2);
        Assert.Equal(2000, manifest.Metrics["propensity.adviser.offers"]);
        Assert.Contains(manifest.Data, d => d.Role == "calibration" && d.Name == "outcomes.csv");
        Dictionary<string, double> propensities = await ScoreAsync("adviser", "customer,tenure_months,monthly_spend,has_app,plan\nP,1,2,no,premium\nB,1,2,no,basic\n");

        // Smoothed by 100 offers at the prior of 0.3.
        Assert.Equal(((2000 * 0.1) + (100 * 0.3)) / 2100, propensities["P"], 0.005);
        Assert.Equal(((2000 * 0.6) + (100 * 0.3)) / 2100, propensities["B"], 0.005);
    }

    [Fact]
    public async Task ExportAndImport_EveryPart_ScoresAsTheVersionItCameFrom()
    {
        string onnx = _folder.At("telco.onnx");
        JsonObject exported = await CommandRun.Succeed("model", "export", "--format", "onnx", "-w", _workspace, "--out", onnx);
        Assert.Equal(["segment_id", "segment_distance", "expected_profit", "potential", "tier", "propensity.loyalty_discount"],
            exported["outputs"]!.AsArray().Select(o => (string)o!));
        Assert.Contains("is there already", await CommandRun.Fail(ExitCode.Failure, "model", "export", "-w", _workspace, "--out", onnx));
        await CommandRun.Succeed("model", "export", "-w", _workspace, "--out", onnx, "--force");
        string customers = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(200));
        Dictionary<string, string[]> before = await ScoreRowsAsync(customers);

        string map = _folder.Write("map.yaml", "inputs: { channel: ~ }\nsegments: { 1: One, 2: Two, 3: Three }\n");
        await CommandRun.Succeed("model", "import", "--format", "onnx", "--file", onnx, "--as", "profit", "--output", "expected_profit", "-w", _workspace, "--map", map);
        JsonObject propensity = await CommandRun.Succeed("model", "import", "--format", "onnx", "--file", onnx, "--as", "propensity:adviser",
            "--output", "propensity.loyalty_discount", "-w", _workspace);
        Assert.Equal(3, (int)propensity["version"]!);
        Dictionary<string, string[]> after = await ScoreRowsAsync(customers);
        foreach ((string id, string[] row) in before)
        {
            Assert.Equal(row[1..6], after[id][1..6]); // segment and tier

            // Profit and potential: the sums of a linear stage run in another order there.
            double rounding = 1e-6 * (1 + row[6..8].Sum(v => Math.Abs(Number(v))));
            Assert.All(row[6..8].Zip(after[id][6..8]), p => Assert.Equal(Number(p.First), Number(p.Second), rounding));
            Assert.Equal(PropensityOf(row, "loyalty_discount"), PropensityOf(after[id], "adviser"), 1e-6);
        }

        JsonObject segments = await CommandRun.Succeed("model", "import", "--format", "onnx", "--file", onnx, "--as", "segments", "--output", "segment_id",
            "-w", _workspace, "--map", map, "--data", customers);
        Assert.Equal([(4, "One"), (5, "Two"), (6, "Three")], segments["segments"]!.AsArray().Select(s => ((int)s!["id"]!, (string)s["name"]!)));
        Assert.Equal(200, segments["segments"]!.AsArray().Sum(s => (int)s!["size"]!));
        foreach ((string id, string[] row) in await ScoreRowsAsync(customers))
        {
            Assert.Equal(int.Parse(before[id][1], CultureInfo.InvariantCulture) + 3, int.Parse(row[1], CultureInfo.InvariantCulture));
            Assert.Equal(["", ""], row[3..5]); // distance and margin are not known
        }
        Assert.Contains("segments: an imported ONNX model cannot be written",
            await CommandRun.Fail(ExitCode.Failure, "model", "export", "-w", _workspace, "--out", _folder.At("other.onnx")));
        Assert.Contains("cannot be written",
            await CommandRun.Fail(ExitCode.Failure, "model", "export", "-w", _workspace, "--version", "2", "--out", _folder.At("other.onnx")));
        Assert.False(File.Exists(_folder.At("other.onnx")));

        JsonObject list = await CommandRun.Succeed("model", "list", "-w", _workspace);
        Assert.Equal([4, 3, 2, 1], list["versions"]!.AsArray().Select(v => (int)v!["version"]!));
        Assert.Equal(["profit", "propensity.adviser", "segments"], list["versions"]![0]!["imports"]!.AsArray().Select(i => (string)i!["part"]!));
        Assert.Contains("profit: telco.onnx, ONNX, output expected_profit", (await CommandRun.Of("model", "list", "-w", _workspace)).Output);

        // Training goes on with the imported segments, and with nothing else of them.
        JsonObject trained = await CommandRun.Succeed("train", "-w", _workspace, "-d", _folder.Write("more.csv", TrainedWorkspace.CustomerRows(600)));
        Assert.True((bool)trained["segments_kept"]!);
        Assert.Equal("segments", Assert.Single(ModelPackage.ReadManifest(Workspace.Load(_workspace), 5).Imports).Part);
        JsonObject refitted = await CommandRun.Succeed("train", "-w", _workspace, "-d", _folder.At("more.csv"), "--segments", "2");
        Assert.All(refitted["segments"]!.AsArray(), s => Assert.True((int)s!["id"]! > 6));
    }

    [Fact]
    public async Task Import_ProfitWhereNoVersionHasAny_SaysThatPotentialIsNotKnown()
    {
        string workspace = _folder.At("fresh");
        TrainedWorkspace.Create(workspace, TrainedWorkspace.Schema, target: false);
        string schema = Path.Combine(workspace, "schema.yaml");
        string customers = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(300));
        await CommandRun.Succeed("train", "-w", workspace, "-d", customers, "--segments", "2");
        string model = _folder.Write("model.txt", Format(LightGbm, "regression"));
        string[] import = ["model", "import", "--format", "lightgbm", "--file", model, "--as", "profit", "-w", workspace, "--map", _folder.Write("map.yaml", Map)];
        Assert.Contains("schema.yaml has no target", await CommandRun.Fail(ExitCode.Failure, import));
        File.AppendAllText(schema, "\ntarget:\n  columns: revenue - cost\n  period: year\n");

        Assert.Contains("where do tiers begin?", await CommandRun.Fail(ExitCode.Failure, import));
        JsonObject result = await CommandRun.Succeed([.. import, "--data", customers]);

        Assert.False((bool)result["potential_known"]!);
        Assert.Contains("potential is not known", (string)result["notes"]![0]!);
        string scores = _folder.At("scores.csv");
        await CommandRun.Succeed("score", "-w", workspace, "-d", customers, "-o", scores);
        string[] row = ScoreRows.Read(scores).Values.First();
        Assert.NotEqual("", row[6]);
        Assert.Equal("", row[7]);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static string Format(string model, string objective) => model.Replace("{0}", objective, StringComparison.Ordinal);

    private async Task<Dictionary<string, double>> ScoreAsync(string proposition, string customers)
        => (await ScoreRowsAsync(_folder.Write("to-score.csv", customers))).ToDictionary(r => r.Key, r => PropensityOf(r.Value, proposition));

    private async Task<Dictionary<string, string[]>> ScoreRowsAsync(string customers)
    {
        string scores = _folder.At("scores.csv");
        await CommandRun.Succeed("score", "-w", _workspace, "-d", customers, "-o", scores, "-k", "100");
        return ScoreRows.Read(scores);
    }

    private static double PropensityOf(string[] row, string proposition)
        => double.Parse(row[Array.IndexOf(row, proposition) + 2], CultureInfo.InvariantCulture);
}
