using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models.Import;

/// <summary>What a model's input takes.</summary>
internal enum ImportableInputKind
{
    /// <summary>A number; NaN is missing.</summary>
    Number,

    /// <summary>A whole number, which cannot be missing.</summary>
    WholeNumber,

    /// <summary>Text.</summary>
    Text,
}

/// <summary>An input of a model file.</summary>
/// <param name="Name">As the file calls it, or by its position.</param>
/// <param name="Kind">What it takes.</param>
/// <param name="Categories">The category of each code, where the file says so; else empty.</param>
internal readonly record struct ImportableInput(string Name, ImportableInputKind Kind, ImmutableArray<string> Categories);

/// <summary>Which of a model's predictions is wanted, where it has several.</summary>
/// <param name="Output">Name of an ONNX output; null for the one that fits.</param>
/// <param name="Class">Name or number of a class; null for the second of two.</param>
public sealed record PredictionChoice(string? Output = null, string? Class = null);

/// <summary>A model file that was read and may become a part of a version.</summary>
internal abstract class ImportableModel(string name, string sha256)
{
    /// <summary>File name without its folder.</summary>
    public string Name { get; } = name;

    /// <summary>SHA-256 of the file, lower-case hexadecimal.</summary>
    public string Sha256 { get; } = sha256;

    /// <summary>Format and version.</summary>
    public abstract string Source { get; }

    /// <summary>The inputs in order; default where the file leaves their number open.</summary>
    public abstract ImmutableArray<ImportableInput> Inputs { get; }

    /// <summary>Whether the file names its inputs; else they are known by position.</summary>
    public abstract bool HasInputNames { get; }

    /// <summary>Things to know about the file.</summary>
    public virtual IEnumerable<string> Warnings => [];

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no such model, damaged, or not supported; the message names it.</exception>
    public static ImportableModel Load(ModelFileFormat format, string path)
    {
        byte[] bytes = ModelFile.Read(path).Bytes;
        string name = Path.GetFileName(path);
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        return format switch
        {
            ModelFileFormat.XgBoost => new ImportableMargins(name, sha256, XgBoostImporter.Load(new MemoryStream(bytes), path)),
            ModelFileFormat.LightGbm => new ImportableMargins(name, sha256, LightGbmImporter.Load(new MemoryStream(bytes), path)),
            ModelFileFormat.Onnx => new Onnx.ImportableOnnx(name, sha256, bytes, Onnx.OnnxModel.Parse(bytes, path)),
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "unknown format"),
        };
    }

    /// <summary>The model as expected profit; its margin is the prediction.</summary>
    /// <exception cref="InvalidDataException">It predicts no amount, or which prediction is meant is not clear.</exception>
    public abstract IRowModel ToProfit(InputMapping inputs, PredictionChoice choice);

    /// <summary>The model as a propensity; its margin is the log-odds of its probability or, to be calibrated, another score.</summary>
    /// <exception cref="InvalidDataException">It gives no probability and is not to be calibrated, or which prediction is meant is not clear.</exception>
    public abstract IRowModel ToPropensity(InputMapping inputs, PredictionChoice choice, bool calibrated);

    /// <summary>Number of the class that is wanted.</summary>
    /// <exception cref="InvalidDataException">There is none of that name, or none was named where more than two are there.</exception>
    protected int ClassIndex(int classes, ImmutableArray<string> names, string? wanted)
    {
        if (wanted is null)
        {
            return classes switch
            {
                1 => 0,
                2 => 1,
                _ => throw new InvalidDataException($"{Name}: {classes} classes, which one is acceptance? (--class {(names.IsEmpty ? $"0..{classes - 1}" : string.Join(", ", names))})"),
            };
        }
        int index = names.IsEmpty && int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : names.IndexOf(wanted);
        return index >= 0 && index < classes ? index
            : throw new InvalidDataException($"{Name}: no class '{wanted}'{NearestName.Hint(wanted, names)}, expected {(names.IsEmpty ? $"0..{classes - 1}" : string.Join(", ", names))}");
    }
}

/// <summary>A tree or linear model of XGBoost or LightGBM.</summary>
internal sealed class ImportableMargins(string name, string sha256, ImportedModel model) : ImportableModel(name, sha256)
{
    public override string Source => model.Source;

    public override ImmutableArray<ImportableInput> Inputs { get; } = [.. Enumerable.Range(0, model.FeatureCount).Select(i =>
        new ImportableInput(model.FeatureNames.IsEmpty ? $"f{i}" : model.FeatureNames[i], ImportableInputKind.Number, []))];

    // LightGBM numbers the columns of a matrix without names.
    public override bool HasInputNames => !model.FeatureNames.IsEmpty && model.FeatureNames.Where((n, i) => n != $"Column_{i}").Any();

    public override IEnumerable<string> Warnings
        => model.BestIteration is { } best && model.MarginModel is GeneralEnsemble ensemble && (best + 1) * model.TreesPerIteration < ensemble.Trees.Length
            ? [$"{Name}: early stopping chose iteration {best + 1} of {ensemble.Trees.Length / model.TreesPerIteration}; all are used, as the file has them"] : [];

    private bool IsProbability => model.Transform.Link is MarginLink.Logistic or MarginLink.Softmax;

    public override IRowModel ToProfit(InputMapping inputs, PredictionChoice choice)
    {
        RequireNoOutput(choice);
        return IsProbability || IsRanking || model.Outputs != 1
            ? throw new InvalidDataException($"{Name}: objective '{model.Objective}' predicts no amount, which profit needs")
            : new ImportedRowModel(model, inputs, 0, logOdds: false);
    }

    public override IRowModel ToPropensity(InputMapping inputs, PredictionChoice choice, bool calibrated)
    {
        RequireNoOutput(choice);
        return IsProbability || calibrated
            ? new ImportedRowModel(model, inputs, ClassIndex(model.Outputs, [], choice.Class), IsProbability)
            : throw new InvalidDataException($"{Name}: objective '{model.Objective}' gives no probability: fit one with --calibrate FILE");
    }

    private bool IsRanking => model.Objective.StartsWith("rank", StringComparison.Ordinal) || model.Objective.StartsWith("lambdarank", StringComparison.Ordinal);

    private void RequireNoOutput(PredictionChoice choice)
    {
        if (choice.Output is not null)
        {
            throw new InvalidDataException($"{Name}: only ONNX models have named outputs, there is no '{choice.Output}'");
        }
    }
}

/// <summary>Whose format a model file has.</summary>
public enum ModelFileFormat
{
    /// <summary>XGBoost JSON, UBJSON or the deprecated binary.</summary>
    XgBoost,

    /// <summary>LightGBM text.</summary>
    LightGbm,

    /// <summary>ONNX.</summary>
    Onnx,
}
