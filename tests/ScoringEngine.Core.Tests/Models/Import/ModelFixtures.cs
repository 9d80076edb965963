using System.Globalization;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Models.Import;

/// <summary>Reads inputs and expected outputs of the model files in the real data, and evaluates models in every way.</summary>
internal static class ModelFixtures
{
    /// <summary>Rows of numbers between separators; what is no number is NaN.</summary>
    public static float[][] Table(string path, char separator, int skipRows = 0, int skipColumns = 0, int takeColumns = int.MaxValue) =>
    [
        .. File.ReadLines(Resolve(path))
            .Skip(skipRows)
            .Where(l => l.Length > 0)
            .Select(l => l.Split(separator)
                .Skip(skipColumns)
                .Take(takeColumns)
                .Select(v => float.TryParse(v, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) ? value : float.NaN)
                .ToArray()),
    ];

    /// <summary>Rows of <c>label index:value ...</c>; absent values are NaN.</summary>
    public static float[][] LibSvm(string path, int columns) =>
    [
        .. File.ReadLines(Resolve(path)).Where(l => l.Length > 0).Select(line =>
        {
            float[] row = new float[columns];
            row.AsSpan().Fill(float.NaN);
            foreach (string[] pair in line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(w => w.Split(':')))
            {
                row[int.Parse(pair[0], CultureInfo.InvariantCulture)] = float.Parse(pair[1], CultureInfo.InvariantCulture);
            }
            return row;
        }),
    ];

    /// <summary>Expected outputs, one row a line.</summary>
    public static double[][] Expected(string path, int skipRows = 0, int skipColumns = 0) =>
    [
        .. File.ReadLines(Resolve(path))
            .Skip(skipRows)
            .Where(l => l.Length > 0)
            .Select(l => l.Split(['\t', ',', ' '])
                .Skip(skipColumns)
                .Select(v => double.Parse(v, CultureInfo.InvariantCulture))
                .ToArray()),
    ];

    // A path of this machine, or one within the real data.
    private static string Resolve(string path) => Path.IsPathRooted(path) ? path : RealData.File(path);

    /// <summary>Margins of all rows: as one block, and asserted to be the bits of every row by itself.</summary>
    public static double[] Margins(ImportedModel model, float[][] rows)
    {
        float[] values = [.. rows.SelectMany(r => r)];
        int stride = rows.Length == 0 ? model.FeatureCount : rows[0].Length;
        double[] margins = new double[rows.Length * model.Outputs];
        model.MarginModel.Margins(values, rows.Length, stride, margins, new float[model.MarginModel.ScratchLength]);
        double[] one = new double[model.Outputs];
        for (int r = 0; r < rows.Length; r++)
        {
            model.MarginModel.Margins(rows[r], one);
            Assert.Equal(margins[(r * model.Outputs)..((r + 1) * model.Outputs)], one);
        }
        return margins;
    }

    /// <summary>Predictions of all rows.</summary>
    public static double[] Predictions(ImportedModel model, float[][] rows)
    {
        float[] values = [.. rows.SelectMany(r => r)];
        double[] predictions = new double[rows.Length * model.Outputs];
        model.Predict(values, rows.Length, rows[0].Length, predictions, new float[model.MarginModel.ScratchLength]);
        return predictions;
    }

    /// <summary>The greatest |expected - found| / |expected|.</summary>
    public static double WorstRelativeError(double[][] expected, double[] found)
    {
        double[] flat = [.. expected.SelectMany(e => e)];
        Assert.Equal(flat.Length, found.Length);
        return flat.Zip(found, (e, f) => e == f ? 0 : Math.Abs(e - f) / Math.Abs(e)).Max();
    }
}
