using System.CommandLine;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using static ScoringEngine.Server.Tests.ServerFixture;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class CommandTests(ServerFixture server) : IClassFixture<ServerFixture>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("scoring-engine-tests-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("customers.csv")]
    [InlineData("customers.csv.gz")]
    public async Task Import_GoodFile_StoresEveryCustomer(string name)
    {
        string file = Write(name, TrainedWorkspace.CustomerRows(3000).Replace("\nC", $"\n{name}-", StringComparison.Ordinal));

        (int exitCode, JsonObject result, string error) = await RunJsonAsync("import", "--data", file, "--server", server.Address);
        (int again, JsonObject second, _) = await RunJsonAsync("import", "--data", file, "--server", "http://" + server.Address);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal((3000, 3000, 0, 0, 0), Counts(result));
        Assert.Equal((0, (3000, 0, 3000, 0, 0)), (again, Counts(second)));
        Customer customer = (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = $"{name}-2999" })).Customer;
        Assert.Equal(
        [
            Number(TrainedWorkspace.Required, 2999 * 53 % 241), Number(TrainedWorkspace.Number, 10 + (2999 * 37 % 101)),
            Flag(TrainedWorkspace.Flag, false), Category(TrainedWorkspace.Category, TrainedWorkspace.Schema.Features[3].Categories[2999 * 7 % 3]),
        ], customer.Features);
    }

    [Fact]
    public async Task Import_BadRows_ReportsFileLineColumnAndExitsWith3()
    {
        string file = Write("bad.csv", $"""
            customer,tenure_months,monthly_spend,has_app,plan
            b0,1,2,yes,basic
            b1,1,much,yes,basic
            b2,,2,yes,basic
            "b
            3",1,2,yes,basic
            b4,1,2,perhaps,basic
            b5,1,2,yes,{new string('x', 257)}
            b0,9,2,yes,"gold, with a comma"
            """);

        (int exitCode, JsonObject result, string error) = await RunJsonAsync("import", "--data", file, "--server", server.Address);
        (int allowed, _, _) = await RunJsonAsync("import", "--data", file, "--server", server.Address, "--allow-rejects", "4");

        Assert.Equal((int)ExitCode.RowsRejected, exitCode);
        Assert.Equal(0, allowed);
        Assert.Equal((7, 2, 1, 1, 4), Counts(result));
        Assert.Equal(
        [
            $"rejected: {file}:3: column 'monthly_spend': 'much': expected a number",
            $"rejected: {file}:4: column 'tenure_months': '': missing, but a value is required",
            $"rejected: {file}:7: column 'has_app': 'perhaps': expected yes/no, true/false or 1/0",
            $"rejected: {file}:8: column 'plan': '': customer 'b5': a category of 257 bytes, expected at most 256",
            "4 rows were rejected (--allow-rejects 4 accepts that)",
        ], error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Customer customer = (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "b0" })).Customer;
        Assert.Equal("gold, with a comma", customer.Features[3].Category);
    }

    [Fact]
    public async Task Import_ManyBadRows_ShowsTheFirst20AndCountsTheRest()
    {
        StringBuilder csv = new("customer,tenure_months,monthly_spend,has_app,plan\n");
        for (int i = 0; i < 50; i++)
        {
            csv.Append(CultureInfo.InvariantCulture, $"m{i},-{i + 1},2,yes,basic\n");
        }

        (int exitCode, string output, string error) = await RunAsync("import", "--data", Write("many.csv", csv.ToString()), "--server", server.Address);

        Assert.Equal(3, exitCode);
        Assert.Contains("Read 50: created 0, updated 0 (ids that come twice in the file: 0), rejected 50", output);
        string[] lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(22, lines.Length);
        Assert.Equal(["rejected: 30 more rows", "50 rows were rejected (--allow-rejects 50 accepts that)"], lines[20..]);
    }

    [Fact]
    public async Task Import_ColumnMissing_SaysWhichInOneLine()
    {
        string file = Write("column.csv", "customer,tenure_month,monthly_spend,has_app,plan\na,1,2,yes,basic\n");

        (int exitCode, _, string error) = await RunAsync("import", "--data", file, "--server", server.Address);

        Assert.Equal((1, $"{file}:1: the schema's column(s) 'tenure_months' (did you mean 'tenure_month'?) not found\n"), (exitCode, error));
    }

    [Fact]
    public async Task Import_NoFile_SaysSoInOneLine()
    {
        (int exitCode, _, string error) = await RunAsync("import", "--data", "none.csv", "--server", server.Address);

        Assert.Equal(1, exitCode);
        Assert.EndsWith("none.csv: file not found\n", error);
    }

    [Theory]
    [InlineData("import", "--data", "x.csv")]
    [InlineData("score", "C1")]
    public async Task AnyClient_NoServer_SaysSoInOneLine(params string[] command)
    {
        using TcpListener free = new(IPAddress.Loopback, 0);
        free.Start();
        string address = $"127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
        free.Stop();

        (int exitCode, string output, string error) = await RunAsync([.. command, "--server", address]);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith($"no scoring engine answers at {address} (", error);
        Assert.EndsWith("scoring-engine serve starts one\n", error);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("https://127.0.0.1:1")]
    [InlineData("http://127.0.0.1:1/path")]
    [InlineData("")]
    public async Task AnyClient_AddressThatIsNone_IsAUsageError(string address)
    {
        (int exitCode, _, string error) = await RunAsync("score", "C1", "--server", address);

        Assert.Equal((2, $"--server '{address}': expected HOST:PORT or http://HOST:PORT\n"), (exitCode, error));
    }

    [Fact]
    public async Task Score_StoredCustomerAsJson_IsTheAnswerOfTheServer()
    {
        string id = await server.StoreAsync(Usual);
        CustomerScore expected = (await server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = id, MaxPropositions = 2 })).Score;

        (int exitCode, JsonObject result, string error) = await RunJsonAsync("score", id, "--server", server.Address, "-k", "2");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(expected, Google.Protobuf.JsonParser.Default.Parse<CustomerScore>(result.ToJsonString()));
    }

    [Fact]
    public async Task Score_StoredCustomer_ShowsWhoTheyAreAndWhy()
    {
        string id = await server.StoreAsync(Usual);
        CustomerScore expected = (await server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = id, Features = { Category("channel", "web") } })).Score;
        server.Time.Now += TimeSpan.FromHours(3);

        (int exitCode, string output, string error) = await RunAsync("score", id, "--server", server.Address, "--feature", "channel=web");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains($"Customer {id}", output);
        Assert.Contains($"{expected.Segment.Id} {expected.Segment.Name}", output);
        Assert.Contains("the next one is", output);
        Assert.Contains($"{expected.Profit.Expected.ToString("#,##0.00", CultureInfo.InvariantCulture)} EUR a year (estimated)", output);
        Assert.Contains("3 h old", output);
        Assert.Contains("telco version 1", output);
        Assert.All(expected.Propositions, p => Assert.Contains(p.Name, output));
        Assert.Contains($"Why: {expected.Propositions[0].Name} is worth", output);
        Assert.DoesNotContain(output.Split('\n'), line => line.Length > 120 && !line.StartsWith("Why: ", StringComparison.Ordinal));
        Assert.Contains($"{expected.Propositions[0].CustomerValue.Value.ToString("+0.00;-0.00;0", CultureInfo.InvariantCulture)} (assumed)", output);
    }

    [Fact]
    public async Task Score_Explain_SaysWhichFeaturesRaiseAndLower()
    {
        string id = await server.StoreAsync(Usual);
        CustomerScore expected = (await server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = id, ExplainFeatures = 2 })).Score;
        Explanation profit = expected.Profit.Explanation;

        (int exitCode, string output, string error) = await RunAsync("score", id, "--server", server.Address, "--explain", "2");
        (_, JsonObject json, _) = await RunJsonAsync("score", id, "--server", server.Address, "--explain", "2");
        (_, JsonObject fiveReasons, _) = await RunJsonAsync("score", id, "--server", server.Address, "--explain");
        (_, string plain, _) = await RunAsync("score", id, "--server", server.Address);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(expected, Google.Protobuf.JsonParser.Default.Parse<CustomerScore>(json.ToJsonString()));
        string[] lines = [.. output.Split('\n').Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];
        int title = Array.IndexOf(lines, $"Why this expected profit: the average is {profit.BaseValue.ToString("#,##0.00", CultureInfo.InvariantCulture)} EUR a year");
        Assert.Equal(
            [.. profit.Contributions.Select(c => $"{Words(c.Feature)} {Signed(c.Contribution)} EUR"), $"all else {Signed(profit.Other)} EUR"], lines[(title + 1)..(title + 4)]);
        PropositionScore best = expected.Propositions.First(p => p.PropositionId != "do_nothing");
        Assert.Contains(lines, l => l.Contains($"propensity for {best.Name}: ", StringComparison.Ordinal));
        Assert.Equal(plain.TrimEnd(), output[..plain.TrimEnd().Length]);
        Assert.InRange(fiveReasons["profit"]!["explanation"]!["contributions"]!.AsArray().Count, 3, 5);

        static string Signed(double amount) => amount.ToString("+#,##0.00;-#,##0.00;0", CultureInfo.InvariantCulture);
        static string Words(FeatureValue feature) => feature.Name switch
        {
            TrainedWorkspace.Required => "tenure 24 months",
            TrainedWorkspace.Number => "monthly spend 55.5 EUR",
            TrainedWorkspace.Flag => "has app yes",
            _ => "plan premium",
        };
    }

    [Theory]
    [InlineData("0")]
    [InlineData("101")]
    [InlineData("all")]
    public async Task Score_ExplainSomethingElse_IsAUsageError(string features)
    {
        (int exitCode, _, string error) = await RunAsync("score", "C1", "--server", server.Address, "--explain", features);

        Assert.Equal(2, exitCode);
        Assert.Contains($"'{features}', expected a number from 1 to 100", error);
    }

    [Fact]
    public async Task Score_ProspectByFeatures_EqualsTheCall()
    {
        CustomerScore expected = (await server.Scoring.ScoreAsync(new ScoreRequest
        {
            Features = { Number(TrainedWorkspace.Required, 4), Category(TrainedWorkspace.Category, "basic"), Flag(TrainedWorkspace.Flag, true), new FeatureValue { Name = TrainedWorkspace.Number } },
        })).Score;

        (_, JsonObject result, _) = await RunJsonAsync("score", "--server", server.Address,
            "--feature", "tenure_months=4", "--feature", "plan=basic", "--feature", "has_app=yes", "--feature", "monthly_spend=");

        Assert.Equal(expected, Google.Protobuf.JsonParser.Default.Parse<CustomerScore>(result.ToJsonString()));
    }

    [Theory]
    [InlineData("nobody", "", 1, "no customer 'nobody'")]
    [InlineData("", "tenure=1", 1, "features[0].name: no feature 'tenure'; features: 'tenure_months': missing, but a value is required")]
    [InlineData("", "tenure_month=1", 1, "features[0].name: no feature 'tenure_month' (did you mean 'tenure_months'?); features: 'tenure_months': missing, but a value is required")]
    [InlineData("", "tenure_months=long", 2, "--feature 'tenure_months=long': expected a number")]
    [InlineData("", "has_app=perhaps", 2, "--feature 'has_app=perhaps': expected yes/no, true/false or 1/0")]
    [InlineData("", "tenure_months", 2, "--feature 'tenure_months': expected NAME=VALUE")]
    public async Task Score_SomethingWrong_SaysItInOneLine(string customer, string feature, int expected, string message)
    {
        string[] arguments = ["score", .. customer.Length > 0 ? [customer] : Array.Empty<string>(), .. feature.Length > 0 ? ["--feature", feature] : Array.Empty<string>()];

        (int exitCode, string output, string error) = await RunAsync([.. arguments, "--server", server.Address]);

        Assert.Equal((expected, "", message + "\n"), (exitCode, output, error));
    }

    [Fact]
    public async Task Serve_UntilCancelled_TellsTheAddressAndEndsWell()
    {
        using CancellationTokenSource stop = new();
        SignallingWriter output = new();
        using StringWriter error = new();
        Task<int> serving = RootCommandFactory.RunAsync(
            ["serve", "--workspace", server.Trained.Path, "--port", "0", "--memory", "16MB", "--json"],
            new InvocationConfiguration { Output = output, Error = error, ProcessTerminationTimeout = null }, stop.Token);
        Assert.Same(output.Written, await Task.WhenAny(output.Written, serving));
        JsonObject ready = JsonNode.Parse(output.ToString())!.AsObject();

        (int exitCode, JsonObject result, _) = await RunJsonAsync("score", "--server", (string)ready["address"]!, "--feature", "tenure_months=1");
        await stop.CancelAsync();

        Assert.Equal(0, await serving);
        Assert.Equal(("telco", 1), ((string)ready["model"]!, (int)ready["version"]!));
        Assert.Equal((0, "telco"), (exitCode, (string)result["modelName"]!));
        Assert.Empty(error.ToString());
    }

    [Theory]
    [InlineData(2, "--memory", "lots")]
    [InlineData(2, "--memory", "1MB")]
    [InlineData(2, "--port", "70000")]
    [InlineData(2, "--port", "x")]
    [InlineData(1, "--version", "9")]
    [InlineData(1, "--workspace", "no-such-folder")]
    public async Task Serve_SomethingWrong_ExitsWithoutServing(int expected, params string[] arguments)
    {
        string[] others = arguments[0] == "--workspace" ? ["--port", "0"] : ["--workspace", server.Trained.Path];

        (int exitCode, _, string error) = await RunAsync(["serve", .. others, .. arguments]);

        Assert.Equal(expected, exitCode);
        Assert.NotEmpty(error);
        Assert.DoesNotContain("   at ", error);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        using Stream file = File.Create(path);
        using Stream target = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        target.Write(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n")));
        return path;
    }

    private static (int Read, int Created, int Updated, int Duplicates, int Rejected) Counts(JsonObject result)
        => ((int)result["read"]!, (int)result["created"]!, (int)result["updated"]!, (int)result["duplicates"]!, (int)result["rejected"]!["count"]!);

    private static async Task<(int ExitCode, JsonObject Result, string Error)> RunJsonAsync(params string[] arguments)
    {
        (int exitCode, string output, string error) = await RunAsync([.. arguments, "--json"]);
        return (exitCode, JsonNode.Parse(output)!.AsObject(), error);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using StringWriter output = new() { NewLine = "\n" };
        using StringWriter error = new() { NewLine = "\n" };
        int exitCode = await RootCommandFactory.RunAsync(arguments,
            new InvocationConfiguration { Output = output, Error = error, ProcessTerminationTimeout = null });
        return (exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Says when a whole JSON object has been written.</summary>
    private sealed class SignallingWriter : StringWriter
    {
        private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Written => _written.Task;

        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            _written.TrySetResult();
        }
    }
}
