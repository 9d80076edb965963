using Grpc.Core;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Services;
using static ScoringEngine.Server.Tests.ServerFixture;

namespace ScoringEngine.Server.Tests.Services;

public class ModelServiceTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task GetModel_Served_DescribesItInFull()
    {
        Model model = (await server.Models.GetModelAsync(new GetModelRequest())).Model;

        Assert.Equal(("telco", 1u, true), (model.Summary.Name, model.Summary.Version, model.Summary.Active));
        Assert.Equal(TrainedWorkspace.Schema.Hash, model.Summary.SchemaHash);
        Assert.Equal("customer", model.IdColumn);
        Assert.Equal(600ul, model.TrainingCustomerCount);
        Assert.Equal(["adviser", "loyalty_discount", "online_bill"], model.PropositionIds);
        Assert.Equal(TrainedWorkspace.Schema.Features.Select(f => f.Name), model.Features.Select(f => f.Name));
        FeatureDefinition tenure = model.Features[0];
        Assert.Equal((1u, FeatureKind.Numeric, "months", 0f, 480f, true), (tenure.Id, tenure.Kind, tenure.Unit, tenure.Minimum, tenure.Maximum, tenure.Required));
        Assert.False(model.Features[1].HasMaximum);
        Assert.Equal(["basic", "standard", "premium"], model.Features[3].Categories);
        Assert.True(model.Features[4].Context);
        Assert.Equal(3, model.Segments.Count);
        Assert.Equal(1, model.Segments.Sum(s => s.Share), 1e-9);
        Assert.All(model.Segments, s => Assert.Equal(1, s.Tiers.Sum(t => t.Share), 1e-9));
        Assert.All(model.Segments, s => Assert.True(s.HasMeanProfit && s.Description.Length > 0));
        Assert.NotEmpty(model.Metrics);
    }

    [Theory]
    [InlineData("telco", 2u)]
    [InlineData("other", 1u)]
    [InlineData("", uint.MaxValue)]
    public async Task GetModel_None_IsNotFound(string name, uint version)
    {
        (StatusCode code, string reason, _) = await FailureOf(server.Models.GetModelAsync(new GetModelRequest { Name = name, Version = version }));

        Assert.Equal((StatusCode.NotFound, Failure.ModelNotFound), (code, reason));
    }

    [Fact]
    public async Task ListModels_ManyVersions_PagesNewestFirst()
    {
        string directory = server.Trained.NewFolder();
        TrainedWorkspace.Create(directory, TrainedWorkspace.Schema, target: false);
        TrainedWorkspace.TrainVersion(directory);
        Workspace workspace = Workspace.Load(directory);
        foreach (int version in new[] { 2, 3, 4 })
        {
            Directory.CreateDirectory(workspace.VersionDirectory(version));
            foreach (string file in Directory.GetFiles(workspace.VersionDirectory(1)))
            {
                string text = Path.Combine(workspace.VersionDirectory(version), Path.GetFileName(file));
                File.Copy(file, text);
            }
            string manifest = Path.Combine(workspace.VersionDirectory(version), "manifest.json");
            File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"version\": 1", $"\"version\": {version}", StringComparison.Ordinal));
        }
        await using ServerFixture other = new(server.Trained);
        await other.StartAsync(directory);
        File.WriteAllText(Path.Combine(workspace.VersionDirectory(2), "manifest.json"), "{");

        ListModelsResponse first = await other.Models.ListModelsAsync(new ListModelsRequest { PageSize = 3 });
        ListModelsResponse second = await other.Models.ListModelsAsync(new ListModelsRequest { PageSize = 3, PageToken = first.NextPageToken });
        (StatusCode code, string reason, _) = await FailureOf(other.Models.GetModelAsync(new GetModelRequest { Version = 2 }));
        Model loadable = (await other.Models.GetModelAsync(new GetModelRequest { Version = 3 })).Model;

        Assert.Equal([(4u, true), (3, false), (2, false)], first.Models.Select(m => (m.Version, m.Active)));
        Assert.Equal((null, ""), (first.Models[2].CreateTime, first.Models[2].SchemaHash));
        Assert.Equal([1u], second.Models.Select(m => m.Version));
        Assert.Empty(second.NextPageToken);
        Assert.Equal((StatusCode.FailedPrecondition, Failure.ModelUnusable), (code, reason));
        Assert.False(loadable.Summary.Active);
        Assert.All(loadable.Segments, s => Assert.False(s.HasMeanProfit));
    }

    [Fact]
    public async Task AnyMethod_FilesThatCannotBeRead_IsUnavailableForAReasonOfItsOwn()
    {
        string directory = server.Trained.NewFolder();
        TrainedWorkspace.Create(directory, TrainedWorkspace.Schema, target: true);
        TrainedWorkspace.TrainVersion(directory);
        TrainedWorkspace.TrainVersion(directory);
        await using ServerFixture other = new(server.Trained);
        await other.StartAsync(directory);
        (StatusCode, string) expected = (StatusCode.Unavailable, Failure.ModelUnreadable);

        using (File.Open(Path.Combine(directory, "1", "model.pb"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            (StatusCode locked, string lockedReason, _) = await FailureOf(other.Models.GetModelAsync(new GetModelRequest { Version = 1 }));
            Assert.Equal(expected, (locked, lockedReason));
        }
        Model first = (await other.Models.GetModelAsync(new GetModelRequest { Version = 1 })).Model;
        Model again = (await other.Models.GetModelAsync(new GetModelRequest { Version = 1 })).Model;
        Directory.Delete(directory, recursive: true);
        (StatusCode list, string listReason, _) = await FailureOf(other.Models.ListModelsAsync(new ListModelsRequest()));
        (StatusCode get, string getReason, _) = await FailureOf(other.Models.GetModelAsync(new GetModelRequest { Version = 1 }));

        Assert.Equal((1u, false, first), (first.Summary.Version, first.Summary.Active, again));
        Assert.Equal((expected, expected), ((list, listReason), (get, getReason)));
        Assert.Equal(2u, (await other.Models.GetModelAsync(new GetModelRequest())).Model.Summary.Version);
    }

    [Fact]
    public async Task ListModels_WrongPage_ReportsBothViolations()
    {
        (StatusCode code, _, (string, string)[] violations) = await FailureOf(
            server.Models.ListModelsAsync(new ListModelsRequest { PageSize = 1001, PageToken = "yesterday" }));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Equal([("page_size", "1001, expected 0 to 1000"), ("page_token", "'yesterday', expected a next_page_token")], violations);
    }

    [Fact]
    public async Task Score_ModelWithoutProfitTarget_HasNeitherTierNorProfit()
    {
        string directory = server.Trained.NewFolder();
        TrainedWorkspace.Create(directory, TrainedWorkspace.Schema, target: false);
        TrainedWorkspace.TrainVersion(directory);
        await using ServerFixture other = new(server.Trained);
        await other.StartAsync(directory);

        CustomerScore score = (await other.Scoring.ScoreAsync(new ScoreRequest { Features = { Usual } })).Score;

        Assert.Null(score.Profit);
        Assert.Equal(Tier.Unspecified, score.Tier);
        Assert.NotEmpty(score.Propositions);
    }
}
