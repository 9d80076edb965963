using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>model import</c>: a new version in which a part comes from a model that was trained elsewhere.</summary>
internal static class ModelImportCommand
{
    private const string PropensityPrefix = "propensity:";

    private static readonly Dictionary<string, ModelFileFormat> Formats = new(StringComparer.Ordinal)
    {
        ["xgboost"] = ModelFileFormat.XgBoost,
        ["lightgbm"] = ModelFileFormat.LightGbm,
        ["onnx"] = ModelFileFormat.Onnx,
    };

    /// <summary>What <c>model import</c> is asked to do.</summary>
    public sealed record Request(string Workspace, ImportRequest Import)
    {
        public int? Version { get; init; }

        /// <summary>Inputs and expected outputs; null for no check.</summary>
        public (string Inputs, string Expected)? Check { get; init; }

        public string? ExpectedColumn { get; init; }

        public double? Tolerance { get; init; }

        public string? Calibrate { get; init; }

        public string Label { get; init; } = "label";

        public string? Data { get; init; }

        public long AllowRejects { get; init; }
    }

    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> format = new("--format") { Description = "Format of the model: XGBoost JSON, UBJSON or binary; LightGBM text; ONNX", Required = true };
        format.AcceptOnlyFromAmong([.. Formats.Keys]);
        Option<string> file = new("--file", "-f") { Description = "The model file", HelpName = "MODEL", Required = true };
        Option<string> part = new("--as") { Description = "What it becomes: expected profit, segments, or the propensity of a proposition", HelpName = "profit|segments|propensity:ID", Required = true };
        part.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } text && PartOf(text) is null)
            {
                result.AddError($"--as: '{text}', expected profit, segments or propensity:ID");
            }
        });
        Option<string?> map = new("--map")
        {
            Description = "YAML: 'inputs' from the model's names to features, 'categories' from its codes or texts to the schema's names, "
                + "'segments' from labels to names. Without it the names must agree",
            HelpName = "FILE",
        };
        Option<string[]> check = new("--check")
        {
            Description = "CSV of inputs (the model's, or features) and CSV of expected outputs: import only if the model as it runs here agrees",
            HelpName = "INPUTS EXPECTED",
            Arity = new ArgumentArity(2, 2),
            AllowMultipleArgumentsPerToken = true,
        };
        Option<string?> expectedColumn = new("--expected-column") { Description = "Column of the expected outputs; the last one unless given, 'label' for segments", HelpName = "COLUMN" };
        Option<double?> tolerance = new("--tolerance") { Description = "Largest difference: relative for amounts (1e-6 unless given), absolute for probabilities (2e-6)", HelpName = "T" };
        tolerance.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is { } value && !(value >= 0 && double.IsFinite(value)))
            {
                result.AddError($"--tolerance: {value.ToString(CultureInfo.InvariantCulture)}, expected 0 or more");
            }
        });
        Option<string?> calibrate = new("--calibrate")
        {
            Description = "Fit probabilities on outcomes of customers that the model was not trained on: a file as train --outcomes takes, or customers with a column of yes/no",
            HelpName = "FILE",
        };
        Option<string> label = new("--label") { Description = "The yes/no column of --calibrate with customers", HelpName = "COLUMN", DefaultValueFactory = _ => "label" };
        Option<string?> data = new("--data", "-d") { Description = "Customer file: for tiers where none are set, and for sizes and words of segments", HelpName = "FILE" };
        Option<string?> names = new("--names") { Description = "Names of the segments, in the order of labels", HelpName = "A,B,..." };
        Option<string?> modelOutput = new("--output") { Description = "Name of the ONNX output, where several would do", HelpName = "NAME" };
        Option<string?> @class = new("--class") { Description = "Which class, or column of an output, counts; the second of two unless given", HelpName = "NAME" };
        Option<int?> version = new("--version") { Description = "The version whose other parts stay; the newest unless given", HelpName = "N" };
        Option<long> allowRejects = CommonOptions.AllowRejects();
        EngineCommand command = new("import", "Make a new version in which a part comes from a model that was trained elsewhere",
            "scoring-engine model import --format xgboost --file churn.json --as propensity:retention_call -w models/mine --map churn.yaml --check rows.csv expected.csv",
            "scoring-engine model import --format lightgbm --file spend.txt --as profit -w models/mine --data customers.csv",
            "scoring-engine model import --format onnx --file kmeans.onnx --as segments -w models/mine --map kmeans.yaml --names Loyal,New,Lapsed,Best")
        {
            workspace, format, file, part, map, check, expectedColumn, tolerance, calibrate, label, data, names, modelOutput, @class, version, allowRejects,
        };
        command.SetHandler((parse, output, cancellation) =>
        {
            (ImportedPart kind, string? proposition) = PartOf(parse.GetRequiredValue(part))!.Value;
            string[] files = parse.GetValue(check) ?? [];
            ImportRequest import = new()
            {
                Format = Formats[parse.GetRequiredValue(format)],
                File = parse.GetRequiredValue(file),
                Part = kind,
                PropositionId = proposition,
                Map = parse.GetValue(map),
                Choice = new PredictionChoice(parse.GetValue(modelOutput), parse.GetValue(@class)),
                Calibrated = parse.GetValue(calibrate) is not null,
                SegmentNames = parse.GetValue(names) is { } list ? [.. list.Split(',', StringSplitOptions.TrimEntries)] : [],
            };
            return Task.FromResult(Run(new Request(parse.GetRequiredValue(workspace), import)
            {
                Version = parse.GetValue(version),
                Check = files.Length == 2 ? (files[0], files[1]) : null,
                ExpectedColumn = parse.GetValue(expectedColumn),
                Tolerance = parse.GetValue(tolerance),
                Calibrate = parse.GetValue(calibrate),
                Label = parse.GetRequiredValue(label),
                Data = parse.GetValue(data),
                AllowRejects = parse.GetValue(allowRejects),
            }, output, cancellation));
        });
        return command;
    }

    /// <summary>Imports; nothing is written where the check fails or too many rows are rejected.</summary>
    public static ExitCode Run(Request request, CommandOutput output, CancellationToken cancellation)
    {
        RequireSense(request);
        Workspace workspace = Workspace.Load(request.Workspace);
        ModelImport import = ModelImport.Load(workspace, request.Import);
        ImportCheck? check = request.Check is { } files ? import.Check(files.Inputs, files.Expected, request.ExpectedColumn, request.Tolerance) : null;
        if (check is { Agrees: false })
        {
            return Refuse(check, request, output);
        }
        RejectedRows rejected = new(output, request.AllowRejects);
        List<TrainingFile> read = [];
        CustomerTable? customers = request.Data is null ? null : ReadCustomers(workspace, request.Data, rejected, read, output, cancellation);
        PropensityTraining? calibration = request.Calibrate is null ? null : Calibrate(import, workspace, request, rejected, read, output, cancellation);
        ExitCode exit = rejected.Finish();
        if (exit != ExitCode.Success)
        {
            output.Warn("no version was written");
            output.Result(new JsonObject
            {
                ["error"] = new JsonObject { ["message"] = $"{rejected.Count} rows were rejected, no version was written" },
                ["rejected"] = rejected.ToJson(),
            });
            return exit;
        }
        (ModelSet Models, FeatureMatrix GoldenRows)? basis = Basis(workspace, request);
        int nextSegmentId = workspace.Versions().IsEmpty ? 1
            : Math.Max(ModelPackage.LoadPrevious(workspace)!.Segments.NextId, basis?.Models.Segments.NextId ?? 1);
        (ModelSet models, FeatureMatrix golden) = import.ApplyTo(basis, nextSegmentId, customers, calibration, read, DateTimeOffset.UtcNow);
        string report = Report(import, basis?.Models.Manifest.Version, check, calibration);
        ModelSet written = ModelPackage.Write(workspace, models, golden, report);
        Show(written, workspace, import, basis?.Models.Manifest.Version, check, calibration, rejected, report, output);
        return ExitCode.Success;
    }

    private static (ImportedPart Part, string? Proposition)? PartOf(string text) => text switch
    {
        "profit" => (ImportedPart.Profit, null),
        "segments" => (ImportedPart.Segments, null),
        _ when text.StartsWith(PropensityPrefix, StringComparison.Ordinal) && text.Length > PropensityPrefix.Length
            => (ImportedPart.Propensity, text[PropensityPrefix.Length..]),
        _ => null,
    };

    private static void RequireSense(Request request)
    {
        ImportedPart part = request.Import.Part;
        string[] problems =
        [
            .. request.Calibrate is not null && part != ImportedPart.Propensity ? ["--calibrate fits probabilities: only a propensity has them"] : Array.Empty<string>(),
            .. !request.Import.SegmentNames.IsEmpty && part != ImportedPart.Segments ? ["--names names segments, but none are imported"] : Array.Empty<string>(),
            .. request.Data is not null && part == ImportedPart.Propensity ? ["--data serves profit and segments; a propensity takes --calibrate"] : Array.Empty<string>(),
            .. request.Check is null && (request.Tolerance ?? (object?)request.ExpectedColumn) is not null
                ? ["--tolerance and --expected-column are of use with --check only"] : Array.Empty<string>(),
        ];
        if (problems.Length > 0)
        {
            throw new CommandFailure(string.Join(Environment.NewLine, problems), ExitCode.Usage);
        }
    }

    private static (ModelSet Models, FeatureMatrix GoldenRows)? Basis(Workspace workspace, Request request)
    {
        if (request.Version is null && request.Import.Part == ImportedPart.Segments && workspace.Versions().IsEmpty)
        {
            return null;
        }
        ModelSet models = ModelPackage.Load(workspace, request.Version);
        return (models, ModelPackage.ReadGoldenRows(workspace, models.Manifest.Version));
    }

    private static CustomerTable ReadCustomers(
        Workspace workspace, string data, RejectedRows rejected, List<TrainingFile> read, CommandOutput output, CancellationToken cancellation)
        => output.WithProgress("customers", progress =>
        {
            using CustomerFile file = CustomerFile.Open(CsvTable.Open(data, Console.OpenStandardInput()), new CategoryDictionary(workspace.Schema.Features),
                workspace.Schema.IdColumn, workspace.Schema.Target, rejected.Add, withContext: true);
            CustomerTable customers = CustomerTable.Read(file, progress, cancellation);
            read.Add(new TrainingFile("customers", customers.Name, customers.Count, customers.Fingerprint));
            return customers.Count > 0 ? customers : throw new InvalidDataException($"{data}: no customers");
        });

    private static PropensityTraining Calibrate(ModelImport import, Workspace workspace, Request request, RejectedRows rejected,
        List<TrainingFile> read, CommandOutput output, CancellationToken cancellation)
        => output.WithProgress("calibration", progress =>
        {
            CsvTable table = CsvTable.Open(request.Calibrate!, Console.OpenStandardInput());
            CategoryDictionary categories = new(workspace.Schema.Features);
            if (table.IndexOf("proposition") >= 0 && table.IndexOf("decided_at") >= 0)
            {
                OutcomeTable outcomes = OutcomeTable.Read(table, categories, workspace.Propositions, null, rejected.Add, progress, cancellation);
                int proposition = workspace.Propositions.IndexOf(workspace.Propositions.Single(p => p.Id == request.Import.PropositionId));
                int[] offers = [.. Enumerable.Range(0, outcomes.Count).Where(i => outcomes.Propositions[i] == proposition && outcomes.Presented[i])];
                read.Add(new TrainingFile("calibration", outcomes.Name, offers.Length, outcomes.Fingerprint));
                return import.Calibrate(outcomes.Rows.Select(offers), [.. offers.Select(i => outcomes.Accepted[i])], [.. offers.Select(i => (long)outcomes.Hashes[i])]);
            }
            using CustomerFile file = CustomerFile.Open(table, categories, workspace.Schema.IdColumn, null, rejected.Add, withContext: true);
            return CalibrateOnCustomers(import, file, request.Label, read, cancellation);
        });

    private static PropensityTraining CalibrateOnCustomers(
        ModelImport import, CustomerFile file, string label, List<TrainingFile> read, CancellationToken cancellation)
    {
        int column = file.Table.Require(label);
        List<float> values = [];
        List<float> accepted = [];
        List<long> customers = [];
        while (file.Read())
        {
            if (!CustomerFile.TryParseBoolean(file.Table[column], out bool yes))
            {
                file.Reject(label, file.Table.Text(column), "expected yes/no, true/false or 1/0");
                continue;
            }
            values.AddRange(file.Values);
            accepted.Add(yes ? 1 : 0);
            customers.Add((long)CustomerHash.Of(file.Id));
            cancellation.ThrowIfCancellationRequested();
        }
        FeatureMatrix rows = new(accepted.Count, file.Values.Length, [.. values]);
        file.Schema.DropUnknownCategories(rows.Values);
        read.Add(new TrainingFile("calibration", Path.GetFileName(file.Table.Name), rows.Rows, Fingerprint(rows, [.. accepted])));
        return import.Calibrate(rows, [.. accepted], [.. customers]);
    }

    private static string Fingerprint(FeatureMatrix rows, float[] accepted)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(rows.Values.AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(accepted.AsSpan()));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static ExitCode Refuse(ImportCheck check, Request request, CommandOutput output)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{request.Import.File}: {check.Differing} of {check.Rows} rows differ from {check.Column} in {request.Check!.Value.Expected} by more than {Number(check.Tolerance)}, at most {Number(check.LargestDifference)}; no version was written");
        foreach (ImportDifference row in check.First)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Environment.NewLine}  row {row.Row}: expected {row.Expected}, found {row.Found}");
        }
        output.Fail(text.ToString(), new JsonArray([.. check.First.Select(r => new JsonObject { ["row"] = r.Row, ["expected"] = r.Expected, ["found"] = r.Found })]));
        return ExitCode.Failure;
    }

    private static string Report(ModelImport import, int? basis, ImportCheck? check, PropensityTraining? calibration)
    {
        ImportedFile origin = import.Origin;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{origin.Part} imported from {origin.Name} ({origin.Format}, {origin.Objective}), SHA-256 {origin.Sha256}\n");
        text.Append(basis is null ? "First version: no profit, no propensities\n" : $"All else as in version {basis}\n");
        text.Append(check is null ? "Not checked against expected outputs\n" : string.Create(CultureInfo.InvariantCulture,
            $"Checked on {check.Rows} rows against {check.Column}: largest difference {Number(check.LargestDifference)}, {Number(check.Tolerance)} allowed\n"));
        if (calibration is not null)
        {
            PropensityCandidate chosen = calibration.Candidates[0];
            text.Append(CultureInfo.InvariantCulture, $"Calibrated ({SnakeCase.Of(chosen.Calibration)}) on {calibration.CalibrationRows} outcomes: AUC {calibration.AreaUnderCurve:0.0000}, log-loss {calibration.LogLoss:0.0000}, calibration error {calibration.CalibrationError:0.0000}, on folds left out\n");
        }
        foreach (string warning in import.Warnings)
        {
            text.Append(CultureInfo.InvariantCulture, $"Note: {warning}\n");
        }
        return text.ToString();
    }

    private static void Show(ModelSet written, Workspace workspace, ModelImport import, int? basis, ImportCheck? check,
        PropensityTraining? calibration, RejectedRows rejected, string report, CommandOutput output)
    {
        ModelManifest manifest = written.Manifest;
        ImportedFile origin = import.Origin;
        output.Line(report.TrimEnd());
        output.Line($"version {manifest.Version} of {manifest.Name} is in {workspace.VersionDirectory(manifest.Version)}");
        output.Result(new JsonObject
        {
            ["model"] = manifest.Name,
            ["version"] = manifest.Version,
            ["base_version"] = basis,
            ["import"] = new JsonObject
            {
                ["part"] = origin.Part,
                ["file"] = origin.Name,
                ["sha256"] = origin.Sha256,
                ["format"] = origin.Format,
                ["objective"] = origin.Objective,
            },
            ["check"] = check is null ? null : new JsonObject
            {
                ["column"] = check.Column,
                ["rows"] = check.Rows,
                ["tolerance"] = check.Tolerance,
                ["largest_difference"] = check.LargestDifference,
            },
            ["calibration"] = calibration is null ? null : new JsonObject
            {
                ["method"] = SnakeCase.Of(calibration.Candidates[0].Calibration),
                ["rows"] = calibration.CalibrationRows,
                ["auc"] = calibration.AreaUnderCurve,
                ["log_loss"] = calibration.LogLoss,
                ["calibration_error"] = calibration.CalibrationError,
            },
            ["segments"] = new JsonArray([.. written.Segments.Segments.Select(s => new JsonObject { ["id"] = s.Id, ["name"] = s.Name, ["size"] = s.Size })]),
            ["potential_known"] = written.Profit is null ? null : written.Profit.Upper is not null,
            ["notes"] = new JsonArray([.. import.Warnings.Select(w => (JsonNode)w)]),
            ["rejected"] = rejected.ToJson(),
        });
    }

    private static string Number(double value) => value.ToString("0.###e+0", CultureInfo.InvariantCulture);
}
