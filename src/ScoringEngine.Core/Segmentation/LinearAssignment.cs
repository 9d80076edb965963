using System.Diagnostics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>The assignment problem.</summary>
internal static class LinearAssignment
{
    /// <summary>
    /// For each row of a cost matrix the column it is paired with, each column at most once, such that the sum of costs
    /// is lowest; the Hungarian algorithm by shortest augmenting paths (Jonker and Volgenant, 1987), O(rows^2 x columns).
    /// </summary>
    /// <param name="costs">[rows x columns], finite, with no more rows than columns.</param>
    internal static int[] Solve(double[,] costs)
    {
        int rows = costs.GetLength(0);
        int columns = costs.GetLength(1);
        Debug.Assert(rows <= columns);

        // Column `columns` stands for "where the path starts"; rowOf[column] is -1 while the column is free.
        double[] rowPotential = new double[rows];
        double[] columnPotential = new double[columns + 1];
        int[] rowOf = new int[columns + 1];
        rowOf.AsSpan().Fill(-1);
        int[] previous = new int[columns];
        double[] slack = new double[columns];
        bool[] visited = new bool[columns + 1];
        for (int start = 0; start < rows; start++)
        {
            int column = columns;
            rowOf[column] = start;
            slack.AsSpan().Fill(double.PositiveInfinity);
            Array.Clear(visited);
            do
            {
                visited[column] = true;
                int row = rowOf[column];
                int next = -1;
                for (int j = 0; j < columns; j++)
                {
                    if (visited[j])
                    {
                        continue;
                    }
                    double reduced = costs[row, j] - rowPotential[row] - columnPotential[j];
                    if (reduced < slack[j])
                    {
                        slack[j] = reduced;
                        previous[j] = column;
                    }
                    if (next < 0 || slack[j] < slack[next])
                    {
                        next = j;
                    }
                }
                double step = slack[next];
                for (int j = 0; j <= columns; j++)
                {
                    if (visited[j])
                    {
                        rowPotential[rowOf[j]] += step;
                        columnPotential[j] -= step;
                    }
                    else if (j < columns)
                    {
                        slack[j] -= step;
                    }
                }
                column = next;
            }
            while (rowOf[column] >= 0);

            while (column != columns)
            {
                rowOf[column] = rowOf[previous[column]];
                column = previous[column];
            }
        }

        int[] columnOf = new int[rows];
        for (int j = 0; j < columns; j++)
        {
            if (rowOf[j] >= 0)
            {
                columnOf[rowOf[j]] = j;
            }
        }
        return columnOf;
    }
}
