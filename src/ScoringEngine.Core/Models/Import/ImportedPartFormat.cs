using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>Between imported parts and the messages of <c>scoring/model/v1/imported_part.proto</c>.</summary>
internal static class ImportedPartFormat
{
    /// <summary>The message of an imported model; null for one that was trained here.</summary>
    public static ImportedPartParameters? ToMessage(IRowModel? model)
    {
        ImportedPartParameters message = new();
        switch (model)
        {
            case ImportedRowModel trees:
                message.Trees = ImportedModelFormat.ToMessage(trees.Model);
                message.Inputs.Add(trees.Inputs.Inputs.Select(ToMessage));
                message.Prediction = (uint)trees.Prediction;
                message.LogOdds = trees.LogOdds;
                return message;
            case OnnxRowModel onnx:
                message.Onnx = ToMessage(onnx.Name, onnx.File, onnx.Output);
                message.Inputs.Add(onnx.Inputs.Inputs.Select(ToMessage));
                message.Prediction = (uint)onnx.Prediction;
                message.LogOdds = onnx.LogOdds;
                return message;
            default:
                return null;
        }
    }

    /// <exception cref="ArgumentException">Parts do not fit together or the schema.</exception>
    /// <exception cref="InvalidDataException">The model within is damaged or not supported.</exception>
    public static IRowModel FromMessage(ImportedPartParameters message, FeatureSchema schema, bool withContext)
    {
        InputMapping inputs = FromMessage(message.Inputs, schema, withContext);
        int prediction = (int)Math.Min(message.Prediction, int.MaxValue);
        return message.ModelCase switch
        {
            ImportedPartParameters.ModelOneofCase.Trees => new ImportedRowModel(
                ImportedModelFormat.FromMessage(message.Trees), inputs, prediction, message.LogOdds),
            ImportedPartParameters.ModelOneofCase.Onnx => new OnnxRowModel(
                message.Onnx.File.Memory, Parse(message.Onnx), inputs, message.Onnx.Output, prediction, message.LogOdds),
            _ => throw new InvalidDataException("an imported part has no model"),
        };
    }

    public static ImportedSegmentsParameters ToMessage(OnnxSegments segments)
    {
        ImportedSegmentsParameters message = new()
        {
            Onnx = ToMessage(segments.Name, segments.File, segments.Output),
            DistancesOutput = segments.Distances ?? "",
        };
        message.Inputs.Add(segments.Inputs.Inputs.Select(ToMessage));
        message.Labels.Add(segments.Labels);
        return message;
    }

    /// <exception cref="ArgumentException">Parts do not fit together or the schema.</exception>
    /// <exception cref="InvalidDataException">The model within is damaged or not supported.</exception>
    public static OnnxSegments FromMessage(ImportedSegmentsParameters message, FeatureSchema schema)
    {
        OnnxParameters onnx = message.Onnx ?? throw new InvalidDataException("imported segments have no model");
        return new OnnxSegments(
            onnx.File.Memory, Parse(onnx), FromMessage(message.Inputs, schema, withContext: false), onnx.Output,
            message.DistancesOutput.Length > 0 ? message.DistancesOutput : null, [.. message.Labels]);
    }

    private static OnnxModel Parse(OnnxParameters message) => OnnxModel.Parse(message.File.Span, message.Name);

    private static OnnxParameters ToMessage(string name, ReadOnlyMemory<byte> file, string output)
        => new() { Name = name, File = ByteString.CopyFrom(file.Span), Output = output };

    private static InputParameters ToMessage(ModelInput input)
    {
        InputParameters message = new()
        {
            Name = input.Name,
            Missing = input.Missing,
            MissingText = input.MissingText,
        };
        if (input.Feature is { } feature)
        {
            message.Feature = (uint)feature;
        }
        if (input.Category is { } category)
        {
            message.Category = (uint)category;
        }
        message.Codes.Add(input.Codes);
        message.Texts.Add(input.Texts);
        return message;
    }

    private static InputMapping FromMessage(IEnumerable<InputParameters> inputs, FeatureSchema schema, bool withContext)
    {
        InputMapping mapping = new([.. inputs.Select(i => new ModelInput
        {
            Name = i.Name,
            Feature = i.HasFeature ? (int)Math.Min(i.Feature, int.MaxValue - 1) : null,
            Category = i.HasCategory ? (int)Math.Min(i.Category, int.MaxValue) : null,
            Codes = [.. i.Codes],
            Texts = [.. i.Texts],
            Missing = i.Missing,
            MissingText = i.MissingText,
        })]);
        mapping.RequireFit(schema, withContext);
        return mapping;
    }
}
