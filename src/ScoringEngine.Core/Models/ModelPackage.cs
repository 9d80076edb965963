using System.Collections.Immutable;
using System.Security.Cryptography;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Models;

/// <summary>
/// Version folders <c>models/NAME/N/</c>: manifest, parameters, golden rows, report. A folder appears by rename, complete
/// or not at all, and is never changed.
/// </summary>
public static class ModelPackage
{
    /// <summary>Most golden rows of a version.</summary>
    public const int GoldenRowCount = 200;

    private const string ParametersFile = "model.pb";
    private const string GoldenFile = "golden.pb";
    private const string ReportFile = "report.txt";

    /// <summary>Writes the next version.</summary>
    /// <param name="workspace">The workspace that gets it.</param>
    /// <param name="models">The trained models; the manifest's version and file hashes are filled in here.</param>
    /// <param name="goldenRows">[rows x features]: real rows whose scores are recorded and replayed on every load.</param>
    /// <param name="report">A readable summary of the training.</param>
    /// <param name="training">Every figure of the training; null where the models were not trained here.</param>
    /// <returns>The models as they load again from the new folder.</returns>
    /// <exception cref="ArgumentException">The golden rows are not of the models' schema.</exception>
    /// <exception cref="InvalidDataException">The models would not load again, having another schema than the workspace, say.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static ModelSet Write(Workspace workspace, ModelSet models, FeatureMatrix goldenRows, string report, TrainingReport? training = null)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(goldenRows);
        if (goldenRows.Columns != models.Schema.Count)
        {
            throw new ArgumentException($"rows of {goldenRows.Columns} values, expected {models.Schema.Count}", nameof(goldenRows));
        }
        string temporary = Path.Combine(workspace.Directory, $".training.{Guid.NewGuid():N}");
        Directory.CreateDirectory(temporary);
        try
        {
            File.WriteAllBytes(Path.Combine(temporary, ParametersFile), ModelFormat.ToMessage(models).ToByteArray());
            File.WriteAllBytes(Path.Combine(temporary, GoldenFile), Score(models, goldenRows).ToByteArray());
            File.WriteAllText(Path.Combine(temporary, ReportFile), report);
            string[] files = [ParametersFile, GoldenFile, ReportFile];
            if (training is not null)
            {
                File.WriteAllText(Path.Combine(temporary, TrainingReport.FileName), training.ToJson());
                files = [.. files, TrainingReport.FileName];
            }
            ImmutableSortedDictionary<string, string> hashes = files
                .ToImmutableSortedDictionary(f => f, f => Hash(Path.Combine(temporary, f)), StringComparer.Ordinal);
            while (true)
            {
                int version = workspace.Versions().FirstOrDefault() + 1;
                ModelManifest manifest = models.Manifest with { Name = workspace.Name, Version = version, Files = hashes };
                File.WriteAllText(Path.Combine(temporary, ModelManifest.FileName), manifest.ToJson());

                // Read back first: a version that cannot be loaded never appears.
                ModelSet written = Load(workspace, temporary, version);
                try
                {
                    Directory.Move(temporary, workspace.VersionDirectory(version));
                    return written;
                }
                catch (IOException) when (Directory.Exists(workspace.VersionDirectory(version)) && Directory.Exists(temporary))
                {
                    // Another training took this number in the meantime: take the next.
                }
            }
        }
        catch
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
            throw;
        }
    }

    /// <summary>
    /// Loads a version: checks every hash, builds and validates the models, and replays the golden rows bit by bit.
    /// </summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="version">The version, or null for the newest.</param>
    /// <exception cref="InvalidDataException">A file is missing, has a wrong hash, cannot be read, or scores differ; the message names the file.</exception>
    public static ModelSet Load(Workspace workspace, int? version = null)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ImmutableArray<int> versions = workspace.Versions();
        if (version is null && versions.IsEmpty)
        {
            throw new InvalidDataException($"{workspace.Directory}: no trained version (scoring-engine train makes one)");
        }
        int number = version ?? versions[0];
        string directory = workspace.VersionDirectory(number);
        if (!versions.Contains(number))
        {
            throw new InvalidDataException($"{directory}: no such version; there are {string.Join(", ", versions)}");
        }
        return Load(workspace, directory, number);
    }

    /// <summary>
    /// The newest version as training goes on from it: checked as <see cref="Load(Workspace, int?)"/> does, but its feature
    /// schema may be an older one. Null where there is no version.
    /// </summary>
    /// <exception cref="InvalidDataException">A file is missing, has a wrong hash, cannot be read, or scores differ; the message names the file.</exception>
    public static ModelSet? LoadPrevious(Workspace workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        return workspace.Versions() is [int newest, ..] ? LoadOfAnySchema(workspace.VersionDirectory(newest), newest) : null;
    }

    /// <summary>The rows [rows x features] whose scores a version replays on load; of a version that loads.</summary>
    /// <exception cref="InvalidDataException">They cannot be read.</exception>
    public static FeatureMatrix ReadGoldenRows(Workspace workspace, int version)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        return Parse(Path.Combine(workspace.VersionDirectory(version), GoldenFile), bytes =>
        {
            GoldenRows golden = GoldenRows.Parser.ParseFrom(bytes);
            int columns = checked((int)golden.Columns);
            return new FeatureMatrix(columns == 0 ? 0 : golden.Values.Count / columns, columns, [.. golden.Values]);
        });
    }

    /// <summary>Reads a version's manifest alone.</summary>
    /// <exception cref="InvalidDataException">It is missing, no manifest, or that of another version.</exception>
    public static ModelManifest ReadManifest(Workspace workspace, int version)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        return ReadManifest(workspace.VersionDirectory(version), version);
    }

    /// <summary>Reads the training report of a version; null where it has none, being older or not trained here.</summary>
    /// <exception cref="InvalidDataException">It has a wrong hash, or is no report.</exception>
    public static TrainingReport? ReadReport(Workspace workspace, int version)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        string directory = workspace.VersionDirectory(version);
        if (!ReadManifest(directory, version).Files.TryGetValue(TrainingReport.FileName, out string? hash))
        {
            return null;
        }
        string path = Path.Combine(directory, TrainingReport.FileName);
        RequireHash(path, hash);
        return TrainingReport.FromJson(File.ReadAllText(path), path);
    }

    private static ModelSet Load(Workspace workspace, string directory, int version)
    {
        ModelSet models = LoadOfAnySchema(directory, version);
        FeatureSchema now = workspace.Schema.Features;
        if (models.Schema.Hash != now.Hash)
        {
            throw new InvalidDataException($"{directory}: was trained with another feature schema than schema.yaml has now: {SchemaDifference(models.Schema, now)}; train a new version, or take the change back");
        }
        return models.ProtectedInput(now) is not { } feature ? models
            : throw new InvalidDataException($"{directory}: uses feature '{feature}', which schema.yaml has protected since; train a new version");
    }

    private static ModelSet LoadOfAnySchema(string directory, int version)
    {
        ModelManifest manifest = ReadManifest(directory, version);
        foreach (string file in new[] { ParametersFile, GoldenFile, ReportFile })
        {
            if (!manifest.Files.ContainsKey(file))
            {
                throw new InvalidDataException($"{Path.Combine(directory, ModelManifest.FileName)}: no hash for {file}");
            }
        }
        foreach ((string file, string expected) in manifest.Files)
        {
            RequireHash(Path.Combine(directory, file), expected);
        }
        ModelSet models = Parse(Path.Combine(directory, ParametersFile), p => ModelFormat.FromMessage(ModelParameters.Parser.ParseFrom(p), manifest));
        string golden = Path.Combine(directory, GoldenFile);
        GoldenRows expectedRows = Parse(golden, GoldenRows.Parser.ParseFrom);
        if (expectedRows.Columns != models.Schema.Count || expectedRows.Values.Count % models.Schema.Count != 0)
        {
            throw new InvalidDataException($"{golden}: rows of {expectedRows.Columns} values, expected {models.Schema.Count}");
        }
        FeatureMatrix rows = new(expectedRows.Values.Count / models.Schema.Count, models.Schema.Count, [.. expectedRows.Values]);
        if (!Score(models, rows).Equals(expectedRows))
        {
            throw new InvalidDataException($"{golden}: the golden rows score differently than when the version was trained");
        }
        return models;
    }

    private static ModelManifest ReadManifest(string directory, int version)
    {
        string path = Path.Combine(directory, ModelManifest.FileName);
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path}: file missing");
        }
        ModelManifest manifest = ModelManifest.FromJson(File.ReadAllText(path), path);
        return manifest.Version == version ? manifest
            : throw new InvalidDataException($"{path}: is the manifest of version {manifest.Version}, expected {version}");
    }

    private static T Parse<T>(string path, Func<byte[], T> parse)
    {
        try
        {
            return parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or ArgumentException or FormatException or InvalidDataException or IndexOutOfRangeException)
        {
            // The protobuf reader itself runs out of range on some files that are cut off within a field.
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    private static GoldenRows Score(ModelSet models, FeatureMatrix rows)
    {
        GoldenRows golden = new() { Columns = (uint)rows.Columns };
        golden.Values.Add(rows.Values);
        Scorer scorer = new(models, models.Propensities.Select(p => (p.Key, p.Value.PriorRate)));
        ScoreBlock block = scorer.CreateBlock(Math.Max(rows.Rows, 1));
        rows.Values.CopyTo(block.Rows, 0);
        scorer.Score(block, rows.Rows);
        for (int r = 0; r < rows.Rows; r++)
        {
            golden.SegmentIds.Add((uint)models.Segments.Segments[block.SegmentIndexes[r]].Id);
            golden.Distances.Add(block.Distances[r]);
            golden.Margins.Add(block.Margins[r]);
            if (models.Profit is not null)
            {
                golden.Profits.Add(block.Profits[r]);
                golden.Potentials.Add(block.Potentials[r]);
            }
            golden.Propensities.Add(block.PropensitiesOf(r).ToArray());
        }
        return golden;
    }

    private static string SchemaDifference(FeatureSchema trained, FeatureSchema now)
    {
        string[] before = [.. trained.Features.Select(f => f.Name)];
        string[] after = [.. now.Features.Select(f => f.Name)];
        string[] added = [.. after.Except(before)];
        string[] removed = [.. before.Except(after)];
        if (added.Length + removed.Length > 0)
        {
            return string.Join(", ", added.Select(f => $"'{f}' is new").Concat(removed.Select(f => $"'{f}' is gone")));
        }
        string[] changed = [.. trained.Features
            .Select(f => (f.Name, Change: Change(f, now.Features[now.IndexOf(f.Name)])))
            .Where(f => f.Change is not null).Select(f => $"'{f.Name}' {f.Change}")];
        return changed.Length > 0 ? string.Join(", ", changed) : "the order of the features changed";
    }

    private static string? Change(Feature trained, Feature now)
        => now.Id != trained.Id ? $"has id {now.Id}, was {trained.Id}"
            : now.Kind != trained.Kind ? $"is {SnakeCase.Of(now.Kind)}, was {SnakeCase.Of(trained.Kind)}"
            : now.Context != trained.Context ? $"is {(now.Context ? "now" : "no longer")} a context feature"
            : !now.Categories.SequenceEqual(trained.Categories) ? "has other categories, or in another order"
            : null;

    private static void RequireHash(string path, string expected)
    {
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path}: file missing, the manifest lists it");
        }
        string found = Hash(path);
        if (found != expected)
        {
            throw new InvalidDataException($"{path}: SHA-256 is {found}, the manifest says {expected}: the file was changed or damaged");
        }
    }

    private static string Hash(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
