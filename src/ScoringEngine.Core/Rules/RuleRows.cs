using System.Runtime.CompilerServices;
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Value(int subject) => subject >= 0 ? _row[subject] : RuleSubject.ScoreOf(subject, _scores);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Within(float value, Interval interval) => (value >= interval.Low) & (value <= interval.High) ? 1UL : 0;
}

/// <summary>The rows of a block by column: bit r is row r.</summary>
internal readonly ref struct BlockOfRows(ReadOnlySpan<float> columns, int count) : IRuleRows
{
    private readonly ReadOnlySpan<float> _columns = columns;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run(in RuleTest test, out ulong hit, out ulong missing)
    {
        hit = 0;
        missing = 0;
        ref float column = ref MemoryMarshal.GetReference(RuleBlock.Column(_columns, test.Subject));
        for (int i = 0; i < count; i += Vector512<float>.Count)
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Within(Vector512<float> values, Interval interval)
        => Vector512.GreaterThanOrEqual(values, Vector512.Create(interval.Low)) & Vector512.LessThanOrEqual(values, Vector512.Create(interval.High));
}
