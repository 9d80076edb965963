using System.Collections.Immutable;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Measurement;

/// <summary>How often declines of a segment name a need, against how much the segment is thought to weigh it.</summary>
public sealed record DeclinedNeed
{
    /// <summary>Id of the segment.</summary>
    public required int SegmentId { get; init; }

    /// <summary>Id of the proposition that was declined; null for all together.</summary>
    public string? Proposition { get; init; }

    /// <summary>Id of the need.</summary>
    public required string Need { get; init; }

    /// <summary>Declines that name it.</summary>
    public required long Count { get; init; }

    /// <summary>Declines of the segment (and proposition) that name any need.</summary>
    public required long Total { get; init; }

    /// <summary>Lower end of the 95 % interval (Wilson) of the share that names it, 0..1.</summary>
    public required double Low { get; init; }

    /// <summary>Upper end.</summary>
    public required double High { get; init; }

    /// <summary>The need's part of the segment's weights, 0..1; NaN where the segment has no weights.</summary>
    public required double Weight { get; init; }

    /// <summary>
    /// Probability that as many declines or more name the need by chance when each names it with the probability of its weight, the
    /// weight itself being as uncertain as its survey; NaN where it was not tested.
    /// </summary>
    public required double P { get; init; }

    /// <summary><see cref="P"/> adjusted for all tests of the report (<see cref="FalseDiscovery"/>); NaN where it was not tested.</summary>
    public double AdjustedP { get; init; } = double.NaN;

    /// <summary>Share of the declines that name it, 0..1.</summary>
    public double Share => (double)Count / Total;

    /// <summary>Whether declines name it more often than its weight explains.</summary>
    public bool Flagged => AdjustedP <= DeclineReasons.FalseDiscoveryRate;
}

/// <summary>Declines by reason, and what they say of the segments' needs.</summary>
/// <param name="Needs">Every need that a decline of the segment (and proposition) names or that weighs something, by segment, all propositions first, and id.</param>
/// <param name="Unmapped">Declines by a reason that stands for no need; the most frequent first.</param>
/// <param name="WithoutReason">Declines without a reason.</param>
public sealed record DeclineReport(ImmutableArray<DeclinedNeed> Needs, ImmutableArray<KeyValuePair<string, long>> Unmapped, long WithoutReason);

/// <summary>
/// Counts why customers decline, by segment and proposition, and compares the reasons with the needs of the segment. Not thread-safe.
/// </summary>
/// <param name="needs">The needs, and which reason stands for which; a need's own id stands for it, too.</param>
public sealed class DeclineReasons(Needs needs)
{
    /// <summary>Share of false ones that is expected among the flagged needs.</summary>
    public const double FalseDiscoveryRate = 0.05;

    /// <summary>Fewest declines that name a need for a segment (and proposition) to be tested.</summary>
    public const int LeastDeclines = 10;

    // Customers asked, in effect, where a weight is an assumption: it is taken at its word.
    private const double Certain = 1e9;

    private readonly Dictionary<(int Segment, string? Proposition), SortedDictionary<string, long>> _counts = [];
    private readonly Dictionary<string, long> _unmapped = new(StringComparer.Ordinal);
    private long _withoutReason;

    /// <summary>Counts a decline.</summary>
    /// <param name="segmentId">Segment of the customer at the decision.</param>
    /// <param name="proposition">Id of the proposition.</param>
    /// <param name="reason">As it was told; empty for none.</param>
    public void Add(int segmentId, string proposition, string reason)
    {
        ArgumentException.ThrowIfNullOrEmpty(proposition);
        ArgumentNullException.ThrowIfNull(reason);
        if (reason.Length == 0)
        {
            _withoutReason++;
        }
        else if (needs.OfDeclineReason(reason) is { } need)
        {
            Count((segmentId, null), need);
            Count((segmentId, proposition), need);
        }
        else
        {
            _unmapped[reason] = _unmapped.GetValueOrDefault(reason) + 1;
        }
    }

    /// <summary>What was counted so far, tested.</summary>
    public DeclineReport Report()
    {
        DeclinedNeed[] rows = [.. _counts.OrderBy(c => c.Key.Segment).ThenBy(c => c.Key.Proposition, StringComparer.Ordinal)
            .SelectMany(c => Compare(c.Key.Segment, c.Key.Proposition, c.Value))];
        int[] tested = [.. Enumerable.Range(0, rows.Length).Where(r => !double.IsNaN(rows[r].P))];
        double[] adjusted = FalseDiscovery.Adjust([.. tested.Select(r => rows[r].P)]);
        for (int t = 0; t < tested.Length; t++)
        {
            rows[tested[t]] = rows[tested[t]] with { AdjustedP = adjusted[t] };
        }
        return new DeclineReport(
            [.. rows], [.. _unmapped.OrderByDescending(u => u.Value).ThenBy(u => u.Key, StringComparer.Ordinal)], _withoutReason);
    }

    /// <summary>
    /// Probability of <paramref name="count"/> or more of <paramref name="total"/> under a beta-binomial distribution.
    /// </summary>
    /// <param name="count">0..<paramref name="total"/>.</param>
    /// <param name="total">0 or more.</param>
    /// <param name="a">First parameter of the beta distribution, 0 or more.</param>
    /// <param name="b">Second parameter, 0 or more; not both 0.</param>
    internal static double Tail(long count, long total, double a, double b)
    {
        // Ratios of neighbouring terms, from the middle outwards, so that none overflows and what underflows does not count.
        long middle = (long)Math.Round(total * (a / (a + b)));
        double sum = 1;
        double tail = middle >= count ? 1 : 0;
        double term = 1;
        for (long k = middle; k < total && term > 0; k++)
        {
            term *= (total - k) * (a + k) / ((k + 1) * (b + total - k - 1));
            sum += term;
            tail += k + 1 >= count ? term : 0;
        }
        term = 1;
        for (long k = middle - 1; k >= 0 && term > 0; k--)
        {
            term *= (k + 1) * (b + total - k - 1) / ((total - k) * (a + k));
            sum += term;
            tail += k >= count ? term : 0;
        }
        return tail / sum;
    }

    private void Count((int, string?) group, string need)
    {
        if (!_counts.TryGetValue(group, out SortedDictionary<string, long>? counts))
        {
            _counts[group] = counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        }
        counts[need] = counts.GetValueOrDefault(need) + 1;
    }

    private IEnumerable<DeclinedNeed> Compare(int segmentId, string? proposition, SortedDictionary<string, long> counts)
    {
        NeedWeights weights = needs.Of(segmentId);
        double sum = weights.Weights.Values.Sum();
        long total = counts.Values.Sum();
        foreach (Need need in needs.All.OrderBy(n => n.Id, StringComparer.Ordinal))
        {
            long count = counts.GetValueOrDefault(need.Id);
            double weight = sum > 0 ? weights.Weights.GetValueOrDefault(need.Id) / sum : double.NaN;
            if (count == 0 && weight is not > 0)
            {
                continue;
            }
            (double low, double high) = Interval95.Wilson(count, total);
            yield return new DeclinedNeed
            {
                SegmentId = segmentId,
                Proposition = proposition,
                Need = need.Id,
                Count = count,
                Total = total,
                Low = low,
                High = high,
                Weight = weight,
                P = total >= LeastDeclines && !double.IsNaN(weight) ? P(count, total, weight, weights, need.Id) : double.NaN,
            };
        }
    }

    // The weight is a beta distribution of the survey's mean and variance; half an answer either way keeps a weight of which the
    // survey saw nothing, or nothing else, from being certain.
    private static double P(long count, long total, double weight, NeedWeights weights, string need)
    {
        double asked = Certain;
        double half = 0;
        if (weights.SampleSize > 1)
        {
            double error = weights.HalfWidths.GetValueOrDefault(need) / Interval95.StudentT(weights.SampleSize - 1);
            asked = error > 0 && weight is > 0 and < 1 ? weight * (1 - weight) / (error * error) : weights.SampleSize;
            half = 0.5;
        }
        return Tail(count, total, (weight * asked) + half, ((1 - weight) * asked) + half);
    }
}
