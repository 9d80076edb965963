using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Models.Import;

/// <summary>The part of a version that a model from elsewhere takes.</summary>
public enum ImportedPart
{
    /// <summary>Expected profit.</summary>
    Profit,

    /// <summary>Segments.</summary>
    Segments,

    /// <summary>Propensity of one proposition.</summary>
    Propensity,
}

/// <summary>What is to be imported as what.</summary>
public sealed record ImportRequest
{
    /// <summary>Whose format the file has.</summary>
    public required ModelFileFormat Format { get; init; }

    /// <summary>The model file.</summary>
    public required string File { get; init; }

    /// <summary>The part it takes.</summary>
    public required ImportedPart Part { get; init; }

    /// <summary>The proposition of a propensity; null otherwise.</summary>
    public string? PropositionId { get; init; }

    /// <summary>The file that maps inputs to features; null where names agree.</summary>
    public string? Map { get; init; }

    /// <summary>Which prediction, where the model has several.</summary>
    public PredictionChoice Choice { get; init; } = new();

    /// <summary>Whether a propensity is to be calibrated, so that the model need give no probability.</summary>
    public bool Calibrated { get; init; }

    /// <summary>Names of the segments in the order of labels; empty for those of the map, or numbers.</summary>
    public ImmutableArray<string> SegmentNames { get; init; } = [];
}

/// <summary>
/// Brings a model that was trained elsewhere into a version: reads it, maps its inputs, checks it against expected
/// outputs as it will run here, calibrates it, and puts it in the place of a part.
/// </summary>
public sealed class ModelImport
{
    private const double AmountTolerance = 1e-6;
    private const double ProbabilityTolerance = 2e-6;
    private const int MostProbedCategories = 200;

    private static readonly ImmutableSortedDictionary<string, double> None = ImmutableSortedDictionary<string, double>.Empty;

    private readonly Workspace _workspace;
    private readonly ImportRequest _request;
    private readonly ImportableModel _model;
    private readonly InputMapping _inputs;
    private readonly Proposition? _proposition;
    private readonly ImmutableArray<(string Label, string Name)> _labels;
    private readonly List<string> _warnings;
    private readonly bool _withDistances;
    private string _objective = "";

    private ModelImport(Workspace workspace, ImportRequest request, ImportableModel model, InputMapping inputs, Proposition? proposition, ImmutableArray<(string Label, string Name)> labels)
    {
        _workspace = workspace;
        _request = request;
        _model = model;
        _inputs = inputs;
        _proposition = proposition;
        _labels = labels;
        _warnings = [.. model.Warnings];
        _withDistances = request.Part == ImportedPart.Segments && Probe();
        if (request.Part != ImportedPart.Segments)
        {
            Probe();
        }
    }

    /// <summary>Things to know that do not keep the model from being used.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Where the part comes from.</summary>
    public ImportedFile Origin => new(
        _request.Part == ImportedPart.Propensity ? $"propensity.{_request.PropositionId}" : SnakeCase.Of(_request.Part),
        _model.Name, _model.Sha256, _model.Source, _objective);

    private FeatureSchema Schema => _workspace.Schema.Features;

    /// <summary>Reads the model and its map and makes sure that it runs on the workspace's features.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="WorkspaceException">Inputs do not fit the schema; with every problem at once.</exception>
    /// <exception cref="InvalidDataException">The model is damaged, not supported, or cannot be the part that is asked for.</exception>
    public static ModelImport Load(Workspace workspace, ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(request);
        List<WorkspaceProblem> problems = [];
        ImportableModel model = ImportableModel.Load(request.Format, request.File);
        ImportMap map = ImportMap.Load(request.Map, request.File, problems);
        InputMapping inputs = map.Resolve(model, workspace.Schema.Features, request.Part == ImportedPart.Propensity, problems);
        Proposition? proposition = request.Part == ImportedPart.Propensity ? PropositionOf(workspace, request.PropositionId ?? "", problems) : null;
        if (request.Part == ImportedPart.Profit && workspace.Schema.Target is null)
        {
            problems.Add(new WorkspaceProblem(workspace.Directory, 0, "schema.yaml has no target: it says which period profit covers and whether it is a proxy"));
        }
        if (request.Part == ImportedPart.Segments && model is not ImportableOnnx)
        {
            problems.Add(new WorkspaceProblem(request.File, 0, $"segments need the labels of an ONNX model, {model.Source} has none"));
        }
        return problems.Count == 0 ? new ModelImport(workspace, request, model, inputs, proposition, map.Segments)
            : throw new WorkspaceException(problems);
    }

    /// <summary>Compares the model, as it will run here, with expected outputs.</summary>
    /// <param name="inputsFile">CSV of the model's inputs by their names, or of the features that they are mapped from.</param>
    /// <param name="expectedFile">CSV with as many rows; may be the same file.</param>
    /// <param name="column">Column of the expected outputs; null for the last, or <c>label</c> for segments.</param>
    /// <param name="tolerance">Relative difference of amounts, absolute of probabilities; null for 1e-6 and 2e-6.</param>
    /// <exception cref="InvalidDataException">A file cannot be read, or their rows differ in number.</exception>
    public ImportCheck Check(string inputsFile, string expectedFile, string? column = null, double? tolerance = null)
    {
        CheckRows rows = CheckRows.Read(inputsFile, _model, _inputs, Schema);
        ExpectedOutputs expected = ExpectedOutputs.Read(expectedFile, column, _request.Part == ImportedPart.Segments ? "label" : null);
        if (expected.Texts.Length != rows.Rows.Rows)
        {
            throw new InvalidDataException($"{expectedFile}: {expected.Texts.Length} rows, expected {rows.Rows.Rows} as in {inputsFile}");
        }
        if (_request.Part == ImportedPart.Segments)
        {
            OnnxSegments segments = ToSegments(rows.Inputs, _withDistances);
            (int[] indexes, _, _) = Assign(segments, rows.Rows);
            return ImportCheck.OfLabels(expected, [.. indexes.Select(i => segments.Labels[i])]);
        }
        IRowModel model = ToRowModel(rows.Inputs);
        bool probability = model is ImportedRowModel { LogOdds: true } or OnnxRowModel { LogOdds: true };
        double[] found = [.. Margins(model, rows.Rows).Select(m => probability ? DeterministicMath.Sigmoid(m) : m)];
        return ImportCheck.OfNumbers(expected, found, tolerance ?? (probability ? ProbabilityTolerance : AmountTolerance), relative: !probability);
    }

    /// <summary>Fits probabilities to the model's margins on outcomes of customers that it was not trained on.</summary>
    /// <param name="rows">[outcomes x features of the schema].</param>
    /// <param name="accepted">1 where the offer was accepted, else 0.</param>
    /// <param name="customers">Customer of each row, by any number.</param>
    /// <exception cref="InvalidDataException">There are too few outcomes.</exception>
    public PropensityTraining Calibrate(FeatureMatrix rows, ReadOnlySpan<float> accepted, ReadOnlySpan<long> customers)
    {
        try
        {
            return PropensityTrainer.Calibrate(ToRowModel(_inputs), rows, accepted, customers, _proposition!.PriorPropensity);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{_model.Name}: calibration: {e.Message}", e);
        }
    }

    /// <summary>The models of a new version in which the imported one is a part, with rows to replay.</summary>
    /// <param name="basis">The version whose other parts stay, with its golden rows; null to begin with segments.</param>
    /// <param name="nextSegmentId">The lowest segment id that no version has.</param>
    /// <param name="customers">For tiers, and sizes and words of segments; null without.</param>
    /// <param name="calibration">What <see cref="Calibrate"/> gave; null for probabilities as they are.</param>
    /// <param name="files">Further files for the manifest.</param>
    /// <param name="createdAt">The time to note in the manifest.</param>
    /// <exception cref="InvalidDataException">Something is missing that the part needs; the message says what.</exception>
    public (ModelSet Models, FeatureMatrix GoldenRows) ApplyTo((ModelSet Models, FeatureMatrix GoldenRows)? basis, int nextSegmentId,
        CustomerTable? customers, PropensityTraining? calibration, IEnumerable<TrainingFile> files, DateTimeOffset createdAt)
    {
        FeatureMatrix golden = customers is not null ? ModelTrainer.GoldenRows(customers.Rows) : basis?.GoldenRows ?? ProbeRows();
        ModelManifest manifest = Manifest(basis?.Models.Manifest, calibration, files, createdAt);
        if (_request.Part == ImportedPart.Segments)
        {
            return (WithSegments(basis?.Models, manifest, nextSegmentId, customers), golden);
        }
        ModelSet models = basis?.Models ?? throw new InvalidDataException(
            $"{_workspace.Directory}: no version yet, in which {SnakeCase.Of(_request.Part)} could be replaced; train one, or import segments first");
        if (_request.Part == ImportedPart.Profit)
        {
            return (WithProfit(models, manifest, customers), golden);
        }
        PropensityModel propensity = calibration?.Model
            ?? new PropensityModel(ToRowModel(_inputs), PlattCalibration.Identity, 0, 0, 0, 0, _proposition!.PriorPropensity, 0);
        return (new ModelSet(models.Schema, models.Segments, models.Profiles, models.Quantiser, models.Profit,
            models.Propensities.SetItem(_proposition!.Id, propensity), manifest), golden);
    }

    private static Proposition? PropositionOf(Workspace workspace, string id, List<WorkspaceProblem> problems)
    {
        Proposition? proposition = workspace.Propositions.FirstOrDefault(p => p.Id == id);
        string file = Path.Combine(workspace.Directory, Catalogue.FileName);
        if (proposition is null)
        {
            problems.Add(new WorkspaceProblem(file, 0, $"no proposition '{id}'{NearestName.Hint(id, workspace.Propositions.Select(p => p.Id))}"));
        }
        else if (!proposition.NeedsAcceptance)
        {
            problems.Add(new WorkspaceProblem(file, 0, $"proposition '{id}' needs no acceptance, so it has no propensity"));
        }
        return proposition;
    }

    private IRowModel ToRowModel(InputMapping inputs) => _request.Part == ImportedPart.Profit
        ? _model.ToProfit(inputs, _request.Choice) : _model.ToPropensity(inputs, _request.Choice, _request.Calibrated);

    private OnnxSegments ToSegments(InputMapping inputs, bool withDistances)
        => ((ImportableOnnx)_model).ToSegments(inputs, _request.Choice, [.. _labels.Select(l => l.Label)], withDistances);

    private ModelSet WithProfit(ModelSet models, ModelManifest manifest, CustomerTable? customers)
    {
        IRowModel expected = ToRowModel(_inputs);
        TierBounds tiers = Tiers(models.Profit?.Tiers, expected, customers);
        IRowModel? upper = models.Profit?.Upper;
        if (upper is null)
        {
            _warnings.Add("potential is not known: it needs an upper quantile of profit, which train makes");
        }
        ProfitModel profit = new(expected, upper, models.Profit?.Quantile ?? _workspace.Policy.PotentialQuantile, tiers, _workspace.Schema.Target!);
        ImmutableArray<SegmentProfile> profiles = customers is null
            ? [.. models.Profiles.Select(p => p with { TierShares = [] })]
            : ModelTrainer.Profiles(models.Segments, models.Segments.Assign(customers.Rows), customers.Targets, Margins(expected, customers.Rows), profit);
        return new ModelSet(models.Schema, models.Segments, profiles, models.Quantiser, profit, models.Propensities, manifest);
    }

    /// <summary>As the policy says; where it does not, as the version that is built on; else by the customers' whale curve.</summary>
    private TierBounds Tiers(TierBounds? basis, IRowModel expected, CustomerTable? customers)
    {
        Policy policy = _workspace.Policy;
        if ((policy.MarginalBand ?? basis?.MarginalBand, policy.CreatorsThreshold ?? basis?.CreatorsThreshold) is ({ } band, { } threshold))
        {
            return new TierBounds(band, Math.Max(threshold, Math.BitIncrement(band)));
        }
        float[] profits = customers is null ? [] : [.. Margins(expected, customers.Rows).Where(float.IsFinite)];
        return profits.Length > 0 ? ModelTrainer.Tiers(policy, new WhaleCurve(profits))
            : throw new InvalidDataException("where do tiers begin? Give marginal_band and creators_threshold under 'tiers' in policy.yaml, or --data CUSTOMERS to find them");
    }

    private ModelSet WithSegments(ModelSet? models, ModelManifest manifest, int firstId, CustomerTable? customers)
    {
        OnnxSegments assigner = ToSegments(_inputs, _withDistances);
        int count = assigner.SegmentCount;
        if (!_request.SegmentNames.IsEmpty && _request.SegmentNames.Length != count)
        {
            throw new InvalidDataException($"--names: {_request.SegmentNames.Length} names for {count} segments");
        }
        int[] assignments = customers is null ? [] : Assign(assigner, customers.Rows).Indexes;
        string[] names = [.. Enumerable.Range(0, count).Select(s => !_request.SegmentNames.IsEmpty ? _request.SegmentNames[s]
            : !_labels.IsEmpty ? _labels[s].Name : string.Create(CultureInfo.InvariantCulture, $"segment {firstId + s}"))];
        SegmentText[]? words = customers is null ? null : SegmentDescriber.Describe(Schema, customers.Rows, assignments, count, names);
        ImmutableArray<Segment> segments = [.. names.Select((name, s) =>
        {
            int size = assignments.Count(a => a == s);
            return new Segment
            {
                Id = firstId + s,
                Name = name,
                Description = words?[s].Description ?? $"label {assigner.Labels[s]} of {_model.Name}",
                Size = size,
                Share = customers is null ? double.NaN : (double)size / assignments.Length,
            };
        })];
        SegmentModel model = Build(() => new SegmentModel(assigner, segments, firstId + count));
        ImmutableArray<SegmentProfile> profiles = customers is not null && models?.Profit is { } profit
            ? ModelTrainer.Profiles(model, assignments, customers.Targets, Margins(profit.Expected, customers.Rows, models.Quantiser), profit)
            : [.. segments.Select(_ => new SegmentProfile(double.NaN, []))];
        return new ModelSet(Schema, model, profiles, models?.Quantiser ?? new Quantiser(Schema.Count, []), models?.Profit,
            models?.Propensities ?? ImmutableSortedDictionary<string, PropensityModel>.Empty.WithComparers(StringComparer.Ordinal), manifest);
    }

    private ModelManifest Manifest(ModelManifest? basis, PropensityTraining? calibration, IEnumerable<TrainingFile> files, DateTimeOffset createdAt)
    {
        ImportedFile origin = Origin;
        string prefix = origin.Part + ".";
        Dictionary<string, double> metrics = (basis?.Metrics ?? None).Where(m => !m.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary();
        if (calibration is not null)
        {
            metrics[prefix + "offers"] = calibration.CalibrationRows;
            metrics[prefix + "auc"] = calibration.AreaUnderCurve;
            metrics[prefix + "log_loss"] = calibration.LogLoss;
            metrics[prefix + "calibration_error"] = calibration.CalibrationError;
        }
        return new ModelManifest
        {
            Name = _workspace.Name,
            Version = 0,
            CreatedAt = createdAt,
            SchemaHash = Schema.Hash,
            Data = [.. basis?.Data ?? [], .. files],
            Seed = basis?.Seed ?? 0,
            Hyperparameters = (basis?.Hyperparameters ?? None).RemoveRange((basis?.Hyperparameters ?? None).Keys.Where(h => h.StartsWith(prefix, StringComparison.Ordinal))),
            Metrics = metrics.Where(m => double.IsFinite(m.Value)).ToImmutableSortedDictionary(StringComparer.Ordinal),
            Imports = [.. (basis?.Imports ?? []).Where(i => i.Part != origin.Part), origin],
        };
    }

    /// <summary>
    /// Runs the model on customers who lack features or have any of the categories, one by one and together: what cannot
    /// be evaluated would fail in service. Returns whether distances of segments are that: the least is the label's.
    /// </summary>
    /// <exception cref="InvalidDataException">The model fails on such a customer, mixes rows, or gives a probability beyond 0..1.</exception>
    private bool Probe()
    {
        FeatureMatrix probes = ProbeRows();
        try
        {
            return _request.Part == ImportedPart.Segments ? ProbeSegments(probes) : ProbeMargins(probes);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{_model.Name}: {e.Message}", e);
        }
    }

    private bool ProbeMargins(FeatureMatrix probes)
    {
        IRowModel model = ToRowModel(_inputs);
        _objective = model is ImportedRowModel margins ? margins.Model.Objective : $"output {((OnnxRowModel)model).Output}";
        float[] single = [.. Enumerable.Range(0, probes.Rows).Select(r => OnProbe(probes, r, row => Margins(model, row)[0]))];
        RequireSameBits(single, Margins(model, probes));
        WarnOfNaN(probes, [.. single.Select(float.IsNaN)], _request.Part == ImportedPart.Profit
            ? "such customers have no expected profit" : "the prior rate is their propensity");
        if (model is OnnxRowModel { LogOdds: true } onnx)
        {
            OnnxRowModel raw = new(onnx.File, OnnxModel.Parse(onnx.File.Span, onnx.Name), onnx.Inputs, onnx.Output, onnx.Prediction, logOdds: false);
            if (Margins(raw, probes).Where(p => p is < 0 or > 1.000001f).Take(1).ToArray() is [float beyond])
            {
                throw new InvalidDataException($"{_model.Name}: output '{onnx.Output}' gives {beyond}, which is no probability");
            }
        }
        return true;
    }

    private bool ProbeSegments(FeatureMatrix probes)
    {
        OnnxSegments segments = ToSegments(_inputs, withDistances: true);
        _objective = $"output {segments.Output}";
        (int Index, float Distance, float Margin)[] single = [.. Enumerable.Range(0, probes.Rows).Select(r => OnProbe(probes, r, row =>
        {
            (int[] indexes, float[] distances, float[] margins) = Assign(segments, row);
            return (indexes[0], distances[0], margins[0]);
        }))];
        (int[] allIndexes, float[] allDistances, _) = Assign(segments, probes);
        RequireSameBits([.. single.Select(s => (float)s.Index)], [.. allIndexes.Select(i => (float)i)]);
        RequireSameBits([.. single.Select(s => s.Distance)], allDistances);
        if (segments.Distances is null)
        {
            return false;
        }
        WarnOfNaN(probes, [.. single.Select(s => float.IsNaN(s.Distance))], "their segment means nothing");
        bool least = single.All(s => !(s.Margin < 0));
        if (!least)
        {
            _warnings.Add($"{_model.Name}: output '{segments.Distances}' holds no distances, as its least value is not the label's; distance and margin are not known");
        }
        return least;
    }

    private T OnProbe<T>(FeatureMatrix probes, int row, Func<FeatureMatrix, T> evaluate)
    {
        try
        {
            return evaluate(probes.Select([row]));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"cannot be evaluated for a customer with {Describe(probes.Row(row))} ('categories' and 'missing' in --map say what the model is to be given): {e.Message}", e);
        }
    }

    private void RequireSameBits(ReadOnlySpan<float> single, ReadOnlySpan<float> together)
    {
        for (int r = 0; r < single.Length; r++)
        {
            if (!single[r].Equals(together[r]))
            {
                throw new InvalidDataException($"{_model.Name}: a row's result depends on the other rows of its block, which is not supported");
            }
        }
    }

    private void WarnOfNaN(FeatureMatrix probes, bool[] isNaN, string consequence)
    {
        string[] features = [.. Enumerable.Range(1, probes.Rows - 1).Where(r => isNaN[r] && !isNaN[0])
            .Select(r => Describe(probes.Row(r))).Distinct().Take(5)];
        if (features.Length > 0)
        {
            _warnings.Add($"{_model.Name} has no answer for customers with {string.Join("; or ", features)}: {consequence} ('missing' in --map gives a value)");
        }
        else if (isNaN[0])
        {
            _warnings.Add($"{_model.Name} has no answer for a customer with {Describe(probes.Row(0))}: {consequence}");
        }
    }

    /// <summary>
    /// A customer in the middle of everything; the same with each feature missing that can be, or in each category; and one
    /// about whom nothing is known.
    /// </summary>
    private FeatureMatrix ProbeRows()
    {
        float[] middle = [.. Schema.Features.Select(f => f.Kind != FeatureKind.Numeric ? 0 : Math.Clamp(1, f.Minimum ?? float.MinValue, f.Maximum ?? float.MaxValue))];
        List<float[]> rows = [middle];
        foreach (int f in _inputs.Features)
        {
            Feature feature = Schema.Features[f];
            float[] values = feature.Kind switch
            {
                FeatureKind.Categorical => [.. Enumerable.Range(1, Math.Clamp(feature.Categories.Length - 1, 0, MostProbedCategories)).Select(c => (float)c)],
                FeatureKind.Boolean => [1],
                _ => [],
            };
            foreach (float value in feature.Missing == MissingHandling.Reject ? values : [float.NaN, .. values])
            {
                float[] row = [.. middle];
                row[f] = value;
                rows.Add(row);
            }
        }
        float[] nothing = new float[middle.Length];
        Array.Fill(nothing, float.NaN);
        rows.Add(nothing);
        return new FeatureMatrix(rows.Count, middle.Length, [.. rows.SelectMany(r => r)]);
    }

    private string Describe(ReadOnlySpan<float> row)
    {
        List<string> missing = [];
        List<string> held = [];
        foreach (int f in _inputs.Features)
        {
            Feature feature = Schema.Features[f];
            if (float.IsNaN(row[f]))
            {
                missing.Add(feature.Name);
            }
            else if (feature.Kind == FeatureKind.Categorical && feature.Categories.Length > (int)row[f])
            {
                held.Add($"{feature.Name} '{feature.Categories[(int)row[f]]}'");
            }
        }
        return missing.Count > 0 ? $"no {string.Join(", ", missing)}" : held.Count > 0 ? string.Join(", ", held) : "all features";
    }

    private static float[] Margins(IRowModel model, FeatureMatrix rows, Quantiser? quantiser = null)
    {
        const int block = ObliviousEnsemble.BlockRows;
        float[] margins = new float[rows.Rows];
        float[] scratch = new float[model.ScratchLength];
        byte[] bins = new byte[block * (quantiser?.Columns.Length ?? 0)];
        for (int r = 0; r < rows.Rows; r += block)
        {
            int count = Math.Min(block, rows.Rows - r);
            ReadOnlySpan<float> values = rows.Values.AsSpan(r * rows.Columns, count * rows.Columns);
            quantiser?.Quantise(values, count, rows.Columns, bins);
            model.Margins(new RowBlock(values, count, rows.Columns, bins, scratch), margins.AsSpan(r));
        }
        return margins;
    }

    private static (int[] Indexes, float[] Distances, float[] Margins) Assign(OnnxSegments segments, FeatureMatrix rows)
    {
        (int[] Indexes, float[] Distances, float[] Margins) result = (new int[rows.Rows], new float[rows.Rows], new float[rows.Rows]);
        segments.Assign(rows.Values, rows.Rows, rows.Columns, result.Indexes, result.Distances, result.Margins, []);
        return result;
    }

    private T Build<T>(Func<T> build)
    {
        try
        {
            return build();
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{_model.Name}: {e.Message}", e);
        }
    }
}
