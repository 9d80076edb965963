using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Google.Protobuf;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>Between an <see cref="ImportedModel"/> and the messages of <c>scoring/model/v1/imported_trees.proto</c>.</summary>
internal static class ImportedModelFormat
{
    private const uint CurrentFormat = 1;

    public static byte[] Write(ImportedModel model) => ToMessage(model).ToByteArray();

    /// <exception cref="InvalidDataException">The bytes are no model, are damaged, or have another format.</exception>
    public static ImportedModel Read(byte[] bytes)
    {
        try
        {
            return FromMessage(ImportedModelParameters.Parser.ParseFrom(bytes));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException($"imported model: {e.Message}", e);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"imported model: {e.Message}", e);
        }
    }

    public static ImportedModelParameters ToMessage(ImportedModel model)
    {
        ImportedModelParameters message = new()
        {
            Format = CurrentFormat,
            Source = model.Source,
            Objective = model.Objective,
            Link = ToMessage(model.Transform.Link),
            LinkScale = model.Transform.Scale,
            TreesPerIteration = (uint)model.TreesPerIteration,
        };
        message.FeatureNames.Add(model.FeatureNames);
        if (model.BestIteration is { } best)
        {
            message.BestIteration = best;
        }
        switch (model.MarginModel)
        {
            case GeneralEnsemble ensemble:
                message.Ensemble = ToMessage(ensemble);
                break;
            case LinearModel linear:
                message.Linear = new LinearParameters { FeatureCount = (uint)linear.FeatureCount };
                message.Linear.Weights.Add(linear.Weights);
                message.Linear.Intercepts.Add(linear.Intercepts);
                break;
            default:
                throw new ArgumentException($"margin model {model.MarginModel.GetType().Name} has no message", nameof(model));
        }
        return message;
    }

    /// <exception cref="InvalidDataException">The format is not known.</exception>
    /// <exception cref="ArgumentException">Parts do not fit together.</exception>
    public static ImportedModel FromMessage(ImportedModelParameters message)
    {
        if (message.Format != CurrentFormat)
        {
            throw new InvalidDataException($"format {message.Format} of an imported model, expected {CurrentFormat}");
        }
        if (message.Ensemble is { } ensemble && (message.TreesPerIteration == 0 || ensemble.Trees.Count % message.TreesPerIteration != 0))
        {
            throw new InvalidDataException($"{ensemble.Trees.Count} trees of an imported model are not whole iterations of {message.TreesPerIteration}");
        }
        return new ImportedModel
        {
            Source = message.Source,
            Objective = message.Objective,
            FeatureNames = [.. message.FeatureNames],
            Transform = new PredictionTransform(FromMessage(message.Link), message.LinkScale),
            TreesPerIteration = Checked(message.TreesPerIteration),
            BestIteration = message.HasBestIteration ? message.BestIteration : null,
            MarginModel = message.MarginModelCase switch
            {
                ImportedModelParameters.MarginModelOneofCase.Ensemble => FromMessage(message.Ensemble),
                ImportedModelParameters.MarginModelOneofCase.Linear => new LinearModel(
                    Checked(message.Linear.FeatureCount), [.. message.Linear.Weights], [.. message.Linear.Intercepts]),
                _ => throw new InvalidDataException("an imported model has no margin model"),
            },
        };
    }

    private static ImportedLink ToMessage(MarginLink link) => link switch
    {
        MarginLink.Identity => ImportedLink.Identity,
        MarginLink.Logistic => ImportedLink.Logistic,
        MarginLink.Exponential => ImportedLink.Exponential,
        MarginLink.Softmax => ImportedLink.Softmax,
        MarginLink.SignedSquare => ImportedLink.SignedSquare,
        MarginLink.Softplus => ImportedLink.Softplus,
        _ => throw new ArgumentOutOfRangeException(nameof(link), link, "unknown link"),
    };

    private static MarginLink FromMessage(ImportedLink link) => link switch
    {
        ImportedLink.Identity => MarginLink.Identity,
        ImportedLink.Logistic => MarginLink.Logistic,
        ImportedLink.Exponential => MarginLink.Exponential,
        ImportedLink.Softmax => MarginLink.Softmax,
        ImportedLink.SignedSquare => MarginLink.SignedSquare,
        ImportedLink.Softplus => MarginLink.Softplus,
        _ => throw new InvalidDataException($"link {link} of an imported model is not known"),
    };

    private static GeneralEnsembleParameters ToMessage(GeneralEnsemble ensemble)
    {
        GeneralEnsembleParameters message = new()
        {
            FeatureCount = (uint)ensemble.FeatureCount,
            SinglePrecision = ensemble.Precision == MarginPrecision.Single,
            AveragedOver = (uint)ensemble.AveragedOver,
        };
        message.BaseMargins.Add(ensemble.BaseMargins);
        message.Trees.Add(ensemble.Trees.Zip(ensemble.TreeOutputs, ToMessage));
        return message;
    }

    private static GeneralTreeParameters ToMessage(GeneralTree tree, int output)
    {
        GeneralTreeParameters message = new()
        {
            Output = (uint)output,
            Rules = ByteString.CopyFrom(MemoryMarshal.AsBytes(tree.Rules.AsSpan())),
        };
        message.Features.Add(tree.Features.Select(f => (uint)f));
        message.Thresholds.Add(tree.Thresholds);
        message.Left.Add(tree.Left);
        message.Right.Add(tree.Right);
        message.Leaves.Add(tree.Leaves);
        message.CategoryOffsets.Add(tree.CategoryOffsets.Select(o => (uint)o));
        message.CategoryWords.Add(tree.CategoryWords);
        return message;
    }

    private static GeneralEnsemble FromMessage(GeneralEnsembleParameters message) => new(
        Checked(message.FeatureCount),
        [.. message.BaseMargins],
        [.. message.Trees.Select(FromMessage)],
        [.. message.Trees.Select(t => Checked(t.Output))],
        message.SinglePrecision ? MarginPrecision.Single : MarginPrecision.Double,
        Checked(message.AveragedOver));

    private static GeneralTree FromMessage(GeneralTreeParameters message) => new(
        [.. message.Features.Select(Checked)],
        [.. message.Thresholds],
        ImmutableArray.Create(MemoryMarshal.Cast<byte, SplitRules>(message.Rules.Span)),
        [.. message.Left],
        [.. message.Right],
        [.. message.Leaves],
        [.. message.CategoryOffsets.Select(Checked)],
        [.. message.CategoryWords]);

    private static int Checked(uint value)
        => value <= int.MaxValue ? (int)value : throw new InvalidDataException($"{value} in an imported model is out of range");
}
