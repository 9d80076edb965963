using System.Numerics;
using Grpc.Core;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;
using FeatureKind = ScoringEngine.Core.Features.FeatureKind;

namespace ScoringEngine.Server.Tests.Services;

/// <summary>
/// A server whose models were trained on rows that are known here, for expected profit and for the acceptance of one
/// proposition. The flag is a protected feature.
/// </summary>
public sealed class ExplainedServer(TrainedWorkspace trained) : IAsyncLifetime
{
    private static readonly FeatureSchema ProtectedFlag = new([.. Schema.Features.Select(f => f.Name == TrainedWorkspace.Flag ? f with { Protected = true } : f)]);

    public string Directory { get; } = trained.NewFolder();

    public FeatureMatrix Rows { get; } = TrainingRows();

    public Quantiser Quantiser { get => field ??= Quantiser.Fit(ProtectedFlag, Rows, new QuantiserOptions { IncludeContext = true }); }

    public ObliviousEnsemble Profit
    {
        get => field ??= Train(new SquaredLoss(), r => (3 * Rows[r, 0]) + (Rows[r, 3] == 1 ? 40 * Spend(r) : 0) + (1000 * Rows[r, 2]));
    }

    public ObliviousEnsemble Acceptance { get => field ??= Train(new LogisticLoss(), r => Spend(r) + (20 * Rows[r, 4]) > 40 ? 1 : 0); }

    public ServerFixture Server { get; } = new(trained);

    public async ValueTask InitializeAsync()
    {
        Create(Directory, Profit);
        await Server.StartAsync(Directory);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    /// <summary>Makes a workspace whose newest version has these trees for expected profit.</summary>
    public void Create(string directory, ObliviousEnsemble profit)
    {
        TrainedWorkspace.Create(directory, ProtectedFlag, target: true);
        ModelSet models = TrainVersion(directory);
        PropensityModel acceptance = new(Acceptance, PlattCalibration.Identity, Rows.Rows, Rows.Rows / 2, Rows.Rows, 0.5, 0.1, 10);
        ModelPackage.Write(Workspace.Load(directory), new ModelSet(models.Schema, models.Segments, models.Profiles, Quantiser,
            models.Profit! with { Expected = profit, Upper = profit }, models.Propensities.SetItem("loyalty_discount", acceptance), models.Manifest), Rows, "made by a test");
    }

    /// <summary>A training row as a request has it.</summary>
    public FeatureValue[] Of(int row) => [.. ProtectedFlag.Features.Select((feature, f) => float.IsNaN(Rows[row, f])
        ? new FeatureValue { Name = feature.Name }
        : feature.Kind switch
        {
            FeatureKind.Categorical => Category(feature.Name, feature.Categories[(int)Rows[row, f]]),
            FeatureKind.Boolean => Flag(feature.Name, Rows[row, f] == 1),
            _ => Number(feature.Name, Rows[row, f]),
        })];

    private ObliviousEnsemble Train(Loss loss, Func<int, float> target) => ObliviousTreeTrainer.Train(
        new LabelledRows(Quantiser.Quantise(Rows, threads: 1), Enumerable.Range(0, Rows.Rows).Select(target).ToArray()),
        options: new TreeTrainingOptions { Trees = 20, Depth = 4, Loss = loss, Threads = 1 }).Model;

    private float Spend(int row) => float.IsNaN(Rows[row, 1]) ? 15 : Rows[row, 1];

    private static FeatureMatrix TrainingRows()
    {
        SeededRandom random = new(6);
        FeatureMatrix rows = new(200, Schema.Count);
        for (int r = 0; r < rows.Rows; r++)
        {
            float tenure = random.Next(240);
            float[] row = [tenure, r % 13 == 2 ? float.NaN : random.Next(50) + (tenure / 10), random.Next(2), r % 9 == 1 ? float.NaN : random.Next(3), random.Next(2)];
            row.CopyTo(rows.Row(r));
        }
        return rows;
    }
}

/// <summary>Explanations as a client gets them.</summary>
public sealed class ExplanationTests(ExplainedServer explained, TrainedWorkspace trained) : IClassFixture<ExplainedServer>
{
    [Fact]
    public async Task Score_Explained_GivesShapleyValuesByTheirDefinition()
    {
        foreach (int r in (int[])[0, 17, 101])
        {
            CustomerScore score = await ScoreAsync(explained.Of(r), explain: 100);
            PropositionScore loyalty = score.Propositions.Single(p => p.PropositionId == "loyalty_discount");

            AssertShapley(explained.Profit, r, score.Profit.Explanation);
            AssertShapley(explained.Acceptance, r, loyalty.Propensity.Explanation);
            Assert.Contains(loyalty.Propensity.Explanation.Contributions, c => c.Feature.Name == Context);
        }
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(100u)]
    public async Task Score_Explained_AddsUpToTheFigure(uint features)
    {
        foreach (int r in (int[])[3, 4, 5])
        {
            Explanation profit = (await ScoreAsync(explained.Of(r), features)).Profit.Explanation;

            double figure = (await ScoreAsync(explained.Of(r), explain: 0)).Profit.Expected;
            Assert.Equal(figure, profit.BaseValue + profit.Contributions.Sum(c => c.Contribution) + profit.Other, 1e-9 * Math.Abs(figure));
            Assert.Equal((int)Math.Min(features, 3), profit.Contributions.Count);
            Assert.Equal(profit.Contributions.OrderByDescending(c => Math.Abs(c.Contribution)), profit.Contributions);
        }
    }

    [Fact]
    public async Task Score_NotAskedOrAsked_DiffersInTheExplanationsOnly()
    {
        CustomerScore plain = await ScoreAsync(Usual, explain: 0);
        CustomerScore explained = await ScoreAsync(Usual, explain: 2);

        Assert.Null(plain.Profit.Explanation);
        Assert.All(plain.Propositions, p => Assert.Null(p.Propensity.Explanation));
        explained.Profit.Explanation = null;
        Assert.All(explained.Propositions, p => p.Propensity.Explanation = null);
        Assert.Equal(plain, explained);
    }

    [Fact]
    public async Task Score_Explained_TellsValuesAsTheModelSawThemAndNoProtectedOnes()
    {
        CustomerScore known = await ScoreAsync(Usual, explain: 100);
        CustomerScore unknown = await ScoreAsync(
            [Number(Required, 24), Category(TrainedWorkspace.Category, "gold"), Category(Context, "web")], explain: 100);

        Assert.Equal([Number(TrainedWorkspace.Number, 55.5), Category(TrainedWorkspace.Category, "premium"), Number(Required, 24)], Values(known.Profit.Explanation));
        Assert.Equal([new FeatureValue { Name = TrainedWorkspace.Number }, new FeatureValue { Name = TrainedWorkspace.Category }, Number(Required, 24)],
            Values(unknown.Profit.Explanation));
        Assert.Contains(Category(Context, "web"), Values(unknown.Propositions.Single(p => p.PropositionId == "loyalty_discount").Propensity.Explanation));

        static IEnumerable<FeatureValue> Values(Explanation explanation)
            => explanation.Contributions.Select(c => c.Feature).OrderBy(f => f.Name, StringComparer.Ordinal);
    }

    [Fact]
    public async Task Score_WhatCannotBeExplained_SaysWhyAndNothingElse()
    {
        string directory = trained.NewFolder();
        explained.Create(directory, new ObliviousEnsemble(explained.Profit.Columns, explained.Profit.BaseMargin, explained.Profit.Depths, explained.Profit.SplitColumns, explained.Profit.SplitBins,
            explained.Profit.LeafValues, explained.Profit.ColumnGains));
        await using ServerFixture weightless = new(trained);
        await weightless.StartAsync(directory);

        CustomerScore score = (await weightless.Scoring.ScoreAsync(new ScoreRequest { Features = { Usual }, MaxPropositions = 4, ExplainFeatures = 3 })).Score;

        Dictionary<string, Explanation> explanations = score.Propositions.ToDictionary(p => p.PropositionId, p => p.Propensity.Explanation);
        Assert.Equal(new Explanation { AbsentReason = "the model does not know how many training rows are behind its leaves" }, score.Profit.Explanation);
        Assert.Equal(new Explanation { AbsentReason = "no outcomes: the propensity is the catalogue's, the same for everyone" }, explanations["adviser"]);
        Assert.Equal(new Explanation { AbsentReason = "nothing has to be accepted" }, explanations["online_bill"]);
        Assert.Equal(new Explanation { AbsentReason = "nothing has to be accepted" }, explanations["do_nothing"]);
        Assert.Equal("", explanations["loyalty_discount"].AbsentReason);
        Assert.NotEmpty(explanations["loyalty_discount"].Contributions);
    }

    [Fact]
    public async Task Score_OnlyOnePropositionAskedFor_ExplainsThatOne()
    {
        ScoreRequest request = new() { Features = { Usual }, MaxPropositions = 1, ExplainFeatures = 1 };

        CustomerScore score = (await explained.Server.Scoring.ScoreAsync(request)).Score;

        Assert.Single(score.Propositions);
        Assert.Single(score.Profit.Explanation.Contributions);
    }

    [Fact]
    public async Task BatchScore_SomeExplainedSomeUnknown_AnswersEachAsScoreDoes()
    {
        BatchScoreRequest batch = new();
        for (int i = 0; i < 150; i++)
        {
            batch.Requests.Add(i % 7 == 3 ? new ScoreRequest { CustomerId = "nobody", ExplainFeatures = 5 }
                : new ScoreRequest { Features = { explained.Of(i) }, ExplainFeatures = i % 11 == 5 ? 101 : (uint)(i % 4) });
        }

        BatchScoreResponse response = await explained.Server.Scoring.BatchScoreAsync(batch);

        for (int i = 0; i < batch.Requests.Count; i++)
        {
            StatusCode expected = i % 7 == 3 ? StatusCode.NotFound : i % 11 == 5 ? StatusCode.InvalidArgument : StatusCode.OK;
            Assert.Equal(expected, response.Results[i].Error is { } error ? FailureOf(error).Code : StatusCode.OK);
            if (expected == StatusCode.OK)
            {
                Assert.Equal((await explained.Server.Scoring.ScoreAsync(batch.Requests[i])).Score, response.Results[i].Score);
            }
        }
    }

    [Fact]
    public async Task Score_FirstExplainedByManyAtOnce_GivesEachTheSame()
    {
        await using ServerFixture fresh = new(trained);
        await fresh.StartAsync(explained.Directory);
        ScoreRequest request = new() { Features = { explained.Of(9) }, MaxPropositions = 4, ExplainFeatures = 3 };

        ScoreResponse[] scores = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(async () => await fresh.Scoring.ScoreAsync(request))));

        Assert.All(scores, s => Assert.Equal(scores[0], s));
    }

    private async Task<CustomerScore> ScoreAsync(IEnumerable<FeatureValue> features, uint explain)
        => (await explained.Server.Scoring.ScoreAsync(new ScoreRequest { Features = { features }, MaxPropositions = 4, ExplainFeatures = explain })).Score;

    // Worth of a coalition by its definition: the mean margin over the training rows with its features replaced.
    private void AssertShapley(ObliviousEnsemble model, int row, Explanation explanation)
    {
        FeatureMatrix rows = explained.Rows;
        int features = rows.Columns;
        byte[] bins = new byte[explained.Quantiser.Columns.Length];
        float[] mixed = new float[features];
        double[] worth = new double[1 << features];
        for (int coalition = 0; coalition < worth.Length; coalition++)
        {
            for (int t = 0; t < rows.Rows; t++)
            {
                for (int f = 0; f < features; f++)
                {
                    mixed[f] = rows[(coalition >> f & 1) == 1 ? row : t, f];
                }
                explained.Quantiser.Quantise(mixed, 1, features, bins);
                worth[coalition] += model.Margin(bins) / (double)rows.Rows;
            }
        }
        double tolerance = 1e-5 * worth.Max(Math.Abs);
        Assert.Equal(worth[0], explanation.BaseValue, tolerance);
        Assert.Equal(worth[^1], explanation.BaseValue + explanation.Contributions.Sum(c => c.Contribution) + explanation.Other, tolerance);
        Assert.Equal(0, explanation.Other, tolerance);
        for (int f = 0; f < features; f++)
        {
            double expected = 0;
            for (int coalition = 0; coalition < worth.Length; coalition++)
            {
                if ((coalition >> f & 1) == 0)
                {
                    int size = BitOperations.PopCount((uint)coalition);
                    expected += Factorial(size) * Factorial(features - size - 1) / Factorial(features) * (worth[coalition | (1 << f)] - worth[coalition]);
                }
            }
            double found = explanation.Contributions.SingleOrDefault(c => c.Feature.Name == Schema.Features[f].Name)?.Contribution ?? 0;
            Assert.Equal(expected, found, tolerance);
        }

        static double Factorial(int n) => n <= 1 ? 1 : n * Factorial(n - 1);
    }
}
