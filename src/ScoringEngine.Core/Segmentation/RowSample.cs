using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>Random choices of rows.</summary>
internal static class RowSample
{
    /// <summary>
    /// <paramref name="count"/> of <paramref name="rows"/> rows without replacement, each set equally likely, in
    /// ascending order (selection sampling: Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S).
    /// </summary>
    internal static int[] Draw(int rows, int count, ref SeededRandom random)
    {
        int[] sample = new int[Math.Min(rows, count)];
        int taken = 0;
        for (int row = 0; taken < sample.Length; row++)
        {
            if ((rows - row) * random.NextDouble() < sample.Length - taken)
            {
                sample[taken++] = row;
            }
        }
        return sample;
    }

    /// <summary>A bootstrap sample: <paramref name="rows"/> rows drawn with replacement.</summary>
    internal static int[] Bootstrap(int rows, ref SeededRandom random)
    {
        int[] sample = new int[rows];
        for (int i = 0; i < rows; i++)
        {
            sample[i] = random.Next(rows);
        }
        return sample;
    }
}
