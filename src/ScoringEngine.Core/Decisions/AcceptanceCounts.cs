namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Matured offers and acceptances so far by number of the proposition and segment id, as outcomes arrive: what propensities are smoothed
/// with between two trainings. Thread-safe: additions wait for one another, reading waits for nobody, and the two
/// counts of a pair always belong together.
/// </summary>
public sealed class AcceptanceCounts
{
    private readonly Lock _gate = new();

    // By segment id, then by number of the proposition; row 0 is of no known segment. Each element holds both counts, offers in
    // the upper half, so that one addition changes both and one read sees both. Arrays are replaced when they grow.
    private volatile long[][] _bySegment = [];
    private volatile long[] _everywhere = [];

    /// <summary>Counts offers and acceptances.</summary>
    /// <param name="proposition">Number of the proposition, 1 or more.</param>
    /// <param name="segmentId">Id of the segment; 0 where it is not known.</param>
    /// <param name="offers">Matured offers; negative to take some back.</param>
    /// <param name="acceptances">Acceptances among them; negative to take some back.</param>
    /// <exception cref="ArgumentException">A number is out of range, or fewer than none would be left.</exception>
    public void Add(int proposition, int segmentId, long offers, long acceptances)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(proposition);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(proposition, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegative(segmentId);
        lock (_gate)
        {
            long[] everywhere = WithRoomFor(_everywhere, proposition);
            long[][] bySegment = _bySegment;
            if (bySegment.Length <= segmentId)
            {
                int known = bySegment.Length;
                Array.Resize(ref bySegment, Math.Max(segmentId + 1, 2 * known));
                bySegment.AsSpan(known).Fill([]);
            }
            long[] segment = WithRoomFor(bySegment[segmentId], proposition);
            // First, for its counts are the smaller ones: what they allow the sum allows.
            long changed = Sum(segment[proposition], offers, acceptances);
            Volatile.Write(ref everywhere[proposition], Sum(everywhere[proposition], offers, acceptances));
            Volatile.Write(ref segment[proposition], changed);
            Volatile.Write(ref bySegment[segmentId], segment);
            _bySegment = bySegment;
            _everywhere = everywhere;
        }
    }

    /// <summary>The counts of a proposition; zeros where nothing was counted.</summary>
    /// <param name="proposition">Number of the proposition.</param>
    /// <param name="segmentId">Id of the segment.</param>
    public CandidateCounts Read(int proposition, int segmentId)
    {
        long[] everywhere = _everywhere;
        long[][] bySegment = _bySegment;
        long all = (uint)proposition < (uint)everywhere.Length ? Volatile.Read(ref everywhere[proposition]) : 0;
        long[] segment = (uint)segmentId < (uint)bySegment.Length ? Volatile.Read(ref bySegment[segmentId]) : [];
        long here = (uint)proposition < (uint)segment.Length ? Volatile.Read(ref segment[proposition]) : 0;
        return new CandidateCounts(Offers(all), Acceptances(all), Offers(here), Acceptances(here));
    }

    /// <summary>
    /// Everything that was counted, by proposition and segment, for a snapshot; <see cref="Add"/> of each to empty counts gives the
    /// same counts. What is added meanwhile may be in it or not.
    /// </summary>
    public IEnumerable<(int Proposition, int SegmentId, long Offers, long Acceptances)> Entries()
    {
        long[][] bySegment = _bySegment;
        for (int s = 0; s < bySegment.Length; s++)
        {
            long[] segment = Volatile.Read(ref bySegment[s]);
            for (int p = 0; p < segment.Length; p++)
            {
                long pair = Volatile.Read(ref segment[p]);
                if (pair != 0)
                {
                    yield return (p, s, Offers(pair), Acceptances(pair));
                }
            }
        }
    }

    private static long Offers(long pair) => pair >>> 32;

    private static long Acceptances(long pair) => (uint)pair;

    private static long Sum(long pair, long offers, long acceptances)
    {
        long newOffers = Offers(pair) + offers;
        long newAcceptances = Acceptances(pair) + acceptances;
        return (ulong)newOffers <= uint.MaxValue && (ulong)newAcceptances <= uint.MaxValue ? (newOffers << 32) | newAcceptances
            : throw new ArgumentException($"{newOffers} offers and {newAcceptances} acceptances would be left, expected 0..{uint.MaxValue}");
    }

    private static long[] WithRoomFor(long[] counts, int proposition)
    {
        if (counts.Length <= proposition)
        {
            Array.Resize(ref counts, Math.Max(proposition + 1, 2 * counts.Length));
        }
        return counts;
    }
}
