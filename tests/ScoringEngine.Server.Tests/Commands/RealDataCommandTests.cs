using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Tests;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>init, train and score on real customers, as a person would call them.</summary>
public sealed class RealDataCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task TelcoChurn_InitTrainTrainScore_TakesEveryCustomerAndSaysProxyEverywhere()
    {
        string file = RealData.File("telco/Telco-Customer-Churn.csv");
        string workspace = _folder.At("telco");
        string scores = _folder.At("scores.csv");

        JsonObject init = await CommandRun.Succeed("init", "--data", file, "--id", "customerID", "--target", "MonthlyCharges", "--out", workspace);
        Assert.Equal((7043, true), ((int)init["customers"]!, (bool)init["proxy"]!));
        JsonNode totalCharges = init["features"]!.AsArray().Single(f => (string)f!["name"]! == "TotalCharges")!;
        Assert.Equal("numeric", (string)totalCharges["kind"]!);
        Assert.Contains("11 missing", (string)totalCharges["remark"]!);
        FeatureSchema schema = Workspace.Load(workspace).Schema.Features;
        Assert.Equal(19, schema.Count);
        Assert.True(schema.Features[schema.IndexOf("gender")].Protected);
        Assert.True(schema.Features[schema.IndexOf("SeniorCitizen")].Protected);

        CommandRun shown = await CommandRun.Of("train", "-w", workspace, "-d", file, "--segments", "4");
        Assert.Equal((0, ""), (shown.ExitCode, shown.Error));
        Assert.Contains("Expected PROXY of profit (MonthlyCharges)", shown.Output);
        Assert.Contains("mean proxy", shown.Output);
        Assert.DoesNotContain("mean profit", shown.Output);
        Assert.Contains("PROXY of profit (MonthlyCharges)", File.ReadAllText(_folder.At("telco", "1", "report.txt")));

        JsonObject second = await CommandRun.Succeed("train", "-w", workspace, "-d", file);
        Assert.Equal((2, true, 0), ((int)second["version"]!, (bool)second["segments_kept"]!, (int)second["rejected"]!["count"]!));
        Assert.Equal(7043, (int)second["customers"]!["trained"]! + (int)second["customers"]!["held_out"]!);
        Assert.Equal(7043, second["segments"]!.AsArray().Sum(s => (int)s!["size"]!));
        Assert.True((bool)second["profit"]!["proxy"]!);
        Assert.InRange((double)second["metrics"]!["profit.r2"]!, 0.95, 1); // charges follow from the services held

        CommandRun told = await CommandRun.Of("score", "-w", workspace, "-d", file, "-o", scores);
        Assert.Equal(0, told.ExitCode);
        Assert.Contains("expected profit and potential are of a PROXY (MonthlyCharges)", told.Output);
        JsonObject scored = await CommandRun.Succeed("score", "-w", workspace, "-d", file, "-o", scores);
        Assert.Equal((7043, true, 0), ((int)scored["scored"]!, (bool)scored["proxy"]!, (int)scored["rejected"]!["count"]!));
        AssertScores(scores, 7043, second);
    }

    [Fact]
    public async Task OnlineRetail_InitTrainTrainScorePacked_TakesEveryCustomer()
    {
        string file = RealData.File("reference/online_retail_rfm.csv.gz");
        string workspace = _folder.At("retail");
        string scores = _folder.At("scores.csv.gz");

        JsonObject init = await CommandRun.Succeed("init", "--data", file, "--id", "CustomerID", "--target", "monetary", "--out", workspace);
        Assert.Equal((4338, true), ((int)init["customers"]!, (bool)init["proxy"]!));
        Assert.Equal(["recency", "frequency"], init["features"]!.AsArray().Select(f => (string)f!["name"]!));

        JsonObject first = await CommandRun.Succeed("train", "-w", workspace, "-d", file, "--segments", "4");
        JsonObject second = await CommandRun.Succeed("train", "-w", workspace, "-d", file, "--seed", "3");
        Assert.Equal((4, true), (first["segments"]!.AsArray().Count, (bool)second["segments_kept"]!));
        Assert.Equal(4338, second["segments"]!.AsArray().Sum(s => (int)s!["size"]!));
        Assert.Equal(
            first["segments"]!.AsArray().Select(s => ((int)s!["id"]!, (int)s["size"]!)), second["segments"]!.AsArray().Select(s => ((int)s!["id"]!, (int)s["size"]!)));
        Assert.True((bool)second["profit"]!["proxy"]!);

        JsonObject scored = await CommandRun.Succeed("score", "-w", workspace, "-d", file, "-o", scores);
        Assert.Equal(4338, (int)scored["scored"]!);
        AssertScores(scores, 4338, second);
    }

    // One row each, distinct customers, and the segments in the sizes that training told.
    private static void AssertScores(string file, int customers, JsonObject trained)
    {
        if (file.EndsWith(".gz", StringComparison.Ordinal))
        {
            using GZipStream packed = new(File.OpenRead(file), CompressionMode.Decompress);
            Assert.NotEqual(-1, packed.ReadByte());
        }
        using CsvTable table = CsvTable.Open(file);
        Assert.All(["expected_profit", "tier", "potential"], c => Assert.DoesNotContain(c, table.Header));
        int profit = table.Require("expected_profit_proxy");
        int potential = table.Require("potential_proxy");
        int tier = table.Require("tier_proxy");
        HashSet<string> ids = [];
        Dictionary<int, int> sizes = [];
        while (table.Read())
        {
            Assert.Null(table.RowViolation);
            Assert.True(ids.Add(table.Text(table.Require("customer"))));
            int segment = int.Parse(table[table.Require("segment_id")], CultureInfo.InvariantCulture);
            sizes[segment] = sizes.GetValueOrDefault(segment) + 1;
            Assert.True(float.IsFinite(float.Parse(table[profit], CultureInfo.InvariantCulture)));
            Assert.True(float.Parse(table[potential], CultureInfo.InvariantCulture) >= 0);
            Assert.Contains(table.Text(tier), new[] { "value_destroyer", "marginal", "sustainer", "value_creator" });
            Assert.NotEmpty(table.Text(table.Require("proposition_3")));
        }
        Assert.Equal(customers, ids.Count);
        Assert.Equal(trained["segments"]!.AsArray().ToDictionary(s => (int)s!["id"]!, s => (int)s!["size"]!), sizes);
    }
}
