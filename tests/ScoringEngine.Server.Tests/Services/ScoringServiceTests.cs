using Google.Rpc;
using Grpc.Core;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Server.Services;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;

namespace ScoringEngine.Server.Tests.Services;

public class ScoringServiceTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Score_StoredCustomer_EqualsOfflineScorer()
    {
        string id = await server.StoreAsync(Usual);

        CustomerScore score = await ScoreAsync(new ScoreRequest { CustomerId = id, MaxPropositions = 100 });

        Assert.Equal(Offline(id, [24, 55.5f, 1, 2, 0], 100), score);
        Assert.Equal("telco", score.ModelName);
        Assert.Equal(1u, score.ModelVersion);
        Assert.Equal(4, score.Propositions.Count);
        Assert.Equal("EUR", score.Profit.Currency);
        Assert.Equal("year", score.Profit.Period);
    }

    [Fact]
    public async Task Score_Prospect_EqualsTheStoredCustomerWithoutAge()
    {
        string id = await server.StoreAsync(Usual);
        CustomerScore stored = await ScoreAsync(new ScoreRequest { CustomerId = id });

        CustomerScore prospect = await ScoreAsync(new ScoreRequest { Features = { Usual } });

        Assert.Null(prospect.FeatureAge);
        Assert.Empty(prospect.CustomerId);
        stored.FeatureAge = null;
        stored.CustomerId = "";
        Assert.Equal(stored, prospect);
    }

    [Fact]
    public async Task Score_Overlay_TakesThePlaceOfStoredValuesForThisCallOnly()
    {
        string id = await server.StoreAsync(Usual);
        CustomerScore before = await ScoreAsync(new ScoreRequest { CustomerId = id });

        CustomerScore overlaid = await ScoreAsync(new ScoreRequest
        {
            CustomerId = id,
            Features = { Number(TrainedWorkspace.Number, 3), new FeatureValue { Name = TrainedWorkspace.Category } },
        });

        Assert.Equal(Offline(id, [24, 3, 1, float.NaN, 0], 3), overlaid);
        Assert.Equal(before, await ScoreAsync(new ScoreRequest { CustomerId = id }));
        Assert.NotEqual(before, overlaid);
    }

    [Fact]
    public async Task Score_ContextFeature_ChangesContactCost()
    {
        CustomerScore web = await ScoreAsync(new ScoreRequest { Features = { Usual, Category(Context, "web") }, MaxPropositions = 4 });
        CustomerScore phone = await ScoreAsync(new ScoreRequest { Features = { Usual }, MaxPropositions = 4 });

        Assert.Equal(0.5, web.Propositions.Single(p => p.PropositionId == "loyalty_discount").OrganisationValue.ContactCost);
        Assert.Equal(3, phone.Propositions.Single(p => p.PropositionId == "loyalty_discount").OrganisationValue.ContactCost);
    }

    [Fact]
    public async Task Score_UnknownCategoryInline_IsMissingAndNotKept()
    {
        CustomerScore unknown = await ScoreAsync(new ScoreRequest { Features = { Number(Required, 24), Category(TrainedWorkspace.Category, "gold") } });
        CustomerScore missing = await ScoreAsync(new ScoreRequest { Features = { Number(Required, 24) } });

        Assert.Equal(missing, unknown);
        Assert.Equal(-1, server.Server.Database.Schemas.CategoriesOf(4).CodeOf("gold"));
    }

    [Fact]
    public async Task Score_UnknownCategoryStored_IsMissingForTheModel()
    {
        string id = await server.StoreAsync(Number(Required, 24), Category(TrainedWorkspace.Category, "silver"));

        Assert.Equal(Offline(id, [24, float.NaN, float.NaN, float.NaN, 0], 3), await ScoreAsync(new ScoreRequest { CustomerId = id }));
    }

    [Fact]
    public async Task Score_TimePasses_FeatureAgeGrows()
    {
        string id = await server.StoreAsync(Usual);
        DateTimeOffset stored = server.Time.Now;
        server.Time.Now += new TimeSpan(days: 2, hours: 3, minutes: 0, seconds: 1, milliseconds: 250);

        CustomerScore later = await ScoreAsync(new ScoreRequest { CustomerId = id });
        server.Time.Now = stored - TimeSpan.FromHours(1);
        CustomerScore clockSetBack = await ScoreAsync(new ScoreRequest { CustomerId = id });
        server.Time.Now = stored;

        Assert.Equal(new TimeSpan(days: 2, hours: 3, minutes: 0, seconds: 1, milliseconds: 250), later.FeatureAge.ToTimeSpan());
        Assert.Equal(TimeSpan.Zero, clockSetBack.FeatureAge.ToTimeSpan());
    }

    [Theory]
    [InlineData(0u, 3)]
    [InlineData(1u, 1)]
    [InlineData(4u, 4)]
    [InlineData(100u, 4)]
    public async Task Score_MaxPropositions_GivesThatManyBestFirst(uint maximum, int expected)
    {
        CustomerScore score = await ScoreAsync(new ScoreRequest { Features = { Usual }, MaxPropositions = maximum });

        Assert.Equal(expected, score.Propositions.Count);
        Assert.Equal(score.Propositions.OrderByDescending(p => p.Score), score.Propositions);
    }

    [Fact]
    public async Task Score_Propositions_CarryTheirProvenance()
    {
        CustomerScore score = await ScoreAsync(new ScoreRequest { Features = { Usual }, MaxPropositions = 4 });

        Dictionary<string, Provenance> sources = score.Propositions.ToDictionary(p => p.PropositionId, p => p.Propensity.Provenance);
        Assert.Equal(Provenance.Estimated, sources["loyalty_discount"]);
        Assert.Equal(Provenance.Assumed, sources["adviser"]);
        Assert.Equal(Provenance.Assumed, sources["online_bill"]);
        Assert.Equal(Provenance.Estimated, score.Profit.Provenance);
        Assert.All(score.Propositions, p => Assert.Equal(p.OrganisationValue.Total, p.OrganisationValue.Revenue + p.OrganisationValue.Saving
            + p.OrganisationValue.Differentiation - p.OrganisationValue.FulfilmentCost - p.OrganisationValue.ContactCost, 1e-9));
    }

    [Fact]
    public async Task Score_UnknownCustomer_IsNotFoundWithTheId()
    {
        RpcException exception = await Assert.ThrowsAsync<RpcException>(async () => await ScoreAsync(new ScoreRequest { CustomerId = "nobody" }));

        Assert.Equal(StatusCode.NotFound, exception.StatusCode);
        Assert.Equal("no customer 'nobody'", exception.Status.Detail);
        ResourceInfo resource = exception.Details()!.Details[1].Unpack<ResourceInfo>();
        Assert.Equal("nobody", resource.ResourceName);
        Assert.Equal("scoring.v1.Customer", resource.ResourceType);
        Assert.Equal(Failure.CustomerNotFound, exception.Details()!.Details[0].Unpack<ErrorInfo>().Reason);
    }

    [Fact]
    public async Task Score_ManyThingsWrong_ReportsThemAllAtOnce()
    {
        ScoreRequest request = new()
        {
            CustomerId = new string('x', 129),
            MaxPropositions = 101,
            ExplainFeatures = 101,
            Features =
            {
                Number("tenure_month", 1),
                Number("nothing_like_it", 1),
                Number(Required, -1),
                Number(Required, 5),
                Category(TrainedWorkspace.Number, "much"),
                Number(TrainedWorkspace.Category, 1),
                Number(TrainedWorkspace.Flag, 1),
                Category(Context, ""),
            },
        };

        (StatusCode code, string reason, (string, string)[] violations) = await FailureOf(server.Scoring.ScoreAsync(request));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal(Failure.InvalidRequest, reason);
        Assert.Equal(
        [
            ("max_propositions", "101, expected 0 to 100"),
            ("explain_features", "101, expected 0 to 100"),
            ("customer_id", "129 bytes long, expected at most 128"),
            ("features[0].name", "no feature 'tenure_month' (did you mean 'tenure_months'?)"),
            ("features[1].name", "no feature 'nothing_like_it'"),
            ("features[2].number", "'tenure_months': -1, expected at least 0"),
            ("features[3].name", "'tenure_months' is given twice"),
            ("features[4].category", "'monthly_spend': a category, expected a number"),
            ("features[5].number", "'plan': a number, expected a category"),
            ("features[6].number", "'has_app': a number, expected a flag"),
            ("features[7].category", "'channel': an empty category; without a value the feature is missing"),
        ], violations);
    }

    [Theory]
    [InlineData(double.NaN, "NaN; without a value the feature is missing")]
    [InlineData(double.PositiveInfinity, "infinite, expected a finite number")]
    [InlineData(1e300, "infinite, expected a finite number")]
    [InlineData(481, "481, expected at most 480")]
    public async Task Score_NumberOutOfRange_IsAViolation(double number, string expected)
    {
        (StatusCode code, _, (string, string)[] violations) = await FailureOf(
            server.Scoring.ScoreAsync(new ScoreRequest { Features = { Number(Required, number) } }));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal([("features[0].number", $"'tenure_months': {expected}")], violations);
    }

    [Fact]
    public async Task Score_NothingGiven_IsAViolation()
    {
        (_, _, (string, string)[] violations) = await FailureOf(server.Scoring.ScoreAsync(new ScoreRequest()));

        Assert.Equal([("customer_id", "empty, and there are no features: expected a customer id, or a prospect's features")], violations);
    }

    [Fact]
    public async Task Score_RequiredFeatureMissing_IsAViolation()
    {
        string id = await server.StoreAsync(Usual);

        (_, _, (string, string)[] prospect) = await FailureOf(server.Scoring.ScoreAsync(new ScoreRequest { Features = { Flag(TrainedWorkspace.Flag, true) } }));
        (_, _, (string, string)[] overlay) = await FailureOf(server.Scoring.ScoreAsync(
            new ScoreRequest { CustomerId = id, Features = { new FeatureValue { Name = Required } } }));

        Assert.Equal([("features", "'tenure_months': missing, but a value is required")], prospect);
        Assert.Equal([("features[0].value", "'tenure_months': missing, but a value is required")], overlay);
    }

    [Fact]
    public async Task Score_EndlessNonsense_AnswersWithASmallTrailer()
    {
        ScoreRequest request = new() { Features = { Enumerable.Range(0, 2000).Select(i => Number(new string('é', 1000) + i, 1)) } };

        RpcException exception = await Assert.ThrowsAsync<RpcException>(async () => await server.Scoring.ScoreAsync(request));

        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
        Assert.Equal(20, FailureOf(exception.Details()!).Violations.Length);
        Assert.InRange(exception.Details()!.CalculateSize(), 1000, 5000);
        Assert.InRange(exception.Status.Detail.Length, 10, 500);
    }

    [Fact]
    public async Task BatchScore_GoodAndBad_AnswersEachInOrderWithTheBitsOfScore()
    {
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 150).Select(i => server.StoreAsync(Number(Required, i), Number(TrainedWorkspace.Number, i))));
        BatchScoreRequest request = new();
        for (int i = 0; i < ids.Length; i++)
        {
            request.Requests.Add(new ScoreRequest { CustomerId = i % 7 == 3 ? "nobody" : ids[i], MaxPropositions = i % 11 == 5 ? 101 : (uint)(i % 4) });
        }

        BatchScoreResponse response = await server.Scoring.BatchScoreAsync(request);

        Assert.Equal(ids.Length, response.Results.Count);
        for (int i = 0; i < ids.Length; i++)
        {
            StatusCode expected = i % 11 == 5 ? StatusCode.InvalidArgument : i % 7 == 3 ? StatusCode.NotFound : StatusCode.OK;
            BatchScoreResult result = response.Results[i];
            Assert.Equal(expected, result.Error is null ? StatusCode.OK : FailureOf(result.Error).Code);
            if (expected == StatusCode.OK)
            {
                Assert.Equal(await ScoreAsync(request.Requests[i]), result.Score);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public async Task BatchScore_WrongNumberOfRequests_IsAViolation(int count)
    {
        BatchScoreRequest request = new() { Requests = { Enumerable.Repeat(new ScoreRequest { CustomerId = "x" }, count) } };

        (StatusCode code, _, (string, string)[] violations) = await FailureOf(server.Scoring.BatchScoreAsync(request));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal([("requests", $"{count} requests, expected 1 to 1000")], violations);
    }

    [Fact]
    public async Task BatchScore_AnswerBeyondAMessage_SaysHowManyFit()
    {
        string directory = server.Trained.NewFolder();
        Create(directory, Schema, target: true);
        TrainVersion(directory);
        Core.Workspaces.Workspace workspace = Core.Workspaces.Workspace.Load(directory);
        Core.Propositions.Proposition[] many = [.. Enumerable.Range(0, 60).Select(
            i => workspace.Propositions[1] with { Id = $"adviser_{i}", Name = new string('x', 100) })];
        File.WriteAllText(Path.Combine(directory, "propositions.yaml"), Core.Workspaces.WorkspaceWriter.PropositionsText([.. workspace.Propositions, .. many]));
        await using ServerFixture other = new(server.Trained);
        await other.StartAsync(directory);
        ScoreRequest request = new() { Features = { Usual }, MaxPropositions = 100, ExplainFeatures = 100 };

        (StatusCode code, string reason, (string Field, string Description)[] violations) = await FailureOf(Batch(1000));

        Assert.Equal((StatusCode.InvalidArgument, Failure.InvalidRequest), (code, reason));
        string[] words = Assert.Single(violations).Description.Split(' ');
        int fit = int.Parse(words[Array.IndexOf(words, "most") + 1]);
        Assert.Equal(fit, (await Batch(fit)).Results.Count);
        Assert.Equal($"the answers to {fit + 1} of {fit + 1} requests exceed a message's 4,194,304 bytes: "
            + $"expected at most {fit} such requests, or fewer propositions or features in them", (await FailureOf(Batch(fit + 1))).Violations[0].Description);

        AsyncUnaryCall<BatchScoreResponse> Batch(int count)
            => other.Scoring.BatchScoreAsync(new BatchScoreRequest { Requests = { Enumerable.Repeat(request, count) } });
    }

    [Fact]
    public async Task Score_WhileUpserts_SeesOneVersionOrTheOther()
    {
        string id = await server.StoreAsync(Number(Required, 0), Number(TrainedWorkspace.Number, 0));
        Dictionary<string, CustomerScore> versions = Enumerable.Range(0, 2)
            .Select(v => Offline(id, [100 * v, 100 * v, float.NaN, float.NaN, 0], 3)).ToDictionary(s => s.ToString());
        using CancellationTokenSource enough = new();
        Task writing = Task.Run(async () =>
        {
            for (int i = 0; i < 300; i++)
            {
                await server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest
                {
                    Customer = new Customer { CustomerId = id, Features = { Number(Required, 100 * (i % 2)), Number(TrainedWorkspace.Number, 100 * (i % 2)) } },
                });
            }
            await enough.CancelAsync();
        });
        int scores = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                CustomerScore score = await ScoreAsync(new ScoreRequest { CustomerId = id });
                Assert.Contains(score.ToString(), versions);
                Interlocked.Increment(ref scores);
            }
        })));
        await writing;

        Assert.True(scores > 0);
    }

    [Fact]
    public async Task Score_ManyThreads_EachGetsTheBitsOfItsCustomer()
    {
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => server.StoreAsync(Number(Required, i), Number(TrainedWorkspace.Number, 3 * i))));
        CustomerScore[] expected = [.. ids.Select((id, i) => Offline(id, [i, 3 * i, float.NaN, float.NaN, 0], 3))];

        CustomerScore[] scores = await Task.WhenAll(Enumerable.Range(0, 400).Select(i => ScoreAsync(new ScoreRequest { CustomerId = ids[i % ids.Length] })));

        Assert.All(scores, (score, i) => Assert.Equal(expected[i % ids.Length], score));
    }

    [Fact]
    public async Task Score_DeadlinePassed_IsDeadlineExceeded()
    {
        RpcException exception = await Assert.ThrowsAsync<RpcException>(async () =>
            await server.Scoring.ScoreAsync(new ScoreRequest { Features = { Usual } }, deadline: DateTime.UtcNow.AddSeconds(-1)));

        Assert.Equal(StatusCode.DeadlineExceeded, exception.StatusCode);
    }

    [Theory]
    [InlineData("ScoringService", "Score", "0a01ff", "customer_id", "not valid UTF-8")]
    [InlineData("CustomerService", "GetCustomer", "0a024180", "customer_id", "not valid UTF-8")]
    [InlineData("ScoringService", "Score", "12090a04706c616e1a01ff", "features[0].category", "'plan': not valid UTF-8")]
    public async Task AnyMethod_NameThatIsNotUtf8_IsAViolation(string service, string name, string hex, string field, string description)
    {
        (StatusCode code, _, (string, string)[] violations) = await FailureOf(CallRaw(service, name, hex));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal((field, description), violations[0]);
    }

    [Theory]
    [InlineData("ScoringService", "Score", "0affffffff0f01")]
    [InlineData("ScoringService", "Score", "0a05")]
    [InlineData("CustomerService", "UpsertCustomer", "0affffffff0f01")]
    [InlineData("CustomerService", "ImportCustomers", "ff")]
    public async Task AnyMethod_BytesThatAreNoMessage_IsInvalidArgument(string service, string name, string hex)
    {
        (StatusCode code, string reason, (string, string)[] violations) = await FailureOf(CallRaw(service, name, hex));

        Assert.Equal((StatusCode.InvalidArgument, Failure.InvalidRequest), (code, reason));
        Assert.Equal([("", $"the bytes are no {name}Request")], violations);
    }

    private AsyncUnaryCall<byte[]> CallRaw(string service, string name, string hex)
    {
        Marshaller<byte[]> bytes = Marshallers.Create(b => b, b => b);
        Method<byte[], byte[]> method = new(MethodType.Unary, "scoring.v1." + service, name, bytes, bytes);
        return server.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, Convert.FromHexString(hex));
    }

    private async Task<CustomerScore> ScoreAsync(ScoreRequest request) => (await server.Scoring.ScoreAsync(request)).Score;

    // What the core says about a row, as the message it would be: equal messages mean equal bits.
    private CustomerScore Offline(string id, float[] row, int propositions)
    {
        ServedModel model = server.Trained.Offline();
        ScoreWork work = model.Rent();
        ScoreBlock block = work.Block;
        row.CopyTo(block.Row(0));
        model.Scorer.Score(block, 1);
        return Messages.Score(model, work, 0, id, new Google.Protobuf.WellKnownTypes.Duration(), propositions, explainFeatures: 0);
    }
}
