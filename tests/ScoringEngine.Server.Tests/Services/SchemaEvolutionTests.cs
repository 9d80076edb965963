using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Server.Services;
using ScoringEngine.Storage;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;
using Feature = ScoringEngine.Core.Features.Feature;
using FeatureKind = ScoringEngine.Core.Features.FeatureKind;

namespace ScoringEngine.Server.Tests.Services;

/// <summary>Models of two schemas serve the same customers, one after the other: whatever was stored is read by either.</summary>
public sealed class SchemaEvolutionTests(TrainedWorkspace trained, SchemaEvolutionTests.Evolved evolved) : IClassFixture<SchemaEvolutionTests.Evolved>, IAsyncLifetime
{
    private const string Renamed = "uses_app";
    private const string Added = "age";

    private readonly CustomerDatabase _database = CustomerDatabase.InMemory(new CustomerStoreOptions { MemoryBytes = 16 << 20 }, trained.Workspace.Schema.Features);
    private ModelHolder? _models;
    private ServiceHost? _host;

    private Protocol.V1.ScoringService.ScoringServiceClient Scoring => new(_host!.Channel);

    private Protocol.V1.CustomerService.CustomerServiceClient Customers => new(_host!.Channel);

    public async ValueTask InitializeAsync()
    {
        _models = new ModelHolder(Before());
        _host = await ServiceHost.StartAsync(
            services =>
            {
                services.AddGrpc(grpc => grpc.Interceptors.Add<FailureInterceptor>());
                services.AddSingleton<FailureInterceptor>();
                services.AddSingleton(OpenGate());
                services.AddSingleton(TimeProvider.System);
                services.AddSingleton(_models);
                services.AddSingleton(_database);
                services.AddSingleton(_ => DecisionLog.Open(new DecisionLogOptions(), _database, TimeProvider.System));
                services.AddSingleton<CustomerRows>();
                services.AddSingleton<AcknowledgedStream>();
                services.AddSingleton<Server.Services.ScoringService>();
                services.AddSingleton<Server.Services.CustomerService>();
            },
            application =>
            {
                application.MapGrpcService<Server.Services.ScoringService>();
                application.MapGrpcService<Server.Services.CustomerService>();
            });
    }

    public async ValueTask DisposeAsync()
    {
        await _host!.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Score_CustomerOfAnEarlierSchema_EqualsTheSameCustomerStoredNow()
    {
        await StoreAsync("old", Usual);
        _models!.Current = After();
        await StoreAsync("new", Category(TrainedWorkspace.Category, "premium"), Flag(Renamed, true), Number(TrainedWorkspace.Number, 55.5));

        CustomerScore score = await ScoreAsync("old");

        Assert.Equal(await ScoreAsync("new"), score);
        Assert.Equal(await ScoreAsync("", Category(TrainedWorkspace.Category, "premium"), Flag(Renamed, true), Number(TrainedWorkspace.Number, 55.5)), score);
        Assert.NotEqual(await ScoreAsync("", Category(TrainedWorkspace.Category, "basic"), Flag(Renamed, true), Number(TrainedWorkspace.Number, 3)), score);
    }

    [Fact]
    public async Task Score_AfterTheWayBack_EqualsTheScoreBefore()
    {
        await StoreAsync("old", Usual);
        CustomerScore before = await ScoreAsync("old");
        _models!.Current = After();
        await StoreAsync("new", Category(TrainedWorkspace.Category, "gold"), Flag(Renamed, true));
        await ScoreAsync("old");

        _models.Current = Before();

        Assert.Equal(before, await ScoreAsync("old"));
        // The category is unknown to this model, and the customer lacks a feature which that one did not have.
        Assert.Equal(Offline(_models.Current, [float.NaN, float.NaN, 1, float.NaN, 0]), await ScoreAsync("new"));
    }

    [Fact]
    public async Task Score_CategoryThatOnlyTheLaterModelKnows_IsMissingFirstAndReadThen()
    {
        await StoreAsync("gold", Number(Required, 24), Category(TrainedWorkspace.Category, "gold"));
        await StoreAsync("none", Number(Required, 24));
        Assert.Equal(await ScoreAsync("none"), await ScoreAsync("gold"));

        _models!.Current = After();

        Assert.Equal(await ScoreAsync("", Category(TrainedWorkspace.Category, "gold")), await ScoreAsync("gold"));
    }

    [Fact]
    public async Task GetCustomer_OfAnEarlierSchema_HasTheNamesOfNow()
    {
        await StoreAsync("old", [.. Usual[..3], Category(TrainedWorkspace.Category, "known to no model")]);
        _models!.Current = After();

        Customer customer = (await Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "old" })).Customer;

        Assert.Equal([Category(TrainedWorkspace.Category, "known to no model"), Flag(Renamed, true), Number(TrainedWorkspace.Number, 55.5)], customer.Features);
        _models.Current = Before();
        customer = (await Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "old" })).Customer;
        Assert.Equal([.. Usual[..3], Category(TrainedWorkspace.Category, "known to no model")], customer.Features);
    }

    [Fact]
    public async Task Writes_UnderTheLaterSchema_HaveItsVersionAndTheStoresCodes()
    {
        _models!.Current = After();

        await StoreAsync("a", Category(TrainedWorkspace.Category, "standard"), Number(Added, 6));
        await StoreAsync("b", Category(TrainedWorkspace.Category, "silver"));

        Assert.Equal(["basic", "standard", "premium", "gold", "silver"], _database.Schemas.CategoriesOf(4).Names.ToArray());
        foreach ((string id, float[] stored) in new[] { ("a", new[] { 1, float.NaN, 6, float.NaN }), ("b", [4, float.NaN, float.NaN, float.NaN]) })
        {
            Record record = default;
            Assert.True(_database.Customers.Read(Encoding.UTF8.GetBytes(id), ref record));
            Assert.Equal(2, record.Version);
            Assert.Equal(stored, record.Features!);
        }
    }

    [Fact]
    public async Task Score_DamagedRecord_IsDataLossAndNotAScore()
    {
        _database.Customers.Upsert("x"u8, [1, 2, 3, 4], new CustomerAttributes(1, SchemaVersion: 9));
        _database.Customers.Upsert("y"u8, [1, 2, 3], new CustomerAttributes(1, SchemaVersion: 1));

        foreach (string id in new[] { "x", "y" })
        {
            (StatusCode code, string reason, _) = await FailureOf(Scoring.ScoreAsync(new ScoreRequest { CustomerId = id }));
            Assert.Equal((StatusCode.DataLoss, "DATA_CORRUPT"), (code, reason));
            (code, reason, _) = await FailureOf(Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id }));
            Assert.Equal((StatusCode.DataLoss, "DATA_CORRUPT"), (code, reason));
        }
    }

    [Fact]
    public void ServedModel_OfAnotherLineage_IsRefused()
    {
        _database.Schemas.Adopt(new FeatureSchema([new Feature { Id = 6, Name = Added, Kind = FeatureKind.Boolean }]));

        InvalidDataException error = Assert.Throws<InvalidDataException>(After);

        Assert.StartsWith("another schema lineage: feature id 6 is numeric 'age' and was boolean 'age'", error.Message, StringComparison.Ordinal);
    }

    private ServedModel Before() => new(trained.Workspace, trained.Models, _database.Schemas);

    private ServedModel After() => new(evolved.Workspace, evolved.Models, _database.Schemas);

    private async Task StoreAsync(string id, params FeatureValue[] features)
        => await Customers.UpsertCustomerAsync(new UpsertCustomerRequest { Customer = new Customer { CustomerId = id, Features = { features } } });

    private static StartGate OpenGate()
    {
        StartGate gate = new();
        gate.Open();
        return gate;
    }

    /// <summary>A score without what differs between a stored customer and the same one as a prospect.</summary>
    private async Task<CustomerScore> ScoreAsync(string id, params FeatureValue[] features)
    {
        CustomerScore score = (await Scoring.ScoreAsync(new ScoreRequest { CustomerId = id, Features = { features }, MaxPropositions = 100 })).Score;
        score.CustomerId = "";
        score.FeatureAge = null;
        return score;
    }

    private static CustomerScore Offline(ServedModel model, float[] row)
    {
        ScoreWork work = model.Rent();
        row.CopyTo(work.Block.Row(0));
        model.Scorer.Score(work.Block, 1);
        return Messages.Score(model, work, 0, "", featureAge: null, propositions: 100, explainFeatures: 0);
    }

    /// <summary>The same workspace later: features removed, renamed, added and reordered, and so are categories.</summary>
    public sealed class Evolved : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("scoring-engine-tests-");

        public Evolved()
        {
            string path = Path.Combine(_folder.FullName, "telco");
            Create(path, Schema, target: true);
            TrainVersion(path, csv => string.Concat(csv.Replace(TrainedWorkspace.Flag, Renamed, StringComparison.Ordinal)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select((line, i) => $"{line},{(i == 0 ? Added : $"{18 + (i % 60)}")}\n")));
            Workspace = Workspace.Load(path);
            Models = ModelPackage.Load(Workspace);
        }

        public static FeatureSchema Schema { get; } = new(
        [
            new Feature { Id = 4, Name = TrainedWorkspace.Category, Kind = FeatureKind.Categorical, Categories = ["premium", "gold", "basic", "standard"] },
            new Feature { Id = 3, Name = Renamed, Kind = FeatureKind.Boolean, Formerly = [TrainedWorkspace.Flag] },
            new Feature { Id = 6, Name = Added, Kind = FeatureKind.Numeric },
            TrainedWorkspace.Schema.Features[1],
            TrainedWorkspace.Schema.Features[4],
        ]);

        public Workspace Workspace { get; }

        public ModelSet Models { get; }

        public void Dispose() => _folder.Delete(recursive: true);
    }

    private struct Record : ICustomerReader
    {
        public int Version { get; private set; }

        public float[]? Features { get; private set; }

        public void Read(in CustomerView customer) => (Version, Features) = (customer.SchemaVersion, customer.Features.ToArray());
    }
}
