using Grpc.Core;
using ScoringEngine.Protocol.V1;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;

namespace ScoringEngine.Server.Tests.Services;

public class RequestIdTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Upsert_SameRequestAgain_GetsTheFirstAnswerAndWritesNothing()
    {
        string request = $"{Guid.NewGuid()}";
        UpsertCustomerResponse first = await UpsertAsync("again", request, 1);
        UpsertCustomerResponse between = await UpsertAsync("again", "another", 2);

        UpsertCustomerResponse repeated = await UpsertAsync("again", request, 1);

        Assert.True(first.Created);
        Assert.Equal(first, repeated);
        Assert.True(between.Sequence > first.Sequence);
        Assert.Equal([Number(Required, 2)], (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "again" })).Customer.Features);
    }

    [Fact]
    public async Task Upsert_SameRequestForAnotherCustomer_IsAnotherRequest()
    {
        await UpsertAsync("one", "the same", 1);

        Assert.True((await UpsertAsync("two", "the same", 1)).Created);
    }

    [Fact]
    public async Task Upsert_SameRequestManyTimesAtOnce_IsWrittenOnce()
    {
        UpsertCustomerResponse[] answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => UpsertAsync("at once", "at once", 1)));

        Assert.True(answers[0].Created);
        Assert.Single(answers.Distinct());
    }

    [Fact]
    public async Task Delete_SameRequestAgain_GetsTheFirstAnswer()
    {
        await UpsertAsync("deleted", "make", 1);
        DeleteCustomerRequest request = new() { CustomerId = "deleted", RequestId = "remove" };
        DeleteCustomerResponse first = await server.Customers.DeleteCustomerAsync(request);
        await UpsertAsync("deleted", "make again", 2);

        Assert.Equal(first, await server.Customers.DeleteCustomerAsync(request));

        Assert.NotEqual(0ul, first.Sequence);
        Assert.Equal("deleted", (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "deleted" })).Customer.CustomerId);
    }

    [Fact]
    public async Task Delete_RequestIdOfAnUpsert_IsAnotherRequest()
    {
        UpsertCustomerResponse written = await UpsertAsync("both", "both", 1);

        DeleteCustomerResponse deleted = await server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = "both", RequestId = "both" });

        Assert.True(deleted.Sequence > written.Sequence);
    }

    [Fact]
    public async Task Delete_UnknownCustomerWithRequestId_IsNotFoundEachTime()
    {
        for (int i = 0; i < 2; i++)
        {
            (StatusCode code, _, _) = await FailureOf(server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = "nobody", RequestId = "r" }));
            Assert.Equal(StatusCode.NotFound, code);
        }
    }

    [Theory]
    [InlineData(65, "65 characters, expected at most 64")]
    [InlineData(0, "not valid UTF-8")]
    public async Task Upsert_RequestIdThatIsNone_IsAViolation(int length, string expected)
    {
        string request = length == 0 ? "\ufffd" : new string('r', length);

        (StatusCode code, _, (string, string)[] violations) = await FailureOf(Upsert("x", request, 1));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal([("request_id", expected)], violations);
    }

    private async Task<UpsertCustomerResponse> UpsertAsync(string id, string request, double tenure) => await Upsert(id, request, tenure);

    private AsyncUnaryCall<UpsertCustomerResponse> Upsert(string id, string request, double tenure) => server.Customers.UpsertCustomerAsync(
        new UpsertCustomerRequest { Customer = new Customer { CustomerId = id, Features = { Number(Required, tenure) } }, RequestId = request });
}
