using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ScoringEngine.Core.Models;

/// <summary>What <c>manifest.json</c> says about a version: where it comes from, how good it is, and the hash of each file.</summary>
public sealed record ModelManifest
{
    internal const string FileName = "manifest.json";

    /// <summary>The manifest's own format, 1.</summary>
    public int Format { get; init; } = 1;

    /// <summary>Name of the workspace.</summary>
    public required string Name { get; init; }

    /// <summary>Version, 1 or more.</summary>
    public required int Version { get; init; }

    /// <summary>When training ended.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Hash of the feature schema it reads.</summary>
    public required string SchemaHash { get; init; }

    /// <summary>The files it was trained on.</summary>
    public ImmutableArray<TrainingFile> Data { get; init; } = [];

    /// <summary>Seed of training.</summary>
    public long Seed { get; init; }

    /// <summary>Settings of training, by name.</summary>
    public ImmutableSortedDictionary<string, double> Hyperparameters { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Metrics on the held-out split, by name; a metric that could not be computed is absent.</summary>
    public ImmutableSortedDictionary<string, double> Metrics { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Parts that were trained elsewhere; empty where all were trained here.</summary>
    public ImmutableArray<ImportedFile> Imports { get; init; } = [];

    /// <summary>SHA-256 (lower-case hexadecimal) of each other file in the folder.</summary>
    public ImmutableSortedDictionary<string, string> Files { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The text of the file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ManifestJson.Default.ModelManifest) + "\n";

    /// <summary>Reads the text of the file.</summary>
    /// <exception cref="InvalidDataException">It is no manifest of format 1.</exception>
    public static ModelManifest FromJson(string json, string path)
    {
        ModelManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(json, ManifestJson.Default.ModelManifest);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}:{(e.LineNumber ?? 0) + 1}: not a manifest: {e.Message}", e);
        }
        return manifest is { Format: 1 } ? manifest
            : throw new InvalidDataException($"{path}: manifest format {manifest?.Format}, expected 1");
    }
}

/// <summary>A file that a version was trained on.</summary>
/// <param name="Role">customers, outcomes, or calibration of an imported propensity.</param>
/// <param name="Name">File name without its folder.</param>
/// <param name="Rows">Rows used.</param>
/// <param name="Fingerprint">SHA-256 over the rows as they were read, lower-case hexadecimal.</param>
public sealed record TrainingFile(string Role, string Name, long Rows, string Fingerprint);

/// <summary>A model file from which a part of a version was imported.</summary>
/// <param name="Part">profit, segments, or propensity.ID with the proposition's id.</param>
/// <param name="Name">File name without its folder.</param>
/// <param name="Sha256">Of the file, lower-case hexadecimal.</param>
/// <param name="Format">Format and version, such as XGBoost JSON 1.7.4.</param>
/// <param name="Objective">What it was trained for, as the file says; the output that is used, for ONNX.</param>
public sealed record ImportedFile(string Part, string Name, string Sha256, string Format, string Objective);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ModelManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
