using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>Damaged files: each is refused with <see cref="InvalidDataException"/>, or read and evaluated, in bounded memory.</summary>
public class OnnxFuzzTests(ITestOutputHelper output)
{
    private const long MaxBytes = 1L << 30;

    [Fact]
    public void ParseAndEvaluate_MutatedModelSet_ThrowsInvalidDataOnly()
        => Fuzz([OnnxExport.ToBytes(SampleModels.Create(seed: 1, trees: 3))], mutants: 3000 * Fuzzing.Scale);

    [Fact]
    public void ParseAndEvaluate_MutatedOperators_ThrowsInvalidDataOnly()
        => Fuzz([.. OnnxOperatorCases.Others().Concat(OnnxOperatorCases.Trees()).Select(c => c.Model)], mutants: 40 * Fuzzing.Scale);

    [Fact]
    public void ParseAndEvaluate_MutatedModelsOfOthers_ThrowsInvalidDataOnly() => Fuzz(
        [.. new[] { "telco_gbm_pipeline", "telco_logreg_pipeline", "telco_logreg_pipeline_zipmap", "telco_rf_pipeline", "kmeans_rfm_log1p_k4" }
            .Select(f => File.ReadAllBytes(RealData.File($"models/generated/{f}.onnx")))], mutants: 200 * Fuzzing.Scale);

    private void Fuzz(byte[][] models, int mutants)
    {
        SeededRandom random = new(7 + Fuzzing.Seed);
        int refused = 0;
        int evaluated = 0;
        long most = 0;
        for (int i = 0; i < models.Length * mutants; i++)
        {
            byte[] mutant = Mutate(models[i % models.Length], ref random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                OnnxModel parsed = OnnxModel.Parse(mutant, "mutant");
                parsed.Evaluate(parsed.Inputs.ToDictionary(x => x.Name, Zeros, StringComparer.Ordinal));
                evaluated++;
            }
            catch (InvalidDataException e)
            {
                Assert.StartsWith("mutant: ", e.Message, StringComparison.Ordinal);
                refused++;
            }
            most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        output.WriteLine($"{refused} refused, {evaluated} evaluated, at most {most:n0} bytes allocated");
        Assert.True(refused > 50 && evaluated > 50, $"{refused} refused, {evaluated} evaluated");
        Assert.InRange(most, 0, MaxBytes);
    }

    [Fact]
    public void Parse_TruncatedAnywhere_ThrowsInvalidDataOrReadsAPrefix()
    {
        byte[] model = OnnxExport.ToBytes(SampleModels.Create(seed: 1, trees: 2));
        int refused = 0;
        for (int length = 0; length < model.Length; length += 13)
        {
            try
            {
                OnnxModel.Parse(model.AsSpan(0, length), "prefix");
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.True(refused > model.Length / 13 / 2);
    }

    private static byte[] Mutate(byte[] model, ref SeededRandom random)
    {
        byte[] mutant = [.. model];
        int changes = 1 + (int)(random.NextDouble() * 3);
        for (int c = 0; c < changes; c++)
        {
            int at = (int)(random.NextDouble() * mutant.Length);
            int length = Math.Min((int)(random.NextDouble() * 8) + 1, mutant.Length - at);
            switch ((int)(random.NextDouble() * 4))
            {
                case 0:
                    mutant[at] ^= (byte)(1 << (int)(random.NextDouble() * 8));
                    break;
                case 1:
                    mutant[at] = (byte)(random.NextDouble() * 256);
                    break;
                case 2:
                    mutant.AsSpan(at, length).Fill(0xFF);
                    break;
                default:
                    mutant = [.. mutant[..at], .. mutant[(at + length)..]];
                    break;
            }
        }
        return mutant;
    }

    private static OnnxTensor Zeros(OnnxValue input)
    {
        int[] dimensions = input.Dimensions.IsDefault ? [] : [.. input.Dimensions.Select(d => d < 0 ? 3 : Math.Min(d, 64))];
        int count = dimensions.Aggregate(1, (a, b) => Math.Min(a * b, 1 << 20));
        if (dimensions.Aggregate(1L, (a, b) => Math.Min(a * b, 1L << 21)) != count || (!input.Dimensions.IsDefault && input.Dimensions.Any(d => d > 64)))
        {
            throw new InvalidDataException("mutant: the test does not make so large an input");
        }
        return input.ElementType switch
        {
            OnnxElementType.Float => OnnxTensor.Create(new float[count], dimensions),
            OnnxElementType.Double => OnnxTensor.Create(new double[count], dimensions),
            OnnxElementType.Int64 => OnnxTensor.Create(new long[count], dimensions),
            OnnxElementType.Int32 => OnnxTensor.Create(new int[count], dimensions),
            OnnxElementType.UInt32 => OnnxTensor.Create(new uint[count], dimensions),
            OnnxElementType.Bool => OnnxTensor.Create(new bool[count], dimensions),
            _ => OnnxTensor.Create(Enumerable.Repeat("", count).ToArray(), dimensions),
        };
    }
}
