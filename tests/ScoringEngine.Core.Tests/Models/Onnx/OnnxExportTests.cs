using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Models.Onnx;

public class OnnxExportTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ToBytes_ReadByOurImporter_HasTheBitsOfTheScorer(bool logLink)
    {
        ModelSet models = SampleModels.Create(seed: 1, logLink: logLink);
        FeatureMatrix rows = SampleModels.Rows(500, seed: 2);
        ScoreBlock expected = SampleModels.Score(models, rows);
        OnnxModel model = OnnxModel.Parse(OnnxExport.ToBytes(models), "exported");

        IReadOnlyDictionary<string, OnnxTensor> result = model.Evaluate(Inputs(rows));

        Assert.Equal(expected.SegmentIndexes.Select(s => (long)models.Segments.Segments[s].Id), result["segment_id"].As<long>().Values);
        Assert.Equal(expected.Distances, result["segment_distance"].As<float>().Values);
        Assert.Equal(expected.Profits, result["expected_profit"].As<float>().Values);
        Assert.Equal(expected.Potentials, result["potential"].As<float>().Values);
        Assert.Equal(expected.Tiers.Select(t => (long)t), result["tier"].As<long>().Values);
        Assert.InRange(expected.Tiers.Distinct().Count(), logLink ? 1 : 4, 4);
        string[] ids = [.. models.Propensities.Keys];
        for (int a = 0; a < ids.Length; a++)
        {
            float[] propensities = [.. Enumerable.Range(0, rows.Rows).Select(r => expected.PropensitiesOf(r)[a])];
            float[] evaluated = result[OnnxExport.PropensityPrefix + ids[a]].As<float>().Values;
            if (models.Propensities[ids[a]].Model is BoostedModel)
            {
                // The stage is summed in double precision, the trees on their own.
                Assert.All(propensities, (propensity, r) => Assert.Equal(propensity, evaluated[r], 1e-6f));
                continue;
            }
            Assert.Equal(propensities, evaluated);
        }
    }

    [Fact]
    public void ToBytes_Metadata_ListsFeaturesAndOutputs()
    {
        ModelSet models = SampleModels.Create(seed: 1, trees: 2);
        OnnxModel model = OnnxModel.Parse(OnnxExport.ToBytes(models), "exported");

        JsonArray features = JsonNode.Parse(model.Metadata[OnnxExport.FeaturesProperty])!.AsArray();
        JsonObject outputs = JsonNode.Parse(model.Metadata[OnnxExport.OutputsProperty])!.AsObject();

        Assert.Equal(models.Schema.Features.Select(f => f.Name), features.Select(f => f!["name"]!.GetValue<string>()));
        Assert.Equal(models.Schema.Features[7].Categories, features[7]!["categories"]!.AsArray().Select(c => c!.GetValue<string>()));
        Assert.Equal(model.Outputs.Select(o => o.Name), outputs.Select(o => o.Key));
        Assert.Equal(OnnxExport.FeaturesInput, Assert.Single(model.Inputs).Name);
    }

    [Fact]
    public void ToBytes_EvaluatedByTheReferenceRuntime_AgreesWithTheScorer()
    {
        ModelSet models = SampleModels.Create(seed: 3);
        FeatureMatrix rows = SampleModels.Rows(500, seed: 4);
        byte[] bytes = OnnxExport.ToBytes(models);
        IReadOnlyDictionary<string, OnnxTensor> ours = OnnxModel.Parse(bytes, "exported").Evaluate(Inputs(rows));

        (Dictionary<string, OnnxTensor>? theirs, string? error) = Assert.Single(OnnxRuntime.Evaluate((bytes, Inputs(rows))));

        Assert.True(theirs is not null, error);
        Assert.Equal(ours.Keys.Order(), theirs.Keys.Order());
        foreach ((string name, OnnxTensor value) in ours)
        {
            double difference = OnnxComparison.Difference(value, theirs[name]);
            output.WriteLine($"{name}: worst difference {difference:e2}");
            Assert.InRange(difference, 0, 1e-5);
        }
    }

    private static Dictionary<string, OnnxTensor> Inputs(FeatureMatrix rows)
        => new() { [OnnxExport.FeaturesInput] = OnnxTensor.Create(rows.Values, rows.Rows, rows.Columns) };
}
