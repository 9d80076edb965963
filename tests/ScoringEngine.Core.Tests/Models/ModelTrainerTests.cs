using System.Globalization;
using System.Text;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Models;

public sealed class ModelTrainerTests : IDisposable
{
    private readonly ToyWorkspace _toy = new();

    public void Dispose() => _toy.Dispose();

    [Fact]
    public void Train_AnyNumberOfThreads_GivesTheSameBits()
    {
        using SyntheticBase sample = new(5_000);
        CustomerTable customers = sample.Customers();
        OutcomeTable outcomes = sample.Outcomes();
        TrainingResult[] results = [.. new[] { 1, 2, 7 }.Select(threads => ModelTrainer.Train(
            sample.Workspace, customers, outcomes, null, new TrainingOptions { Threads = threads, Segments = 6, Seed = 3 }, SyntheticBase.Now))];
        Assert.All(results, r =>
        {
            Assert.Equal(ModelFormat.ToMessage(results[0].Models), ModelFormat.ToMessage(r.Models));
            Assert.Equal(results[0].Models.Manifest.ToJson(), r.Models.Manifest.ToJson());
            Assert.Equal(results[0].Report.ToJson(), r.Report.ToJson());
            Assert.Equal(results[0].Assignments, r.Assignments);
        });
        Assert.Contains(results[0].Models.Propensities.Values, p => p.Model is not null);
    }

    [Theory]
    [InlineData(ProfitLoss.Poisson)]
    [InlineData(ProfitLoss.Tweedie)]
    public void Train_LossWithLogLink_PredictsMeansAboveZeroThatLoadAgain(ProfitLoss loss)
    {
        ProfitTarget target = new() { Terms = [("revenue", 1)], Loss = loss };
        using ToyWorkspace toy = new(profit: target);
        CustomerTable customers = toy.Customers(ToyWorkspace.CustomerRows(600, i => (i % 3 == 0 ? 0 : (10 * (i % 3)) + (i * 31 % 7), 0)));

        TrainingResult result = toy.Train(customers);

        ModelSet loaded = ModelFormat.FromMessage(ModelFormat.ToMessage(result.Models), result.Models.Manifest);
        Assert.IsType<ExponentialModel>(loaded.Profit!.Expected);
        float[] expected = Onnx.SampleModels.Score(loaded, customers.Rows).Profits;
        Assert.Equal(Onnx.SampleModels.Score(result.Models, customers.Rows).Profits, expected);
        Assert.All(expected, p => Assert.InRange(p, float.Epsilon, 50));
        Assert.InRange(result.Profit!.RSquared, 0.9, 1);
        Assert.InRange(expected.Average(), 0.97 * customers.Targets.Average(), 1.03 * customers.Targets.Average());
    }

    [Fact]
    public void Train_LogLinkAndNegativeTargets_IsRefusedWithTheirNumber()
    {
        ProfitTarget target = new() { Terms = [("revenue", 1), ("cost", -1)], Loss = ProfitLoss.Tweedie };
        using ToyWorkspace toy = new(profit: target);
        CustomerTable customers = toy.Customers(ToyWorkspace.CustomerRows(100, i => (i, i < 3 ? i + 4.5 : 0)));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => toy.Train(customers));
        Assert.Equal("3 customers have a target that cannot be learned with tweedie loss, such as -4.5, expected a finite number of at least 0", error.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Train_FeatureOfManyCategories_IsOrderedByProfitWhereThereIsATarget(bool target)
    {
        FeatureSchema schema = new([
            new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
            new Feature { Id = 2, Name = "town", Kind = FeatureKind.Categorical, Segments = false, Categories = [.. Enumerable.Range(0, 150).Select(i => $"town {i}")] },
        ]);
        using ToyWorkspace toy = new(target, schema);
        StringBuilder csv = new("customer,tenure,town,revenue,cost\n");
        for (int i = 0; i < 3_000; i++)
        {
            int town = i * 7919 % 150;
            csv.Append(CultureInfo.InvariantCulture, $"C{i},{i * 53 % 241},town {town},{(town * 37 % 101) + (i * 31 % 17)},0\n");
        }
        CustomerTable customers = toy.Customers(csv.ToString());
        ModelSet[] models = [.. new[] { 1, 2, 7 }.Select(threads => toy.Train(customers, options: new TrainingOptions { Segments = 3, Threads = threads }).Models)];
        ModelParameters written = ModelFormat.ToMessage(models[0]);

        Assert.All(models, m => Assert.Equal(written, ModelFormat.ToMessage(m)));
        QuantisedColumn[] codes = [.. models[0].Quantiser.Columns.Where(c => !c.BinOfCode.IsEmpty)];
        if (!target)
        {
            Assert.Empty(codes);
            return;
        }
        Assert.Equal(150, Assert.Single(codes).BinOfCode.Length);
        Assert.InRange(models[0].Manifest.Metrics["profit.r2"], 0.9, 1);
        ModelSet loaded = ModelFormat.FromMessage(ModelParameters.Parser.ParseFrom(written.ToByteArray()), models[0].Manifest);
        Assert.Equal(codes[0].BinOfCode, loaded.Quantiser.Columns[^1].BinOfCode);
        Assert.Equal(Onnx.SampleModels.Score(models[0], customers.Rows).Profits, Onnx.SampleModels.Score(loaded, customers.Rows).Profits);
    }

    [Fact]
    public void Train_Trends_HoldForExpectedProfit()
    {
        ProfitTarget target = new() { Terms = [("revenue", 1)], RisesWith = ["spend"], FallsWith = ["tenure"] };
        using ToyWorkspace toy = new(profit: target);
        CustomerTable customers = toy.Customers(ToyWorkspace.CustomerRows(600, i => ((i * 7919 % 101) + (5 * (i * 53 % 241 / 20 % 2)), 0)));
        ModelSet models = toy.Train(customers).Models;
        ModelSet free = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(600, i => ((i * 7919 % 101) + (5 * (i * 53 % 241 / 20 % 2)), 0)))).Models;

        Assert.Equal(0, Violations(models, 1, 1) + Violations(models, 0, -1));
        Assert.NotEqual(0, Violations(free, 1, 1) + Violations(free, 0, -1));

        // Steps against the direction, over a grid of one feature from every 20th customer.
        int Violations(ModelSet of, int feature, int direction)
        {
            int violations = 0;
            for (int i = 0; i < customers.Count; i += 20)
            {
                FeatureMatrix grid = new(240, customers.Rows.Columns);
                for (int r = 0; r < grid.Rows; r++)
                {
                    customers.Rows.Row(i).CopyTo(grid.Row(r));
                    grid[r, feature] = r;
                }
                ScoreBlock block = Onnx.SampleModels.Score(of, grid);
                for (int r = 1; r < grid.Rows; r++)
                {
                    violations += direction * (block.Profits[r] - block.Profits[r - 1]) < 0 ? 1 : 0;
                }
            }
            return violations;
        }
    }

    [Fact]
    public void Train_AnotherSeed_HoldsOutOthers()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(400));
        TrainingResult one = _toy.Train(customers);
        TrainingResult two = _toy.Train(customers, options: new TrainingOptions { Segments = 3, Seed = 2 });
        Assert.NotEqual(ModelFormat.ToMessage(one.Models).Profit, ModelFormat.ToMessage(two.Models).Profit);
        Assert.InRange(one.Customers.HeldOut, 40, 120);
        Assert.Equal(400, one.Customers.HeldOut + one.Customers.Training);
        Assert.Equal(customers.Hashes.Count(h => ModelTrainer.IsHeldOut(h, new TrainingOptions())), one.Customers.HeldOut);
    }

    [Fact]
    public void Train_HeldOutCustomersAreOthersThanTheyWere_LearnsTheSame()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(600));
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(600));
        TrainingResult before = _toy.Train(customers, outcomes);

        for (int i = 0; i < customers.Count; i++)
        {
            if (IsHeldOut(customers.Hashes[i]))
            {
                customers.Targets[i] = 5_000 - customers.Targets[i];
                customers.Rows.Row(i)[..2].Fill(9_999 + i);
            }
        }
        for (int i = 0; i < outcomes.Count; i++)
        {
            if (IsHeldOut(outcomes.Hashes[i]))
            {
                outcomes.Accepted[i] = 1 - outcomes.Accepted[i];
                outcomes.Rows.Row(i)[..2].Fill(-9_999 - i);
            }
        }
        TrainingResult after = _toy.Train(customers, outcomes);

        AssertSameParameters(before, after);
        Assert.True(after.Profit!.RSquared < before.Profit!.RSquared);
        Assert.True(after.Propensities[0].AreaUnderCurve < before.Propensities[0].AreaUnderCurve);
    }

    [Fact]
    public void Train_LaterOutcomesAreOthersThanTheyWere_LearnsTheSame()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(600));
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(600));
        TrainingResult before = _toy.Train(customers, outcomes);
        long cutOff = outcomes.DecidedAt.Order().ElementAt(510);
        int later = 0;
        for (int i = 0; i < outcomes.Count; i++)
        {
            if (outcomes.DecidedAt[i] >= cutOff)
            {
                outcomes.Accepted[i] = 1;
                outcomes.Rows.Row(i)[..2].Fill(1_000 + i);
                later++;
            }
        }
        TrainingResult after = _toy.Train(customers, outcomes);

        Assert.Equal(90, later);
        AssertSameParameters(before, after);
        Assert.InRange(before.Propensities[0].HeldOutOffers, 1, 89);
        int trained = outcomes.Hashes.Zip(outcomes.DecidedAt).Count(o => !IsHeldOut(o.First) && o.Second < cutOff);
        Assert.Equal((trained, trained), (before.Propensities[0].Offers, (int)before.Models.Propensities["loyalty_discount"].Offers));
    }

    [Fact]
    public void Train_MostOutcomesOfOneTime_TrainsOnTheseAndMeasuresOnTheRest()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(400));
        DateTime day = new(2025, 3, 1);
        OutcomeTable twoDays = _toy.Outcomes(ToyWorkspace.OutcomeRows(400, decidedAt: i => i < 380 ? day : day.AddDays(30)));
        PropensityMetrics metrics = _toy.Train(customers, twoDays).Propensities[0];
        Assert.Equal(twoDays.Hashes.Take(380).Count(h => !IsHeldOut(h)), metrics.Offers);
        Assert.Equal(twoDays.Hashes.Skip(380).Count(IsHeldOut), metrics.HeldOutOffers);

        OutcomeTable oneDay = _toy.Outcomes(ToyWorkspace.OutcomeRows(400, decidedAt: _ => day));
        metrics = _toy.Train(customers, oneDay).Propensities[0];
        Assert.Equal(oneDay.Hashes.Count(h => !IsHeldOut(h)), metrics.Offers);
        Assert.Equal(oneDay.Hashes.Count(IsHeldOut), metrics.HeldOutOffers);
        Assert.True(double.IsFinite(metrics.LogLoss));
    }

    [Fact]
    public void Train_WithoutOutcomes_UsesThePriorsAndSaysTheyAreAssumed()
    {
        TrainingResult result = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(100)));
        Assert.Empty(result.Models.Propensities);
        Assert.Equal(["loyalty_discount", "online_bill", "upgrade"], result.Propensities.Select(p => p.PropositionId));
        Assert.All(result.Propensities, p => Assert.Equal((0, 0, 0), (p.Offers, p.Acceptances, p.HeldOutOffers)));

        Scorer scorer = new(result.Models, _toy.Workspace);
        ScoreBlock block = scorer.CreateBlock(1);
        scorer.Clear(block.Row(0));
        scorer.Score(block, 1);
        Assert.Equal((0.25f, 0.125f), (block.PropensitiesOf(0)[0], block.PropensitiesOf(0)[2]));
        Assert.All(Enumerable.Range(0, 3), a => Assert.Equal(Provenance.Assumed, scorer.PropensityProvenance(a)));
    }

    [Fact]
    public void Train_NoOutcomeOfAProposition_LeavesItsPriorOnly()
    {
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(300, "upgrade"));
        TrainingResult result = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(300)), outcomes);
        Assert.Equal(["upgrade"], result.Models.Propensities.Keys);
        Scorer scorer = new(result.Models, _toy.Workspace);
        Assert.Equal(
            [Provenance.Assumed, Provenance.Assumed, Provenance.Estimated], Enumerable.Range(0, 3).Select(scorer.PropensityProvenance));
    }

    [Fact]
    public void Train_OffersOfAPropositionThatNeedsNoAcceptance_AreNotLearnedFrom()
    {
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(300, "online_bill"));
        Assert.Empty(_toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(300)), outcomes).Models.Propensities);
    }

    [Fact]
    public void Train_OffersThatWereNotPresented_AreNotLearnedFrom()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(300));
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(300));
        Array.Fill(outcomes.Presented, false);
        Assert.Empty(_toy.Train(customers, outcomes).Models.Propensities);
        Assert.Empty(_toy.Train(customers, _toy.Outcomes(ToyWorkspace.OutcomeHeader)).Models.Propensities);
    }

    [Fact]
    public void Train_WithoutTarget_HasNoProfitAnywhere()
    {
        Workspace workspace = _toy.Create("untargeted", target: false, ToyWorkspace.Schema);
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(100), workspace);
        TrainingResult result = _toy.Train(customers, workspace: workspace);
        Assert.Null(result.Models.Profit);
        Assert.Null(result.Profit);
        Assert.Null(result.WhaleCurve);
        Assert.All(result.Models.Profiles, p => Assert.True(double.IsNaN(p.MeanProfit) && p.TierShares.IsEmpty));
        Assert.DoesNotContain(result.Models.Manifest.Metrics.Keys, k => k.StartsWith("profit", StringComparison.Ordinal));

        ModelSet loaded = ModelPackage.Write(workspace, result.Models, result.GoldenRows, "");
        Scorer scorer = new(loaded, workspace);
        ScoreBlock block = scorer.CreateBlock(2);
        scorer.Score(block, 2);
        Assert.All(block.Profits.Concat(block.Potentials), v => Assert.True(float.IsNaN(v)));
    }

    [Fact]
    public void Train_WithAPreviousVersion_KeepsItsSegmentsAndCountsAnew()
    {
        ModelSet first = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(300))).Models;
        CustomerTable others = _toy.Customers(ToyWorkspace.CustomerRows(900, i => (i % 50, 3)));
        TrainingResult second = _toy.Train(others, previous: first, options: new TrainingOptions { Seed = 9 });
        Assert.Null(second.Segmentation);
        Assert.Equal(first.Segments.Centroids, second.Models.Segments.Centroids);
        Assert.Equal(first.Segments.NextId, second.Models.Segments.NextId);
        Assert.Equal(
            first.Segments.Segments.Select(s => (s.Id, s.Name, s.Description)), second.Models.Segments.Segments.Select(s => (s.Id, s.Name, s.Description)));
        Assert.Equal(900, second.Models.Segments.Segments.Sum(s => s.Size));
        Assert.Equal(1, second.Models.Segments.Segments.Sum(s => s.Share), 1e-12);
        Assert.Equal(second.Assignments, first.Segments.Assign(others.Rows));
    }

    [Fact]
    public void Train_RefitOfTheSameCustomers_FindsTheSegmentsAgainUnderTheirIds()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(600));
        ModelSet first = _toy.Train(customers).Models;
        TrainingResult second = _toy.Train(customers, previous: first, options: new TrainingOptions { Segments = 3, RefitSegments = true, Seed = 4 });
        Assert.All(second.Segmentation!.Matching!.Matches, m => Assert.True(m.Kept));
        Assert.Equal(first.Segments.Segments.Select(s => s.Id).Order(), second.Models.Segments.Segments.Select(s => s.Id).Order());
        Assert.Equal(first.Segments.NextId, second.Models.Segments.NextId);

        TrainingResult five = _toy.Train(customers, previous: first, options: new TrainingOptions { Segments = 5, RefitSegments = true });
        Assert.All(five.Models.Segments.Segments.Where(s => s.Id >= first.Segments.NextId), s => Assert.InRange(s.Id, 4, five.Models.Segments.NextId - 1));
        Assert.Equal(5, five.Models.Segments.Segments.Select(s => s.Id).Distinct().Count());
    }

    [Fact]
    public void Train_PreviousVersionOfAnOlderSchema_KeepsItsSegmentsByFeatureAndCategory()
    {
        string rows = ToyWorkspace.CustomerRows(300);
        ModelSet first = _toy.Train(_toy.Customers(rows)).Models;

        // A feature more in front, others in another place, a category more in front: ids and names still tell which is which.
        Feature[] old = [.. ToyWorkspace.Schema.Features];
        Workspace grown = _toy.Create("grown", target: true, new FeatureSchema(
        [
            new Feature { Id = 9, Name = "extra", Kind = FeatureKind.Numeric }, old[3] with { Categories = ["gold", .. old[3].Categories] }, old[1], old[0], old[2], old[4],
        ]));
        string[] lines = rows.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string grownRows = string.Join('\n', lines.Select((l, i) => l + (i == 0 ? ",extra" : $",{i % 9}")));
        TrainingResult second = _toy.Train(_toy.Customers(grownRows, grown), previous: first, options: new TrainingOptions(), workspace: grown);

        Assert.Empty(_toy.Rejections);
        Assert.Equal(_toy.Train(_toy.Customers(rows), previous: first).Assignments, second.Assignments);
        Assert.Equal(first.Segments.Segments.Select(s => s.Id), second.Models.Segments.Segments.Select(s => s.Id));
        Assert.Equal(1, ModelPackage.Write(grown, second.Models, second.GoldenRows, "").Manifest.Version);
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("protected")]
    [InlineData("kind")]
    [InlineData("category")]
    public void Train_PreviousSegmentsUseAFeatureThatIsNoMore_AsksForNewOnesWhichGetNewIds(string change)
    {
        string rows = ToyWorkspace.CustomerRows(300);
        ModelSet first = _toy.Train(_toy.Customers(rows)).Models;
        Feature[] features = [.. ToyWorkspace.Schema.Features];
        Workspace changed = _toy.Create("changed", target: true, new FeatureSchema(change switch
        {
            "gone" => [features[0], features[2], features[3], features[4]],
            "protected" => [features[0], features[1] with { Protected = true }, features[2], features[3], features[4]],
            "kind" => [features[0], features[1], features[2] with { Kind = FeatureKind.Numeric }, features[3], features[4]],
            _ => [features[0], features[1], features[2], features[3] with { Categories = ["basic", "plus"] }, features[4]],
        }));
        CustomerTable customers = _toy.Customers(rows, changed);

        InvalidDataException e = Assert.Throws<InvalidDataException>(() => _toy.Train(customers, previous: first, workspace: changed));
        string feature = change switch { "kind" => "app", "category" => "plan", _ => "spend" };
        Assert.Contains($"cannot be kept: they use feature '{feature}'", e.Message);

        SegmentModel refitted = _toy.Train(
            customers, previous: first, options: new TrainingOptions { RefitSegments = true, Segments = 3 }, workspace: changed).Models.Segments;
        Assert.Equal([4, 5, 6], refitted.Segments.Select(s => s.Id));
        Assert.Equal(7, refitted.NextId);
    }

    [Fact]
    public void Train_TooFewCustomers_SaysHowMany()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(19));
        Assert.Equal("19 customers, expected at least 20 to train on", Assert.Throws<InvalidDataException>(() => _toy.Train(customers)).Message);
    }

    [Fact]
    public void Train_FewCustomers_TrainsOrSaysWhyNot()
    {
        int trained = 0;
        for (int count = 20; count <= 60; count += 8)
        {
            CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(count));
            foreach (int? segments in new int?[] { null, 1, 4 })
            {
                for (int seed = 1; seed <= 3; seed++)
                {
                    try
                    {
                        TrainingResult result = _toy.Train(customers, _toy.Outcomes(ToyWorkspace.OutcomeRows(count)), options: new TrainingOptions { Segments = segments, Seed = seed });
                        AssertUsable(result);
                        trained++;
                    }
                    catch (InvalidDataException e)
                    {
                        Assert.NotEmpty(e.Message);
                    }
                }
            }
        }
        Assert.True(trained > 35, $"{trained} of 54");
    }

    [Fact]
    public void Train_MoreSegmentsThanCustomersDiffer_SaysSo()
    {
        string csv = ToyWorkspace.CustomerHeader + string.Concat(Enumerable.Range(0, 50).Select(i => $"C{i},{i % 2},5,1,basic,{i},1\n"));
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => _toy.Train(_toy.Customers(csv)));
        Assert.StartsWith("segments: ", e.Message);
        csv = ToyWorkspace.CustomerHeader + string.Concat(Enumerable.Range(0, 50).Select(i => $"C{i},1,5,1,basic,{i},1\n"));
        e = Assert.Throws<InvalidDataException>(() => _toy.Train(_toy.Customers(csv)));
        Assert.StartsWith("segments: no segment feature varies", e.Message);
    }

    [Theory]
    [InlineData(250, 0, "is 250 for all 200 customers")]
    [InlineData(0, 0, "is 0 for all 200 customers")]
    [InlineData(0, 75, "is -75 for all 200 customers")]
    public void Train_ConstantTarget_IsRefused(double revenue, double cost, string message)
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(200, _ => (revenue, cost)));
        Assert.StartsWith($"the target 'revenue - cost' {message}", Assert.Throws<InvalidDataException>(() => _toy.Train(customers)).Message);
    }

    [Fact]
    public void Train_MoreSegmentsThanTrainingCustomers_SaysSo()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(60));
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => _toy.Train(customers, options: new TrainingOptions { Segments = 100 }));
        Assert.Matches("^segments: 100 asked for, but there are only [45][0-9] customers to train on$", e.Message);
    }

    [Theory]
    [InlineData(1e6)]
    [InlineData(1e12)]
    [InlineData(1e18)]
    [InlineData(1e30)]
    [InlineData(3e38)]
    public void Train_HeavyTails_GivesFiniteScores(double largest)
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(400, i => (i % 97 == 5 ? largest / (1 + i) : i % 30, i % 89 == 3 ? largest / (2 + i) : i % 7)));
        for (int i = 0; i < customers.Count; i += 41)
        {
            customers.Rows.Row(i)[1] = (float)(largest / (1 + i));
        }
        TrainingResult result = _toy.Train(customers);
        AssertUsable(result);
        ModelPackage.Write(_toy.Workspace, result.Models, result.GoldenRows, "");
    }

    [Fact]
    public void Train_AllValuesOfAFeatureMissing_IgnoresIt()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(200));
        for (int i = 0; i < customers.Count; i++)
        {
            customers.Rows.Row(i)[0] = float.NaN;
            customers.Rows.Row(i)[3] = float.NaN;
        }
        AssertUsable(_toy.Train(customers));
    }

    [Fact]
    public void Train_PolicyStatesTiers_UsesThem()
    {
        TierBounds bounds = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(200))).Models.Profit!.Tiers;
        Assert.True(bounds.MarginalBand > 0 && bounds.CreatorsThreshold > bounds.MarginalBand);

        string policy = Path.Combine(_toy.Workspace.Directory, "policy.yaml");
        File.WriteAllText(policy, WorkspaceWriter.PolicyText(new Policy { MarginalBand = 12.5, CreatorsThreshold = 99 }));
        Workspace stated = Workspace.Load(_toy.Workspace.Directory);
        Assert.Equal(new TierBounds(12.5, 99), _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(200)), workspace: stated).Models.Profit!.Tiers);
    }

    [Fact]
    public void Train_Segments_AreProfiledByTheirCustomers()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(300));
        TrainingResult result = _toy.Train(customers);
        for (int s = 0; s < 3; s++)
        {
            int[] rows = [.. Enumerable.Range(0, customers.Count).Where(i => result.Assignments[i] == s)];
            Assert.Equal(rows.Length, result.Models.Segments.Segments[s].Size);
            Assert.Equal(rows.Average(i => (double)customers.Targets[i]), result.Models.Profiles[s].MeanProfit, 1e-9);
            Assert.Equal(1, result.Models.Profiles[s].TierShares.Sum(), 1e-12);
        }
    }

    [Fact]
    public void Train_Cancelled_Stops()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(200));
        Assert.ThrowsAny<OperationCanceledException>(() => ModelTrainer.Train(
            _toy.Workspace, customers, null, null, new TrainingOptions(), SyntheticBase.Now, cancellation: new CancellationToken(canceled: true)));
    }

    [Theory]
    [InlineData(0, 0.2, 0.85, 0)]
    [InlineData(3, 0.04, 0.85, 0)]
    [InlineData(3, double.NaN, 0.85, 0)]
    [InlineData(3, 0.2, 0.96, 0)]
    [InlineData(3, 0.2, 0.85, -1)]
    public void Train_OptionOutOfRange_IsRefused(int segments, double holdOut, double time, int threads)
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(20));
        Assert.Throws<ArgumentOutOfRangeException>(() => _toy.Train(
            customers, options: new TrainingOptions { Segments = segments, HoldOutShare = holdOut, TimeShare = time, Threads = threads }));
    }

    private static bool IsHeldOut(ulong hash) => ModelTrainer.IsHeldOut(hash, new TrainingOptions());

    // Everything but what is counted over all customers, held-out ones included.
    private static void AssertSameParameters(TrainingResult expected, TrainingResult actual)
    {
        ModelParameters a = ModelFormat.ToMessage(expected.Models);
        ModelParameters b = ModelFormat.ToMessage(actual.Models);
        foreach (ScoringEngine.Core.Models.Format.SegmentText segment in a.Segments.Segments.Concat(b.Segments.Segments))
        {
            (segment.Size, segment.Share, segment.MeanProfit) = (0, 0, 0);
            segment.TierShares.Clear();
        }
        Assert.Equal(a, b);
    }

    private static void AssertUsable(TrainingResult result)
    {
        ModelSet models = result.Models;
        Scorer scorer = new(models, models.Propensities.Keys.Select(id => (id, 0.5)));
        ScoreBlock block = scorer.CreateBlock(result.GoldenRows.Rows);
        for (int r = 0; r < block.Capacity; r++)
        {
            result.GoldenRows.Row(r).CopyTo(block.Row(r));
        }
        scorer.Score(block, block.Capacity);
        Assert.All(block.Profits.Concat(block.Potentials), v => Assert.True(float.IsFinite(v), $"{v}"));
        Assert.All(block.Propensities, v => Assert.InRange(v, 0, 1));
        Assert.True(models.Profit!.Tiers.MarginalBand >= 0 && models.Profit.Tiers.CreatorsThreshold > models.Profit.Tiers.MarginalBand);
    }
}
