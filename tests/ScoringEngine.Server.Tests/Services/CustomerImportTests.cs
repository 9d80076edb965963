using System.Text;
using Google.Protobuf;
using Grpc.Core;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Services;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;

namespace ScoringEngine.Server.Tests.Services;

public class CustomerImportTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Import_TwoBlocks_StoresEveryCustomerAndCounts()
    {
        ImportCustomersResponse response = await ImportAsync(
            Block(["a", "bc"], [Required, TrainedWorkspace.Category], [1, 0, 2, 1], ["premium", "new in block"]),
            Block(["bc", "d", "d"], [TrainedWorkspace.Flag, Required], [1, 5, 0, 6, float.NaN, 7]));

        Assert.Equal((5ul, 3ul, 2ul, 0ul), (response.RowCount, response.CreatedCount, response.UpdatedCount, response.RejectedCount));
        Assert.NotEqual(0ul, response.Sequence);
        Assert.Equal([Number(Required, 1), Category(TrainedWorkspace.Category, "premium")], (await GetAsync("a")).Features);
        Assert.Equal([Number(Required, 5), Flag(TrainedWorkspace.Flag, true)], (await GetAsync("bc")).Features);
        Assert.Equal([Number(Required, 7)], (await GetAsync("d")).Features);
        Assert.Equal(server.Time.Now, (await GetAsync("a")).UpdateTime.ToDateTimeOffset());
    }

    [Fact]
    public async Task Import_NoBlocks_DoesNothing() => Assert.Equal(new ImportCustomersResponse(), await ImportAsync());

    [Fact]
    public async Task Import_EmptyBlock_DoesNothing() => Assert.Equal(new ImportCustomersResponse(), await ImportAsync(new CustomerBlock()));

    [Fact]
    public async Task Import_RowsThatCannotBeAccepted_AreRejectedWithRowAndReasonAndTheOthersWritten()
    {
        CustomerBlock bad = Block(
            ["r0", "", new string('l', 129), "r3", "r4", "r5", "r6"],
            [Required, TrainedWorkspace.Flag, TrainedWorkspace.Category],
            [1, 1, 0, 1, 1, 0, 1, 1, 0, float.NaN, 1, 0, float.PositiveInfinity, 1, 0, 1, 2, 0, 1, 0, 1],
            ["basic", new string('c', 257)]);

        ImportCustomersResponse response = await ImportAsync(Block(["first"], [Required], [3]), bad);

        Assert.Equal((2ul, 0ul, 6ul), (response.CreatedCount, response.UpdatedCount, response.RejectedCount));
        Assert.Equal(
        [
            (2ul, "", "", "empty, expected a customer id"),
            (3, new string('l', 128), "", "129 bytes long, expected at most 128"),
            (4, "r3", Required, "missing, but a value is required"),
            (5, "r4", Required, "infinite, expected a finite number"),
            (6, "r5", TrainedWorkspace.Flag, "2, expected 0 or 1"),
            (7, "r6", TrainedWorkspace.Category, "a category of 257 bytes, expected at most 256"),
        ], response.RejectedRows.Select(r => (r.Row, r.CustomerId, r.FeatureName, r.Reason)));
    }

    [Fact]
    public async Task Import_ClientWaitsForEachAcknowledgement_GetsOneForEachBlock()
    {
        using AsyncDuplexStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call = server.Customers.ImportCustomers();
        ulong sequence = 0;
        for (ulong block = 1; block <= 5; block++)
        {
            await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = Block([$"w{block}", ""], [Required], [1, 2]) });

            Assert.True(await call.ResponseStream.MoveNext());

            ImportCustomersResponse acknowledgement = call.ResponseStream.Current;
            Assert.Equal((2 * block, block, block), (acknowledgement.RowCount, acknowledgement.CreatedCount, acknowledgement.RejectedCount));
            Assert.Equal((2 * block) - 1, Assert.Single(acknowledgement.RejectedRows).Row);
            Assert.True(acknowledgement.Sequence > sequence);
            sequence = acknowledgement.Sequence;
        }
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Import_ServerStops_AcknowledgesWhatItTookAndSendsTheClientAway()
    {
        await using ServerFixture other = new(server.Trained);
        await other.InitializeAsync();
        using AsyncDuplexStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call = other.Customers.ImportCustomers();
        await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = Block(["stays"], [Required], [1]) });
        Assert.True(await call.ResponseStream.MoveNext());

        Task stop = other.Server.StopAsync();
        RpcException exception = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        await stop;

        Assert.Equal((StatusCode.Unavailable, Failure.Stopping), (exception.StatusCode, FailureOf(exception.Details()!).Reason));
    }

    [Fact]
    public async Task Import_IdNotUtf8_IsRejected()
    {
        CustomerBlock block = new() { Ids = ByteString.CopyFrom(0x41, 0xff), IdEnds = { 2 }, FeatureNames = { Required }, Values = { 1 } };

        RejectedRow rejected = Assert.Single((await ImportAsync(block)).RejectedRows);

        Assert.Equal(("A\ufffd", "", "not valid UTF-8"), (rejected.CustomerId, rejected.FeatureName, rejected.Reason));
    }

    [Fact]
    public async Task Import_RequiredFeatureNotNamed_RejectsEveryRowAndReportsTheFirstHundred()
    {
        ImportCustomersResponse response = await ImportAsync(Block([.. Enumerable.Range(0, 150).Select(i => $"n{i}")], [], []));

        Assert.Equal(150ul, response.RejectedCount);
        Assert.Equal(100, response.RejectedRows.Count);
        Assert.All(response.RejectedRows, (r, i) => Assert.Equal(((ulong)i, Required), (r.Row, r.FeatureName)));
    }

    [Fact]
    public async Task Import_CategoryOfRejectedRowsOnly_IsNotKept()
    {
        await ImportAsync(Block(["x"], [Required, TrainedWorkspace.Category], [-1, 0], ["of nobody"]));

        Assert.Equal(-1, server.Server.Database.Schemas.CategoriesOf(4).CodeOf("of nobody"));
    }

    public static TheoryData<string, string, string> MalformedBlocks => new()
    {
        { "no block", "blocks[1]", "missing" },
        { "ends descend", "blocks[1].id_ends[1]", "1, expected 2 to 4" },
        { "ends beyond ids", "blocks[1].id_ends[1]", "5, expected 2 to 4" },
        { "huge end", "blocks[1].id_ends[1]", "4294967295, expected 2 to 4" },
        { "ids left over", "blocks[1].id_ends", "the last id ends at 3, expected 4" },
        { "ids without ends", "blocks[1].id_ends", "the last id ends at 0, expected 4" },
        { "value missing", "blocks[1].values", "1 values, expected 2 customers x 1 features" },
        { "unknown feature", "blocks[1].feature_names[0]", "no feature 'tenure_mnths' (did you mean 'tenure_months'?)" },
        { "feature twice", "blocks[1].feature_names[1]", "'tenure_months' is named twice" },
        { "context", "blocks[1].feature_names[0]", "'channel' is known only in an interaction and is not stored with a customer" },
        { "no categories", "blocks[1].categories", "nothing for the categorical feature 'plan'" },
        { "categories twice", "blocks[1].categories[1].feature_name", "'plan' comes twice" },
        { "categories of a number", "blocks[1].categories[0].feature_name", "'tenure_months' is not categorical" },
        { "categories of nothing", "blocks[1].categories[0].feature_name", "'plan' is not among feature_names" },
        { "code too high", "blocks[1].values[1]", "'plan': code 1, expected one of 1 categories" },
        { "code negative", "blocks[1].values[1]", "'plan': code -1, expected one of 1 categories" },
        { "code with a fraction", "blocks[1].values[1]", "'plan': code 0.5, expected one of 1 categories" },
        { "code infinite", "blocks[1].values[1]", "'plan': code Infinity, expected one of 1 categories" },
    };

    [Theory]
    [MemberData(nameof(MalformedBlocks))]
    public async Task Import_MalformedBlock_EndsTheCallAndKeepsTheBlocksBefore(string what, string field, string description)
    {
        CustomerBlock good = Block([$"good {what}"], [Required], [1]);
        CustomerBlock bad = Block([$"aa", "bb"], [Required], [1, 2]);
        string plan = TrainedWorkspace.Category;
        bad = what switch
        {
            "no block" => null!,
            "ends descend" => With(bad, b => b.IdEnds[1] = 1),
            "ends beyond ids" => With(bad, b => b.IdEnds[1] = 5),
            "huge end" => With(bad, b => b.IdEnds[1] = uint.MaxValue),
            "ids left over" => With(bad, b => b.IdEnds[1] = 3),
            "ids without ends" => new CustomerBlock { Ids = bad.Ids },
            "value missing" => With(bad, b => b.Values.RemoveAt(0)),
            "unknown feature" => With(bad, b => b.FeatureNames[0] = "tenure_mnths"),
            "feature twice" => Block(["x"], [Required, Required], [1, 1]),
            "context" => Block(["x"], [Context], [0]),
            "no categories" => Block(["x"], [plan], [0]),
            "categories twice" => With(Block(["x"], [plan], [0], ["basic"]), b => b.Categories.Add(new CategoryNames { FeatureName = plan })),
            "categories of a number" => With(bad, b => b.Categories.Add(new CategoryNames { FeatureName = Required })),
            "categories of nothing" => With(bad, b => b.Categories.Add(new CategoryNames { FeatureName = plan })),
            "code too high" => Block(["x"], [Required, plan], [1, 1], ["basic"]),
            "code negative" => Block(["x"], [Required, plan], [1, -1], ["basic"]),
            "code with a fraction" => Block(["x"], [Required, plan], [1, 0.5f], ["basic"]),
            _ => Block(["x"], [Required, plan], [1, float.PositiveInfinity], ["basic"]),
        };
        using AsyncDuplexStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call = server.Customers.ImportCustomers();
        await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = good });
        await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = bad });

        Assert.True(await call.ResponseStream.MoveNext());
        Assert.Equal((1ul, 1ul), (call.ResponseStream.Current.RowCount, call.ResponseStream.Current.CreatedCount));
        RpcException exception = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());

        (StatusCode code, string reason, (string, string)[] violations) = FailureOf(exception.Details()!);
        Assert.Equal((StatusCode.InvalidArgument, Failure.InvalidRequest), (code, reason));
        Assert.Equal([(field, description)], violations);
        Assert.Equal($"good {what}", (await GetAsync($"good {what}")).CustomerId);
        await Assert.ThrowsAsync<RpcException>(() => GetAsync("aa"));
    }

    [Fact]
    public async Task Import_ClientCancels_TheCallEndsAndIsNoError()
    {
        using CancellationTokenSource cancellation = new();
        using AsyncDuplexStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call = server.Customers.ImportCustomers(cancellationToken: cancellation.Token);
        await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = Block(["cancelled"], [Required], [1]) });
        Assert.True(await call.ResponseStream.MoveNext());
        await cancellation.CancelAsync();

        RpcException exception = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());

        Assert.Equal(StatusCode.Cancelled, exception.StatusCode);
    }

    private async Task<ImportCustomersResponse> ImportAsync(params CustomerBlock[] blocks)
    {
        using AsyncDuplexStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call = server.Customers.ImportCustomers();
        foreach (CustomerBlock block in blocks)
        {
            await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = block });
        }
        await call.RequestStream.CompleteAsync();
        // Acknowledgements count from the start of the call; each tells its own rejected rows.
        ImportCustomersResponse total = new();
        while (await call.ResponseStream.MoveNext())
        {
            Assert.True(call.ResponseStream.Current.RowCount >= total.RowCount);
            total.MergeFrom(call.ResponseStream.Current);
        }
        return total;
    }

    private async Task<Customer> GetAsync(string id)
        => (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id })).Customer;

    private static CustomerBlock Block(string[] ids, string[] features, float[] values, string[]? categories = null)
    {
        CustomerBlock block = new() { Ids = ByteString.CopyFromUtf8(string.Concat(ids)), FeatureNames = { features }, Values = { values } };
        uint end = 0;
        foreach (string id in ids)
        {
            end += (uint)Encoding.UTF8.GetByteCount(id);
            block.IdEnds.Add(end);
        }
        if (categories is not null)
        {
            block.Categories.Add(new CategoryNames { FeatureName = features.First(f => f is TrainedWorkspace.Category or Context), Names = { categories } });
        }
        return block;
    }

    private static CustomerBlock With(CustomerBlock block, Action<CustomerBlock> change)
    {
        change(block);
        return block;
    }
}
