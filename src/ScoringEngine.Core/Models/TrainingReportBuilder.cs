using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Models;

/// <summary>
/// Measures what <see cref="ModelTrainer"/> trained and checks what it was trained on: the parts of a
/// <see cref="TrainingReport"/>, and its warnings as they are found.
/// </summary>
internal sealed class TrainingReportBuilder(FeatureSchema schema, Quantiser quantiser, TrainingReport? previous, int? previousVersion, long seed)
{
    private const int ImportanceRows = 5_000;
    private const int ImportanceRepeats = 3;
    private const int WhaleCurvePoints = 101;
    private const int LeastOutcomes = 10;
    private const double LeakRSquared = 0.95;
    private const double LeakAreaUnderCurve = 0.98;
    private const double DriftNoted = 0.1;
    private const double DriftWarned = 0.25;

    private readonly List<TrainingWarning> _warnings = [];

    /// <summary>What was found so far.</summary>
    public ImmutableArray<TrainingWarning> Warnings => [.. _warnings];

    /// <summary>The segments; <paramref name="obstacle"/> is why they could not be compared with the previous ones, or null.</summary>
    public SegmentsReport Segments(SegmentModel segments, ImmutableArray<SegmentProfile> profiles, SegmentTraining? training, SegmentModel? old, string? obstacle)
    {
        if (obstacle is not null)
        {
            Warn(WarningSeverity.Note, WarningKind.Segments, "segments",
                $"the new segments could not be compared with those of version {previousVersion}: {obstacle}; all have new ids");
        }
        Dictionary<int, string> names = segments.Segments.ToDictionary(s => s.Id, s => s.Name);
        Dictionary<int, string> oldNames = old?.Segments.ToDictionary(s => s.Id, s => s.Name) ?? [];
        return new SegmentsReport(
            previousVersion, training is null, training?.Inertia ?? double.NaN, training?.Candidates ?? [],
            [.. segments.Segments.Select((s, i) => new SegmentReport(s.Id, s.Name, s.Description, s.Size, s.Share, profiles[i].MeanProfit, profiles[i].TierShares))],
            training?.Matching?.Matches ?? [], training?.Matching?.RetiredIds ?? [],
            [.. (training?.Matching?.Moves ?? []).Select(m => new SegmentMoveReport(m.FromId, oldNames[m.FromId], m.ToId, names[m.ToId], m.Rows))]);
    }

    /// <summary>How each customer feature's values spread over the training customers, and what it alone tells about profit.</summary>
    public ImmutableArray<FeatureReport> Features(CustomerTable customers, int[] training, int[] heldOut, ProfitTarget? target)
    {
        Dictionary<int, double> alone = target is null ? [] : SingleFeature.All(schema, quantiser).Where(f => f.Feature < schema.CustomerCount)
            .ToDictionary(f => f.Feature, f => f.Model.RSquared(customers.Rows, customers.Targets, training, heldOut));
        ImmutableArray<FeatureReport>.Builder reports = ImmutableArray.CreateBuilder<FeatureReport>();
        for (int f = 0; f < schema.CustomerCount; f++)
        {
            Feature feature = schema.Features[f];
            if (!feature.IsModelInput)
            {
                continue;
            }
            float[] values = [.. training.Select(row => customers.Rows[row, f])];
            Distribution distribution = Distribution.Of(feature, values);
            Distribution? earlier = previous?.Features.FirstOrDefault(p => p.Id == feature.Id)?.Distribution;
            double drift = Drift(feature.Name, $"feature '{feature.Name}'", earlier, e => Distribution.Of(feature, values, e));
            if (distribution.Missing == 1)
            {
                Warn(WarningSeverity.Warning, WarningKind.Missing, feature.Name,
                    $"feature '{feature.Name}' has no value for any of {training.Length} training customers and is left out; mend the file or take it out of schema.yaml");
            }
            else if (distribution.IsConstant)
            {
                Warn(WarningSeverity.Warning, WarningKind.Constant, feature.Name,
                    $"feature '{feature.Name}' has the same value for all {training.Length} training customers and is left out; mend the file or take it out of schema.yaml");
            }
            double rSquared = alone.GetValueOrDefault(f, double.NaN);
            if (rSquared > LeakRSquared)
            {
                Leak(feature.Name, string.Create(CultureInfo.InvariantCulture,
                    $"explains {rSquared * 100:0.0} % of the {(target!.Proxy ? "proxy of profit" : "profit")} '{target}' on held-out customers"));
            }
            reports.Add(new FeatureReport(feature.Id, feature.Name, distribution, drift, rSquared));
        }
        return reports.ToImmutable();
    }

    /// <summary>How profit is predicted.</summary>
    public ProfitReport Profit(ProfitModel model, ProfitMetrics metrics, string currency, WhaleCurve curve, CustomerTable customers, float[] expected, int[] training, int[] heldOut)
    {
        float[] targets = [.. training.Select(row => customers.Targets[row])];
        float[] actual = [.. heldOut.Select(row => customers.Targets[row])];
        float[] predicted = [.. heldOut.Select(row => expected[row])];
        Distribution? earlier = previous?.Profit is { } p && (p.Target, p.Period) == (model.Target.ToString(), model.Target.Period) ? p.Distribution : null;
        double drift = Drift("profit", $"the target '{model.Target}'", earlier, e => Distribution.OfNumbers(targets, e.Thresholds));
        return new ProfitReport(
            model.Target.ToString(), model.Target.Period, model.Target.Proxy, currency, metrics, model.Tiers, GainsTable.Of(actual, predicted),
            new WhaleCurveReport(curve.Customers, curve.Total, curve.Peak, curve.PeakCustomers,
                [.. Enumerable.Range(0, WhaleCurvePoints).Select(i => curve.At(i / (WhaleCurvePoints - 1.0)))]),
            Importance(model.Expected, customers.Rows, heldOut, (rows, held) => RegressionMetrics.RootMeanSquaredError(
                [.. held.Select(row => customers.Targets[row])], model.Expected.Predict(quantiser, rows))),
            Distribution.OfNumbers(targets), drift);
    }

    /// <summary>How acceptance of a proposition is predicted; all but the proposition is empty where there is no training.</summary>
    public PropensityReport Propensity(Proposition proposition, OutcomeTable? outcomes, int[] training, int[] heldOut, PropensityTraining? trained)
    {
        if (outcomes is null || trained is null)
        {
            PropensityMetrics none = new(proposition.Id, 0, 0, heldOut.Length, double.NaN, double.NaN, double.NaN, double.NaN);
            return new PropensityReport(none, double.NaN, proposition.PriorPropensity,
                proposition.NeedsAcceptance ? "no offers: the catalogue's rate" : "nothing has to be accepted", [], [], [], [], null, double.NaN, double.NaN);
        }
        PropensityModel model = trained.Model;
        float[] actual = [.. heldOut.Select(row => outcomes.Accepted[row])];
        float[] predicted = model.Predict(quantiser, outcomes.Rows.Select(heldOut));
        float[] rate = [.. actual.Select(_ => (float)model.Rate)];
        PropensityMetrics metrics = new(
            proposition.Id, training.Length, (int)model.Acceptances, heldOut.Length, ClassificationMetrics.AreaUnderCurve(actual, predicted),
            ClassificationMetrics.LogLoss(actual, predicted), ClassificationMetrics.LogLoss(actual, rate),
            ClassificationMetrics.ExpectedCalibrationError(actual, predicted));
        WarnOfEvidence(proposition.Id, model);
        (string? strongest, double area) = Strongest(outcomes, training, heldOut);
        if (area > LeakAreaUnderCurve)
        {
            Leak(strongest!, string.Create(CultureInfo.InvariantCulture,
                $"tells who accepts proposition '{proposition.Id}' (area under the curve {area:0.000} on held-out customers)"));
        }
        PropensityReport? before = previous?.Propensities.FirstOrDefault(p => p.Metrics.PropositionId == proposition.Id);
        double drift = Drift(proposition.Id, $"the rate of acceptance of proposition '{proposition.Id}'",
            before is { Metrics.Offers: > 0 } ? Acceptance(before.Metrics) : null, _ => Acceptance(metrics));
        return new PropensityReport(
            metrics, model.Rate, model.PriorRate, Choice(trained), trained.Candidates,
            CalibrationTable.Of(actual, predicted), GainsTable.Of(actual, predicted),
            model.Model is null ? [] : Importance(model.Model, outcomes.Rows, heldOut, (rows, held) => ClassificationMetrics.LogLoss(
                [.. held.Select(row => outcomes.Accepted[row])], model.Predict(quantiser, rows))),
            strongest, area, drift);
    }

    private void WarnOfEvidence(string proposition, PropensityModel model)
    {
        if (model.Acceptances == 0 || model.Acceptances == model.Offers)
        {
            Warn(WarningSeverity.Warning, WarningKind.Constant, proposition,
                $"proposition '{proposition}': {(model.Acceptances == 0 ? "none" : "every one")} of {model.Offers} offers was accepted; its propensity is this rate, smoothed towards the catalogue's, for everybody");
        }
        else if (model.Model is null)
        {
            Warn(WarningSeverity.Note, WarningKind.Evidence, proposition,
                $"proposition '{proposition}': {model.Acceptances} of {model.Offers} offers accepted are too few to tell customers apart; its propensity is this rate, smoothed towards the catalogue's, for everybody");
        }
    }

    private static string Choice(PropensityTraining trained)
    {
        if (trained.Candidates.IsEmpty)
        {
            return "the rate alone: too few offers accepted or not";
        }
        PropensityCandidate chosen = trained.Candidates[0];
        return chosen.IsStandard ? "the standard: no other is better by more than two standard errors"
            : string.Create(CultureInfo.InvariantCulture, $"log-loss lower than the standard's by {-chosen.Difference:0.0000} (standard error {chosen.StandardError:0.0000})");
    }

    /// <summary>The feature that alone ranks held-out offers best, by the rate of acceptance in its bins.</summary>
    private (string? Feature, double AreaUnderCurve) Strongest(OutcomeTable outcomes, int[] training, int[] heldOut)
    {
        float[] actual = [.. heldOut.Select(row => outcomes.Accepted[row])];
        int accepted = actual.Count(a => a == 1);
        return Math.Min(accepted, actual.Length - accepted) < LeastOutcomes ? (null, double.NaN)
            : SingleFeature.All(schema, quantiser)
                .Select(f => ((string?)schema.Features[f.Feature].Name, ClassificationMetrics.AreaUnderCurve(
                    actual, f.Model.Predict(outcomes.Rows, outcomes.Accepted, training, heldOut))))
                .DefaultIfEmpty((null, double.NaN)).MaxBy(f => f.Item2);
    }

    /// <summary>Importance of the features a model uses, the most important first, on at most a few thousand held-out rows.</summary>
    private ImmutableArray<FeatureImportance> Importance(IRowModel model, FeatureMatrix rows, int[] heldOut, Func<FeatureMatrix, int[], double> loss)
    {
        int count = Math.Min(heldOut.Length, ImportanceRows);
        if (count == 0)
        {
            return [];
        }
        int[] held = [.. Enumerable.Range(0, count).Select(i => heldOut[(int)((long)i * heldOut.Length / count)])];
        int[] used = [.. model.FeaturesUsed(quantiser).Order()];
        double[] permutation = PermutationImportance.Measure(rows.Select(held), used, r => loss(r, held), seed, ImportanceRepeats);
        double[]? gains = ((model as AveragedModel)?.Trees ?? model) is ObliviousEnsemble trees ? trees.FeatureGains(quantiser) : null;
        double total = gains?.Sum() ?? 0;
        return [.. used
            .Select((f, i) => new FeatureImportance(schema.Features[f].Name, total > 0 ? gains![f] / total : double.NaN, permutation[i]))
            .OrderByDescending(i => i.Permutation)];
    }

    private static Distribution Acceptance(PropensityMetrics metrics)
    {
        double rate = (double)metrics.Acceptances / metrics.Offers;
        return new Distribution(metrics.Offers, 0, [0], [], [1 - rate, rate]);
    }

    /// <summary>The stability index against an earlier distribution, told where it is large and more than the luck of the draw.</summary>
    private double Drift(string subject, string what, Distribution? earlier, Func<Distribution, Distribution> now)
    {
        if (earlier is null)
        {
            return double.NaN;
        }
        Distribution distribution = now(earlier);
        double index = distribution.StabilityIndex(earlier);
        if (index > DriftNoted && index > distribution.StabilityNoise(earlier))
        {
            bool large = index > DriftWarned;
            Warn(large ? WarningSeverity.Warning : WarningSeverity.Note, WarningKind.Drift, subject, string.Create(CultureInfo.InvariantCulture,
                $"{what} is spread otherwise than in version {previousVersion} (stability index {index:0.00}, above {(large ? DriftWarned : DriftNoted)}): see whether its source or the customers changed"));
        }
        return index;
    }

    private void Leak(string feature, string what) => Warn(WarningSeverity.Warning, WarningKind.Leak, feature,
        $"feature '{feature}' alone {what}: it looks like part of it, or known only afterwards; take it out of schema.yaml, or give its value as it was before");

    private void Warn(WarningSeverity severity, WarningKind kind, string subject, string message) => _warnings.Add(new TrainingWarning(severity, kind, subject, message));
}
