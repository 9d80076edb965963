using System.Text;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Models.Import;

/// <summary>
/// Damaged model files end in <see cref="InvalidDataException"/> or in a model that can be evaluated, with memory in
/// proportion to the file. Seeds are fixed, but for long runs (tests/fuzz.sh).
/// </summary>
public class ImportFuzzTests
{
    private static readonly int MutantsPerFile = 400 * Fuzzing.Scale;

    // Everything that is allocated on the way, not what is live: lists that grow, texts, and the trees twice.
    private const long BytesPerFileByte = 64;
    private const long BytesAtLeast = 2 << 20;

    public static TheoryData<string> Files =>
    [
        "own.txt", "categorical_squared.json", "categorical_squared.ubj", "forest_softprob.json", "dart_logistic.ubj",
        "dart_logistic.deprecated", "forest_softprob.deprecated", "linear_softprob.deprecated",
        "models/leaves_mit/lg_rf_iris.model", "models/treelite_apache2/toy_categorical_model.txt", "models/treelite_apache2/mushroom.model",
        "models/generated/xgb174_telco_binary.json", "models/generated/xgb174_telco_binary.ubj", "models/leaves_mit/xg_dart_agaricus.model",
        "models/leaves_mit/xgblin_agaricus.model", "models/leaves_mit/lg_dart_breast_cancer.model",
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void Load_DamagedFile_IsRefusedOrEvaluates(string name)
    {
        byte[] original = name switch
        {
            "own.txt" => Encoding.UTF8.GetBytes(OwnLightGbm()),
            _ when name.StartsWith("models/", StringComparison.Ordinal) => File.ReadAllBytes(RealData.File(name)),
            _ => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Data", "xgboost", name)),
        };
        Func<Stream, string, ImportedModel> load = original.AsSpan().StartsWith("tree"u8) ? LightGbmImporter.Load : XgBoostImporter.Load;
        Evaluate(load(new MemoryStream(original), name));
        SeededRandom random = new(20261 + Fuzzing.Seed);
        int refused = 0;
        for (int i = 0; i < MutantsPerFile; i++)
        {
            byte[] mutant = Mutate(original, ref random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ImportedModel model = load(new MemoryStream(mutant), name);
                AssertBounded(before, mutant, i);
                Evaluate(model);
            }
            catch (InvalidDataException e)
            {
                AssertBounded(before, mutant, i);
                Assert.StartsWith(name + ": ", e.Message, StringComparison.Ordinal);
                refused++;
            }
        }
        Assert.InRange(refused, MutantsPerFile / 4, MutantsPerFile);
    }

    private static void AssertBounded(long before, byte[] mutant, int number)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= BytesAtLeast + (BytesPerFileByte * mutant.Length), $"mutant {number} of {mutant.Length} bytes took {allocated} bytes");
    }

    private static void Evaluate(ImportedModel model)
    {
        if (model.FeatureCount <= 1000 && model.Outputs <= 1000)
        {
            float[] rows = new float[9 * model.FeatureCount];
            rows.AsSpan(0, model.FeatureCount).Fill(float.NaN);
            model.Predict(rows, 9, model.FeatureCount, new double[9 * model.Outputs], new float[model.MarginModel.ScratchLength]);
        }
    }

    private static byte[] Mutate(byte[] original, ref SeededRandom random)
    {
        byte[] mutant = [.. original];
        int at = random.Next(mutant.Length);
        switch (random.Next(6))
        {
            case 0:
                mutant[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                return mutant[..at];
            case 2:
                int from = random.Next(mutant.Length);
                return [.. mutant[..at], .. mutant[from..]];
            case 3:
                mutant.AsSpan(at, Math.Min(8, mutant.Length - at)).Fill(random.Next(2) == 0 ? (byte)0xFF : (byte)0x7F);
                break;
            case 4:
                // A number, where the text has one, becomes huge.
                int digit = Array.FindIndex(mutant, at, b => b is >= (byte)'0' and <= (byte)'9');
                digit = digit < 0 ? 0 : digit;
                return [.. mutant[..digit], .. "2147483647"u8, .. mutant[(digit + 1)..]];
            default:
                for (int i = 0; i < 8; i++)
                {
                    mutant[random.Next(mutant.Length)] = (byte)random.Next(256);
                }
                break;
        }
        return mutant;
    }

    private static string OwnLightGbm()
    {
        StringBuilder text = new(TextModels.LightGbmHeader(2, "binary sigmoid:1"));
        for (int t = 0; t < 12; t++)
        {
            text.Append(t % 3 == 0
                ? TextModels.LightGbmStump(t, 1, "0", "cat_boundaries=0 2\ncat_threshold=5 1\n")
                : TextModels.LightGbmStump(t, 2 + (4 * (t % 3)), "0.5"));
        }
        return text.Append("\nend of trees\n").ToString();
    }
}
