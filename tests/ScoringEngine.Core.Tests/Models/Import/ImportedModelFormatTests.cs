using Google.Protobuf;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Models.Import;

namespace ScoringEngine.Core.Tests.Models.Import;

public class ImportedModelFormatTests
{
    [Theory]
    [InlineData("categorical_squared.json")]
    [InlineData("forest_softprob.json")]
    [InlineData("dart_logistic.ubj")]
    [InlineData("linear_softprob.json")]
    public void Read_WrittenModel_GivesTheSameBits(string name)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Data", "xgboost", name);
        ImportedModel model = XgBoostImporter.Load(path);
        byte[] bytes = ImportedModelFormat.Write(model);
        ImportedModel restored = ImportedModelFormat.Read(bytes);
        Assert.Equal(bytes, ImportedModelFormat.Write(restored));
        Assert.Equal(model.FeatureNames, restored.FeatureNames);
        Assert.Equal((model.Source, model.Objective, model.Transform, model.BestIteration, model.TreesPerIteration),
            (restored.Source, restored.Objective, restored.Transform, restored.BestIteration, restored.TreesPerIteration));
        float[][] rows = ModelFixtures.Table(Path.ChangeExtension(path, "csv"), ',', skipRows: 1, takeColumns: 4);
        Assert.Equal(ModelFixtures.Margins(model, rows), ModelFixtures.Margins(restored, rows));
    }

    [Fact]
    public void Read_BadMessage_IsRefused()
    {
        byte[] bytes = ImportedModelFormat.Write(XgBoostImporter.Load(Path.Combine(AppContext.BaseDirectory, "Data", "xgboost", "logitraw.json")));
        Assert.Throws<InvalidDataException>(() => ImportedModelFormat.Read(bytes[..^1]));
        AssertRefused(m => m.Format = 2, "format 2 of an imported model, expected 1");
        AssertRefused(m => m.ClearMarginModel(), "no margin model");
        AssertRefused(m => m.Link = ImportedLink.Unspecified, "link Unspecified");
        AssertRefused(m => m.Ensemble.Trees[0].Left[0] = 0, "reached twice");
        AssertRefused(m => m.Ensemble.Trees[0].Features[0] = 9, "feature 9 of 4");
        AssertRefused(m => m.TreesPerIteration = 0, "whole iterations");
        AssertRefused(m => m.Ensemble.AveragedOver = 0, "averagedOver");
        AssertRefused(m => m.Ensemble.Trees[0].Leaves[0] = 0.1, "float32");

        void AssertRefused(Action<ImportedModelParameters> change, string message)
        {
            ImportedModelParameters parameters = ImportedModelParameters.Parser.ParseFrom(bytes);
            change(parameters);
            InvalidDataException e = Assert.Throws<InvalidDataException>(() => ImportedModelFormat.Read(parameters.ToByteArray()));
            Assert.Contains(message, e.Message, StringComparison.Ordinal);
        }
    }
}
