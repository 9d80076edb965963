using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Models;

[Collection(TrainedSampleTests.Name)]
public sealed class TrainingReportTests(TrainedSample sample) : IDisposable
{
    private readonly ToyWorkspace _toy = new();

    private TrainingReport Report => sample.Result.Report;

    public void Dispose() => _toy.Dispose();

    [Fact]
    public void ToJson_AReport_ReadsBackAsItWas()
    {
        string json = Report.ToJson();
        Assert.Equal(json, TrainingReport.FromJson(json, "report.json").ToJson());
    }

    [Fact]
    public void ToJson_Members_AreInSnakeCaseAndNoNumberIsNone()
    {
        TrainingResult result = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(300)), _toy.Outcomes(ToyWorkspace.OutcomeRows(300)));
        string json = result.Report.ToJson();
        JsonNode report = JsonNode.Parse(json)!;
        Assert.Equal(1, (int)report["format"]!);
        Assert.Null(report["segments"]!["previous_version"]);
        Assert.Equal("revenue - cost", (string)report["profit"]!["target"]!);
        Assert.Equal("average", (string)report["propensities"]![0]!["candidates"]![0]!["method"]!);
        Assert.Null(report["propensities"]![1]!["metrics"]!["log_loss"]);
        Assert.Null(report["profit"]!["drift"]);
        Assert.Equal(300, (int)report["profit"]!["whale_curve"]!["customers"]!);
        Assert.DoesNotContain("NaN", json);
    }

    [Fact]
    public void Report_Profit_AgreesWithItself()
    {
        ProfitReport profit = Report.Profit!;
        Assert.Equal(Report.Data.HeldOutCustomers, profit.Gains.Sum(g => g.Rows));
        Assert.Equal(1, profit.Gains[^1].CumulativeShare, 1e-12);
        Assert.True(profit.Gains[0].MeanActual > profit.Gains[^1].MeanActual);
        Assert.Equal(101, profit.WhaleCurve.Points.Length);
        Assert.Equal((0, profit.WhaleCurve.Total), (profit.WhaleCurve.Points[0], profit.WhaleCurve.Points[^1]));
        Assert.Equal(1, profit.Importance.Sum(i => i.GainShare), 1e-9);
        Assert.Equal(profit.Importance.Select(i => i.Permutation).OrderDescending(), profit.Importance.Select(i => i.Permutation));
        Assert.True(profit.Importance[0].Permutation > 0.05 * profit.Metrics.RootMeanSquaredError);
        Assert.Equal(Report.Data.TrainingCustomers, profit.Distribution.Rows);
    }

    [Fact]
    public void Report_Propensities_HaveTablesOfTheHeldOutOffers()
    {
        PropensityReport[] modelled = [.. Report.Propensities.Where(p => !p.Candidates.IsEmpty)];
        Assert.NotEmpty(modelled);
        Assert.All(modelled, p =>
        {
            Assert.Equal(p.Metrics.HeldOutOffers, p.Calibration.Sum(b => b.Rows));
            Assert.Equal(p.Metrics.HeldOutOffers, p.Gains.Sum(b => b.Rows));
            Assert.Equal(
                p.Metrics.CalibrationError, p.Calibration.Sum(b => b.Rows * Math.Abs(b.MeanPredicted - b.ObservedRate)) / p.Metrics.HeldOutOffers, 1e-9);
            Assert.Equal(6, p.Candidates.Length);
            Assert.NotEmpty(p.Importance);
        });
        Assert.All(Report.Propensities.Where(p => p.Candidates.IsEmpty), p => Assert.Empty(p.Importance));
    }

    [Fact]
    public void Report_SampleCustomers_HaveNoLeakAndNoProtectedFeature()
    {
        Assert.DoesNotContain(Report.Warnings, w => w.Kind is WarningKind.Leak or WarningKind.Drift or WarningKind.Missing);
        FeatureSchema schema = sample.Workspace.Schema.Features;
        Assert.Equal(schema.Features.Where(f => !f.Context && !f.Protected).Select(f => f.Name), Report.Features.Select(f => f.Name));
        Assert.All(Report.Features, f => Assert.InRange(f.ProfitRSquared, -0.1, 0.9));
    }

    [Fact]
    public void Train_FeatureIsTheTarget_IsALeakByName()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(400, Profit));
        for (int i = 0; i < customers.Count; i++)
        {
            customers.Rows[i, 0] = customers.Targets[i];
        }
        TrainingReport report = _toy.Train(customers).Report;
        TrainingWarning leak = Assert.Single(report.Warnings, w => w.Kind == WarningKind.Leak);
        Assert.Equal((WarningSeverity.Warning, "tenure"), (leak.Severity, leak.Subject));
        Assert.StartsWith("feature 'tenure' alone explains 100.0 % of the profit 'revenue - cost' on held-out customers", leak.Message);
        Assert.True(report.Features[0].ProfitRSquared > 0.99);
    }

    [Fact]
    public void Train_FeatureTellsTheOutcome_IsALeakByNameAndProposition()
    {
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(900));
        for (int i = 0; i < outcomes.Count; i++)
        {
            outcomes.Rows[i, 0] = outcomes.Accepted[i] == 1 ? 40 + (i % 9) : i % 2 == 0 ? i % 30 : 90 + (i % 30); // not monotone
        }
        TrainingReport report = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(300, Profit)), outcomes).Report;
        TrainingWarning leak = Assert.Single(report.Warnings, w => w.Kind == WarningKind.Leak);
        Assert.Contains("feature 'tenure' alone tells who accepts proposition 'loyalty_discount'", leak.Message);
        Assert.Equal(("tenure", 1), (report.Propensities[0].StrongestFeature, report.Propensities[0].StrongestAreaUnderCurve));
    }

    [Fact]
    public void Train_FeatureWithoutValuesOrWithOneValue_IsNamed()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(200, Profit));
        for (int i = 0; i < customers.Count; i++)
        {
            (customers.Rows[i, 0], customers.Rows[i, 3]) = (float.NaN, 1);
        }
        TrainingReport report = _toy.Train(customers).Report;
        Assert.Equal(
            [(WarningKind.Missing, "tenure"), (WarningKind.Constant, "plan")], report.Warnings.Select(w => (w.Kind, w.Subject)));
        Assert.Contains("has no value for any of", report.Warnings[0].Message);
        Assert.DoesNotContain(report.Profit!.Importance, i => i.Feature is "tenure" or "plan");
    }

    [Theory]
    [InlineData("0", WarningKind.Constant, "none of 240 offers was accepted")]
    [InlineData("1", WarningKind.Constant, "every one of 240 offers was accepted")]
    [InlineData(null, WarningKind.Evidence, "offers accepted are too few to tell customers apart")]
    public void Train_OutcomesThatTellNothingApart_FallBackToTheRateAndSaySo(string? accepted, WarningKind kind, string message)
    {
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(400, decidedAt: _ => new DateTime(2025, 1, 1)));
        int trained = outcomes.Hashes.Count(h => !ModelTrainer.IsHeldOut(h, new TrainingOptions()));
        for (int i = 0; i < outcomes.Count; i++)
        {
            outcomes.Accepted[i] = accepted is null ? (i % 40 == 0 ? 1 : 0) : accepted == "1" ? 1 : 0;
        }
        TrainingResult result = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(300, Profit)), outcomes);
        TrainingWarning warning = Assert.Single(result.Report.Warnings, w => w.Subject == "loyalty_discount");
        Assert.Equal(kind, warning.Kind);
        Assert.Contains(message.Replace("240", $"{trained}"), warning.Message);
        Assert.Null(result.Models.Propensities["loyalty_discount"].Model);
    }

    [Fact]
    public void Train_CustomersHaveChanged_TellsWhichFeaturesDrifted()
    {
        TrainingResult first = _toy.Train(_toy.Customers(ToyWorkspace.CustomerRows(600, Profit)), _toy.Outcomes(ToyWorkspace.OutcomeRows(600)));
        TrainingReport same = Again(_toy.Customers(ToyWorkspace.CustomerRows(600, Profit)), _toy.Outcomes(ToyWorkspace.OutcomeRows(600)));
        Assert.Empty(same.Warnings);
        Assert.All(same.Features, f => Assert.InRange(f.Drift, 0, 0.05));
        Assert.Equal((0.0, 0.0), (same.Profit!.Drift, same.Propensities[0].Drift));

        CustomerTable changed = _toy.Customers(ToyWorkspace.CustomerRows(600, Profit));
        OutcomeTable outcomes = _toy.Outcomes(ToyWorkspace.OutcomeRows(600));
        for (int i = 0; i < changed.Count; i++)
        {
            changed.Rows[i, 1] += 25;
            changed.Targets[i] *= 2;
            outcomes.Accepted[i] = i % 10 == 0 ? 0 : 1;
        }
        TrainingReport report = Again(changed, outcomes);
        TrainingWarning[] drifts = [.. report.Warnings.Where(w => w.Kind == WarningKind.Drift)];
        Assert.Equal(["spend", "profit", "loyalty_discount"], drifts.Select(w => w.Subject));
        Assert.All(drifts, w => Assert.Equal(WarningSeverity.Warning, w.Severity));
        Assert.StartsWith("feature 'spend' is spread otherwise than in version 0 (stability index ", drifts[0].Message);

        TrainingReport Again(CustomerTable customers, OutcomeTable o) => ModelTrainer.Train(
            _toy.Workspace, customers, o, first.Models, new TrainingOptions(), SyntheticBase.Now, previousReport: first.Report).Report;
    }

    [Fact]
    public void Train_RefittedSegments_CountsWhoMovedWhere()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(600, Profit));
        ModelSet first = _toy.Train(customers).Models;
        TrainingResult second = _toy.Train(customers, previous: first, options: new TrainingOptions { Segments = 5, RefitSegments = true });
        SegmentsReport segments = second.Report.Segments;

        int[] training = [.. Enumerable.Range(0, customers.Count).Where(i => !ModelTrainer.IsHeldOut(customers.Hashes[i], new TrainingOptions()))];
        int[] before = first.Segments.Assign(customers.Rows.Select(training));
        (int, string, int, string, int)[] expected = [.. training
            .Select((row, i) => (From: first.Segments.Segments[before[i]], To: second.Models.Segments.Segments[second.Assignments[row]]))
            .GroupBy(m => (m.From.Id, To: m.To.Id)).Select(g => (g.Key.Id, g.First().From.Name, g.Key.To, g.First().To.Name, g.Count())).Order()];
        Assert.Equal(expected, segments.Moves.Select(m => (m.FromId, m.FromName, m.ToId, m.ToName, m.Customers)).Order());
        Assert.Equal((0, false, 5), (segments.PreviousVersion!.Value, segments.Kept, segments.Segments.Length));
        Assert.True(segments.Inertia > 0);
        Assert.Empty(_toy.Train(customers, previous: first).Report.Segments.Moves);
    }

    [Fact]
    public void Train_PreviousSegmentsUseAFeatureThatIsGone_SaysWhyNobodyMoved()
    {
        string rows = ToyWorkspace.CustomerRows(300, Profit);
        ModelSet first = _toy.Train(_toy.Customers(rows)).Models;
        Feature[] features = [.. ToyWorkspace.Schema.Features];
        Workspace changed = _toy.Create("changed", target: true, new FeatureSchema([features[0], features[2], features[3], features[4]]));
        TrainingReport report = _toy.Train(
            _toy.Customers(rows, changed), previous: first, options: new TrainingOptions { RefitSegments = true, Segments = 3 }, workspace: changed).Report;
        Assert.Contains("they use feature 'spend'", Assert.Single(report.Warnings, w => w.Kind == WarningKind.Segments).Message);
        Assert.Empty(report.Segments.Moves);
    }

    /// <summary>Spend tells half of it.</summary>
    private static (double Revenue, double Cost) Profit(int i) => ((i % 3 * 400) + (i * 7919 % 1009), 40);
}
