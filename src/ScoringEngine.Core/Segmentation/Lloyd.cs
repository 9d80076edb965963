using System.Diagnostics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Lloyd's algorithm (1982) over rows in panels: assign every row to its nearest centroid, move each centroid to the
/// mean of its rows, repeat. Sums are double, by chunk, added in chunk order.
/// </summary>
internal sealed class Lloyd
{
    private readonly RowPanels _points;
    private readonly int _k;
    private readonly int _threads;
    private readonly float[] _distances;

    // By chunk: [k x dimensions] sums, k sizes, inertia, whether a row changed its cluster.
    private readonly double[] _chunkSums;
    private readonly int[] _chunkSizes;
    private readonly double[] _chunkInertia;
    private readonly bool[] _chunkChanged;
    private readonly double[] _sums;

    internal Lloyd(RowPanels points, int k, int threads)
    {
        _points = points;
        _k = k;
        _threads = threads;
        int chunks = RowChunks.Count(points.Rows);
        _distances = new float[points.Rows];
        _chunkSums = new double[checked(chunks * k * points.Dimensions)];
        _chunkSizes = new int[chunks * k];
        _chunkInertia = new double[chunks];
        _chunkChanged = new bool[chunks];
        _sums = new double[k * points.Dimensions];
        Centroids = new double[k * points.Dimensions];
        Assignments = new int[points.Rows];
        Sizes = new int[k];
    }

    /// <summary>[k x dimensions].</summary>
    internal double[] Centroids { get; }

    internal int[] Assignments { get; }

    internal int[] Sizes { get; }

    /// <summary>Sum of squared distances in the last pass.</summary>
    internal double Inertia { get; private set; }

    internal int Iterations { get; private set; }

    /// <summary>Runs from the given centroids until no row moves, or the centroids move by no more than the tolerance.</summary>
    /// <param name="start">[k x dimensions].</param>
    /// <param name="maxIterations">Most passes over the rows.</param>
    /// <param name="tolerance">Squared distance, summed over the centroids.</param>
    /// <param name="cancellation">Checked for every chunk.</param>
    internal void Run(ReadOnlySpan<double> start, int maxIterations, double tolerance, CancellationToken cancellation)
    {
        start.CopyTo(Centroids);
        Assignments.AsSpan().Fill(-1);
        double shift = double.PositiveInfinity;
        for (Iterations = 1; ; Iterations++)
        {
            bool changed = Assign(cancellation);
            bool repaired = RepairEmpty();

            // Stopping before the centroids move again leaves every row with the nearest of the final centroids.
            if (!repaired && (!changed || shift <= tolerance || Iterations == maxIterations))
            {
                return;
            }
            shift = MoveToMeans();
            if (Iterations == maxIterations)
            {
                return;
            }
        }
    }

    /// <summary>Mean over the columns of their population variance.</summary>
    internal static double MeanVariance(RowPanels points)
    {
        double total = 0;
        for (int d = 0; d < points.Dimensions; d++)
        {
            double mean = ColumnSum(points, d, 0, squared: false) / points.Rows;
            total += ColumnSum(points, d, mean, squared: true) / points.Rows;
        }
        return total / points.Dimensions;
    }

    private static double ColumnSum(RowPanels points, int d, double origin, bool squared)
    {
        double sum = 0;
        for (int row = 0; row < points.Rows; row += RowPanels.PanelRows)
        {
            int lanes = Math.Min(RowPanels.PanelRows, points.Rows - row);
            foreach (float value in points.Panel(row / RowPanels.PanelRows).Slice(d * RowPanels.PanelRows, lanes))
            {
                double difference = value - origin;
                sum += squared ? difference * difference : difference;
            }
        }
        return sum;
    }

    private bool Assign(CancellationToken cancellation)
    {
        float[] centroids = Array.ConvertAll(Centroids, static c => (float)c);
        CentroidTable table = new(centroids, _points.Dimensions);
        RowChunks.Run(_points.Rows, _threads, cancellation, (chunk, first, end) => AssignChunk(table, chunk, first, end));

        Array.Clear(_sums);
        Array.Clear(Sizes);
        Inertia = 0;
        bool changed = false;
        for (int chunk = 0; chunk < _chunkInertia.Length; chunk++)
        {
            Add(_chunkSums.AsSpan(chunk * _sums.Length, _sums.Length), _sums);
            for (int k = 0; k < _k; k++)
            {
                Sizes[k] += _chunkSizes[(chunk * _k) + k];
            }
            Inertia += _chunkInertia[chunk];
            changed |= _chunkChanged[chunk];
        }
        return changed;
    }

    private void AssignChunk(CentroidTable table, int chunk, int first, int end)
    {
        int dimensions = _points.Dimensions;
        Span<double> sums = _chunkSums.AsSpan(chunk * _k * dimensions, _k * dimensions);
        Span<int> sizes = _chunkSizes.AsSpan(chunk * _k, _k);
        sums.Clear();
        sizes.Clear();
        double inertia = 0;
        bool changed = false;
        Span<int> index = stackalloc int[RowPanels.PanelRows];
        Span<float> best = stackalloc float[RowPanels.PanelRows];
        Span<float> second = stackalloc float[RowPanels.PanelRows];
        for (int row = first; row < end; row += RowPanels.PanelRows)
        {
            ReadOnlySpan<float> panel = _points.Panel(row / RowPanels.PanelRows);
            table.Nearest(panel, index, best, second);
            int lanes = Math.Min(RowPanels.PanelRows, end - row);
            changed |= !index[..lanes].SequenceEqual(Assignments.AsSpan(row, lanes));
            index[..lanes].CopyTo(Assignments.AsSpan(row));
            best[..lanes].CopyTo(_distances.AsSpan(row));
            for (int lane = 0; lane < lanes; lane++)
            {
                inertia += best[lane];
                sizes[index[lane]]++;
                Span<double> sum = sums.Slice(index[lane] * dimensions, dimensions);
                int at = lane;
                for (int d = 0; d < sum.Length; d++, at += RowPanels.PanelRows)
                {
                    sum[d] += panel[at];
                }
            }
        }
        _chunkInertia[chunk] = inertia;
        _chunkChanged[chunk] = changed;
    }

    /// <summary>
    /// Gives each empty cluster the row farthest from its centroid (the lowest of equals) out of a cluster that keeps a
    /// row. True when there was one.
    /// </summary>
    private bool RepairEmpty()
    {
        bool repaired = false;
        float[] row = new float[_points.Dimensions];
        for (int empty = 0; empty < _k; empty++)
        {
            if (Sizes[empty] > 0)
            {
                continue;
            }
            int farthest = -1;
            for (int i = 0; i < _distances.Length; i++)
            {
                if ((farthest < 0 || _distances[i] > _distances[farthest]) && Sizes[Assignments[i]] > 1)
                {
                    farthest = i;
                }
            }
            Debug.Assert(farthest >= 0, "there are at least k rows");
            int from = Assignments[farthest];
            _points.CopyRow(farthest, row);
            for (int d = 0; d < row.Length; d++)
            {
                _sums[(from * row.Length) + d] -= row[d];
                _sums[(empty * row.Length) + d] += row[d];
            }
            Sizes[from]--;
            Sizes[empty]++;
            Assignments[farthest] = empty;
            _distances[farthest] = 0;
            repaired = true;
        }
        return repaired;
    }

    private double MoveToMeans()
    {
        double shift = 0;
        for (int k = 0; k < _k; k++)
        {
            for (int d = 0; d < _points.Dimensions; d++)
            {
                int at = (k * _points.Dimensions) + d;
                double mean = _sums[at] / Sizes[k];
                shift += (mean - Centroids[at]) * (mean - Centroids[at]);
                Centroids[at] = mean;
            }
        }
        return shift;
    }

    private static void Add(ReadOnlySpan<double> from, Span<double> to)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] += from[i];
        }
    }
}
