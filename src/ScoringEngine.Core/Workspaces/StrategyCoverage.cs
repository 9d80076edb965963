using System.Collections.Immutable;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Which segments and tiers strategies address: each should have exactly one.</summary>
internal sealed class StrategyCoverage
{
    // Stands for the segments that no strategy names.
    private const int Other = 0;

    private static readonly ImmutableArray<Tier> AllTiers = [.. Enum.GetValues<Tier>()];

    private readonly ImmutableArray<Strategy> _strategies;
    private readonly ImmutableArray<int> _segments;

    /// <summary>The coverage of a version's segments.</summary>
    /// <param name="strategies">The strategies.</param>
    /// <param name="segments">Ids of the segments; null where they are not known: then those that are named count, and all others if some strategy addresses all.</param>
    public StrategyCoverage(ImmutableArray<Strategy> strategies, IEnumerable<int>? segments)
    {
        _strategies = strategies;
        IEnumerable<int> named = strategies.SelectMany(s => s.Segments).Distinct().Order();
        _segments = segments is not null ? [.. segments]
            : [.. named, .. strategies.IsEmpty || strategies.Any(s => s.Segments.IsEmpty) ? [Other] : Array.Empty<int>()];
    }

    /// <summary>Segments without a strategy, those that lack it for the same tiers together; no tiers stands for all of them.</summary>
    public IEnumerable<(string Segments, ImmutableArray<Tier> Tiers)> Gaps()
        => Grouped(_segments.Select(s => (s, AllTiers.Where(t => !_strategies.Any(a => a.Addresses(s, t))))));

    /// <summary>Pairs of strategies that address the same customers.</summary>
    public IEnumerable<(Strategy First, Strategy Second, string Segments, ImmutableArray<Tier> Tiers)> Overlaps()
        => from second in Enumerable.Range(0, _strategies.Length)
           from first in Enumerable.Range(0, second)
           let a = _strategies[first]
           let b = _strategies[second]
           from shared in Grouped(_segments.Select(s => (s, AllTiers.Where(t => a.Addresses(s, t) && b.Addresses(s, t)))))
           select (a, b, shared.Segments, shared.Tiers);

    private IEnumerable<(string Segments, ImmutableArray<Tier> Tiers)> Grouped(IEnumerable<(int Segment, IEnumerable<Tier> Tiers)> cells)
        => cells.Select(c => (c.Segment, Tiers: c.Tiers.ToImmutableArray())).Where(c => !c.Tiers.IsEmpty)
            .GroupBy(c => string.Join(' ', c.Tiers))
            .Select(g => (Name([.. g.Select(c => c.Segment)]), g.First().Tiers.Length == AllTiers.Length ? [] : g.First().Tiers));

    private string Name(int[] segments)
    {
        if (segments is [Other])
        {
            return _segments.Length == 1 ? "any segment" : "the segments that are not named";
        }
        int[] ids = [.. segments.Where(s => s != Other)];
        return $"segment{(ids.Length > 1 ? "s" : "")} {string.Join(", ", ids)}{(ids.Length < segments.Length ? " and those that are not named" : "")}";
    }
}
