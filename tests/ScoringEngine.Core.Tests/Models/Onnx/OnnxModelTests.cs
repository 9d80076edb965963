using Google.Protobuf;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Models.Onnx.Format;
using static ScoringEngine.Core.Models.Onnx.OnnxGraphBuilder;
using static ScoringEngine.Core.Tests.Models.Onnx.OnnxCases;

namespace ScoringEngine.Core.Tests.Models.Onnx;

public class OnnxModelTests
{
    private static readonly OnnxTensor<float> Row = OnnxTensor.Create<float>([1, 2], 1, 2);

    private static readonly AttributeProto[] Classes = [Attribute("classlabels_int64s", [0L, 1L])];

    [Fact]
    public void Parse_UnknownOperator_NamesNodeAndOperator()
        => AssertRefused("file: node 'Erf_0' (Erf): the operator is not supported", Operator("", "Erf", [Row], [OnnxElementType.Float]).Model);

    [Fact]
    public void Parse_UnknownAttribute_NamesIt()
        => AssertRefused("file: node 'Neg_0' (Neg): attribute 'speed' is not supported",
            Operator("", "Neg", [Row], [OnnxElementType.Float], Attribute("speed", 1)).Model);

    [Theory]
    [InlineData("TreeEnsembleClassifier", new long[] { 1 }, "NONE", 0, "scores of one class, number 1 of 2, are not supported")]
    [InlineData("TreeEnsembleClassifier", new long[] { 0 }, "NONE", 2, "2 base values for 2 classes, one with scores, are not supported")]
    [InlineData("TreeEnsembleClassifier", new long[] { 0 }, "PROBIT", 0, "post_transform PROBIT of one score for two classes is not supported")]
    [InlineData("TreeEnsembleClassifier", new long[] { 0 }, "SQUARE", 0, "attribute 'post_transform' is 'SQUARE', which is not supported")]
    [InlineData("TreeEnsembleClassifier", new long[] { 7 }, "NONE", 0, "a weight is for target 7 of 2")]
    [InlineData("TreeEnsembleRegressor", new long[] { 0 }, "LOGISTIC", 0, "post_transform Logistic of one score is not defined alike by all runtimes")]
    public void Parse_TreesThatRuntimesReadDifferently_AreRefused(string type, long[] targets, string transform, int bases, string expected)
    {
        bool classifier = type == "TreeEnsembleClassifier";
        byte[] model = Operator(MachineLearning, type, [Rows(1, 4, 1)], classifier ? [OnnxElementType.Int64, OnnxElementType.Float] : [OnnxElementType.Float],
            [.. TreeAttributes(classifier ? "class" : "target", targets, false, 1), .. classifier ? Classes : [], Attribute("post_transform", transform),
                .. bases > 0 ? [Attribute("base_values", new float[bases])] : Array.Empty<AttributeProto>()]).Model;
        AssertRefused($"file: node '{type}_0' (ai.onnx.ml.{type}): {expected}", model);
    }

    [Fact]
    public void Parse_TreeWithCycle_IsRefused()
    {
        AttributeProto[] attributes = TreeAttributes("target", [0], false, 1, treeCount: 1);
        AttributeProto children = attributes.Single(a => a.Name == "nodes_truenodeids");
        children.Ints[3] = 1; // node 1 is a child of node 0 already
        AssertRefused("file: node 'TreeEnsembleRegressor_0' (ai.onnx.ml.TreeEnsembleRegressor): node 1 of tree 0 does not exist, or has two parents",
            Operator(MachineLearning, "TreeEnsembleRegressor", [Rows(1, 4, 1)], [OnnxElementType.Float], attributes).Model);
    }

    [Theory]
    [InlineData(6, 3, "file: operator set ai.onnx 6 is not supported, expected 7 to 22")]
    [InlineData(17, 5, "file: operator set ai.onnx.ml 5 is not supported, expected 1 to 4")]
    public void Parse_OperatorSetOutOfRange_IsRefused(int standard, int learning, string expected)
    {
        ModelProto model = ModelProto.Parser.ParseFrom(Operator("", "Neg", [Row], [OnnxElementType.Float]).Model);
        model.OpsetImport[0].Version = standard;
        model.OpsetImport[1].Version = learning;
        AssertRefused(expected, model.ToByteArray());
    }

    [Fact]
    public void Parse_GraphThatDoesNotConnect_IsRefused()
    {
        ModelProto model = ModelProto.Parser.ParseFrom(Operator("", "Neg", [Row], [OnnxElementType.Float]).Model);
        model.Graph.Node[0].Input[0] = "other";
        AssertRefused("file: node 'Neg_0' (Neg): input 'other' is not made by any node before it", model.ToByteArray());
    }

    [Fact]
    public void Parse_InitializerOfWrongSize_IsRefused()
    {
        ModelProto model = ModelProto.Parser.ParseFrom(Operator("", "Neg", [Row], [OnnxElementType.Float]).Model);
        TensorProto tensor = new() { Name = "w", DataType = 1 };
        tensor.Dims.Add([1L << 20, 1L << 20]);
        model.Graph.Initializer.Add(tensor);
        AssertRefused("file: initializer 'w': a tensor of [1048576 x 1048576], expected at most 67108864 elements", model.ToByteArray());
    }

    [Fact]
    public void Evaluate_InputThatDoesNotFit_IsTheCallersError()
    {
        OnnxModel model = OnnxModel.Parse(Operator("", "Neg", [Row], [OnnxElementType.Float]).Model, "file");

        Assert.Contains("input 'x0' is absent", Assert.Throws<ArgumentException>(() => model.Evaluate(new Dictionary<string, OnnxTensor>())).Message);
        Assert.Contains("input 'x0' is Float [1 x 3], expected Float [1 x 2]", Assert.Throws<ArgumentException>(
            () => model.Evaluate(new Dictionary<string, OnnxTensor> { ["x0"] = OnnxTensor.Create<float>([1, 2, 3], 1, 3) })).Message);
    }

    [Fact]
    public void Evaluate_SizesThatGrowWithoutBound_AreRefused()
    {
        // [n x 1] + [1 x n] is n^2 values; reshaped and added to itself turned, n^4.
        OnnxGraphBuilder graph = new("growth");
        string value = graph.Input("x", OnnxElementType.Float, "", 1, 256);
        for (int i = 0; i < 4; i++)
        {
            string row = graph.Node("Reshape", [value, graph.Constant([1L, -1L], 2)]);
            string column = graph.Node("Reshape", [value, graph.Constant([-1L, 1L], 2)]);
            value = graph.Node("Add", [row, column]);
        }
        graph.Output(value, "y", OnnxElementType.Float, "", -1, -1);
        OnnxModel model = OnnxModel.Parse(graph.ToModel("1", []).ToByteArray(), "file");

        InvalidDataException error = Assert.Throws<InvalidDataException>(
            () => model.Evaluate(new Dictionary<string, OnnxTensor> { ["x"] = OnnxTensor.Create(new float[256], 1, 256) }));
        Assert.Contains("a tensor of [65536 x 65536], expected at most", error.Message);
    }

    [Theory]
    [InlineData("LightGbmBinaryClassificationOnnxConversionTest.from_baseline.onnx", "Score.output", "FeatureVector")]
    [InlineData("MultiClassificationLogisticRegressionSaveModelToOnnxTest.onnx", "Score.onnx", "Features")]
    [InlineData("Kmeans.from_baseline.onnx", "PredictedLabel.output", "Features")]
    public void ForOutputs_ModelThatCopiesItsLabels_NeedsFeaturesOnly(string file, string output, string input)
    {
        OnnxModel model = OnnxFixtures.Load("mlnet_mit/" + file).ForOutputs(output);

        OnnxValue only = Assert.Single(model.Inputs);
        Assert.Equal(input, only.Name);
        int columns = only.Dimensions[1];
        OnnxTensor result = Assert.Single(model.Evaluate(new Dictionary<string, OnnxTensor> { [input] = Rows(1, columns, seed: 1, missing: 0) })).Value;
        Assert.Equal(1, result.Dimensions[0]);
        Assert.Throws<ArgumentException>(() => model.ForOutputs("no such output"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(300)]
    public void Evaluate_BlocksOfAnySize_HaveTheSameBits(int blockRows)
    {
        OnnxModel model = OnnxFixtures.Load("generated/telco_gbm_pipeline.onnx").ForOutputs("probabilities");
        Dictionary<string, string[]> data = OnnxFixtures.Columns("generated/telco_pipelines_expected.csv");
        float[] whole = model.Evaluate(OnnxFixtures.Inputs(model, data))["probabilities"].As<float>().Values;
        List<float> blocks = [];
        for (int row = 0; row < 500; row += blockRows)
        {
            Dictionary<string, string[]> block = data.ToDictionary(c => c.Key, c => c.Value[row..Math.Min(row + blockRows, 500)]);
            blocks.AddRange(model.Evaluate(OnnxFixtures.Inputs(model, block))["probabilities"].As<float>().Values);
        }
        Assert.Equal(whole, blocks);
    }

    private static void AssertRefused(string expected, byte[] model)
        => Assert.Equal(expected, Assert.Throws<InvalidDataException>(() => OnnxModel.Parse(model, "file")).Message);
}
