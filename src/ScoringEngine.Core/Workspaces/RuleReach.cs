using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// Whether rules leave any customer at all: what is compared with what is written, within what the schema allows. Sound, not complete: what is
/// said to leave nobody leaves nobody. Features are taken to be independent of one another.
/// </summary>
internal sealed class RuleReach
{
    // A search that takes longer is given up with "may hold".
    private const int MostSteps = 5_000;

    private readonly FeatureSchema _schema;
    private readonly ImmutableDictionary<int, Values> _known;

    /// <summary>Reach over every customer of a schema.</summary>
    public RuleReach(FeatureSchema schema)
        : this(schema, ImmutableDictionary<int, Values>.Empty)
    {
    }

    private RuleReach(FeatureSchema schema, ImmutableDictionary<int, Values> known)
    {
        _schema = schema;
        _known = known;
    }

    /// <summary>Among the customers of a segment and tier; null is any.</summary>
    public RuleReach Among(int? segment, Tier? tier)
    {
        RuleReach reach = this;
        foreach ((string name, float? value) in new[] { ("segment", (float?)segment), ("tier", (float?)(int?)tier) })
        {
            if (value is { } only && _schema.IndexOf(name) < 0)
            {
                reach = reach.Where(name, [only]);
            }
        }
        return reach;
    }

    /// <summary>Where a categorical feature has one of some values; all where there is no such feature, or no value.</summary>
    public RuleReach Where(string feature, IReadOnlyCollection<string> categories)
        => _schema.IndexOf(feature) is >= 0 and int index && categories.Count > 0
            ? Where(feature, [.. categories.Select(c => (float)_schema.CodeOf(index, c)).Where(c => c >= 0)])
            : this;

    /// <summary>Whether all rules may be true of one customer.</summary>
    public bool Leaves(IEnumerable<Rule> rules)
    {
        int steps = 0;
        return MayHold([.. rules.Select(r => (r, false))], _known, ref steps);
    }

    private RuleReach Where(string name, float[] values)
        => RuleSubject.Find(name, _schema, out _) is { } subject
            ? new RuleReach(_schema, _known.SetItem(subject.Index, new Values([.. values.Order().Select(v => (v, v))], false)))
            : this;

    private bool MayHold(ImmutableStack<(Rule Rule, bool Negated)> pending, ImmutableDictionary<int, Values> known, ref int steps)
    {
        while (!pending.IsEmpty)
        {
            if (++steps > MostSteps)
            {
                return true;
            }
            pending = pending.Pop(out (Rule Rule, bool Negated) first);
            if (first.Rule is Comparison comparison)
            {
                RuleSubject subject = RuleSubject.Find(comparison.Subject, _schema, out _)!;
                Values left = known.GetValueOrDefault(subject.Index, Allowed(subject)).Where(comparison, subject, first.Negated);
                if (left.IsEmpty)
                {
                    return false;
                }
                known = known.SetItem(subject.Index, left);
                continue;
            }
            Compound compound = (Compound)first.Rule;
            bool partsNegated = first.Negated ^ (compound.Junction == Junction.None);
            if (compound.Junction == Junction.Any == first.Negated)
            {
                foreach (Rule part in compound.Parts)
                {
                    pending = pending.Push((part, partsNegated));
                }
                continue;
            }
            foreach (Rule part in compound.Parts)
            {
                if (MayHold(pending.Push((part, partsNegated)), known, ref steps))
                {
                    return true;
                }
            }
            return false;
        }
        return true;
    }

    private Values Allowed(RuleSubject subject)
    {
        if (subject.Index < 0)
        {
            return subject switch
            {
                { IsDiscrete: true, IsOrdered: true } => new Values([.. Enum.GetValues<Tier>().Select(t => ((float)t, (float)t))], true),
                { IsDiscrete: true } => new Values([(1, float.MaxValue)], false),
                _ => new Values([(float.MinValue, float.MaxValue)], true),
            };
        }
        Feature feature = _schema.Features[subject.Index];
        return new Values(feature.Kind switch
        {
            FeatureKind.Boolean => [(0, 0), (1, 1)],
            FeatureKind.Categorical => [.. feature.Categories.Select((_, code) => ((float)code, (float)code))],
            _ => [(feature.Minimum ?? float.MinValue, feature.Maximum ?? float.MaxValue)],
        }, feature.Missing == MissingHandling.Allow);
    }

    /// <summary>Values that something may have: closed intervals in order, and none.</summary>
    private readonly record struct Values(ImmutableArray<(float From, float To)> Intervals, bool Missing)
    {
        public bool IsEmpty => Intervals.IsEmpty && !Missing;

        public Values Where(Comparison comparison, RuleSubject subject, bool negated)
        {
            if (comparison.Comparator is Comparator.Known or Comparator.Missing)
            {
                return comparison.Comparator == Comparator.Known ^ negated ? this with { Missing = false } : new Values([], Missing);
            }
            (float From, float To)[] named = [.. comparison.Values.Select(v => subject.Parse(v, out _)).Order().Distinct().Select(v => comparison.Comparator switch
            {
                Comparator.Less => (float.MinValue, MathF.BitDecrement(v)),
                Comparator.AtMost => (float.MinValue, v),
                Comparator.Greater => (MathF.BitIncrement(v), float.MaxValue),
                Comparator.AtLeast => (v, float.MaxValue),
                _ => (v, v),
            })];
            bool outside = negated ^ comparison.Comparator is Comparator.NotEqual or Comparator.NotIn;
            return new Values(Meet(outside ? Complement(named) : named), false);
        }

        private ImmutableArray<(float From, float To)> Meet(IEnumerable<(float From, float To)> others)
        {
            ImmutableArray<(float From, float To)> intervals = Intervals;
            return [.. others.SelectMany(o => intervals.Select(i => (From: Math.Max(i.From, o.From), To: Math.Min(i.To, o.To)))).Where(i => i.From <= i.To)];
        }

        private static IEnumerable<(float From, float To)> Complement((float From, float To)[] intervals)
        {
            float from = float.MinValue;
            foreach ((float start, float end) in intervals)
            {
                yield return (from, MathF.BitDecrement(start));
                from = MathF.BitIncrement(end);
            }
            yield return (from, float.MaxValue);
        }
    }
}
