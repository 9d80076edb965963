using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Net.Client;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Tests;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>Models that other tools trained on real customers, imported, checked and scored as a person would.</summary>
public sealed class RealModelCommandTests : IDisposable
{
    private const string OneHot = """
        inputs:
          Contract_Month-to-month: { feature: Contract, category: Month-to-month }
          Contract_One_year: { feature: Contract, category: One year }
          Contract_Two_year: { feature: Contract, category: Two year }
          InternetService_DSL: { feature: InternetService, category: DSL }
          InternetService_Fiber_optic: { feature: InternetService, category: Fiber optic }
          InternetService_No: { feature: InternetService, category: No }
          PaymentMethod_Bank_transfer_automatic: { feature: PaymentMethod, category: Bank transfer (automatic) }
          PaymentMethod_Credit_card_automatic: { feature: PaymentMethod, category: Credit card (automatic) }
          PaymentMethod_Electronic_check: { feature: PaymentMethod, category: Electronic check }
          PaymentMethod_Mailed_check: { feature: PaymentMethod, category: Mailed check }
          TechSupport_No: { feature: TechSupport, category: No }
          TechSupport_No_internet_service: { feature: TechSupport, category: No internet service }
          TechSupport_Yes: { feature: TechSupport, category: Yes }

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Telco_XgBoostAndOnnx_ScoreAsTheirOwnRuntimesDid()
    {
        string pipelines = RealData.File("models/generated/telco_pipelines_expected.csv");
        string boosted = RealData.File("models/generated/xgb174_telco_binary_expected.csv");
        string workspace = await TelcoWorkspaceAsync();
        string map = _folder.Write("map.yaml", OneHot);
        foreach (string file in new[] { "xgb174_telco_binary.json", "xgb174_telco_binary.ubj" })
        {
            JsonObject imported = await CommandRun.Succeed("model", "import", "--format", "xgboost", "--file", RealData.File("models/generated/" + file),
                "--as", "propensity:loyalty_discount", "-w", workspace, "--map", map, "--check", boosted, boosted);
            Assert.Equal(("p1", 500), ((string)imported["check"]!["column"]!, (int)imported["check"]!["rows"]!));
        }
        foreach (string kind in new[] { "logreg", "rf", "gbm" })
        {
            await CommandRun.Succeed("model", "import", "--format", "onnx", "--file", RealData.File($"models/generated/telco_{kind}_pipeline.onnx"),
                "--as", "propensity:product_upgrade", "-w", workspace, "--check", pipelines, pipelines, "--expected-column", $"p1_{kind}");
        }
        Assert.Contains("rows differ from p1_rf", await CommandRun.Fail(Server.CommandLine.ExitCode.Failure, "model", "import", "--format", "onnx",
            "--file", RealData.File("models/generated/telco_gbm_pipeline.onnx"), "--as", "propensity:product_upgrade", "-w", workspace, "--check", pipelines, pipelines));

        // The same customers stand in both files, here with their categories and there with indicators.
        string[][] rows = Rows(pipelines);
        string[][] indicators = Rows(boosted);
        Assert.All(rows.Zip(indicators), pair => Assert.Equal(pair.First[1], pair.Second[1]));
        Dictionary<string, string[]> scores = await ScoreAsync(workspace, _folder.Write("rows.csv", CustomersOf(workspace, rows)));
        for (int r = 0; r < rows.Length; r++)
        {
            Assert.Equal(Number(indicators[r][^1]), PropensityOf(scores[$"R{r}"], "loyalty_discount"), 2e-6);
            Assert.Equal(Number(rows[r][^2]), PropensityOf(scores[$"R{r}"], "product_upgrade"), 2e-6);
        }
        await AssertServerAgreesAsync(workspace, rows[..5], scores);
    }

    [Fact]
    public async Task Telco_TweedieAsProfit_ScoresAsXgBoostDid()
    {
        string expected = RealData.File("models/generated/xgb174_totalcharges_tweedie_expected.csv");
        string workspace = await TelcoWorkspaceAsync();

        JsonObject imported = await CommandRun.Succeed("model", "import", "--format", "xgboost",
            "--file", RealData.File("models/generated/xgb174_totalcharges_tweedie.json"), "--as", "profit", "-w", workspace, "--check", expected, expected);

        Assert.InRange((double)imported["check"]!["largest_difference"]!, 0, 1e-6);
        string[][] rows = Rows(expected);
        Dictionary<string, string[]> scores = await ScoreAsync(workspace, _folder.Write("rows.csv", CustomersOf(workspace, rows)));
        for (int r = 0; r < rows.Length; r++)
        {
            Assert.Equal(Number(rows[r][2]), Number(scores[$"R{r}"][6]), 1e-6 * Number(rows[r][2]));
        }
    }

    [Fact]
    public async Task Rfm_KMeansAsTheFirstPart_GivesItsLabelsAndDistances()
    {
        string expected = RealData.File("models/generated/kmeans_rfm_log1p_k4_expected.csv");
        string[][] rows = Rows(expected);
        StringBuilder csv = new("id,log1p_recency,log1p_frequency,log1p_monetary\n");
        for (int r = 0; r < rows.Length; r++)
        {
            csv.Append(CultureInfo.InvariantCulture, $"R{r},{string.Join(",", rows[r][..3])}\n");
        }
        string customers = _folder.Write("rfm.csv", csv.ToString());
        string workspace = _folder.At("rfm");
        string map = _folder.Write("map.yaml", "inputs: [log1p_recency, log1p_frequency, log1p_monetary]\n");
        await CommandRun.Succeed("init", "--data", customers, "--id", "id", "--out", workspace);
        string[] import = ["model", "import", "--format", "onnx", "--file", RealData.File("models/generated/kmeans_rfm_log1p_k4.onnx"), "--as", "segments", "-w", workspace];
        Assert.Contains("known by position only: list the features in order", await CommandRun.Fail(Server.CommandLine.ExitCode.Failure, import));

        JsonObject first = await CommandRun.Succeed([.. import, "--map", map, "--check", expected, expected]);
        JsonObject second = await CommandRun.Succeed([.. import, "--map", map, "--data", customers, "--names", "A,B,C,D"]);

        Assert.Equal([(1, "segment 1"), (2, "segment 2"), (3, "segment 3"), (4, "segment 4")],
            first["segments"]!.AsArray().Select(s => ((int)s!["id"]!, (string)s["name"]!)));
        Assert.Equal([5, 6, 7, 8], second["segments"]!.AsArray().Select(s => (int)s!["id"]!));
        Assert.Contains("no answer for customers with no log1p_recency", (string)first["notes"]![0]!);
        Dictionary<string, string[]> scores = await ScoreAsync(workspace, customers);
        for (int r = 0; r < rows.Length; r++)
        {
            string[] score = scores[$"R{r}"];
            double[] distances = [.. rows[r][4..8].Select(Number)];
            int label = (int)Number(rows[r][3]);
            Assert.Equal((5 + label, "ABCD"[label..(label + 1)]), (int.Parse(score[1], CultureInfo.InvariantCulture), score[2]));
            Assert.Equal(distances[label], Number(score[3]), 2e-6); // a root of a small difference of float32 squares
            Assert.Equal(distances.Where((_, s) => s != label).Min() - distances[label], Number(score[4]), 1e-5);
            Assert.Equal(["", "", ""], score[5..8]);
        }
    }

    private async Task<string> TelcoWorkspaceAsync()
    {
        string[] lines = [.. File.ReadLines(RealData.File("telco/Telco-Customer-Churn.csv")).Select(l => l.TrimEnd('\r'))];
        string file = _folder.Write("telco.csv", string.Join("\n", lines.Take(1500).Select((l, i) => l + (i == 0 ? ",revenue" : $",{l.Split(',')[18]}"))) + "\n");
        string workspace = _folder.At("telco");
        await CommandRun.Succeed("init", "--data", file, "--id", "customerID", "--target", "revenue", "--out", workspace);
        await CommandRun.Succeed("train", "-w", workspace, "-d", file, "--segments", "2");
        return workspace;
    }

    // R0, R1, ... with the features that the rows have; the others are missing.
    private static string CustomersOf(string workspace, string[][] rows)
    {
        string[] features = [.. Core.Workspaces.Workspace.Load(workspace).Schema.Features.Features.Select(f => f.Name)];
        string[] given = rows[0].Length > 3 ? ["tenure", "MonthlyCharges", "TotalCharges", "Contract", "InternetService", "PaymentMethod", "TechSupport"] : ["tenure", "MonthlyCharges"];
        StringBuilder csv = new($"customerID,{string.Join(",", features)}\n");
        for (int r = 0; r < rows.Length; r++)
        {
            csv.Append(CultureInfo.InvariantCulture, $"R{r},")
                .AppendJoin(',', features.Select(f => Array.IndexOf(given, f) is >= 0 and int c && rows[r][c] != "NaN" ? rows[r][c] : "")).Append('\n');
        }
        return csv.ToString();
    }

    private async Task<Dictionary<string, string[]>> ScoreAsync(string workspace, string customers)
    {
        string scores = _folder.At("scores.csv");
        await CommandRun.Succeed("score", "-w", workspace, "-d", customers, "-o", scores, "-k", "100");
        return ScoreRows.Read(scores);
    }

    private static async Task AssertServerAgreesAsync(string workspace, string[][] rows, Dictionary<string, string[]> scores)
    {
        await using ScoringServer server = await ServerFixture.StartServerAsync(workspace);
        using GrpcChannel channel = GrpcChannel.ForAddress(server.Address);
        ScoringService.ScoringServiceClient client = new(channel);
        for (int r = 0; r < rows.Length; r++)
        {
            ScoreRequest request = new() { MaxPropositions = 100 };
            AddNumber("tenure", 0);
            AddNumber("MonthlyCharges", 1);
            AddNumber("TotalCharges", 2);
            foreach ((string name, int column) in new[] { ("Contract", 3), ("InternetService", 4), ("PaymentMethod", 5), ("TechSupport", 6) })
            {
                request.Features.Add(ServerFixture.Category(name, rows[r][column]));
            }
            CustomerScore score = (await client.ScoreAsync(request)).Score;
            foreach (string proposition in new[] { "loyalty_discount", "product_upgrade" })
            {
                PropositionScore answer = score.Propositions.Single(p => p.PropositionId == proposition);
                Assert.Equal(PropensityOf(scores[$"R{r}"], proposition), answer.Propensity.Probability);
                Assert.Equal(Provenance.Estimated, answer.Propensity.Provenance);
            }

            void AddNumber(string name, int column)
            {
                if (rows[r][column] != "NaN")
                {
                    request.Features.Add(ServerFixture.Number(name, Number(rows[r][column])));
                }
            }
        }
    }

    private static string[][] Rows(string file) => [.. File.ReadLines(file).Skip(1).Select(l => l.Split(','))];

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static double PropensityOf(string[] row, string proposition) => Number(row[Array.IndexOf(row, proposition) + 2]);
}
