using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class DecideCommandTests : IDisposable
{
    private const int Customers = 500;

    private readonly TemporaryFolder _folder = new();
    private readonly string _workspace;
    private readonly string _customers;

    public DecideCommandTests(TrainedWorkspace trained)
    {
        _workspace = DecisionLogFolder.CopyOf(trained, _folder.At("telco"), p => p with { HoldOut = new HoldOutPolicy(0.1, 4) });
        _customers = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(Customers));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Decide_AFile_HasARowForEachCustomerThatTheRunIdSettles()
    {
        JsonObject first = await DecideAsync("a.csv", "--run-id", "march", "-k", "2");
        await DecideAsync("b.csv.gz", "--run-id", "march", "-k", "2");
        await DecideAsync("c.csv", "--run-id", "april", "-k", "2");

        Assert.Equal((Customers, "march", 1), ((int)first["decided"]!, (string)first["run_id"]!, (int)first["version"]!));
        Dictionary<string, string>[] rows = Rows("a.csv");
        Assert.Equal(Customers, rows.Length);
        Assert.Equal(rows.Select(r => string.Join(",", r.Values)), Rows("b.csv.gz").Select(r => string.Join(",", r.Values)));
        Assert.NotEqual(rows.Select(r => r["proposition_1"]), Rows("c.csv").Select(r => r["proposition_1"]));
        Assert.Equal("march/C0", rows[0]["decision_id"]);
        Assert.Equal((int)first["held_out"]!, rows.Count(r => r["held_out"] == "1"));
        Assert.All(rows.Where(r => r["held_out"] == "1"), r => Assert.Equal(("do_nothing", ""), (r["proposition_1"], r["proposition_2"])));
        Assert.Contains(rows, r => r["held_out"] == "1" && r["ghost"] != "do_nothing");
        Assert.Equal(first["offers"]!.AsArray().Sum(o => (int)o!["offers"]!), rows.Sum(r => (r["proposition_1"] != "" ? 1 : 0) + (r["proposition_2"] != "" ? 1 : 0)));
    }

    [Fact]
    public async Task Decide_Volume_GoesToTheBest()
    {
        Workspace workspace = Workspace.Load(_workspace);
        WorkspaceWriter.Replace(Path.Combine(_workspace, "propositions.yaml"), WorkspaceWriter.PropositionsText(
            workspace.Propositions.Select(p => p.Id == "adviser" ? p with { Volume = 7 } : p)));

        await DecideAsync("a.csv", "--run-id", "march", "--channel", "phone");

        Assert.Equal(7, Rows("a.csv").Count(r => r["proposition_1"] == "adviser"));
    }

    [Fact]
    public async Task Decide_RepeatedCustomer_IsRejected()
    {
        File.AppendAllText(_customers, TrainedWorkspace.CustomerRows(1).Split('\n')[1] + "\n");

        CommandRun run = await CommandRun.Of("decide", "-w", _workspace, "-d", _customers, "-o", _folder.At("a.csv"));

        Assert.Equal((int)ExitCode.RowsRejected, run.ExitCode);
        Assert.Contains("comes again, and is decided for once", run.Error);
        Assert.Contains($"Decided for {Customers:N0} customers", run.Output);
    }

    [Theory]
    [InlineData("--channel wbe: no such channel in the workspace", "--channel", "wbe")]
    [InlineData("--role agent: no such role in the workspace", "--role", "agent")]
    public async Task Decide_UnknownName_IsAUsageError(string expected, params string[] options)
        => Assert.StartsWith(expected, await CommandRun.Fail(ExitCode.Usage, ["decide", "-w", _workspace, "-d", _customers, "-o", _folder.At("a.csv"), .. options]));

    [Fact]
    public async Task Decide_OverItsInput_IsRefused()
        => Assert.Contains("is the file that --data reads", await CommandRun.Fail(ExitCode.Usage, "decide", "-w", _workspace, "-d", _customers, "-o", _customers));

    [Fact]
    public async Task Simulate_ARuleAdded_TellsWhatItCosts()
    {
        string after = _folder.At("new");
        DecisionLogFolder.Copy(_workspace, after);
        Workspace workspace = Workspace.Load(after);
        string text = WorkspaceWriter.PropositionsText(workspace.Propositions.Where(p => p.Id != "adviser"));
        string adviser = WorkspaceWriter.PropositionsText([workspace.Propositions.Single(p => p.Id == "adviser") with
        {
            Eligibility = RuleParser.TryParseComparison("tenure_months >= 120", out Comparison? rule, out _) ? rule : null,
        }]);
        WorkspaceWriter.Replace(Path.Combine(after, "propositions.yaml"), text + adviser[adviser.IndexOf("  - id", StringComparison.Ordinal)..]);

        JsonObject result = await CommandRun.Succeed("simulate", "-w", after, "--baseline", _workspace, "-d", _customers, "--drop-one", "--channel", "phone");
        CommandRun person = await CommandRun.Of("simulate", "-w", after, "--baseline", _workspace, "-d", _customers, "--drop-one", "--channel", "phone");

        double before = (double)result["before"]!["score"]!;
        double now = (double)result["after"]!["score"]!;
        JsonNode cost = Assert.Single(result["rules"]!.AsArray())!;
        Assert.Equal(Customers, (int)result["customers"]!);
        Assert.True(now < before);
        Assert.Equal(before - now, (double)cost["cost"]!, 1e-6);
        Assert.Equal(("adviser", "eligibility"), ((string)cost["proposition"]!, (string)cost["stage"]!));
        Assert.InRange((double)cost["cost"]!, (double)cost["low"]!, (double)cost["high"]!);
        Assert.Equal(now - before, result["moves"]!.AsArray().Sum(m => (double)m!["gain"]!), 1e-6);
        Assert.Equal("", person.Error);
        Assert.Contains("Who wins whose customers", person.Output);
        Assert.Contains("tenure_months >= 120", person.Output);
    }

    private Task<JsonObject> DecideAsync(string to, params string[] options)
        => CommandRun.Succeed(["decide", "--workspace", _workspace, "--data", _customers, "--out", _folder.At(to), "--time", "2026-03-02T10:00Z", .. options]);

    private Dictionary<string, string>[] Rows(string file)
    {
        using CsvTable table = CsvTable.Open(_folder.At(file));
        List<Dictionary<string, string>> rows = [];
        while (table.Read())
        {
            Assert.Null(table.RowViolation);
            rows.Add(table.Header.Select((name, i) => (name, Value: table.Text(i))).ToDictionary(c => c.name, c => c.Value));
        }
        return [.. rows];
    }
}
