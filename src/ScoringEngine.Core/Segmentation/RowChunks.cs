namespace ScoringEngine.Core.Segmentation;

/// <summary>
/// Cuts rows into chunks of a fixed size for parallel work. A chunk's partial result depends on its rows alone, and
/// callers add partial results in chunk order, so that no result depends on the number of threads.
/// </summary>
internal static class RowChunks
{
    /// <summary>Rows in a chunk; a multiple of <see cref="RowPanels.PanelRows"/>.</summary>
    internal const int Rows = 4096;

    internal static int Count(int rows) => (int)(((long)rows + Rows - 1) / Rows);

    /// <summary>Calls <paramref name="body"/> with each chunk's number, first row and row after its last.</summary>
    internal static void Run(int rows, int threads, CancellationToken cancellation, Action<int, int, int> body)
    {
        int chunks = Count(rows);
        if (threads == 1 || chunks <= 1)
        {
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                cancellation.ThrowIfCancellationRequested();
                One(chunk);
            }
            return;
        }
        Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, One);

        void One(int chunk) => body(chunk, chunk * Rows, (int)Math.Min(((long)chunk + 1) * Rows, rows));
    }
    /// <summary>The sum of what <paramref name="part"/> gives for each chunk's first row and row after its last, added in chunk order.</summary>
    internal static double Sum(int rows, int threads, CancellationToken cancellation, Func<int, int, double> part)
    {
        double[] parts = new double[Count(rows)];
        Run(rows, threads, cancellation, (chunk, first, end) => parts[chunk] = part(first, end));
        double total = 0;
        foreach (double value in parts)
        {
            total += value;
        }
        return total;
    }
}
