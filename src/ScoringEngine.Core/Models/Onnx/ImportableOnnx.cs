using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>An ONNX file that may become a part of a version.</summary>
internal sealed class ImportableOnnx : ImportableModel
{
    // Operators whose result is a probability; others may be, but then the name of the output has to say so.
    private static readonly string[] ProbabilityOperators = ["Sigmoid", "Softmax", "Normalizer", "ZipMap", "LinearClassifier", "TreeEnsembleClassifier", "SVMClassifier"];

    private readonly byte[] _file;
    private readonly OnnxModel _model;

    public ImportableOnnx(string name, string sha256, byte[] file, OnnxModel model)
        : base(name, sha256)
    {
        _file = file;
        _model = model;
        ImmutableArray<OnnxColumn>? columns = OnnxRows.Columns(model);
        ImmutableArray<ImportableInput> described = DescribedInputs(model);
        HasInputNames = columns is { } known && (known.Length == model.Inputs.Length || described.Length == known.Length);
        Inputs = columns is not { } all ? default
            : described.Length == all.Length ? described
            : [.. all.Select(c => new ImportableInput(c.Name, KindOf(c.ElementType), []))];
    }

    public override string Source => "ONNX";

    public override ImmutableArray<ImportableInput> Inputs { get; }

    public override bool HasInputNames { get; }

    /// <summary>What a value of the model's only input takes, where their number is left open.</summary>
    public ImportableInputKind OnlyKind => KindOf(_model.Inputs[0].ElementType);

    public override IRowModel ToProfit(InputMapping inputs, PredictionChoice choice)
    {
        OnnxValue output = NumberOutput(choice, "");
        int columns = ColumnsOf(output, inputs);
        return columns == 1 || choice.Class is not null
            ? new OnnxRowModel(_file, _model, inputs, output.Name, ClassIndex(columns, output.Keys, choice.Class), logOdds: false)
            : throw new InvalidDataException($"{Name}: output '{output.Name}' has {columns} columns, expected one amount a row (--class takes one of them)");
    }

    public override IRowModel ToPropensity(InputMapping inputs, PredictionChoice choice, bool calibrated)
    {
        OnnxValue output = NumberOutput(choice, "prob");
        bool probability = !output.Keys.IsEmpty || output.Name.Contains("prob", StringComparison.OrdinalIgnoreCase)
            || output.Name.StartsWith(OnnxExport.PropensityPrefix, StringComparison.Ordinal)
            || ProbabilityOperators.Contains(_model.OperatorOf(output.Name));
        return probability || calibrated
            ? new OnnxRowModel(_file, _model, inputs, output.Name, ClassIndex(ColumnsOf(output, inputs), output.Keys, choice.Class), probability)
            : throw new InvalidDataException($"{Name}: output '{output.Name}' is not said to be a probability: fit one with --calibrate FILE");
    }

    /// <summary>The model as segments.</summary>
    /// <param name="inputs">Where its inputs come from.</param>
    /// <param name="choice">The output with the labels, where there are several that could be.</param>
    /// <param name="labels">The labels in the order of segments; empty for 0, 1, ... as many as there are distances.</param>
    /// <param name="withDistances">Whether to read distances where an output fits.</param>
    /// <exception cref="InvalidDataException">It gives no labels, or which are meant is not clear.</exception>
    public OnnxSegments ToSegments(InputMapping inputs, PredictionChoice choice, ImmutableArray<string> labels, bool withDistances)
    {
        OnnxValue output = Pick(choice, o => o.Keys.IsEmpty && o.ElementType is OnnxElementType.Int64 or OnnxElementType.Int32 or OnnxElementType.String,
            "", "labels (whole numbers or text)");
        OnnxValue? distances = _model.Outputs.Where(o => o != output && IsNumber(o)).ToArray() is [{ } only] ? only : null;
        int columns = distances is null ? 0 : ColumnsOf(distances, inputs);
        if (labels.IsEmpty)
        {
            labels = columns > 0 && output.ElementType != OnnxElementType.String
                ? [.. Enumerable.Range(0, columns).Select(l => l.ToString(CultureInfo.InvariantCulture))]
                : throw new InvalidDataException($"{Name}: which labels does output '{output.Name}' have? List them under 'segments' of --map, label: name");
        }
        return new OnnxSegments(_file, _model, inputs, output.Name, withDistances && columns == labels.Length ? distances!.Name : null, labels);
    }

    private static bool IsNumber(OnnxValue output) => output.ElementType is OnnxElementType.Float or OnnxElementType.Double;

    private static ImportableInputKind KindOf(OnnxElementType type) => type switch
    {
        OnnxElementType.String => ImportableInputKind.Text,
        OnnxElementType.Float or OnnxElementType.Double => ImportableInputKind.Number,
        _ => ImportableInputKind.WholeNumber,
    };

    private OnnxValue NumberOutput(PredictionChoice choice, string preferred) => Pick(choice, IsNumber, preferred, "numbers");

    private OnnxValue Pick(PredictionChoice choice, Func<OnnxValue, bool> fits, string preferred, string what)
    {
        OnnxValue[] fitting = [.. _model.Outputs.Where(fits)];
        if (choice.Output is { } name)
        {
            return fitting.FirstOrDefault(o => o.Name == name) ?? throw new InvalidDataException(
                $"{Name}: no output '{name}' of {what}{NearestName.Hint(name, fitting.Select(o => o.Name))}; found {Found()}");
        }
        OnnxValue[] best = [.. fitting.Where(o => preferred.Length > 0 && o.Name.Contains(preferred, StringComparison.OrdinalIgnoreCase))];
        return fitting.Length == 1 ? fitting[0] : best.Length == 1 ? best[0]
            : throw new InvalidDataException($"{Name}: expected one output of {what}, found {Found()}{(fitting.Length > 1 ? " (--output says which)" : "")}");

        string Found() => string.Join(", ", _model.Outputs.Select(o => $"{o.Name} ({o.ElementType})"));
    }

    /// <summary>Columns of an output, by evaluating a row of zeros where the file does not say.</summary>
    private int ColumnsOf(OnnxValue output, InputMapping inputs)
    {
        if (output.Dimensions is { IsDefault: false } and ([_] or [_, > 0]))
        {
            return output.Dimensions.Length == 1 ? 1 : output.Dimensions[1];
        }
        OnnxRows rows = new(_model.ForOutputs(output.Name), inputs);
        return rows.Evaluate(new float[inputs.MinimumColumns], 1, inputs.MinimumColumns)[output.Name].Length;
    }

    /// <summary>The inputs as our own export describes them; empty in other files.</summary>
    private static ImmutableArray<ImportableInput> DescribedInputs(OnnxModel model)
    {
        if (!model.Metadata.TryGetValue(OnnxExport.FeaturesProperty, out string? text) || model.Inputs.Length != 1)
        {
            return [];
        }
        try
        {
            using JsonDocument features = JsonDocument.Parse(text);
            return [.. features.RootElement.EnumerateArray().Select(f => new ImportableInput(
                f.GetProperty("name").GetString() ?? "", ImportableInputKind.Number,
                f.TryGetProperty("categories", out JsonElement categories) ? [.. categories.EnumerateArray().Select(c => c.GetString() ?? "")] : []))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException($"{model.Name}: metadata {OnnxExport.FeaturesProperty} lists no features: {e.Message}", e);
        }
    }
}
