using System.Diagnostics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Lloyd's algorithm (1982) over rows in panels: assign every row to its nearest centroid, move each centroid to the
/// mean of its rows, repeat. Sums are double, by chunk, added in chunk order.
/// </summary>
/// <remarks>
/// A pass after the first adds and subtracts only the rows that changed their cluster. Before the end all rows are summed
/// anew, so that no rounding is left of rows that came and went.
/// </remarks>
internal sealed class Lloyd
{
    private readonly RowPanels _points;
    private readonly int _k;
    private readonly int _threads;
    private readonly float[] _distances;

    // By chunk: [k x dimensions] sums and k sizes as of Assignments, inertia, whether a row changed its cluster.
    private readonly double[] _chunkSums;
    private readonly int[] _chunkSizes;
    private readonly double[] _chunkInertia;
    private readonly bool[] _chunkChanged;

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
        Sums = new double[k * points.Dimensions];
        Centroids = new double[k * points.Dimensions];
        Assignments = new int[points.Rows];
        Sizes = new int[k];
    }

    /// <summary>[k x dimensions].</summary>
    internal double[] Centroids { get; }

    internal int[] Assignments { get; }

    /// <summary>Rows of each cluster.</summary>
    internal int[] Sizes { get; }

    /// <summary>[k x dimensions] sums of the rows of each cluster.</summary>
    internal double[] Sums { get; }

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
        Assignments.AsSpan().Fill(-1);
        Clear();
        start.CopyTo(Centroids);
        double shift = double.PositiveInfinity;
        bool summedAnew = false;
        for (Iterations = 1; ; Iterations++)
        {
            bool changed = Assign(cancellation);
            bool repaired = RepairEmpty();
            bool last = Iterations == maxIterations;
            if (!repaired && (!changed || shift <= tolerance || last))
            {
                // Stopping before the centroids move again leaves every row with the nearest of the final centroids. Those
                // of the second pass are the means of sums made in one go.
                if (summedAnew || last || Iterations <= 2)
                {
                    return;
                }
                SumAnew(cancellation);
                summedAnew = true;
            }
            shift = MoveToMeans();
            if (last)
            {
                return;
            }
        }
    }

    /// <summary>One pass that forgets all earlier ones: assignments, sizes and sums for the given centroids.</summary>
    /// <param name="centroids">[k x dimensions].</param>
    /// <param name="cancellation">Checked for every chunk.</param>
    internal void AssignTo(ReadOnlySpan<double> centroids, CancellationToken cancellation)
    {
        Assignments.AsSpan().Fill(-1);
        Clear();
        centroids.CopyTo(Centroids);
        Assign(cancellation);
    }

    private bool Assign(CancellationToken cancellation)
    {
        float[] centroids = Array.ConvertAll(Centroids, static c => (float)c);
        CentroidTable table = new(centroids, _points.Dimensions);
        RowChunks.Run(_points.Rows, _threads, cancellation, (chunk, first, end) => AssignChunk(table, chunk, first, end));

        AddChunks();
        Inertia = 0;
        bool changed = false;
        for (int chunk = 0; chunk < _chunkInertia.Length; chunk++)
        {
            Inertia += _chunkInertia[chunk];
            changed |= _chunkChanged[chunk];
        }
        return changed;
    }

    private void AssignChunk(CentroidTable table, int chunk, int first, int end)
    {
        double inertia = 0;
        bool changed = false;
        Span<int> index = stackalloc int[RowPanels.PanelRows];
        Span<float> best = stackalloc float[RowPanels.PanelRows];
        Span<float> second = stackalloc float[RowPanels.PanelRows];
        for (int row = first; row < end; row += RowPanels.PanelRows)
        {
            table.Nearest(_points.Panel(row / RowPanels.PanelRows), index, best, second);
            int lanes = Math.Min(RowPanels.PanelRows, end - row);
            best[..lanes].CopyTo(_distances.AsSpan(row));
            foreach (float distance in best[..lanes])
            {
                inertia += distance;
            }
            if (index[..lanes].SequenceEqual(Assignments.AsSpan(row, lanes)))
            {
                continue;
            }
            changed = true;
            for (int lane = 0; lane < lanes; lane++)
            {
                Move(chunk, row + lane, index[lane]);
            }
        }
        _chunkInertia[chunk] = inertia;
        _chunkChanged[chunk] = changed;
    }

    /// <summary>Gives a row of the chunk to a cluster.</summary>
    private void Move(int chunk, int row, int to)
    {
        int from = Assignments[row];
        if (from == to)
        {
            return;
        }
        Assignments[row] = to;
        Add(chunk, row, to);
        if (from >= 0)
        {
            int dimensions = _points.Dimensions;
            ReadOnlySpan<float> values = _points.Panel(row / RowPanels.PanelRows)[(row % RowPanels.PanelRows)..];
            Span<double> sum = _chunkSums.AsSpan(((chunk * _k) + from) * dimensions, dimensions);
            for (int d = 0; d < sum.Length; d++)
            {
                sum[d] -= values[d * RowPanels.PanelRows];
            }
            _chunkSizes[(chunk * _k) + from]--;
        }
    }

    private void Add(int chunk, int row, int to)
    {
        int dimensions = _points.Dimensions;
        ReadOnlySpan<float> values = _points.Panel(row / RowPanels.PanelRows)[(row % RowPanels.PanelRows)..];
        Span<double> sum = _chunkSums.AsSpan(((chunk * _k) + to) * dimensions, dimensions);
        for (int d = 0; d < sum.Length; d++)
        {
            sum[d] += values[d * RowPanels.PanelRows];
        }
        _chunkSizes[(chunk * _k) + to]++;
    }

    private void Clear()
    {
        Array.Clear(_chunkSums);
        Array.Clear(_chunkSizes);
    }

    private void SumAnew(CancellationToken cancellation)
    {
        Clear();
        RowChunks.Run(_points.Rows, _threads, cancellation, (chunk, first, end) =>
        {
            for (int row = first; row < end; row++)
            {
                Add(chunk, row, Assignments[row]);
            }
        });
        AddChunks();
    }

    private void AddChunks()
    {
        Array.Clear(Sums);
        Array.Clear(Sizes);
        for (int chunk = 0; chunk < _chunkInertia.Length; chunk++)
        {
            ReadOnlySpan<double> sums = _chunkSums.AsSpan(chunk * Sums.Length, Sums.Length);
            for (int at = 0; at < sums.Length; at++)
            {
                Sums[at] += sums[at];
            }
            for (int k = 0; k < _k; k++)
            {
                Sizes[k] += _chunkSizes[(chunk * _k) + k];
            }
        }
    }

    /// <summary>
    /// Gives each empty cluster the row farthest from its centroid (the lowest of equals) out of a cluster that keeps a
    /// row. True when there was one.
    /// </summary>
    private bool RepairEmpty()
    {
        bool repaired = false;
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
            Sizes[Assignments[farthest]]--;
            Sizes[empty]++;
            Move(farthest / RowChunks.Rows, farthest, empty);
            _distances[farthest] = 0;
            repaired = true;
        }
        if (repaired)
        {
            AddChunks();
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
                double mean = Sums[at] / Sizes[k];
                shift += (mean - Centroids[at]) * (mean - Centroids[at]);
                Centroids[at] = mean;
            }
        }
        return shift;
    }
}
