using Google.Protobuf;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Models.Onnx.Format;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Tests.Trees;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>Small models, one for each way an operator can be used.</summary>
internal static class OnnxCases
{
    public const string MachineLearning = "ai.onnx.ml";

    /// <summary>A model of one operator whose inputs are named x0, x1, ... and outputs y0, y1, ...; trailing inputs are constants.</summary>
    public static (byte[] Model, Dictionary<string, OnnxTensor> Inputs) Operator(
        string domain, string type, OnnxTensor[] inputs, OnnxElementType[] outputs, params AttributeProto[] attributes)
    {
        OnnxGraphBuilder graph = new("case");
        Dictionary<string, OnnxTensor> values = [];
        for (int i = 0; i < inputs.Length; i++)
        {
            values[graph.Input($"x{i}", inputs[i].ElementType, "", [.. inputs[i].Dimensions])] = inputs[i];
        }
        string[] results = graph.Nodes(domain, type, [.. values.Keys], outputs.Length, attributes);
        ModelProto model = graph.ToModel("1", []);
        for (int i = 0; i < outputs.Length; i++)
        {
            // The rank is left open: runtimes infer it.
            model.Graph.Node[^1].Output[i] = $"y{i}";
            model.Graph.Output.Add(new ValueInfoProto
            {
                Name = $"y{i}",
                Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)outputs[i] } },
            });
        }
        return (model.ToByteArray(), values);
    }

    /// <summary>Rows with small whole and other numbers and missing values.</summary>
    public static OnnxTensor<float> Rows(int rows, int columns, long seed, double missing = 0.1)
    {
        float[] values = TreeData.Normal(rows, columns, seed, missing).Values;
        for (int i = 0; i < values.Length; i += 3)
        {
            values[i] = MathF.Round(values[i]);
        }
        return OnnxTensor.Create(values, rows, columns);
    }

    /// <summary>
    /// Trees with all node modes for a regressor (prefix "target") or classifier ("class"). Each tree has weights for
    /// one of the targets, in turn.
    /// </summary>
    public static AttributeProto[] TreeAttributes(string prefix, long[] targets, bool positive, long seed, int treeCount = 5, int columns = 4)
    {
        SeededRandom random = new(seed);
        string[] modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];
        List<long> trees = [], ids = [], features = [], yes = [], no = [], missing = [], leafTrees = [], leafIds = [], leafTargets = [];
        List<float> values = [], weights = [];
        List<string> nodeModes = [];
        for (int tree = 0; tree < treeCount; tree++)
        {
            for (int id = 0; id < 15; id++)
            {
                bool leaf = id >= 7;
                trees.Add(tree);
                ids.Add(id);
                features.Add(leaf ? 0 : (long)(random.NextDouble() * columns));
                nodeModes.Add(leaf ? "LEAF" : modes[(int)(random.NextDouble() * modes.Length)]);
                values.Add(leaf ? 0 : MathF.Round((float)random.NextNormal()));
                missing.Add(leaf || random.NextDouble() < 0.5 ? 0 : 1);
                yes.Add(leaf ? 0 : (2 * id) + 1);
                no.Add(leaf ? 0 : (2 * id) + 2);
                if (leaf)
                {
                    float weight = (float)random.NextNormal() / treeCount;
                    leafTrees.Add(tree);
                    leafIds.Add(id);
                    leafTargets.Add(targets[tree % targets.Length]);
                    weights.Add(positive ? MathF.Abs(weight) : weight);
                }
            }
        }
        return
        [
            OnnxGraphBuilder.Attribute("nodes_treeids", trees),
            OnnxGraphBuilder.Attribute("nodes_nodeids", ids),
            OnnxGraphBuilder.Attribute("nodes_modes", nodeModes),
            OnnxGraphBuilder.Attribute("nodes_values", values),
            OnnxGraphBuilder.Attribute("nodes_featureids", features),
            OnnxGraphBuilder.Attribute("nodes_truenodeids", yes),
            OnnxGraphBuilder.Attribute("nodes_falsenodeids", no),
            OnnxGraphBuilder.Attribute("nodes_missing_value_tracks_true", missing),
            OnnxGraphBuilder.Attribute($"{prefix}_treeids", leafTrees),
            OnnxGraphBuilder.Attribute($"{prefix}_nodeids", leafIds),
            OnnxGraphBuilder.Attribute($"{prefix}_ids", leafTargets),
            OnnxGraphBuilder.Attribute($"{prefix}_weights", weights),
        ];
    }
}
