using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>The commands that read a decision log, over a data folder that no server has open.</summary>
public sealed class DecisionLogCommandTests(TrainedWorkspace trained) : IAsyncLifetime
{
    private const int Customers = 120;

    private readonly TemporaryFolder _folder = new();
    private DecisionLogFolder _log = null!;

    public async ValueTask InitializeAsync() => _log = await DecisionLogFolder.CreateAsync(trained, _folder, Customers);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Replay_AsLogged_IsTheSameAlsoAfterTheFilesChanged()
    {
        string policy = Path.Combine(_log.Workspace, Policy.FileName);
        WorkspaceWriter.Replace(policy, WorkspaceWriter.PolicyText(Workspace.Load(_log.Workspace).Policy with { CustomerWeight = 3 }));

        JsonObject result = await CommandRun.Succeed("replay", "--log", _log.Data, "--workspace", _log.Workspace);
        JsonObject later = await CommandRun.Succeed("replay", "--log", _log.Data, "--workspace", _log.Workspace, "--since", "2026-03-02T11:00Z");

        Assert.Equal((Customers, 0, 0, 0), Counts(result));
        Assert.Equal((Customers - 60, 0, 0, 0), Counts(later));
    }

    [Fact]
    public async Task Replay_ErasedCustomer_IsCountedAsErased()
    {
        await using (CustomerDatabase database = CustomerDatabase.Open(new CustomerDatabaseOptions { Directory = _log.Data }, trained.Models.Schema, TimeProvider.System))
        await using (DecisionLog log = DecisionLog.Open(new DecisionLogOptions(), database, TimeProvider.System))
        {
            Assert.True(database.Customers.Delete("C7"u8, out _));
        }

        Assert.Equal((Customers - 1, 0, 0, 1), Counts(await CommandRun.Succeed("replay", "--log", _log.Data, "--workspace", _log.Workspace)));
    }

    [Fact]
    public async Task Replay_WithoutTheVersion_FailsAndSaysWhy()
    {
        Directory.Delete(Path.Combine(_log.Workspace, "1"), recursive: true);

        CommandRun run = await CommandRun.Of("replay", "--log", _log.Data, "--workspace", _log.Workspace, "--json");

        Assert.Equal((int)ExitCode.Failure, run.ExitCode);
        Assert.Equal(Customers, (int)run.Json["not_replayable"]!);
        Assert.Contains("no such version", run.Error);
    }

    [Fact]
    public async Task List_ACustomer_HasTheDecisionWithItsOutcomes()
    {
        JsonObject result = await CommandRun.Succeed("decisions", "list", "--customer", "C1", "--data", _log.Data);
        CommandRun person = await CommandRun.Of("decisions", "list", "--customer", "C1", "--data", _log.Data);
        JsonObject nobody = await CommandRun.Succeed("decisions", "list", "--customer", "C9999", "--data", _log.Data);

        JsonNode decision = Assert.Single(result["decisions"]!.AsArray())!;
        Assert.Equal(("decision-1", 1, "web"), ((string)decision["decision_id"]!, (int)decision["version"]!, (string)decision["channel"]!));
        Assert.Contains("decision-1", person.Output);
        Assert.Empty(nobody["decisions"]!.AsArray());
    }

    [Fact]
    public async Task Export_Csv_HasEveryDecision()
    {
        JsonObject result = await CommandRun.Succeed("decisions", "export", "--data", _log.Data, "--format", "csv", "--out", _folder.At("d.csv"));

        Assert.Equal(Customers, (int)result["written"]!);
        using CsvTable table = CsvTable.Open(_folder.At("d.csv"));
        List<(string Id, string Customer, string Answer)> rows = [];
        while (table.Read())
        {
            rows.Add((table.Text(table.Require("decision_id")), table.Text(table.Require("customer")), table.Text(table.Require("answer"))));
        }
        Assert.Equal(Enumerable.Range(0, Customers).Select(i => ($"decision-{i}", $"C{i}")), rows.Select(r => (r.Id, r.Customer)));
        Assert.Contains(rows, r => r.Answer == "accepted");
        Assert.Contains(rows, r => r.Answer == "declined");
    }

    [Fact]
    public async Task Export_Dsjson_LeavesOutHeldOutAndOpen()
    {
        JsonObject result = await CommandRun.Succeed("decisions", "export", "--data", _log.Data, "--format", "dsjson", "--out", _folder.At("d.dsjson"));

        string[] lines = File.ReadAllLines(_folder.At("d.dsjson"), Encoding.UTF8);
        Assert.Equal((int)result["written"]!, lines.Length);
        Assert.Equal(Customers, (int)result["written"]! + (int)result["held_out"]! + (int)result["open"]!);
        Assert.True((int)result["held_out"]! > 0);
        Assert.Contains(lines, line => JsonDocument.Parse(line).RootElement.GetProperty("_label_cost").GetInt32() == -1);
        Assert.All(lines, line => Assert.Equal("web", JsonDocument.Parse(line).RootElement.GetProperty("c").GetProperty("interaction").GetProperty("channel").GetString()));
    }

    [Fact]
    public async Task Decide_AgainstTheFolder_IsLoggedOnceAndReplays()
    {
        string[] decide = ["decide", "-w", _log.Workspace, "-d", _folder.Write("more.csv", TrainedWorkspace.CustomerRows(Customers + 1)), "--run-id", "march",
            "--out", _folder.At("march.csv"), "--state", _log.Data, "--time", "2026-03-09", "--channel", "phone", "--allow-rejects", "1", "--json"];
        CommandRun first = await CommandRun.Of(decide);
        CommandRun second = await CommandRun.Of(decide);

        Assert.Equal((0, 0), (first.ExitCode, second.ExitCode));
        Assert.Contains("not stored in the data folder", first.Error);
        Assert.Equal((Customers, 0), ((int)first.Json["decided"]!, (int)first.Json["repeated"]!));
        Assert.Equal((Customers, Customers), ((int)second.Json["decided"]!, (int)second.Json["repeated"]!));
        Assert.Equal((2 * Customers, 0, 0, 0), Counts(await CommandRun.Succeed("replay", "--log", _log.Data, "--workspace", _log.Workspace)));
        JsonObject list = await CommandRun.Succeed("decisions", "list", "--customer", "C1", "--data", _log.Data);
        Assert.Equal(["march/C1", "decision-1"], list["decisions"]!.AsArray().Select(d => (string)d!["decision_id"]!));
    }

    [Fact]
    public async Task Explain_ALoggedDecision_SaysWhatBecameOfEachCandidate()
    {
        JsonObject result = await CommandRun.Succeed("explain", "decision-1", "--data", _log.Data, "--workspace", _log.Workspace);
        CommandRun person = await CommandRun.Of("explain", "C1", "--why-not", "online_bill", "--data", _log.Data, "--workspace", _log.Workspace);

        Assert.Equal("C1", (string)result["customer"]!);
        Assert.Equal(["adviser", "do_nothing", "loyalty_discount", "online_bill"], result["candidates"]!.AsArray().Select(c => (string)c!["proposition"]!).Order());
        Assert.Equal(1, result["candidates"]!.AsArray().Sum(c => (double)c!["action_probability"]!), 1e-9);
        Assert.Equal("", person.Error);
        Assert.Contains("online_bill ", person.Output);
    }

    [Theory]
    [InlineData("no decision nowhere is in the log", "nowhere")]
    [InlineData("no decision about customer C9999 was logged", "C9999", "--why-not", "adviser")]
    [InlineData("--why-not advisor: not in the catalogue that decided", "C1", "--why-not", "advisor")]
    public async Task Explain_Nothing_SaysSo(string expected, params string[] about)
        => Assert.StartsWith(expected, await CommandRun.Fail(ExitCode.Failure, ["explain", .. about, "--data", _log.Data, "--workspace", _log.Workspace]));

    private static (int Replayed, int Different, int NotReplayable, int Erased) Counts(JsonObject result)
        => ((int)result["replayed"]!, (int)result["different"]!, (int)result["not_replayable"]!, (int)result["erased"]!);
}
