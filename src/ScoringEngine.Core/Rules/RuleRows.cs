using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ScoringEngine.Core.Rules;

/// <summary>Values from a bound to another, both included.</summary>
internal readonly record struct Interval(float Low, float High);

/// <summary>
/// A comparison that is compiled: whether the value is in one of the intervals. Inverted is all ones when it must not be; Strict is all
/// ones, and 0 for comparisons that are never unknown.
/// </summary>
internal readonly record struct RuleTest(int Subject, Interval Interval, Interval[] More, ulong Inverted, ulong Strict);

/// <summary>Rows that tests run on, a bit each.</summary>
internal interface IRuleRows
{
    /// <summary>In which rows the value is in one of the intervals, and in which it is missing; bits beyond the rows mean nothing.</summary>
    void Run(in RuleTest test, out ulong hit, out ulong missing);
}

/// <summary>One row: bit 0.</summary>
internal readonly ref struct OneRow : IRuleRows
{
    private readonly ReadOnlySpan<float> _row;
    private readonly ref readonly RuleScores _scores;

    public OneRow(ReadOnlySpan<float> row, in RuleScores scores)
    {
        _row = row;
        _scores = ref scores;
    }

    public float Value(int subject) => subject >= 0 ? _row[subject] : RuleSubject.ScoreOf(subject, _scores);

    public void Run(in RuleTest test, out ulong hit, out ulong missing)
    {
        float value = Value(test.Subject);
        hit = Within(value, test.Interval);
        foreach (Interval interval in test.More)
        {
            hit |= Within(value, interval);
        }
        missing = float.IsNaN(value) ? 1UL : 0;
    }

    // No branch on the value: that would be guessed wrong as often as customers differ.
    private static ulong Within(float value, Interval interval) => (value >= interval.Low) & (value <= interval.High) ? 1UL : 0;
}

/// <summary>Up to 64 rows: bit r is row r.</summary>
internal readonly ref struct BlockOfRows(ReadOnlySpan<float> rows, int columns, int count, ReadOnlySpan<RuleScores> scores, Span<float> scratch) : IRuleRows
{
    /// <summary>Most rows.</summary>
    public const int Most = 64;

    private readonly ReadOnlySpan<float> _rows = rows;
    private readonly ReadOnlySpan<RuleScores> _scores = scores;
    private readonly Span<float> _column = scratch;

    public void Run(in RuleTest test, out ulong hit, out ulong missing)
    {
        Gather(test.Subject);
        hit = 0;
        missing = 0;
        ref float column = ref MemoryMarshal.GetReference(_column);
        for (int i = 0; i < Most; i += Vector512<float>.Count)
        {
            // Comparisons are exact, so that any width of the hardware gives the same bits.
            Vector512<float> values = Vector512.LoadUnsafe(ref column, (nuint)i);
            Vector512<float> within = Within(values, test.Interval);
            foreach (Interval interval in test.More)
            {
                within |= Within(values, interval);
            }
            hit |= within.ExtractMostSignificantBits() << i;
            missing |= (~Vector512.Equals(values, values)).ExtractMostSignificantBits() << i;
        }
    }

    private static Vector512<float> Within(Vector512<float> values, Interval interval)
        => Vector512.GreaterThanOrEqual(values, Vector512.Create(interval.Low)) & Vector512.LessThanOrEqual(values, Vector512.Create(interval.High));

    private void Gather(int subject)
    {
        if (subject < 0)
        {
            for (int r = 0; r < count; r++)
            {
                _column[r] = RuleSubject.ScoreOf(subject, _scores[r]);
            }
            return;
        }
        for (int r = 0, at = subject; r < count; r++, at += columns)
        {
            _column[r] = _rows[at];
        }
    }
}
