using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Tests.Segmentation;

public class LinearAssignmentTests
{
    [Fact]
    public void Solve_SmallMatrices_CostsAsLittleAsTheBestOfAllPairings()
    {
        SeededRandom random = new(1);
        for (int repeat = 0; repeat < 200; repeat++)
        {
            int rows = 1 + random.Next(6);
            int columns = rows + random.Next(3);
            double[,] costs = new double[rows, columns];
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < columns; j++)
                {
                    // Whole numbers make ties; sums are exact.
                    costs[i, j] = random.Next(10) - 3;
                }
            }
            int[] columnOf = LinearAssignment.Solve(costs);
            Assert.Equal(rows, columnOf.Distinct().Count());
            Assert.Equal(Cheapest(costs, 0, []), Enumerable.Range(0, rows).Sum(i => costs[i, columnOf[i]]));
        }
    }

    private static double Cheapest(double[,] costs, int row, HashSet<int> used)
    {
        if (row == costs.GetLength(0))
        {
            return 0;
        }
        double best = double.PositiveInfinity;
        for (int j = 0; j < costs.GetLength(1); j++)
        {
            if (used.Add(j))
            {
                best = Math.Min(best, costs[row, j] + Cheapest(costs, row + 1, used));
                used.Remove(j);
            }
        }
        return best;
    }
}
