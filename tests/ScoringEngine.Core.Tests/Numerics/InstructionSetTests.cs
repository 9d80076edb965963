using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Tests.Trees;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Numerics;

/// <summary>
/// Runs the kernel tests (trait Kind=kernel) again in child processes that may not use some instructions. The child
/// asserts that the switch took effect, and the hash of all scores is stated here: every instruction set must give it.
/// </summary>
public sealed class InstructionSetTests
{
    /// <summary>In a child: the widest vectors it should find, in bits.</summary>
    private const string WidestVariable = "SCORING_ENGINE_TEST_WIDEST_VECTOR";

    [Theory]
    [InlineData("DOTNET_EnableAVX512", "0", 256)]
    [InlineData("DOTNET_EnableAVX512v2", "0", 512)]
    [InlineData("DOTNET_EnableAVX2", "0", 128)]
    [InlineData("DOTNET_EnableHWIntrinsic", "0", 0)]
    [InlineData("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F", 512)]
    public async Task Kernels_WithoutInstructions_GiveTheSameBits(string variable, string value, int widest)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the switches are those of x64");
        Assert.SkipUnless(Widest() == 512, "this processor lacks the instructions to switch off");
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, "ScoringEngine.Core.Tests"), ["-noLogo", "-noColor", "-trait", "Kind=kernel"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[variable] = value;
        start.Environment[WidestVariable] = widest.ToString(CultureInfo.InvariantCulture);

        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string output = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();

        Assert.True(child.ExitCode == 0, output + await errors);
        Assert.Contains("Failed: 0", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Kind", "kernel")]
    public void Vectors_InAChild_AreAsWideAsAllowed()
    {
        string? expected = Environment.GetEnvironmentVariable(WidestVariable);
        Assert.SkipWhen(expected is null, "not a child of the matrix");
        Assert.Equal(expected, Widest().ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    [Trait("Kind", "kernel")]
    public void Scores_OfAllKernels_HaveTheStatedHash()
    {
        FeatureMatrix rows = TreeData.Normal(333, 28, seed: 6, missing: 0.05);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(28), rows);
        ObliviousEnsemble trees = TreeData.Random(quantiser, trees: 44, seed: 7);
        SegmentModel segments = new(
            new SegmentEncoding([.. Enumerable.Range(0, 28).Select(f => new SegmentDimension(f, -1, f % 3 == 0, 0.2f, 0.9f))]),
            [.. TreeData.Normal(9, 28, seed: 8).Values],
            [.. Enumerable.Range(1, 9).Select(id => new Segment { Id = id, Name = $"s{id}", Description = "", Size = 1, Share = 0.1 })], 10);
        float[] margins = TreeData.Predict(trees, quantiser, rows);
        int[] indexes = new int[rows.Rows];
        float[] distances = new float[rows.Rows];
        float[] separations = new float[rows.Rows];
        segments.Assign(rows.Values, rows.Rows, 28, indexes, distances, separations, new float[segments.ScratchLength]);

        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes<float>(margins));
        hash.AppendData(MemoryMarshal.AsBytes<int>(indexes));
        hash.AppendData(MemoryMarshal.AsBytes<float>(distances));
        hash.AppendData(MemoryMarshal.AsBytes<float>(separations));
        Assert.Equal("D648B7A8E07E6AEE", Convert.ToHexString(hash.GetHashAndReset().AsSpan(0, 8)));
    }

    [Fact]
    [Trait("Kind", "kernel")]
    public void TrainedModels_OfAllLosses_HaveTheStatedHash()
    {
        FeatureMatrix rows = TreeData.Normal(3_000, 7, seed: 16, missing: 0.05);
        float[] targets = TreeData.Targets(rows, noise: 0.3, seed: 16);
        Quantiser quantiser = Quantiser.Fit(TreeData.NumericSchema(7), rows);
        Loss[] losses = [new SquaredLoss(), new LogisticLoss(), new PoissonLoss(), new TweedieLoss(1.5), new QuantileLoss(0.8)];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Loss loss in losses)
        {
            float[] own = [.. targets.Select(y => loss is SquaredLoss or QuantileLoss ? y : loss is LogisticLoss ? (y > 0 ? 1 : 0) : MathF.Max(0, y))];
            BoostedModel model = (BoostedModel)BoostedTrainer.Train(rows, TreeData.Label(quantiser, rows, own),
                options: new() { Loss = loss, Trees = 8, LinearStage = LinearStageUse.Always }).Model;
            float[] margins = new float[rows.Rows];
            quantiser.PredictMargins(model, rows, margins);
            hash.AppendData(MemoryMarshal.AsBytes(model.Stage.Weights.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(model.Stage.Averages.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(model.Trees.SplitColumns.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(model.Trees.LeafValues.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes<float>(margins));
        }
        Assert.Equal("3AD711F8BAF2FA00", Convert.ToHexString(hash.GetHashAndReset().AsSpan(0, 8)));
    }

    private static int Widest()
        => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;
}
