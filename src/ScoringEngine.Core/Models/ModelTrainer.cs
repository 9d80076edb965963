using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Models;

/// <summary>
/// Trains everything a version consists of: segments, profitability with potential and tiers, and a propensity for each
/// proposition with outcomes. Deterministic for a seed at any thread count.
/// </summary>
/// <remarks>
/// Nothing leaks: a customer is held out by the hash of their id, in the customer file and in the outcomes alike, and
/// propensities are measured on held-out customers' outcomes that are later than any they were trained on.
/// </remarks>
public sealed class ModelTrainer
{
    private const int QuantiserSampleRows = 200_000;
    private const double BandShareOfMeanAbsoluteProfit = 0.1;
    private const double ValidationShare = 0.1;

    private readonly Workspace _workspace;
    private readonly TrainingOptions _options;
    private readonly IProgress<double>? _progress;
    private readonly CancellationToken _cancellation;

    private ModelTrainer(Workspace workspace, TrainingOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        _workspace = workspace;
        _options = options;
        _progress = progress;
        _cancellation = cancellation;
    }

    private FeatureSchema Schema => _workspace.Schema.Features;

    /// <summary>Trains.</summary>
    /// <param name="workspace">Schema, catalogue and policy.</param>
    /// <param name="customers">At least 20 customers, with context columns.</param>
    /// <param name="outcomes">Past decisions; null without any.</param>
    /// <param name="previous">The version whose segments go on, perhaps of an older schema; null for none.</param>
    /// <param name="options">Settings.</param>
    /// <param name="createdAt">The time to note in the manifest.</param>
    /// <param name="progress">Told the share of the work done, roughly, 0..1.</param>
    /// <param name="cancellation">Ends the training.</param>
    /// <param name="previousReport">What <paramref name="previous"/> was trained on, to tell drift by; null where it is not known.</param>
    /// <exception cref="InvalidDataException">The data cannot be learned from; the message says why.</exception>
    public static TrainingResult Train(Workspace workspace, CustomerTable customers, OutcomeTable? outcomes, ModelSet? previous,
        TrainingOptions options, DateTimeOffset createdAt, IProgress<double>? progress = null, CancellationToken cancellation = default,
        TrainingReport? previousReport = null)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(customers);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return new ModelTrainer(workspace, options, progress, cancellation).Run(customers, outcomes, previous, previousReport, createdAt);
    }

    private TrainingResult Run(
        CustomerTable customers, OutcomeTable? outcomes, ModelSet? previous, TrainingReport? previousReport, DateTimeOffset createdAt)
    {
        int[] training = [.. Enumerable.Range(0, customers.Count).Where(i => !IsHeldOut(customers.Hashes[i]))];
        int[] heldOut = [.. Enumerable.Range(0, customers.Count).Where(i => IsHeldOut(customers.Hashes[i]))];
        RequireLearnable(customers, training, heldOut);

        string? obstacle = null;
        SegmentModel? old = previous is null ? null : InThisSchema(previous, out obstacle);
        (SegmentModel segments, SegmentTraining? segmentation) = TrainSegments(customers.Rows.Select(training), previous, old, obstacle);
        int[] assignments = Assign(segments, customers.Rows);
        segments = WithSizes(segments, assignments);
        _progress?.Report(0.2);

        long cutOff = outcomes is null ? long.MaxValue : TimeCutOff(outcomes);
        TargetStatistics statistics = FitStatistics(FitQuantiser(customers.Rows, training, outcomes, cutOff), customers, training);
        Quantiser quantiser = statistics.Quantiser;
        (ProfitModel? profit, ProfitMetrics? profitMetrics, float[] expected) = TrainProfit(statistics, customers, training, heldOut);
        ImmutableArray<SegmentProfile> profiles = Profiles(segments, assignments, customers.Targets, expected, profit);
        _progress?.Report(0.6);

        TrainingReportBuilder report = new(Schema, quantiser, previousReport, previous?.Manifest.Version, _options.Seed);
        SegmentsReport segmentsReport = report.Segments(segments, profiles, segmentation, old, obstacle);
        ImmutableArray<FeatureReport> features = report.Features(customers, training, heldOut, profit?.Target);
        WhaleCurve? curve = profit is null ? null : new WhaleCurve(customers.Targets);
        ProfitReport? profitReport = profit is null ? null
            : report.Profit(profit, profitMetrics!, _workspace.Policy.Currency, curve!, customers, expected, training, heldOut);

        ImmutableSortedDictionary<string, PropensityModel>.Builder propensities =
            ImmutableSortedDictionary.CreateBuilder<string, PropensityModel>(StringComparer.Ordinal);
        ImmutableArray<PropensityReport>.Builder propensityReports = ImmutableArray.CreateBuilder<PropensityReport>();
        for (int a = 0; a < _workspace.Propositions.Length; a++)
        {
            Proposition proposition = _workspace.Propositions[a];
            (int[] offers, int[] heldOutOffers) = Offers(outcomes, a, cutOff);
            PropensityTraining? trained = offers.Length == 0 ? null : TrainPropensity(quantiser, outcomes!, proposition, offers);
            if (trained is not null)
            {
                propensities.Add(proposition.Id, trained.Model);
            }
            propensityReports.Add(report.Propensity(proposition, outcomes, offers, heldOutOffers, trained));
            _progress?.Report(0.6 + (0.4 * (a + 1) / _workspace.Propositions.Length));
        }

        ModelManifest manifest = new()
        {
            Name = _workspace.Name,
            Version = 0,
            CreatedAt = createdAt,
            SchemaHash = Schema.Hash,
            Data = [
                new TrainingFile("customers", customers.Name, customers.Count, customers.Fingerprint),
                .. outcomes is null ? [] : new[] { new TrainingFile("outcomes", outcomes.Name, outcomes.Count, outcomes.Fingerprint) },
            ],
            Imports = [.. segments.HasCentroids ? [] : previous!.Manifest.Imports.Where(i => i.Part == "segments")],
            Seed = _options.Seed,
            Hyperparameters = Hyperparameters(segments, profit),
            Metrics = Metrics(segmentation, profitMetrics, propensityReports.Select(p => p.Metrics)),
        };
        return new TrainingResult
        {
            Models = new ModelSet(Schema, segments, profiles, quantiser, profit, propensities.ToImmutable(), manifest),
            GoldenRows = GoldenRows(customers.Rows),
            Report = new TrainingReport
            {
                Data = new DataReport(manifest.Data, training.Length, heldOut.Length, customers.Duplicates,
                    cutOff == long.MaxValue ? null : DateTimeOffset.FromUnixTimeMilliseconds(cutOff), _options.Seed),
                Segments = segmentsReport,
                Profit = profitReport,
                Propensities = propensityReports.ToImmutable(),
                Features = features,
                Warnings = report.Warnings,
            },
            Segmentation = segmentation,
            Assignments = assignments,
            WhaleCurve = curve,
        };
    }

    /// <summary>Refuses what can be told from the data alone, before any work is done on it.</summary>
    private void RequireLearnable(CustomerTable customers, int[] training, int[] heldOut)
    {
        if (customers.Count < 20)
        {
            throw new InvalidDataException($"{customers.Count} customers, expected at least 20 to train on");
        }
        if (training.Length == 0 || heldOut.Length == 0)
        {
            throw new InvalidDataException($"{customers.Count} customers do not split into training and held-out ones; expected more");
        }
        if (_options.Segments > training.Length)
        {
            throw new InvalidDataException($"segments: {_options.Segments} asked for, but there are only {training.Length} customers to train on");
        }
        if (_workspace.Schema.Target is { } target && customers.Targets.All(t => t == customers.Targets[0]))
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"the target '{target}' is {customers.Targets[0]} for all {customers.Count} customers: nothing can be learned from it; mend its columns, or take the target out of schema.yaml"));
        }
    }

    // Two independent draws from one hash: held out of everything, or of fitting for early stopping.
    private bool IsHeldOut(ulong hash) => IsHeldOut(hash, _options);

    private bool IsValidation(ulong hash) => CustomerHash.Share(Draw(hash, 2, _options.Seed)) < ValidationShare;

    /// <summary>Whether a customer is held out of everything that is trained.</summary>
    internal static bool IsHeldOut(ulong hash, TrainingOptions options) => CustomerHash.Share(Draw(hash, 1, options.Seed)) < options.HoldOutShare;

    private static ulong Draw(ulong hash, ulong purpose, long seed) => SeededRandom.Mix(hash ^ SeededRandom.Mix((ulong)seed + (purpose << 56)));

    private (SegmentModel Segments, SegmentTraining? Training) TrainSegments(FeatureMatrix rows, ModelSet? previous, SegmentModel? old, string? obstacle)
    {
        if (previous is not null && !_options.RefitSegments)
        {
            return (old ?? throw new InvalidDataException(
                $"the segments of version {previous.Manifest.Version} cannot be kept: {obstacle}; ask for new ones (--segments auto, or a number)"), null);
        }
        SegmentTraining training;
        try
        {
            training = SegmentTrainer.Fit(Schema, rows, new SegmentTrainingOptions
            {
                Segments = _options.Segments,
                Seed = _options.Seed,
                Threads = _options.Threads == 0 ? Environment.ProcessorCount : _options.Threads,
                Previous = old is { HasCentroids: true } ? old : null,
            }, _cancellation);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"segments: {e.Message}", e);
        }

        // Nothing to match the segments with, but their ids must not be those of other segments.
        return (old is not { HasCentroids: true } && previous is not null ? WithIdsFrom(previous.Segments.NextId, training.Model) : training.Model, training);
    }

    /// <summary>
    /// The segments of a version for rows of the present schema, feature by permanent id and category by name; null and
    /// the reason where they use something that is not there any more.
    /// </summary>
    private SegmentModel? InThisSchema(ModelSet previous, out string? obstacle)
    {
        obstacle = null;
        SegmentModel model = previous.Segments;
        if (!model.HasCentroids)
        {
            bool same = previous.Schema.Hash == Schema.Hash;
            obstacle = same ? null : "an imported model assigns them, and schema.yaml has changed since";
            return same ? model : null;
        }
        SegmentDimension[] dimensions = [.. model.Encoding.Dimensions];
        foreach (ref SegmentDimension dimension in dimensions.AsSpan())
        {
            Feature old = previous.Schema.Features[dimension.Feature];
            Feature? now = Schema.Features.FirstOrDefault(f => f.Id == old.Id);
            int category = dimension.Category < 0 || now is null ? -1 : now.Categories.IndexOf(old.Categories[dimension.Category]);
            if (now is null || now.Kind != old.Kind || now.Context || !now.IsModelInput || (dimension.Category >= 0 && category < 0))
            {
                obstacle = $"they use feature '{old.Name}', which schema.yaml does not have any more, or not as it was";
                return null;
            }
            dimension = dimension with { Feature = Schema.Features.IndexOf(now), Category = category };
        }
        return new SegmentModel(new SegmentEncoding([.. dimensions]), model.Centroids, model.Segments, model.NextId);
    }

    private static SegmentModel WithIdsFrom(int first, SegmentModel model)
        => model.With([.. model.Segments.Select(s => s with { Id = s.Id + first - 1 })], model.NextId + first - 1);

    private static int[] Assign(SegmentModel segments, FeatureMatrix rows)
    {
        int[] indexes = new int[rows.Rows];
        segments.Assign(rows.Values, rows.Rows, rows.Columns, indexes, [], [], new float[segments.ScratchLength]);
        return indexes;
    }

    private static SegmentModel WithSizes(SegmentModel model, int[] assignments)
    {
        int[] sizes = new int[model.Segments.Length];
        foreach (int s in assignments)
        {
            sizes[s]++;
        }
        return model.With(
            [.. model.Segments.Select((s, i) => s with { Size = sizes[i], Share = (double)sizes[i] / assignments.Length })], model.NextId);
    }

    /// <summary>
    /// One quantiser for all trees, so that a row is quantised once: thresholds from what is trained on, customers and
    /// outcomes alike; context features are known from outcomes only.
    /// </summary>
    private Quantiser FitQuantiser(FeatureMatrix customers, int[] training, OutcomeTable? outcomes, long cutOff)
    {
        int[] trainingOutcomes = outcomes is null ? []
            : [.. Enumerable.Range(0, outcomes.Count).Where(i => IsTraining(outcomes, i, cutOff))];
        int customerRows = Math.Min(training.Length, QuantiserSampleRows);
        int outcomeRows = Math.Min(trainingOutcomes.Length, QuantiserSampleRows);
        FeatureMatrix sample = new(customerRows + outcomeRows, Schema.Count);
        for (int i = 0; i < customerRows; i++)
        {
            customers.Row(training[(int)((long)i * training.Length / customerRows)]).CopyTo(sample.Row(i));
            sample.Row(i)[Schema.CustomerCount..].Fill(float.NaN);
        }
        for (int i = 0; i < outcomeRows; i++)
        {
            outcomes!.Rows.Row(trainingOutcomes[(int)((long)i * trainingOutcomes.Length / outcomeRows)]).CopyTo(sample.Row(customerRows + i));
        }
        return Quantiser.Fit(Schema, sample, new QuantiserOptions { IncludeContext = true, SampleRows = 2 * QuantiserSampleRows },
            _options.Threads);
    }

    /// <summary>
    /// Orders many categories by the profit of the customers whom the profit model is fitted to: neither held-out nor
    /// validation customers may find their own profit in their category. Propensities share these columns as every later row
    /// reads them, although their customers are in them: what they predict is another label.
    /// </summary>
    private TargetStatistics FitStatistics(Quantiser quantiser, CustomerTable customers, int[] training)
    {
        float[] targets = new float[customers.Count];
        Array.Fill(targets, float.NaN);
        if (_workspace.Schema.Target is not null)
        {
            foreach (int i in training.Where(i => !IsValidation(customers.Hashes[i])))
            {
                targets[i] = customers.Targets[i];
            }
        }
        return TargetStatistics.Fit(Schema, quantiser, customers.Rows, targets, threads: _options.Threads);
    }

    private (ProfitModel? Model, ProfitMetrics? Metrics, float[] Expected) TrainProfit(
        TargetStatistics statistics, CustomerTable customers, int[] training, int[] heldOut)
    {
        if (_workspace.Schema.Target is not { } target)
        {
            return (null, null, []);
        }
        int[] fit = [.. training.Where(i => !IsValidation(customers.Hashes[i]))];
        int[] validation = [.. training.Where(i => IsValidation(customers.Hashes[i]))];
        if (fit.Length == 0 || validation.Length == 0)
        {
            throw new InvalidDataException($"{training.Length} training customers are too few to predict profit from");
        }
        ImmutableArray<int> trends = [.. Schema.Features.Select(f => target.RisesWith.Contains(f.Name) ? 1 : target.FallsWith.Contains(f.Name) ? -1 : 0)];
        Loss loss = target.Loss switch
        {
            ProfitLoss.Poisson => new PoissonLoss(),
            ProfitLoss.Tweedie => new TweedieLoss(target.TweediePower),
            _ => new SquaredLoss(),
        };
        RequireTargets(customers.Targets, loss);
        Quantiser quantiser = statistics.Quantiser;
        FeatureMatrix fitValues = customers.Rows.Select(fit);
        FeatureMatrix validationValues = customers.Rows.Select(validation);
        float[] fitTargets = Select(customers.Targets, fit);
        LabelledRows fitRows = new(statistics.QuantiseForTraining(fitValues, fitTargets, _options.Seed, _options.Threads), fitTargets);
        LabelledRows validationRows = new(quantiser.Quantise(validationValues, _options.Threads), Select(customers.Targets, validation));
        TreeTrainingOptions options = new()
        {
            Trees = 400,
            Depth = 6,
            LearningRate = 0.08,
            MinLeafWeight = 5,
            EarlyStoppingRounds = 30,
            MonotoneConstraints = trends,
            ExcludedFeatures = [.. Enumerable.Range(Schema.CustomerCount, Schema.Count - Schema.CustomerCount)],
            Seed = _options.Seed,
            Threads = _options.Threads,
        };
        IRowModel expectedMargins = BoostedTrainer.Train(
            fitValues, fitRows, validationValues, validationRows, options with { Loss = loss }, cancellation: _cancellation).Model;
        IRowModel expectedModel = loss is SquaredLoss ? expectedMargins : new ExponentialModel(expectedMargins);
        _progress?.Report(0.4);
        double quantile = _workspace.Policy.PotentialQuantile;
        IRowModel upperModel = BoostedTrainer.Train(
            fitValues, fitRows, validationValues, validationRows, options with { Trees = 200, Depth = 5, Loss = new QuantileLoss(quantile) },
            cancellation: _cancellation).Model;

        float[] expected = expectedModel.Predict(quantiser, customers.Rows);
        float[] upper = upperModel.Predict(quantiser, customers.Rows);
        TierBounds tiers = Tiers(_workspace.Policy, new WhaleCurve(Select(expected, training)));
        return (new ProfitModel(expectedModel, upperModel, quantile, tiers, target),
            Measure(customers.Targets, expected, upper, training, heldOut), expected);
    }

    private static void RequireTargets(float[] targets, Loss loss)
    {
        int[] wrong = [.. Enumerable.Range(0, targets.Length).Where(i => loss.Violation(targets[i]) is not null)];
        if (wrong.Length > 0)
        {
            throw new InvalidDataException(
                $"{wrong.Length} customers have a target that cannot be learned with {loss.Name} loss, such as {loss.Violation(targets[wrong[0]])}");
        }
    }

    /// <summary>Where the tiers begin: as the policy says or, where it does not, by the whale curve of expected profit.</summary>
    internal static TierBounds Tiers(Policy policy, WhaleCurve curve)
    {
        TierBounds found = curve.Bounds(policy.CreatorsShare, BandShareOfMeanAbsoluteProfit);
        double band = policy.MarginalBand ?? found.MarginalBand;
        double threshold = policy.CreatorsThreshold ?? found.CreatorsThreshold;
        return new TierBounds(band, Math.Max(threshold, Math.BitIncrement(band)));
    }

    private static ProfitMetrics Measure(float[] targets, float[] expected, float[] upper, int[] training, int[] heldOut)
    {
        float[] actual = Select(targets, heldOut);
        float[] predicted = Select(expected, heldOut);
        float[] high = Select(upper, heldOut);
        double sum = 0;
        foreach (int i in training)
        {
            sum += targets[i];
        }
        float[] mean = new float[heldOut.Length];
        Array.Fill(mean, (float)(sum / training.Length));
        return new ProfitMetrics(
            RegressionMetrics.RSquared(actual, predicted),
            RegressionMetrics.RootMeanSquaredError(actual, predicted),
            RegressionMetrics.RootMeanSquaredError(actual, mean),
            RegressionMetrics.MeanAbsoluteError(actual, predicted),
            RegressionMetrics.MeanAbsoluteError(actual, mean),
            (double)actual.Where((y, i) => y <= high[i]).Count() / actual.Length);
    }

    /// <summary>
    /// Outcomes before it are trained on, the others measured on. Where that many share the first time it is the second;
    /// where there is no other time, all are trained on and none is measured on.
    /// </summary>
    private long TimeCutOff(OutcomeTable outcomes)
    {
        if (outcomes.Count == 0)
        {
            return long.MaxValue;
        }
        long[] times = [.. outcomes.DecidedAt];
        Array.Sort(times);
        long cutOff = times[(int)(_options.TimeShare * times.Length)];
        return cutOff > times[0] ? cutOff : times.FirstOrDefault(t => t > cutOff, long.MaxValue);
    }

    private bool IsTraining(OutcomeTable outcomes, int i, long cutOff) => !IsHeldOut(outcomes.Hashes[i]) && outcomes.DecidedAt[i] < cutOff;

    /// <summary>Presented offers of a proposition that needs acceptance: those to train on, and those to measure on.</summary>
    private (int[] Training, int[] HeldOut) Offers(OutcomeTable? outcomes, int proposition, long cutOff)
    {
        if (outcomes is null || !_workspace.Propositions[proposition].NeedsAcceptance)
        {
            return ([], []);
        }
        int[] usable = [.. Enumerable.Range(0, outcomes.Count).Where(i => outcomes.Propositions[i] == proposition && outcomes.Presented[i])];
        return (
            [.. usable.Where(i => IsTraining(outcomes, i, cutOff))],
            [.. usable.Where(i => IsHeldOut(outcomes.Hashes[i])
                && (outcomes.DecidedAt[i] >= cutOff || cutOff == long.MaxValue))]); // decided all at once: held out by customer alone
    }

    private PropensityTraining TrainPropensity(Quantiser quantiser, OutcomeTable outcomes, Proposition proposition, int[] offers)
    {
        // Not weighted by action probability: given the features on which past offers depended, acceptance does not.
        long[] groups = [.. offers.Select(i => (long)outcomes.Hashes[i])];
        PropensityOptions options = new();
        return PropensityTrainer.Fit(
            quantiser, outcomes.Rows.Select(offers), Select(outcomes.Accepted, offers), groups, [], proposition.PriorPropensity,
            options with { Trees = options.Trees with { Seed = _options.Seed, Threads = _options.Threads } }, _cancellation);
    }

    /// <summary>What the customers of each segment are worth; a customer without an expected profit is in no tier.</summary>
    internal static ImmutableArray<SegmentProfile> Profiles(SegmentModel segments, int[] assignments, float[] targets, float[] expected, ProfitModel? profit)
    {
        if (profit is null)
        {
            return [.. segments.Segments.Select(_ => new SegmentProfile(double.NaN, []))];
        }
        double[] sums = new double[segments.Segments.Length];
        double[] counts = new double[segments.Segments.Length];
        double[,] tiers = new double[segments.Segments.Length, Enum.GetValues<Tier>().Length];
        for (int i = 0; i < assignments.Length; i++)
        {
            sums[assignments[i]] += targets[i];
            counts[assignments[i]]++;
            tiers[assignments[i], (int)profit.Tiers.Of(expected[i])] += float.IsNaN(expected[i]) ? 0 : 1;
        }
        return [.. segments.Segments.Select((_, s) => new SegmentProfile(
            sums[s] / counts[s],
            [.. Enum.GetValues<Tier>().Select(t => counts[s] > 0 ? tiers[s, (int)t] / counts[s] : 0)]))];
    }

    // Spread over the file, and one customer about whom nothing is known.
    internal static FeatureMatrix GoldenRows(FeatureMatrix rows)
    {
        int count = Math.Min(rows.Rows, ModelPackage.GoldenRowCount - 1);
        FeatureMatrix golden = new(count + 1, rows.Columns);
        for (int i = 0; i < count; i++)
        {
            rows.Row((int)((long)i * rows.Rows / count)).CopyTo(golden.Row(i));
        }
        golden.Row(count).Fill(float.NaN);
        return golden;
    }

    private ImmutableSortedDictionary<string, double> Hyperparameters(SegmentModel segments, ProfitModel? profit)
    {
        ImmutableSortedDictionary<string, double>.Builder values = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        values["hold_out_share"] = _options.HoldOutShare;
        values["time_share"] = _options.TimeShare;
        values["segments.count"] = segments.Segments.Length;
        if (profit is not null)
        {
            values["profit.trees"] = TreeCount(profit.Expected);
            values["profit.upper_trees"] = TreeCount(profit.Upper);
            values["profit.quantile"] = profit.Quantile;
        }
        return values.ToImmutable();
    }

    private static int TreeCount(IRowModel? model) => model switch
    {
        ObliviousEnsemble trees => trees.TreeCount,
        BoostedModel boosted => boosted.Trees.TreeCount,
        ExponentialModel exponential => TreeCount(exponential.Inner),
        _ => 0,
    };

    private static ImmutableSortedDictionary<string, double> Metrics(
        SegmentTraining? segmentation, ProfitMetrics? profit, IEnumerable<PropensityMetrics> propensities)
    {
        Dictionary<string, double> metrics = new(StringComparer.Ordinal);
        if (segmentation is not null)
        {
            metrics["segments.inertia"] = segmentation.Inertia;
        }
        if (profit is not null)
        {
            metrics["profit.r2"] = profit.RSquared;
            metrics["profit.rmse"] = profit.RootMeanSquaredError;
            metrics["profit.rmse_of_mean"] = profit.BaselineRootMeanSquaredError;
            metrics["profit.mae"] = profit.MeanAbsoluteError;
            metrics["profit.mae_of_mean"] = profit.BaselineMeanAbsoluteError;
            metrics["profit.quantile_coverage"] = profit.QuantileCoverage;
        }
        foreach (PropensityMetrics propensity in propensities)
        {
            string prefix = $"propensity.{propensity.PropositionId}.";
            metrics[prefix + "offers"] = propensity.Offers;
            metrics[prefix + "auc"] = propensity.AreaUnderCurve;
            metrics[prefix + "log_loss"] = propensity.LogLoss;
            metrics[prefix + "log_loss_of_rate"] = propensity.BaselineLogLoss;
            metrics[prefix + "calibration_error"] = propensity.CalibrationError;
        }
        return metrics.Where(m => double.IsFinite(m.Value)).ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    private static float[] Select(float[] values, int[] rows) => [.. rows.Select(i => values[i])];
}
