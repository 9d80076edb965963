using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Rules;

/// <summary>
/// A rule as a predicate over the rows of a schema. A comparison with a missing value is unknown; all, any and none follow Kleene's strong
/// three-valued logic. Immutable and thread-safe; evaluation allocates nothing and does not branch on values.
/// </summary>
/// <remarks>
/// Everything becomes conjunctions: any(a, b) is not(not a and not b), none(a, b) is not a and not b, and a negated comparison is a comparison. So
/// there are three kinds of steps: run a test, enter a negated conjunction, leave it. A truth is two bits, "is true" and "may be true", and
/// a conjunction is two ands: of 64 rows at once.
/// </remarks>
public sealed class CompiledRule
{
    /// <summary>Deepest nesting of all, any and none.</summary>
    public const int MaxDepth = 16;

    private readonly RuleSubject[] _subjects;
    private readonly bool[] _negated;
    private readonly RuleTest[] _tests;
    private readonly Step[] _steps;
    private readonly int _depth;
    private readonly int _columns;

    private CompiledRule(Rule rule, FeatureSchema schema)
    {
        Builder builder = new(schema);
        builder.Add(rule, negate: false, refuses: false, depth: 0);
        Comparisons = [.. builder.Comparisons];
        _subjects = [.. builder.Subjects];
        _negated = [.. builder.Negated];
        _tests = [.. builder.Tests];
        _steps = [.. builder.Steps];
        _depth = builder.Depth;
        _columns = schema.Count;
    }

    private enum StepKind
    {
        /// <summary>Run test number Argument.</summary>
        Test,

        /// <summary>Enter a negated conjunction, which step number Argument leaves.</summary>
        Enter,

        /// <summary>Leave it.</summary>
        Leave,
    }

    /// <summary>Its comparisons, in the order in which they are written.</summary>
    public ImmutableArray<Comparison> Comparisons { get; }

    /// <summary>Compiles a rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="schema">The schema of the rows.</param>
    /// <exception cref="ArgumentException">With everything that <see cref="Check"/> finds.</exception>
    public static CompiledRule Compile(Rule rule, FeatureSchema schema)
    {
        string[] errors = [.. Check(rule, schema)];
        return errors.Length == 0 ? new CompiledRule(rule, schema)
            : throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(rule));
    }

    /// <summary>Everything that keeps a rule from being compiled against a schema; nothing when all is well.</summary>
    public static IEnumerable<string> Check(Rule rule, FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(schema);
        return CheckPart(rule, schema, 0);
    }

    /// <summary>What the rule says of a row.</summary>
    /// <param name="row">All features of the schema, context included; NaN is missing.</param>
    /// <param name="scores">The customer's scores.</param>
    public Truth Evaluate(ReadOnlySpan<float> row, in RuleScores scores)
    {
        Debug.Assert(row.Length >= _columns);
        Run(new OneRow(row, in scores), out ulong isTrue, out ulong maybe);
        // Each is 0 or 1 in bit 0, and what is true may be.
        return (Truth)((isTrue & 1) + (maybe & 1));
    }

    /// <summary>What the rule says of each row of a block, which is of the same schema.</summary>
    /// <param name="block">The rows.</param>
    /// <param name="isTrue">Bit r: the rule is true of row r. Bits from <see cref="RuleBlock.Count"/> on are 0.</param>
    /// <param name="isUnknown">Bit r: it is unknown.</param>
    public void Evaluate(RuleBlock block, out ulong isTrue, out ulong isUnknown)
    {
        ArgumentNullException.ThrowIfNull(block);
        Run(new BlockOfRows(block.Columns, block.Count), out isTrue, out ulong maybe);
        ulong all = block.Count == RuleBlock.Capacity ? ~0UL : (1UL << block.Count) - 1;
        isTrue &= all;
        isUnknown = maybe & ~isTrue & all;
    }

    /// <summary>
    /// The first comparison that keeps the rule from being true of a row: an index in <see cref="Comparisons"/>, -1 when it is true.
    /// Where one part of several would do, that is the first.
    /// </summary>
    /// <param name="row">All features of the schema, context included; NaN is missing.</param>
    /// <param name="scores">The customer's scores.</param>
    public int FirstFailure(ReadOnlySpan<float> row, in RuleScores scores)
    {
        OneRow rows = new(row, in scores);
        int step = 0;
        while (step < _steps.Length)
        {
            Step at = _steps[step];
            int next = at.Kind == StepKind.Enter ? at.Argument + 1 : step + 1;
            RunSteps(rows, step, next, out ulong isTrue, out _);
            if ((isTrue & 1) != 0)
            {
                step = next;
            }
            else if (at.Kind == StepKind.Test)
            {
                return at.Argument;
            }
            else
            {
                // The negated conjunction would have to be false, so each part of it is to blame. A part that is itself one is not
                // true inside: look there as outside.
                step++;
                if (_steps[step].Kind == StepKind.Test)
                {
                    return _steps[step].Argument;
                }
                step++;
            }
        }
        return -1;
    }

    /// <summary>The value that a comparison looks at; NaN is missing.</summary>
    /// <param name="comparison">Index in <see cref="Comparisons"/>.</param>
    /// <param name="row">All features of the schema, context included.</param>
    /// <param name="scores">The customer's scores.</param>
    public float ValueOf(int comparison, ReadOnlySpan<float> row, in RuleScores scores) => new OneRow(row, in scores).Value(_tests[comparison].Subject);

    /// <summary>A comparison and the value it met, for people: <c>tenure >= 12, was 3</c>; <c>not (plan = gold), was gold</c> under none.</summary>
    /// <param name="comparison">Index in <see cref="Comparisons"/>.</param>
    /// <param name="was">The value; NaN is missing.</param>
    public string Explain(int comparison, float was)
    {
        string text = Comparisons[comparison].Text;
        return $"{(_negated[comparison] ? $"not ({text})" : text)}, was {_subjects[comparison].Show(was)}";
    }

    private static IEnumerable<string> CheckPart(Rule rule, FeatureSchema schema, int depth)
    {
        if (rule is Comparison comparison)
        {
            return CheckComparison(comparison, schema);
        }
        Compound compound = (Compound)rule;
        return compound.Parts.IsDefaultOrEmpty ? [$"'{SnakeCase.Of(compound.Junction)}' has no part"]
            : depth == MaxDepth ? [$"nested more than {MaxDepth} levels deep"]
            : compound.Parts.SelectMany(p => CheckPart(p, schema, depth + 1));
    }

    private static IEnumerable<string> CheckComparison(Comparison comparison, FeatureSchema schema)
    {
        string where = $"'{comparison.Text}': ";
        if (RuleSubject.Find(comparison.Subject, schema, out string error) is not { } subject)
        {
            yield return where + error;
            yield break;
        }
        bool ordered = comparison.Comparator is Comparator.Less or Comparator.AtMost or Comparator.Greater or Comparator.AtLeast;
        if (ordered && !subject.IsOrdered)
        {
            yield return $"{where}{comparison.Subject} has no order, expected =, !=, in, not in, is known or is missing";
            yield break;
        }
        (int least, int most) = comparison.Comparator switch
        {
            Comparator.Known or Comparator.Missing => (0, 0),
            Comparator.In or Comparator.NotIn => (1, int.MaxValue),
            _ => (1, 1),
        };
        int count = comparison.Values.IsDefault ? 0 : comparison.Values.Length;
        if (count < least || count > most)
        {
            yield return $"{where}{count} values, expected {(most > 1 ? "at least 1" : most)}";
        }
        for (int i = 0; i < count; i++)
        {
            if (float.IsNaN(subject.Parse(comparison.Values[i], out error)))
            {
                yield return where + error;
            }
        }
    }

    private void Run<TRows>(in TRows rows, out ulong isTrue, out ulong maybe)
        where TRows : struct, IRuleRows, allows ref struct
    {
        if (_depth > 0)
        {
            RunSteps(rows, 0, _steps.Length, out isTrue, out maybe);
            return;
        }
        // One conjunction, as most rules are, needs no stack.
        isTrue = ~0UL;
        maybe = ~0UL;
        foreach (ref readonly RuleTest test in _tests.AsSpan())
        {
            And(rows, in test, ref isTrue, ref maybe);
        }
    }

    /// <summary>Runs steps of one conjunction, and of those in it.</summary>
    private void RunSteps<TRows>(in TRows rows, int from, int until, out ulong isTrue, out ulong maybe)
        where TRows : struct, IRuleRows, allows ref struct
    {
        Span<ulong> outer = stackalloc ulong[2 * _depth];
        int depth = 0;
        ulong allTrue = ~0UL;
        ulong allMaybe = ~0UL;
        foreach (Step step in _steps.AsSpan(from, until - from))
        {
            switch (step.Kind)
            {
                case StepKind.Test:
                    And(rows, in _tests[step.Argument], ref allTrue, ref allMaybe);
                    break;
                case StepKind.Enter:
                    outer[depth++] = allTrue;
                    outer[depth++] = allMaybe;
                    allTrue = ~0UL;
                    allMaybe = ~0UL;
                    break;
                default:
                    (allTrue, allMaybe) = (outer[depth - 2] & ~allMaybe, outer[depth - 1] & ~allTrue);
                    depth -= 2;
                    break;
            }
        }
        isTrue = allTrue;
        maybe = allMaybe;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void And<TRows>(in TRows rows, in RuleTest test, ref ulong allTrue, ref ulong allMaybe)
        where TRows : struct, IRuleRows, allows ref struct
    {
        rows.Run(in test, out ulong hit, out ulong missing);
        hit ^= test.Inverted;
        missing &= test.Strict;
        allTrue &= hit & ~missing;
        allMaybe &= hit | missing;
    }

    private readonly record struct Step(StepKind Kind, int Argument);

    /// <summary>Takes a rule that was checked apart into tests and steps.</summary>
    private sealed class Builder(FeatureSchema schema)
    {
        public List<Comparison> Comparisons { get; } = [];

        public List<RuleSubject> Subjects { get; } = [];

        public List<bool> Negated { get; } = [];

        public List<RuleTest> Tests { get; } = [];

        public List<Step> Steps { get; } = [];

        public int Depth { get; private set; }

        /// <param name="rule">What is added to the conjunction at hand.</param>
        /// <param name="negate">Whether its negation is.</param>
        /// <param name="refuses">Whether the rule as a whole wants it not to hold: it stands under none, an odd number of times.</param>
        /// <param name="depth">Negated conjunctions around it.</param>
        public void Add(Rule rule, bool negate, bool refuses, int depth)
        {
            if (rule is Comparison comparison)
            {
                Steps.Add(new Step(StepKind.Test, Tests.Count));
                Comparisons.Add(comparison);
                Negated.Add(refuses);
                RuleSubject subject = RuleSubject.Find(comparison.Subject, schema, out _)!;
                Subjects.Add(subject);
                Tests.Add(TestOf(comparison, subject, negate));
                return;
            }
            Compound compound = (Compound)rule;
            bool partsNegated = compound.Junction != Junction.All;
            bool partsRefused = refuses ^ (compound.Junction == Junction.None);
            bool negated = negate ^ (compound.Junction == Junction.Any);
            int enter = Steps.Count;
            if (negated)
            {
                depth++;
                Depth = Math.Max(Depth, depth);
                Steps.Add(new Step(StepKind.Enter, 0));
            }
            foreach (Rule part in compound.Parts)
            {
                Add(part, partsNegated, partsRefused, depth);
            }
            if (negated)
            {
                Steps[enter] = new Step(StepKind.Enter, Steps.Count);
                Steps.Add(new Step(StepKind.Leave, 0));
            }
        }

        private static RuleTest TestOf(Comparison comparison, RuleSubject subject, bool negate)
        {
            const float Least = float.NegativeInfinity;
            const float Most = float.PositiveInfinity;
            float[] values = comparison.Values.IsDefault ? [] : [.. comparison.Values.Select(v => subject.Parse(v, out _)).Distinct().Order()];
            float value = values.FirstOrDefault();
            Interval[] intervals = comparison.Comparator switch
            {
                Comparator.Less => [new(Least, MathF.BitDecrement(value))],
                Comparator.AtMost => [new(Least, value)],
                Comparator.Greater => [new(MathF.BitIncrement(value), Most)],
                Comparator.AtLeast => [new(value, Most)],
                Comparator.Known or Comparator.Missing => [new(Least, Most)],
                _ => Intervals(values, subject.IsDiscrete),
            };
            bool inverted = negate ^ comparison.Comparator is Comparator.NotEqual or Comparator.NotIn or Comparator.Missing;
            bool strict = comparison.Comparator is not (Comparator.Known or Comparator.Missing);
            return new RuleTest(subject.Index, intervals[0], intervals[1..], inverted ? ~0UL : 0, strict ? ~0UL : 0);
        }

        /// <summary>An interval a value; neighbours share one where there is nothing between them.</summary>
        private static Interval[] Intervals(float[] values, bool discrete)
        {
            List<Interval> intervals = [];
            foreach (float value in values)
            {
                if (discrete && intervals.Count > 0 && intervals[^1].High == value - 1)
                {
                    intervals[^1] = intervals[^1] with { High = value };
                }
                else
                {
                    intervals.Add(new Interval(value, value));
                }
            }
            return [.. intervals];
        }
    }
}
