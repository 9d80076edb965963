using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Trees;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Models.Import;

/// <summary>Models of XGBoost and LightGBM predict what XGBoost and LightGBM predicted with them.</summary>
public class GoldenModelTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-6;

    // Expected margins of the dart model in leaves' test data are those of its first 10 trees.
    private const int DartIterations = 10;

    [Theory]
    [InlineData("xgagaricus.model", 3, false)]
    [InlineData("xgblin_agaricus.model", 0, false)]
    [InlineData("xgblin_agaricus.model", 0, true)]
    [InlineData("xg_dart_agaricus.model", 20, true)]
    public void XgBoostBinary_Agaricus_PredictsAsXgBoost(string name, int trees, bool raw)
    {
        ImportedModel model = XgBoostImporter.Load(RealData.File($"models/leaves_mit/{name}"));
        Assert.Equal("XGBoost binary before 1.0", model.Source);
        Assert.Equal("binary:logistic", model.Objective);
        Assert.Equal(127, model.FeatureCount);
        Assert.Equal(trees, (model.MarginModel as GeneralEnsemble)?.Trees.Length ?? 0);
        if (name.Contains("dart", StringComparison.Ordinal))
        {
            model = model.FirstIterations(DartIterations);
        }
        float[][] rows = ModelFixtures.LibSvm("models/leaves_mit/agaricus_test.libsvm", 127);
        string expected = $"models/leaves_mit/{Path.GetFileNameWithoutExtension(name)}_true_{(raw && trees == 0 ? "raw_" : "")}predictions.txt";
        double[] found = ModelFixtures.Margins(model, rows);
        AssertClose(ModelFixtures.Expected(expected), raw ? found : ModelFixtures.Predictions(model, rows));
    }

    [Theory]
    [InlineData("json", "XGBoost JSON 1.7.4")]
    [InlineData("ubj", "XGBoost UBJSON 1.7.4")]
    public void XgBoostDocument_TelcoBinary_PredictsAsXgBoost(string extension, string source)
    {
        ImportedModel model = XgBoostImporter.Load(RealData.File($"models/generated/xgb174_telco_binary.{extension}"));
        Assert.Equal(source, model.Source);
        Assert.Equal(59, model.BestIteration);
        Assert.Equal(16, model.FeatureNames.Length);
        Assert.Equal("Contract_One_year", model.FeatureNames[4]);
        const string expected = "models/generated/xgb174_telco_binary_expected.csv";
        float[][] rows = ModelFixtures.Table(expected, ',', skipRows: 1, takeColumns: 16);
        double[][] figures = ModelFixtures.Expected(expected, skipRows: 1, skipColumns: 16);
        Assert.Equal(500, rows.Length);
        double[] margins = ModelFixtures.Margins(model, rows);

        // The file prints the shortest decimals that tell float32 values apart: the margins are the same bits.
        Assert.All(figures, (f, r) => Assert.Equal((float)f[0], (float)margins[r]));
        AssertClose([.. figures.Select(f => new[] { f[1] })], ModelFixtures.Predictions(model, rows));
    }

    [Fact]
    public void XgBoostDocument_TotalChargesTweedie_PredictsAsXgBoost()
    {
        ImportedModel model = XgBoostImporter.Load(RealData.File("models/generated/xgb174_totalcharges_tweedie.json"));
        Assert.Equal("reg:tweedie", model.Objective);
        Assert.Equal(["tenure", "MonthlyCharges"], model.FeatureNames);
        const string expected = "models/generated/xgb174_totalcharges_tweedie_expected.csv";
        float[][] rows = ModelFixtures.Table(expected, ',', skipRows: 1, takeColumns: 2);
        ModelFixtures.Margins(model, rows);
        AssertClose(ModelFixtures.Expected(expected, skipRows: 1, skipColumns: 2), ModelFixtures.Predictions(model, rows));
    }

    [Fact]
    public void XgBoostBinary_Mushroom_HasTwoTrees()
    {
        ImportedModel model = XgBoostImporter.Load(RealData.File("models/treelite_apache2/mushroom.model"));
        GeneralEnsemble ensemble = Assert.IsType<GeneralEnsemble>(model.MarginModel);
        Assert.Equal("binary:logistic", model.Objective);
        Assert.Equal(127, model.FeatureCount);
        Assert.Equal([13, 11], ensemble.Trees.Select(t => t.SplitCount + t.Leaves.Length));
        float[][] rows = ModelFixtures.LibSvm("models/leaves_mit/agaricus_test.libsvm", 127);
        double[] labels = [.. ModelFixtures.Expected("models/leaves_mit/xgagaricus_true_predictions.txt").Select(p => p[0])];

        // No expected outputs: but it learnt the same poisonous mushrooms.
        double[] predictions = ModelFixtures.Predictions(model, rows);
        Assert.True(predictions.Zip(labels).Count(p => p.First > 0.5 == p.Second > 0.5) > 0.95 * rows.Length);
    }

    [Theory]
    [InlineData("lg_dart_breast_cancer.model", "LightGBM text v2", 10)]
    [InlineData("lg_rf_iris.model", "LightGBM text v2", 30)]
    [InlineData("lgmulticlass.model", "LightGBM text v2", 50)]
    [InlineData("genlin_fmtp_poisson_Frequency.model", "LightGBM text v3", 100)]
    public void LightGbm_GoldenModel_PredictsAsLightGbm(string name, string source, int trees)
    {
        string folder = "models/leaves_mit/";
        ImportedModel model = LightGbmImporter.Load(RealData.File(folder + name));
        GeneralEnsemble ensemble = Assert.IsType<GeneralEnsemble>(model.MarginModel);
        Assert.Equal(source, model.Source);
        Assert.Equal(trees, ensemble.Trees.Length);
        float[][] rows = name switch
        {
            "lg_rf_iris.model" => ModelFixtures.LibSvm(folder + "iris_test.libsvm", 4),
            "lgmulticlass.model" => ModelFixtures.Table(folder + "multiclass_test.tsv", '\t', skipColumns: 1),
            "lg_dart_breast_cancer.model" => ModelFixtures.Table(folder + "breast_cancer_test.tsv", '\t'),
            _ => ModelFixtures.Table(folder + "genlin_fmtp_poisson_Frequency_features.tsv", '\t'),
        };
        double[] margins = ModelFixtures.Margins(model, rows);
        string stem = folder + Path.GetFileNameWithoutExtension(name);
        AssertClose(ModelFixtures.Expected(stem + "_true_predictions.txt"), ModelFixtures.Predictions(model, rows));
        if (name == "lgmulticlass.model")
        {
            AssertClose(ModelFixtures.Expected(stem + "_true_raw_predictions.txt"), margins);
        }
        if (name.StartsWith("genlin", StringComparison.Ordinal))
        {
            Assert.Equal([0, 1, 2, 3, 4], model.CategoricalFeatures.Intersect([0, 1, 2, 3, 4]));
        }
    }

    [Fact]
    public void LightGbm_ToyCategorical_PredictsAsLightGbm()
    {
        ImportedModel model = LightGbmImporter.Load(RealData.File("models/treelite_apache2/toy_categorical_model.txt"));
        Assert.Equal([0, 1], model.CategoricalFeatures);
        float[][] rows = ModelFixtures.LibSvm("models/treelite_apache2/toy_categorical.test", 2);
        ModelFixtures.Margins(model, rows);
        AssertClose(ModelFixtures.Expected("models/treelite_apache2/toy_categorical.test.pred"), ModelFixtures.Predictions(model, rows));
    }

    [Fact]
    public void LightGbm_BreastCancer_ReachesTheSameLeaves()
    {
        ImportedModel model = LightGbmImporter.Load(RealData.File("models/leaves_mit/lg_breast_cancer.txt"));
        GeneralEnsemble ensemble = Assert.IsType<GeneralEnsemble>(model.MarginModel);
        float[][] rows = ModelFixtures.Table("models/leaves_mit/lg_breast_cancer_data.txt", ' ');
        double[][] expected = ModelFixtures.Expected("models/leaves_mit/lg_breast_cancer_data_pred_leaves.txt");
        Assert.Equal(57, rows.Length);
        Assert.All(rows, (row, r) => Assert.Equal(expected[r].Select(l => (int)l), ensemble.Trees.Select(t => t.Leaf(row))));
        ModelFixtures.Margins(model, rows);
    }

    [Fact]
    public void LightGbm_ModelSimple_SplitsByCategoryThenByNumber()
    {
        ImportedModel model = LightGbmImporter.Load(RealData.File("models/leaves_mit/model_simple.txt"));
        Assert.Equal(["X1", "X2"], model.FeatureNames);
        Assert.Equal([1], model.CategoricalFeatures);

        // Category 100 goes left; 340.5 splits the others. Leaf values of the two trees as in the file.
        float[][] rows = [[0, 100], [340, 3], [341, float.NaN]];
        Assert.Equal(
            [0.56697267424823339 + 0.12883103567558912, 0.3584987837673016 + -0.063872842243335157, 0.41213915936587919 + -0.016484332942214807],
            ModelFixtures.Margins(model, rows));
    }

    [Theory]
    [InlineData("tree_1leaf.txt", 1)]
    [InlineData("tree_2leaves.txt", 2)]
    [InlineData("tree_3leaves.txt", 3)]
    public void LightGbm_TreeBehindAHeader_HasItsLeaves(string name, int leaves)
    {
        string tree = File.ReadAllText(RealData.File("models/leaves_mit/" + name)).Replace("Tree=2236", "Tree=0", StringComparison.Ordinal);
        ImportedModel model = TextModels.LoadLightGbm(TextModels.LightGbmHeader(features: 2) + "\n" + tree + "\n\nend of trees\n");
        GeneralEnsemble ensemble = Assert.IsType<GeneralEnsemble>(model.MarginModel);
        Assert.Equal(leaves, ensemble.Trees[0].Leaves.Length);
        Assert.Equal(leaves, new[] { 0f, 5f, 6f, 757f }.SelectMany(a => new[] { 0f, 100f }.Select(b => ensemble.Trees[0].Leaf([a, b]))).Distinct().Count());
    }

    [Theory]
    [InlineData("models/leaves_mit/lg_1tree.json")]
    [InlineData("models/leaves_mit/lg_1tree_1leaf.json")]
    [InlineData("models/leaves_mit/lg_dart_breast_cancer.json")]
    public void LightGbm_JsonDump_IsRefusedByName(string path)
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => LightGbmImporter.Load(RealData.File(path)));
        Assert.Contains("dump_model", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("categorical_squared.json", "reg:squarederror")]
    [InlineData("categorical_squared.ubj", "reg:squarederror")]
    [InlineData("forest_softprob.json", "multi:softprob")]
    [InlineData("forest_softprob.deprecated", "multi:softprob")]
    [InlineData("dart_logistic.ubj", "binary:logistic")]
    [InlineData("dart_logistic.deprecated", "binary:logistic")]
    [InlineData("linear_softprob.json", "multi:softprob")]
    [InlineData("linear_softprob.deprecated", "multi:softprob")]
    [InlineData("linear_poisson.ubj", "count:poisson")]
    [InlineData("gamma.deprecated", "reg:gamma")]
    [InlineData("logitraw.json", "binary:logitraw")]
    public void XgBoost_OwnModel_HasTheSameMarginBits(string name, string objective)
    {
        const int features = 4;
        string folder = Path.Combine(AppContext.BaseDirectory, "Data", "xgboost");
        ImportedModel model = XgBoostImporter.Load(Path.Combine(folder, name));
        Assert.Equal(objective, model.Objective);
        Assert.Equal(name.StartsWith("categorical", StringComparison.Ordinal) ? [2, 3] : [], model.CategoricalFeatures);
        string expected = Path.Combine(folder, Path.ChangeExtension(name, "csv"));
        float[][] rows = ModelFixtures.Table(expected, ',', skipRows: 1, takeColumns: features);
        double[][] figures = ModelFixtures.Expected(expected, skipRows: 1, skipColumns: features);
        double[] margins = ModelFixtures.Margins(model, rows);
        Assert.Equal(figures.SelectMany(f => f.Take(model.Outputs)).Select(m => (float)m), margins.Select(m => (float)m));
        Assert.All(margins, m => Assert.Equal((float)m, m));
        AssertClose([.. figures.Select(f => f[model.Outputs..])], ModelFixtures.Predictions(model, rows));
    }

    private void AssertClose(double[][] expected, double[] found)
    {
        double worst = ModelFixtures.WorstRelativeError(expected, found);
        output.WriteLine($"{found.Length} figures, worst relative error {worst:g2}");
        Assert.InRange(worst, 0, Tolerance);
    }
}
