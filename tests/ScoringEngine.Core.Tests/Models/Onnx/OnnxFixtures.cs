using System.Globalization;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>Model files of other tools, with the inputs and outputs that came with them.</summary>
internal static class OnnxFixtures
{
    public static OnnxModel Load(string path) => OnnxModel.Load(RealData.File("models/" + path));

    /// <summary>The columns of a file by name, "NaN" being a number.</summary>
    public static Dictionary<string, string[]> Columns(string path)
    {
        string[][] lines = [.. File.ReadLines(RealData.File("models/" + path)).Select(line => line.Split(','))];
        return lines[0].Select((name, c) => (name, values: lines[1..].Select(line => line[c]).ToArray())).ToDictionary(p => p.name, p => p.values);
    }

    public static float[] Floats(string[] column) => [.. column.Select(v => float.Parse(v, CultureInfo.InvariantCulture))];

    public static double[] Doubles(string[] column) => [.. column.Select(v => double.Parse(v, CultureInfo.InvariantCulture))];

    /// <summary>[rows x columns] of some columns.</summary>
    public static OnnxTensor Matrix(Dictionary<string, string[]> data, params string[] columns)
    {
        float[][] values = [.. columns.Select(c => Floats(data[c]))];
        int rows = values[0].Length;
        return OnnxTensor.Create<float>([.. Enumerable.Range(0, rows).SelectMany(r => values.Select(v => v[r]))], rows, columns.Length);
    }

    /// <summary>An input [rows x 1] for each input of a pipeline, numbers or texts.</summary>
    public static Dictionary<string, OnnxTensor> Inputs(OnnxModel model, Dictionary<string, string[]> data)
        => model.Inputs.ToDictionary(i => i.Name, i => i.ElementType == OnnxElementType.String
            ? OnnxTensor.Create(data[i.Name], data[i.Name].Length, 1)
            : (OnnxTensor)OnnxTensor.Create(Floats(data[i.Name]), data[i.Name].Length, 1));
}
