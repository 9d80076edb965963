using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Models;

/// <summary>Damaged files of a version, under a hash that fits them, are refused by name.</summary>
[Collection(TrainedSampleTests.Name)]
public sealed class ModelPackageFuzzTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("engine-");
    private readonly Workspace _workspace;

    public ModelPackageFuzzTests(TrainedSample sample) => _workspace = Workspace.Load(sample.CopyTo(_folder.FullName));

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("model.pb")]
    [InlineData("golden.pb")]
    public void Load_DamagedFile_IsInvalidDataThatNamesAFile(string file)
    {
        string path = Path.Combine(_workspace.VersionDirectory(1), file);
        byte[] original = File.ReadAllBytes(path);
        SeededRandom random = new(31 + Fuzzing.Seed);
        int refused = 0;
        int mutants = 60 * Fuzzing.Scale;
        for (int i = 0; i < mutants; i++)
        {
            byte[] mutant = [.. original];
            int at = random.Next(mutant.Length);
            if (i % 3 == 0)
            {
                mutant = mutant[..at];
            }
            else if (i % 3 == 1)
            {
                mutant.AsSpan(at, Math.Min(6, mutant.Length - at)).Fill(0xFF);
            }
            else
            {
                // Near the start, where lengths and tags are.
                mutant[random.Next(Math.Min(4000, mutant.Length))] ^= (byte)(1 << random.Next(8));
            }
            WriteWithHash(path, file, mutant);
            try
            {
                ModelPackage.Load(_workspace);
            }
            catch (InvalidDataException e)
            {
                Assert.StartsWith(_workspace.VersionDirectory(1), e.Message, StringComparison.Ordinal);
                refused++;
            }
        }
        Assert.InRange(refused, mutants / 2, mutants);
    }

    private void WriteWithHash(string path, string file, byte[] bytes)
    {
        File.WriteAllBytes(path, bytes);
        string manifest = Path.Combine(_workspace.VersionDirectory(1), "manifest.json");
        JsonNode json = JsonNode.Parse(File.ReadAllText(manifest))!;
        json["files"]![file] = Convert.ToHexStringLower(SHA256.HashData(bytes));
        File.WriteAllText(manifest, json.ToJsonString());
    }
}
