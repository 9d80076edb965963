using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Synthetic;

/// <summary>A plain k-means, to see whether the synthetic segments can be found by one.</summary>
internal static class Lloyd
{
    /// <summary>Scales every column to mean 0 and standard deviation 1; missing values become the mean.</summary>
    public static void Standardise(double[][] points)
    {
        for (int d = 0; d < points[0].Length; d++)
        {
            double[] present = [.. points.Select(x => x[d]).Where(double.IsFinite)];
            double mean = present.Average();
            double deviation = Math.Sqrt(present.Average(x => (x - mean) * (x - mean)));
            foreach (double[] x in points)
            {
                x[d] = double.IsNaN(x[d]) ? 0 : (x[d] - mean) / deviation;
            }
        }
    }

    /// <summary>Starts by k-means++ (Arthur and Vassilvitskii, 2007).</summary>
    public static double[][] PlusPlus(double[][] points, int k, SeededRandom random)
    {
        List<double[]> centroids = [points[random.Next(points.Length)]];
        double[] nearest = [.. points.Select(_ => double.PositiveInfinity)];
        while (centroids.Count < k)
        {
            for (int i = 0; i < points.Length; i++)
            {
                nearest[i] = Math.Min(nearest[i], Distance(points[i], centroids[^1]));
            }
            double u = random.NextDouble() * nearest.Sum();
            int chosen = 0;
            while (chosen < points.Length - 1 && (u -= nearest[chosen]) > 0)
            {
                chosen++;
            }
            centroids.Add(points[chosen]);
        }
        return [.. centroids];
    }

    /// <summary>Lloyd's iterations from the given centroids.</summary>
    public static (int[] Labels, double Inertia) Run(double[][] points, double[][] start)
    {
        double[][] centroids = [.. start.Select(c => (double[])c.Clone())];
        int[] labels = new int[points.Length];
        double inertia = 0;
        for (int iteration = 0; iteration < 25; iteration++)
        {
            double[][] sums = [.. centroids.Select(c => new double[c.Length])];
            int[] counts = new int[centroids.Length];
            inertia = 0;
            for (int i = 0; i < points.Length; i++)
            {
                double best = double.PositiveInfinity;
                for (int c = 0; c < centroids.Length; c++)
                {
                    double distance = Distance(points[i], centroids[c]);
                    (best, labels[i]) = distance < best ? (distance, c) : (best, labels[i]);
                }
                inertia += best;
                counts[labels[i]]++;
                for (int d = 0; d < points[i].Length; d++)
                {
                    sums[labels[i]][d] += points[i][d];
                }
            }
            for (int c = 0; c < centroids.Length; c++)
            {
                centroids[c] = counts[c] == 0 ? centroids[c] : [.. sums[c].Select(x => x / counts[c])];
            }
        }
        return (labels, inertia);
    }

    /// <summary>Adjusted Rand index of two labellings with labels 0..k-1.</summary>
    public static double Ari(int[] a, int[] b, int k)
    {
        long[,] table = new long[k, k];
        for (int i = 0; i < a.Length; i++)
        {
            table[a[i], b[i]]++;
        }
        double both = 0;
        double inA = 0;
        double inB = 0;
        for (int i = 0; i < k; i++)
        {
            both += Enumerable.Range(0, k).Sum(j => Pairs(table[i, j]));
            inA += Pairs(Enumerable.Range(0, k).Sum(j => table[i, j]));
            inB += Pairs(Enumerable.Range(0, k).Sum(j => table[j, i]));
        }
        double expected = inA * inB / Pairs(a.Length);
        return (both - expected) / ((0.5 * (inA + inB)) - expected);
    }

    private static double Pairs(long count) => 0.5 * count * (count - 1);

    private static double Distance(double[] a, double[] b)
    {
        double sum = 0;
        for (int d = 0; d < a.Length; d++)
        {
            sum += (a[d] - b[d]) * (a[d] - b[d]);
        }
        return sum;
    }
}
