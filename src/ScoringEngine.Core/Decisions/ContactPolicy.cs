using System.Collections.Immutable;

namespace ScoringEngine.Core.Decisions;

/// <summary>What a cap or suppression counts together.</summary>
public enum ContactScope
{
    /// <summary>All propositions with one another.</summary>
    Customer,

    /// <summary>Those of a group.</summary>
    Group,

    /// <summary>Each proposition by itself.</summary>
    Proposition,
}

/// <summary>
/// At most so many contacts in a sliding window. Reserved and presented contacts count, outcomes do not count again; what was
/// reserved and not presented counts until the reservation expires.
/// </summary>
public sealed record ContactCap
{
    /// <summary>What is counted together.</summary>
    public ContactScope Scope { get; init; }

    /// <summary>The group, for <see cref="ContactScope.Group"/>; empty for each group by itself.</summary>
    public string Group { get; init; } = "";

    /// <summary>Channels in which contacts are counted and capped; empty for all.</summary>
    public ImmutableArray<string> Channels { get; init; } = [];

    /// <summary>Most contacts in the window, 0 or more.</summary>
    public int Most { get; init; }

    /// <summary>Length of the window, more than zero.</summary>
    public TimeSpan Window { get; init; }
}

/// <summary>After so many outcomes of a kind in a window, a pause.</summary>
public sealed record Suppression
{
    /// <summary>What is counted together and pauses together.</summary>
    public ContactScope Scope { get; init; } = ContactScope.Proposition;

    /// <summary>The group, for <see cref="ContactScope.Group"/>; empty for each group by itself.</summary>
    public string Group { get; init; } = "";

    /// <summary>What is counted: declined, accepted, converted, complained or presented.</summary>
    public ContactKind Outcome { get; init; } = ContactKind.Declined;

    /// <summary>How many, 1 or more.</summary>
    public int After { get; init; } = 1;

    /// <summary>Window in which they are counted, more than zero.</summary>
    public TimeSpan Within { get; init; }

    /// <summary>Pause from the last of them, more than zero.</summary>
    public TimeSpan Pause { get; init; }
}

/// <summary>
/// The contact policy. Mandatory propositions are exempt from all of it and count in no cap; consent is asked for commercial ones only;
/// quiet hours hold for outbound contacts.
/// </summary>
public sealed record ContactPolicy
{
    /// <summary>Longest memory: windows and pauses may not be longer.</summary>
    public static readonly TimeSpan LongestWindow = TimeSpan.FromDays(730);

    /// <summary>Caps over all propositions; a proposition may have further ones of its own.</summary>
    public ImmutableArray<ContactCap> Caps { get; init; } = [];

    /// <summary>Suppressions.</summary>
    public ImmutableArray<Suppression> Suppressions { get; init; } = [];

    /// <summary>Boolean feature that says whether the customer consented, by channel; missing is no. A channel that is not listed needs none.</summary>
    public ImmutableSortedDictionary<string, string> Consent { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Start of the quiet hours in local time; null for none.</summary>
    public TimeOnly? QuietFrom { get; init; }

    /// <summary>End of the quiet hours in local time, exclusive; before the start when they last over midnight.</summary>
    public TimeOnly? QuietUntil { get; init; }

    /// <summary>Channels with quiet hours; empty for all.</summary>
    public ImmutableArray<string> QuietChannels { get; init; } = [];

    /// <summary>IANA time zone of a customer whose own is not known; also of validity dates.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>Categorical feature with the customer's IANA zone; null for none.</summary>
    public string? TimeZoneFeature { get; init; }

    /// <summary>How long a decision's reservation stands without being presented.</summary>
    public TimeSpan Reservation { get; init; } = TimeSpan.FromMinutes(30);
}
