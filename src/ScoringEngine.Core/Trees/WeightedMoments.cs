using System.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Weighted sums of products of a regression's answers and response, from which it is solved: a lower triangle over
/// [1, answers, response]. Sums and differences of moments are moments, so that those of an interval follow from running
/// totals. Not thread-safe.
/// </summary>
internal sealed class WeightedMoments(int width)
{
    private readonly double[] _sums = new double[width * width];

    /// <summary>Rows that were added.</summary>
    public int Rows { get; private set; }

    /// <summary>Sum of the weights.</summary>
    public double Weight => _sums[0];

    /// <summary>Adds a row.</summary>
    /// <param name="row">[1, answers, response].</param>
    /// <param name="weight">0 or more.</param>
    public void Add(ReadOnlySpan<double> row, double weight)
    {
        Rows++;
        for (int i = 0; i < width; i++)
        {
            AddProducts(_sums.AsSpan(i * width, i + 1), row[..(i + 1)], weight * row[i]);
        }
    }

    /// <summary>Adds the rows of others.</summary>
    public void Add(WeightedMoments others)
    {
        Rows += others.Rows;
        for (int i = 0; i < _sums.Length; i++)
        {
            _sums[i] += others._sums[i];
        }
    }

    public WeightedMoments Copy()
    {
        WeightedMoments copy = new(width);
        copy.Add(this);
        return copy;
    }

    /// <summary>What is left of the weighted squared response, the penalty included, once the regression is fitted.</summary>
    /// <param name="before">Moments of rows that do not count, all of them among these; null for none.</param>
    /// <param name="l2">Factor on the squared coefficients but the constant's.</param>
    /// <param name="scratch">width x width values.</param>
    public double Remaining(WeightedMoments? before, double l2, Span<double> scratch)
    {
        for (int i = 0; i < _sums.Length; i++)
        {
            scratch[i] = _sums[i] - (before is null ? 0 : before._sums[i]);
        }
        for (int i = 1; i < width - 1; i++)
        {
            scratch[(i * width) + i] += l2;
        }
        Factor(scratch);

        // Cholesky's last pivot is the response's share that the others leave.
        double pivot = scratch[^1];
        return pivot * pivot;
    }

    /// <summary>The coefficients nearest to a prior: [constant, answers].</summary>
    /// <param name="l2">Factor on the squared distance to the prior.</param>
    /// <param name="prior">As many coefficients; empty for 0 and a free constant.</param>
    public double[] Solve(double l2, ReadOnlySpan<double> prior)
    {
        int count = width - 1;
        double[] l = [.. _sums];
        Span<double> response = l.AsSpan(count * width, count);
        for (int i = 0; i < count && !prior.IsEmpty; i++)
        {
            for (int j = 0; j < count; j++)
            {
                response[i] -= _sums[(Math.Max(i, j) * width) + Math.Min(i, j)] * prior[j];
            }
        }
        for (int i = prior.IsEmpty ? 1 : 0; i < count; i++)
        {
            l[(i * width) + i] += l2;
        }
        Factor(l);
        double[] x = response.ToArray();
        for (int i = count - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < count; k++)
            {
                x[i] -= l[(k * width) + i] * x[k];
            }
            x[i] /= l[(i * width) + i];
        }
        for (int i = 0; i < prior.Length; i++)
        {
            x[i] += prior[i];
        }
        return x;
    }

    /// <summary>Cholesky's decomposition, in place.</summary>
    private void Factor(Span<double> l)
    {
        for (int i = 0; i < width; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = l[(i * width) + j];
                for (int k = 0; k < j; k++)
                {
                    sum -= l[(i * width) + k] * l[(j * width) + k];
                }

                // The penalty keeps pivots away from 0; only the constant's and the response's can come there.
                l[(i * width) + j] = i == j ? Math.Sqrt(Math.Max(sum, 1e-300)) : sum / l[(j * width) + j];
            }
        }
    }

    // Lanes are answers: each sum has its own, so the width of the vector cannot matter.
    private static void AddProducts(Span<double> sums, ReadOnlySpan<double> row, double factor)
    {
        int i = 0;
        for (; i <= sums.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            (new Vector<double>(sums[i..]) + (new Vector<double>(row[i..]) * factor)).CopyTo(sums[i..]);
        }
        for (; i < sums.Length; i++)
        {
            sums[i] += row[i] * factor;
        }
    }
}
