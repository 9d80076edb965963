namespace ScoringEngine.Storage;

/// <summary>Bounds of a <see cref="DecisionLog"/>; checked when it is opened. Where it is kept and how durable is the database's.</summary>
public sealed record DecisionLogOptions
{
    /// <summary>How long decisions and their outcomes are kept, 1 day or more. Default 730 days.</summary>
    public TimeSpan DecisionRetention { get; init; } = TimeSpan.FromDays(730);

    /// <summary>How long the value feed is kept, 1 day or more. Default 1825 days.</summary>
    public TimeSpan ValueRetention { get; init; } = TimeSpan.FromDays(1825);

    /// <summary>
    /// Most decisions whose outcomes are taken and whose ids are known, 1 to 100 million; about 420 bytes each with one slot and a customer to
    /// four of them. When there are more, the oldest is forgotten: what it still reserved is released, and later outcomes
    /// of it are refused as unknown. Default 1 million.
    /// </summary>
    public int MaxOpenDecisions { get; init; } = 1_000_000;

    /// <summary>Most interactions whose declined propositions are known, 1 to 10 million; about 150 bytes each. Default 200,000.</summary>
    public int MaxInteractions { get; init; } = 200_000;

    /// <summary>Most keys of values that are known, so that a repetition is, 1 to 100 million; about 50 bytes each. Default 2 million.</summary>
    public int MaxValueKeys { get; init; } = 2_000_000;

    /// <summary>Bytes of decisions and outcomes since the last snapshot after which one is taken, 64 KiB or more. Default 256 MiB.</summary>
    public long SnapshotJournalBytes { get; init; } = 256L << 20;

    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(DecisionRetention, TimeSpan.FromDays(1), nameof(DecisionRetention));
        ArgumentOutOfRangeException.ThrowIfLessThan(ValueRetention, TimeSpan.FromDays(1), nameof(ValueRetention));
        Check(MaxOpenDecisions, 100_000_000, nameof(MaxOpenDecisions));
        Check(MaxInteractions, 10_000_000, nameof(MaxInteractions));
        Check(MaxValueKeys, 100_000_000, nameof(MaxValueKeys));
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotJournalBytes, 64 << 10, nameof(SnapshotJournalBytes));

        static void Check(int value, int most, string name)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1, name);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most, name);
        }
    }
}
