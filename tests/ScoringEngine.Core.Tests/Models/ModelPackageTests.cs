using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Models;

[Collection(TrainedSampleTests.Name)]
public sealed class ModelPackageTests : IDisposable
{
    private readonly TrainedSample _sample;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("engine-");
    private readonly Workspace _workspace;

    public ModelPackageTests(TrainedSample sample)
    {
        _sample = sample;
        _workspace = Workspace.Load(sample.CopyTo(_folder.FullName));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_AWrittenVersion_HasEveryParameterOfTheTrainedModels()
    {
        ModelSet trained = _sample.Result.Models;
        ModelSet loaded = ModelPackage.Load(_workspace);

        // The message holds every parameter, and protobuf compares floats bit by bit.
        Assert.Equal(ModelFormat.ToMessage(trained), ModelFormat.ToMessage(loaded));
        Assert.Equal(File.ReadAllBytes(PathOf("model.pb")), ModelFormat.ToMessage(loaded).ToByteArray());
        Assert.Equal(trained.Schema.Hash, loaded.Schema.Hash);
        Assert.Equal(
            trained.Schema.Features.Select(f => f with { Categories = [] }).Select(f => f.ToString()),
            loaded.Schema.Features.Select(f => f with { Categories = [] }).Select(f => f.ToString()));
        Assert.Equal(trained.Profit!.Tiers, loaded.Profit!.Tiers);
        Assert.Equal(trained.Profit.Target.ToString(), loaded.Profit.Target.ToString());
        Assert.Equal(trained.Profit.Quantile, loaded.Profit.Quantile);
        Assert.Equal(trained.Segments.Segments, loaded.Segments.Segments);
        Assert.Equal(trained.Segments.Centroids, loaded.Segments.Centroids);
        Assert.Equal(trained.Propensities.Keys, loaded.Propensities.Keys);

        ModelManifest expected = trained.Manifest with { Version = 1, Files = loaded.Manifest.Files };
        Assert.Equal(expected.ToJson(), loaded.Manifest.ToJson());
        Assert.Equal(["golden.pb", "model.pb", "report.txt"], loaded.Manifest.Files.Keys);
        Assert.Equal("the report\n", File.ReadAllText(PathOf("report.txt")));
    }

    [Fact]
    public void Load_TheManifestOfTraining_TellsWhereTheVersionComesFrom()
    {
        ModelManifest manifest = ModelPackage.ReadManifest(_workspace, 1);
        Assert.Equal("model", manifest.Name);
        Assert.Equal(SyntheticBase.Now, manifest.CreatedAt);
        Assert.Equal(_workspace.Schema.Features.Hash, manifest.SchemaHash);
        Assert.Equal(
        [
            new TrainingFile("customers", "customers.csv", 3_000, _sample.Customers.Fingerprint),
            new TrainingFile("outcomes", "outcomes.csv", _sample.Outcomes.Count, _sample.Outcomes.Fingerprint),
        ], manifest.Data);
        Assert.Equal(_sample.Result.Profit!.RSquared, manifest.Metrics["profit.r2"]);
    }

    [Theory]
    [InlineData("model.pb", 97)]
    [InlineData("golden.pb", 197)]
    [InlineData("report.txt", 1)]
    public void Load_AByteOfAFileFlipped_IsRefusedByTheFilesName(string file, int samples)
    {
        byte[] bytes = File.ReadAllBytes(PathOf(file));
        SeededRandom random = new(1);
        int step = Math.Max(1, bytes.Length / samples);
        for (int at = 0; at < bytes.Length; at += step)
        {
            byte[] damaged = [.. bytes];
            damaged[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(PathOf(file), damaged);
            AssertRefused(file, "SHA-256");
        }
        File.WriteAllBytes(PathOf(file), bytes[..^1]);
        AssertRefused(file, "SHA-256");
    }

    [Theory]
    [InlineData("model.pb")]
    [InlineData("golden.pb")]
    [InlineData("report.txt")]
    [InlineData("manifest.json")]
    public void Load_AFileMissing_IsRefusedByItsName(string file)
    {
        File.Delete(PathOf(file));
        AssertRefused(file, "file missing");
    }

    [Theory]
    [InlineData("model.pb")]
    [InlineData("golden.pb")]
    [InlineData("report.txt")]
    public void Load_AHashEditedOrTakenAway_IsRefused(string file)
    {
        EditManifest(m => m["files"]![file] = new string('0', 64));
        AssertRefused(file, "SHA-256");
        EditManifest(m => m["files"]!.AsObject().Remove(file));
        AssertRefused("manifest.json", $"no hash for {file}");
    }

    [Fact]
    public void Load_ManifestCutAnywhere_IsRefusedByItsName()
    {
        byte[] bytes = File.ReadAllBytes(PathOf("manifest.json"));
        for (int length = 0; length < bytes.Length - 2; length += 29)
        {
            File.WriteAllBytes(PathOf("manifest.json"), bytes[..length]);
            AssertRefused("manifest.json", "not a manifest");
        }
    }

    [Theory]
    [InlineData("name")]
    [InlineData("schemaHash")]
    [InlineData("data")]
    [InlineData("files")]
    [InlineData("metrics")]
    [InlineData("hyperparameters")]
    public void Load_ManifestWithNullForAMember_IsRefusedByItsName(string member)
    {
        EditManifest(m => m[member] = null);
        AssertRefused("manifest.json", "not a manifest");
    }

    [Fact]
    public void Load_ManifestOfAnUnknownFormatOrOfAnotherVersion_IsRefused()
    {
        EditManifest(m => m["format"] = 2);
        AssertRefused("manifest.json", "manifest format 2, expected 1");
        EditManifest(m => (m["format"], m["version"]) = (1, 3));
        AssertRefused("manifest.json", "version 3, expected 1");
    }

    [Fact]
    public void Load_ParametersOfAnUnknownFormat_AreRefused()
    {
        ModelParameters parameters = ModelParameters.Parser.ParseFrom(File.ReadAllBytes(PathOf("model.pb")));
        parameters.Format = 4;
        WriteWithHash("model.pb", parameters.ToByteArray());
        AssertRefused("model.pb", "model format 4, expected 1..3");
    }

    [Fact]
    public void Load_ParametersChangedWithTheirHash_AreRefusedByTheGoldenRows()
    {
        ModelParameters parameters = ModelParameters.Parser.ParseFrom(File.ReadAllBytes(PathOf("model.pb")));
        float[] leaves = [.. parameters.Profit.Expected.LeafValues];
        parameters.Profit.Expected.LeafValues.Clear();
        parameters.Profit.Expected.LeafValues.Add(leaves.Select(v => MathF.BitIncrement(v) + 0.01f));
        WriteWithHash("model.pb", parameters.ToByteArray());
        AssertRefused("golden.pb", "score differently");
    }

    [Fact]
    public void Load_AnExpectedScoreChangedByOneBitWithItsHash_IsRefused()
    {
        GoldenRows golden = GoldenRows.Parser.ParseFrom(File.ReadAllBytes(PathOf("golden.pb")));
        Assert.Equal(ModelPackage.GoldenRowCount, golden.SegmentIds.Count);
        golden.Potentials[7] = MathF.BitIncrement(golden.Potentials[7]);
        WriteWithHash("golden.pb", golden.ToByteArray());
        AssertRefused("golden.pb", "score differently");
    }

    [Fact]
    public void Load_ParametersOfAnyBytesWithTheirHash_AreRefusedOrScoreTheSame()
    {
        byte[] bytes = File.ReadAllBytes(PathOf("model.pb"));
        SeededRandom random = new(2);
        int refused = 0;
        for (int i = 0; i < 150; i++)
        {
            // Two thirds of the bytes are leaf values at the end; the head holds all that has structure.
            byte[] damaged = [.. bytes];
            damaged[random.Next(i % 2 == 0 ? 6_000 : bytes.Length)] = (byte)random.Next(256);
            WriteWithHash("model.pb", i % 10 == 0 ? damaged[..random.Next(bytes.Length)] : damaged);
            try
            {
                ModelPackage.Load(_workspace);
            }
            catch (InvalidDataException e)
            {
                Assert.Contains(_workspace.VersionDirectory(1), e.Message);
                refused++;
            }
        }
        Assert.InRange(refused, 40, 149);
    }

    [Theory]
    [InlineData("evening_share", "night_share", "'night_share' is new, 'evening_share' is gone")]
    [InlineData("kind: boolean\n", "kind: numeric\n", "'has_app' is numeric, was boolean, 'direct_debit' is numeric, was boolean")]
    [InlineData("north", "far north", "'region' has other categories, or in another order")]
    [InlineData("[basic, standard, ", "[standard, basic, ", "'plan' has other categories, or in another order")]
    [InlineData("id: 12\n", "id: 120\n", "'household_income' has id 120, was 12")]
    public void Load_SchemaChanged_SaysWhat(string old, string replacement, string message)
    {
        EditSchema(text => text.Replace(old, replacement));
        AssertRefused(_workspace.VersionDirectory(1), message);
    }

    [Fact]
    public void Load_FeaturesAddedRemovedOrReordered_SaysWhat()
    {
        string text = File.ReadAllText(Path.Combine(_workspace.Directory, WorkspaceSchema.FileName));
        string[] parts = text.Split("\n  - ");
        int first = Array.FindIndex(parts, p => p.Contains("name: evening_share"));

        EditSchema(_ => text.Replace("\ncontext:", "\n  - name: visits\n    id: 99\n\ncontext:"));
        AssertRefused(_workspace.VersionDirectory(1), "'visits' is new; train a new version");
        EditSchema(_ => string.Join("\n  - ", parts.Where((_, i) => i != first)));
        AssertRefused(_workspace.VersionDirectory(1), "'evening_share' is gone; train a new version");
        (parts[first], parts[first + 1]) = (parts[first + 1], parts[first]);
        EditSchema(_ => string.Join("\n  - ", parts));
        AssertRefused(_workspace.VersionDirectory(1), "the order of the features changed");
    }

    [Fact]
    public void Load_NoVersionOrNotThatOne_SaysWhichThereAre()
    {
        Assert.Contains("there are 1", Assert.Throws<InvalidDataException>(() => ModelPackage.Load(_workspace, 4)).Message);
        Directory.Delete(_workspace.VersionDirectory(1), recursive: true);
        Assert.Contains("no trained version", Assert.Throws<InvalidDataException>(() => ModelPackage.Load(_workspace)).Message);
    }

    [Fact]
    public void Write_AnotherVersion_TakesTheNextNumberAndLeavesTheFirst()
    {
        byte[] before = File.ReadAllBytes(PathOf("manifest.json"));
        ModelSet written = Write(_workspace);
        Assert.Equal(2, written.Manifest.Version);
        Assert.Equal([2, 1], _workspace.Versions());
        Assert.Equal(2, ModelPackage.Load(_workspace).Manifest.Version);
        Assert.Equal(1, ModelPackage.Load(_workspace, 1).Manifest.Version);
        Assert.Equal(before, File.ReadAllBytes(PathOf("manifest.json")));
    }

    [Fact]
    public void Write_ModelsThatCannotBeLoadedAgain_LeavesNothing()
    {
        EditSchema(text => text.Replace("evening_share", "night_share"));
        Workspace changed = Workspace.Load(_workspace.Directory);
        AssertWritesNothing<InvalidDataException>(() => Write(changed));
    }

    [Fact]
    public void Write_VersionsNameTakenByAFile_LeavesNothing()
    {
        File.WriteAllText(_workspace.VersionDirectory(2), "in the way");
        AssertWritesNothing<IOException>(() => Write(_workspace));
    }

    [Fact]
    public void Write_GoldenRowsOfAnotherWidth_LeavesNothing()
        => AssertWritesNothing<ArgumentException>(() => ModelPackage.Write(_workspace, _sample.Result.Models, new FeatureMatrix(2, 3), ""));

    [Fact]
    public async Task Write_ManyAtOnce_GetDistinctVersionsThatCanBeLoadedAsSoonAsTheyAreSeen()
    {
        const int Writers = 4;
        const int Each = 5;
        using CancellationTokenSource done = new();
        List<int> seen = [];
        Task reader = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                seen.Add(ModelPackage.Load(_workspace).Manifest.Version);
            }
        });
        int[] versions = new int[Writers * Each];
        Parallel.For(0, Writers, new ParallelOptions { MaxDegreeOfParallelism = Writers }, writer =>
        {
            for (int i = 0; i < Each; i++)
            {
                versions[(writer * Each) + i] = Write(_workspace).Manifest.Version;
            }
        });
        await done.CancelAsync();
        await reader;

        Assert.Equal(Enumerable.Range(2, versions.Length), versions.Order());
        Assert.All(versions, v => Assert.Equal(v, ModelPackage.Load(_workspace, v).Manifest.Version));
        Assert.Equal(seen.Order(), seen);
        AssertNoTemporaries();
    }

    private ModelSet Write(Workspace workspace) => ModelPackage.Write(workspace, _sample.Result.Models, _sample.Result.GoldenRows, "");

    private string PathOf(string file) => Path.Combine(_workspace.VersionDirectory(1), file);

    private void EditManifest(Action<JsonObject> edit)
    {
        JsonObject manifest = JsonNode.Parse(File.ReadAllText(PathOf("manifest.json")))!.AsObject();
        edit(manifest);
        File.WriteAllText(PathOf("manifest.json"), manifest.ToJsonString());
    }

    private void WriteWithHash(string file, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(file), bytes);
        EditManifest(m => m["files"]![file] = Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    private void EditSchema(Func<string, string> edit)
    {
        string path = Path.Combine(_workspace.Directory, WorkspaceSchema.FileName);
        string text = File.ReadAllText(path);
        string edited = edit(text);
        Assert.NotEqual(text, edited);
        File.WriteAllText(path, edited);
    }

    // Loads with the workspace as its files are now.
    private void AssertRefused(string file, string message)
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => ModelPackage.Load(Workspace.Load(_workspace.Directory)));
        Assert.StartsWith(Path.IsPathRooted(file) ? file : PathOf(file), e.Message);
        Assert.Contains(message, e.Message);
    }

    private void AssertWritesNothing<T>(Action write)
        where T : Exception
    {
        string[] before = Directory.GetFileSystemEntries(_workspace.Directory);
        Assert.ThrowsAny<T>(write);
        Assert.Equal(before.Order(), Directory.GetFileSystemEntries(_workspace.Directory).Order());
    }

    private void AssertNoTemporaries() => Assert.Empty(Directory.GetFileSystemEntries(_workspace.Directory, ".*"));
}
