using Google.Protobuf;
using Grpc.Core;
using ScoringEngine.Protocol.V1;
using static ScoringEngine.Server.Tests.ServerFixture;

namespace ScoringEngine.Server.Tests.Services;

public class ValueServiceTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task RecordValues_KnownAndUnknownCustomers_RecordsEachKeyOnce()
    {
        string id = await server.StoreAsync(Usual);
        RealisedValue value = new() { CustomerId = id, Date = "2026-02-28", Revenue = 12.5, Cost = 3 };
        RecordValuesRequest request = new() { Values = { value, new RealisedValue(value) { Key = "other" }, new RealisedValue(value) { CustomerId = "nobody" } } };

        RecordValuesResponse first = await server.Values.RecordValuesAsync(request);
        RecordValuesResponse second = await server.Values.RecordValuesAsync(request);

        Assert.Equal((0u, 2u), (first.RepeatedCount, second.RepeatedCount));
        Assert.Equal([(2ul, "nobody", "no such customer")], first.RejectedValues.Select(r => (r.Row, r.CustomerId, r.Reason)));
    }

    [Fact]
    public async Task RecordValues_WrongFields_NamesThemAllAndRecordsNothing()
    {
        string id = await server.StoreAsync(Usual);
        RealisedValue right = new() { CustomerId = id, Date = "2026-02-27", Revenue = 1 };

        (StatusCode code, _, (string Field, string Description)[] violations) = await FailureOf(server.Values.RecordValuesAsync(new RecordValuesRequest
        {
            Values = { right, new RealisedValue { Date = "27.2.2026", Revenue = double.NaN, Cost = double.PositiveInfinity, Key = new string('k', 129) } },
        }));
        RecordValuesResponse after = await server.Values.RecordValuesAsync(new RecordValuesRequest { Values = { right } });

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal(
        [
            ("values[1].customer_id", "empty, expected a customer id"),
            ("values[1].date", "'27.2.2026', expected a date from 1970-01-01 to 2199-12-31"),
            ("values[1].revenue", "NaN, expected a finite number"),
            ("values[1].cost", "Infinity, expected a finite number"),
            ("values[1].key", "129 bytes long, expected at most 128"),
        ], violations);
        Assert.Equal(0u, after.RepeatedCount);
    }

    [Fact]
    public async Task ImportValues_BlocksWithWrongRows_AcknowledgesAndCounts()
    {
        string id = await server.StoreAsync(Usual);
        using AsyncDuplexStreamingCall<ImportValuesRequest, ImportValuesResponse> call = server.Values.ImportValues(cancellationToken: TestContext.Current.CancellationToken);

        await call.RequestStream.WriteAsync(new ImportValuesRequest { Block = Block((id, 20_000, 1), (id, 20_001, 2), ("nobody", 20_000, 3)) });
        await call.RequestStream.WriteAsync(new ImportValuesRequest { Block = Block((id, 20_000, 1), (id, -1, 2), (id, 20_002, double.NaN)) });
        await call.RequestStream.CompleteAsync();
        List<ImportValuesResponse> answers = await call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);

        Assert.Equal((6ul, 1ul, 3ul), (answers[^1].RowCount, answers[^1].RepeatedCount, answers[^1].RejectedCount));
        Assert.Equal(
        [
            (2ul, "no such customer"), (4ul, "day -1, expected 0 to 84005"), (5ul, "revenue NaN, expected a finite number"),
        ], answers.SelectMany(a => a.RejectedValues).Select(r => (r.Row, r.Reason)));
    }

    [Fact]
    public async Task ImportValues_BlockThatIsNotWellFormed_EndsTheCall()
    {
        using AsyncDuplexStreamingCall<ImportValuesRequest, ImportValuesResponse> call = server.Values.ImportValues(cancellationToken: TestContext.Current.CancellationToken);
        ValueBlock block = Block(("a", 1, 1));
        block.IdEnds[0] = 2;
        block.Costs.Clear();

        await call.RequestStream.WriteAsync(new ImportValuesRequest { Block = block });
        RpcException failed = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));

        Assert.Equal(StatusCode.InvalidArgument, failed.StatusCode);
        Assert.Equal("blocks[0].id_ends[0]: 2, expected 0 to 1; blocks[0].costs: 0 of them, expected 1 as in id_ends", failed.Status.Detail);
    }

    private static ValueBlock Block(params (string Id, int Day, double Revenue)[] rows)
    {
        ValueBlock block = new() { Ids = ByteString.CopyFromUtf8(string.Concat(rows.Select(r => r.Id))) };
        uint end = 0;
        foreach ((string id, int day, double revenue) in rows)
        {
            block.IdEnds.Add(end += (uint)id.Length);
            block.Days.Add(day);
            block.Revenues.Add(revenue);
            block.Costs.Add(0);
        }
        return block;
    }
}
