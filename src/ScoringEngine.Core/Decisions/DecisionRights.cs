using System.Collections.Immutable;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Which strategy a customer falls under and what each role may concede there. A strategy's right for a role takes the place of
/// the policy's. Where the policy names no role nothing needs approval; a caller without a role may concede nothing.
/// </summary>
internal sealed class DecisionRights
{
    private const int TiersWithUnknown = 5; // unknown last

    private readonly int[] _strategies; // [segment x tier]
    private readonly bool[] _needsApproval; // [strategy, last: none][role, last: none][proposition]
    private readonly string?[] _approvers; // [strategy, last: none][proposition]
    private readonly int _strategyCount;
    private readonly int _propositions;

    public DecisionRights(Workspace workspace, ImmutableArray<Segment> segments)
    {
        Roles = [.. workspace.Policy.Roles.Keys];
        _strategyCount = workspace.Strategies.Length;
        _propositions = workspace.Propositions.Length;
        _strategies = new int[segments.Length * TiersWithUnknown];
        for (int s = 0; s < segments.Length; s++)
        {
            for (int t = 0; t < TiersWithUnknown; t++)
            {
                _strategies[(s * TiersWithUnknown) + t] = IndexOf(workspace.Strategies, segments[s].Id, t == TiersWithUnknown - 1 ? null : (Tier)t);
            }
        }
        _needsApproval = new bool[(_strategyCount + 1) * (Roles.Length + 1) * _propositions];
        _approvers = new string?[(_strategyCount + 1) * _propositions];
        for (int s = 0; s <= _strategyCount; s++)
        {
            (string Role, DecisionRight Right)[] rights = [.. Roles.Select(role => (role, s < _strategyCount
                && workspace.Strategies[s].DecisionRights.TryGetValue(role, out DecisionRight? own) ? own : workspace.Policy.Roles[role]))];
            for (int a = 0; a < _propositions; a++)
            {
                Proposition proposition = workspace.Propositions[a];
                for (int r = 0; r <= rights.Length; r++)
                {
                    _needsApproval[Index(s, r, a)] = rights.Length > 0
                        && !(r < rights.Length ? Covers(rights[r].Right, proposition) : Concession(proposition) == 0);
                }
                _approvers[(s * _propositions) + a] = rights.Where(r => Covers(r.Right, proposition))
                    .OrderBy(r => r.Right.MaximumConcession).ThenBy(r => r.Role, StringComparer.Ordinal).Select(r => r.Role).FirstOrDefault();
            }
        }
    }

    /// <summary>The policy's roles by index.</summary>
    public ImmutableArray<string> Roles { get; }

    /// <summary>Index of the strategy for a segment and tier, -1 for none; of several the first in the file.</summary>
    public int StrategyOf(int segment, Tier? tier) => _strategies[(segment * TiersWithUnknown) + (tier is { } t ? (int)t : TiersWithUnknown - 1)];

    /// <summary>Whether a role has to ask before it offers a proposition.</summary>
    public bool NeedsApproval(int strategy, int role, int proposition)
        => _needsApproval[Index(strategy < 0 ? _strategyCount : strategy, role < 0 ? Roles.Length : role, proposition)];

    /// <summary>The role with the narrowest right that covers a proposition; null where none does.</summary>
    public string? ApproverOf(int strategy, int proposition) => _approvers[((strategy < 0 ? _strategyCount : strategy) * _propositions) + proposition];

    private int Index(int strategy, int role, int proposition) => (((strategy * (Roles.Length + 1)) + role) * _propositions) + proposition;

    private static bool Covers(DecisionRight right, Proposition proposition)
        => Concession(proposition) <= right.MaximumConcession || right.Propositions.Contains(proposition.Id);

    private static double Concession(Proposition proposition) => proposition.Concession ?? proposition.Fulfilment;

    // Without a tier only a strategy for all tiers is meant.
    private static int IndexOf(ImmutableArray<Strategy> strategies, int segmentId, Tier? tier)
    {
        for (int i = 0; i < strategies.Length; i++)
        {
            Strategy strategy = strategies[i];
            if ((strategy.Segments.IsEmpty || strategy.Segments.Contains(segmentId))
                && (strategy.Tiers.IsEmpty || (tier is { } t && strategy.Tiers.Contains(t))))
            {
                return i;
            }
        }
        return -1;
    }
}
