using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Measurement;

/// <summary>
/// Draws customers of each segment at random while they pass by once: kept are those with the smallest hashes of their ids under
/// a seed (bottom-k sampling; Cohen and Kaplan, 2007). Who is drawn depends on neither the order of the file nor threads, and
/// a smaller sample is the beginning of a larger one. Not thread-safe.
/// </summary>
/// <param name="segments">How many segments there are.</param>
/// <param name="most">How many customers of each to keep at most.</param>
/// <param name="seed">Another one draws other customers.</param>
public sealed class SegmentSample(int segments, int most, long seed)
{
    // Sums are kept in fixed point so that they do not depend on the order of the customers.
    private const double ProfitUnit = 1.0 / 256;
    private const double LargestProfit = 1L << 39;

    // Sets this sample apart from whatever else hashes ids under a number, above all the hold-out.
    private const ulong Purpose = 0x5352_5645_595F_5331;

    private readonly Segment[] _segments = [.. Enumerable.Range(0, segments).Select(_ => new Segment())];

    /// <summary>Customers of each segment that passed by.</summary>
    public long[] Sizes => [.. _segments.Select(s => s.Size)];

    /// <summary>
    /// Standard deviation of the expected profit in each segment, in currency (of profits within +-5e11, to 1/256); 0 where
    /// fewer than two are known.
    /// </summary>
    public double[] ProfitDeviations => [.. _segments.Select(s => s.ProfitDeviation)];

    /// <summary>Sees a customer.</summary>
    /// <param name="id">UTF-8. An id that comes twice is drawn once, though it counts twice in the size.</param>
    /// <param name="segment">0..segments - 1.</param>
    /// <param name="profit">Expected profit; NaN where not known.</param>
    public void Add(ReadOnlySpan<byte> id, int segment, float profit)
    {
        Segment into = _segments[segment];
        into.Count(profit);
        ulong hash = SeededRandom.Mix(CustomerHash.Of(id, seed) ^ Purpose);
        if (into.Drawn.Count == most && (most == 0 || hash >= into.Largest))
        {
            return;
        }
        if (into.Hashes.Add(hash))
        {
            into.Drawn.Enqueue(id.ToArray(), hash);
            if (into.Drawn.Count > most)
            {
                into.Drawn.TryDequeue(out _, out ulong left);
                into.Hashes.Remove(left);
            }
        }
    }

    /// <summary>The first drawn customers of a segment, in the order in which they were drawn (which is random).</summary>
    /// <param name="segment">0..segments - 1.</param>
    /// <param name="count">How many; fewer where ids came twice.</param>
    /// <returns>Ids, UTF-8.</returns>
    public IEnumerable<byte[]> Draw(int segment, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, most);
        return _segments[segment].Drawn.UnorderedItems.OrderBy(d => d.Priority).Take(count).Select(d => d.Element);
    }

    private sealed class Segment
    {
        private Int128 _sum;
        private Int128 _squares;
        private long _known;

        public long Size { get; private set; }

        // The largest hash first.
        public PriorityQueue<byte[], ulong> Drawn { get; } = new(Comparer<ulong>.Create((a, b) => b.CompareTo(a)));

        public HashSet<ulong> Hashes { get; } = [];

        public ulong Largest => Drawn.TryPeek(out _, out ulong hash) ? hash : 0;

        public double ProfitDeviation
        {
            get
            {
                if (_known < 2)
                {
                    return 0;
                }
                // n * squares - sum * sum without overflow: sums of deviations from the rounded mean.
                Int128 mean = _sum / _known;
                Int128 rest = _sum - (mean * _known);
                Int128 squares = _squares - (2 * mean * _sum) + (mean * mean * _known);
                return ProfitUnit * Math.Sqrt((double)squares - ((double)rest * (double)rest / _known)) / Math.Sqrt(_known - 1);
            }
        }

        public void Count(float profit)
        {
            Size++;
            if (float.IsNaN(profit))
            {
                return;
            }
            long fixedPoint = (long)Math.Round(Math.Clamp(profit, -LargestProfit, LargestProfit) / ProfitUnit);
            _known++;
            _sum += fixedPoint;
            _squares += (Int128)fixedPoint * fixedPoint;
        }
    }
}
