using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Services;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;

namespace ScoringEngine.Server.Tests.Services;

public class UpdateMaskTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Upsert_Mask_WritesTheNamedFeaturesAndKeepsTheOthers()
    {
        string id = await server.StoreAsync(Usual);
        server.Time.Now += TimeSpan.FromMinutes(1);

        // One is set, one has no value and becomes missing, one is given and not named.
        UpsertCustomerResponse response = await UpsertAsync(id, ["features.plan", "features.monthly_spend"],
            Category(TrainedWorkspace.Category, "seen first in a mask"), Number(Required, 9));

        Assert.Equal((false, true), (response.Created, response.Sequence > 0));
        Customer customer = (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id })).Customer;
        Assert.Equal([Number(Required, 24), Flag(TrainedWorkspace.Flag, true), Category(TrainedWorkspace.Category, "seen first in a mask")], customer.Features);
        Assert.Equal(server.Time.Now, customer.UpdateTime.ToDateTimeOffset());
    }

    [Theory]
    [InlineData]
    [InlineData("*")]
    [InlineData("features")]
    public async Task Upsert_MaskOfEverything_ReplacesAllFeatures(params string[] paths)
    {
        string id = await server.StoreAsync(Usual);

        await UpsertAsync(id, paths, Number(Required, 3));

        Assert.Equal([Number(Required, 3)], (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id })).Customer.Features);
    }

    [Theory]
    [InlineData("features.tenure_month", "'features.tenure_month', expected features.NAME (did you mean 'features.tenure_months'?)")]
    [InlineData("tenure_months", "'tenure_months', expected features.NAME (did you mean 'features.tenure_months'?)")]
    [InlineData("customer_id", "'customer_id', expected features.NAME")]
    [InlineData("features.", "'features.', expected features.NAME")]
    [InlineData("features.channel", "'channel' is known only in an interaction and is not stored with a customer")]
    public async Task Upsert_PathThatIsNone_IsAViolationWithTheNearestName(string path, string expected)
    {
        string id = await server.StoreAsync(Usual);

        (StatusCode code, _, (string, string)[] violations) = await FailureOf(Upsert(id, ["features.plan", path], allowMissing: false));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal([("update_mask.paths[1]", expected)], violations);
    }

    [Fact]
    public async Task Upsert_MaskMakesARequiredFeatureMissing_IsAViolation()
    {
        string id = await server.StoreAsync(Usual);

        (_, _, (string, string)[] violations) = await FailureOf(Upsert(id, ["features.tenure_months"], allowMissing: false));

        Assert.Equal([("customer.features", "'tenure_months': missing, but a value is required")], violations);
    }

    [Fact]
    public async Task Upsert_MaskForUnknownCustomer_IsNotFoundUnlessAllowed()
    {
        (StatusCode code, string reason, _) = await FailureOf(Upsert("unknown", ["features.plan", "features.tenure_months"], allowMissing: false, Number(Required, 2)));
        (_, _, (string, string)[] violations) = await FailureOf(Upsert("unknown", ["features.plan"], allowMissing: true));
        UpsertCustomerResponse created = await Upsert("unknown", ["features.tenure_months"], allowMissing: true, Number(Required, 2), Number(TrainedWorkspace.Number, 7));

        Assert.Equal((StatusCode.NotFound, Failure.CustomerNotFound), (code, reason));
        Assert.Equal([("update_mask", "'tenure_months': missing, but a value is required of a customer that is not stored yet")], violations);
        Assert.True(created.Created);
        Assert.Equal([Number(Required, 2)], (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "unknown" })).Customer.Features);
    }

    [Fact]
    public async Task Upsert_MaskedFeatureOutOfRange_IsAViolationAndNothingIsWritten()
    {
        string id = await server.StoreAsync(Usual);

        (_, _, (string, string)[] violations) = await FailureOf(Upsert(id, ["features.monthly_spend"], allowMissing: false, Number(TrainedWorkspace.Number, -1)));

        Assert.Equal([("customer.features[0].number", "'monthly_spend': -1, expected at least 0")], violations);
        Assert.Equal(Usual, (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id })).Customer.Features);
    }

    private async Task<UpsertCustomerResponse> UpsertAsync(string id, string[] paths, params FeatureValue[] features) => await Upsert(id, paths, allowMissing: false, features);

    private AsyncUnaryCall<UpsertCustomerResponse> Upsert(string id, string[] paths, bool allowMissing, params FeatureValue[] features)
        => server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest
        {
            Customer = new Customer { CustomerId = id, Features = { features } },
            UpdateMask = new FieldMask { Paths = { paths } },
            AllowMissing = allowMissing,
        });
}
