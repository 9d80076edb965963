using Grpc.Core;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Services;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;

namespace ScoringEngine.Server.Tests.Services;

public class CustomerServiceTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Upsert_NewThenAgain_SaysCreatedAndReplacesAllFeatures()
    {
        Customer customer = new() { CustomerId = "upsert", Features = { Usual } };
        UpsertCustomerResponse first = await UpsertAsync(customer);
        Customer written = await GetAsync("upsert");
        server.Time.Now += TimeSpan.FromMinutes(1);
        UpsertCustomerResponse second = await UpsertAsync(new Customer { CustomerId = "upsert", Features = { Number(Required, 1) } });
        Customer replaced = await GetAsync("upsert");

        Assert.True(first.Created);
        Assert.False(second.Created);
        Assert.Equal(Usual, written.Features);
        Assert.Equal([Number(Required, 1)], replaced.Features);
        Assert.Equal(server.Time.Now, replaced.UpdateTime.ToDateTimeOffset());
    }

    [Fact]
    public async Task Upsert_CategoryTheModelDoesNotKnow_IsKept()
    {
        await UpsertAsync(new Customer { CustomerId = "kept", Features = { Number(Required, 1), Category(TrainedWorkspace.Category, "family ünlimited") } });

        Assert.Equal("family ünlimited", (await GetAsync("kept")).Features[1].Category);
    }

    [Fact]
    public async Task Upsert_ManyThingsWrong_ReportsThemAllAndWritesNothing()
    {
        Customer customer = new()
        {
            Features =
            {
                Category(Context, "web"),
                Number("plan_", 1),
                Category(TrainedWorkspace.Category, "never kept"),
                Number(TrainedWorkspace.Number, -0.5),
            },
        };

        (StatusCode code, string reason, (string, string)[] violations) = await FailureOf(Upsert(customer));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal(Failure.InvalidRequest, reason);
        Assert.Equal(
        [
            ("customer.customer_id", "empty, expected a customer id"),
            ("customer.features[0].name", "'channel' is known only in an interaction and is not stored with a customer"),
            ("customer.features[1].name", "no feature 'plan_' (did you mean 'plan'?)"),
            ("customer.features[3].number", "'monthly_spend': -0.5, expected at least 0"),
            ("customer.features", "'tenure_months': missing, but a value is required"),
        ], violations);
        Assert.Equal(-1, server.Server.Database.Schemas.CategoriesOf(4).CodeOf("never kept"));
    }

    [Fact]
    public async Task Upsert_NoCustomer_IsAViolation()
    {
        (_, _, (string, string)[] violations) = await FailureOf(server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest()));

        Assert.Equal([("customer", "missing")], violations);
    }

    [Fact]
    public async Task Upsert_LongCategory_IsAViolation()
    {
        Customer customer = new() { CustomerId = "x", Features = { Number(Required, 1), Category(TrainedWorkspace.Category, new string('ü', 129)) } };

        (_, _, (string, string)[] violations) = await FailureOf(Upsert(customer));

        Assert.Equal([("customer.features[1].category", "'plan': a category of 258 bytes, expected at most 256")], violations);
    }

    [Theory]
    [InlineData(128)]
    [InlineData(1)]
    public async Task Upsert_IdOfAllowedLength_RoundTrips(int length)
    {
        string id = new('i', length);
        await UpsertAsync(new Customer { CustomerId = id, Features = { Usual } });

        Assert.Equal(id, (await GetAsync(id)).CustomerId);
    }

    [Fact]
    public async Task Delete_StoredCustomer_IsGone()
    {
        string id = await server.StoreAsync(Usual);

        await server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = id });

        (StatusCode read, string reason, _) = await FailureOf(server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id }));
        (StatusCode deleted, _, _) = await FailureOf(server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = id }));
        (StatusCode scored, _, _) = await FailureOf(server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = id }));
        Assert.Equal((StatusCode.NotFound, StatusCode.NotFound, StatusCode.NotFound), (read, deleted, scored));
        Assert.Equal(Failure.CustomerNotFound, reason);
    }

    [Theory]
    [InlineData("", "empty, expected a customer id")]
    [InlineData("129", "129 bytes long, expected at most 128")]
    public async Task GetAndDelete_IdThatIsNone_IsAViolation(string id, string expected)
    {
        id = id.Length == 0 ? id : new string('i', 129);

        (StatusCode code, _, (string, string)[] read) = await FailureOf(server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id }));
        (_, _, (string, string)[] deleted) = await FailureOf(server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = id }));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal([("customer_id", expected)], read);
        Assert.Equal(read, deleted);
    }

    [Fact]
    public async Task Upsert_Defect_IsInternalAndToldToTheLogOnly()
    {
        server.Time.Failure = new ArgumentException("the secret");
        RpcException exception = await Assert.ThrowsAsync<RpcException>(async () => await Upsert(new Customer { CustomerId = "x", Features = { Usual } }));
        server.Time.Failure = null;

        (int eventId, string message) = Assert.Single(server.TakeErrors());
        Assert.Equal(2000, eventId);
        Assert.Contains("the secret", message);
        Assert.Equal(StatusCode.Internal, exception.StatusCode);
        Assert.DoesNotContain("secret", exception.Status.Detail);
        string id = exception.Status.Detail.Split("event ")[1][..12];
        Assert.Contains(id, message);
    }

    [Fact]
    public async Task Upsert_StoreFails_IsUnavailable()
    {
        server.Time.Failure = new IOException("disk on fire");
        (StatusCode code, string reason, _) = await FailureOf(Upsert(new Customer { CustomerId = "x", Features = { Usual } }));
        server.Time.Failure = null;

        Assert.Equal(2001, Assert.Single(server.TakeErrors()).EventId);
        Assert.Equal(StatusCode.Unavailable, code);
        Assert.Equal(Failure.StoreUnavailable, reason);
    }

    [Fact]
    public async Task AnyMethod_MessageAboveTheLimit_IsResourceExhausted()
    {
        RpcException exception = await Assert.ThrowsAsync<RpcException>(
            async () => await Upsert(new Customer { CustomerId = new string('x', 5 << 20) }));

        Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
        server.TakeErrors();
    }

    private AsyncUnaryCall<UpsertCustomerResponse> Upsert(Customer customer)
        => server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest { Customer = customer });

    private async Task<UpsertCustomerResponse> UpsertAsync(Customer customer) => await Upsert(customer);

    private async Task<Customer> GetAsync(string id)
        => (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id })).Customer;
}
