using System.Globalization;
using System.IO.Compression;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Segmentation;

/// <summary>Points the clustering tests share.</summary>
internal static class TestPoints
{
    /// <summary>Fisher's iris (1936), [150 x 4], with the measurements of his paper.</summary>
    internal static FeatureMatrix Iris() => Csv("iris.csv", 4);

    /// <summary>The wines of Aeberhard and Forina (UCI Machine Learning Repository, 1991), [178 x 13], as z-scores.</summary>
    internal static FeatureMatrix Wine() => Standardise(Csv("wine.csv", 13));

    private static FeatureMatrix Csv(string file, int columns)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Data", file);
        float[] values = [.. File.ReadLines(path).Where(line => !line.StartsWith('#')).Skip(1).SelectMany(
            line => line.Split(',').Take(columns).Select(cell => float.Parse(cell, CultureInfo.InvariantCulture)))];
        return new FeatureMatrix(values.Length / columns, columns, values);
    }

    private static FeatureMatrix Standardise(FeatureMatrix rows)
    {
        FeatureMatrix result = new(rows.Rows, rows.Columns);
        for (int d = 0; d < rows.Columns; d++)
        {
            double[] column = [.. Enumerable.Range(0, rows.Rows).Select(i => (double)rows[i, d])];
            double mean = column.Average();
            double deviation = Math.Sqrt(column.Average(x => (x - mean) * (x - mean)));
            for (int i = 0; i < rows.Rows; i++)
            {
                result[i, d] = (float)((column[i] - mean) / deviation);
            }
        }
        return result;
    }

    /// <summary>Recency, frequency and monetary value of the Online Retail customers: log1p, then z-scores.</summary>
    internal static FeatureMatrix OnlineRetail()
    {
        using GZipStream gzip = new(File.OpenRead(RealData.File("reference/online_retail_rfm.csv.gz")), CompressionMode.Decompress);
        using StreamReader reader = new(gzip);
        float[] values = [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).SelectMany(
            line => line.Split(',').Skip(1).Select(cell => (float)Math.Log(1 + double.Parse(cell, CultureInfo.InvariantCulture))))];
        return Standardise(new FeatureMatrix(values.Length / 3, 3, values));
    }

    /// <summary>Standard normal values.</summary>
    internal static FeatureMatrix Normal(int rows, int columns, long seed)
    {
        SeededRandom random = new(seed);
        FeatureMatrix result = new(rows, columns);
        foreach (ref float value in result.Values.AsSpan())
        {
            value = (float)random.NextNormal();
        }
        return result;
    }

    /// <summary>Row i belongs to blob i % blobs; blobs have unit variance and stand on random corners, far apart.</summary>
    internal static FeatureMatrix Blobs(int rows, int columns, int blobs, long seed)
    {
        FeatureMatrix corners = Normal(blobs, columns, seed + 1);
        FeatureMatrix result = Normal(rows, columns, seed);
        for (int i = 0; i < rows; i++)
        {
            for (int d = 0; d < columns; d++)
            {
                result[i, d] += 10 * corners[i % blobs, d];
            }
        }
        return result;
    }
}
