namespace ScoringEngine.Core.Measurement;

/// <summary>
/// How many customers of each segment to ask, and how exact the answers then are. The next customer to ask is always one of
/// the segment with the highest weight / sqrt(n (n + 1)), n being how many of it are asked already: with weights of size x
/// standard deviation that is the sample of least variance in whole customers (Wright, "The equivalence of Neyman optimum
/// allocation for sampling and equal proportions for apportioning the U.S. House of Representatives", 2012), with the sizes as
/// weights the proportional one. A larger sample contains the smaller one. Stateless.
/// </summary>
public static class SampleAllocation
{
    /// <summary>Fewest of a segment that are asked, where it has as many: with fewer nothing can be said of its spread.</summary>
    public const int LeastPerSegment = 2;

    /// <summary>Standard deviation of a share of one half: no answer between 0 and 1 varies more.</summary>
    public const double WorstCase = 0.5;

    /// <summary>A sample of a size.</summary>
    /// <param name="sizes">Customers of each segment, 0 or more.</param>
    /// <param name="weights">By which the segments are given to, finite, 0 or more; where all are 0 the sizes are.</param>
    /// <param name="total">How many to ask; every segment gets <see cref="LeastPerSegment"/>, and none more than it has.</param>
    /// <returns>How many of each segment.</returns>
    /// <exception cref="ArgumentException">Not as many weights as sizes, or fewer to ask than the segments must have.</exception>
    public static int[] BySize(ReadOnlySpan<long> sizes, ReadOnlySpan<double> weights, int total)
    {
        Growth growth = new(sizes, weights, total);
        if (growth.Total > total)
        {
            throw new ArgumentException($"{total} to ask, expected at least {growth.Total}: {LeastPerSegment} of each segment", nameof(total));
        }
        while (growth.Total < total && growth.TryGrow(out _))
        {
        }
        return growth.Asked;
    }

    /// <summary>The smallest sample for a margin of error of a share of one half.</summary>
    /// <param name="sizes">As in <see cref="BySize"/>.</param>
    /// <param name="weights">As in <see cref="BySize"/>.</param>
    /// <param name="margin">Half-width of the 95 % interval to reach, above 0.</param>
    /// <param name="perSegment">Whether each segment has to reach it, rather than all customers together.</param>
    /// <returns>How many of each segment, <see cref="MostPerSegment"/> or fewer.</returns>
    public static int[] ByMargin(ReadOnlySpan<long> sizes, ReadOnlySpan<double> weights, double margin, bool perSegment)
    {
        Growth growth = new(sizes, weights, MostPerSegment(margin));
        double customers = Sum(sizes);
        double largest = Square(margin / Interval95.Z);
        double variance = 0;
        int lacking = 0;
        for (int s = 0; s < sizes.Length; s++)
        {
            variance += Square(sizes[s] / customers) * Variance(sizes[s], growth.Asked[s], WorstCase);
            lacking += Variance(sizes[s], growth.Asked[s], WorstCase) > largest ? 1 : 0;
        }
        while ((perSegment ? lacking > 0 : variance > largest) && growth.TryGrow(out int grown))
        {
            double before = Variance(sizes[grown], growth.Asked[grown] - 1, WorstCase);
            double after = Variance(sizes[grown], growth.Asked[grown], WorstCase);
            variance += Square(sizes[grown] / customers) * (after - before);
            lacking -= before > largest && after <= largest ? 1 : 0;
        }
        return growth.Asked;
    }

    /// <summary>
    /// How many of one segment are enough for a margin of error, however many it has. When every segment keeps to the margin, all
    /// together do, so that no segment ever needs more.
    /// </summary>
    /// <param name="margin">Above 0.</param>
    public static int MostPerSegment(double margin)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(margin);
        return Math.Max(LeastPerSegment, (int)Math.Min(Array.MaxLength, Math.Ceiling(Square(WorstCase * Interval95.Z / margin))));
    }

    /// <summary>Half-width of the 95 % interval of a segment's mean: normal approximation, with the finite population correction.</summary>
    /// <param name="size">Customers of the segment, 1 or more.</param>
    /// <param name="asked">How many of them answer; 0 gives infinity.</param>
    /// <param name="deviation">Standard deviation of the answers over all customers of the segment.</param>
    public static double Margin(long size, int asked, double deviation) => Interval95.Z * Math.Sqrt(Variance(size, asked, deviation));

    /// <summary>Half-width of the 95 % interval of the mean over all customers, each segment weighted by its size (Cochran, "Sampling Techniques", 1977, ch. 5).</summary>
    /// <param name="sizes">Customers of each segment.</param>
    /// <param name="asked">How many of each answer.</param>
    /// <param name="deviations">Standard deviation of the answers in each.</param>
    public static double Margin(ReadOnlySpan<long> sizes, ReadOnlySpan<int> asked, ReadOnlySpan<double> deviations)
    {
        double customers = Sum(sizes);
        double variance = 0;
        for (int s = 0; s < sizes.Length; s++)
        {
            variance += sizes[s] == 0 ? 0 : Square(sizes[s] / customers) * Variance(sizes[s], asked[s], deviations[s]);
        }
        return Interval95.Z * Math.Sqrt(variance);
    }

    // Of the mean of a sample without replacement; 0 where everybody is asked.
    private static double Variance(long size, int asked, double deviation)
        => asked >= size ? 0 : asked == 0 ? double.PositiveInfinity : deviation * deviation / asked * (size - asked) / (size - 1);

    private static double Sum(ReadOnlySpan<long> sizes)
    {
        double sum = 0;
        foreach (long size in sizes)
        {
            sum += size;
        }
        return sum;
    }

    private static double Square(double x) => x * x;

    // A sample that grows one customer at a time.
    private sealed class Growth
    {
        private readonly long[] _most;
        private readonly double[] _weights;
        private readonly PriorityQueue<int, (double, int)> _next = new();

        public Growth(ReadOnlySpan<long> sizes, ReadOnlySpan<double> weights, int mostPerSegment)
        {
            if (weights.Length != sizes.Length)
            {
                throw new ArgumentException($"{weights.Length} weights, expected {sizes.Length}", nameof(weights));
            }
            _most = new long[sizes.Length];
            _weights = weights.ToArray();
            Asked = new int[sizes.Length];
            bool even = _weights.All(w => w == 0);
            for (int s = 0; s < sizes.Length; s++)
            {
                _most[s] = Math.Min(sizes[s], mostPerSegment);
                _weights[s] = even ? sizes[s] : _weights[s];
                Asked[s] = (int)Math.Min(LeastPerSegment, sizes[s]);
                Total += Asked[s];
                Queue(s);
            }
        }

        public int[] Asked { get; }

        public long Total { get; private set; }

        // False when nobody is left.
        public bool TryGrow(out int segment)
        {
            if (!_next.TryDequeue(out segment, out _))
            {
                return false;
            }
            Asked[segment]++;
            Total++;
            Queue(segment);
            return true;
        }

        private void Queue(int s)
        {
            if (Asked[s] < _most[s])
            {
                _next.Enqueue(s, (-_weights[s] / Math.Sqrt(Asked[s] * (Asked[s] + 1.0)), s));
            }
        }
    }
}
