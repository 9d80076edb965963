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
    internal static FeatureMatrix Iris()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Data", "iris.csv");
        float[] values = [.. File.ReadLines(path).Skip(1).SelectMany(
            line => line.Split(',').Take(4).Select(cell => float.Parse(cell, CultureInfo.InvariantCulture)))];
        return new FeatureMatrix(values.Length / 4, 4, values);
    }

    /// <summary>Recency, frequency and monetary value of the Online Retail customers: log1p, then z-scores.</summary>
    internal static FeatureMatrix OnlineRetail()
    {
        using GZipStream gzip = new(File.OpenRead(RealData.File("reference/online_retail_rfm.csv.gz")), CompressionMode.Decompress);
        using StreamReader reader = new(gzip);
        double[][] rows = [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(
            line => line.Split(',').Skip(1).Select(cell => Math.Log(1 + double.Parse(cell, CultureInfo.InvariantCulture))).ToArray())];
        FeatureMatrix result = new(rows.Length, 3);
        for (int d = 0; d < 3; d++)
        {
            double mean = rows.Average(row => row[d]);
            double deviation = Math.Sqrt(rows.Average(row => (row[d] - mean) * (row[d] - mean)));
            for (int i = 0; i < rows.Length; i++)
            {
                result[i, d] = (float)((rows[i][d] - mean) / deviation);
            }
        }
        return result;
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
