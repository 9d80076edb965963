namespace ScoringEngine.Core.Decisions;

/// <summary>How a batch decides; the same for all its customers.</summary>
public sealed record BatchOptions
{
    /// <summary>Name of the run: with the customer's id it is the id of a decision, and so the seed of its exploration.</summary>
    public required string RunId { get; init; }

    /// <summary>When it is decided, unix milliseconds.</summary>
    public required long TimeUnixMs { get; init; }

    /// <summary>Index among the workspace's channels, -1 when not told.</summary>
    public int Channel { get; init; } = -1;

    /// <summary>Who starts the interactions.</summary>
    public Direction Direction { get; init; } = Direction.Unspecified;

    /// <summary>Index among the policy's roles, -1 for none.</summary>
    public int Role { get; init; } = -1;

    /// <summary>How many propositions to choose for a customer, 1 or more.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>Whether <see cref="BatchDecision.Record"/> and <see cref="BatchDecision.Inputs"/> are wanted: a few kilobytes a customer.</summary>
    public bool KeepRecords { get; init; }

    /// <summary>Threads to use, 0 for all cores; no result depends on it.</summary>
    public int Threads { get; init; }
}

/// <summary>The state that a batch decides against, as of one moment.</summary>
public sealed record BatchState
{
    /// <summary>Nobody was contacted, nothing counted, nothing spent.</summary>
    public static BatchState Empty { get; } = new();

    /// <summary>Counts that propensities are smoothed with.</summary>
    public AcceptanceCounts Counts { get; init; } = new();

    /// <summary>Currency left by proposition index; positive infinity without a budget. Empty: what the catalogue allows in all.</summary>
    public IReadOnlyList<double> BudgetLeft { get; init; } = [];

    /// <summary>Offers left by proposition index; positive infinity without a limit. Empty: what the catalogue allows in all.</summary>
    public IReadOnlyList<double> VolumeLeft { get; init; } = [];

    /// <summary>What the gate test cost so far, in currency.</summary>
    public double GateTestSpent { get; init; }

    /// <summary>Contacts of a customer, or of a household, oldest first; called from many threads.</summary>
    public Func<string, bool, ReadOnlyMemory<ContactEvent>> ContactsOf { get; init; } = (_, _) => default;
}
