using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Commands;
using ScoringEngine.Server.Tests.Services;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>The commands against the real services.</summary>
public sealed class RecordImportServerTests(ServerFixture server) : IClassFixture<ServerFixture>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Import_OutcomesAndValues_AreRecordedOnce()
    {
        DecisionService.DecisionServiceClient decisions = new(server.Channel);
        List<string> outcomes = [];
        List<string> values = [];
        for (int i = 0; i < 20; i++)
        {
            string customer = await server.StoreAsync(ServerFixture.Usual);
            Decision decision = (await decisions.DecideAsync(new DecideRequest { CustomerId = customer, Channel = "phone" })).Decision;
            string proposition = decision.Slots[0].Proposition.PropositionId;
            Assert.NotEqual("do_nothing", proposition);
            outcomes.Add($"{decision.DecisionId},1,{proposition},presented,\n{decision.DecisionId},1,{proposition},declined,too dear\n");
            values.Add($"{customer},2026-02-27,{i},0.5\n{customer},2026-02-28,{i},0.5\n");
        }
        string outcomeFile = _folder.Write("outcomes.csv", "decision_id,slot,proposition,kind,reason\n" + string.Concat(outcomes) + "nobody,1,adviser,accepted,\n");
        string valueFile = _folder.Write("values.csv", "customer,date,revenue,cost\n" + string.Concat(values) + "nobody,2026-02-28,1,1\n");

        foreach ((string command, string file) in new[] { ("outcome", outcomeFile), ("value", valueFile) })
        {
            CommandRun first = await CommandRun.Of(command, "import", "--data", file, "--server", server.Address, "--json");
            CommandRun again = await CommandRun.Of(command, "import", "--data", file, "--server", server.Address, "--json");
            Assert.Equal((3, (41, 40, 0, 1)), (first.ExitCode, RecordImportTests.Counts(first.Json)));
            Assert.Equal((41, 0, 40, 1), RecordImportTests.Counts(again.Json));
            Assert.Contains($"rejected: {file}:42: ", first.Error);
        }
    }
}

/// <summary>What the commands send, to services that keep it and acknowledge every block.</summary>
public sealed class RecordImportTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Recorder _recorder = new();
    private ServiceHost? _host;

    public async ValueTask InitializeAsync() => _host = await ServiceHost.StartAsync(
        services => services.AddSingleton(_recorder),
        application =>
        {
            application.MapGrpcService<Models>();
            application.MapGrpcService<Values>();
            application.MapGrpcService<Outcomes>();
        });

    public ValueTask DisposeAsync() => _host!.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    private string Address => _host!.Channel.Target;

    internal static (int, int, int, int) Counts(JsonObject result)
        => ((int)result["read"]!, (int)result["recorded"]!, (int)result["recorded_before"]!, (int)result["rejected"]!["count"]!);

    [Fact]
    public async Task Value_AFile_IsSentAsItStands()
    {
        string file = _folder.Write("values.csv", """
            customer,date,revenue,cost,key
            C1,2026-11-22,12.5,-3,invoice-1
            C1,2026-11-23,,4,
            Zürich,1970-01-01,1e3,0,
            """);

        JsonObject result = await CommandRun.Succeed("value", "import", "--data", file, "--server", Address);

        Assert.Equal((3, 3, 0, 0), Counts(result));
        Assert.Equal(["C1 20779 12.5 -3 invoice-1", "C1 20780 0 4 ", "Zürich 0 1000 0 "], _recorder.Seen);
        Assert.Equal((3, 0, 3, 0), Counts(await CommandRun.Succeed("value", "import", "--data", file, "--server", Address)));
    }

    [Fact]
    public async Task Value_RowsThatCannotBe_AreNamedWhoeverFindsOut()
    {
        string file = _folder.Write("values.csv", $"""
            customer,date,revenue,cost,key
            ,2026-11-22,1,1,
            C1,22.11.2026,1,1,
            C1,1969-12-31,1,1,
            "quoted
            id",2026-11-22,1,1,
            C1,2026-11-22,much,1,
            C1,2026-11-22,1,Infinity,
            C1,2026-11-22,1,1,{new string('k', 129)}
            unknown,2026-11-22,1,1,
            C1,2026-11-22,1
            """);

        CommandRun run = await CommandRun.Of("value", "import", "--data", file, "--server", Address, "--json");

        Assert.Equal((int)ExitCode.RowsRejected, run.ExitCode);
        Assert.Equal((9, 1, 0, 8), Counts(run.Json));
        Assert.Equal(
        [
            $"{file}:2: column 'customer': '': empty, expected a customer id",
            $"{file}:3: column 'date': '22.11.2026': expected a date such as 2026-11-22, 1970-01-01 to 2199-12-31",
            $"{file}:4: column 'date': '1969-12-31': expected a date such as 2026-11-22, 1970-01-01 to 2199-12-31",
            $"{file}:7: column 'revenue': 'much': expected an amount",
            $"{file}:8: column 'cost': 'Infinity': expected an amount",
            $"{file}:9: column 'key': '{new string('k', 129)}': expected at most 128 bytes of UTF-8",
            $"{file}:11: 3 fields, expected 5",
            $"{file}:10: customer 'unknown': no such customer",
        ], run.Error.Split('\n').Where(l => l.StartsWith("rejected: ", StringComparison.Ordinal)).Select(l => l["rejected: ".Length..]));
    }

    [Fact]
    public async Task Value_ConnectionsBreak_EveryValueIsRecordedOnce()
    {
        const int Rows = 30_000;
        string[] rows = [.. Enumerable.Range(0, Rows).Select(i => string.Create(CultureInfo.InvariantCulture, $"C{i % 1000},{new DateOnly(2026, 1, 1).AddDays(i / 1000):yyyy-MM-dd},{i / 8.0},{i % 7}"))];
        string file = _folder.Write("values.csv", "customer,date,revenue,cost\n" + string.Join('\n', rows) + "\n");
        await using BreakingProxy proxy = new(int.Parse(Address.Split(':')[1], CultureInfo.InvariantCulture), 200_000, 1000, 300_000);

        CommandRun run = await CommandRun.Of("value", "import", "--data", file, "--server", proxy.Address, "--json");

        Assert.Equal((0, 3), (run.ExitCode, proxy.Broken));
        (int read, int recorded, int before, int rejected) = Counts(run.Json);
        Assert.Equal((Rows, Rows, 0), (read, recorded + before, rejected));
        Assert.InRange(before, 0, (int)run.Json["resent"]!);
        Assert.Equal(Rows, _recorder.Seen.Length);
        Assert.Equal("C999 20483 3749.875 4 ", _recorder.Seen[^1]);
        Assert.InRange(_recorder.LargestMessage, CustomerBlockWriter.MaxBytes / 3, CustomerBlockWriter.MaxBytes);
    }

    [Fact]
    public async Task Value_LongIdsAndKeys_StayBelowTheBlocksSize()
    {
        string file = _folder.Write("values.csv", "customer,date,revenue,cost,key\n"
            + string.Concat(Enumerable.Range(0, 2000).Select(i => $"{new string('c', 120)}{i},2199-12-31,-1.7e308,1e-300,{new string('k', 120)}{i}\n")));
        Assert.Equal((2000, 2000, 0, 0), Counts(await CommandRun.Succeed("value", "import", "--data", file, "--server", Address)));
        Assert.InRange(_recorder.LargestMessage, CustomerBlockWriter.MaxBytes * 9 / 10, CustomerBlockWriter.MaxBytes);
    }

    [Fact]
    public async Task Outcome_AFile_IsSentAsItStands()
    {
        string file = _folder.Write("outcomes.csv", """
            decision_id,slot,proposition,kind,reason,perceived_value,time,approved_by,request_id
            d1,,adviser,presented,,,2026-11-22T10:00:00+01:00,Kim,
            d1,2,discount,declined,too dear,0.25,,,r-7
            d2,,adviser,,,1,,,
            """);

        JsonObject result = await CommandRun.Succeed("outcome", "import", "--data", file, "--server", Address);

        Assert.Equal((3, 3, 0, 0), Counts(result));
        Assert.Equal(
        [
            """{ "decisionId": "d1", "slot": 1, "propositionId": "adviser", "kind": "OUTCOME_KIND_PRESENTED", "time": "2026-11-22T09:00:00Z", "approvedBy": "Kim" }""",
            """{ "decisionId": "d1", "slot": 2, "propositionId": "discount", "kind": "OUTCOME_KIND_DECLINED", "reason": "too dear", "perceivedValue": 0.25, "requestId": "r-7" }""",
            """{ "decisionId": "d2", "slot": 1, "propositionId": "adviser", "perceivedValue": 1 }""",
        ], _recorder.Seen);
    }

    [Fact]
    public async Task Outcome_RowsThatCannotBe_AreNamedWhoeverFindsOut()
    {
        string file = _folder.Write("outcomes.csv", """
            decision_id,slot,proposition,kind,perceived_value,time
            ,1,adviser,presented,,
            d1,0,adviser,presented,,
            d1,1,,presented,,
            d1,1,adviser,acepted,,
            d1,1,adviser,,,
            d1,1,adviser,accepted,1.5,
            d1,1,adviser,accepted,,tomorrow
            unknown,1,adviser,accepted,,
            """);

        CommandRun run = await CommandRun.Of("outcome", "import", "--data", file, "--server", Address, "--json");

        Assert.Equal((int)ExitCode.RowsRejected, run.ExitCode);
        Assert.Equal((8, 0, 0, 8), Counts(run.Json));
        const string Kinds = "expected one of presented, accepted, declined, converted, complained";
        Assert.Equal(
        [
            $"{file}:2: column 'decision_id': '': expected a decision id",
            $"{file}:3: column 'slot': '0': expected a slot, 1 to 100",
            $"{file}:4: column 'proposition': '': expected the proposition that was in the slot",
            $"{file}:5: column 'kind': 'acepted': {Kinds} (did you mean 'accepted'?)",
            $"{file}:6: column 'kind': '': {Kinds}, or a perceived_value",
            $"{file}:7: column 'perceived_value': '1.5': expected 0 to 1",
            $"{file}:8: column 'time': 'tomorrow': expected an ISO 8601 date and time",
            $"{file}:9: decision 'unknown': no such decision",
        ], run.Error.Split('\n').Where(l => l.StartsWith("rejected: ", StringComparison.Ordinal)).Select(l => l["rejected: ".Length..]));
    }

    [Theory]
    [InlineData("value", "customer,date,revenue\n", "no column 'cost'; found customer, date, revenue")]
    [InlineData("outcome", "decision,proposition,kind\n", "no column 'decision_id'; found decision, proposition, kind")]
    public async Task Any_ColumnMissing_SaysWhich(string command, string header, string message)
        => Assert.EndsWith(message, await CommandRun.Fail(ExitCode.Failure, command, "import", "--data", _folder.Write("x.csv", header), "--server", Address));

    // What was told, each once.
    private sealed class Recorder
    {
        private readonly ConcurrentDictionary<string, int> _seen = new();
        private readonly Lock _lock = new();

        public string[] Seen => [.. _seen.OrderBy(s => s.Value).Select(s => s.Key)];

        public int LargestMessage { get; private set; }

        public bool IsNew(string text) => _seen.TryAdd(text, _seen.Count);

        public void See(IMessage message)
        {
            lock (_lock)
            {
                LargestMessage = Math.Max(LargestMessage, message.CalculateSize());
            }
        }
    }

    private sealed class Models : ModelService.ModelServiceBase
    {
        public override Task<GetModelResponse> GetModel(GetModelRequest request, ServerCallContext context) => Task.FromResult(new GetModelResponse { Model = new Model() });
    }

    private sealed class Values(Recorder recorder) : ValueService.ValueServiceBase
    {
        public override async Task ImportValues(IAsyncStreamReader<ImportValuesRequest> requests, IServerStreamWriter<ImportValuesResponse> responses, ServerCallContext context)
        {
            ImportValuesResponse done = new();
            await foreach (ImportValuesRequest request in requests.ReadAllAsync())
            {
                recorder.See(request);
                ValueBlock block = request.Block;
                done.RejectedValues.Clear();
                for (int i = 0; i < block.IdEnds.Count; i++)
                {
                    string id = At(block.Ids, block.IdEnds, i);
                    string key = block.KeyEnds.Count == 0 ? "" : At(block.Keys, block.KeyEnds, i);
                    if (id == "unknown")
                    {
                        done.RejectedCount++;
                        done.RejectedValues.Add(new RejectedValue { Row = done.RowCount, CustomerId = id, Reason = "no such customer" });
                    }
                    else if (!recorder.IsNew(string.Create(CultureInfo.InvariantCulture, $"{id} {block.Days[i]} {block.Revenues[i]} {block.Costs[i]} {key}")))
                    {
                        done.RepeatedCount++;
                    }
                    done.RowCount++;
                }
                await responses.WriteAsync(done.Clone());
            }
        }

        private static string At(ByteString bytes, IList<uint> ends, int i)
            => Encoding.UTF8.GetString(bytes.Span[(i == 0 ? 0 : (int)ends[i - 1])..(int)ends[i]]);
    }

    private sealed class Outcomes(Recorder recorder) : DecisionService.DecisionServiceBase
    {
        public override async Task StreamOutcomes(IAsyncStreamReader<StreamOutcomesRequest> requests, IServerStreamWriter<StreamOutcomesResponse> responses, ServerCallContext context)
        {
            StreamOutcomesResponse done = new();
            await foreach (StreamOutcomesRequest request in requests.ReadAllAsync())
            {
                done.RejectedOutcomes.Clear();
                foreach (Outcome outcome in request.Outcomes)
                {
                    if (outcome.DecisionId == "unknown")
                    {
                        done.RejectedCount++;
                        done.RejectedOutcomes.Add(new RejectedOutcome { Index = done.OutcomeCount, DecisionId = outcome.DecisionId, Reason = "no such decision" });
                    }
                    else if (!recorder.IsNew(outcome.ToString()))
                    {
                        done.RepeatedCount++;
                    }
                    done.OutcomeCount++;
                }
                await responses.WriteAsync(done.Clone());
            }
        }
    }
}
